"""What every request for a page goes through before its route sees it: no NUL, and no card data in any part of it.

The way back from a bank's page is let through (`masked`): whoever sends the payer there has the payer's money at stake,
and what it sends is passed on to the gateway. There a card number is masked and not refused.
"""

from typing import Any

from litestar import Request
from litestar.exceptions import NotFoundException

from orchestrator.card_numbers import mask_card_numbers
from orchestrator.http.pan_screen import (
    refuse_card_numbers_in_address,
    refuse_card_numbers_in_form,
    refuse_card_numbers_in_headers,
)

_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")


async def screen(request: Request[Any, Any, Any]) -> None:
    """Raises NotFoundException for an address with NUL, which PostgreSQL could not look up; CardNumberRefused and
    CardFieldRefused for card data in the address, a header, or a form with its files' names.
    """
    path = request.url.path
    if "\x00" in path or "%00" in path:
        raise NotFoundException
    if _comes_from_a_bank(path):
        return
    refuse_card_numbers_in_address(path, request.url.query)
    refuse_card_numbers_in_headers(request.scope["headers"])
    if request.method == "POST" and request.headers.get("content-type", "").lower().startswith(_FORMS):
        refuse_card_numbers_in_form(list((await request.form()).multi_items()))


def masked(result: dict[str, str]) -> dict[str, str]:
    """What a bank's page sent along, without card numbers."""
    return {mask_card_numbers(name): mask_card_numbers(value) for name, value in result.items()}


def _comes_from_a_bank(path: str) -> bool:
    return path.startswith("/pay/") and path.endswith("/return")

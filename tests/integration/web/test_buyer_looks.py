"""Buyers' pages over HTTP: in whose language, and in whose colours."""

from __future__ import annotations

from typing import Any

import pytest
from payment_shop import Shop, euros
from web_driving import Visitor

from invoicing.rendering import Branding
from orchestrator.billing import branding
from orchestrator.customers import service as customers
from orchestrator.payments import service as payments
from orchestrator.payments.service import NewPayment

pytestmark = pytest.mark.asyncio(loop_scope="session")
LOGO = (
    b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 20 10"><rect width="20" height="10" fill="#7a1f3d"/></svg>'
)


async def page_of(shop: Shop, visitor: Visitor, accept: str = "", **more: Any) -> str:
    payment = await payments.create(NewPayment(shop.merchant_id, euros(1999), **more))
    return (await visitor.open(f"/pay/{payment.public_token}", **{"accept-language": accept})).text


async def logo_url(shop: Shop, visitor: Visitor) -> str:
    return (await page_of(shop, visitor)).split('class="merchant-logo" src="')[1].split('"')[0]


@pytest.mark.parametrize(
    ("own", "of_customer", "accept", "shown"),
    [
        ("fr-CA", "", "de", "fr"),
        ("fr", "pl", "de", "fr"),
        ("en", "pl", "de", "pl"),
        ("en", "en", "de", "de"),
        ("en", "", "", "en"),
        ("fi", "", "th", "th"),
    ],
)
async def test_the_checkout_is_in_the_payments_language_else_the_customers_else_the_browsers(
    shop: Shop, visitor: Visitor, own: str, of_customer: str, accept: str, shown: str
) -> None:
    customer = None
    if of_customer:
        customer = await customers.create(
            shop.merchant_id, "Ada", "ada@harp.example", country="DE", locale=of_customer, profile={}
        )
    html = await page_of(shop, visitor, accept, locale=own, customer_id=customer.id if customer else None)
    assert f'<html lang="{shown}"' in html
    assert f"locale={shown}" in html.split("data-attempt-url")[1].split('"')[1]


async def test_a_merchants_colour_is_on_the_page_and_its_sheet_is_kept_for_ever(shop: Shop, visitor: Visitor) -> None:
    assert "/static/accent-" not in await page_of(shop, visitor)
    await branding.set_accent(shop.merchant_id, "#7a1f3d")
    sheet = (await page_of(shop, visitor)).split('href="/static/accent-')[1].split('"')[0]
    answer = await visitor.open(f"/static/accent-{sheet}")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/css; charset=utf-8")
    assert "immutable" in answer.headers["cache-control"]
    assert "--accent: #7a1f3d" in answer.text
    assert (await visitor.open("/static/accent-7a1f3d.js")).status_code == 404


async def test_a_logo_is_shown_until_there_is_another(shop: Shop, visitor: Visitor) -> None:
    await branding.set_logo(shop.merchant_id, LOGO)
    first = await logo_url(shop, visitor)
    shown = await visitor.open(first)
    assert (shown.status_code, shown.headers["content-type"]) == (200, "image/svg+xml")
    assert "sandbox" in shown.headers["content-security-policy"]
    assert "immutable" in shown.headers["cache-control"]
    await branding.set_accent(shop.merchant_id, "#7a1f3d")
    assert await logo_url(shop, visitor) != first
    await branding.delete_logo(shop.merchant_id)
    assert "merchant-logo" not in await page_of(shop, visitor)
    assert (await branding.look_of(shop.merchant_id)) == Branding(accent="#7a1f3d")


@pytest.mark.parametrize("version", ["brv_1", "nothing", "%00", "a" * 300])
async def test_an_address_that_is_no_logo_is_not_found(shop: Shop, visitor: Visitor, version: str) -> None:
    assert (await visitor.open(f"/logos/{version}")).status_code == 404

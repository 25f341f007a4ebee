"""What the adapters keep of a whole run is searched for everything private that the run has had on the wire."""

from __future__ import annotations

import kept_transcripts
import pytest
from kept_transcripts import KEPT, PRIVATE, leaks
from shopper_methods import IBANS, debit
from simulated_accounts import APPROVED_CARD, CHALLENGED_CARD, DECLINED_CARD, Account
from test_contract_payments import challenged, confirm_call
from test_contract_saved_methods import kept, saved_credential
from verb_calls import Connect

from orchestrator.gateways.base import CaptureMode

pytest_plugins = ["transcripts_plugin"]


def spoken(account: Account) -> None:
    """A little of everything that has something private in it."""
    gateway = account.gateway
    for number in (APPROVED_CARD, DECLINED_CARD):
        gateway.perform(confirm_call(account, number))
    gateway.perform(challenged(account))
    method = kept(account)
    gateway.perform(confirm_call(account, saved_credential(method), gateway_customer=method.gateway_customer))
    if gateway.name != "paypal":
        gateway.perform(confirm_call(account, debit(), capture=CaptureMode.AUTOMATIC))


def test_nothing_private_is_in_what_the_adapters_keep(connect: Connect) -> None:
    accounts = [connect(gateway) for gateway in ("stripe", "adyen", "paypal")]
    for account in accounts:
        spoken(account)
    assert {APPROVED_CARD, CHALLENGED_CARD, "Ada Lovelace", "ada@example.com", IBANS[0]} <= set(PRIVATE)
    assert {"API key", "access token or secret key", "client secret"} <= set(PRIVATE.values())
    assert {one.call.partition(".")[0] for one in KEPT} == {"stripe", "adyen", "paypal"}
    found = leaks()
    assert not found, f"{len(found)} private values were kept:\n  " + "\n  ".join(found[:40])


@pytest.mark.parametrize(
    ("text", "is_private"),
    [
        ({"body": {"note": "charged 4000056655665556 again"}}, True),
        ({"url": "https://gateway.example/v1/keys/sk_live_abcdefgh/use"}, True),
        ({"lines": ["for tok_0123456789abcdef.cvc"]}, True),
        ({"detail": "nothing of anybody's, 4000056655665557"}, False),
    ],
)
def test_private_value_is_found_wherever_it_stands(
    text: dict[str, object], is_private: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard = {"4000056655665556": "number", "sk_live_abcdefgh": "secret key"}
    monkeypatch.setattr(kept_transcripts, "PRIVATE", heard)
    monkeypatch.setattr(kept_transcripts, "KEPT", [kept_transcripts.Kept("stripe.perform", "here", text)])
    assert bool(leaks()) is is_private

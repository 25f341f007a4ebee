"""Instruments: what is shown and sent of each, where it may go, and by what the same one is known again."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.gateways.base import CaptureMode
from orchestrator.gateways.credentials import (
    Agreement,
    Initiator,
    Mandate,
    Method,
    NetworkTokenCredential,
    SavedCredential,
    SepaDebitCredential,
    method_of,
)
from orchestrator.payments import routes
from orchestrator.payments.instruments import (
    Card,
    GatewayToken,
    Ideal,
    Instrument,
    KeptMethod,
    NetworkToken,
    PayPalWallet,
    Usage,
    capture_mode,
    credential_for,
    instrument_fingerprint,
    method_behind,
    sends_away,
    sepa_debit,
)
from orchestrator.settings import get_settings
from routing.decision import CandidateReason, PlanStep, RoutePlan

IBAN = "DE89370400440532013000"


@pytest.fixture(autouse=True)
def _keys(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("CLEARWAY_SECRET_KEY", "k" * 40)
    monkeypatch.setenv("DATABASE_URL", "postgresql://127.0.0.1/none")
    get_settings.cache_clear()
    yield
    get_settings.cache_clear()


def debit(iban: str = IBAN) -> Instrument:
    return sepa_debit(iban, "Ada", "ada@example.com", Mandate("M-1", datetime(2026, 11, 1, tzinfo=UTC)))


def every() -> list[Instrument]:
    return [
        Card("tok_1", "visa", "4242", 12, 2030),
        NetworkToken("tok_1", "visa", "1111", 12, 2031),
        KeptMethod("pm_1", Method.CARD, tokens={"ga_1": GatewayToken("pm_x", "cus_x")}),
        PayPalWallet(),
        Ideal(),
        debit(),
    ]


def test_what_is_stored_is_read_back_as_it_was() -> None:
    for instrument in every():
        stored = msgspec.json.encode(instrument)
        assert msgspec.json.decode(stored, type=Instrument) == instrument


def test_row_of_before_is_a_card_once_it_says_so() -> None:
    """What the migration does to the rows that a card's column had."""
    old = {"vault_token": "tok_1", "brand": "visa", "last4": "4242", "expiry_month": 12, "expiry_year": 2030}
    assert msgspec.convert({"type": "card"} | old, Instrument) == Card("tok_1", "visa", "4242", 12, 2030)


def test_credential_is_of_the_method_that_routing_was_told() -> None:
    for instrument in every():
        credential = credential_for(instrument, "ga_1")
        expected = Method.SAVED if isinstance(instrument, KeptMethod) else method_behind(instrument)
        assert method_of(credential) is expected


def test_kept_method_has_no_credential_where_it_has_no_token() -> None:
    kept = KeptMethod("pm_1", Method.CARD, tokens={"ga_1": GatewayToken("pm_x", "cus_x")})
    assert credential_for(kept, "ga_1") == SavedCredential("pm_x", "cus_x", Method.CARD)
    with pytest.raises(LookupError):
        credential_for(kept, "ga_2")


def test_cryptogram_goes_with_the_customer_only() -> None:
    token = NetworkToken("tok_1", "visa", "1111", 12, 2031)
    for by_merchant in (False, True):
        credential = credential_for(token, "ga_1", by_merchant=by_merchant)
        assert isinstance(credential, NetworkTokenCredential)
        assert credential.has_cryptogram is not by_merchant


def test_iban_is_sealed_and_sent_as_it_was() -> None:
    stored = debit()
    assert IBAN not in msgspec.json.encode(stored).decode()
    credential = credential_for(stored, "ga_1")
    assert isinstance(credential, SepaDebitCredential)
    assert credential.iban == IBAN


def test_bank_accounts_only_are_taken_at_once_and_pages_only_send_away() -> None:
    at_once = {method_behind(one) for one in every() if capture_mode(one) is CaptureMode.AUTOMATIC}
    assert at_once == {Method.IDEAL, Method.SEPA_DEBIT}
    assert {method_behind(one) for one in every() if sends_away(one)} == {Method.PAYPAL, Method.IDEAL}


def test_same_credential_has_the_same_fingerprint_whatever_else_is_said_of_it() -> None:
    first, second = Card("tok_1", "visa", "4242", 12, 2030), Card("tok_1", "visa", "4242", 1, 2033, holder="Ada")
    assert instrument_fingerprint(first) == instrument_fingerprint(second)
    assert instrument_fingerprint(debit()) == instrument_fingerprint(debit())  # though each is sealed anew
    assert instrument_fingerprint(debit()) != instrument_fingerprint(debit("DE62370400440532013001"))
    assert instrument_fingerprint(PayPalWallet("Ada@Example.com ")) == instrument_fingerprint(
        PayPalWallet("ada@example.com")
    )


def test_kept_card_has_the_fingerprint_with_which_it_was_kept() -> None:
    card = Card("tok_1", "visa", "4242", 12, 2030)
    kept = KeptMethod("pm_1", Method.CARD, fingerprint=instrument_fingerprint(card))
    assert instrument_fingerprint(kept) == instrument_fingerprint(card)


def test_what_tells_nobody_apart_has_no_fingerprint() -> None:
    assert [instrument_fingerprint(one) for one in (PayPalWallet(), Ideal("Ada"))] == ["", ""]


@given(st.text(min_size=1), st.text(min_size=1))
def test_two_tokens_share_a_fingerprint_only_if_they_are_one(first: str, second: str) -> None:
    prints = [instrument_fingerprint(Card(token, "visa", "4242", 12, 2030)) for token in (first, second)]
    assert (prints[0] == prints[1]) is (first == second)
    assert all(first not in one for one in prints if len(first) > 8)


@given(
    accounts=st.lists(st.sampled_from("abcdef"), unique=True, min_size=1),
    dropped=st.sets(st.sampled_from("abcdefgh")),
)
def test_plan_without_some_accounts_keeps_the_order_and_says_why_of_the_rest(
    accounts: list[str], dropped: set[str]
) -> None:
    steps = tuple(PlanStep(name, "stripe", place) for place, name in enumerate(accounts, 1))
    reasons = tuple(CandidateReason(name, "stripe", True, "priority 1") for name in accounts)
    plan = routes.without(RoutePlan(steps, reasons, "default"), dict.fromkeys(dropped, "no token"))
    left = [name for name in accounts if name not in dropped]
    assert [step.account_id for step in plan.steps] == left
    assert [step.position for step in plan.steps] == list(range(1, len(left) + 1))
    assert {reason.account_id for reason in plan.reasons} == set(accounts)
    assert {reason.account_id for reason in plan.reasons if reason.kept} == set(left)


@pytest.mark.parametrize(
    ("first", "known", "method", "initiator", "lacks"),
    [
        (True, "", Method.CARD, Initiator.MERCHANT, False),  # the gateway knows the first payment itself
        (False, "", Method.CARD, Initiator.MERCHANT, True),
        (False, "ntx_1", Method.CARD, Initiator.MERCHANT, False),
        (False, "", Method.CARD, Initiator.CUSTOMER, False),
        (False, "", Method.SEPA_DEBIT, Initiator.MERCHANT, False),  # no card network, no such id
    ],
)
def test_merchants_charge_refers_to_the_first_payment(
    first: bool, known: str, method: Method, initiator: Initiator, lacks: bool
) -> None:
    kept = KeptMethod("pm_1", method, tokens={"ga_1": GatewayToken("t", "c", first=first)})
    usage = Usage(initiator, Agreement.UNSCHEDULED, known)
    assert routes.is_unreferenced(kept, "ga_1", usage) is lacks


OLD, NEW = "o" * 40, "n" * 40


def hashed_under(monkeypatch: pytest.MonkeyPatch, **keys: str) -> str:
    """The fingerprint of one bank account with these keys in the environment."""
    for name, value in keys.items():
        monkeypatch.setenv(f"CLEARWAY_{name.upper()}", value)
    get_settings.cache_clear()
    return instrument_fingerprint(debit())


def test_a_bank_account_is_the_same_one_after_the_secret_key_is_rotated(monkeypatch: pytest.MonkeyPatch) -> None:
    before = hashed_under(monkeypatch, secret_key=OLD)
    assert hashed_under(monkeypatch, secret_key=f"{NEW},{OLD}") == before
    assert hashed_under(monkeypatch, secret_key=NEW, fingerprint_key=OLD) == before


def test_without_the_key_a_bank_account_has_another_hash(monkeypatch: pytest.MonkeyPatch) -> None:
    assert hashed_under(monkeypatch, secret_key=OLD) != hashed_under(monkeypatch, secret_key=NEW)

"""What stays of an exchange, and what does not."""

from __future__ import annotations

from orchestrator.gateways.redaction import REMOVED, redact, redact_text


def test_amounts_ids_and_codes_stay() -> None:
    kept = {
        "id": "pi_1",
        "amount": 1230,
        "currency": "eur",
        "decline_code": "do_not_honor",
        "name": "UNPROCESSABLE_ENTITY",
    }
    assert redact(kept) == kept


def test_vault_expressions_go_wherever_they_stand() -> None:
    text = str(redact({"paymentMethod": {"number": "tok_0a1b.number", "other": "see tok_0a1b.cvc"}}))
    assert "tok_0a1b" not in text


def test_form_fields_are_judged_by_their_last_name() -> None:
    form = {"payment_method_data[card][number]": "tok_1.number", "payment_method_data[type]": "card"}
    assert redact(form) == {"payment_method_data[card][number]": REMOVED, "payment_method_data[type]": "card"}


def test_billing_details_in_a_form_go() -> None:
    assert redact({"payment_method_data[billing_details][name]": "Ada"}) == {
        "payment_method_data[billing_details][name]": REMOVED
    }


def test_secrets_and_personal_data_go() -> None:
    redacted = redact(
        {
            "client_secret": "pi_1_secret_2",
            "payer": {"name": {"given_name": "Ada"}},
            "card": {"name": "Ada", "last_digits": "4242", "expiry": "2030-03"},
            "shopperEmail": "ada@example.com",
            "items": [{"email": "ada@example.com"}],
        }
    )
    assert redacted == {
        "client_secret": REMOVED,
        "payer": REMOVED,
        "card": {"name": REMOVED, "last_digits": "4242", "expiry": REMOVED},
        "shopperEmail": REMOVED,
        "items": [{"email": REMOVED}],
    }


def test_free_text_loses_addresses_keys_and_card_numbers() -> None:
    text = redact_text("ada@example.com used 4242 4242 4242 4242 with sk_test_abcdef123 and Bearer abc.def")
    assert text == f"{REMOVED} used [removed …4242] with {REMOVED} and {REMOVED}"


def test_id_that_looks_like_a_card_number_stays() -> None:
    assert redact({"pspReference": "4242424242424242"}) == {"pspReference": "4242424242424242"}

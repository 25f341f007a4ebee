"""What shoppers read: whole in every language, and never more than they should know."""

import pytest

from orchestrator.web import locales

VALUES = {
    "merchant": "Nordlicht",
    "amount": "10",
    "number": "RE-1",
    "date": "1.1.",
    "id": "DE1",
    "least": "1",
    "most": "9",
}


@pytest.mark.parametrize("language", locales.LANGUAGES)
@pytest.mark.parametrize("key", sorted(locales.keys()))
def test_no_sentence_asks_for_a_value_that_nobody_gives(key: str, language: str) -> None:
    assert "{" not in locales.text(language, key, **VALUES)


def test_a_stolen_card_is_told_like_any_refused_card() -> None:
    told = {locales.decline_message("en", reason) for reason in ("stolen_card", "fraud_gateway", "do_not_honor", "new")}

    assert told == {locales.text("en", "decline.generic")}


def test_a_shopper_is_told_what_they_can_mend() -> None:
    assert "funds" in locales.decline_message("en", "insufficient_funds")


@pytest.mark.parametrize(
    ("header", "asked", "language"),
    [
        ("de-CH,de;q=0.9,en;q=0.8", "", "de"),
        ("fr,ja;q=0.3,ar;q=0.7", "", "ar"),
        ("de;q=0,en;q=0.1", "", "en"),
        ("de", "ja-JP", "ja"),
        ("de", "xx", "de"),
        ("", "", "en"),
        (";;q=x,*", "", "en"),
    ],
)
def test_the_language_is_the_one_asked_for_or_the_best_of_the_browser(header: str, asked: str, language: str) -> None:
    assert locales.negotiate(header, asked) == language


def test_a_latin_name_does_not_reorder_an_arabic_sentence() -> None:
    assert "\u2068Nordlicht GmbH\u2069" in locales.text("ar", "pay.title", merchant="Nordlicht GmbH")

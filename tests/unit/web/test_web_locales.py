"""What buyers read: whole in each language that documents are written in, and never more than they should know."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from babel.messages.pofile import read_po

import invoicing
import orchestrator
from invoicing.catalogues import catalogue_of, languages
from orchestrator.web import checkout, declines, payment_links, replies
from orchestrator.web.invoice_presenter import BADGES, SETTLED_BY
from orchestrator.web.locales import ENGLISH, LANGUAGES, PageWords, words_for

ROOT = Path(orchestrator.__file__).parent
LOCALES = Path(invoicing.__file__).parent / "locales"
WEB = ROOT / "web"
SAID = re.compile(r"""\bsay\(\s*(?:"([^"]+)"|'([^']+)')""")
TEMPLATES = [path for path in sorted((WEB / "templates").rglob("*.html")) if "console" not in path.parts]
SOURCES = (*TEMPLATES, *sorted(WEB.glob("*.py")), ROOT / "billing" / "document_mails.py")
CHOSEN = (
    *(payment_links.CLOSED, payment_links.BUSY, checkout.TOO_MANY, declines.NOT_THROUGH),
    *(declines.MESSAGES | replies.MESSAGES | {*BADGES.values()} | {*SETTLED_BY.values()}),
    "This invoice is no longer collected. Please contact {merchant} if you want to pay it.",
)
PLACEHOLDER = re.compile(r"\{\w+\}")
WORDS_OF_ENGLISH = re.compile(r"\b(?:the|this|your|please|payment|paid|card|nothing|has|been|invoice)\b", re.IGNORECASE)
TAGS = r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}|<[^>]*>"
NO_WORDS = {"Clearway", "shopper", *("not", "tried", "yet")}  # a name, a class, and the console's in what both share


@cache
def messages() -> set[str]:
    """Every sentence that a buyer's page or mail asks for."""
    found = {one or other for source in SOURCES for one, other in SAID.findall(source.read_text(encoding="utf-8"))}
    return found | set(CHOSEN)


def visitor(accept: str = "", asked: str = "", kept: str = "") -> Any:
    return SimpleNamespace(
        query_params={"locale": asked} if asked else {},
        cookies={"clearway_locale": kept} if kept else {},
        headers={"accept-language": accept},
    )


@cache
def translated(language: str) -> dict[str, str]:
    with (LOCALES / f"{language}.po").open("rb") as source:
        return {str(one.id): str(one.string) for one in read_po(source, locale=language) if isinstance(one.id, str)}


def test_there_is_something_to_say() -> None:
    assert len(messages()) > 110
    assert "Pay {amount}" in messages()


def test_no_template_says_a_word_of_its_own() -> None:
    """Text between tags would be the same in every language."""
    for path in TEMPLATES:
        bare = re.sub(TAGS, " ", path.read_text(encoding="utf-8"), flags=re.DOTALL)
        assert set(re.findall(r"[A-Za-z]{2,}", bare)) - NO_WORDS == set(), path.name


def test_every_said_sentence_is_a_literal_or_one_of_the_lists() -> None:
    """Else the tests below would not know of it."""
    chosen = {"BADGES", "SETTLED_BY", "TOO_MANY", "_SENTENCES", "sentence", "closed", "title", "message"}
    for path in sorted(WEB.glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "say":
                said = node.args[0]
                names = {one.id for one in ast.walk(said) if isinstance(one, ast.Name)}
                assert isinstance(said, ast.Constant) or names & chosen, f"{path.name}:{node.lineno}"


@pytest.mark.parametrize("language", languages())
def test_every_sentence_is_said_in_every_language(language: str) -> None:
    missing = {one for one in messages() if not translated(language).get(one)}
    assert missing == set()


@pytest.mark.parametrize("language", sorted(set(languages()) - {"en"}))
def test_no_sentence_is_left_in_english(language: str) -> None:
    words = translated(language)
    long = {one for one in messages() if " " in PLACEHOLDER.sub("", one).strip()}
    assert {one for one in long if words[one] == one} == set()
    assert {one: words[one] for one in long if len(WORDS_OF_ENGLISH.findall(words[one])) > 1} == {}


@pytest.mark.parametrize("language", languages())
def test_every_translation_has_the_placeholders_of_its_sentence(language: str) -> None:
    words = translated(language)
    for one in messages():
        assert sorted(PLACEHOLDER.findall(words[one])) == sorted(PLACEHOLDER.findall(one)), words[one]


@pytest.mark.parametrize("language", sorted(set(languages()) - {"en"}))
def test_a_language_is_written_in_its_own_script(language: str) -> None:
    """A row in the wrong file would pass every test above."""
    scripts = {
        "ar": r"[\u0600-\u06ff]", "el": r"[\u0370-\u03ff]", "he": r"[\u0590-\u05ff]", "hi": r"[\u0900-\u097f]",
        "th": r"[\u0e00-\u0e7f]", "ja": r"[\u3040-\u30ff]", "ko": r"[\uac00-\ud7af]", "zh": r"[\u4e00-\u9fff]",
        "zh_Hant": r"[\u4e00-\u9fff]",
    }  # fmt: skip
    own = re.compile(scripts.get(language, r"[A-Za-z]"))
    words = translated(language)
    assert {words[one] for one in messages() if len(one) > 25 and not own.search(words[one])} == set()


def test_every_catalogue_can_be_chosen_by_its_own_name() -> None:
    assert {tag.replace("-", "_") for tag in LANGUAGES} == set(languages())


@pytest.mark.parametrize(
    ("accept", "asked", "kept", "own", "expected"),
    [
        ("fr-CH, de;q=0.8", "", "", "en", "fr"),
        ("fr", "he", "", "en", "he"),
        ("fr", "", "ko", "en", "ko"),
        ("fr", "ja", "ko", "pl", "ja"),
        ("fr", "", "", "de-AT", "de"),
        ("fr", "", "", "en-GB", "en"),
        ("xx, yy;q=0.9", "", "", "pl", "pl"),
        ("", "", "", "de-AT", "de"),
        ("", "", "", "fi", "en"),
        ("", "", "", "", "en"),
        ("de", "", "", "fi", "de"),
        ("de", "xx", "", "", "de"),
        ("zh-TW", "", "", "en", "zh_Hant"),
        ("zh-CN", "", "", "en", "zh"),
        ("", "zh-Hant", "", "de", "zh_Hant"),
        ("de;q=0, el;q=0.3, th;q=0.30", "", "", "en", "el"),
        ("fr,ja;q=0.3,ar;q=0.7", "", "", "", "fr"),
        ("de;q=nan, fr;q=" + "9" * 400, "", "", "it", "it"),
        (";;q=x,*", "", "", "", "en"),
        ("de-" + "x" * 40, "", "", "", "de"),
        ("../../etc/passwd", "<script>", "\u0661", "en", "en"),
    ],
)
def test_the_language_is_asked_for_or_kept_or_of_what_is_shown_or_of_the_browser(
    accept: str, asked: str, kept: str, own: str, expected: str
) -> None:
    assert words_for(visitor(accept, asked, kept), own).language == expected


def test_amounts_are_written_as_where_the_document_or_the_browser_comes_from() -> None:
    assert words_for(visitor("de"), "de-AT") == PageWords("de", "de_AT")
    assert words_for(visitor("de-CH, en;q=0.5")) == PageWords("de", "de_CH")
    assert words_for(visitor("de-CH", asked="fr"), "de-AT") == PageWords("fr", "fr")
    assert words_for(visitor("zh-TW")) == PageWords("zh_Hant", "zh_Hant_TW")


@pytest.mark.parametrize(
    "tag", ["de-" + "x" * 40, "de-DE.UTF-8" + "x" * 20, "de-DE@euro", "de-u-ca-buddhist", "de-XX", "de-\u0661"]
)
def test_a_strange_tag_is_never_more_than_its_language(tag: str) -> None:
    """What a payment keeps of it has 20 characters at most."""
    assert words_for(visitor(tag)) == PageWords("de", "de")


def test_names_do_not_turn_a_sentence_that_runs_from_right_to_left() -> None:
    said = PageWords("ar", "ar").say("Please ask {merchant} for a new link.", merchant="Nordlicht")
    assert "\u2068Nordlicht\u2069" in said
    assert PageWords("he", "he").direction == "rtl"
    assert PageWords("zh_Hant", "zh_Hant").tag == "zh-Hant"


def test_a_stolen_card_is_told_like_any_refused_card() -> None:
    delicate = ("stolen_card", "lost_card", "pickup_card", "fraud_gateway", "sanctions", "do_not_honor", "unheard_of")
    assert len({declines.decline_message(ENGLISH, reason) for reason in delicate}) == 1


def test_a_shopper_is_told_what_they_can_mend_and_in_their_language() -> None:
    assert "funds" in declines.decline_message(ENGLISH, "insufficient_funds")
    german = declines.decline_message(PageWords("de", "de"), "insufficient_funds")
    assert german == catalogue_of("de").gettext(
        "There are not enough funds on this card. Nothing has been charged. Please try another card."
    )
    assert "andere Karte" in german

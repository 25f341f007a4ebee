"""The pages of invoices and their mails in each language that documents are written in."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import orchestrator
from invoicing.catalogues import catalogue_of, languages
from orchestrator.web.invoice_presenter import BADGES, SETTLED_BY
from orchestrator.web.invoice_words import LANGUAGES, PageWords, words_for

ROOT = Path(orchestrator.__file__).parent
SAID = re.compile(r"""\bsay\(\s*["']([^"']+)["']""")
SOURCES = (
    *sorted((ROOT / "web" / "templates" / "invoice").glob("*.html")),
    *(ROOT / "web" / name for name in ("invoices.py", "invoice_presenter.py")),
    ROOT / "billing" / "document_mails.py",
)


def messages() -> set[str]:
    found = {said for source in SOURCES for said in SAID.findall(source.read_text(encoding="utf-8"))}
    contact = "This invoice is no longer collected. Please contact {merchant} if you want to pay it."
    return found | set(BADGES.values()) | set(SETTLED_BY.values()) | {contact}


def visitor(accept: str = "", asked: str = "", kept: str = "") -> Any:
    return SimpleNamespace(
        query_params={"locale": asked} if asked else {},
        cookies={"clearway_invoice_locale": kept} if kept else {},
        headers={"accept-language": accept},
    )


def test_there_is_something_to_say() -> None:
    assert len(messages()) > 40


@pytest.mark.parametrize("language", sorted(set(languages()) - {"en"}))
def test_every_sentence_is_said_in_every_language(language: str) -> None:
    english, words = catalogue_of("en"), catalogue_of(language)
    missing = {one for one in messages() if words._catalog.get(one) is None or english._catalog.get(one) is None}  # type: ignore[attr-defined]
    assert missing == set()


def test_every_catalogue_can_be_chosen_by_its_own_name() -> None:
    assert {tag.replace("-", "_") for tag in LANGUAGES} == set(languages())


@pytest.mark.parametrize(
    ("accept", "asked", "kept", "own", "expected"),
    [
        ("fr-CH, de;q=0.8", "", "", "en", "fr"),
        ("fr", "he", "", "en", "he"),
        ("fr", "", "ko", "en", "ko"),
        ("fr", "ja", "ko", "en", "ja"),
        ("xx, yy;q=0.9", "", "", "pl", "pl"),
        ("", "", "", "de-AT", "de"),
        ("", "", "", "fi", "en"),
        ("zh-TW", "", "", "en", "zh_Hant"),
        ("zh-CN", "", "", "en", "zh"),
        ("de;q=0, el;q=0.3, th;q=0.30", "", "", "en", "el"),
        ("de;q=nan, fr;q=" + "9" * 400, "", "", "it", "it"),
        ("../../etc/passwd", "<script>", "\u0661", "en", "en"),
    ],
)
def test_the_page_is_in_the_language_that_its_visitor_reads(
    accept: str, asked: str, kept: str, own: str, expected: str
) -> None:
    assert words_for(visitor(accept, asked, kept), own).language == expected


def test_a_visitor_of_the_documents_language_reads_it_as_it_is_written() -> None:
    assert words_for(visitor("de"), "de-AT") == PageWords("de", "de_AT")
    assert words_for(visitor("fr"), "de-AT") == PageWords("fr", "fr")


def test_names_do_not_turn_a_sentence_that_runs_from_right_to_left() -> None:
    said = PageWords("ar", "ar").say("Please ask {merchant} for a new link.", merchant="Nordlicht")
    assert "\u2068Nordlicht\u2069" in said
    assert PageWords("he", "he").direction == "rtl"
    assert PageWords("zh_Hant", "zh_Hant").tag == "zh-Hant"

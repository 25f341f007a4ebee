from __future__ import annotations

import re
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po

import invoicing
from invoicing.catalogues import catalogue_of, has_catalogue, languages
from invoicing.rendering import letters as letter_words
from invoicing.rendering.content import TITLES
from invoicing.rendering.receipts import METHODS
from invoicing.rendering.statements import MOVEMENTS
from invoicing.rendering.wording import MARGIN_SCHEMES, TAX_ID_LABELS
from invoicing.tax import RULES
from invoicing.terms.words import PLURAL_SENTENCES, SENTENCES

ROOT = Path(invoicing.__file__).parent
SAID = re.compile(r"""(?:\b_|\bsay)\(\s*["']([^"']+)["']""")
MAILED = {"Invoice", "Total", "Due date"}
# What a language may have in common with English: abbreviations and names, and words it took from it.
PLURAL_FORMS = {"ar": 6, "pl": 3, **dict.fromkeys(("ja", "ko", "zh", "zh_Hant", "th"), 1)}


def sources() -> list[Path]:
    return [*sorted((ROOT / "templates").glob("*.html")), *sorted((ROOT / "rendering").glob("*.py"))]


def message_ids() -> set[str]:
    """Everything that is said on a document."""
    written = {found for source in sources() for found in SAID.findall(source.read_text(encoding="utf-8"))}
    taxes = {text for rule in RULES.values() for text in (rule.label, *rule.notes)}
    letters = {*letter_words.TITLES, *(text for level in letter_words.SENTENCES for text in level)}
    accounts = {*METHODS.values(), *MOVEMENTS.values()}
    named = {*TITLES.values(), *TAX_ID_LABELS.values(), *MARGIN_SCHEMES.values()}
    return written | taxes | letters | accounts | named | MAILED | set(SENTENCES)


def read(language: str) -> Catalog:
    with (ROOT / "locales" / f"{language}.po").open("rb") as source:
        return read_po(source, locale=language)


def placeholders(text: str) -> list[str]:
    return sorted(re.findall(r"\{\w+\}", text))


def test_there_are_at_least_twelve_languages_of_all_scripts() -> None:
    assert len(languages()) >= 12
    assert {"el", "ar", "he", "hi", "th", "ja", "ko", "zh", "zh_Hant", "de", "fr", "es", "it", "pl"} <= set(languages())


@pytest.mark.parametrize("language", languages())
def test_every_catalogue_says_everything(language: str) -> None:
    said = {message.id for message in read(language) if isinstance(message.id, str) and message.string}
    assert message_ids() - said == set()
    plural = {tuple(message.id) for message in read(language) if not isinstance(message.id, str)}
    assert set(PLURAL_SENTENCES) - plural == set()


@pytest.mark.parametrize("language", languages())
def test_no_catalogue_says_what_nobody_asks_for(language: str) -> None:
    known = {message.id for message in read("en") if isinstance(message.id, str)}
    assert {message.id for message in read(language) if isinstance(message.id, str)} == known


@pytest.mark.parametrize("language", languages())
def test_a_translation_has_the_placeholders_of_its_message(language: str) -> None:
    for message in read(language):
        if isinstance(message.id, str) and message.id:
            assert isinstance(message.string, str)
            assert placeholders(message.string) == placeholders(message.id), message.string


@pytest.mark.parametrize("language", languages())
def test_a_language_has_each_of_its_plural_forms(language: str) -> None:
    for message in read(language):
        if isinstance(message.id, str):
            continue
        assert len(message.string) == PLURAL_FORMS.get(language, 2), message.id
        for form in message.string:
            # "one day" may be said without a figure; any other form needs it
            assert set(placeholders(form)) <= set(placeholders(message.id[1])), form
        assert placeholders(message.string[-1]) == placeholders(message.id[1])


@pytest.mark.parametrize("language", sorted(set(languages()) - {"en"}))
def test_a_catalogue_is_translated_and_not_copied(language: str) -> None:
    pairs = [(message.id, message.string) for message in read(language) if isinstance(message.id, str) and message.id]
    same = [said for said, translated in pairs if said == translated]
    assert len(same) < len(pairs) / 12, same


@pytest.mark.parametrize(
    ("language", "count", "expected"),
    [
        ("pl", 1, "1 dzień netto"),
        ("pl", 22, "22 dni netto"),
        ("ar", 2, "صافي خلال يومين"),
        ("ja", 1, None),
        ("fr", 0, None),
    ],
)
def test_plurals_follow_the_rule_of_the_language(language: str, count: int, expected: str | None) -> None:
    said = catalogue_of(language).ngettext("Net {days} day", "Net {days} days", count).format(days=count)
    assert "Net " not in said or language == "fr"
    assert expected is None or said == expected


@pytest.mark.parametrize(
    ("locale", "word"), [("zh-TW", "發票"), ("zh-Hant", "發票"), ("zh-CN", "发票"), ("zh", "发票"), ("zh-HK", "發票")]
)
def test_chinese_is_written_in_the_script_of_its_reader(locale: str, word: str) -> None:
    assert catalogue_of(locale).gettext("Invoice") == word


def test_a_language_without_a_catalogue_is_known_as_such() -> None:
    assert not has_catalogue("fi")
    assert has_catalogue("pt-BR")

"""A letter becomes a mail: two forms of one text, nothing from elsewhere, and no way from a text into a header."""

from __future__ import annotations

import email
import email.policy
from datetime import UTC, datetime
from email.message import EmailMessage

import pytest

from invoicing.catalogues import languages
from orchestrator.billing.delivery.addresses import AddressRefused, mail_address
from orchestrator.billing.delivery.letters import Attachment, Envelope, Letter, file_name, message_of

ENVELOPE = Envelope(
    sender="Payments <billing@clearway.example>",
    recipient="ap@beta.example",
    message_id="<ddl_1@clearway.example>",
    at=datetime(2026, 11, 23, 12, tzinfo=UTC),
)
LETTER = Letter(
    locale="de-AT",
    seller="Müller & Söhne GmbH",
    subject="Rechnung RE-1",
    heading="Rechnung RE-1",
    paragraphs=("Sie finden das Dokument im Anhang.",),
    facts=(("Gesamtbetrag", "119,00 €"),),
    button=("Rechnung bezahlen", "https://pay.example/i/abc"),
    attachments=(Attachment("RE-1.pdf", "application/pdf", b"%PDF-1.7"),),
)


def read(letter: Letter, envelope: Envelope = ENVELOPE) -> EmailMessage:
    """The mail as a mail server reads it."""
    raw = message_of(letter, envelope).as_bytes(policy=email.policy.SMTP)
    return email.message_from_bytes(raw, policy=email.policy.default)  # type: ignore[return-value]


def body(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    assert part is not None
    return str(part.get_content())


def test_a_mail_says_the_same_as_text_and_as_html() -> None:
    message = read(LETTER)
    text, html = body(message, "plain"), body(message, "html")
    for words in ("Rechnung RE-1", "Sie finden das Dokument im Anhang.", "119,00 €", "https://pay.example/i/abc"):
        assert words in text
        assert words in html
    assert '<html lang="de-AT" dir="ltr">' in html
    assert "Müller &amp; Söhne GmbH" in html
    [pdf] = list(message.iter_attachments())
    assert (pdf.get_filename(), pdf.get_content_type(), pdf.get_content()) == (
        "RE-1.pdf",
        "application/pdf",
        b"%PDF-1.7",
    )


def test_nothing_in_a_mail_is_fetched_from_elsewhere() -> None:
    html = body(read(LETTER), "html")
    assert not any(word in html for word in ("src=", "<img", "<link", "<script", "url(", "@import"))


def test_a_mail_says_that_a_machine_wrote_it_and_whom_to_answer() -> None:
    message = read(LETTER, Envelope(**{**fields(ENVELOPE), "reply_to": "office@mueller.example"}))
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Reply-To"].addresses[0].addr_spec == "office@mueller.example"
    assert message["From"].addresses[0].addr_spec == "billing@clearway.example"
    assert message["From"].addresses[0].display_name == "Müller & Söhne GmbH"


def test_a_later_mail_of_a_thread_names_the_first() -> None:
    later = read(LETTER, Envelope(**{**fields(ENVELOPE), "first_id": "<ddl_0@clearway.example>"}))
    assert later["In-Reply-To"] == later["References"] == "<ddl_0@clearway.example>"
    assert "In-Reply-To" not in read(LETTER)


@pytest.mark.parametrize("language", languages())
def test_every_language_goes_through_a_mail_unharmed(language: str) -> None:
    from invoicing.catalogues import catalogue_of

    said = catalogue_of(language).gettext("Please find the document attached as a PDF.")
    message = read(
        Letter(locale=language, seller="ACME", subject=said, heading=said, paragraphs=(said,), facts=((said, said),))
    )
    assert said in body(message, "plain")
    assert message["Subject"] == said
    direction = "rtl" if language in ("ar", "he") else "ltr"
    assert f'dir="{direction}">' in body(message, "html")


HOSTILE = (
    "RE-1\r\nBcc: victim@bank.example",
    "RE-1\nContent-Type: text/html",
    "RE-1\r\n\r\n<script>alert(1)</script>",
    "RE-1\u2028Bcc: victim@bank.example",
    "RE-1\x00\x0b\x0c\x1c\x85Bcc: victim@bank.example",
    "\u202eRE-1\ud800",
    '"><img src=https://spy.example/x>',
    "RE-1" * 500,
    "=?utf-8?b?DQpCY2M6IHZAeC5leGFtcGxl?=",
)


@pytest.mark.parametrize("text", HOSTILE)
def test_no_name_and_no_number_reaches_into_the_headers(text: str) -> None:
    letter = Letter(
        locale="en",
        seller=text,
        subject=f"Invoice {text}",
        heading=text,
        paragraphs=(text,),
        facts=((text, text),),
        button=(text, "https://pay.example/i/abc"),
        attachments=(Attachment(f"{text}.pdf", "application/pdf", b"%PDF"),),
    )
    message = read(letter)
    expected = {
        *("From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "MIME-Version"),
        "Content-Type",
    }
    assert set(message.keys()) == expected
    assert [address.addr_spec for address in message["From"].addresses] == ["billing@clearway.example"]
    assert message["To"] == "ap@beta.example"
    assert len(message["Subject"]) <= 200
    html = body(message, "html")
    assert "<script" not in html
    assert "<img" not in html


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("RE 2026/1.pdf", "RE-2026-1.pdf"),
        ("../../etc/passwd.pdf", "etc-passwd.pdf"),
        ("請求書.pdf", "請求書.pdf"),
        ("\r\n.pdf", "document.pdf"),
        ("...", "document"),
    ],
)
def test_a_file_is_named_for_one_file_only(text: str, expected: str) -> None:
    assert file_name(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ap@beta.example", "ap@beta.example"),
        (" ap+1@beta.example ", "ap+1@beta.example"),
        ("ap@müller.example", "ap@xn--mller-kva.example"),
    ],
)
def test_an_address_is_written_as_mail_servers_know_it(text: str, expected: str) -> None:
    assert mail_address(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        *("", "@", "a@", "@b.example", "a b@c.example", "a@b.example,c@d.example", "a@b.example\nBcc: c@d.example"),
        *("<a@b.example>", "A <a@b.example>", "a..b@c.example", ".a@c.example", "a@-b.example", "a@b..example"),
        *("müller@b.example", '"a b"@c.example', "a@[127.0.0.1]", "a@b.example\x00", "a" * 65 + "@b.example"),
    ],
)
def test_what_is_no_plain_address_is_refused(text: str) -> None:
    with pytest.raises(AddressRefused):
        mail_address(text)


def fields(envelope: Envelope) -> dict[str, object]:
    return {name: getattr(envelope, name) for name in Envelope.__slots__}

"""Mails that come back are read as the servers of this world write them; everything else is refused in words."""

from __future__ import annotations

import pytest

from orchestrator.billing.delivery.reports import Fate, NotAReport, read

DELIVERY = "ddl_0193a5c2e7d87c4f9a1b2c3d4e5f6071"
MESSAGE_ID = f"<{DELIVERY}@acme.example>"


def report(
    *,
    action: str = "failed",
    status: str = "5.1.1",
    diagnostic: str = "smtp; 550 5.1.1 <ap@beta.example>: Recipient address rejected: User unknown",
    returned: str = f"Message-ID: {MESSAGE_ID}\r\nSubject: Rechnung\r\n",
    returned_type: str = "text/rfc822-headers",
    to: str = "billing@acme.example",
    more: str = "",
) -> bytes:
    """As Postfix writes it."""
    return f"""Return-Path: <>\r
Date: Mon, 23 Nov 2026 12:00:00 +0000\r
From: MAILER-DAEMON@mx.example (Mail Delivery System)\r
Subject: Undelivered Mail Returned to Sender\r
To: {to}\r
{more}Auto-Submitted: auto-replied\r
MIME-Version: 1.0\r
Content-Type: multipart/report; report-type=delivery-status; boundary="=_b"\r
\r
This is a MIME-encapsulated message.\r
\r
--=_b\r
Content-Type: text/plain; charset=us-ascii\r
\r
I'm sorry to have to inform you that your message could not be delivered.\r
\r
--=_b\r
Content-Description: Delivery report\r
Content-Type: message/delivery-status\r
\r
Reporting-MTA: dns; mx.example\r
X-Postfix-Queue-ID: 4F0B41\r
Arrival-Date: Mon, 23 Nov 2026 11:59:58 +0000\r
\r
Final-Recipient: rfc822; ap@beta.example\r
Original-Recipient: rfc822;ap@beta.example\r
Action: {action}\r
Status: {status}\r
Remote-MTA: dns; mx.beta.example\r
Diagnostic-Code: {diagnostic}\r
\r
--=_b\r
Content-Description: Undelivered Message\r
Content-Type: {returned_type}\r
\r
{returned}\r
--=_b--\r
""".encode()


def test_a_report_with_the_headers_of_the_mail_names_it() -> None:
    found = read(report())
    assert (found.fate, found.message_ids) == (Fate.FAILED, (MESSAGE_ID,))
    assert found.words == "5.1.1: 550 5.1.1 <ap@beta.example>: Recipient address rejected: User unknown"


def test_a_report_with_the_whole_mail_names_it() -> None:
    whole = f"From: billing@acme.example\r\nMessage-ID: {MESSAGE_ID}\r\n\r\nRechnung\r\n"
    assert read(report(returned=whole, returned_type="message/rfc822")).message_ids == (MESSAGE_ID,)


def test_a_report_that_returns_nothing_is_known_by_the_address_it_came_to() -> None:
    bare = report(returned="", to=f"bounces+{DELIVERY}@acme.example")
    assert read(bare).delivery_ids == (DELIVERY,)
    assert read(report(returned=""), f"bounces+{DELIVERY.upper()}@acme.example").delivery_ids == (DELIVERY,)
    delivered_to = report(returned="", more=f"X-Original-To: bounces+{DELIVERY}@acme.example\r\n")
    assert read(delivered_to).delivery_ids == (DELIVERY,)


def test_a_report_that_answers_the_mail_is_known_by_that() -> None:
    assert read(report(returned="", more=f"In-Reply-To: {MESSAGE_ID}\r\n")).message_ids == (MESSAGE_ID,)


def test_a_mail_that_is_late_has_not_come_back() -> None:
    late = report(action="delayed", status="4.4.1", diagnostic="smtp; connect to mx.beta.example: timed out")
    assert read(late).fate is Fate.DELAYED


def test_a_mail_that_was_late_for_too_long_has() -> None:
    given_up = report(action="failed", status="4.4.7", diagnostic="smtp; delivery time expired")
    assert (read(given_up).fate, read(given_up).words) == (Fate.FAILED, "4.4.7: delivery time expired")


@pytest.mark.parametrize("action", ["delivered", "relayed", "expanded"])
def test_a_mail_that_went_on_has_not_come_back(action: str) -> None:
    assert read(report(action=action, status="2.0.0")).fate is Fate.OTHER


def test_words_are_on_one_line_and_of_some_length() -> None:
    words = read(report(diagnostic="smtp; 550 no\r\n\tsuch " + "user " * 500)).words
    assert words.startswith("5.1.1: 550 no such user")
    assert len(words) < 500


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"hello",
        b"Subject: I am on holiday\r\n\r\nBack in May.",
        b"Content-Type: multipart/report; boundary=x\r\n\r\n--x\r\nContent-Type: text/plain\r\n\r\nfailed\r\n--x--",
        b"Content-Type: message/delivery-status\r\n\r\n",
        b"\xff\xfe" * 1000,
        b"Content-Type: multipart/mixed; boundary=\r\n\r\n--\r\n",
        b"Content-Type: text/plain; charset=no-such-charset\r\n\r\nAction: failed",
        b"".join(b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(3000)),
        b"Content-Type: message/rfc822\r\n\r\n" * 3000,
    ],
)
def test_what_is_no_report_is_refused_and_harms_nobody(raw: bytes) -> None:
    with pytest.raises(NotAReport):
        read(raw)

"""The pages as HTML: every view renders, the text of others is escaped, and no page needs an inline script or style."""

import re
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from currency.money import Money
from invoicing.catalogues import languages
from orchestrator.web import wording
from orchestrator.web.accents import Look
from orchestrator.web.console_views import (
    AttemptView,
    BreakRow,
    CandidateView,
    ClearingRow,
    ExchangeView,
    InvoiceRow,
    InvoicesView,
    LoginView,
    OperationView,
    PathStep,
    PaymentRow,
    PaymentRowsView,
    PaymentsView,
    PaymentTimelineView,
    ReconciliationView,
    RefundView,
    RoutePlanView,
    Shell,
    TransferView,
    WebhooksView,
    WebhookView,
)
from orchestrator.web.invoice_views import (
    BankTransferView,
    ExpiredLinkView,
    InvoiceBadge,
    InvoiceLineView,
    InvoiceView,
    PartView,
    PartyView,
    SumView,
)
from orchestrator.web.locales import ENGLISH, PageWords
from orchestrator.web.page_policy import security_policy
from orchestrator.web.pages import Pages
from orchestrator.web.views import CheckoutState, CheckoutView, ErrorView, PaymentLinkView

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
TEN_EUROS = Money(1000, "EUR")
NOTHING = Money(0, "EUR")
SHELL = Shell("Nordlicht GmbH", "csrf")
CHECKOUT = CheckoutView(
    words=ENGLISH,
    merchant_name="<b>Nordlicht</b>",
    amount=TEN_EUROS,
    description="Order 1",
    state=CheckoutState.OPEN,
    attempt_url="/pay/t/attempt",
    status_url="/pay/t/status",
    csrf_token="csrf",
    vault_fields_url="https://vault.example/fields",
    page_origin="https://pay.example",
)
GERMAN = PageWords("de", "de_AT")
INVOICE = InvoiceView(
    words=GERMAN,
    number="RE-1",
    badge=InvoiceBadge.OPEN,
    badge_words="Offen",
    issued_on=date(2026, 11, 1),
    due_on=date(2026, 12, 1),
    seller=PartyView("Nordlicht GmbH", ("Hamburg",), "DE1"),
    buyer=PartyView("Sakura K.K."),
    lines=(InvoiceLineView("Table", "1", "10,00 €", TEN_EUROS, "19 %"),),
    sums=(SumView("Summe netto", TEN_EUROS), SumView("19 %", NOTHING, note="<i>")),
    total=TEN_EUROS,
    due=TEN_EUROS,
    now=Money(500, "EUR"),
    in_full=TEN_EUROS,
    settled=(SumView("Zahlung", Money(-100, "EUR"), date(2026, 11, 3)),),
    parts=(PartView(date(2026, 11, 3), Money(500, "EUR"), True), PartView(date(2026, 12, 1), TEN_EUROS, False)),
    early="2 % Skonto",
    notices=("Bitte warten",),
    pdf_url="/i/t/pdf",
    xml_url="/i/t/xml",
    pay_url="/i/t/pay",
    transfer=BankTransferView("Nordlicht GmbH", "DE89370400440532013000", "COBADEFFXXX", "RF18"),
)
EXPIRED = ExpiredLinkView(GERMAN, "Nordlicht GmbH", "Abgelaufen", ("Zu Ihrem Schutz",), "/i/t/renew", "csrf")
LINK = PaymentLinkView(ENGLISH, "Nordlicht", "A gift", "/l/t", "csrf", least=Money(100, "EUR"), most=TEN_EUROS)
BRANDED = Look("#7a1f3d", "/logos/brv_1")
OPERATION = OperationView(
    "op_1", "confirm", NOON, "not_reached", 38, "refused", "nothing was sent", "pi_1", ExchangeView("{}", "")
)
TIMELINE = PaymentTimelineView(
    SHELL,
    "pay_1",
    TEN_EUROS,
    "captured",
    NOON,
    TEN_EUROS,
    NOTHING,
    plan=RoutePlanView(
        NOON, (CandidateView("adyen", "EU", 1, "cheapest"), CandidateView("paypal", "EU", None, "no EUR"))
    ),
    attempts=(
        AttemptView(
            "att_1",
            1,
            "adyen",
            "EU",
            "not_reached",
            NOON,
            TEN_EUROS,
            (OPERATION,),
            moved_on=wording.failover_sentence("adyen", "not_reached", "refused the connection", "stripe"),
        ),
        AttemptView("att_2", 2, "stripe", "EU", "captured", NOON, TEN_EUROS, ()),
    ),
    webhooks=(WebhookView("whk_1", NOON, "stripe", "payment_intent.succeeded", "duplicate"),),
    transfers=(TransferView("tr_1", NOON, "clearing", "receivable", TEN_EUROS),),
    refunds=(RefundView("ref_1", NOON, TEN_EUROS, "pending", "stripe", operations=(OPERATION,)),),
)
ROWS = PaymentRowsView(
    (PaymentRow("pay_1", "/console/payments/pay_1", NOON, TEN_EUROS, "captured", (PathStep("stripe", "captured"),)),),
    next_url="/console/payments?after=x",
)
CONSOLE = [
    LoginView("csrf", "no", "/console/invoices"),
    PaymentsView(SHELL, ROWS),
    ROWS,
    TIMELINE,
    InvoicesView(SHELL, (InvoiceRow("", "/i/t", "Sakura", None, None, TEN_EUROS, TEN_EUROS, "draft"),)),
    ReconciliationView(
        SHELL,
        (BreakRow("brk_1", "fee_differs", "higher", TEN_EUROS, 3, "adyen"),),
        (ClearingRow("adyen", "EU", TEN_EUROS, NOTHING),),
        NOON,
    ),
    WebhooksView(SHELL, TIMELINE.webhooks),
    ErrorView(404, "Nothing is here", "Mistyped?"),
]
SHOPPER = [
    *(
        replace(CHECKOUT, state=state, words=PageWords(language, language))
        for state in CheckoutState
        for language in languages()
    ),
    *(replace(LINK, words=PageWords(language, language)) for language in languages()),
    replace(LINK, error="too little", typed="1"),
    replace(LINK, closed="closed", look=BRANDED),
    replace(CHECKOUT, look=BRANDED),
    replace(INVOICE, look=BRANDED),
    *(replace(INVOICE, badge=badge) for badge in InvoiceBadge),
    EXPIRED,
]


@pytest.fixture(scope="module")
def pages() -> Pages:
    return Pages(extra_assets={"htmx.js": b"// htmx"})


@pytest.mark.parametrize("view", [*CONSOLE, *SHOPPER])
def test_no_page_needs_inline_script_or_style(pages: Pages, view: object) -> None:
    html = pages.render(view)

    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=|javascript:", html)


def test_text_of_others_is_escaped(pages: Pages) -> None:
    html = pages.render(CHECKOUT)

    assert "&lt;b&gt;Nordlicht&lt;/b&gt;" in html
    assert "<b>" not in html


def test_an_arabic_page_runs_from_right_to_left(pages: Pages) -> None:
    assert '<html lang="ar" dir="rtl">' in pages.render(replace(CHECKOUT, words=PageWords("ar", "ar")))


@pytest.mark.parametrize("state", [state for state in CheckoutState if state is not CheckoutState.OPEN])
def test_only_an_open_checkout_shows_a_form_to_pay_with(pages: Pages, state: CheckoutState) -> None:
    form = re.search(r"<form[^>]*>", pages.render(replace(CHECKOUT, state=state)))

    assert form is None or "hidden" in form.group()


def test_the_frame_is_told_whose_page_it_is_in(pages: Pages) -> None:
    assert "https://vault.example/fields?origin=https%3A%2F%2Fpay.example&amp;locale=en" in pages.render(CHECKOUT)


def test_scripts_carry_their_integrity_and_a_version(pages: Pages) -> None:
    assert re.search(
        r'<script src="/static/checkout\.js\?v=[\w-]{12}" integrity="sha384-[\w+/]{64}"', pages.render(CHECKOUT)
    )


def test_a_paid_invoice_asks_for_no_money(pages: Pages) -> None:
    paid = replace(INVOICE, badge=InvoiceBadge.PAID, pay_url="", transfer=None, paid_on=date(2026, 11, 20))
    html = pages.render(replace(paid, parts=(), early=""))

    assert "20. November 2026" in html
    assert "RF18" not in html
    assert "bezahlen" not in html


def test_a_merchants_page_has_their_colour_and_logo(pages: Pages) -> None:
    for view in (CHECKOUT, LINK, INVOICE, EXPIRED):
        html = pages.render(replace(view, look=BRANDED))
        assert re.search(r'href="/static/accent-7a1f3d\.css\?v=[\w-]{12}" integrity="sha384-', html)
        assert '<img class="merchant-logo" src="/logos/brv_1" alt="">' in html
        assert "accent-" not in pages.render(view)


def test_an_amount_has_the_decimals_of_its_currency(pages: Pages) -> None:
    shown = [pages.render(replace(CHECKOUT, amount=Money(1234567, currency))) for currency in ("JPY", "BHD", "EUR")]
    assert ["¥1,234,567" in shown[0], "BHD\xa01,234.567" in shown[1], "€12,345.67" in shown[2]] == [True] * 3


def test_the_timeline_says_why_the_payment_moved_on(pages: Pages) -> None:
    assert "Adyen refused the connection → same card at Stripe" in pages.render(TIMELINE)


def test_the_next_rows_come_without_a_page_around_them(pages: Pages) -> None:
    html = pages.render(ROWS)

    assert "<html" not in html
    assert 'hx-get="/console/payments?after=x"' in html


def test_only_the_vault_may_be_framed_and_nobody_may_frame_us() -> None:
    policy = security_policy("https://vault.example/fields?x=1")

    assert "frame-src https://vault.example;" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy


@pytest.mark.parametrize(
    ("duration_ms", "shown"), [(None, "no answer"), (38, "38 ms"), (2431, "2.4 s"), (185_000, "3 min 05 s")]
)
def test_durations_are_read_at_a_glance(duration_ms: int | None, shown: str) -> None:
    assert wording.duration_text(duration_ms) == shown


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="zone"):
        wording.moment_text(NOON.replace(tzinfo=None))


def test_a_later_day_is_shown_with_its_date() -> None:
    later = datetime(2026, 11, 24, 10, 14, 2, tzinfo=UTC)

    assert wording.clock_text(NOON, NOON) == "12:00:00.000"
    assert wording.clock_text(later, NOON) == "2026-11-24 10:14:02"

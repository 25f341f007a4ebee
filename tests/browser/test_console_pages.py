"""Every page of the console in a real browser, at a desk and on a phone: nothing is refused by its policy, nothing
sticks out, and a picture of each lies in build/screenshots.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect
from running_installation import Installation

from orchestrator.demo.checks import until
from orchestrator.demo.stage import payment_method

PICTURES = Path(__file__).parents[2] / "build" / "screenshots"
WIDTHS = {"desk": {"width": 1280, "height": 900}, "phone": {"width": 390, "height": 844}}
PATIENCE_MS = 40_000
PASSWORD = "correct horse battery 9"
LOGO = (
    b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 30 9"><path fill="#7a1f3d" d="M0 0h9v9z"/>'
    b'<circle cx="20" cy="4.5" r="4.5"/></svg>'
)
BOUNCED = "UPDATE document_delivery SET state = 'bounced', error = $2, finished_at = now() WHERE object_id = $1"
LISTENER = """
window.refused = [];
document.addEventListener("securitypolicyviolation",
    (event) => window.refused.push(`${event.effectiveDirective} ${event.blockedURI}`));
"""
# Beyond the window, or beyond the card in which it stands. A table's head is out of sight on a phone.
STICKS_OUT = """[...document.querySelectorAll("main *")].filter((it) => {
    if (it.closest("pre, thead, .visually-hidden")) return false;
    const box = it.getBoundingClientRect(), card = it.closest(".card, .filters, .node, .facts-line, .notice, tbody tr");
    const edge = card ? card.getBoundingClientRect().right : window.innerWidth;
    return box.width && box.right > Math.min(edge, window.innerWidth) + 1;
}).slice(0, 5).map((it) => `${it.tagName}.${it.className} ${it.textContent.trim().slice(0, 40)}`)"""

pytestmark = pytest.mark.timeout(400)


def in_database(url: str, *statements: tuple[Any, ...]) -> list[list[Any]]:
    """Run statements beside Playwright's own loop."""

    async def run() -> list[list[Any]]:
        connection = await asyncpg.connect(url)
        try:
            return [await connection.fetch(*statement) for statement in statements]
        finally:
            await connection.close()

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, run()).result()


def paid(installation: Installation, minor: int, **more: Any) -> dict[str, Any]:
    body = {
        "amount": {"amount": minor, "currency": "EUR"},
        "payment_method": payment_method(installation.world.card()),
        "description": "A concert harp",
        **more,
    }
    made: dict[str, Any] = installation.api.post("/payments", body)

    def settled() -> dict[str, Any] | None:
        """A busy machine may fail over to a gateway that tells of its capture later."""
        found: dict[str, Any] = installation.api.get(f"/payments/{made['id']}")
        rests = found["status"] == ("authorised" if more.get("capture_method") == "manual" else "captured")
        return found if rests else None

    return until("the payment rests", settled)


@pytest.fixture(scope="module")
def places(installation: Installation) -> dict[str, str]:
    """Every page by a name, with something on it."""
    api = installation.api
    customer = api.post("/customers", {"name": "Ada Lovelace", "email": "ada@harp.example", "country": "DE"})["id"]
    payment = paid(installation, 12_900, reference="order-1", customer_id=customer)["id"]
    held = paid(installation, 48_000, reference="order-2", capture_method="manual")["id"]
    lost = paid(installation, 7_500, reference="order-3", capture_method="manual")["id"]
    api.post(f"/payments/{payment}/refunds", {"amount": 2_000, "reason": "a string was missing"})
    endpoint = api.post("/webhook-endpoints", {"url": "https://hooks.shop.example/clearway"})["id"]
    delivery = api.post(f"/webhook-endpoints/{endpoint}/test")["id"]
    account, operation, dispute = _left_behind(installation, payment, lost)
    return {
        "attention": "/console/attention",
        "review": f"/console/payments/{lost}/operations/{operation}",
        "payments": "/console/payments",
        "payments-none": "/console/payments?reference=nobody",
        "payment": f"/console/payments/{payment}",
        "payment-held": f"/console/payments/{held}",
        "disputes": "/console/disputes",
        "dispute": f"/console/disputes/{dispute}",
        "customers": "/console/customers",
        "customer": f"/console/customers/{customer}",
        "invoices": "/console/invoices",
        "invoice": f"/console/invoices/{_invoice_with_trouble(installation, customer)}",
        "branding": "/console/branding",
        "reconciliation": "/console/reconciliation",
        "ledger": "/console/ledger",
        "approvals": "/console/approvals",
        "gateways": "/console/gateways",
        "gateway": f"/console/gateways/{account}",
        "gateway-add": "/console/gateways?add=adyen",
        "routing": "/console/routing",
        "webhooks": "/console/webhooks",
        "endpoints": "/console/endpoints",
        "endpoint": f"/console/endpoints/{endpoint}",
        "delivery": f"/console/endpoints/{endpoint}/deliveries/{delivery}",
        "keys": "/console/keys",
        "users": "/console/users",
        "audit": "/console/audit",
        "account": "/console/account",
    }


def _invoice_with_trouble(installation: Installation, customer: str) -> str:
    """Overdue and reminded of; its mail came back, and its PDF could not be drawn."""
    line = {"description": "A harp", "quantity": "1", "unit_price": "1200", "tax": {"kind": "vat", "rate_bps": 1900}}
    body = {"customer_id": customer, "currency": "EUR", "lines": [line], "reference": "order-1"}
    invoice: str = installation.api.post("/invoices", body)["id"]
    issued = (datetime.now(UTC) - timedelta(days=40)).date().isoformat()
    installation.api.post(f"/invoices/{invoice}/finalize", {"issue_date": issued})
    installation.api.post(f"/invoices/{invoice}/reminders")
    error = "550 5.1.1 <ada@harp.example>: Recipient address rejected: User unknown in virtual mailbox table"
    in_database(
        installation.database_url,
        (BOUNCED, invoice, error),
        (
            "INSERT INTO document_problem (id, merchant_id, document_id, kind, message, times, first_at, last_at) "
            "SELECT 'dpr_1', merchant_id, id, 'e_invoice', $2, 3, now(), now() FROM invoice WHERE id = $1",
            invoice,
            "seller.contact_name: fill in who can be asked at the seller: a name or a department [BR-DE-5]",
        ),
    )
    return invoice


def _left_behind(installation: Installation, payment: str, lost: str) -> tuple[str, str, str]:
    """What takes days, or a broken world: put into the database as it would lie there."""
    said = '[{"at": "2026-11-23T09:14:02+00:00", "asked": "look_up", "answer": "the gateway knows nothing of it"}]'
    first = in_database(
        installation.database_url,
        (
            "UPDATE operation SET state = 'needs_review', outcome = NULL, settled_at = NULL, settled_by = NULL, "
            "evidence = $2 WHERE payment_id = $1 AND kind = 'confirm' RETURNING id",
            lost,
            said,
        ),
        (
            "SELECT p.merchant_id, a.gateway_account_id, a.gateway FROM payment p "
            "JOIN attempt a ON a.payment_id = p.id WHERE p.id = $1",
            payment,
        ),
    )
    operation, (merchant, account, gateway) = first[0][0]["id"], tuple(first[1][0].values())
    in_database(
        installation.database_url,
        ("UPDATE payment SET status = 'needs_review' WHERE id = $1", lost),
        (
            "INSERT INTO dispute (id, merchant_id, gateway_account_id, gateway, gateway_dispute_id, payment_id, kind, "
            "status, amount_minor, currency, reason, gateway_reason, gateway_payment_id, gateway_operation_id, "
            "evidence_due_at, withdrawn_minor, written_off_minor, withdrawals, postings, version, created_at, "
            "updated_at) SELECT 'dsp_1', $1, $2, $3, 'dp_1', $4, 'chargeback', 'needs_response', 12900, 'EUR', "
            "'not_received', 'product_not_received', '', '', now() + interval '2 days', 0, 0, 0, 0, 0, now(), now()",
            merchant,
            account,
            gateway,
            payment,
        ),
        (
            "INSERT INTO outbox (topic, subject, due_at, version, tries, parked_at, error) VALUES "
            "('payment.moved', $1, now(), 1, 25, now(), 'TimeoutError: the database did not answer')",
            payment,
        ),
        (
            "INSERT INTO event (id, merchant_id, type, object_id, data, created_at) VALUES "
            '(\'evt_1\', $1, \'incident.late_success\', $2, \'{"operation": "op_1", "kind": "confirm"}\', now())',
            merchant,
            payment,
        ),
        (
            "INSERT INTO approval_request (id, merchant_id, kind, subject, payload, state, requested_by, requested_at, "
            "expires_at, note) VALUES ('apr_1', $1, 'refund', $2, "
            '\'{"amount_minor": 9000, "reason": "goodwill", "told": {}}\', \'pending\', \'shell:\', now(), '
            "now() + interval '2 days', '')",
            merchant,
            payment,
        ),
        (
            "INSERT INTO branding_version (id, merchant_id, version, logo, accent, created_at) "
            "VALUES ('brv_1', $1, 1, $2, '#7a1f3d', now())",
            merchant,
            LOGO,
        ),
    )
    return account, operation, "dsp_1"


def signed_in(installation: Installation, chromium: Browser) -> BrowserContext:
    """An admin's browser: the link sets the password, the password opens the door."""
    link = installation.api.post("/users", {"email": f"{uuid4().hex[:8]}@acme.example", "role": "admin"})
    context = chromium.new_context(locale="en-GB", viewport=WIDTHS["desk"])
    context.add_init_script(LISTENER)
    page = context.new_page()
    page.goto(link["link"])
    page.fill("#password", PASSWORD)
    page.fill("#again", PASSWORD)
    page.get_by_role("button", name="Set the password").click()
    page.wait_for_url("**/console/login**")
    page.fill("input[name=email]", link["email"])
    page.fill("input[name=password]", PASSWORD)
    page.get_by_role("button", name="Sign in").first.click()
    page.wait_for_url("**/console/payments")
    page.close()
    return context


def looked_at(page: Page, installation: Installation, name: str, path: str, width: str) -> list[str]:
    """What is wrong with a page; its picture is taken."""
    wrong = list[str]()
    listener = lambda said: wrong.append(f"{name}: {said.text}") if said.type == "error" else None  # noqa: E731
    page.on("console", listener)
    answer = page.goto(f"{installation.url}{path}")
    page.wait_for_load_state("networkidle")
    if answer is None or answer.status != 200:
        wrong.append(f"{name}: {answer and answer.status}")
    wrong += [f"{name}: refused {it}" for it in page.evaluate("window.refused")]
    wrong += [f"{name} {width}: sticks out: {it}" for it in page.evaluate(STICKS_OUT)]
    if page.evaluate("document.documentElement.scrollWidth > window.innerWidth"):
        wrong.append(f"{name} {width}: scrolls sideways")
    page.screenshot(path=str(PICTURES / f"console-{name}-{width}.png"), full_page=True)
    page.remove_listener("console", listener)
    return wrong


def test_no_page_offends_its_policy_or_sticks_out_at_either_width(
    installation: Installation, places: dict[str, str], chromium: Browser
) -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    context, wrong = signed_in(installation, chromium), list[str]()
    page = context.new_page()
    for width, size in WIDTHS.items():
        page.set_viewport_size(size)
        for name, path in places.items():
            wrong += looked_at(page, installation, name, path, width)
    context.close()
    assert not wrong, "\n".join(wrong)


def test_a_refund_is_made_with_two_clicks_and_is_told(
    installation: Installation, places: dict[str, str], chromium: Browser
) -> None:
    context = signed_in(installation, chromium)
    page, complaints = context.new_page(), list[str]()
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    page.goto(f"{installation.url}{places['payment']}")
    page.get_by_text("Refund…").click()
    page.screenshot(path=str(PICTURES / "console-payment-refund-desk.png"), full_page=True)
    page.fill("#refund-amount", "1.50")
    page.fill("#refund-reason", "too late")
    page.get_by_role("button", name="Go on").click()
    expect(page.get_by_role("heading", name="Refund €1.50?")).to_be_visible(timeout=PATIENCE_MS)
    page.screenshot(path=str(PICTURES / "console-confirm-desk.png"), full_page=True)
    page.get_by_role("button", name="Refund").click()
    expect(page.get_by_role("status")).to_contain_text("refund", timeout=PATIENCE_MS)
    expect(page.get_by_text("too late").first).to_be_visible()
    assert complaints == []
    context.close()

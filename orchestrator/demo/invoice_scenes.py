"""The scenes of invoices: issued in two languages and currencies, mailed, paid by link, one after a failover."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import date, timedelta
from typing import Any

from orchestrator.demo.browser import Browser
from orchestrator.demo.checks import StoryFailed, until
from orchestrator.demo.stage import Scene, Stage, path_of, shown
from orchestrator.demo.world import VISA

NET_DAYS = 30
AUSTRIAN = {
    "name": "Alpenklang Handels GmbH",
    "email": "buchhaltung@alpenklang.example",
    "country": "AT",
    "locale": "de",
    "address_lines": ["Getreidegasse 9"],
    "postal_code": "5020",
    "city": "Salzburg",
    "vat_id": "ATU13585627",
}
JAPANESE = {
    "name": "株式会社ひびき楽器",
    "email": "keiri@hibiki.example",
    "country": "JP",
    "locale": "ja",
    "address_lines": ["銀座四丁目5番11号"],
    "postal_code": "104-0061",
    "city": "東京都中央区",
}
REVERSE_CHARGE, EXPORT = {"kind": "reverse_charge"}, {"kind": "export"}


def german_invoice(stage: Stage) -> str:
    lines = [
        {"description": "Oszilloskop NW-200", "quantity": "2", "unit_price": "1249.00", "tax": REVERSE_CHARGE},
        {
            "description": "Kalibrierung vor Ort (Stunden)",
            "quantity": "3.5",
            "unit_price": "96.50",
            "tax": REVERSE_CHARGE,
        },
    ]
    invoice, pdf_kb = _issue(stage, AUSTRIAN, "EUR", lines)
    stage.checks.equal("German invoice: tax", invoice["tax"]["amount"], 0)
    stage.checks.equal("German invoice: total", invoice["total"]["amount"], 283_575)
    paid = _pay_by_link(stage, invoice, ["adyen"])
    return f"{paid['number']}, {shown(paid['total'])}, reverse charge, NET 30, mailed ({pdf_kb} kB PDF), paid by link"


def japanese_invoice(stage: Stage) -> str:
    lines = [{"description": "チューナー NW-7", "quantity": "12", "unit_price": "8400", "tax": EXPORT}]
    invoice, pdf_kb = _issue(stage, JAPANESE, "JPY", lines)
    stage.checks.equal("Japanese invoice: total", invoice["total"]["amount"], 100_800)
    paid = _pay_by_link(stage, invoice, ["adyen", "stripe"], down="adyen")
    what = f"{paid['number']}, {shown(paid['total'])}"
    return f"{what}, NET 30, mailed ({pdf_kb} kB PDF), paid at Stripe while Adyen was down"


def _issue(
    stage: Stage, buyer: dict[str, Any], currency: str, lines: list[dict[str, Any]]
) -> tuple[dict[str, Any], int]:
    """Draft, issue, see the mail and keep the PDF. Returns the invoice and the size of its PDF."""
    customer = stage.api.post("/customers", buyer)
    draft = stage.api.post(
        "/invoices",
        {"customer_id": customer["id"], "currency": currency, "terms": {"net_days": NET_DAYS}, "lines": lines},
    )
    invoice: dict[str, Any] = stage.api.post(f"/invoices/{draft['id']}/finalize")
    due = date.fromisoformat(invoice["issue_date"]) + timedelta(days=NET_DAYS)
    stage.checks.equal(f"{invoice['number']}: due date", invoice["due_date"], due.isoformat())
    pdf = stage.api.download(f"/invoices/{draft['id']}/pdf")
    stage.checks.that(f"{invoice['number']}: its PDF is one", pdf.startswith(b"%PDF-"))
    (stage.out / f"{invoice['number']}.pdf").write_bytes(pdf)
    mail = until(
        f"{invoice['number']} is mailed to {buyer['email']}",
        lambda: next(iter(stage.world.mails_to(buyer["email"])), None),
    )
    stage.checks.that(f"{invoice['number']}: the mail links to it", str(invoice["hosted_url"]) in mail["text"])
    stage.checks.that(f"{invoice['number']}: the mail carries the PDF", stage.world.attachment(mail) == pdf)
    return invoice, len(pdf) // 1000


def _pay_by_link(
    stage: Stage, invoice: dict[str, Any], gateways: list[str], *, down: str | None = None
) -> dict[str, Any]:
    """The buyer opens the link of the mail, presses "pay", and gives a card to the vault's fields."""
    with Browser() as browser, ExitStack() as meanwhile:
        page = browser.open(invoice["hosted_url"])
        form = next((form for form in page.forms if form.action.endswith("/pay")), None)
        if form is None:
            raise StoryFailed(f"the page of {invoice['number']} has no way to pay")
        checkout = browser.submit(form)
        if down:
            meanwhile.enter_context(stage.world.outage(down))
        answer = browser.pay(checkout, stage.world.card(VISA, holder="Bea Example"))
        stage.checks.equal(f"{invoice['number']}: what the payer sees", answer["status"], "succeeded")

    def look() -> dict[str, Any] | None:
        found: dict[str, Any] = stage.api.get(f"/invoices/{invoice['id']}")
        return found if found["state"] == "paid" else None

    paid = until(f"{invoice['number']} is paid", look)
    stage.checks.equal(f"{invoice['number']}: owed", paid["owed"]["amount"], 0)
    [payment] = [p for p in stage.api.pages("/payments") if p["reference"] == invoice["number"]]
    stage.payments[f"invoice {invoice['number']}"] = payment["id"]
    done = stage.captured(str(invoice["number"]), payment["id"], *gateways)
    stage.checks.equal(f"{invoice['number']}: gateways", path_of(done), gateways)
    stage.invoices.append(paid)
    return paid


SCENES = (
    Scene("A German invoice", german_invoice),
    Scene("A Japanese invoice", japanese_invoice),
)

"""The first page of every document of the matrix, and of receipt, statement and reminder, side by side as one picture.

`python -m tests.unit.invoicing.contact_sheet` writes docs/images/invoices.webp anew; the same documents give the same.
"""

from __future__ import annotations

from pathlib import Path

from PIL import Image, ImageDraw, ImageFont
from rich.progress import track

from invoicing.rendering import Branding, InvoiceView, View, render_html, render_pdf
from tests.unit.invoicing.drawn_accounts import account, letter_with_charges, parties_in, receipt, statement
from tests.unit.invoicing.drawn_invoices import picture_of
from tests.unit.invoicing.invoice_matrix import CASES, issued

SHEET = Path(__file__).parents[3] / "docs" / "images" / "invoices.webp"
PAY_URL = "https://pay.example/i/0198f0c2b5e47a5c"
COLUMNS, WIDTH, HEIGHT, GAP, CAPTION = 9, 400, 566, 14, 22
BESIDE_A4 = 620 / 595  # the scale at which a page is drawn, before it is made small
# Merchants look different.
ACCENTS = {"FR": "#1d4ed8", "IT": "#7a1fa2", "PL": "#b3261e", "GB": "#1f2937", "JP": "#8a3b12", "AE": "#166534"}


def main() -> None:
    """Write the sheet."""
    pages = [(name, view, locale) for name, (view, locale) in _views().items()]
    rows = -(-len(pages) // COLUMNS)
    size = (COLUMNS * (WIDTH + GAP) + GAP, rows * (HEIGHT + CAPTION + GAP) + GAP)
    sheet = Image.new("RGB", size, "#e5e7eb")
    for at, (name, view, locale) in enumerate(track(pages, description="pages", transient=True)):
        corner = (GAP + at % COLUMNS * (WIDTH + GAP), GAP + at // COLUMNS * (HEIGHT + CAPTION + GAP))
        _put(sheet, corner, name, render_pdf(render_html(view, locale)))
    SHEET.parent.mkdir(exist_ok=True)
    sheet.save(SHEET, quality=78, method=6)
    print(f"{SHEET.relative_to(Path.cwd())}: {len(pages)} documents, {SHEET.stat().st_size // 1000} kB")


def _views() -> dict[str, tuple[View, str]]:
    views: dict[str, tuple[View, str]] = {}
    for number, (name, case) in enumerate(CASES.items(), start=1):
        document = issued(case, f"INV-2026-{number:05}")
        look = Branding(accent=ACCENTS[name[:2]]) if name[:2] in ACCENTS else Branding()
        view = InvoiceView(document=document, pay_url=PAY_URL, branding=look, valid_until=document.due_date)
        views[name] = (view, document.content.locale)
    views["receipt"] = (receipt(), "en")
    views["receipt, in Japanese"] = (receipt(**parties_in("ja")), "ja")
    views["statement of account"] = (statement(account(12)), "fr")
    views["statement, in Arabic"] = (statement(account(6), account(4, "USD"), **parties_in("ar")), "ar")
    views["final notice with interest"] = (letter_with_charges(), "de")
    return views


def _put(sheet: Image.Image, corner: tuple[int, int], name: str, pdf: bytes) -> None:
    """A page on its card, with its name below."""
    page = picture_of(pdf, scale=BESIDE_A4 * 2)
    page.thumbnail((WIDTH, HEIGHT), Image.Resampling.LANCZOS)
    sheet.paste("#ffffff", (*corner, corner[0] + WIDTH, corner[1] + HEIGHT))
    sheet.paste(page.convert("RGB"), corner)
    below = (corner[0], corner[1] + HEIGHT + 4)
    ImageDraw.Draw(sheet).text(below, name, fill="#374151", font=ImageFont.load_default(size=13))


if __name__ == "__main__":
    main()

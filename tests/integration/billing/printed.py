"""What is on a PDF, and the drawing process of these tests."""

from __future__ import annotations

import asyncio
from io import BytesIO

from PIL import Image
from pypdf import PdfReader

from invoicing.documents import DocumentType
from invoicing.rendering import Branding, InvoiceView
from orchestrator.access.store import MerchantRow
from orchestrator.billing import branding_samples, pdf
from orchestrator.clock_port import now

LOGO_SIZE = (83, 41)
MERCHANT = MerchantRow("mer_1", "Acme GmbH", {"country": "DE"}, now())


def text_of(content: bytes) -> str:
    return "\n".join(page.extract_text() for page in PdfReader(BytesIO(content)).pages)


def logos_on(content: bytes) -> bool:
    """Whether the picture that `png` makes is there; codes by which to pay are of another size."""
    images = (image for page in PdfReader(BytesIO(content)).pages for image in page.images)
    return any(image.image is not None and image.image.size == LOGO_SIZE for image in images)


def has_colour(content: bytes, red: str, green: str, blue: str) -> bool:
    """Whether anything is filled with the colour, given as the PDF writes its parts."""
    contents = PdfReader(BytesIO(content)).pages[0].get_contents()
    assert contents is not None
    return f"{red} {green} {blue} rg".encode() in contents.get_data()


def png() -> bytes:
    written = BytesIO()
    Image.new("RGB", LOGO_SIZE, "#336699").save(written, "PNG")
    return written.getvalue()


async def warm_process() -> pdf._Process:
    """The one drawing process of an installation that has one."""
    document = branding_samples.sample_of(MERCHANT, DocumentType.INVOICE, now().date(), bare=True)
    await pdf.draw(InvoiceView(document=document, branding=Branding()), "en")
    found: pdf._Process = await asyncio.get_running_loop().run_in_executor(pdf._threads(), lambda: pdf._here.process)
    return found

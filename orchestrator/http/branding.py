"""Routes of how a merchant's documents look: logo, colour, and a preview."""

import hashlib
from datetime import datetime
from typing import Annotated

import msgspec
from litestar import Response, delete, get, post, put
from litestar.params import JSONBody, RawBody
from msgspec import Meta

from invoicing.branding_store import BrandingRow
from invoicing.documents import DocumentType
from invoicing.rendering.branding import MAX_LOGO_BYTES
from invoicing.rendering.merchant_templates import MAX_SOURCE_BYTES
from orchestrator.billing import branding, branding_samples
from orchestrator.errors import InvalidField, NotFound
from orchestrator.http.auth import ApiRequest, merchant_of, needs
from orchestrator.http.invoices import READ, WRITE
from orchestrator.http.openapi import FileTaken, Keyed
from orchestrator.http.problems import PROBLEMS
from orchestrator.http.schemas import Input, Locale

Accent = Annotated[str, Meta(max_length=7, description="`#rrggbb`, dark enough for text.", examples=["#0f5f5c"])]
TemplateSource = Annotated[str, Meta(min_length=1, max_length=MAX_SOURCE_BYTES, examples=["<p>{{ number }}</p>"])]
_PNG = "image/png"


class BrandingInput(Input):
    """The colour of headings and rules on documents."""

    accent: Accent


class LogoBody(msgspec.Struct, kw_only=True):
    """The logo as it is kept: drawn anew of what was sent."""

    media_type: str
    size_bytes: int
    sha256: str


class BrandingBody(msgspec.Struct, kw_only=True):
    """How documents look that are issued from now on. Version 0 is ours, until something is set."""

    object: str = "branding"
    version: int
    accent: str
    logo: LogoBody | None
    changed_at: datetime | None


class PreviewInput(Input):
    """What to look at: what is left out is as it is stored. `logo` is a PNG or an SVG in base64, or empty for none."""

    kind: DocumentType = DocumentType.INVOICE
    locale: Locale | None = None
    accent: Accent | None = None
    logo: Annotated[bytes, Meta(max_length=MAX_LOGO_BYTES)] | None = None
    template: TemplateSource | None = None


@get("/branding", guards=[needs(READ)], responses=PROBLEMS, tags=["branding"], summary="Get the branding")
async def get_branding(request: ApiRequest) -> BrandingBody:
    """The branding in force."""
    return _body(await branding.get(merchant_of(request)))


@put("/branding", guards=[needs(WRITE)], responses=PROBLEMS, tags=["branding"], summary="Set the branding")
async def set_branding(request: ApiRequest, data: JSONBody[BrandingInput]) -> BrandingBody:
    """For documents issued from now on; the logo stays. The audit log keeps what was before."""
    return _body(await branding.set_accent(merchant_of(request), data.accent))


@get(
    "/branding/logo",
    guards=[needs(READ)],
    responses=PROBLEMS,
    media_type=_PNG,
    tags=["branding"],
    summary="Get the logo",
)
async def get_logo(request: ApiRequest) -> Response[bytes]:
    """The picture, a PNG or an SVG."""
    look = (await branding.get(merchant_of(request))).branding
    if not look.logo:
        raise NotFound("logo of", "the merchant")
    headers = {"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "default-src 'none'"}
    return Response(look.logo, media_type=look.logo_type, headers=headers)


@put(
    "/branding/logo",
    guards=[needs(WRITE)],
    responses=PROBLEMS,
    operation_class=FileTaken,
    tags=["branding"],
    summary="Set the logo",
    description=f"The body is a PNG or an SVG of at most {MAX_LOGO_BYTES // 1000} kB, as it is. It is drawn on a "
    "sample first, and then on documents issued from now on.",
)
async def set_logo(request: ApiRequest, body: RawBody) -> BrandingBody:
    if not body:
        raise InvalidField("logo", "is empty; send the picture itself as the body")
    return _body(await branding.set_logo(merchant_of(request), body))


@delete("/branding/logo", guards=[needs(WRITE)], responses=PROBLEMS, tags=["branding"], summary="Delete the logo")
async def delete_logo(request: ApiRequest) -> None:
    """Documents issued from now on have none."""
    await branding.delete_logo(merchant_of(request))


@post(
    "/branding/preview",
    guards=[needs(READ)],
    responses=PROBLEMS,
    operation_class=Keyed,
    status_code=200,
    media_type="application/pdf",
    tags=["branding"],
    summary="Preview the branding",
)
async def preview(request: ApiRequest, data: JSONBody[PreviewInput]) -> Response[bytes]:
    """A sample document as PDF, in the branding and template that are given or stored. Nothing is kept. A template that
    fails or takes too long is refused with the reason."""
    merchant_id = merchant_of(request)
    look = branding.changed(await branding.look_of(merchant_id), accent=data.accent, logo=data.logo)
    given = data.template
    template = branding.checked(given) if given else await branding.template_of(merchant_id, data.kind)
    drawn = await branding_samples.draw(merchant_id, data.kind, look, template, locale=data.locale)
    headers = {"Content-Disposition": 'inline; filename="sample.pdf"'}
    return Response(drawn, media_type="application/pdf", headers=headers, status_code=200)


def _body(row: BrandingRow) -> BrandingBody:
    look = row.branding
    digest = hashlib.sha256(look.logo).hexdigest()
    logo = LogoBody(media_type=look.logo_type, size_bytes=len(look.logo), sha256=digest) if look.logo else None
    return BrandingBody(version=row.version, accent=look.accent, logo=logo, changed_at=row.created_at)


ROUTES = [get_branding, set_branding, get_logo, set_logo, delete_logo, preview]

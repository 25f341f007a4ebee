"""The console's branding: the colour and the logo of documents, and samples to look at them on."""

from typing import Any

from litestar import Request, Response, get, post

from invoicing.documents import DocumentType
from invoicing.rendering.branding import MAX_LOGO_BYTES
from orchestrator.access.scopes import Scope
from orchestrator.billing import branding, branding_samples
from orchestrator.errors import ClearwayError, InvalidField, NotFound
from orchestrator.web import replies
from orchestrator.web.console_desk import NOTHING_SAID, Desk, Said, asked, done, files_of, open_desk, posted
from orchestrator.web.console_setup_views import BrandingView
from orchestrator.web.forms import BODY_MAX_BYTES, text_of
from orchestrator.web.page_policy import headers

PLACE = "/console/branding"
UPLOAD_MAX_BYTES = 5 * MAX_LOGO_BYTES  # what is larger than a logo may be is told so, not cut off
DONE = {
    "colour": "Saved. Documents issued from now on have the colour.",
    "logo": "Saved. Documents issued from now on have the logo.",
    "no-logo": "Taken away. Documents issued from now on have no logo.",
}


@get(PLACE)
async def branding_page(request: Request[Any, Any, Any]) -> Response[str]:
    """How documents look that are issued from now on."""
    return await _page(await open_desk(request, Scope.INVOICES_READ), done(request, DONE))


@post(PLACE, request_max_body_size=BODY_MAX_BYTES)
async def set_colour(request: Request[Any, Any, Any]) -> Response[Any]:
    """Another colour."""
    desk, form = await posted(request, Scope.INVOICES_WRITE)
    accent = text_of(form, "accent").strip()
    try:
        await branding.set_accent(desk.merchant_id, accent)
    except ClearwayError as refused:
        return await _page(desk, Said.no(refused), accent)
    return replies.redirect(f"{PLACE}?done=colour")


@post(PLACE + "/logo", request_max_body_size=UPLOAD_MAX_BYTES)
async def set_logo(request: Request[Any, Any, Any]) -> Response[Any]:
    """Another logo, after it was drawn on a sample."""
    desk, form = await posted(request, Scope.INVOICES_WRITE)
    files = files_of(form, "logo")
    try:
        if not files:
            raise InvalidField("logo", "is needed: choose a picture")
        await branding.set_logo(desk.merchant_id, await files[0].read())
    except ClearwayError as refused:
        return await _page(desk, Said.no(refused))
    return replies.redirect(f"{PLACE}?done=logo")


@post(PLACE + "/logo/delete", request_max_body_size=BODY_MAX_BYTES)
async def delete_logo(request: Request[Any, Any, Any]) -> Response[Any]:
    """No logo any more."""
    desk, _ = await posted(request, Scope.INVOICES_WRITE)
    await branding.delete_logo(desk.merchant_id)
    return replies.redirect(f"{PLACE}?done=no-logo")


@get(PLACE + "/logo")
async def logo_picture(request: Request[Any, Any, Any]) -> Response[bytes]:
    """The logo for the page. Raises NotFound."""
    desk = await open_desk(request, Scope.INVOICES_READ)
    row = await branding.get(desk.merchant_id)
    if not row.branding.logo:
        raise NotFound("logo of", "the merchant")
    kept = {**headers(), "Content-Security-Policy": "default-src 'none'"}
    return Response(row.branding.logo, media_type=row.branding.logo_type, headers=kept)


@get(PLACE + "/sample")
async def sample(request: Request[Any, Any, Any]) -> Response[Any]:
    """A document that was never issued, in the branding and template that are stored, or in the colour that is asked
    for."""
    desk = await open_desk(request, Scope.INVOICES_READ)
    kind = DocumentType(asked(request, "kind", "|".join(DocumentType)) or DocumentType.INVOICE)
    accent = asked(request, "accent", "#[0-9a-fA-F]{6}") or None
    try:
        look = branding.changed(await branding.look_of(desk.merchant_id), accent=accent)
        template = await branding.template_of(desk.merchant_id, kind)
        drawn = await branding_samples.draw(desk.merchant_id, kind, look, template)
    except ClearwayError as refused:
        return await _page(desk, Said.no(refused), accent or "")
    kept = {**headers(), "Content-Disposition": 'inline; filename="sample.pdf"'}
    return Response(drawn, media_type="application/pdf", headers=kept)


async def _page(desk: Desk, said: Said = NOTHING_SAID, typed: str = "") -> Response[str]:
    row = await branding.get(desk.merchant_id)
    own = [kind for kind in DocumentType if await branding.template_of(desk.merchant_id, kind) is not None]
    view = BrandingView(
        shell=desk.shell,
        accent=row.branding.accent,
        typed=typed or row.branding.accent,
        logo_url=f"{PLACE}/logo?version={row.version}" if row.branding.logo else "",
        changed_at=row.created_at,
        kinds=tuple(DocumentType),
        own_templates=tuple(own),
        may_change=desk.may(Scope.INVOICES_WRITE),
        notice=said.notice,
        error=said.error,
    )
    return desk.page(view, said.status)


ROUTES = [branding_page, set_colour, set_logo, delete_logo, logo_picture, sample]

"""The look of a merchant's pages as their branding has it now, and the picture of the logo."""

from litestar import Response, get
from litestar.params import FromPath

from invoicing import branding_store
from orchestrator.errors import NotFound
from orchestrator.web.accents import OURS, Look

PLACE = "/logos"
_FOR_EVER = "public, max-age=31536000, immutable"  # RFC 8246: another logo is another version


async def look_of(merchant_id: str) -> Look:
    """The colour and the logo of the branding in force; ours where the merchant has none."""
    found = await branding_store.find_look(merchant_id)
    if found is None:
        return OURS
    return Look(found.accent, f"{PLACE}/{found.version_id}" if found.has_logo else "")


@get(PLACE + "/{version:str}", include_in_schema=False)
async def logo_picture(version: FromPath[str]) -> Response[bytes]:
    """The logo of a version of a branding, which stands on documents for all to see. Raises NotFound."""
    branding = await branding_store.find_version(version)
    if branding is None or not branding.logo:
        raise NotFound("logo", version[:40])
    headers = {
        "Cache-Control": _FOR_EVER,
        "X-Content-Type-Options": "nosniff",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Content-Security-Policy": "default-src 'none'; sandbox",  # an SVG that somebody opens by itself
    }
    return Response(branding.logo, media_type=branding.logo_type, headers=headers)

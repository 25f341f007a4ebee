"""How a merchant's documents look: logo, colour and templates of their own, each change a version that is tried first.

An issued document takes the version of its issue; what was drawn once stays as it is.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any

import msgspec

from invoicing import branding_store as store
from invoicing.branding_store import BrandingRow, TemplateRow
from invoicing.documents import DocumentType
from invoicing.rendering import Branding, InvalidBranding, InvalidTemplate, check_template, clean_logo
from orchestrator import clock_port
from orchestrator.access import audit
from orchestrator.billing import branding_samples, document_problems
from orchestrator.billing.pdf import DrawingFailed
from orchestrator.db import hold, transaction
from orchestrator.errors import InvalidField, NotFound
from orchestrator.ids import new_id

OURS = BrandingRow(version=0, branding=Branding(), created_at=None)


async def get(merchant_id: str) -> BrandingRow:
    """The branding in force; version 0, ours, where the merchant has none."""
    return await store.find_branding(merchant_id) or OURS


async def look_of(merchant_id: str, at: datetime | None = None) -> Branding:
    """What documents are drawn with now, or what they were at a moment."""
    found = await store.find_branding(merchant_id, at)
    return found.branding if found else OURS.branding


async def set_accent(merchant_id: str, accent: str) -> BrandingRow:
    """The colour of documents issued from now on, as `#rrggbb`. Raises InvalidField where it is hard to read."""
    return await _change(merchant_id, changed(Branding(), accent=accent), ("accent",))


async def set_logo(merchant_id: str, image: bytes) -> BrandingRow:
    """The logo of documents issued from now on. Raises InvalidField for what is no clean PNG or SVG, or cannot be drawn
    on a sample in time; Busy."""
    given = changed(Branding(), logo=image)
    try:
        await branding_samples.draw(merchant_id, DocumentType.INVOICE, given)
    except DrawingFailed as failed:
        raise InvalidField("logo", f"could not be drawn ({failed.reason}); make it simpler, or try again") from None
    return await _change(merchant_id, given, ("logo",))


async def delete_logo(merchant_id: str) -> None:
    """Documents issued from now on have none."""
    if (await get(merchant_id)).branding.logo:
        await _change(merchant_id, Branding(), ("logo",))


async def get_template(merchant_id: str, kind: DocumentType) -> TemplateRow:
    """Raises NotFound where documents of the kind are drawn with ours."""
    found = await store.find_template(merchant_id, kind)
    if found is None or found.source is None:
        raise NotFound("template of the kind", kind.value)
    return found


async def template_of(merchant_id: str, kind: DocumentType, at: datetime | None = None) -> str | None:
    """The source of the merchant's own template, now or at a moment; None where documents are drawn with ours."""
    found = await store.find_template(merchant_id, kind, at)
    return found.source if found else None


async def set_template(merchant_id: str, kind: DocumentType, source: str) -> TemplateRow:
    """Have documents of the kind that are issued from now on drawn with this template.

    It is drawn on two samples first, of which one has everything on it and the other as little as can be. Raises
    InvalidField naming the line, DrawingFailed, Busy.
    """
    checked(source)
    look = await look_of(merchant_id)
    for bare in (False, True):
        await branding_samples.draw(merchant_id, kind, look, source, bare=bare)
    return await _change_template(merchant_id, kind, source)


async def delete_template(merchant_id: str, kind: DocumentType) -> None:
    """Documents of the kind that are issued from now on are drawn with ours. Raises NotFound where they are already."""
    await get_template(merchant_id, kind)
    await _change_template(merchant_id, kind, None)


def changed(look: Branding, *, accent: str | None = None, logo: bytes | None = None) -> Branding:
    """The branding with what is given checked and put in; an empty logo is none. Raises InvalidField."""
    try:
        return Branding(
            logo=look.logo if logo is None else logo and clean_logo(logo),
            accent=look.accent if accent is None else accent,
        )
    except InvalidBranding as wrong:
        raise InvalidField(wrong.field.removeprefix("branding."), wrong.message) from None


def checked(source: str) -> str:
    """The template, if nothing is in it that may not be. Raises InvalidField naming the line."""
    try:
        check_template(source)
    except InvalidTemplate as wrong:
        raise InvalidField(wrong.field, wrong.message) from None
    return source


async def _change(merchant_id: str, given: Branding, fields: tuple[str, ...]) -> BrandingRow:
    """Put some fields of `given` over what there is, as a further version."""
    now = clock_port.now()
    async with transaction():
        await hold(f"branding {merchant_id}")
        before = await get(merchant_id)
        look = msgspec.structs.replace(before.branding, **{field: getattr(given, field) for field in fields})
        after = BrandingRow(version=before.version + 1, branding=look, created_at=now)
        await store.insert_branding(new_id("brv"), merchant_id, version=after.version, branding=look, created_at=now)
        await _audit(merchant_id, {"branding": _told(before)}, {"branding": _told(after)}, now)
    return after


async def _change_template(merchant_id: str, kind: DocumentType, source: str | None) -> TemplateRow:
    now = clock_port.now()
    async with transaction():
        await hold(f"template {merchant_id} {kind}")
        before = await store.find_template(merchant_id, kind)
        after = TemplateRow(kind=kind, version=before.version + 1 if before else 1, source=source, created_at=now)
        await store.insert_template(
            new_id("dtv"), merchant_id, kind=kind, version=after.version, source=source, created_at=now
        )
        await document_problems.solve_templates(merchant_id, kind, now)
        name = f"{kind}_template"
        await _audit(merchant_id, {name: _told_template(before)}, {name: _told_template(after)}, now)
    return after


async def _audit(merchant_id: str, before: dict[str, Any], after: dict[str, Any], now: datetime) -> None:
    kind = audit.Action.SETTING_CHANGED
    await audit.record(merchant_id, kind, merchant_id, now, before=before, after=after)


def _told(row: BrandingRow) -> dict[str, Any]:
    """The pictures themselves are in the versions; the audit log tells which it was."""
    logo = hashlib.sha256(row.branding.logo).hexdigest() if row.branding.logo else None
    return {"version": row.version, "accent": row.branding.accent, "logo_sha256": logo}


def _told_template(row: TemplateRow | None) -> dict[str, Any] | None:
    if row is None:
        return None
    return {
        "version": row.version,
        "sha256": hashlib.sha256(row.source.encode()).hexdigest() if row.source is not None else None,
    }

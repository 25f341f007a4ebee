"""Every query on how a merchant's documents look: the versions of its branding and of its templates. Opens no
transaction."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from invoicing.drafts import DocumentType
from invoicing.rendering.branding import Branding
from invoicing.tables import BrandingVersion, DocumentTemplateVersion


class BrandingRow(msgspec.Struct, frozen=True, kw_only=True):
    """A version of a merchant's branding; version 0 is ours, until they have one."""

    version: int
    branding: Branding
    created_at: datetime | None


class LookRow(msgspec.Struct, frozen=True, kw_only=True):
    """What a page needs to know of the branding in force, without the picture itself."""

    version_id: str
    accent: str
    has_logo: bool


class TemplateRow(msgspec.Struct, frozen=True, kw_only=True):
    """A version of a merchant's template. Without `source` it was taken away."""

    kind: DocumentType
    version: int
    source: str | None
    created_at: datetime


async def insert_branding(
    version_id: str, merchant_id: str, *, version: int, branding: Branding, created_at: datetime
) -> None:
    await BrandingVersion.insert(
        BrandingVersion(
            id=version_id,
            merchant_id=merchant_id,
            version=version,
            logo=branding.logo,
            accent=branding.accent,
            created_at=created_at,
        )
    )


async def find_branding(merchant_id: str, at: datetime | None = None) -> BrandingRow | None:
    """The branding as it is, or as it was at a moment; None where the merchant had none."""
    query = BrandingVersion.select().where(BrandingVersion.merchant_id == merchant_id)
    if at is not None:
        query = query.where(BrandingVersion.created_at <= at)
    rows = await query.order_by(BrandingVersion.version, ascending=False).limit(1)
    return _branding(rows[0]) if rows else None


async def find_look(merchant_id: str) -> LookRow | None:
    """Of the branding as it is; None where the merchant had none."""
    rows = await BrandingVersion.raw(
        "SELECT id AS version_id, accent, length(logo) > 0 AS has_logo FROM branding_version WHERE merchant_id = {} "
        "ORDER BY version DESC LIMIT 1",
        merchant_id,
    )
    return msgspec.convert(rows[0], LookRow) if rows else None


async def find_version(version_id: str) -> Branding | None:
    """The branding of a version, whoever's; None where there is none."""
    row = await BrandingVersion.select().where(BrandingVersion.id == version_id).first()
    return _branding(row).branding if row else None


async def insert_template(
    version_id: str, merchant_id: str, *, kind: DocumentType, version: int, source: str | None, created_at: datetime
) -> None:
    await DocumentTemplateVersion.insert(
        DocumentTemplateVersion(
            id=version_id,
            merchant_id=merchant_id,
            kind=kind.value,
            version=version,
            source=source,
            created_at=created_at,
        )
    )


async def find_template(merchant_id: str, kind: DocumentType, at: datetime | None = None) -> TemplateRow | None:
    """The last version of the template, be it taken away, or the last at a moment; None where there never was one."""
    table = DocumentTemplateVersion
    query = table.select().where(table.merchant_id == merchant_id, table.kind == kind.value)
    if at is not None:
        query = query.where(table.created_at <= at)
    rows = await query.order_by(table.version, ascending=False).limit(1)
    return _template(rows[0]) if rows else None


def _branding(row: dict[str, Any]) -> BrandingRow:
    look = Branding(logo=bytes(row["logo"]), accent=row["accent"])
    return BrandingRow(version=row["version"], branding=look, created_at=row["created_at"])


def _template(row: dict[str, Any]) -> TemplateRow:
    return TemplateRow(
        kind=DocumentType(row["kind"]), version=row["version"], source=row["source"], created_at=row["created_at"]
    )

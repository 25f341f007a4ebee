"""Routes of a merchant's own templates of documents."""

from datetime import datetime

import msgspec
from litestar import delete, get, put
from litestar.params import FromPath, JSONBody

from invoicing.branding_store import TemplateRow
from invoicing.documents import DocumentType
from orchestrator.billing import branding
from orchestrator.http.auth import ApiRequest, merchant_of, needs
from orchestrator.http.branding import TemplateSource
from orchestrator.http.invoices import READ, WRITE
from orchestrator.http.problems import PROBLEMS
from orchestrator.http.schemas import Input


class TemplateInput(Input):
    """The source: a whole page, or `{% extends "invoice.html" %}` and the blocks that are different."""

    template: TemplateSource


class TemplateBody(msgspec.Struct, kw_only=True):
    """A template of the merchant's own, in force for documents issued from `changed_at` on."""

    object: str = "document_template"
    kind: DocumentType
    version: int
    template: str
    changed_at: datetime


@get(
    "/document-templates/{kind:str}",
    guards=[needs(READ)],
    responses=PROBLEMS,
    tags=["branding"],
    summary="Get a document template",
)
async def get_document_template(request: ApiRequest, kind: FromPath[DocumentType]) -> TemplateBody:
    """The template in force; 404 where documents of the kind are drawn with ours."""
    return _body(await branding.get_template(merchant_of(request), kind))


@put(
    "/document-templates/{kind:str}",
    guards=[needs(WRITE)],
    responses=PROBLEMS,
    tags=["branding"],
    summary="Set a document template",
)
async def set_document_template(
    request: ApiRequest, kind: FromPath[DocumentType], data: JSONBody[TemplateInput]
) -> TemplateBody:
    """For documents issued from now on. What it may not have in it, and what fails on a sample, is refused with the
    line. The audit log keeps which it was before."""
    return _body(await branding.set_template(merchant_of(request), kind, data.template))


@delete(
    "/document-templates/{kind:str}",
    guards=[needs(WRITE)],
    responses=PROBLEMS,
    tags=["branding"],
    summary="Delete a document template",
)
async def delete_document_template(request: ApiRequest, kind: FromPath[DocumentType]) -> None:
    """Documents of the kind that are issued from now on are drawn with ours."""
    await branding.delete_template(merchant_of(request), kind)


def _body(row: TemplateRow) -> TemplateBody:
    return TemplateBody(kind=row.kind, version=row.version, template=row.source or "", changed_at=row.created_at)


ROUTES = [get_document_template, set_document_template, delete_document_template]

"""Files and their links (docs.stripe.com/file-upload). Uploads come to the same port as the API."""

from __future__ import annotations

import base64
import secrets
from datetime import timedelta
from typing import Any

from simulators.asgi import Request, Response
from simulators.stripe.calls import Call
from simulators.stripe.errors import StripeError, invalid, missing_resource
from simulators.stripe.form import choice, integer, mapping, metadata, only, required, text
from simulators.stripe.objects import new_id, unix
from simulators.stripe.paging import chosen, page
from simulators.stripe.state import state_of, table
from simulators.world import World

_PURPOSES = (
    *("account_requirement", "additional_verification", "business_icon", "business_logo", "customer_signature"),
    *("dispute_evidence", "identity_document", "pci_document", "tax_document_user_upload"),
)
_MAGIC = {b"%PDF": "pdf", b"\x89PNG": "png", b"\xff\xd8\xff": "jpg"}
_MOST_BYTES = {"dispute_evidence": 5 * 1024 * 1024}  # docs.stripe.com/api/files/create
_TYPES = {"pdf": "application/pdf", "png": "image/png", "jpg": "image/jpeg", "csv": "text/csv"}
_LINK_LASTS = timedelta(days=180)


class Files:
    def __init__(self, world: World) -> None:
        self._world = world

    def create(self, call: Call) -> dict[str, Any]:
        only(call.form, "purpose", "file", "file_link_data")
        purpose = choice(call.form, "purpose", _PURPOSES)
        sent = mapping(call.form, "file")
        if "content" not in sent:
            raise invalid("Missing required param: file.", "file", "parameter_missing")
        content = base64.b64decode(sent["content"])
        kind = next((name for magic, name in _MAGIC.items() if content.startswith(magic)), "")
        if purpose == "dispute_evidence" and not kind:
            raise StripeError(400, "The file you uploaded is not supported: use PDF, JPEG or PNG.", param="file")
        if len(content) > _MOST_BYTES.get(purpose, 16 * 1024 * 1024):
            raise StripeError(400, "The file is too large.", param="file")
        return store_file(self._world, call.account, text(sent, "filename"), kind or None, purpose, content)

    def retrieve(self, call: Call) -> dict[str, Any]:
        return table(self._world, "file").find(call.account, call.id)

    def list_all(self, call: Call) -> dict[str, Any]:
        return page("/v1/files", chosen(table(self._world, "file").of(call.account), call.form, "purpose"), call.form)

    def contents(self, call: Call) -> Response:
        file = table(self._world, "file").find(call.account, call.id)
        return _download(file, state_of(self._world).contents[call.id])

    def create_link(self, call: Call) -> dict[str, Any]:
        only(call.form, "expires_at", "file", "metadata")
        file = table(self._world, "file").find(call.account, required(call.form, "file"), "file", 400)
        now = unix(self._world.clock.now())
        expires = integer(call.form, "expires_at", 0) or None
        if expires is not None and expires <= now:
            raise invalid("expires_at must be in the future.", "expires_at")
        shown = {
            "id": new_id("link"),
            "object": "file_link",
            "created": now,
            "expired": False,
            "expires_at": expires,
            "file": file["id"],
            "livemode": False,
            "metadata": metadata(call.form),
            "url": f"{self._world.urls.get('stripe', '')}/links/{secrets.token_urlsafe(24)}",
        }
        return table(self._world, "file_link").add(call.account, shown)

    async def open_link(self, request: Request, id: str) -> Response:
        """Whoever has the link may read the file, while it lasts."""
        now = unix(self._world.clock.now())
        for account, link in table(self._world, "file_link").rows.values():
            until = link["expires_at"] or link["created"] + _LINK_LASTS.total_seconds()
            if link["url"].endswith(f"/links/{id}") and now < until:
                file = table(self._world, "file").find(account, link["file"])
                return _download(file, state_of(self._world).contents[file["id"]])
        return missing_resource("file link", id).response()


def store_file(world: World, account: str, name: str, kind: str | None, purpose: str, content: bytes) -> dict[str, Any]:
    id, now = new_id("file"), unix(world.clock.now())
    state_of(world).contents[id] = content
    shown = {
        "id": id,
        "object": "file",
        "created": now,
        "expires_at": None,
        "filename": name or id,
        "links": {"object": "list", "data": [], "has_more": False, "url": f"/v1/file_links?file={id}"},
        "purpose": purpose,
        "size": len(content),
        "title": None,
        "type": kind,
        "url": f"{world.urls.get('stripe', '')}/v1/files/{id}/contents",
    }
    return table(world, "file").add(account, shown)


def _download(file: dict[str, Any], content: bytes) -> Response:
    return Response(200, content, {"content-type": _TYPES.get(file["type"], "application/octet-stream")})

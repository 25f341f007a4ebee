"""Multipart forms as the Files API takes them: fields, and one file as its name and its bytes in base64."""

from __future__ import annotations

import base64
from email.parser import BytesParser
from email.policy import HTTP

from simulators.stripe.errors import invalid
from simulators.stripe.form import Form, nest


def parse_multipart(body: bytes, content_type: str) -> Form:
    """A part with a file name becomes {"filename", "content"}; the rest are ordinary parameters.

    Raises StripeError 400 for what is not multipart.
    """
    message = BytesParser(policy=HTTP).parsebytes(f"Content-Type: {content_type}\r\n\r\n".encode() + body)
    if not message.is_multipart():
        raise invalid("The body is not multipart/form-data.")
    fields: list[tuple[str, str]] = []
    files: Form = {}
    for part in message.iter_parts():
        name = str(part.get_param("name", header="content-disposition") or "")
        content = part.get_payload(decode=True)
        raw = content if isinstance(content, bytes) else b""
        if part.get_filename() is None:
            fields.append((name, raw.decode()))
        else:
            files[name] = {"filename": part.get_filename(), "content": base64.b64encode(raw).decode()}
    return {**nest(fields), **files}

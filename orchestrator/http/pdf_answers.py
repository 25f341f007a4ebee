"""Documents as PDFs to be downloaded."""

import re
from dataclasses import dataclass

from litestar import Response
from litestar.openapi.spec import OpenAPIFormat, OpenAPIMediaType, OpenAPIResponse, OpenAPIType, Operation, Schema

PDF = "application/pdf"
_BINARY = OpenAPIMediaType(schema=Schema(type=OpenAPIType.STRING, format=OpenAPIFormat.BINARY))


@dataclass
class AlsoPdf(Operation):
    """An operation that answers with JSON, or with a PDF where it is asked to."""

    def __post_init__(self) -> None:
        answer = (self.responses or {}).get("200")
        if isinstance(answer, OpenAPIResponse):
            answer.content = {**(answer.content or {}), PDF: _BINARY}


def pdf_answer(name: str, content: bytes) -> Response[bytes]:
    """A file called as the document is, as far as a file can be."""
    filename = re.sub(r"[^A-Za-z0-9._-]", "-", name)
    return Response(content, media_type=PDF, headers={"Content-Disposition": f'attachment; filename="{filename}.pdf"'})

"""What the OpenAPI document says beyond what Litestar reads off a handler."""

from dataclasses import dataclass

from litestar.openapi.spec import OpenAPIMediaType, OpenAPIType, Operation, Parameter, RequestBody, Schema
from litestar.openapi.spec.enums import OpenAPIFormat

from orchestrator.http.idempotency import HEADER, KEY_CHARS_MAX

_KEY = Parameter(
    name=HEADER,
    param_in="header",
    required=True,
    description="A value of your own, such as a UUID. The same key and body again give the same answer for 24 hours.",
    schema=Schema(type=OpenAPIType.STRING, min_length=1, max_length=KEY_CHARS_MAX),
)


@dataclass
class Keyed(Operation):
    """An operation that needs an Idempotency-Key: every POST under /v1."""

    def __post_init__(self) -> None:
        self.parameters = [*(self.parameters or []), _KEY]


@dataclass
class KeyedFile(Keyed):
    """The same, whose body is a file as it is."""

    def __post_init__(self) -> None:
        super().__post_init__()
        content = OpenAPIMediaType(schema=Schema(type=OpenAPIType.STRING, format=OpenAPIFormat.BINARY))
        self.request_body = RequestBody(content={"application/octet-stream": content}, required=True)

"""What 3-D Secure 2 wants to know of the shopper's browser: what its script tells, and what its requests carry."""

from dataclasses import replace
from typing import Annotated, Any

import msgspec
from litestar import Request

from orchestrator.gateways.credentials import Browser, Shopper
from orchestrator.http.rate_limits import address_of

HEADER_MAX_CHARS = 2048  # browserAcceptHeader and browserUserAgent of EMV 3DS: longer ones are cut
# The script asks for JSON; 3-D Secure asks what the browser takes as a page, and all take this.
PAGE_ACCEPT = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
_DEPTHS = (1, 4, 8, 15, 16, 24, 32, 48)  # browserColorDepth of EMV 3DS knows no others
_Pixels = Annotated[int, msgspec.Meta(ge=0, le=999_999)]
_Language = Annotated[str, msgspec.Meta(max_length=80, pattern=r"^[^\x00-\x1f]*$")]


class BrowserFacts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the page's script tells (EMV 3DS, browser data elements)."""

    language: _Language
    color_depth: Annotated[int, msgspec.Meta(ge=0, le=999)]
    screen_width: _Pixels
    screen_height: _Pixels
    time_zone_offset_minutes: Annotated[int, msgspec.Meta(ge=-1440, le=1440)]


def shopper_of(request: Request[Any, Any, Any], known: Shopper, facts: BrowserFacts | None) -> Shopper:
    """Who sits there now: what was known, with the address and browser of this request."""
    return replace(known, ip=address_of(request), browser=_browser(request, facts) if facts else None)


def _browser(request: Request[Any, Any, Any], facts: BrowserFacts) -> Browser:
    return Browser(
        accept_header=PAGE_ACCEPT,
        user_agent=_header(request, "user-agent"),
        language=facts.language,
        # a depth that EMV does not know (30) is told as the next lower one that it does
        color_depth=max((depth for depth in _DEPTHS if depth <= facts.color_depth), default=1),
        screen_height=facts.screen_height,
        screen_width=facts.screen_width,
        timezone_offset_min=facts.time_zone_offset_minutes,
    )


def _header(request: Request[Any, Any, Any], name: str) -> str:
    return str(request.headers.get(name, ""))[:HEADER_MAX_CHARS].replace("\x00", "")

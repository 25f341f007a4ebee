"""Gets our own payment page as a shopper does, and tells what of it is not as it was authorised."""

from urllib.parse import urljoin
from urllib.request import Request, urlopen

from orchestrator.web.inventory import deviations

TIMEOUT_S = 10
_BYTES_MAX = 2_000_000


def inspect(public_url: str, public_token: str, vault_fields_url: str) -> list[str]:
    """What deviates. Raises OSError where the page cannot be had. Blocks."""
    address = f"{public_url}/pay/{public_token}"
    headers, html = _get(address)
    return deviations(headers, html.decode(), vault_fields_url, lambda url: _get(urljoin(address, url))[1])


def _get(url: str) -> tuple[dict[str, str], bytes]:
    request = Request(url, headers={"User-Agent": "clearway doctor"})  # noqa: S310 - our own address, from settings
    with urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310
        headers = {name.lower(): value for name, value in answer.headers.items()}
        return headers, answer.read(_BYTES_MAX)

"""Every script of the pages on which one pays: what it is for, who let it in, and what it must be, byte for byte.

The list is `payment_page_scripts.json`, kept with the code: a script that is changed is no script of the list until
somebody lets it in again (`clearway scripts --authorise`). PCI DSS 4.0.1, 6.4.3 and 11.6.1.
"""

import base64
import hashlib
import re
from collections.abc import Callable, Mapping
from datetime import date
from importlib.resources import files
from pathlib import Path

import msgspec

from orchestrator.web.page_policy import page_headers

_FILE = "payment_page_scripts.json"
_SCRIPT = re.compile(r"<script\b([^>]*)>(.*?)</script\s*>", re.IGNORECASE | re.DOTALL)
_ATTRIBUTE = re.compile(r'([a-zA-Z-]+)\s*=\s*"([^"]*)"')
# What a script could also come in by, without a script element.
_INLINE = re.compile(r"""<[^>]+\s(on[a-z]+)\s*=|(?:href|src|action)\s*=\s*["']?\s*(javascript):""", re.IGNORECASE)
Fetch = Callable[[str], bytes]


class AuthorisedScript(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A script that may be on a payment page. `integrity` is its subresource integrity, `sha384-…`."""

    file: str
    pages: list[str]
    purpose: str
    authorised_on: date
    authorised_because: str
    integrity: str


def scripts() -> tuple[AuthorisedScript, ...]:
    """The list."""
    content = (files("orchestrator.web") / _FILE).read_bytes()
    return msgspec.json.decode(content, type=tuple[AuthorisedScript, ...])


def integrity_of(body: bytes) -> str:
    """As browsers compare it (https://www.w3.org/TR/SRI/)."""
    return f"sha384-{base64.b64encode(hashlib.sha384(body).digest()).decode()}"


def authorise(file: str, because: str, today: date) -> AuthorisedScript:
    """Let the script in as it is now, in the checkout that this runs from. Raises LookupError for one not listed."""
    listed = scripts()
    known = next((script for script in listed if script.file == file), None)
    if known is None:
        raise LookupError(f"{file} is not in {_FILE}: add its purpose and pages there first")
    body = (files("orchestrator.web") / "static" / file).read_bytes()
    changes = {"integrity": integrity_of(body), "authorised_on": today, "authorised_because": because}
    changed = msgspec.structs.replace(known, **changes)
    kept = [changed if script.file == file else script for script in listed]
    text = msgspec.json.format(msgspec.json.encode(kept), indent=2) + b"\n"
    Path(str(files("orchestrator.web") / _FILE)).write_bytes(text)
    return changed


def table() -> str:
    """The list in Markdown, as docs/pci.md has it."""
    head = "| script | pages | purpose | authorised | integrity |\n|---|---|---|---|---|"
    rows = (
        f"| `{script.file}` | {', '.join(f'`{page}`' for page in script.pages)} | {script.purpose} "
        f"| {script.authorised_on}: {script.authorised_because} | `{script.integrity}` |"
        for script in scripts()
    )
    return "\n".join((head, *rows))


def deviations(headers: Mapping[str, str], html: str, vault_fields_url: str, fetch: Fetch) -> list[str]:
    """What of a payment page, as a browser gets it, is not as it was authorised. `fetch` gets a script's body.

    `headers` by lower-case name. Looks at scripts and at the headers that keep others out.
    """
    found = _header_deviations(headers, vault_fields_url)
    listed = {script.integrity: script for script in scripts()}
    for attributes, inside in _SCRIPT.findall(html):
        given = {name.lower(): value for name, value in _ATTRIBUTE.findall(attributes)}
        address, integrity = given.get("src", ""), given.get("integrity", "")
        if not address or inside.strip():
            found.append("a script stands in the page itself")
        elif integrity not in listed:
            found.append(f"the script {address} is not authorised as it is")
        elif integrity_of(fetch(address)) != integrity:
            found.append(f"the script {address} is another than its integrity says")
    found += [f"code stands in an attribute ({first or second})" for first, second in _INLINE.findall(html)]
    return found


def _header_deviations(headers: Mapping[str, str], vault_fields_url: str) -> list[str]:
    expected = page_headers(vault_fields_url, payment_page=True)
    return [
        f"the header {name} is {'missing' if name.lower() not in headers else 'another'}"
        for name, value in expected.items()
        if headers.get(name.lower()) != value
    ]

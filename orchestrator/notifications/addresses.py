"""Which addresses a merchant may have us call: public ones only, so that nobody looks into our network through us."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import urlsplit

URL_CHARS_MAX = 2_000
HTTPS_PORT = 443

# Not public by the IANA special-purpose registries, whatever this Python's `is_global` knows of them
# (https://www.iana.org/assignments/iana-ipv4-special-registry, …/iana-ipv6-special-registry).
_REFUSED_4 = tuple(
    map(
        ip_network,
        (
            "0.0.0.0/8",
            "10.0.0.0/8",
            "100.64.0.0/10",
            "127.0.0.0/8",
            "169.254.0.0/16",  # link-local, and 169.254.169.254: the metadata service of most clouds
            "172.16.0.0/12",
            "192.0.0.0/24",  # also 192.0.0.192, Oracle's metadata service
            "192.0.2.0/24",
            "192.88.99.0/24",
            "192.168.0.0/16",
            "198.18.0.0/15",
            "198.51.100.0/24",
            "203.0.113.0/24",
            "224.0.0.0/3",  # multicast, reserved, broadcast
            # public by number, and yet each virtual machine's own:
            # https://learn.microsoft.com/azure/virtual-network/what-is-ip-address-168-63-129-16
            "168.63.129.16/32",
        ),
    )
)
# Of IPv6 only global unicast is public, less what carries an IPv4 address inside (6to4, Teredo) or documents.
# NAT64 (64:ff9b::/96), mapped and compatible addresses, fc00::/7 and fe80::/10 lie outside of 2000::/3.
_GLOBAL_6 = ip_network("2000::/3")
_REFUSED_6 = tuple(map(ip_network, ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")))

_PRINTABLE = re.compile(r"[!-~]+")
_HOST = re.compile(r"(?=.{4,253}\Z)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?")
_INNER_NAMES = (".localhost", ".local", ".localdomain", ".internal", ".intranet", ".lan", ".home.arpa", ".corp")


class AddressRefused(ValueError):
    """An address that we do not call. The message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Destination:
    """A checked URL in its parts. `target` is path and query."""

    scheme: str
    host: str
    port: int
    target: str

    @property
    def authority(self) -> str:
        """The value of the Host header."""
        usual = HTTPS_PORT if self.scheme == "https" else 80
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == usual else f"{host}:{self.port}"


def is_public(address: str) -> bool:
    """Whether the IP address is one of the public internet."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, IPv4Address):
        return parsed.is_global and not any(parsed in network for network in _REFUSED_4)
    return (
        parsed in _GLOBAL_6
        and parsed.is_global
        and parsed.scope_id is None
        and not any(parsed in network for network in _REFUSED_6)
    )


def is_loopback(address: str) -> bool:
    try:
        parsed: IPv4Address | IPv6Address = ip_address(address)
    except ValueError:
        return False
    return parsed.is_loopback


def destination(url: str, *, allow_loopback: bool = False) -> Destination:
    """The URL in its parts. Raises AddressRefused for what is not https, port 443, with the name of a public host.

    What a name resolves to is looked at when a message is sent. `allow_loopback` is for the demo: this machine may be
    named, with any port and without TLS.
    """
    if len(url) > URL_CHARS_MAX or not _PRINTABLE.fullmatch(url) or "\\" in url:
        raise AddressRefused(f"must be an address of at most {URL_CHARS_MAX} printable ASCII characters")
    try:
        parts = urlsplit(url)
        port, host = parts.port, (parts.hostname or "").removesuffix(".")
    except ValueError:  # a bracket that is not closed, a port beyond 65535
        raise AddressRefused("is no address; an example: https://shop.example/clearway") from None
    if "@" in parts.netloc:
        raise AddressRefused("must not contain a user name or password; check our signature instead")
    if "#" in url:
        raise AddressRefused("must not have a fragment (#…): it is never sent")
    here = allow_loopback and (host == "localhost" or is_loopback(host))
    if parts.scheme != "https" and not (here and parts.scheme == "http"):
        raise AddressRefused("must begin with https://")
    port = port if port is not None else (HTTPS_PORT if parts.scheme == "https" else 80)
    if port != HTTPS_PORT and not allow_loopback:
        raise AddressRefused("must be at port 443, the one of https")
    if not here:
        _check_host(host)
    return Destination(parts.scheme, host, port, (parts.path or "/") + (f"?{parts.query}" if parts.query else ""))


def _check_host(host: str) -> None:
    """A name ends in a label with a letter first, so no spelling of an IP address (decimal, octal, hex) is a name."""
    if not _HOST.fullmatch(host):
        raise AddressRefused(
            "must have a public host name such as hooks.shop.example; no IP address, and punycode (xn--) for other "
            "letters"
        )
    if host.endswith(_INNER_NAMES):
        raise AddressRefused(f"must have a public host name; {host} is one of an inner network")

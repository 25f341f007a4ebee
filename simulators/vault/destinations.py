"""Where the vault's proxy may send what it reveals: the simulators themselves, and what a tester adds."""

from __future__ import annotations

from urllib.parse import urlsplit

from simulators.world import World


class Destinations(set[str]):
    """Added authorities, as `host:port`."""


def destinations_of(world: World) -> Destinations:
    return world.part("vault_destinations", Destinations)


def authority_of(url: str) -> str:
    """`host:port` of an http or https URL, in lower case and with the port written out; empty where it has none."""
    try:
        parts = urlsplit(url)
        port = parts.port or {"http": 80, "https": 443}[parts.scheme]
    except (KeyError, ValueError):
        return ""
    return f"{parts.hostname}:{port}" if parts.hostname else ""


def listed(world: World) -> list[str]:
    """Every authority that may be reached."""
    return sorted(_own(world) | destinations_of(world))


def may_reach(world: World, url: str) -> bool:
    authority = authority_of(url)
    return authority in destinations_of(world) or authority in _own(world)


def as_served(world: World, url: str) -> str:
    """The simulators speak no TLS: what was sent to one of them as https goes on as http."""
    return url.replace("https://", "http://", 1) if authority_of(url) in _own(world) else url


def _own(world: World) -> set[str]:
    return {authority_of(url) for url in world.urls.values()}

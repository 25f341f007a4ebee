"""Browsers of the access tests, each with its own cookies."""

import httpx

from tests.built_application import application

PUBLIC_URL = "http://clearway.test"


def browser(ip: str = "192.0.2.10") -> httpx.AsyncClient:
    """A browser of its own, with its own cookies, at an address."""
    transport = httpx.ASGITransport(application(), raise_app_exceptions=False, client=(ip, 1234))
    return httpx.AsyncClient(transport=transport, base_url=PUBLIC_URL)

"""Clearway's own HTTP API as a merchant's developer uses it: a key, JSON, and an Idempotency-Key on every POST."""

from __future__ import annotations

import secrets
from typing import Any

import httpx2

from orchestrator.demo.checks import StoryFailed

TIMEOUT_S = 60
PAGE = 100


class Api:
    """Every method raises StoryFailed for an answer that is a problem."""

    def __init__(self, url: str, key: str) -> None:
        self.url = url
        self.key = key
        self._client = httpx2.Client(
            base_url=f"{url}/v1", headers={"Authorization": f"Bearer {key}"}, trust_env=False, timeout=TIMEOUT_S
        )

    def close(self) -> None:
        self._client.close()

    def get(self, path: str, **query: Any) -> Any:
        return _checked(self._client.get(path, params=query)).json()

    def pages(self, path: str, **query: Any) -> list[dict[str, Any]]:
        """All items of a list."""
        items: list[dict[str, Any]] = []
        while True:
            page = self.get(path, limit=PAGE, **query)
            items += page["data"]
            if not page.get("has_more"):
                return items
            query["starting_after"] = page["next_cursor"]

    def download(self, path: str, **query: Any) -> bytes:
        return _checked(self._client.get(path, params=query)).content

    def post(self, path: str, body: object | None = None) -> Any:
        headers = {"Idempotency-Key": secrets.token_hex(16)}
        return _checked(self._client.post(path, json={} if body is None else body, headers=headers)).json()

    def upload(self, path: str, content: bytes, **query: Any) -> Any:
        headers = {"Idempotency-Key": secrets.token_hex(16), "Content-Type": "application/octet-stream"}
        return _checked(self._client.post(path, params=query, content=content, headers=headers)).json()


def _checked(answer: httpx2.Response) -> httpx2.Response:
    if answer.status_code >= 400:
        request = f"{answer.request.method} {answer.request.url.path}"
        raise StoryFailed(f"{request} answered {answer.status_code}: {answer.text[:600]}")
    return answer

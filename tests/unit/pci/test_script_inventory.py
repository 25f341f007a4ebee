"""The scripts of payment pages are those of the list, byte for byte, and a page that was tampered with is noticed."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import pytest

from orchestrator.web import inventory
from orchestrator.web.page_policy import page_headers, security_policy

DOC = Path(__file__).parents[3] / "docs" / "pci.md"
SCRIPT = inventory.scripts()[0]
BODY = (files("orchestrator.web") / "static" / SCRIPT.file).read_bytes()
HEADERS = {name.lower(): value for name, value in page_headers(payment_page=True).items()}
PAGE = f'<html><head><script src="/static/checkout.js?v=1" integrity="{SCRIPT.integrity}" defer></script></head></html>'


def deviations(html: str = PAGE, headers: dict[str, str] = HEADERS, body: bytes = BODY) -> list[str]:
    return inventory.deviations(headers, html, "", lambda _: body)


def test_every_script_is_as_it_was_authorised() -> None:
    for script in inventory.scripts():
        body = (files("orchestrator.web") / "static" / script.file).read_bytes()
        remedy = f'after a review: clearway scripts --authorise {script.file} --because "…"'
        assert inventory.integrity_of(body) == script.integrity, remedy


def test_the_page_about_pci_has_the_list() -> None:
    assert inventory.table() in DOC.read_text(), "paste the output of orchestrator.web.inventory.table()"


def test_a_page_as_authorised_has_no_deviation() -> None:
    assert deviations() == []


@pytest.mark.parametrize(
    "html",
    [
        PAGE.replace("</head>", "<script>steal()</script></head>"),
        PAGE.replace("</head>", '<script src="https://evil.example/x.js"></script></head>'),
        PAGE.replace(SCRIPT.integrity, "sha384-" + "A" * 64),
        PAGE.replace("</head>", '</head><body onload="steal()">'),
        PAGE.replace("</head>", '</head><a href="javascript:steal()">'),
        PAGE.replace("</head>", '<SCRIPT\nsrc="/static/checkout.js"></SCRIPT></head>'),
    ],
)
def test_another_script_is_noticed(html: str) -> None:
    assert len(deviations(html)) == 1


def test_another_body_under_the_same_address_is_noticed() -> None:
    assert deviations(body=BODY + b"\nsteal()") == [
        "the script /static/checkout.js?v=1 is another than its integrity says"
    ]


@pytest.mark.parametrize("name", ["content-security-policy", "integrity-policy", "x-frame-options"])
def test_a_header_that_is_missing_or_weakened_is_noticed(name: str) -> None:
    without = {key: value for key, value in HEADERS.items() if key != name}
    assert len(deviations(headers=without)) == 1
    assert len(deviations(headers={**HEADERS, name: HEADERS[name] + " *"})) == 1


def test_the_policy_lets_nothing_in_by_default() -> None:
    policy = security_policy("https://vault.example/fields", payment_page=True)
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    assert rules["default-src"] == "'none'"
    assert rules["script-src"] == "'self'"
    assert rules["frame-src"] == "https://vault.example"
    assert (rules["base-uri"], rules["frame-ancestors"], rules["form-action"]) == ("'none'", "'none'", "'self'")
    assert rules["require-trusted-types-for"] == "'script'"
    assert "unsafe" not in policy
    assert "*" not in policy


def test_strict_transport_goes_with_https_only(monkeypatch: pytest.MonkeyPatch) -> None:
    from orchestrator.settings import get_settings

    assert "Strict-Transport-Security" not in page_headers()
    monkeypatch.setenv("CLEARWAY_PUBLIC_URL", "https://pay.example")
    get_settings.cache_clear()
    try:
        assert page_headers()["Strict-Transport-Security"].startswith("max-age=")
        assert "upgrade-insecure-requests" in page_headers()["Content-Security-Policy"]
    finally:
        get_settings.cache_clear()

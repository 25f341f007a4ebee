"""What browsers may do with our pages: the headers that every page carries, and where they report what they refused.

Content Security Policy: https://www.w3.org/TR/CSP3/ — Integrity-Policy:
https://developer.mozilla.org/en-US/docs/Web/HTTP/Reference/Headers/Integrity-Policy — Trusted Types:
https://developer.mozilla.org/en-US/docs/Web/API/Trusted_Types_API
"""

from urllib.parse import urlsplit

from orchestrator.settings import get_settings

REPORTS = "/csp-reports"
_ENDPOINT = "pages"
_HSTS = "max-age=31536000"  # without includeSubDomains: other hosts under the operator's name are not ours to decide on
_DENIED = (
    *("accelerometer", "autoplay", "bluetooth", "browsing-topics", "camera", "display-capture", "encrypted-media"),
    *("fullscreen", "gamepad", "geolocation", "gyroscope", "hid", "identity-credentials-get", "idle-detection"),
    *("local-fonts", "magnetometer", "microphone", "midi", "otp-credentials", "picture-in-picture", "screen-wake-lock"),
    *("serial", "usb", "web-share", "xr-spatial-tracking"),
)
# Addresses of these pages are secrets (a payment's, an invoice's), so no other site learns more than our origin.
ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "strict-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": ", ".join((*(f"{name}=()" for name in _DENIED), "payment=(self)")),
    "Cache-Control": "no-store",
}


def headers() -> dict[str, str]:
    """What every answer of the web routes carries, page or not."""
    return {**ALWAYS, "Strict-Transport-Security": _HSTS} if _is_https() else dict(ALWAYS)


def page_headers(vault_fields_url: str = "", *, payment_page: bool = False) -> dict[str, str]:
    """What a page carries. On a page where one pays, scripts without an integrity that fits are not even fetched."""
    found = {
        **headers(),
        "Content-Security-Policy": security_policy(vault_fields_url, payment_page=payment_page),
        "Reporting-Endpoints": f'{_ENDPOINT}="{REPORTS}"',
    }
    if payment_page:
        found["Integrity-Policy"] = f"blocked-destinations=(script), endpoints=({_ENDPOINT})"
    return found


def security_policy(vault_fields_url: str = "", *, payment_page: bool = False) -> str:
    """The Content-Security-Policy; with a vault its origin may be framed, and nothing else.

    No inline script or style anywhere; nobody may frame a page on which one pays, and there no script may turn text
    into markup or code. Gateways' own pages are gone to, never framed.
    """
    parts = urlsplit(vault_fields_url)
    frames = f"{parts.scheme}://{parts.netloc}" if parts.netloc else "'none'"
    rules = [
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'",
        f"form-action 'self'; frame-src {frames}; frame-ancestors 'none'; base-uri 'none'",
    ]
    if payment_page:
        rules.append("require-trusted-types-for 'script'; trusted-types 'none'")
    if _is_https():
        rules.append("upgrade-insecure-requests")
    rules.append(f"report-uri {REPORTS}; report-to {_ENDPOINT}")  # the first for browsers without the second
    return "; ".join(rules)


def _is_https() -> bool:
    return get_settings().public_url.startswith("https://")

"""PayPal's signature: whose certificate, over which bytes, and when."""

from __future__ import annotations

import base64
import json
import threading
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from orchestrator.gateways.base import WebhookRejected
from orchestrator.gateways.paypal.webhooks import (
    LIVE_CERT_HOSTS,
    MAX_BODY_BYTES,
    MAX_HEADER_CHARS,
    PayPalWebhookSettings,
    PayPalWebhookVerifier,
    check_cert_url,
    trim,
)

BODY = json.dumps({"id": "WH-EVENT-1", "event_type": "CHECKOUT.ORDER.APPROVED", "resource": {}}).encode()


@dataclass
class Authority:
    """A certificate authority with one leaf, and a server that hands the leaf out."""

    name: str
    key: rsa.RSAPrivateKey = field(default_factory=lambda: rsa.generate_private_key(65537, 2048))
    leaf_key: rsa.RSAPrivateKey = field(default_factory=lambda: rsa.generate_private_key(65537, 2048))

    def root(self) -> x509.Certificate:
        usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
        builder = _builder("Test root", "Test root", self.key, timedelta(days=-10), timedelta(days=10))
        builder = builder.add_extension(x509.BasicConstraints(True, None), critical=True)
        return builder.add_extension(usage, critical=True).sign(self.key, hashes.SHA256())

    def leaf(self, dns: str, begin: timedelta, end: timedelta) -> x509.Certificate:
        builder = _builder(dns, "Test root", self.leaf_key, begin, end)
        for extension in (
            x509.SubjectAlternativeName([x509.DNSName(dns)]),
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]),
            x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()),
        ):
            builder = builder.add_extension(extension, critical=False)
        return builder.sign(self.key, hashes.SHA256())


def _builder(
    subject: str, issuer: str, key: rsa.RSAPrivateKey, begin: timedelta, end: timedelta
) -> x509.CertificateBuilder:
    names = [x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, one)]) for one in (subject, issuer)]
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(names[1], names[0], key.public_key(), x509.random_serial_number())
    return builder.not_valid_before(now + begin).not_valid_after(now + end)


@dataclass(frozen=True)
class PayPal:
    """A PayPal that signs, with its certificates at `url`."""

    authority: Authority
    url: str
    verifier: PayPalWebhookVerifier

    def headers(
        self, body: bytes = BODY, *, age: timedelta = timedelta(), cert: str = "good", webhook: str = "WH-1"
    ) -> dict[str, str]:
        sent_at = (datetime.now(UTC) - age).strftime("%Y-%m-%dT%H:%M:%SZ")
        message = f"id-1|{sent_at}|{webhook}|{zlib.crc32(body)}".encode()
        signature = self.authority.leaf_key.sign(message, padding.PKCS1v15(), hashes.SHA256())
        return {
            "PAYPAL-TRANSMISSION-ID": "id-1",
            "PAYPAL-TRANSMISSION-TIME": sent_at,
            "PAYPAL-TRANSMISSION-SIG": base64.b64encode(signature).decode(),
            "PAYPAL-CERT-URL": f"{self.url}/v1/notifications/certs/{cert}",
            "PAYPAL-AUTH-ALGO": "SHA256withRSA",
        }


@pytest.fixture(scope="module")
def paypal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PayPal]:
    authority, stranger = Authority("ours"), Authority("stranger")
    ten_days = timedelta(days=10)
    name = "messageverificationcerts.paypal.com"
    served = {
        "good": authority.leaf(name, -ten_days, ten_days),
        "expired": authority.leaf(name, -ten_days, -timedelta(days=1)),
        "stranger": replace(stranger, leaf_key=authority.leaf_key).leaf(name, -ten_days, ten_days),
        "lookalike": authority.leaf("paypal.com.example.net", -ten_days, ten_days),
    }
    pages = {key: leaf.public_bytes(serialization.Encoding.PEM) for key, leaf in served.items()}
    pages |= {"large": pages["good"] + b"#" * 70_000, "text": b"not a certificate"}

    flaky = iter(["text"])

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            page = self.path.rsplit("/", 1)[1]
            if page == "flaky":
                page = next(flaky, "good")
            self.send_response(302 if page == "moved" else 200)
            self.send_header("location", "/v1/notifications/certs/good")
            self.end_headers()
            self.wfile.write(pages.get(page, b""))

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}"
    roots: Path = tmp_path_factory.mktemp("roots") / "roots.pem"
    roots.write_bytes(authority.root().public_bytes(serialization.Encoding.PEM))
    verifier = PayPalWebhookVerifier(PayPalWebhookSettings(("WH-1", "WH-0"), (url,), str(roots)))
    yield PayPal(authority, url, verifier)
    verifier.close()
    server.shutdown()
    server.server_close()


def test_what_paypal_signed_is_accepted(paypal: PayPal) -> None:
    message = paypal.verifier.read(paypal.headers(), BODY)[0]
    assert (message.event_key, message.kind) == ("WH-EVENT-1", "ignored")


@pytest.mark.parametrize("webhook", ["WH-1", "WH-0"])
def test_while_endpoints_are_exchanged_both_are_believed(paypal: PayPal, webhook: str) -> None:
    assert paypal.verifier.read(paypal.headers(webhook=webhook), BODY)[0].event_key == "WH-EVENT-1"


def test_what_is_signed_for_another_endpoint_is_refused(paypal: PayPal) -> None:
    with pytest.raises(WebhookRejected, match="does not match"):
        paypal.verifier.read(paypal.headers(webhook="WH-2"), BODY)


def test_only_what_counts_of_a_notification_is_looked_at(paypal: PayPal) -> None:
    notification = trim(paypal.headers() | {"Cookie": "x" * (MAX_HEADER_CHARS + 1)}, BODY)
    assert notification.transmission_id == "id-1"
    with pytest.raises(WebhookRejected, match="bytes"):
        trim(paypal.headers(), b" " * (MAX_BODY_BYTES + 1))
    with pytest.raises(WebhookRejected, match="characters"):
        trim(paypal.headers() | {"PAYPAL-CERT-URL": "x" * (MAX_HEADER_CHARS + 1)}, BODY)


def test_retry_that_keeps_its_first_transmission_time_is_accepted(paypal: PayPal) -> None:
    paypal.verifier.read(paypal.headers(age=timedelta(days=3)), BODY)


@pytest.mark.parametrize("age", [timedelta(days=4), timedelta(hours=-1)])
def test_transmission_from_another_time_is_refused(paypal: PayPal, age: timedelta) -> None:
    with pytest.raises(WebhookRejected, match="too long ago"):
        paypal.verifier.read(paypal.headers(age=age), BODY)


@pytest.mark.parametrize("cert", ["expired", "stranger", "lookalike", "large", "text", "moved", "missing"])
def test_certificate_that_is_not_paypals_is_refused(paypal: PayPal, cert: str) -> None:
    with pytest.raises(WebhookRejected):
        paypal.verifier.read(paypal.headers(cert=cert), BODY)


def test_other_body_under_a_good_signature_is_refused(paypal: PayPal) -> None:
    with pytest.raises(WebhookRejected, match="does not match"):
        paypal.verifier.read(paypal.headers(), BODY + b" ")


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("PAYPAL-AUTH-ALGO", "SHA1withRSA"),
        ("PAYPAL-TRANSMISSION-SIG", "%%%"),
        ("PAYPAL-TRANSMISSION-TIME", "yesterday"),
        ("PAYPAL-TRANSMISSION-TIME", "2026-01-01T00:00:00"),
        ("PAYPAL-TRANSMISSION-ID", ""),
        ("PAYPAL-CERT-URL", ""),
    ],
)
def test_header_that_is_missing_or_malformed_is_refused(paypal: PayPal, header: str, value: str) -> None:
    with pytest.raises(WebhookRejected):
        paypal.verifier.read(paypal.headers() | {header: value}, BODY)


def test_signed_body_that_is_not_an_event_is_refused(paypal: PayPal) -> None:
    for body in (b"\xff\xfe", b"[]", b"{}"):
        with pytest.raises(WebhookRejected, match="not an event"):
            paypal.verifier.read(paypal.headers(body), body)


@pytest.mark.parametrize(
    "url",
    [
        "http://api.paypal.com/v1/notifications/certs/C",
        "https://api.paypal.com:8443/v1/notifications/certs/C",
        "https://api.paypal.com.evil.example/v1/notifications/certs/C",
        "https://evil.example/v1/notifications/certs/C",
        "https://user@api.paypal.com/v1/notifications/certs/C",
        "https://api.paypal.com/v1/notifications/certs/../../x",
        "https://api.paypal.com/v1/notifications/certs/%2e%2e/x",
        "https://api.paypal.com/elsewhere",
        "https://api.paypal.com/v1/notifications/certs/C?x=1",
        "https://api.paypal.com:x/v1/notifications/certs/C",
        "https://api.paypal.com\\@evil.example/v1/notifications/certs/C",
        "http://127.0.0.1:80/v1/notifications/certs/C",
        "",
    ],
)
def test_certificate_url_that_is_not_paypals_is_never_called(url: str) -> None:
    with pytest.raises(WebhookRejected):
        check_cert_url(url, LIVE_CERT_HOSTS)


def test_paypals_own_certificate_url_is_allowed() -> None:
    check_cert_url("https://api.paypal.com/v1/notifications/certs/CERT-360caa42", LIVE_CERT_HOSTS)


def test_certificate_that_came_broken_is_fetched_again(paypal: PayPal) -> None:
    with pytest.raises(WebhookRejected):
        paypal.verifier.read(paypal.headers(cert="flaky"), BODY)
    assert paypal.verifier.read(paypal.headers(cert="flaky"), BODY)[0].event_key == "WH-EVENT-1"

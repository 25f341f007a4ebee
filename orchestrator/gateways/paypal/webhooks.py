"""PayPal's webhooks in three steps: trim to what counts, verify that PayPal signed it lately, translate (`events.py`).

https://developer.paypal.com/api/rest/webhooks/rest/ describes the message that is signed. It covers the body by a CRC32
only, so a valid signature can be carried over to a crafted body: callers dedupe, and re-read before money moves.
"""

from __future__ import annotations

import base64
import binascii
import json
import threading
import time
import zlib
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import requests
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from orchestrator import clock_port
from orchestrator.gateways.base import WebhookMessage, WebhookRejected, WebhookUnreadable
from orchestrator.gateways.paypal.events import translate

LIVE_CERT_HOSTS = ("api.paypal.com", "api-m.paypal.com")
SANDBOX_CERT_HOSTS = ("api.sandbox.paypal.com", "api-m.sandbox.paypal.com")
CERT_PATH = "/v1/notifications/certs/"

MAX_BODY_BYTES = 1024 * 1024
MAX_HEADER_CHARS = 4096
MAX_AGE = timedelta(days=3, hours=1)  # PayPal retries for 3 days and keeps the first transmission time
MAX_AHEAD = timedelta(minutes=10)
MAX_CERT_BYTES = 64 * 1024
MAX_CERT_FETCH_S = 10.0
MAX_CACHED_CERTS = 8
MIN_KEY_BITS = 2048


@dataclass(frozen=True, slots=True)
class PayPalWebhookSettings:
    """`cert_hosts`: host names (https, port 443), or for a demo an origin on this machine such as `http://127.0.0.1:8003`.

    `ca_file`: PEM of the roots to trust; empty means the public ones. A webhook's id is part of what is signed; several
    are accepted at once while one endpoint replaces another.
    """

    webhook_ids: tuple[str, ...]
    cert_hosts: tuple[str, ...]
    ca_file: str = ""
    connect_timeout_s: float = 3.0
    read_timeout_s: float = 5.0


@dataclass(frozen=True, slots=True)
class Notification:
    """What counts of a notification: the bytes, and the five headers that say who signed them, when and how."""

    transmission_id: str
    sent_at: str
    signature: str
    cert_url: str
    algorithm: str
    body: bytes


def trim(headers: Mapping[str, str], body: bytes) -> Notification:
    """The first step: nothing else is looked at, and nothing larger than PayPal sends. Raises WebhookRejected."""
    if len(body) > MAX_BODY_BYTES:
        raise WebhookRejected(f"the body has more than {MAX_BODY_BYTES} bytes")
    given = {key.lower(): value.strip() for key, value in headers.items() if key.lower().startswith("paypal-")}
    if any(len(value) > MAX_HEADER_CHARS for value in given.values()):
        raise WebhookRejected(f"a header has more than {MAX_HEADER_CHARS} characters")
    return Notification(
        transmission_id=given.get("paypal-transmission-id", ""),
        sent_at=given.get("paypal-transmission-time", ""),
        signature=given.get("paypal-transmission-sig", ""),
        cert_url=given.get("paypal-cert-url", ""),
        algorithm=given.get("paypal-auth-algo", ""),
        body=body,
    )


class PayPalWebhookVerifier:
    """Reads the notifications of one PayPal app. Thread-safe; keeps fetched certificates by URL."""

    def __init__(self, settings: PayPalWebhookSettings) -> None:
        self._settings = settings
        self._session = requests.Session()
        self._session.trust_env = False
        self._certs: OrderedDict[str, bytes] = OrderedDict()
        self._lock = threading.Lock()
        self._store: Store | None = None

    def read(self, headers: Mapping[str, str], body: bytes) -> list[WebhookMessage]:
        """Trim, verify, translate. Raises WebhookRejected."""
        notification = trim(headers, body)
        self.verify(notification)
        return translated(notification.body)

    def verify(self, notification: Notification) -> None:
        """The second step. Raises WebhookRejected unless PayPal signed these bytes lately for one of our webhooks."""
        if not self._settings.webhook_ids:
            raise WebhookRejected("no webhook id is set for this account")
        if notification.algorithm != "SHA256withRSA":
            raise WebhookRejected("only SHA256withRSA is accepted")
        _check_age(notification.sent_at, clock_port.now())
        check_cert_url(notification.cert_url, self._settings.cert_hosts)
        signature = _decoded_signature(notification.signature)
        self._check_signature(self._trusted_leaf(notification.cert_url), notification, signature)

    def close(self) -> None:
        """Close the connection that fetches certificates."""
        self._session.close()

    def _check_signature(self, leaf: x509.Certificate, notification: Notification, signature: bytes) -> None:
        key = leaf.public_key()
        if not isinstance(key, rsa.RSAPublicKey) or key.key_size < MIN_KEY_BITS:
            raise WebhookRejected("the certificate's key is not RSA of a sufficient size")
        if not notification.transmission_id:
            raise WebhookRejected("the transmission id is missing")
        begin, end = f"{notification.transmission_id}|{notification.sent_at}", zlib.crc32(notification.body)
        for webhook_id in self._settings.webhook_ids:
            try:
                key.verify(signature, f"{begin}|{webhook_id}|{end}".encode(), padding.PKCS1v15(), SHA256())
            except InvalidSignature:
                continue
            return
        raise WebhookRejected("the signature does not match")

    def _trusted_leaf(self, url: str) -> x509.Certificate:
        """The certificate at the URL, chained to a trusted root, valid now and PayPal's. Checked at every use."""
        try:
            chain = x509.load_pem_x509_certificates(self._certificate_bytes(url))
            leaf = chain[0]
            names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
            dns = [name for name in names.get_values_for_type(x509.DNSName) if name.endswith(".paypal.com")]
            if not dns:
                raise WebhookRejected("the certificate is not for paypal.com")
            policy = PolicyBuilder().store(self._roots()).time(clock_port.now())
            policy.build_server_verifier(x509.DNSName(dns[0].replace("*", "any", 1))).verify(leaf, chain[1:])
        except (VerificationError, x509.ExtensionNotFound, ValueError, IndexError) as error:
            with self._lock:
                self._certs.pop(url, None)  # what came broken once is fetched again
            raise WebhookRejected(f"the certificate is not trusted: {error}") from error
        return leaf

    def _certificate_bytes(self, url: str) -> bytes:
        with self._lock:
            if url in self._certs:
                self._certs.move_to_end(url)
                return self._certs[url]
        fetched = self._fetch(url)
        with self._lock:
            self._certs[url] = fetched
            while len(self._certs) > MAX_CACHED_CERTS:
                self._certs.popitem(last=False)
        return fetched

    def _fetch(self, url: str) -> bytes:
        timeouts = (self._settings.connect_timeout_s, self._settings.read_timeout_s)
        deadline = time.monotonic() + MAX_CERT_FETCH_S
        content = bytearray()
        try:
            with self._session.get(url, timeout=timeouts, allow_redirects=False, stream=True) as response:
                if response.status_code != 200:
                    raise WebhookRejected(f"the certificate's URL answered {response.status_code}")
                for chunk in response.iter_content(8192):
                    content += chunk
                    if len(content) > MAX_CERT_BYTES or time.monotonic() > deadline:
                        raise WebhookRejected("the certificate is too large or too slow")
        except requests.RequestException as error:
            raise WebhookRejected(f"the certificate could not be fetched: {type(error).__name__}") from error
        return bytes(content)

    def _roots(self) -> Store:
        if self._store is None:
            path = self._settings.ca_file or requests.utils.DEFAULT_CA_BUNDLE_PATH
            self._store = Store(x509.load_pem_x509_certificates(Path(path).read_bytes()))
        return self._store


def check_cert_url(url: str, allowed: tuple[str, ...]) -> None:
    """Raise WebhookRejected unless the URL is on the list: the sender chooses it and could make us call anything."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise WebhookRejected("the certificate's URL is malformed") from None
    host = parts.hostname or ""
    # Browsers and libraries read some of these differently; none of them belongs in a certificate's URL.
    if parts.username is not None or parts.query or parts.fragment or "\\" in url or ".." in parts.path or "%" in url:
        raise WebhookRejected("the certificate's URL has parts that it must not have")
    if not parts.path.startswith(CERT_PATH):
        raise WebhookRejected("the certificate's URL has another path")
    if parts.scheme == "https" and port in (None, 443) and host in allowed:
        return
    if parts.scheme == "http" and host == "127.0.0.1" and f"http://127.0.0.1:{port}" in allowed:
        return
    raise WebhookRejected("the certificate's host is not on the list")


def _check_age(sent_at: str, now: datetime) -> None:
    try:
        sent = datetime.fromisoformat(sent_at)
        age = now - sent
    except (ValueError, TypeError):
        raise WebhookRejected("the transmission time is missing or malformed") from None
    if age > MAX_AGE or age < -MAX_AHEAD:
        raise WebhookRejected(f"transmitted at {sent_at}: too long ago, or in the future")


def _decoded_signature(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        raise WebhookRejected("the signature is not base64") from None


def translated(body: bytes) -> list[WebhookMessage]:
    """The third step. Raises WebhookUnreadable."""
    try:
        return [translate(json.loads(body))]
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise WebhookUnreadable(f"signed, but not an event: {error!r}") from error

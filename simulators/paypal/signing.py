"""PayPal's webhook signature, with a certificate authority and a leaf certificate of the simulator's own making."""

from __future__ import annotations

import base64
import secrets
import zlib
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

LEAF_NAME = "messageverificationcerts.sandbox.paypal.com"
CERT_PATH = "/v1/notifications/certs/"
_LIFETIME = timedelta(days=3650)  # longer than any test moves the clock


class Signer:
    """Keys are made when the object is; `sign` gives the five headers of a transmission."""

    def __init__(self) -> None:
        self._ca_key = _new_key()
        self._key = _new_key()
        self._ca = _ca_certificate(self._ca_key)
        self._leaf = _leaf_certificate(self._key, self._ca, self._ca_key)
        self.cert_id = f"CERT-{secrets.token_hex(4)}-{secrets.token_hex(4)}"

    def __getstate__(self) -> dict[str, Any]:
        return {"cert_id": self.cert_id, "chain": self.chain_pem, "keys": [_pem(self._key), _pem(self._ca_key)]}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.cert_id = state["cert_id"]
        self._leaf, self._ca = x509.load_pem_x509_certificates(state["chain"])
        self._key, self._ca_key = (_loaded(pem) for pem in state["keys"])

    @property
    def ca_pem(self) -> bytes:
        return self._ca.public_bytes(serialization.Encoding.PEM)

    @property
    def chain_pem(self) -> bytes:
        """The leaf, then its authority, as the certificate address serves them."""
        return self._leaf.public_bytes(serialization.Encoding.PEM) + self.ca_pem

    def sign(self, body: bytes, webhook_id: str, at: datetime, base_url: str) -> dict[str, str]:
        """SHA256withRSA over id|time|webhook id|CRC32 of the body as an unsigned decimal.

        developer.paypal.com/api/rest/webhooks/rest/#link-selfverification.
        """
        transmission_id = str(_uuid_text())
        time = at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        message = f"{transmission_id}|{time}|{webhook_id}|{zlib.crc32(body)}"
        signature = self._key.sign(message.encode(), padding.PKCS1v15(), hashes.SHA256())
        return {
            "paypal-transmission-id": transmission_id,
            "paypal-transmission-time": time,
            "paypal-transmission-sig": base64.b64encode(signature).decode(),
            "paypal-cert-url": base_url + CERT_PATH + self.cert_id,
            "paypal-auth-algo": "SHA256withRSA",
        }

    def verifies(self, body: bytes, transmission_id: str, time: str, webhook_id: str, signature: str) -> bool:
        """Whether the signature (base64) is ours, over these bytes and names."""
        message = f"{transmission_id}|{time}|{webhook_id}|{zlib.crc32(body)}"
        try:
            given = base64.b64decode(signature)
            self._key.public_key().verify(given, message.encode(), padding.PKCS1v15(), hashes.SHA256())
        except (InvalidSignature, ValueError):
            return False
        return True


def _uuid_text() -> str:
    raw = secrets.token_hex(16)
    return "-".join((raw[:8], raw[8:12], raw[12:16], raw[16:20], raw[20:]))


def _pem(key: rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _loaded(pem: bytes) -> rsa.RSAPrivateKey:
    key = serialization.load_pem_private_key(pem, None)
    assert isinstance(key, rsa.RSAPrivateKey)
    return key


def _new_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _certificate(subject: str, issuer: x509.Name, key: rsa.RSAPublicKey) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(_name(subject))
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + _LIFETIME)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _ca_certificate(key: rsa.RSAPrivateKey) -> x509.Certificate:
    name = "Clearway simulators: not PayPal's authority"
    builder = _certificate(name, _name(name), key.public_key())
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(_key_usage(signs_certificates=True), critical=True)
    return builder.sign(key, hashes.SHA256())


def _leaf_certificate(key: rsa.RSAPrivateKey, ca: x509.Certificate, ca_key: rsa.RSAPrivateKey) -> x509.Certificate:
    builder = _certificate(LEAF_NAME, ca.subject, key.public_key())
    authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key())
    # As a public authority's server certificate has it, which is what x509.verification looks for.
    server_auth = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
    builder = (
        builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(LEAF_NAME)]), critical=False)
        .add_extension(_key_usage(signs_certificates=False), critical=True)
        .add_extension(server_auth, critical=False)
        .add_extension(authority, critical=False)
    )
    return builder.sign(ca_key, hashes.SHA256())

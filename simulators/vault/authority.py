"""The vault's own certificate authority: what a client must trust for the proxy to open its TLS, as VGS has it."""

from __future__ import annotations

import ipaddress
import ssl
import tempfile
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from simulators.world import World

_LIFETIME = timedelta(days=3650)  # longer than any test moves the clock
_PEM = serialization.Encoding.PEM


@dataclass(slots=True)
class Authority:
    """Key and certificate in PEM, made when the object is."""

    key_pem: bytes = field(default_factory=lambda: _pem(ec.generate_private_key(ec.SECP256R1())))
    certificate_pem: bytes = b""

    def __post_init__(self) -> None:
        if not self.certificate_pem:
            key = self.key
            name = _name("Clearway simulators: the vault's authority")
            usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
            builder = _certificate(name, name, key.public_key()).add_extension(usage, critical=True)
            builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            self.certificate_pem = builder.sign(key, hashes.SHA256()).public_bytes(_PEM)

    @property
    def key(self) -> ec.EllipticCurvePrivateKey:
        key = serialization.load_pem_private_key(self.key_pem, None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        return key

    def context_for(self, host: str) -> ssl.SSLContext:
        """For serving TLS in the name of `host`, under a certificate made for it."""
        key = ec.generate_private_key(ec.SECP256R1())
        issuer = x509.load_pem_x509_certificate(self.certificate_pem)
        authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key())
        leaf = (
            _certificate(_name(host), issuer.subject, key.public_key())
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName([_general_name(host)]), critical=False)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(authority, critical=False)
            .sign(self.key, hashes.SHA256())
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        with tempfile.NamedTemporaryFile() as file:  # ssl reads certificates from files only
            file.write(_pem(key) + leaf.public_bytes(_PEM) + self.certificate_pem)
            file.flush()
            context.load_cert_chain(file.name)
        return context


def authority_of_vault(world: World) -> Authority:
    return world.part("vault_authority", Authority)


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(_PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name[:64])])


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _certificate(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + _LIFETIME)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )

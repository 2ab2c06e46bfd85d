"""The cluster's CA and the certificates that it issues: ECDSA on P-256 with SHA-256.

Profiles follow RFC 5280, section 4.2. etcd's peers are server and client at once, and so is a member towards itself:
its gRPC gateway calls its own client port with the server certificate (observed with 3.4.23, which refuses itself when
that certificate is for servers alone). So a member has one certificate, of usage PEER, for both ports.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from provision.pki.names import alternative_names

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

CA_LIFE = timedelta(days=3650)
LEAF_LIFE = timedelta(days=398)
"""A year and a bit: kube-aws' 90 days bit its users, and software refuses more than 398 days ever more often."""

SKEW = timedelta(hours=1)
"""How far a machine's clock may lag behind ours at its first boot."""

LOCAL = ("localhost", "127.0.0.1", "::1")
"""In every server's certificate: health is asked from the machine itself and through ssh tunnels."""


class Usage(StrEnum):
    """What a certificate is for."""

    SERVER = "server"
    PEER = "peer"  # server and client
    CLIENT = "client"


_USAGES = {
    Usage.SERVER: [ExtendedKeyUsageOID.SERVER_AUTH],
    Usage.PEER: [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH],
    Usage.CLIENT: [ExtendedKeyUsageOID.CLIENT_AUTH],
}


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate and its private key, both PEM; the key is PKCS#8 without a passphrase."""

    certificate: bytes
    key: bytes = field(repr=False)


def create(cluster: str, uid: str, *, now: datetime, life: timedelta = CA_LIFE) -> Pair:
    """Make a new CA for a cluster. `now` is in UTC; each call makes another key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "provision"),
            x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, uid),
            x509.NameAttribute(NameOID.COMMON_NAME, f"{cluster} CA"[:64]),
        ]
    )
    builder = (
        _builder(name, name, key.public_key(), now, life)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(ca=True), critical=True)
    )
    return _pair(builder.sign(key, hashes.SHA256()), key)


def issue(
    ca: Pair, name: str, usage: Usage, *, now: datetime, names: Sequence[str] = (), life: timedelta = LEAF_LIFE
) -> Pair:
    """Issue a certificate with a new key.

    Args:
        ca: the authority.
        name: the common name: a machine's, or a person's for a client.
        usage: what it is for.
        now: in UTC.
        names: DNS names and IP addresses at which the machine is reached; localhost is added for servers.
        life: how long it holds; never longer than the CA itself.

    Raises:
        ProvisionError: a name is neither a DNS name nor an IP address.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    return _pair(_sign(ca, key.public_key(), name, usage, now, names, life), key)


def _sign(
    ca: Pair,
    public: ec.EllipticCurvePublicKey,
    name: str,
    usage: Usage,
    now: datetime,
    names: Sequence[str],
    life: timedelta,
) -> x509.Certificate:
    authority = x509.load_pem_x509_certificate(ca.certificate)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    left = authority.not_valid_after_utc - now
    builder = (
        _builder(subject, authority.subject, public, now, min(life, left))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(ca=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage(_USAGES[usage]), critical=False)
        .add_extension(_issued_by(authority), critical=False)
    )
    all_names = [*names, *LOCAL] if usage is not Usage.CLIENT else list(names)
    if all_names:
        builder = builder.add_extension(x509.SubjectAlternativeName(alternative_names(all_names)), critical=False)
    key = serialization.load_pem_private_key(ca.key, password=None)
    return builder.sign(key, hashes.SHA256())  # type: ignore[arg-type]  # ours is always an EC key


def _builder(
    subject: x509.Name, issuer: x509.Name, public: ec.EllipticCurvePublicKey, now: datetime, life: timedelta
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - SKEW)
        .not_valid_after(now + life)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    )


def _issued_by(authority: x509.Certificate) -> x509.AuthorityKeyIdentifier:
    identifier = authority.extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier.value)


def _key_usage(*, ca: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not ca,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=ca,
        crl_sign=ca,
        encipher_only=False,
        decipher_only=False,
    )


def _pair(certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> Pair:
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return Pair(certificate.public_bytes(serialization.Encoding.PEM), private)

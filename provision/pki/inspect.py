"""What a certificate says, and when it is due for renewal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import NameOID

from provision.errors import ProvisionError

if TYPE_CHECKING:
    from datetime import datetime

    from provision.model import Json


@dataclass(frozen=True, slots=True)
class Certificate:
    """The facts of one certificate. `names` are DNS names and IP addresses; `fingerprint` is SHA-256 in hex."""

    name: str
    issuer: str
    serial: str
    names: tuple[str, ...]
    begins: datetime
    ends: datetime
    fingerprint: str
    authority: bool

    @property
    def renewal(self) -> datetime:
        """When two thirds of its life are over, which leaves a third to notice that renewal fails."""
        return self.begins + (self.ends - self.begins) * 2 / 3

    def due(self, now: datetime) -> bool:
        """Whether it should be renewed by now."""
        return now >= self.renewal

    def expired(self, now: datetime) -> bool:
        """Whether it holds no more."""
        return now >= self.ends

    def to_json(self) -> Json:
        """Return the documented JSON form."""
        return {
            "name": self.name,
            "issuer": self.issuer,
            "serial": self.serial,
            "names": list(self.names),
            "begins": self.begins.isoformat(),
            "ends": self.ends.isoformat(),
            "renewal": self.renewal.isoformat(),
            "fingerprint": self.fingerprint,
            "authority": self.authority,
        }


def read(pem: bytes) -> Certificate:
    """Read the first certificate of a PEM text.

    Raises:
        ProvisionError: there is none.
    """
    found = _load(pem)
    return Certificate(
        name=_common_name(found.subject),
        issuer=_common_name(found.issuer),
        serial=f"{found.serial_number:x}",
        names=_names(found),
        begins=found.not_valid_before_utc,
        ends=found.not_valid_after_utc,
        fingerprint=found.fingerprint(hashes.SHA256()).hex(),
        authority=_is_authority(found),
    )


def issued_by(certificate: bytes, authority: bytes) -> bool:
    """Tell whether an authority's key signed a certificate; dates are another question."""
    try:
        _load(certificate).verify_directly_issued_by(_load(authority))
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def belongs(certificate: bytes, key: bytes) -> bool:
    """Tell whether a private key is the certificate's.

    Raises:
        ProvisionError: the certificate is none.
    """
    form = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    try:
        private = serialization.load_pem_private_key(key, password=None)
    except (ValueError, TypeError):
        return False
    return private.public_key().public_bytes(*form) == _load(certificate).public_key().public_bytes(*form)


def _load(pem: bytes) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(pem)
    except ValueError as error:
        raise ProvisionError("this is not a certificate in PEM form") from error


def _common_name(name: x509.Name) -> str:
    found = name.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(found[0].value) if found else ""


def _names(certificate: x509.Certificate) -> tuple[str, ...]:
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    return tuple(str(name.value) for name in found)


def _is_authority(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False

"""Faults and silences as the engine understands them."""

from __future__ import annotations

import http.client
import ssl

import pytest

from provision.errors import Kind, ProviderError
from provision_vmware import errors, sdk


@pytest.mark.parametrize(
    ("fault", "kind", "retryable"),
    [
        ("InvalidLogin", Kind.AUTH, False),
        ("NoPermission", Kind.AUTH, False),
        ("NoDiskSpace", Kind.CAPACITY, False),
        ("DuplicateName", Kind.ALREADY_EXISTS, False),
        ("ManagedObjectNotFound", Kind.NOT_FOUND, False),
        ("InvalidPowerState", Kind.CONFLICT, True),
        ("HostNotConnected", Kind.UNAVAILABLE, True),
        ("SystemError", Kind.AMBIGUOUS, True),
        ("SomethingNew", Kind.INVALID, False),
    ],
)
def test_faults(fault: str, kind: Kind, retryable: bool) -> None:
    error = errors.refused("CloneVM_Task", fault, "words", "detail")
    assert (error.kind, error.retryable, error.code) == (kind, retryable, fault)
    assert "words" in error.message
    assert "detail" in error.message


def test_a_reading_that_failed_has_changed_nothing() -> None:
    assert errors.refused("RetrievePropertiesEx", "SystemError", "").kind is Kind.UNAVAILABLE
    assert errors.unanswered("FindChild", "x").kind is Kind.UNAVAILABLE
    assert errors.unanswered("CloneVM_Task", "x").kind is Kind.AMBIGUOUS


@pytest.mark.parametrize(
    ("raised", "code", "kind"),
    [
        (ConnectionRefusedError("no"), "NoConnection", Kind.UNAVAILABLE),
        (http.client.RemoteDisconnected("gone"), "NoAnswer", Kind.AMBIGUOUS),
        (http.client.HTTPException("503 Service Unavailable"), "ServiceUnavailable", Kind.THROTTLED),
        (TimeoutError("slow"), "NoAnswer", Kind.AMBIGUOUS),
        (ssl.SSLCertVerificationError("bad"), "UntrustedCertificate", Kind.AUTH),
        (AttributeError("runtime"), "NoAnswer", Kind.AMBIGUOUS),
    ],
)
def test_what_can_go_wrong_on_the_way(raised: Exception, code: str, kind: Kind) -> None:
    def act() -> None:
        raise raised

    with pytest.raises(ProviderError) as caught:
        sdk.translated("v:443", "CloneVM_Task", act)
    assert (caught.value.code, caught.value.kind) == (code, kind)


def test_credentials_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VSPHERE_USER", "me")
    monkeypatch.delenv("VSPHERE_PASSWORD", raising=False)
    with pytest.raises(ProviderError, match="VSPHERE_PASSWORD is not set"):
        sdk.credentials()
    monkeypatch.setenv("VSPHERE_PASSWORD", "it")
    assert sdk.credentials() == ("me", "it")

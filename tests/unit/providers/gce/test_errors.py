"""What refusals mean."""

from __future__ import annotations

import pytest

from provision.errors import Kind
from provision_gce import errors


@pytest.mark.parametrize(
    ("operation", "status", "reason", "kind"),
    [
        ("instances.insert", 500, "internalError", Kind.AMBIGUOUS),
        ("instances.list", 500, "internalError", Kind.UNAVAILABLE),
        ("instances.aggregatedList", 502, "", Kind.UNAVAILABLE),
        ("zoneOperations.wait", 503, "backendError", Kind.UNAVAILABLE),
        ("instances.bulkInsert", 504, "", Kind.AMBIGUOUS),
        ("instances.insert", 409, "", Kind.ALREADY_EXISTS),
        ("instances.setLabels", 412, "conditionNotMet", Kind.CONFLICT),
        ("instances.delete", 404, "notFound", Kind.NOT_FOUND),
        ("instances.insert", 401, "", Kind.AUTH),
        ("instances.insert", 403, "", Kind.AUTH),
        ("instances.insert", 403, "rateLimitExceeded", Kind.THROTTLED),
        ("instances.insert", 403, "quotaExceeded", Kind.QUOTA),
        ("instances.insert", 400, "somethingNew", Kind.INVALID),
    ],
)
def test_refusals(operation: str, status: int, reason: str, kind: Kind) -> None:
    assert errors.refused(operation, status, reason, "m").kind is kind


@pytest.mark.parametrize(
    ("codes", "status", "kind"),
    [
        (["ZONE_RESOURCE_POOL_EXHAUSTED_WITH_DETAILS"], 503, Kind.CAPACITY),
        (["SOMETHING_NEW", "VM_MIN_COUNT_NOT_REACHED"], 400, Kind.CAPACITY),
        (["QUOTA_EXCEEDED"], 403, Kind.QUOTA),
        (["RESOURCE_ALREADY_EXISTS"], 409, Kind.ALREADY_EXISTS),
        (["SOMETHING_NEW"], 400, Kind.INVALID),
        ([], 503, Kind.UNAVAILABLE),
    ],
)
def test_an_operation_that_has_ended_is_definite(codes: list[str], status: int, kind: Kind) -> None:
    ended = {"error": {"errors": [{"code": code, "message": "m"} for code in codes]}, "httpErrorStatusCode": status}
    assert errors.failed("instances.insert", ended).kind is kind


def test_a_protected_machine_is_no_conflict_that_passes() -> None:
    message = "Invalid resource usage: 'Resource cannot be deleted if it's protected against deletion.'."
    error = errors.refused("instances.delete", 400, "invalidResourceUsage", message)
    assert (error.kind, error.retryable) == (Kind.INVALID, False)
    assert "protect: false" in (error.hint or "")


def test_messages_are_googles_own_and_short() -> None:
    error = errors.refused(
        "instances.insert", 400, "invalid", "POST https://h/x?requestId=1: Invalid\n value " + "x" * 999
    )
    assert error.message.startswith("instances.insert: Invalid value x")
    assert len(error.message) < 600

from __future__ import annotations

import pytest

from provision.errors import Kind
from provision_ec2 import errors


@pytest.mark.parametrize(
    ("operation", "code", "status", "kind", "retryable"),
    [
        ("run_instances", "RequestLimitExceeded", 503, Kind.THROTTLED, True),
        # HTTP 500, and yet a definite refusal.
        ("run_instances", "InsufficientInstanceCapacity", 500, Kind.CAPACITY, False),
        ("run_instances", "VcpuLimitExceeded", 400, Kind.QUOTA, False),
        ("create_internet_gateway", "InternetGatewayLimitExceeded", 400, Kind.QUOTA, False),
        ("run_instances", "UnauthorizedOperation", 403, Kind.AUTH, False),
        ("run_instances", "InternalError", 500, Kind.AMBIGUOUS, True),
        ("describe_instances", "InternalError", 500, Kind.UNAVAILABLE, True),
        ("run_instances", "SomethingNew", 502, Kind.AMBIGUOUS, True),
        ("run_instances", "SomethingNew", 400, Kind.INVALID, False),
        ("run_instances", "InvalidSubnetID.NotFound", 400, Kind.NOT_YET_VISIBLE, True),
        ("create_tags", "InvalidInstanceID.NotFound", 400, Kind.NOT_YET_VISIBLE, True),
        ("terminate_instances", "InvalidInstanceID.NotFound", 400, Kind.NOT_FOUND, False),
        ("describe_instances", "InvalidInstanceID.NotFound", 400, Kind.NOT_FOUND, False),
        ("run_instances", "InvalidAMIID.NotFound", 400, Kind.NOT_FOUND, False),
        ("delete_security_group", "DependencyViolation", 400, Kind.CONFLICT, True),
        ("terminate_instances", "OperationNotPermitted", 400, Kind.INVALID, False),
        ("run_instances", "IdempotentParameterMismatch", 400, Kind.ALREADY_EXISTS, False),
        ("run_instances", "InvalidIPAddress.InUse", 400, Kind.CONFLICT, True),
    ],
)
def test_what_a_code_means(operation: str, code: str, status: int, kind: Kind, retryable: bool) -> None:
    error = errors.refused(operation, code, "said so", status)
    assert (error.kind, error.retryable, error.code) == (kind, retryable, code)


def test_a_profile_made_a_moment_ago_is_waited_for() -> None:
    message = "Value (nodes) for parameter iamInstanceProfile.name is invalid. Invalid IAM Instance Profile name"
    error = errors.refused("run_instances", "InvalidParameterValue", message, 400)
    assert (error.kind, error.retryable) == (Kind.NOT_YET_VISIBLE, True)


def test_a_lost_answer_is_in_doubt_only_when_the_call_changes_something() -> None:
    assert errors.unanswered("run_instances", "timed out").kind is Kind.AMBIGUOUS
    assert errors.unanswered("describe_instances", "timed out").kind is Kind.UNAVAILABLE


def test_aws_coded_blob_is_not_shown() -> None:
    message = "You are not authorized to perform this operation. Encoded authorization failure message: " + "x" * 900
    error = errors.refused("run_instances", "UnauthorizedOperation", message, 403)
    assert error.message == "RunInstances: You are not authorized to perform this operation."


def test_every_refusal_that_the_user_must_act_on_has_a_hint() -> None:
    for code, meaning in errors.CODES.items():
        if meaning.kind in (Kind.AUTH, Kind.QUOTA, Kind.CAPACITY):
            assert meaning.hint, code

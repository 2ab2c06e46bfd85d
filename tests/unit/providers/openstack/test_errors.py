"""What the services' refusals mean; each body here was answered by the real ones."""

from __future__ import annotations

from typing import Any

import pytest

from provision.errors import Kind
from provision_openstack import errors

NOVA = "Quota exceeded for instances: Requested 1, but already used 10 of 10 instances"
JOINED = "Bad router request: Router already has a port on subnet 9c21f43c."
GLANCE = (
    "<html>\n <head>\n  <title>409 Conflict</title>\n </head>\n <body>\n  <h1>409 Conflict</h1>\n  {}<br />\n</body>"
)


@pytest.mark.parametrize(
    ("status", "body", "kind", "retryable"),
    [
        (403, {"forbidden": {"code": 403, "message": NOVA}}, Kind.QUOTA, False),
        (403, {"forbidden": {"message": "Maximum number of ports is exceeded"}}, Kind.QUOTA, False),
        (403, {"forbidden": {"code": 403, "message": "Policy doesn't allow it"}}, Kind.AUTH, False),
        (409, {"NeutronError": {"type": "OverQuota", "message": "Quota exceeded"}}, Kind.QUOTA, False),
        (401, {"error": {"code": 401, "message": "no", "title": "Unauthorized"}}, Kind.AUTH, False),
        (404, {"itemNotFound": {"code": 404, "message": "Instance x could not be found."}}, Kind.NOT_FOUND, False),
        (409, {"conflictingRequest": {"code": 409, "message": "in task_state rebooting"}}, Kind.CONFLICT, True),
        (409, {"conflictingRequest": {"message": "Key pair 'a' already exists."}}, Kind.ALREADY_EXISTS, False),
        (400, {"NeutronError": {"type": "BadRequest", "message": JOINED}}, Kind.ALREADY_EXISTS, False),
        (409, {"NeutronError": {"type": "NetworkInUse", "message": "in use"}}, Kind.CONFLICT, True),
        (409, {"NeutronError": {"type": "SecurityGroupRuleExists", "message": "exists"}}, Kind.ALREADY_EXISTS, False),
        (429, {"overLimit": {"code": 429, "message": "slower"}}, Kind.THROTTLED, True),
        (413, {"overLimit": {"code": 413, "message": "This request was rate-limited."}}, Kind.THROTTLED, True),
        (400, {"badRequest": {"code": 400, "message": "Can not find requested image"}}, Kind.INVALID, False),
        (500, {"computeFault": {"code": 500, "message": "<class 'OrphanedObjectError'>"}}, Kind.CONFLICT, True),
        (409, GLANCE.format("Image ID x already exists!"), Kind.ALREADY_EXISTS, False),
        (500, "no JSON", Kind.AMBIGUOUS, True),
        (502, "", Kind.AMBIGUOUS, True),
    ],
)  # fmt: skip
def test_refusals_of_calls_that_change_something(status: int, body: Any, kind: Kind, retryable: bool) -> None:
    error = errors.refused("POST /servers", mutates=True, status=status, body=body, headers={})
    assert (error.kind, error.retryable) == (kind, retryable)
    assert "<" not in error.message or "class" in error.message


def test_a_read_that_fails_has_changed_nothing() -> None:
    assert errors.refused("GET /servers", mutates=False, status=503, body="", headers={}).kind is Kind.UNAVAILABLE
    assert errors.unanswered("GET /servers", mutates=False, message="reset").kind is Kind.UNAVAILABLE
    assert errors.unanswered("POST /servers", mutates=True, message="reset").kind is Kind.AMBIGUOUS


def test_the_value_that_nova_repeats_is_not_shown() -> None:
    message = "Invalid input for field/attribute user_data. Value: c2VjcmV0. 'c2VjcmV0' is too long"
    body = {"badRequest": {"code": 400, "message": message}}
    error = errors.refused("POST /servers", mutates=True, status=400, body=body, headers={})
    assert error.message == "POST /servers: Invalid input for field/attribute user_data."
    assert len(errors.shown("x" * 100_000)) == 500

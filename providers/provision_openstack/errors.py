"""What OpenStack's refusals and silences mean to the engine.

Each service words its refusals in its own way: nova ``{"badRequest": {"code", "message"}}``, neutron ``{"NeutronError":
{"type", "message"}}``, keystone ``{"error": {"title", "message"}}``, glance a page of HTML. What stands in no table is
read by its HTTP status. All of it was seen on the real services (tests/lab/openstack).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from provision.errors import Kind, ProviderError
from provision.providing import refusals
from provision.providing.refusals import Meaning

if TYPE_CHECKING:
    from collections.abc import Mapping

CREDENTIALS = "check clouds.yaml, OS_CLOUD or the OS_* variables: `openstack token issue` must succeed with them"
PERMISSION = "give the user the role `member` in the project"
CONNECTION = "check the network, `auth_url` and `region_name` in clouds.yaml"


TYPES: dict[str, Meaning] = {
    # neutron's exceptions, by their names (https://opendev.org/openstack/neutron-lib, exceptions)
    "OverQuota": Meaning(Kind.QUOTA, hint="raise the quota, or remove what is not needed"),
    "SecurityGroupRuleExists": Meaning(Kind.ALREADY_EXISTS),
    "IpAddressAlreadyAllocated": Meaning(Kind.CONFLICT, retryable=True),
    "IpAddressGenerationFailure": Meaning(Kind.CAPACITY, hint="use a larger subnet"),
    "ExternalIpAddressExhausted": Meaning(Kind.CAPACITY, hint="the external network has no free address"),
    "RouterInterfaceNotFoundForSubnet": Meaning(Kind.NOT_FOUND),
}

STATUSES: dict[int, Meaning] = {
    401: Meaning(Kind.AUTH, hint=CREDENTIALS),
    403: Meaning(Kind.AUTH, hint=PERMISSION),
    404: Meaning(Kind.NOT_FOUND),
    409: Meaning(Kind.CONFLICT, retryable=True),
    413: Meaning(Kind.THROTTLED, retryable=True),
    429: Meaning(Kind.THROTTLED, retryable=True),
}

WORDS: tuple[tuple[str, frozenset[int], Meaning], ...] = (
    # nova refuses by 403 what is above a quota, of neutron's ports too; glance by 413
    (r"quota|maximum number of .* exceeded", frozenset((403, 413)), TYPES["OverQuota"]),
    (r"already exists|router already has a port", frozenset((400, 409)), Meaning(Kind.ALREADY_EXISTS)),
    (r"overlaps with another subnet", frozenset((400, 409)), Meaning(Kind.ALREADY_EXISTS)),
    (r"no valid host", frozenset((400, 403, 409, 500)), Meaning(Kind.CAPACITY, hint="another size, or another zone")),
    # nova cannot act on a server that no cell has yet; it says so by its own fault
    (r"OrphanedObjectError", frozenset((500,)), Meaning(Kind.CONFLICT, retryable=True)),
)


def refused(action: str, mutates: bool, status: int, body: Any, headers: Mapping[str, str]) -> ProviderError:  # noqa: ANN401
    """Return the error for an answer with an error status; `body` is its JSON, or its text."""
    code, message = _said(body)
    meaning = _meaning(status, code, message)
    request = headers.get("x-openstack-request-id", "")
    text = f"{action}: {shown(message) or f'HTTP {status}'}{f' ({request})' if status >= 500 and request else ''}"
    return meaning.error(text, code or f"HTTP{status}", mutates=mutates)


def unanswered(action: str, mutates: bool, message: str) -> ProviderError:
    """Return the error for a call that was sent and got no answer, or one that cannot be read."""
    return refusals.unanswered(f"{action}: {shown(message)}", mutates=mutates)


def never_sent(message: str) -> ProviderError:
    """Return the error for a call that did not reach the service, so nothing was done."""
    return refusals.never_sent(shown(message), CONNECTION)


def local(name: str, message: str) -> ProviderError:
    """Return the error for a call that could not be made: no credentials, no such cloud, no such service."""
    return ProviderError(shown(message), kind=Kind.AUTH, code=name, hint=CREDENTIALS)


def _meaning(status: int, code: str, message: str) -> Meaning:
    if code in TYPES:
        return TYPES[code]
    for pattern, statuses, meaning in WORDS:
        if status in statuses and re.search(pattern, message, re.IGNORECASE):
            return meaning
    if status >= 500:
        return Meaning(Kind.UNAVAILABLE, retryable=True)
    return STATUSES.get(status, Meaning(Kind.INVALID))


def _said(body: Any) -> tuple[str, str]:  # noqa: ANN401
    """Return the code and the message of an answer's body."""
    if isinstance(body, dict) and body:
        name, fault = next(iter(body.items()))
        if isinstance(fault, dict):
            return str(fault.get("type") or fault.get("title") or name), str(fault.get("message", ""))
        return str(name), str(fault)
    text = re.sub(r"<title>.*?</title>|<h1>.*?</h1>|<[^>]+>", " ", str(body or ""), flags=re.DOTALL)
    return "", " ".join(text.split())


def shown(message: str) -> str:
    """Shorten a message, and drop the value that nova repeats in it: it may be a whole first-boot config."""
    return re.sub(r"\s*\bValue: .*", "", message, flags=re.DOTALL)[:500]

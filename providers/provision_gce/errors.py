"""What GCE's refusals and silences mean to the engine.

A refusal comes as an HTTP error with a reason, or in an operation that has ended with error codes
(https://cloud.google.com/compute/docs/troubleshooting/troubleshooting-vm-creation). What stands in no table goes by its
HTTP status: INVALID when GCE blames the caller (4xx), and a lost answer when it blames itself (5xx).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from provision.errors import Kind, ProviderError
from provision.providing import refusals
from provision.providing.refusals import Meaning

if TYPE_CHECKING:
    from provision.model import Json


_CREDENTIALS = "log in with `gcloud auth application-default login`, or set GOOGLE_APPLICATION_CREDENTIALS"
_PERMISSION = "give these credentials the IAM role of the GCE how-to"
_API = "enable the Compute Engine API: `gcloud services enable compute.googleapis.com`"
_ROOM = "name more zones, or another size"
_QUOTA = "raise the quota that is named, under IAM & Admin > Quotas"

CODES: dict[str, Meaning] = {
    # Who are you, and may you?
    "authError": Meaning(Kind.AUTH, hint=_CREDENTIALS),
    "required": Meaning(Kind.AUTH, hint=_CREDENTIALS),
    "expired": Meaning(Kind.AUTH, hint=_CREDENTIALS),
    "forbidden": Meaning(Kind.AUTH, hint=_PERMISSION),
    "insufficientPermissions": Meaning(Kind.AUTH, hint=_PERMISSION),
    "ACCESS_TOKEN_SCOPE_INSUFFICIENT": Meaning(Kind.AUTH, hint=_PERMISSION),
    "PERMISSIONS_ERROR": Meaning(Kind.AUTH, hint=_PERMISSION),
    "accessNotConfigured": Meaning(Kind.AUTH, hint=_API),
    "SERVICE_DISABLED": Meaning(Kind.AUTH, hint=_API),
    # Slower, please.
    "rateLimitExceeded": Meaning(Kind.THROTTLED, retryable=True),
    "userRateLimitExceeded": Meaning(Kind.THROTTLED, retryable=True),
    "RATE_LIMIT_EXCEEDED": Meaning(Kind.THROTTLED, retryable=True),
    # No room here; a definite refusal, so another zone may be asked.
    "ZONE_RESOURCE_POOL_EXHAUSTED": Meaning(Kind.CAPACITY, hint=_ROOM),
    "ZONE_RESOURCE_POOL_EXHAUSTED_WITH_DETAILS": Meaning(Kind.CAPACITY, hint=_ROOM),
    "stockout": Meaning(Kind.CAPACITY, hint=_ROOM),
    "VM_MIN_COUNT_NOT_REACHED": Meaning(Kind.CAPACITY, hint=_ROOM),
    "IP_SPACE_EXHAUSTED": Meaning(Kind.INVALID, hint="use a larger subnetwork"),
    "IP_SPACE_EXHAUSTED_WITH_DETAILS": Meaning(Kind.INVALID, hint="use a larger subnetwork"),
    # Your project has enough of these.
    "quotaExceeded": Meaning(Kind.QUOTA, hint=_QUOTA),
    "QUOTA_EXCEEDED": Meaning(Kind.QUOTA, hint=_QUOTA),
    "limitExceeded": Meaning(Kind.QUOTA, hint=_QUOTA),
    "LIMIT_EXCEEDED": Meaning(Kind.QUOTA, hint=_QUOTA),
    # It is there already.
    "alreadyExists": Meaning(Kind.ALREADY_EXISTS),
    "duplicate": Meaning(Kind.ALREADY_EXISTS),
    "RESOURCE_ALREADY_EXISTS": Meaning(Kind.ALREADY_EXISTS),
    # Not now, or not so.
    "resourceNotReady": Meaning(Kind.NOT_YET_VISIBLE, retryable=True),
    "RESOURCE_NOT_READY": Meaning(Kind.NOT_YET_VISIBLE, retryable=True),
    "resourceInUseByAnotherResource": Meaning(Kind.CONFLICT, retryable=True, hint="something else uses it"),
    "RESOURCE_IN_USE_BY_ANOTHER_RESOURCE": Meaning(Kind.CONFLICT, retryable=True, hint="something else uses it"),
    "IP_IN_USE_BY_ANOTHER_RESOURCE": Meaning(Kind.CONFLICT, retryable=True, hint="another machine has the address"),
    "conditionNotMet": Meaning(Kind.CONFLICT, retryable=True),
    "CONDITION_NOT_MET": Meaning(Kind.CONFLICT, retryable=True),
    "notFound": Meaning(Kind.NOT_FOUND),
    "RESOURCE_NOT_FOUND": Meaning(Kind.NOT_FOUND),
    # Google's own fault; `refused` decides whether the call may have been done.
    "backendError": Meaning(Kind.UNAVAILABLE, retryable=True),
    "internalError": Meaning(Kind.UNAVAILABLE, retryable=True),
    "INTERNAL_ERROR": Meaning(Kind.UNAVAILABLE, retryable=True),
    "SERVICE_UNAVAILABLE": Meaning(Kind.UNAVAILABLE, retryable=True),
    "UNSUPPORTED_OPERATION": Meaning(Kind.UNSUPPORTED),
}

STATUSES: dict[int, Meaning] = {
    401: CODES["authError"],
    403: CODES["forbidden"],
    404: CODES["notFound"],
    408: CODES["backendError"],
    409: CODES["alreadyExists"],
    412: CODES["conditionNotMet"],
    429: CODES["rateLimitExceeded"],
}

_READS = ("get", "list", "aggregatedList", "wait", "testIamPermissions")


def mutates(operation: str) -> bool:
    """Tell whether a call such as ``instances.insert`` changes anything."""
    return not operation.partition(".")[2].startswith(_READS)


def refused(operation: str, status: int, reason: str, message: str) -> ProviderError:
    """Return the error for an answer with an HTTP error status."""
    meaning = _meaning(reason, status)
    if "protected against deletion" in message:
        # No CONFLICT, since it does not pass by itself.
        meaning = Meaning(Kind.INVALID, hint="deletion protection is on: set `protect: false`, then `up`")
    text = f"{operation}: {_shown(message) or reason or status}"
    return meaning.error(text, reason or str(status), mutates=mutates(operation))


def failed(operation: str, ended: Json) -> ProviderError:
    """Return the error of an operation that has ended: what it says is definite."""
    found = ended.get("error", {}).get("errors", []) or [{"code": "", "message": ended.get("httpErrorMessage", "")}]
    status = ended.get("httpErrorStatusCode", 0)
    # An operation may hold several errors; the one that means most to the engine is the cause.
    first = next((e for e in found if e.get("code") in CODES), found[0])
    code = first.get("code", "")
    return _meaning(code, status).error(f"{operation}: {_shown(first.get('message', '')) or code}", code)


def unanswered(operation: str, message: str) -> ProviderError:
    """Return the error for a call that was sent and got no answer, or one that cannot be read."""
    return refusals.unanswered(f"{operation}: {_shown(message)}", mutates=mutates(operation))


def under_way(operation: str, reason: str, *, retryable: bool = True) -> ProviderError:
    """Return the error for a call that was accepted, and whose end was not seen."""
    message = f"{operation}: accepted, but its end was not seen: {reason}"
    return ProviderError(message, kind=Kind.AMBIGUOUS, retryable=retryable, code="NoAnswer")


def never_sent(message: str) -> ProviderError:
    """Return the error for a call that did not reach Google, so nothing was done."""
    return refusals.never_sent(_shown(message), "check the network and `endpoint_url`")


def no_credentials(message: str) -> ProviderError:
    """Return the error for credentials that are missing, or that Google did not take."""
    return ProviderError(_shown(message), kind=Kind.AUTH, code="Credentials", hint=_CREDENTIALS)


def _meaning(code: str, status: int) -> Meaning:
    if code in CODES:
        return CODES[code]
    if status >= 500:
        return CODES["backendError"]
    return STATUSES.get(status, Meaning(Kind.INVALID))


def _shown(message: str) -> str:
    """Shorten a message, and drop the request that the SDK puts before it."""
    return re.sub(r"^[A-Z]+ https?://\S+: ", "", " ".join(message.split()))[:500]

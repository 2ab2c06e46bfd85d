"""What AWS's refusals and silences mean to the engine.

Codes: https://docs.aws.amazon.com/ec2/latest/devguide/errors-overview.html. A code that stands in no table is INVALID
when AWS blames the caller (4xx), and a lost answer when it blames itself (5xx).
"""

from __future__ import annotations

import re

from provision.errors import Kind, ProviderError
from provision.providing import refusals
from provision.providing.refusals import Meaning

_CREDENTIALS = "check the credentials: AWS_PROFILE, AWS_ACCESS_KEY_ID, or the option `profile`"
_PERMISSION = "give these credentials the IAM policy of the EC2 how-to"

CODES: dict[str, Meaning] = {
    # Who are you, and may you?
    "AuthFailure": Meaning(Kind.AUTH, hint=_CREDENTIALS),
    "InvalidClientTokenId": Meaning(Kind.AUTH, hint=_CREDENTIALS),
    "UnrecognizedClientException": Meaning(Kind.AUTH, hint=_CREDENTIALS),
    "SignatureDoesNotMatch": Meaning(Kind.AUTH, hint=_CREDENTIALS),
    "IncompleteSignature": Meaning(Kind.AUTH, hint=_CREDENTIALS),
    "MissingAuthenticationToken": Meaning(Kind.AUTH, hint=_CREDENTIALS),
    "ExpiredToken": Meaning(Kind.AUTH, hint="log in again: the session has expired"),
    "ExpiredTokenException": Meaning(Kind.AUTH, hint="log in again: the session has expired"),
    "RequestExpired": Meaning(Kind.AUTH, hint="set this computer's clock, or log in again"),
    "UnauthorizedOperation": Meaning(Kind.AUTH, hint=_PERMISSION),
    "AccessDenied": Meaning(Kind.AUTH, hint=_PERMISSION),
    "AccessDeniedException": Meaning(Kind.AUTH, hint=_PERMISSION),
    "OptInRequired": Meaning(Kind.AUTH, hint="enable the region or the image's subscription for this account"),
    "PendingVerification": Meaning(Kind.AUTH, hint="AWS is still verifying the account; ask AWS Support"),
    "Blocked": Meaning(Kind.AUTH, hint="AWS has blocked the account; ask AWS Support"),
    # Slower, please.
    "RequestLimitExceeded": Meaning(Kind.THROTTLED, retryable=True),
    "Throttling": Meaning(Kind.THROTTLED, retryable=True),
    "ThrottlingException": Meaning(Kind.THROTTLED, retryable=True),
    "ThrottledException": Meaning(Kind.THROTTLED, retryable=True),
    "RequestThrottled": Meaning(Kind.THROTTLED, retryable=True),
    "RequestThrottledException": Meaning(Kind.THROTTLED, retryable=True),
    "TooManyRequestsException": Meaning(Kind.THROTTLED, retryable=True),
    "EC2ThrottledException": Meaning(Kind.THROTTLED, retryable=True),
    "SlowDown": Meaning(Kind.THROTTLED, retryable=True),
    # No room here; a definite refusal, so another zone may be asked.
    "InsufficientInstanceCapacity": Meaning(Kind.CAPACITY, hint="name more zones, or another size"),
    "InsufficientHostCapacity": Meaning(Kind.CAPACITY, hint="name more zones, or another size"),
    "InsufficientCapacity": Meaning(Kind.CAPACITY, hint="name more zones, or another size"),
    "InsufficientFreeAddressesInSubnet": Meaning(Kind.CAPACITY, hint="use a larger subnet, or name more zones"),
    "Unsupported": Meaning(Kind.CAPACITY, hint="the size is not offered in this zone: name others"),
    "SpotMaxPriceTooLow": Meaning(Kind.CAPACITY, hint="name more zones, or set `spot: false`"),
    # Your account has enough of these.
    "VcpuLimitExceeded": Meaning(Kind.QUOTA, hint="raise the vCPU quota of the size's family in Service Quotas"),
    "InstanceLimitExceeded": Meaning(Kind.QUOTA, hint="raise the quota of running on-demand instances"),
    "MaxSpotInstanceCountExceeded": Meaning(Kind.QUOTA, hint="raise the quota of spot instances"),
    "VpcLimitExceeded": Meaning(Kind.QUOTA, hint="raise the quota `VPCs per Region` (5 at first), or use one VPC"),
    # It is there already.
    "InvalidKeyPair.Duplicate": Meaning(Kind.ALREADY_EXISTS),
    "InvalidGroup.Duplicate": Meaning(Kind.ALREADY_EXISTS),
    "InvalidPermission.Duplicate": Meaning(Kind.ALREADY_EXISTS),
    "InvalidSubnet.Conflict": Meaning(Kind.ALREADY_EXISTS),
    "RouteAlreadyExists": Meaning(Kind.ALREADY_EXISTS),
    "Resource.AlreadyAssociated": Meaning(Kind.ALREADY_EXISTS),
    # The token has been used: for another request, or for a machine that is gone. The engine takes the next generation.
    "IdempotentParameterMismatch": Meaning(Kind.ALREADY_EXISTS),
    "IdempotentInstanceTerminated": Meaning(Kind.ALREADY_EXISTS),
    # Not now, or not so.
    "DependencyViolation": Meaning(Kind.CONFLICT, retryable=True, hint="something that provision did not make uses it"),
    "InvalidGroup.InUse": Meaning(Kind.CONFLICT, retryable=True),
    "VolumeInUse": Meaning(Kind.CONFLICT, retryable=True),
    "InvalidNetworkInterface.InUse": Meaning(Kind.CONFLICT, retryable=True),
    "InvalidIPAddress.InUse": Meaning(Kind.CONFLICT, retryable=True, hint="the address belongs to another machine"),
    "IncorrectState": Meaning(Kind.CONFLICT, retryable=True),
    "IncorrectInstanceState": Meaning(Kind.CONFLICT, retryable=True),
    # No CONFLICT, since it does not pass by itself.
    "OperationNotPermitted": Meaning(
        Kind.INVALID, hint="termination protection is on: set `protect: false`, then `up`"
    ),
    # AWS's own fault; `refused` decides whether the call may have been done.
    "InternalError": Meaning(Kind.UNAVAILABLE, retryable=True),
    "InternalFailure": Meaning(Kind.UNAVAILABLE, retryable=True),
    "ServiceUnavailable": Meaning(Kind.UNAVAILABLE, retryable=True),
    "Unavailable": Meaning(Kind.UNAVAILABLE, retryable=True),
    "RequestTimeout": Meaning(Kind.UNAVAILABLE, retryable=True),
    "UnsupportedOperation": Meaning(Kind.UNSUPPORTED),
    "InvalidAction": Meaning(Kind.UNSUPPORTED),
}

LAGGING = frozenset({
    "InvalidInstanceID.NotFound", "InvalidVpcID.NotFound", "InvalidSubnetID.NotFound", "InvalidGroup.NotFound",
    "InvalidInternetGatewayID.NotFound", "InvalidRouteTableID.NotFound", "InvalidKeyPair.NotFound",
    "InvalidNetworkInterfaceID.NotFound", "InvalidVolume.NotFound", "InvalidID",
})  # fmt: skip
"""Codes that a call which uses a thing just made may get for a while
(https://docs.aws.amazon.com/ec2/latest/devguide/eventual-consistency.html)."""

_READS = ("describe_", "get_", "head_", "list_")
_REMOVALS = ("delete_", "terminate_", "detach_", "disassociate_")


def mutates(operation: str) -> bool:
    """Tell whether a call changes anything."""
    return not operation.startswith(_READS)


def refused(operation: str, code: str, message: str, status: int) -> ProviderError:
    """Return the error for an answer with an error code and an HTTP status."""
    meaning = _meaning(operation, code, message, status)
    return meaning.error(f"{_action(operation)}: {_shown(message) or code}", code, mutates=mutates(operation))


def unanswered(operation: str, message: str) -> ProviderError:
    """Return the error for a call that was sent and got no answer, or one that cannot be read."""
    return refusals.unanswered(f"{_action(operation)}: {_shown(message)}", mutates=mutates(operation))


def never_sent(message: str) -> ProviderError:
    """Return the error for a call that did not reach AWS, so nothing was done."""
    return refusals.never_sent(_shown(message), "check the network, the region and `endpoint_url`")


def local(name: str, message: str) -> ProviderError:
    """Return the error for a call that the SDK itself would not make: no credentials, no such profile, bad argument."""
    if name in ("ParamValidationError", "NoRegionError", "InvalidRegionError", "UnknownServiceError"):
        return ProviderError(_shown(message), kind=Kind.INVALID, code=name)
    return ProviderError(_shown(message), kind=Kind.AUTH, code=name, hint=_CREDENTIALS)


def _meaning(operation: str, code: str, message: str, status: int) -> Meaning:
    if code in CODES:
        return CODES[code]
    if code in LAGGING and mutates(operation) and not operation.startswith(_REMOVALS):
        return Meaning(Kind.NOT_YET_VISIBLE, retryable=True)
    if code == "InvalidParameterValue" and re.search(r"iam ?instance ?profile", message, re.IGNORECASE):
        # A profile made a moment ago takes seconds to reach EC2.
        return Meaning(Kind.NOT_YET_VISIBLE, retryable=True, hint="check the option `instance_profile`")
    if code.endswith(("NotFound", "NotAttached")):
        return Meaning(Kind.NOT_FOUND)
    if code.endswith(("LimitExceeded", "QuotaExceeded")):
        return Meaning(Kind.QUOTA, hint=f"raise the quota behind {code} in Service Quotas")
    if status >= 500:
        return Meaning(Kind.UNAVAILABLE, retryable=True)
    return Meaning(Kind.INVALID)


def _action(operation: str) -> str:
    """Write an operation as AWS does: run_instances is RunInstances, the name that IAM policies use."""
    return "".join(word.capitalize() for word in operation.split("_"))


def _shown(message: str) -> str:
    """Shorten a message, and drop the coded blob that AWS puts behind a refused permission."""
    return re.sub(r"\s*Encoded authorization failure message:.*", "", message, flags=re.DOTALL)[:500]

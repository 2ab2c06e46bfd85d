"""What vSphere's faults and silences mean to the engine.

Faults: https://developer.broadcom.com/xapis/vsphere-web-services-api/latest/ (Faults). A fault that stands in no table
is INVALID: vSphere has refused, and the same call would be refused again.
"""

from __future__ import annotations

from provision.errors import Kind, ProviderError
from provision.providing import refusals
from provision.providing.refusals import Meaning

_CREDENTIALS = "check VSPHERE_USER and VSPHERE_PASSWORD"
_ROOM = "free some space, or take another `datastore`"
_RESOURCES = "free some cpus or memory, take another `resource_pool`, or smaller machines"

FAULTS: dict[str, Meaning] = {
    # Who are you, and may you?
    "InvalidLogin": Meaning(Kind.AUTH, hint=_CREDENTIALS),
    "NoPermission": Meaning(Kind.AUTH, hint="give the account the privileges of the VMware how-to"),
    "NotAuthenticated": Meaning(Kind.AUTH, hint=_CREDENTIALS),
    "InvalidLocale": Meaning(Kind.AUTH),
    "PasswordExpired": Meaning(Kind.AUTH, hint="give the account a new password"),
    "RestrictedVersion": Meaning(Kind.AUTH, hint="the free ESXi licence lets nobody change anything through its API"),
    # No room here.
    "NoDiskSpace": Meaning(Kind.CAPACITY, hint=_ROOM),
    "InsufficientStorageSpace": Meaning(Kind.CAPACITY, hint=_ROOM),
    "InsufficientResourcesFault": Meaning(Kind.CAPACITY, hint=_RESOURCES),
    "InsufficientCpuResourcesFault": Meaning(Kind.CAPACITY, hint=_RESOURCES),
    "InsufficientMemoryResourcesFault": Meaning(Kind.CAPACITY, hint=_RESOURCES),
    "InsufficientHostCapacityFault": Meaning(Kind.CAPACITY, hint=_RESOURCES),
    "InsufficientFailoverResourcesFault": Meaning(Kind.CAPACITY, hint=_RESOURCES),
    "NoCompatibleHost": Meaning(Kind.CAPACITY, hint="no host has both the datastore and the network"),
    "NotEnoughLicenses": Meaning(Kind.QUOTA, hint="vSphere needs more licences"),
    "StorageResourceFull": Meaning(Kind.CAPACITY, hint=_ROOM),
    # It is there already, or not at all.
    "DuplicateName": Meaning(Kind.ALREADY_EXISTS),
    "AlreadyExists": Meaning(Kind.ALREADY_EXISTS),
    "FileAlreadyExists": Meaning(Kind.ALREADY_EXISTS),
    "ManagedObjectNotFound": Meaning(Kind.NOT_FOUND),
    "NotFound": Meaning(Kind.NOT_FOUND),
    "FileNotFound": Meaning(Kind.NOT_FOUND),
    # Not now.
    "TaskInProgress": Meaning(Kind.CONFLICT, retryable=True),
    "InvalidPowerState": Meaning(Kind.CONFLICT, retryable=True),
    "InvalidState": Meaning(Kind.CONFLICT, retryable=True),
    "ConcurrentAccess": Meaning(Kind.CONFLICT, retryable=True),
    "ResourceInUse": Meaning(Kind.CONFLICT, retryable=True),
    "FileLocked": Meaning(Kind.CONFLICT, retryable=True),
    "HostNotConnected": Meaning(Kind.UNAVAILABLE, retryable=True),
    "HostNotReachable": Meaning(Kind.UNAVAILABLE, retryable=True),
    "HostCommunication": Meaning(Kind.UNAVAILABLE, retryable=True),
    "HostConnectFault": Meaning(Kind.UNAVAILABLE, retryable=True),
    # Not here.
    "NotSupported": Meaning(Kind.UNSUPPORTED),
    "MethodNotFound": Meaning(Kind.UNSUPPORTED),
    "NotImplemented": Meaning(Kind.UNSUPPORTED),
    # It broke on the way: what was done is not known.
    "SystemError": Meaning(Kind.AMBIGUOUS, retryable=True),
    "RequestCanceled": Meaning(Kind.AMBIGUOUS, retryable=True),
    "Timedout": Meaning(Kind.AMBIGUOUS, retryable=True),
    "GenericVmConfigFault": Meaning(Kind.INVALID),
}

_READS = ("Retrieve", "ContinueRetrieve", "Find", "Login", "Logout", "HasUserPrivilege", "HasPrivilege", "Query")
_WATCHES = (
    "WaitForUpdatesEx",
    "CreatePropertyCollector",
    "CreateFilter",
    "DestroyPropertyFilter",
    "CancelWaitForUpdates",
)


def mutates(operation: str) -> bool:
    """Tell whether a call changes anything."""
    return not operation.startswith(_READS) and operation not in _WATCHES


def refused(operation: str, fault: str, message: str, detail: str = "") -> ProviderError:
    """Return the error for a fault, of a call or of a task.

    Args:
        operation: the method, as vSphere names it.
        fault: the fault's type.
        message: in the server's words; often empty.
        detail: what the fault itself holds: the privilege that is missing, the file, the property.
    """
    kind, retryable, hint = FAULTS.get(fault, Meaning(Kind.INVALID))
    if kind is Kind.AMBIGUOUS and not mutates(operation):
        kind = Kind.UNAVAILABLE
    words = message or fault
    text = f"{operation}: {words}" + (f" ({fault}: {detail})" if detail else "" if words == fault else f" ({fault})")
    return ProviderError(text[:500], kind=kind, retryable=retryable, code=fault, hint=hint)


def unanswered(operation: str, message: str) -> ProviderError:
    """Return the error for a call that was sent and got no answer, or one that cannot be read."""
    return refusals.unanswered(f"{operation}: {message}"[:500], mutates=mutates(operation))


def busy(operation: str, message: str) -> ProviderError:
    """Return the error for HTTP 503: vCenter has as many sessions or requests as it takes, and did nothing."""
    hint = "vCenter has too many sessions or too much to do; it passes when others end theirs"
    text = f"{operation}: {message}"[:500]
    return ProviderError(text, kind=Kind.THROTTLED, retryable=True, code="ServiceUnavailable", hint=hint)


def never_sent(server: str, message: str) -> ProviderError:
    """Return the error for a call that did not reach the server, so nothing was done."""
    return refusals.never_sent(f"{server}: {message}"[:500], "check the network and the option `server`")


def untrusted(server: str, message: str) -> ProviderError:
    """Return the error for a certificate that does not verify."""
    return ProviderError(
        f"{server}: its certificate cannot be verified: {message}"[:500],
        kind=Kind.AUTH,
        code="UntrustedCertificate",
        hint="name the CA in `ca_file`, or the certificate's SHA-256 in `pin`",
    )


def lost_task(operation: str) -> ProviderError:
    """Return the error for a task whose end nobody has seen."""
    return ProviderError(
        f"{operation}: the task is gone, and how it ended is not known",
        kind=Kind.AMBIGUOUS,
        retryable=True,
        code="TaskLost",
    )

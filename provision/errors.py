"""Every error that provision raises on purpose, with its exit code.

::

    ProvisionError              1   a user's or a platform's fault; shown without a traceback
    ├─ UsageError               2   the command line is wrong
    ├─ SpecError                3   the spec or a config is wrong; carries a Report
    ├─ PlanError                4   the plan is impossible or stale
    ├─ StateError               5   the state cannot be used
    │  ├─ LockHeld                  another run holds the cluster's lock
    │  └─ JournalCorrupt            a journal record is damaged
    ├─ ProviderError            6   a platform refused or failed; has kind, retryable, code
    │  ├─ Refused                   a preflight found what would stop `up`; carries a Report
    │  └─ ProviderMissing           no such plugin, or its SDK is not installed
    ├─ BudgetError              7   a sprawl limit refused the plan
    │  └─ Forbidden                 a policy forbids it; carries a Report
    ├─ PartialFailure           8   some machines failed; `up` again continues
    ├─ Unhealthy                9   machines run, but the cluster is not healthy
    └─ Interrupted            130   Ctrl-C or SIGTERM

`plan --detailed-exitcode` ends with 10 when changes are pending. Only `provision.cli.console` prints errors
and turns them into exit codes; anything that is not a ProvisionError keeps its traceback, since it is our bug.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Sequence

    from provision.diagnostics import Report


class ProvisionError(Exception):
    """Something that the user can understand and act on.

    Args:
        message: what went wrong, in one line.
        hint: what to do about it, or None.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(ProvisionError):
    """The command line asks for something that cannot be meant."""

    exit_code = 2


class SpecError(ProvisionError):
    """A spec or config is wrong; `report` holds every finding with its place."""

    exit_code = 3

    def __init__(self, report: Report, message: str | None = None) -> None:
        super().__init__(message or report.summary())
        self.report = report


class PlanError(ProvisionError):
    """What is wanted cannot be reached from what exists, or the plan is stale."""

    exit_code = 4


class StateError(ProvisionError):
    """The cluster's state cannot be read, written or trusted."""

    exit_code = 5


class LockHeld(StateError):
    """Another process holds the cluster's lock; the message names it."""


class JournalCorrupt(StateError):
    """A journal record other than a torn last one is damaged; the message names its line."""


class Kind(StrEnum):
    """What went wrong at a platform, in words that all platforms share."""

    AUTH = "auth"
    QUOTA = "quota"
    CAPACITY = "capacity"  # a definite refusal: another zone may have room
    THROTTLED = "throttled"
    NOT_FOUND = "not-found"
    NOT_YET_VISIBLE = "not-yet-visible"  # made, but the platform's reads lag behind
    ALREADY_EXISTS = "already-exists"
    CONFLICT = "conflict"  # in use, dependency violation, wrong state
    INVALID = "invalid"
    AMBIGUOUS = "ambiguous"  # the answer was lost: it may or may not have happened
    UNAVAILABLE = "unavailable"  # definitely not done; the platform is down or cannot be reached
    UNSUPPORTED = "unsupported"


class ProviderError(ProvisionError):
    """A platform refused or failed. The only exception that may leave a provider plugin.

    Args:
        message: the platform's own words, without secrets.
        kind: what it means to the engine.
        retryable: whether the same call may succeed later.
        code: the platform's error code, such as ``InsufficientInstanceCapacity``.
        provider: the provider's name; the engine fills it in when it is empty.
    """

    exit_code = 6

    def __init__(
        self,
        message: str,
        *,
        kind: Kind,
        retryable: bool = False,
        code: str = "",
        provider: str = "",
        hint: str | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.kind = kind
        self.retryable = retryable
        self.code = code
        self.provider = provider


class ProviderMissing(ProviderError):
    """The plugin or its SDK is not installed; the hint says what to install."""

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message, kind=Kind.UNSUPPORTED, hint=hint)


class Refused(ProviderError):
    """What providers found before anything was made; `report` holds every finding."""

    def __init__(self, report: Report) -> None:
        super().__init__(f"nothing was made: {report.summary()} before the start", kind=Kind.INVALID)
        self.report = report


class BudgetError(ProvisionError):
    """A limit that the user set refused the plan before anything was made."""

    exit_code = 7


class Forbidden(BudgetError):
    """A policy forbids what the spec asks for; `report` holds every violation."""

    def __init__(self, report: Report, message: str) -> None:
        super().__init__(message, hint="change the spec, or ask whoever keeps the policy")
        self.report = report


class PartialFailure(ProvisionError):
    """Some steps failed; the rest is recorded and stays. `failures` are (step, reason) pairs."""

    exit_code = 8

    def __init__(self, message: str, failures: Sequence[tuple[str, str]], *, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.failures = tuple(failures)


class Unhealthy(ProvisionError):
    """The machines run, but the cluster did not become (or is not) healthy."""

    exit_code = 9


class Interrupted(ProvisionError):
    """The user or the system asked the run to end; the journal holds what was under way."""

    exit_code = 130

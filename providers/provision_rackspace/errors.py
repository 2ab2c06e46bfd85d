"""What Rackspace's refusals and silences mean to the engine.

Nova and the identity service word them ``{"badRequest": {"code", "message"}}``; what stands in no table is read by its
HTTP status. https://docs-ospc.rackspace.com/cloud-servers/v2/general-api-info/faults
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from provision.errors import Kind, ProviderMissing
from provision.providing import refusals
from provision.providing.refusals import Meaning

if TYPE_CHECKING:
    from provision.errors import ProviderError

CREDENTIALS = (
    "check RAX_USERNAME and RAX_API_KEY, or the credentials file: it is the account's API key, not its password"
)
PERMISSION = "give the user the role `nova:admin`, or `nova:creator` for a user who only makes machines"
CONNECTION = "check the network, `region` and `auth_url`"
INSTALL = (
    "pip install 'pbr>=6' 'setuptools<81' oslo.i18n oslo.serialization oslo.utils python-keystoneclient keyring "
    "'requests<3' six mock simplejson iso8601 Babel 'prettytable<0.8'",
    "pip install --no-deps pyrax==1.10.0 python-novaclient==2.27.0",
)
"""pyrax 1.10.0 pulls libraries of 2017 that no longer import; without their pins it works on Python 3.11 and later."""


STATUSES: dict[int, Meaning] = {
    401: Meaning(Kind.AUTH, hint=CREDENTIALS),
    403: Meaning(Kind.AUTH, hint=PERMISSION),
    404: Meaning(Kind.NOT_FOUND),
    409: Meaning(Kind.CONFLICT, retryable=True),
    413: Meaning(Kind.THROTTLED, retryable=True),
    429: Meaning(Kind.THROTTLED, retryable=True),
}

WORDS: tuple[tuple[str, frozenset[int], Meaning], ...] = (
    # What is above a limit of the account comes by 403 or, as throttling does, by 413.
    (
        r"quota|exceeded for (cores|ram|instances)|too many networks",
        frozenset((400, 403, 413)),
        Meaning(Kind.QUOTA, hint="ask Rackspace's support for a higher limit, or remove what is not needed"),
    ),
    (r"already exists", frozenset((400, 409)), Meaning(Kind.ALREADY_EXISTS)),
    # A cloud network with servers on it: pyrax reads 403 as NetworkInUse.
    (r"in use|active ports|active virtual interfaces", frozenset((403,)), Meaning(Kind.CONFLICT, retryable=True)),
    (r"no valid host", frozenset((400, 403, 500)), Meaning(Kind.CAPACITY, hint="take another flavor or region")),
)


def missing(reason: Exception) -> ProviderMissing:
    """Return the error for a pyrax that is not there, or there and broken."""
    hint = f"with uv: `--override` a file that says pbr>=6; with pip, both: {INSTALL[0]}  AND THEN  {INSTALL[1]}"
    return ProviderMissing(f"pyrax is missing or cannot be loaded: {shown(str(reason))}", hint=hint)


def refused(action: str, mutates: bool, status: int, message: str) -> ProviderError:
    """Return the error for an answer with an error status."""
    text = f"{action}: {shown(message) or f'HTTP {status}'}"
    return _meaning(status, message).error(text, f"HTTP{status}", mutates=mutates)


def unanswered(action: str, mutates: bool, message: str) -> ProviderError:
    """Return the error for a call that was sent and got no answer, or one that cannot be read."""
    return refusals.unanswered(f"{action}: {shown(message)}", mutates=mutates)


def never_sent(message: str) -> ProviderError:
    """Return the error for a call that did not reach the service, so nothing was done."""
    return refusals.never_sent(shown(message), CONNECTION)


def shown(message: str) -> str:
    """Shorten a message, and drop the value that nova repeats in it: it may be a whole first-boot config."""
    return re.sub(r"\s*\bValue: .*", "", message, flags=re.DOTALL)[:500]


def _meaning(status: int, message: str) -> Meaning:
    for pattern, statuses, meaning in WORDS:
        if status in statuses and re.search(pattern, message, re.IGNORECASE):
            return meaning
    if status >= 500:
        return Meaning(Kind.UNAVAILABLE, retryable=True)
    return STATUSES.get(status, Meaning(Kind.INVALID))

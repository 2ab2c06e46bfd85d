"""The one file that knows pyvmomi: sessions, calls, and which exception means what.

pyvmomi repeats nothing by itself, and neither do we, but for one case: a call that was refused because the session has
expired was not done, so it is made again after a new login. There is one session for each server and user in a process,
and it is logged out when the process ends: vCenter holds a session that nobody ends for half an hour, and has 500 for
each user (https://github.com/openshift/release/pull/22354).
"""

from __future__ import annotations

import atexit
import http.client
import os
import ssl
from contextlib import suppress
from threading import Lock
from typing import TYPE_CHECKING, Any
from xml.parsers.expat import ExpatError

from provision.errors import Kind, ProviderError, ProviderMissing
from provision_vmware import errors, trust

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from provision_vmware.settings import Settings

Managed = Any
"""A managed object of pyvmomi's, which has no types."""

VERSION = "vim.version.version11"
"""The API of vSphere 6.5, which every later server speaks too; to ask which one is newest would be two more calls."""

TIMEOUT = 60.0
"""Seconds for one call. Long work is a task, so no call takes long; `waiting.LONGEST` must be shorter."""

GOODBYE = 5.0
"""Seconds that a server has to take note of a logout."""

_UNSENT = (ConnectionRefusedError, ConnectionAbortedError)


def types() -> Any:  # noqa: ANN401
    """Return pyvmomi's module of data types, imported now.

    Raises:
        ProviderMissing: pyvmomi is not installed.
    """
    try:
        from pyVmomi import vim
    except ImportError as error:
        raise ProviderMissing(f"pyvmomi is not installed: {error}", hint="pip install 'provision[vmware]'") from error
    return vim


def collector_types() -> Any:  # noqa: ANN401
    """Return pyvmomi's types for reading properties."""
    types()
    from pyVmomi import vmodl

    return vmodl.query.PropertyCollector


class Session:
    """A connection to one server as one user; its calls raise ProviderError alone. Threads may share it."""

    def __init__(self, settings: Settings, base: Path) -> None:
        self.settings = settings
        self._base = base
        self._lock = Lock()
        self._stub: Managed = None
        self._content: Managed = None
        self._context: ssl.SSLContext | None = None
        self._key = self._user = ""
        self.logins = 0

    @property
    def content(self) -> Managed:
        """The server's ServiceContent; the first use connects and logs in.

        Raises:
            ProviderError: the server cannot be reached or trusted, or refuses the login.
        """
        with self._lock:
            if self._content is None:
                self._connect()
            return self._content

    @property
    def is_vcenter(self) -> bool:
        """Whether the server is a vCenter; else it is a host."""
        return bool(self.content.about.apiType == "VirtualCenter")

    @property
    def key(self) -> str:
        """The key of the session, which is what privileges are asked of."""
        self.content  # noqa: B018 - connects
        return self._key

    @property
    def user(self) -> str:
        """The user's name, as the server knows it."""
        self.content  # noqa: B018 - connects
        return self._user

    def call(self, subject: Managed, operation: str, /, **params: Any) -> Any:  # noqa: ANN401
        """Call a method of a managed object, such as ``call(vm, "PowerOnVM_Task")``, and return its answer.

        Raises:
            ProviderError: the server refused, or did not answer; see `errors`.
        """
        logins = self.logins
        try:
            return self._call(subject, operation, params)
        except ProviderError as error:
            if error.code != "NotAuthenticated":
                raise
        self.renew(logins)
        return self._call(subject, operation, params)

    def object(self, kind: str, number: str) -> Managed:
        """Return the managed object of an id, such as ``object("VirtualMachine", "vm-7")``; nobody is asked."""
        self.content  # noqa: B018 - connects
        return getattr(types(), kind)(number, self._stub)

    def fetch(self, path: str) -> bytes:
        """Return a file of a datastore, by its path and query below the server's root."""
        return self._http("GET", path, None, {})[1]

    def connection(self, host: str = "", port: int = 0) -> http.client.HTTPSConnection:
        """Return a connection for files, verified as calls are."""
        self.content  # noqa: B018 - connects
        name, number = host or self.settings.host, port or self.settings.port
        return http.client.HTTPSConnection(name, number, timeout=TIMEOUT, context=self._context)

    def cookie(self) -> str:
        """Return the session's cookie, for the server's plain HTTP doors."""
        self.content  # noqa: B018 - connects
        return str(self._stub.cookie).partition(";")[0]

    def close(self) -> None:
        """Log out; whatever goes wrong then is of no use to anybody, and a server that is silent is not waited for."""
        with self._lock:
            content, self._content = self._content, None
        if content is not None:
            self._stub.DropConnections()
            self._stub.schemeArgs["timeout"] = GOODBYE
            with suppress(Exception):
                content.sessionManager.Logout()
            self._stub.DropConnections()

    def _call(self, subject: Managed, operation: str, params: dict[str, Any]) -> Any:  # noqa: ANN401
        return translated(self.settings.server, operation, lambda: getattr(subject, operation)(**params))

    def _http(self, method: str, path: str, body: Any, headers: dict[str, str]) -> tuple[int, bytes]:  # noqa: ANN401
        def ask() -> tuple[int, bytes]:
            link = self.connection()
            try:
                link.request(method, path, body, {"Cookie": self.cookie(), **headers})
                answer = link.getresponse()
                return answer.status, answer.read()
            finally:
                link.close()

        status, text = translated(self.settings.server, "Query file", ask)
        if status == http.client.NOT_FOUND:
            raise ProviderError(f"{path}: there is no such file", kind=Kind.NOT_FOUND, code="FileNotFound")
        if status >= http.client.BAD_REQUEST:
            kind = Kind.AUTH if status in (http.client.UNAUTHORIZED, http.client.FORBIDDEN) else Kind.UNAVAILABLE
            raise ProviderError(
                f"{path}: HTTP {status}", kind=kind, retryable=kind is Kind.UNAVAILABLE, code=str(status)
            )
        return status, text

    def _connect(self) -> None:
        vim = types()
        import pyVmomi

        user, password = credentials()
        self._context = trust.context(self.settings, self._base)
        adapter: Any = pyVmomi.SoapStubAdapter  # type: ignore[attr-defined]
        stub = adapter(
            self.settings.host,
            self.settings.port,
            version=VERSION,
            sslContext=self._context,
            httpConnectionTimeout=TIMEOUT,
            poolSize=16,
        )
        root = vim.ServiceInstance("ServiceInstance", stub)
        try:
            content = translated(self.settings.server, "RetrieveServiceContent", root.RetrieveContent)
            self._login(content, user, password)
        except BaseException:
            stub.DropConnections()
            raise
        self._stub, self._content = stub, content

    def _login(self, content: Managed, user: str, password: str) -> None:
        def login() -> Any:  # noqa: ANN401
            return content.sessionManager.Login(userName=user, password=password)

        session = translated(self.settings.server, "Login", login)
        self._key, self._user = str(session.key), str(session.userName)
        self.logins += 1

    def renew(self, logins: int) -> None:
        """Log in anew, unless that has been done since `logins` was read.

        Raises:
            ProviderError: the login is refused now.
        """
        with self._lock:
            if self.logins == logins:
                self._login(self._content, *credentials())


def credentials() -> tuple[str, str]:
    """Return user and password from the environment.

    Raises:
        ProviderError: they are not there.
    """
    user, password = os.environ.get("VSPHERE_USER", ""), os.environ.get("VSPHERE_PASSWORD", "")
    if not user or not password:
        missing = " and ".join(n for n, v in (("VSPHERE_USER", user), ("VSPHERE_PASSWORD", password)) if not v)
        raise ProviderError(
            f"no credentials: {missing} {'are' if ' and ' in missing else 'is'} not set",
            kind=Kind.AUTH,
            code="NoCredentials",
            hint="export VSPHERE_USER and VSPHERE_PASSWORD",
        )
    return user, password


def translated(server: str, operation: str, act: Callable[[], Any]) -> Any:  # noqa: ANN401
    """Do something with the server, and raise ProviderError for all that can go wrong."""
    types()
    from pyVmomi import vmodl

    try:
        return act()
    except vmodl.MethodFault as fault:
        raise faulted(operation, fault) from fault
    except ssl.SSLCertVerificationError as error:
        raise errors.untrusted(server, getattr(error, "verify_message", "") or str(error)) from error
    except _UNSENT as error:
        raise errors.never_sent(server, str(error)) from error
    except http.client.HTTPException as error:
        raise _http_error(operation, error) from error
    except (OSError, ExpatError, AttributeError) as error:
        # A torn answer surfaces as a missing attribute of what pyvmomi could not read.
        raise errors.unanswered(operation, f"{type(error).__name__}: {error}") from error


def _http_error(operation: str, error: Exception) -> ProviderError:
    if "503" in str(error):
        return errors.busy(operation, str(error))
    return errors.unanswered(operation, f"{type(error).__name__}: {error}")


def faulted(operation: str, fault: Managed) -> ProviderError:
    """Return the error for a fault that was raised, or that a task ended with."""
    held = (getattr(fault, name, None) for name in ("privilegeId", "invalidProperty", "file", "datastore", "name"))
    detail = next((str(value) for value in held if value), "")
    return errors.refused(operation, type(fault).__name__.rpartition(".")[2], fault.msg or "", detail)


_open: dict[tuple[object, ...], Session] = {}
_opening = Lock()


def session(settings: Settings, base: Path) -> Session:
    """Return the process's one session for a server and user; nothing is sent yet."""
    # The process's number: a fork must not speak on its parent's connections.
    who = tuple(os.environ.get(name) for name in ("VSPHERE_USER", "VSPHERE_PASSWORD"))
    key = (os.getpid(), settings.server, who, settings.pin, base / settings.ca_file if settings.ca_file else None)
    with _opening:
        if key not in _open:
            if not _open:
                atexit.register(close_all)
            _open[key] = Session(settings, base)
        return _open[key]


def close_all() -> None:
    """Log out of everything that this process has logged in to."""
    with _opening:
        mine = [_open.pop(key) for key in list(_open) if key[0] == os.getpid()]
    for one in mine:
        one.close()

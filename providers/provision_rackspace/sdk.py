"""The one file that knows pyrax: logging in, the catalogue, calls, and which exception means what.

pyrax keeps one identity for the whole process, and its own calls look at it. So each `Cloud` holds an identity object
of its own, and nothing of the process is set or read: two regions and two accounts live side by side. pyrax logs in and
knows the catalogue; calls go through the HTTP client of novaclient, as pyrax's do, one request each and none repeated.
"""

from __future__ import annotations

import warnings
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple

from provision.errors import Kind, ProviderError
from provision_rackspace import account, errors

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from provision.model import Json
    from provision_rackspace.settings import Settings

TIMEOUT = 60.0
"""Seconds for one answer."""

PAGE = 500
READS = ("GET", "HEAD")
_IMPORT = Lock()


class Session(NamedTuple):
    """A login: where the region's nova is, what calls carry, and the region's name."""

    url: str
    token: str
    region: str
    http: Any


class Cloud:
    """One region of one account, as plain calls that raise ProviderError alone."""

    def __init__(self, settings: Settings, spec_dir: Path) -> None:
        self._settings, self._spec_dir = settings, spec_dir
        self._session: Session | None = None
        self._lock = Lock()

    def call(self, method: str, path: str, json: Json | None = None, **params: Any) -> Json:  # noqa: ANN401
        """Make one call of nova's, such as ``call("GET", "/servers/detail", name="web-1")``, and return its answer.

        A token that has expired is renewed and the call made again: what is refused by 401 has not been done.

        Raises:
            ProviderError: nova refused, or did not answer; see `errors`.
        """
        session = self._connected()
        try:
            return _request(session, method, path, json, params)
        except ProviderError as error:
            if error.code != "HTTP401":
                raise
        return _request(self._connected(instead_of=session), method, path, json, params)

    def pages(self, path: str, key: str, **params: Any) -> Iterator[Json]:  # noqa: ANN401
        """Yield the items of the list named `key`, page by page.

        Raises:
            ProviderError: a page could not be read; what was yielded before is incomplete.
        """
        marker: Json = {}
        while True:
            answer = self._page(path, {**params, "limit": PAGE, **marker})
            items: list[Json] = answer.get(key, [])
            yield from items
            if not items or not answer.get(f"{key}_links"):
                return
            marker = {"marker": items[-1]["id"]}

    def region(self) -> str:
        """Return the region's name; logs in when that has not happened yet.

        Raises:
            ProviderError: the credentials are not taken, the region is not in the catalogue, nobody answered.
        """
        return self._connected().region

    def _page(self, path: str, params: Json) -> Json:
        try:
            return self.call("GET", path, None, **params)
        except ProviderError as error:
            if error.kind in (Kind.NOT_FOUND, Kind.INVALID) and "marker" in params:
                # What the page began behind is gone: the list is read anew, never taken for complete.
                error.kind, error.retryable = Kind.UNAVAILABLE, True
            raise

    def _connected(self, instead_of: Session | None = None) -> Session:
        with self._lock:
            if self._session is None or self._session is instead_of:
                self._session = _log_in(account.find(self._settings, self._spec_dir))
            return self._session


def load() -> Any:  # noqa: ANN401
    """Import pyrax and return it.

    Raises:
        ProviderMissing: it is not installed, or what it needs is of another time.
    """
    with _IMPORT, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns of pkg_resources, and of its own regular expressions
        try:
            import pyrax
        except Exception as error:
            raise errors.missing(error) from error
    return pyrax


def _log_in(who: account.Account) -> Session:
    pyrax = load()
    from novaclient.client import HTTPClient
    from pyrax.base_identity import BaseIdentity
    from pyrax.identity.rax_identity import RaxIdentity

    class Identity(RaxIdentity):  # type: ignore[misc]
        """An identity whose calls end, and that never sends an API key as if it were a password."""

        def _call(self, mthd: str, uri: str, _admin: object, data: object, headers: object, _std: object) -> Any:  # noqa: ANN401
            url = f"{self._auth_endpoint.rstrip('/')}/{uri}"
            kept = {"body": data, "headers": headers, "raise_exception": False}
            return pyrax.http.request(mthd, url, verify=True, timeout=TIMEOUT, **kept)

    identity = Identity(username=who.username, api_key=who.api_key, auth_endpoint=who.auth_url)
    with _Translated("logging in", mutates=False, login=True):
        BaseIdentity.authenticate(identity)
    region = who.region or identity.get_default_region() or ""
    http = HTTPClient(who.username, None, projectid=identity.tenant_id, timeout=TIMEOUT)
    return Session(_endpoint(identity.service_catalog, region), identity.token, region, http)


def _endpoint(catalogue: list[Json], region: str) -> str:
    """Return the URL of a region's nova.

    Raises:
        ProviderError: INVALID when the catalogue has no such region.
    """
    found: dict[str, str] = {}
    for service in catalogue:
        # The first generation's service is of the same type, without regions.
        for point in service["endpoints"] if service.get("type") == "compute" else ():
            if point.get("region"):
                found.setdefault(point["region"], point["publicURL"].rstrip("/"))
    if region in found:
        return found[region]
    message = f"the account has no Cloud Servers in the region {region!r}" if region else "no region is named"
    hint = f"write `region:`, one of {', '.join(sorted(found))}" if found else errors.CREDENTIALS
    raise ProviderError(message, kind=Kind.INVALID, code="NoSuchRegion", hint=hint)


def _request(session: Session, method: str, path: str, json: Json | None, params: Json) -> Json:
    more: Json = {"body": json} if json is not None else {}
    headers = {"X-Auth-Token": session.token, "X-Auth-Project-Id": session.http.projectid}
    with _Translated(action(method, path), method not in READS):
        _, body = session.http.request(session.url + path, method, headers=headers, params=params, **more)
    return body if isinstance(body, dict) else {}


class _Translated:
    """Turns the exceptions of pyrax, novaclient and requests into ProviderError."""

    def __init__(self, action: str, mutates: bool, *, login: bool = False) -> None:
        self._action, self._mutates, self._login = action, mutates, login

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, Exception):
            found = self._read(error)
            if found is not None:
                raise found from error

    def _read(self, error: Exception) -> ProviderError | None:
        from novaclient.exceptions import ClientException
        from pyrax.exceptions import AuthenticationFailed, InternalServerError
        from requests import RequestException

        if isinstance(error, ClientException):
            return errors.refused(self._action, self._mutates, error.code, str(error.message or ""))
        if isinstance(error, AuthenticationFailed):
            text = str(error)
            throttled = any(word in text for word in ("Too Many", "Too Large", "Over Limit", "OverLimit"))
            return errors.refused(self._action, self._mutates, 429 if throttled else 401, text)
        if isinstance(error, RequestException | OSError):
            if _never_sent(error):
                return errors.never_sent(str(error))
            return errors.unanswered(self._action, self._mutates, str(error))
        if isinstance(error, InternalServerError) or self._login:  # a login's answer in another form
            return errors.unanswered(self._action, self._mutates, f"{type(error).__name__}: {error}")
        return None


UNREACHED = frozenset(("NewConnectionError", "ConnectTimeoutError", "NameResolutionError", "SSLError"))
"""Exceptions of urllib3 that say that no request has left."""


def _never_sent(error: BaseException | None) -> bool:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        if type(error).__name__ in UNREACHED:
            return True
        inner = [a for a in (*error.args, getattr(error, "reason", None)) if isinstance(a, BaseException)]
        error = inner[0] if inner else error.__cause__ or error.__context__
    return False


def action(method: str, path: str) -> str:
    """Name a call without its ids: ``POST /servers/*/metadata``."""
    first, *rest = path.strip("/").split("/")
    words = [first, *("*" if any(c.isdigit() for c in word) else word for word in rest)]
    return f"{method} /{'/'.join(words)}"

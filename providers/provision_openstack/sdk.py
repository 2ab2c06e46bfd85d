"""The one file that knows openstacksdk: configuration, sessions, calls, and which exception means what.

The SDK finds the cloud (clouds.yaml, OS_* variables), logs in and knows the endpoints. Calls are plain HTTP from there:
a call's bytes are what a test sees, and each is made once. The SDK's retries are off, since the engine retries.
"""

from __future__ import annotations

import logging
import warnings
from threading import Lock
from typing import TYPE_CHECKING, Any

from provision.errors import Kind, ProviderError, ProviderMissing
from provision_openstack import errors

if TYPE_CHECKING:
    from collections.abc import Iterator

    from provision.model import Json
    from provision_openstack.settings import Settings

MICROVERSION = "2.67"
"""Of nova's API, in the release Stein (2019): tags with creation (2.52), a server group's one policy (2.64), a volume's
type with creation (2.67). Pinned, so that answers keep their shapes:
https://docs.openstack.org/nova/latest/reference/api-microversion-history.html"""

TIMEOUT = 60.0
"""Seconds for one answer, where clouds.yaml says nothing else (`api_timeout`)."""

for _library in ("keystoneauth", "openstack"):
    # What they would warn of on the terminal is in the errors that follow.
    logging.getLogger(_library).addHandler(logging.NullHandler())

PAGE = 500
READS = ("GET", "HEAD")


class Cloud:
    """One region of one project, as plain calls that raise ProviderError alone."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._connection: Any = None
        self._proxies: dict[str, Any] = {}
        self._lock = Lock()

    def call(self, service: str, method: str, path: str, json: Json | list[Json] | None = None, **more: Any) -> Json:  # noqa: ANN401
        """Make one call, such as ``call("network", "GET", "/networks")``, and return its answer.

        Args:
            service: "compute", "network" or "image".
            method: of HTTP.
            path: below the service's endpoint.
            json: the body.
            more: passed to the HTTP client: ``params``, ``data``, ``headers``.

        Raises:
            ProviderError: the service refused, or did not answer; see `errors`.
        """
        action, mutates = _action(method, path), method not in READS
        if json is not None:
            more["json"] = json
        proxy = self._proxy(service)
        if service == "compute":
            more["microversion"] = MICROVERSION
        with _Translated(action, mutates):
            answer = _request(proxy, path, method, **more)
            body = _body(answer)
        if answer.status_code >= 400:
            raise errors.refused(action, mutates, answer.status_code, body, answer.headers)
        return body if isinstance(body, dict) else {}

    def pages(self, service: str, path: str, key: str, **params: Any) -> Iterator[Json]:  # noqa: ANN401
        """Yield the items of the list named `key`, page by page.

        Raises:
            ProviderError: a page could not be read; what was yielded before is incomplete.
        """
        marker: Json = {}
        while True:
            answer = self._page(service, path, {**params, "limit": PAGE, **marker})
            items: list[Json] = answer.get(key, [])
            yield from items
            if not items or not (answer.get(f"{key}_links") or answer.get("next")):
                return
            marker = {"marker": items[-1]["id"]}

    def _page(self, service: str, path: str, params: Json) -> Json:
        try:
            return self.call(service, "GET", path, params=params)
        except ProviderError as error:
            if error.kind is Kind.NOT_FOUND:
                # Neutron fails so when something vanishes while it lists: a list of nothing is an empty one.
                error.kind, error.retryable = Kind.UNAVAILABLE, True
            raise

    def project(self) -> str:
        """Return the id of the project; logs in when that has not happened yet.

        Raises:
            ProviderError: the credentials are not taken, or keystone could not be asked.
        """
        with _Translated("POST /auth/tokens", mutates=False):
            return str(self._connected().session.get_project_id() or "")

    def compute_versions(self) -> tuple[str, str]:
        """Return the lowest and highest microversion of nova's API.

        Raises:
            ProviderError: it could not be asked.
        """
        proxy = self._proxy("compute")
        with _Translated("GET /", mutates=False):
            found = proxy.get_endpoint_data()
        low, high = (found and found.min_microversion) or (2, 1), (found and found.max_microversion) or (2, 1)
        return ".".join(map(str, low)), ".".join(map(str, high))

    def _proxy(self, service: str) -> Any:  # noqa: ANN401
        with _Translated(f"finding the {service} service", mutates=False), self._lock:
            if service not in self._proxies:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    self._proxies[service] = getattr(self._connect(), service)
            return self._proxies[service]

    def _connected(self) -> Any:  # noqa: ANN401
        with self._lock:
            return self._connect()

    def _connect(self) -> Any:  # noqa: ANN401
        if self._connection is None:
            self._connection = connection(self._settings.cloud, self._settings.region)
        return self._connection


def connection(cloud: str, region: str) -> Any:  # noqa: ANN401
    """Return the SDK's connection to a cloud of clouds.yaml, or to the one that the environment names. No call yet."""
    try:
        from openstack.config import OpenStackConfig
        from openstack.connection import Connection
    except ImportError as error:
        hint = "pip install 'provision[openstack]'"
        raise ProviderMissing(f"openstacksdk is not installed: {error}", hint=hint) from error
    chosen: Json = {key: value for key, value in (("cloud", cloud), ("region_name", region)) if value}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the SDK warns of what it will drop itself
        config = OpenStackConfig(app_name="provision").get_one(**chosen)
        if config.config.get("api_timeout") is None:
            config.config["api_timeout"] = TIMEOUT
        return Connection(config=config)


def _request(proxy: Any, path: str, method: str, **more: Any) -> Any:  # noqa: ANN401
    """Make one request by keystoneauth's adapter, past what the SDK adds: caches, retries, metrics."""
    from keystoneauth1.adapter import Adapter

    once = {"raise_exc": False, "connect_retries": 0, "status_code_retries": 0}
    # Not logged: a server's body holds its first-boot config, and so may the refusal.
    return Adapter.request(proxy, path, method, log=False, **once, **more)


class _Translated:
    """Turns the exceptions of the SDK and of keystoneauth into ProviderError."""

    def __init__(self, action: str, mutates: bool) -> None:
        self._action, self._mutates = action, mutates

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, Exception) and not isinstance(error, ProviderError):
            found = self._read(error)
            if found is not None:
                raise found from error

    def _read(self, error: Exception) -> ProviderError | None:
        from keystoneauth1 import exceptions as auth
        from openstack import exceptions as sdk
        from requests import RequestException

        if isinstance(error, auth.ConnectionError):
            if _never_sent(error):
                return errors.never_sent(str(error))
            return errors.unanswered(self._action, self._mutates, str(error))
        if isinstance(error, auth.DiscoveryFailure):
            return errors.never_sent(str(error))
        if isinstance(error, auth.HttpError):  # of the login: a call's own answer raises nothing
            if error.http_status in (401, 403, 404):
                return errors.local(type(error).__name__, f"logging in: {error}")
            return errors.unanswered("logging in", mutates=False, message=str(error))
        if isinstance(error, auth.ClientException | sdk.SDKException):
            return errors.local(type(error).__name__, str(error))
        if isinstance(error, RequestException | OSError):
            return errors.unanswered(self._action, self._mutates, str(error))
        return None


UNREACHED = frozenset(("NewConnectionError", "ConnectTimeoutError", "NameResolutionError", "SSLError", "SSLFailure"))
"""Exceptions of urllib3 and keystoneauth that say that no request has left."""


def _never_sent(error: BaseException | None) -> bool:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        if type(error).__name__ in UNREACHED:
            return True
        inner = [a for a in (*error.args, getattr(error, "reason", None)) if isinstance(a, BaseException)]
        error = inner[0] if inner else error.__cause__ or error.__context__
    return False


def _body(answer: Any) -> Any:  # noqa: ANN401
    try:
        return answer.json() if answer.content else {}
    except ValueError:
        return answer.text


def _action(method: str, path: str) -> str:
    """Name a call without its ids: ``POST /servers/*/action``."""
    words = ["*" if len(word) >= 32 else word for word in path.partition("?")[0].split("/")]
    return f"{method} {'/'.join(words)}"

"""The one file that knows Google's client: clients, calls, and which exception means what.

Calls take and give the API's own JSON (https://cloud.google.com/compute/docs/reference/rest/v1), so that everything
around this file is pure. The SDK's own retries are off, since the engine retries; timeouts are always set. Its
``result`` on operations is not used: it polls through a second client that ignores the endpoint. See `operations`.
"""

from __future__ import annotations

import json
import os
import re
from ipaddress import ip_address
from threading import Lock
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from provision.errors import Kind, ProviderError, ProviderMissing
from provision_gce import errors

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

    from provision.model import Json
    from provision_gce.settings import Settings

TIMEOUT = 60.0
WAIT_TIMEOUT = 150.0
"""Seconds. A wait holds the answer back for up to two minutes."""

ENDPOINT = "CLOUDSDK_API_ENDPOINT_OVERRIDES_COMPUTE"
"""The variable by which gcloud is told of another endpoint (https://cloud.google.com/sdk/gcloud/reference/config)."""

BODIES = {
    "instances.insert": "instanceResource",
    "instances.bulkInsert": "bulkInsertInstanceResourceResource",
    "instances.setLabels": "instancesSetLabelsRequestResource",
    "instances.setScheduling": "schedulingResource",
    "networks.insert": "networkResource",
    "subnetworks.insert": "subnetworkResource",
    "firewalls.insert": "firewallResource",
    "firewalls.patch": "firewallResource",
    "subnetworks.testIamPermissions": "testPermissionsRequestResource",
}
"""What the client calls the body of each call that has one."""

PAGE = 500
"""Items on a page at most (maxResults)."""


class Cloud:
    """The Compute Engine API of one project, as plain calls that raise ProviderError alone."""

    def __init__(self, settings: Settings, connections: int) -> None:
        self._settings = settings
        self._connections = connections
        self._clients: dict[str, Any] = {}
        self._credentials: Any = None
        self._lock = Lock()

    @property
    def project(self) -> str:
        """The project's id."""
        return self._settings.project

    def call(self, operation: str, /, **params: Any) -> Json:  # noqa: ANN401
        """Make one call, such as ``call("instances.get", zone=..., instance=...)``, and return its answer.

        The project is this one unless it is given; ``body`` is the request's own JSON. A list returns one page.

        Raises:
            ProviderError: GCE refused, or did not answer; see `errors`.
        """
        service, verb = operation.split(".")
        client = self._client(service)
        given = {"project": self.project} | {BODIES[operation] if k == "body" else k: v for k, v in params.items()}
        import google.api_core.exceptions as api
        import google.auth.exceptions as auth
        import requests.exceptions as http
        from google.protobuf.json_format import ParseError

        try:
            return _send(client, service, verb, given)
        except api.GoogleAPICallError as error:
            raise errors.refused(operation, int(error.code or 0), _reason(error), str(error.message)) from error
        except (auth.DefaultCredentialsError, auth.RefreshError, auth.InvalidOperation) as error:
            raise errors.no_credentials(str(error)) from error
        except (auth.TransportError, http.ConnectTimeout, http.SSLError) as error:
            raise errors.never_sent(str(error)) from error
        except http.ConnectionError as error:
            raise (errors.never_sent if _refused(error) else _lost(operation))(str(error)) from error
        except (http.RequestException, ParseError) as error:
            raise errors.unanswered(operation, str(error)) from error

    def pages(self, operation: str, /, **params: Any) -> Iterator[Json]:  # noqa: ANN401
        """Make a call as often as it has further pages, and yield each page.

        Raises:
            ProviderError: a page could not be read; what was yielded before is incomplete.
        """
        token = ""
        while True:
            answer = self.call(operation, maxResults=PAGE, **params, **({"pageToken": token} if token else {}))
            yield answer
            token = answer.get("nextPageToken", "")
            if not token:
                return

    def items(self, operation: str, /, **params: Any) -> Iterator[Json]:  # noqa: ANN401
        """Yield the items of all pages of a list, aggregated or not.

        Raises:
            ProviderError: a page could not be read, or a zone did not answer for its part.
        """
        for page in self.pages(operation, **params):
            found = page.get("items", [])
            if isinstance(found, list):
                yield from found
                continue
            if silent := [*page.get("unreachables", []), *(s for s, part in found.items() if _unreachable(part))]:
                raise errors.unanswered(operation, f"no answer from {', '.join(silent)}")
            for part in found.values():
                yield from next((v for k, v in part.items() if k != "warning"), [])

    def _client(self, service: str) -> Any:  # noqa: ANN401
        with self._lock:
            if service not in self._clients:
                self._clients[service] = self._make(service)
            return self._clients[service]

    def _make(self, service: str) -> Any:  # noqa: ANN401
        try:
            module = _module(service)
            from google.api_core.client_options import ClientOptions
            from requests.adapters import HTTPAdapter
        except ImportError as error:
            hint = "pip install 'provision[gce]'"
            raise ProviderMissing(f"google-cloud-compute is not installed: {error}", hint=hint) from error
        endpoint = self._settings.endpoint_url or os.environ.get(ENDPOINT, "")
        at = ClientOptions(api_endpoint=_base(endpoint)) if endpoint else None
        make = getattr(module, f"{service[0].upper()}{service[1:]}Client")
        client = make(credentials=self._credentials_for(endpoint), client_options=at)
        session = client.transport._session  # its pool of ten would complain of more threads
        for scheme in ("https://", "http://"):
            session.mount(scheme, HTTPAdapter(pool_connections=1, pool_maxsize=self._connections))
        return client

    def _credentials_for(self, endpoint: str) -> Any:  # noqa: ANN401
        """Return nobody's credentials for a plain connection, which only this computer may be at the other end of."""
        import google.auth
        from google.auth import credentials
        from google.auth.exceptions import DefaultCredentialsError

        if endpoint.startswith("http://"):
            nobody: Any = credentials.AnonymousCredentials
            return nobody()
        if self._credentials is None:
            try:
                self._credentials, _ = google.auth.default(scopes=["https://www.googleapis.com/auth/cloud-platform"])
            except DefaultCredentialsError as error:
                raise errors.no_credentials(str(error)) from error
        return self._credentials


def _send(client: Any, service: str, verb: str, given: Json) -> Json:  # noqa: ANN401
    from google.protobuf.json_format import MessageToDict

    name = f"{_word(verb)}{_word(service if verb in ('list', 'aggregatedList') else service[:-1])}Request"
    request = getattr(_types(), name).from_json(json.dumps(given))
    plain = re.sub(r"(?<!^)([A-Z])", r"_\1", verb).lower()
    method = getattr(client, f"{plain}_unary", None) or getattr(client, plain)
    answer = method(request=request, retry=None, timeout=WAIT_TIMEOUT if verb == "wait" else TIMEOUT)
    if "list" in verb.lower():
        answer = next(iter(answer.pages))
    found: Json = MessageToDict(type(answer).pb(answer))
    return found


def _module(service: str) -> ModuleType:
    from provision_gce import importing

    return importing.service(re.sub(r"(?<!^)([A-Z])", r"_\1", service).lower())


def _types() -> Any:  # noqa: ANN401
    from provision_gce import importing

    return importing.types()


def _base(endpoint: str) -> str:
    """Return scheme and host of an endpoint; the client adds the path itself.

    Raises:
        ProviderError: it is neither https nor on this computer.
    """
    parts = urlsplit(endpoint)
    if parts.scheme == "http" and not _loopback(parts.hostname or ""):
        raise ProviderError(
            f"{endpoint}: credentials are not sent over plain http",
            kind=Kind.INVALID,
            code="PlainEndpoint",
            hint="write https://; plain http is for this computer alone",
        )
    return f"{parts.scheme}://{parts.netloc}"


def _loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _reason(error: Any) -> str:  # noqa: ANN401
    """Return the reason of an HTTP error: of its first error, or else of its details."""
    first: Any = next(iter(error.errors or ()), {})
    return str(error.reason or "") or str(first.get("reason", "") if isinstance(first, dict) else "")


def _refused(error: Exception) -> bool:
    """Tell whether a connection was never made."""
    from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

    cause = getattr(error.args[0] if error.args else None, "reason", None)
    return isinstance(cause, (NewConnectionError, ConnectTimeoutError))


def _lost(operation: str) -> Any:  # noqa: ANN401
    return lambda message: errors.unanswered(operation, message)


def _unreachable(part: Json) -> bool:
    return bool(part.get("warning", {}).get("code", "") == "UNREACHABLE")


def _word(text: str) -> str:
    return text[0].upper() + text[1:]


def absent(error: ProviderError) -> bool:
    """Tell whether a refusal says that the thing is not there."""
    return error.kind is Kind.NOT_FOUND

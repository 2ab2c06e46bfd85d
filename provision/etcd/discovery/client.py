"""What provision asks of a discovery service: its own, Debian's ``etcd-discovery``, or another of the same protocol."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx

from provision.errors import ProvisionError
from provision.etcd.tls import verification

if TYPE_CHECKING:
    from collections.abc import Iterator

    from provision.etcd.tls import Tls
    from provision.model import Json

TIMEOUT = 10.0
_TOKEN_URL = re.compile(r"https?://.+/[0-9a-f]{32}")


class DiscoveryError(ProvisionError):
    """The discovery service cannot be reached, refused, or answered something else than its protocol."""


@dataclass(frozen=True, slots=True)
class Registered:
    """One registration: the key's name (etcd's member id in hex), the member's name, and its peer URLs."""

    id: str
    name: str
    peer_urls: tuple[str, ...]
    index: int


@dataclass(frozen=True, slots=True)
class Shown:
    """A token's state. `members` are in the order in which they came; those beyond `size` lost the race."""

    url: str
    size: int
    members: tuple[Registered, ...]

    @property
    def missing(self) -> int:
        """How many registrations the token still waits for."""
        return max(0, self.size - len(self.members))

    @property
    def complete(self) -> bool:
        """Whether etcd has, or may have, begun the cluster from this token, which is then used up."""
        return self.missing == 0

    def to_json(self) -> Json:
        """Return the documented JSON form."""
        members = [{"id": m.id, "name": m.name, "peer_urls": list(m.peer_urls)} for m in self.members]
        return {"url": self.url, "size": self.size, "missing": self.missing, "members": members}


class DiscoveryClient:
    """A client of one service.

    Args:
        url: where ``/new`` is, such as ``http://10.0.0.1:4001`` or ``https://discovery.example.org/base``.
        tls: for https.
        timeout: seconds for each phase of a request.
    """

    def __init__(self, url: str, *, tls: Tls | None = None, timeout: float = TIMEOUT) -> None:
        self.url = url.rstrip("/")
        self._http = httpx.Client(verify=verification(url, tls), timeout=timeout, trust_env=False)

    def __enter__(self) -> DiscoveryClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def health(self) -> None:
        """Ask whether the service answers; nothing is made.

        Raises:
            DiscoveryError: it does not.
        """
        self._request("GET", f"{self.url}/health")

    def new(self, size: int) -> str:
        """Make a token for `size` voters and return its URL, the value for ``ETCD_DISCOVERY``.

        Raises:
            DiscoveryError: no usable answer, or a size outside 1 to 9 (0 makes etcd 3.4 panic).
        """
        if not 1 <= size <= 9:
            raise DiscoveryError(f"a token for {size} voters makes no sense: the size is from 1 to 9")
        url = self._request("GET", f"{self.url}/new?size={size}").text.strip()
        if not _TOKEN_URL.fullmatch(url):
            raise DiscoveryError(f"{self.url}/new answered {url[:60]!r}, which is no token's URL")
        return url

    def show(self, token: str) -> Shown:
        """Return a token's state; `token` is its URL, or its 32 hex digits on this service.

        Raises:
            DiscoveryError: no usable answer, or no such token.
        """
        url = self.token_url(token)
        size = self._node(f"{url}/_config/size").get("value", "")
        if not size.isdigit():
            raise DiscoveryError(f"{url} has the size {size[:20]!r}, which is not a number")
        nodes = self._node(url).get("nodes", [])
        members = sorted(_registrations(nodes), key=lambda member: member.index)
        return Shown(url, int(size), tuple(members))

    def clear(self, token: str, member: str) -> None:
        """Delete one registration by its id, so that a replacement can take its place.

        On provision's own service the members that wait already read the registry anew; elsewhere they count the
        deletion as a member and fail.

        Raises:
            DiscoveryError: no usable answer, or no such registration.
        """
        self._request("DELETE", f"{self.token_url(token)}/{member}")

    def retire(self, token: str) -> None:
        """Drop a token for good: members that wait on it, or come with it later, are refused and end.

        Only provision's own service does that.

        Raises:
            DiscoveryError: no usable answer, no such token, or a service that retires none.
        """
        self._request("DELETE", self.token_url(token))

    def token_url(self, token: str) -> str:
        """Return a token's URL from its URL or its bare name."""
        return token.rstrip("/") if "://" in token else f"{self.url}/{token}"

    def _node(self, url: str) -> Json:
        answer = self._request("GET", url)
        try:
            node = answer.json()["node"]
        except (ValueError, KeyError, TypeError):
            node = None
        if not isinstance(node, dict):
            raise DiscoveryError(f"{url} did not answer in etcd's discovery protocol")
        return node

    def _request(self, method: str, url: str) -> httpx.Response:
        try:
            answer = self._http.request(method, url)
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            hint = "check the URL, and that this computer reaches the service"
            raise DiscoveryError(f"discovery service {_origin(url)}: {error}", hint=hint) from error
        if answer.is_success:
            return answer
        raise DiscoveryError(f"{method} {url} was refused: {_reason(answer)}", hint=_hint(answer))


def probe(url: str, *, tls: Tls | None = None, timeout: float = TIMEOUT) -> None:
    """Check that a discovery service, or one token on it, answers; done before anything is billed.

    Nothing is made there: a service is asked for its ``/health``.

    Raises:
        DiscoveryError: it does not answer as a discovery service does.
    """
    with DiscoveryClient(url, tls=tls, timeout=timeout) as client:
        if is_token(url):
            client.show(url)
        else:
            client.health()


def is_token(url: str) -> bool:
    """Tell whether a URL is that of a token, and not of a service."""
    return _TOKEN_URL.fullmatch(url.rstrip("/")) is not None


def split(url: str) -> tuple[str, str]:
    """Return a token URL's service and the token's name."""
    service, _, token = url.rstrip("/").rpartition("/")
    return service, token


def _registrations(nodes: list[Json]) -> Iterator[Registered]:
    for node in nodes:
        name = str(node.get("key", "")).rpartition("/")[2]
        if name.startswith("_"):
            continue
        pairs = [part.partition("=") for part in str(node.get("value", "")).split("&")]
        urls = tuple(url for _, _, url in pairs)
        yield Registered(name, pairs[0][0], urls, int(node.get("createdIndex", 0)))


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _reason(answer: httpx.Response) -> str:
    try:
        body = answer.json()
        return f"{body['message']} ({body['cause']})"
    except (ValueError, KeyError, TypeError):
        return f"HTTP {answer.status_code} {answer.text.strip()[:200]}".strip()


def _hint(answer: httpx.Response) -> str | None:
    if answer.status_code == httpx.codes.NOT_FOUND:
        return "the token or member is not there: make a new token with `provision discovery new`"
    return None

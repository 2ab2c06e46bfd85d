"""etcd's v3 API over its gRPC gateway, in JSON: what health and membership need, with no binary and no gRPC.

The gateway's paths start with ``/v3`` from etcd 3.4 on. Numbers of 64 bits travel as strings, keys and values as
base64 (https://etcd.io/docs/v3.4/dev-guide/api_grpc_gateway/).
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx

from provision.errors import ProvisionError
from provision.etcd.tls import in_words, verification

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from provision.etcd.tls import Tls
    from provision.model import Json

TIMEOUT = 5.0


class EtcdError(ProvisionError):
    """etcd cannot be reached or refused; `code` is gRPC's status code, 0 when there was no answer."""

    def __init__(self, message: str, *, code: int = 0, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.code = code


@dataclass(frozen=True, slots=True, order=True)
class Member:
    """A member as etcd lists it.

    One that was added has no name until it starts; one of the initial cluster has its name from the start, but no
    client URLs until it has joined and published them.
    """

    id: int
    name: str
    peer_urls: tuple[str, ...]
    client_urls: tuple[str, ...] = ()
    learner: bool = False

    @property
    def started(self) -> bool:
        """Whether the member's process has ever joined."""
        return bool(self.name and self.client_urls)

    @property
    def hex_id(self) -> str:
        """The id as etcdctl writes it."""
        return f"{self.id:x}"


@dataclass(frozen=True, slots=True)
class Status:
    """One member's own view. `db_size` is in bytes; `leader` is 0 when it knows none; `index` is the raft index."""

    member: int
    cluster: int
    leader: int
    version: str
    term: int
    index: int
    applied: int
    db_size: int
    learner: bool = False
    errors: tuple[str, ...] = ()


class EtcdClient:
    """A client of one member.

    Args:
        url: the member's client URL, such as ``http://10.0.0.2:2379``, or a tunnel to it.
        tls: for https.
        timeout: seconds for each phase of a request.
    """

    def __init__(self, url: str, *, tls: Tls | None = None, timeout: float = TIMEOUT) -> None:
        self.url = url.rstrip("/")
        self._http = httpx.Client(verify=verification(url, tls), timeout=timeout, trust_env=False)

    def __enter__(self) -> EtcdClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def members(self) -> tuple[Member, ...]:
        """Return the member list as this member has it, by id.

        Raises:
            EtcdError: no answer, or a refusal; so for all methods.
        """
        answer = self._call("cluster/member/list", {})
        return tuple(sorted(map(_member, answer.get("members", []))))

    def add(self, peer_urls: Sequence[str], *, learner: bool = True) -> Member:
        """Add a member that is still to start, as a learner that does not vote."""
        answer = self._call("cluster/member/add", {"peerURLs": list(peer_urls), "isLearner": learner})
        return _member(answer["member"])

    def promote(self, member: int) -> None:
        """Make a learner a voter; refused until it has caught up with the leader."""
        self._call("cluster/member/promote", {"ID": str(member)})

    def remove(self, member: int) -> None:
        """Remove a member for good; its id never returns."""
        self._call("cluster/member/remove", {"ID": str(member)})

    def status(self) -> Status:
        """Return this member's own view of itself and its leader."""
        answer = self._call("maintenance/status", {})
        header = answer.get("header", {})
        return Status(
            member=_number(header, "member_id"),
            cluster=_number(header, "cluster_id"),
            leader=_number(answer, "leader"),
            version=str(answer.get("version", "")),
            term=_number(answer, "raftTerm"),
            index=_number(answer, "raftIndex"),
            applied=_number(answer, "raftAppliedIndex"),
            db_size=_number(answer, "dbSize"),
            learner=bool(answer.get("isLearner", False)),
            errors=tuple(answer.get("errors", ())),
        )

    def healthy(self) -> bool:
        """Return what the member's ``/health`` says. It knows nothing of ghosts: see `provision.etcd.health`."""
        answer = self._send(f"{self.url}/health", None)
        return answer.get("health") in ("true", True)

    def put(self, key: str, value: str) -> int:
        """Write a key through consensus; return the revision."""
        answer = self._call("kv/put", {"key": _encode(key), "value": _encode(value)})
        return _number(answer.get("header", {}), "revision")

    def get(self, key: str) -> str | None:
        """Read a key through consensus (linearizable); None when it does not exist."""
        found = self._call("kv/range", {"key": _encode(key)}).get("kvs", [])
        return base64.b64decode(found[0].get("value", "")).decode() if found else None

    def delete(self, key: str) -> None:
        """Delete a key; one that does not exist is no error."""
        self._call("kv/deleterange", {"key": _encode(key)})

    def move_leader(self, member: int) -> None:
        """Hand leadership from this member, which must have it, to another."""
        self._call("maintenance/transfer-leadership", {"targetID": str(member)})

    def snapshot(self) -> Iterator[bytes]:
        """Yield this member's database, as ``etcdctl snapshot save`` writes it: the last 32 bytes are its SHA-256."""
        url = f"{self.url}/v3/maintenance/snapshot"
        try:
            with self._http.stream("POST", url, json={}) as answer:
                if not answer.is_success:
                    answer.read()
                    raise _refusal(self.url, answer)
                for line in answer.iter_lines():
                    yield _blob(self.url, line)
        except httpx.HTTPError as error:
            raise _no_answer(self.url, error) from error

    def _call(self, method: str, body: Json) -> Json:
        return self._send(f"{self.url}/v3/{method}", body)

    def _send(self, url: str, body: Json | None) -> Json:
        try:
            answer = self._http.request("GET" if body is None else "POST", url, json=body)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise _no_answer(self.url, error) from error
        if not answer.is_success and body is not None:
            raise _refusal(self.url, answer)
        try:
            # After an error the gateway appends trailers to the JSON; after success the body is JSON alone.
            found: Json = answer.json()
        except ValueError:
            raise EtcdError(f"{self.url} did not answer as etcd does", hint="is this a client URL?") from None
        return found


def _member(data: Json) -> Member:
    urls = tuple(data.get("peerURLs", ())), tuple(data.get("clientURLs", ()))
    return Member(_number(data, "ID"), str(data.get("name", "")), *urls, bool(data.get("isLearner", False)))


def _number(data: Json, name: str) -> int:
    return int(data.get(name, 0))


def _encode(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _blob(url: str, line: str) -> bytes:
    message = json.loads(line)
    if "result" not in message:
        raise EtcdError(f"{url} broke off its snapshot: {message.get('error', message)}")
    return base64.b64decode(message["result"].get("blob", ""))


def _no_answer(url: str, error: Exception) -> EtcdError:
    return EtcdError(f"etcd at {url} does not answer: {in_words(str(error) or type(error).__name__)}")


def _refusal(url: str, answer: httpx.Response) -> EtcdError:
    body: Any = None
    try:
        body, _ = json.JSONDecoder().raw_decode(answer.text)
        return EtcdError(f"etcd at {url}: {body['error']}", code=int(body.get("code", 0)))
    except (ValueError, KeyError, TypeError):
        return EtcdError(f"etcd at {url}: HTTP {answer.status_code} {answer.text.strip()[:200]}")

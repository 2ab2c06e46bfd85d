"""The discovery service's state, as a pure value machine: records go in, nodes come out; no clock, no disk.

Every change is first a *record* (a JSON object), then applied; the durable log holds exactly these records, so that
replaying them from the start gives the same registry. Indexes count records, as etcd's X-Etcd-Index counts writes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from provision.etcd.discovery import faults
from provision.etcd.discovery.faults import Fault
from provision.etcd.discovery.limits import Limits

if TYPE_CHECKING:
    from collections.abc import Iterable

Record = dict[str, Any]

PREFIX = "/_etcd/registry"
MIN_SIZE, MAX_SIZE = 1, 9
"""Sizes that a token may have: etcd 3.4 panics on 0, and nobody runs more than 9 voters."""

TOKEN = re.compile(r"[0-9a-f]{32}")
NAME = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]{0,63}")
VALUE = re.compile(r"[^=&,\s]+=https?://[^=&,\s]+(&[^=&,\s]+=https?://[^=&,\s]+)*")


@dataclass(frozen=True, slots=True)
class Node:
    """One registration: member id, ``name=peerURL[&name=peerURL]``, and the indexes of its first and last write."""

    name: str
    value: str
    created: int
    modified: int


@dataclass(frozen=True, slots=True)
class Token:
    """One token. `at` is when it was made, in seconds of the epoch.

    `cleared` is the index of the last deletion. A watcher that counts registrations from before it would count a
    member that is gone, so it is told to read anew.
    """

    size: int
    index: int
    at: float
    nodes: dict[str, Node] = field(default_factory=dict)
    cleared: int = 0

    def ordered(self) -> list[Node]:
        """Return the registrations in the order in which they came, which decides who is a member."""
        return sorted(self.nodes.values(), key=lambda node: node.created)


@dataclass(frozen=True, slots=True)
class Written:
    """What a write did: etcd's action ("create", "set", "update", "delete"), the node, and what it was before."""

    action: str
    node: Node
    previous: Node | None = None


class Registry:
    """All tokens. Methods that change it return the record to keep beside their result."""

    def __init__(self, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self.index = 0
        self.tokens: dict[str, Token] = {}

    def token(self, token: str) -> Token:
        """Return a token.

        Raises:
            Fault: 100, there is none.
        """
        found = self.tokens.get(token)
        if found is None:
            raise Fault(faults.KEY_NOT_FOUND, key(token))
        return found

    def node(self, token: str, name: str) -> Node:
        """Return one registration.

        Raises:
            Fault: 100, there is none.
        """
        found = self.token(token).nodes.get(name)
        if found is None:
            raise Fault(faults.KEY_NOT_FOUND, key(token, name))
        return found

    def next_after(self, token: str, since: int, name: str | None = None) -> Node | None:
        """Return the earliest write at or after index `since`, or None while there is none.

        Raises:
            Fault: 300 when a member was cleared at or after `since`: what was counted before is void.
        """
        found = self.token(token)
        if since <= found.cleared:
            raise Fault(faults.INTERNAL, "a member was cleared from this token: read the registry anew")
        nodes = found.nodes.values() if name is None else filter(None, [found.nodes.get(name)])
        return min((n for n in nodes if n.modified >= since), key=lambda n: n.modified, default=None)

    def creating(self, token: str, size: int, at: float) -> Record:
        """Return the record that makes a token.

        Raises:
            Fault: 209 for a size outside 1 to 9; 300 when there are too many tokens.
        """
        check_size(size)
        if len(self.tokens) >= self.limits.max_tokens:
            raise Fault(faults.INTERNAL, f"{len(self.tokens)} tokens exist and none is old enough to be dropped")
        return {"op": "new", "token": token, "size": size, "at": at}

    def writing(self, token: str, name: str, value: str, prev_exist: bool | None) -> Record:
        """Return the record of a registration; `prev_exist` as in the keys API, False for create-only.

        Raises:
            Fault: 100 no such token (or key, with prevExist=true), 105 it exists, 110 the token is crowded,
                209 a name or value that no etcd would send.
        """
        found = self.token(token)
        present = name in found.nodes
        if not NAME.fullmatch(name):
            raise Fault(faults.INVALID_FIELD, f"invalid key {name!r}")
        if not VALUE.fullmatch(value) or len(value.encode()) > self.limits.value:
            raise Fault(faults.INVALID_FIELD, "invalid value: expected name=peerURL[&name=peerURL]")
        if prev_exist is False and present:
            raise Fault(faults.NODE_EXISTS, key(token, name))
        if prev_exist is True and not present:
            raise Fault(faults.KEY_NOT_FOUND, key(token, name))
        if not present and len(found.nodes) >= self.limits.members:
            raise Fault(faults.UNAUTHORIZED, f"this token already has {len(found.nodes)} registrations")
        action = {False: "create", True: "update", None: "set"}[prev_exist]
        return {"op": action, "token": token, "name": name, "value": value}

    def clearing(self, token: str, name: str) -> Record:
        """Return the record that deletes a registration.

        Raises:
            Fault: 100, there is none.
        """
        self.node(token, name)
        return {"op": "delete", "token": token, "name": name}

    def retiring(self, token: str) -> Record:
        """Return the record that drops a token with all its registrations.

        Raises:
            Fault: 100, there is none.
        """
        self.token(token)
        return {"op": "drop", "token": token}

    def stale(self, now: float) -> list[Record]:
        """Return the records that drop tokens older than `limits.keep`, if there is no room for another."""
        if len(self.tokens) < self.limits.max_tokens:
            return []
        old = [name for name, token in self.tokens.items() if token.at < now - self.limits.keep]
        return [{"op": "drop", "token": name} for name in old]

    def apply(self, record: Record) -> Written | None:
        """Make a record's change; the record was made by this class, now or before a restart."""
        self.index += 1
        op, token = record["op"], record.get("token", "")
        if op == "new":
            self.tokens[token] = Token(record["size"], self.index, record["at"])
        elif op == "drop":
            self.tokens.pop(token, None)
        elif op == "delete":
            return self._clear(token, record["name"])
        elif op == "snapshot":
            self._restore(record)
        else:
            return self._write(op, token, record["name"], record["value"])
        return None

    def snapshot(self) -> Iterable[Record]:
        """Yield records that give this registry when applied to an empty one, in less room than its history."""
        for name, token in self.tokens.items():
            nodes = [[n.name, n.value, n.created, n.modified] for n in token.nodes.values()]
            kept = {"size": token.size, "index": token.index, "at": token.at, "cleared": token.cleared}
            yield {"op": "snapshot", "token": name, **kept, "nodes": nodes, "counter": self.index}
        yield {"op": "snapshot", "counter": self.index}

    def _restore(self, record: Record) -> None:
        self.index = record["counter"]
        if "token" in record:
            nodes = {n[0]: Node(*n) for n in record["nodes"]}
            kept = (record["size"], record["index"], record["at"], nodes, record["cleared"])
            self.tokens[record["token"]] = Token(*kept)

    def _write(self, action: str, token: str, name: str, value: str) -> Written:
        nodes = self.tokens[token].nodes
        previous = nodes.get(name)
        # An update keeps its place in the order; a set is a new node, as in etcd.
        created = previous.created if previous and action == "update" else self.index
        nodes[name] = Node(name, value, created, self.index)
        return Written(action, nodes[name], previous)

    def _clear(self, token: str, name: str) -> Written:
        previous = self.tokens[token].nodes.pop(name)
        self.tokens[token] = replace(self.tokens[token], cleared=self.index)
        return Written("delete", replace(previous, value="", modified=self.index), previous)


def key(token: str, name: str = "") -> str:
    """Return the full key as etcd writes it."""
    return f"{PREFIX}/{token}/{name}" if name else f"{PREFIX}/{token}"


def check_size(size: int) -> None:
    """Refuse sizes that no cluster can have.

    Raises:
        Fault: 209.
    """
    if not MIN_SIZE <= size <= MAX_SIZE:
        raise Fault(faults.INVALID_FIELD, f"size {size} is outside {MIN_SIZE} to {MAX_SIZE}")

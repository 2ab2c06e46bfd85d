"""The bodies of etcd's v2 keys API, as etcd 3.4 writes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from provision.etcd.discovery.registry import Node, Token, Written, key

if TYPE_CHECKING:
    from provision.model import Json


def directory(name: str, token: Token) -> Json:
    """Return the answer to a GET of a token: its registrations, first come first; ``_config`` is hidden."""
    body = {"key": key(name), "dir": True, "modifiedIndex": token.index, "createdIndex": token.index}
    nodes = [leaf(name, node) for node in token.ordered()]
    return {"action": "get", "node": {**body, **({"nodes": nodes} if nodes else {})}}


def size(name: str, token: Token) -> Json:
    """Return the answer to a GET of ``_config/size``."""
    node = Node("_config/size", str(token.size), token.index, token.index)
    return {"action": "get", "node": leaf(name, node)}


def one(name: str, node: Node, action: str = "get") -> Json:
    """Return the answer that holds one registration."""
    return {"action": action, "node": leaf(name, node)}


def written(name: str, change: Written) -> Json:
    """Return the answer to a PUT or DELETE."""
    body = one(name, change.node, change.action)
    if change.action == "delete":
        del body["node"]["value"]
    if change.previous:
        body["prevNode"] = leaf(name, change.previous)
    return body


def leaf(name: str, node: Node) -> dict[str, Any]:
    """Return one registration as the keys API writes it."""
    indexes = {"modifiedIndex": node.modified, "createdIndex": node.created}
    return {"key": key(name, node.name), "value": node.value, **indexes}

"""The files, directories and links of a config by path, while sugar adds to them."""

from __future__ import annotations

from typing import Any

Node = dict[str, Any]
KINDS = ("files", "directories", "links")


class Nodes:
    """Looks nodes up by path, and appends to a config's lists."""

    def __init__(self, config: dict[str, Any]) -> None:
        self._config = config
        storage = config.get("storage", {})
        self._index = {
            kind: {node.get("path", ""): i for i, node in enumerate(storage.get(kind, ()))} for kind in KINDS
        }

    def exists(self, path: str) -> bool:
        """Whether a node of any kind has the path."""
        return any(path in index for index in self._index.values())

    def get(self, kind: str, path: str) -> tuple[int, Node] | None:
        """Return a node of one kind and its place in its list."""
        i = self._index[kind].get(path)
        return None if i is None else (i, self._config["storage"][kind][i])

    def add(self, kind: str, node: Node) -> tuple[int, Node]:
        """Append a node; its path must be new."""
        nodes = self._config.setdefault("storage", {}).setdefault(kind, [])
        self._index[kind][node["path"]] = len(nodes)
        nodes.append(node)
        return len(nodes) - 1, node

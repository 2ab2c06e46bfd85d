"""What a plugin's files may import."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

CONTRACT = {f"provision.{m}" for m in ("bodies", "diagnostics", "errors", "model", "provider", "roster", "zones")}
SHARED = "provision.providing"


def beyond(file: Path, *sdk: str, knowing: Collection[str] = ("sdk.py",)) -> list[str]:
    """Return what a file imports of provision beyond the contract, and of the SDK if it is not of the knowing."""
    return [
        name
        for name in _imports(file)
        if (name.startswith("provision.") and name not in CONTRACT and not f"{name}.".startswith(f"{SHARED}."))
        or (name.split(".")[0] in sdk and file.name not in knowing)
    ]


def _imports(file: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module or "")
    return names

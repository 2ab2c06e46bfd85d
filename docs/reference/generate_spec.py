"""Write spec.md from the schema of the cluster spec: `python docs/reference/generate_spec.py`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from provision.spec import schema
from provision.spec.rules.configs import FORMATS
from provision.spec.tree import core
from provision.spec.words import TYPES

if TYPE_CHECKING:
    from collections.abc import Iterator

Json = dict[str, Any]
TARGET = Path(__file__).with_name("spec.md")

HEAD = """\
<!-- Generated from schemas/provision_schemas/cluster.v1.schema.json by docs/reference/generate_spec.py. -->
# The cluster spec, version 1

{description}

It is read as YAML 1.2: only `true` and `false` are truth values, text that looks like a number is quoted, a key
without a value counts as absent, a key that is given twice is an error. Anchors, aliases and merge keys (`<<`) work;
top-level keys that begin with `x-` are ignored. Editors check and complete a spec with the schema that
`provision schema cluster` writes.

Names of files start at the spec's folder. Machines are named `<cluster>-<pool>-<n>`, with n from 1. A duration is a
combination of weeks, days, hours and minutes in this order: `30m`, `8h`, `7d`, `2w`, `1d12h`.

`provision validate` checks all of this, and what goes across fields; `provision explain CODE` tells what a finding
means.
"""


def render() -> str:
    """Return the whole page."""
    whole = schema.load("cluster.v1.schema.json")
    plain: Json = schema.inline(whole, whole)
    parts = [HEAD.format(description=plain["description"]), *_sections(plain, ""), _formats()]
    return "\n".join(parts)


def _sections(node: Json, path: str) -> Iterator[str]:
    """Yield a section for a mapping, then one for each mapping within."""
    properties: Json = node.get("properties", {})
    yield f"## `{path}`\n\n{node.get('description', '')}\n" if path else "## Top level\n"
    yield _table(properties, node.get("required", []))
    for name, inner in properties.items():
        for below, mapping in _mappings(inner, f"{path}.{name}" if path else name):
            yield from _sections(mapping, below)


def _mappings(node: Json, path: str) -> Iterator[tuple[str, Json]]:
    if "properties" in node:
        yield path, node
    elif isinstance(each := node.get("additionalProperties"), dict) and "properties" in each:
        yield f"{path}.NAME", each
    for branch in node.get("anyOf", ()):
        yield from _mappings({"description": node.get("description", ""), **branch}, path)


def _table(properties: Json, required: list[str]) -> str:
    rows = [_row(name, inner, name in required) for name, inner in properties.items()]
    return "\n".join(["| key | value | meaning |", "| --- | --- | --- |", *rows, ""])


def _row(name: str, node: Json, required: bool) -> str:
    meaning = f"**{node['title']}.** {node.get('description', '')}".strip()
    if "default" in node and node["default"] not in ({}, []):
        meaning += f" Default: `{_plain(node['default'])}`."
    if node.get("examples") and "properties" not in node:
        meaning += f" Example: {', '.join(f'`{_plain(one)}`' for one in node['examples'][:2])}."
    star = ", required" if required else ""
    return f"| `{name}` | {_kind(node)}{star} | {meaning.replace('|', chr(92) + '|')} |"


def _kind(node: Json) -> str:
    if "const" in node:
        return f"`{_plain(node['const'])}`"
    if "enum" in node:
        return ", ".join(f"`{choice}`" for choice in node["enum"])
    if "anyOf" in node:
        return " or ".join(branch["title"] for branch in node["anyOf"])
    kinds = [node["type"]] if isinstance(node["type"], str) else node["type"]
    words = " or ".join(TYPES[kind] for kind in kinds if kind != "null")
    bounds = [str(node[key]) for key in ("minimum", "maximum") if key in node]
    return f"{words}, {' to '.join(bounds)}" if len(bounds) == 2 else words


def _plain(value: object) -> str:
    """Return a value as YAML in one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_plain(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_plain, value)) + "]"
    if isinstance(value, str) and isinstance(core(value), str) and ": " not in value:
        return value
    return json.dumps(value)


def _formats() -> str:
    rows = [f"| `{system}` | {', '.join(formats)} |" for system, formats in FORMATS.items()]
    return "\n".join(
        ["## Node configs by operating system\n", "| os | takes |", "| --- | --- |", *rows, ""],
    )


if __name__ == "__main__":
    TARGET.write_text(render(), "utf-8")

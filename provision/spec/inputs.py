"""Reading what the spec names: node configs and SSH key files."""

from __future__ import annotations

import re
from pathlib import PurePath
from typing import TYPE_CHECKING

from provision.diagnostics import path_text
from provision.spec.files import FileError
from provision.spec.model import NodeConfig

if TYPE_CHECKING:
    from collections.abc import Iterator

    from provision.diagnostics import Diagnostic
    from provision.diagnostics import Path as Trail
    from provision.spec.draft import Draft

SUFFIXES = {
    ".bu": "butane",
    ".butane": "butane",
    ".ign": "ignition",
    ".json": "ignition",
    ".clc": "container-linux",
    ".cloud-config": "cloud-config",
}
"""A node config's format by the ending of its file's name."""

_VARIANT = re.compile(r"^variant\s*:", re.MULTILINE)


def read(draft: Draft) -> Iterator[Diagnostic]:
    """Fill in the draft's configs and keys; yield what could not be read."""
    for section in ("pools", "machines"):
        for name, entry in draft.section(section).items():
            if entry.get("config") is not None:
                yield from _config(draft, (section, name, "config"), entry["config"])
    yield from _keys(draft)


def _config(draft: Draft, path: Trail, value: str | dict[str, str]) -> Iterator[Diagnostic]:
    if isinstance(value, str):
        yield from _file(draft, path, path, value, None)
    for key, text in value.items() if isinstance(value, dict) else ():
        kind = key.replace("_", "-")
        if is_inline(text):
            draft.configs[path] = _inline(draft, (*path, key), kind, text)
        else:
            yield from _file(draft, path, (*path, key), text, kind)


def is_inline(text: str) -> bool:
    """Whether a config is the text itself and not a file's name."""
    return "\n" in text or text.lstrip().startswith("{")


def _file(draft: Draft, path: Trail, blame: Trail, name: str, kind: str | None) -> Iterator[Diagnostic]:
    try:
        text = draft.read(name)
    except FileError as error:
        yield draft.error(
            "PV060", blame, f"the node config {name!r} cannot be read: {error}", "names start at the spec's folder"
        )
        return
    kind = kind or kind_of(name, text)
    if kind is None:
        hint = f"say it: `config: {{butane: {name}}}`, or ignition, container_linux, cloud_config"
        yield draft.error("PV061", blame, f"the format of {name!r} cannot be told from its name", hint)
        return
    draft.configs[path] = NodeConfig(kind, text, draft.shown(name), draft.files.directory(name))


def kind_of(name: str, text: str) -> str | None:
    """Return the format of a node config file, or None when neither its name nor its first lines tell."""
    suffix = PurePath(name).suffix.lower()
    if suffix in SUFFIXES:
        return SUFFIXES[suffix]
    if suffix not in (".yaml", ".yml"):
        return None
    if text.lstrip().startswith("#cloud-config"):
        return "cloud-config"
    return "butane" if _VARIANT.search(text) else None


def _inline(draft: Draft, path: Trail, kind: str, text: str) -> NodeConfig:
    """Return an inline config; where its lines are not lines of the spec, it counts as a file of its own."""
    file, node = draft.document.file, draft.document.scalars[path]
    if node.style != "|":
        return NodeConfig(kind, text, f"{file}#{path_text(path)}", draft.files.directory())
    first = node.start_mark.line + 1
    below = draft.document.text.splitlines()[first : node.end_mark.line + 1]
    indents = [len(line) - len(line.lstrip(" ")) for line in below if line.strip()]
    return NodeConfig(kind, text, file, draft.files.directory(), first + 1, (indents[0] if indents else 0) + 1)


def _keys(draft: Draft) -> Iterator[Diagnostic]:
    ssh = draft.section("ssh")
    draft.keys += [(("ssh", "keys", n), key) for n, key in enumerate(ssh.get("keys", ())) if key is not None]
    for n, name in enumerate(ssh.get("key_files", ())):
        path: Trail = ("ssh", "key_files", n)
        try:
            lines = draft.read(name).splitlines() if name is not None else []
        except FileError as error:
            yield draft.error("PV026", path, f"the key file {name!r} cannot be read: {error}")
            continue
        draft.keys += [(path, line) for line in map(str.strip, lines) if line and not line.startswith("#")]

"""What belongs to provision in a node config: names of files and units, and the markers of slots."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from provision.diagnostics import Diagnostic
from provision.firstboot.additions.model import HOME, PREFIX, RESERVED, RESERVED_IN
from provision.firstboot.interpolate import SECRET
from provision.firstboot.markers import FACTS, SLOTS, places
from provision.firstboot.markers import RESERVED as MARK

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from provision.diagnostics import Path, Span
    from provision.model import Json


def faults(
    config: Json, place: Callable[[Path], Span | None], *, interpolated: bool, facts: bool = False
) -> Iterator[Diagnostic]:
    """Yield a finding for everything of provision's own that a compiled node config takes.

    Args:
        config: the Ignition config, without additions.
        place: where a path of it stands in the user's text.
        interpolated: whether it may hold the slots of secrets.
        facts: whether it may hold markers of what tells machines apart.
    """
    for path, name in _taken(config):
        hint = f"units named {PREFIX}* and files in {HOME} belong to provision: take another name"
        yield Diagnostic("PV409", f"{name} is reserved", path=path, span=place(path), hint=hint)
    for path, text in places(config, MARK):
        if not _secrets_only(FACTS.sub("", text) if facts else text, interpolated):
            message = f"the config holds the text {MARK!r}, which marks provision's own slots"
            yield Diagnostic("PV404", message, path=path, span=place(path), hint="write it in another way")


def _taken(config: Json) -> Iterator[tuple[Path, str]]:
    for i, unit in enumerate(config.get("systemd", {}).get("units", ())):
        here: Path = ("systemd", "units", i)
        if unit["name"].startswith(PREFIX):
            yield (*here, "name"), unit["name"]
        for j, drop_in in enumerate(unit.get("dropins", ())):
            if RESERVED.fullmatch(drop_in["name"]):
                yield (*here, "dropins", j, "name"), f"{drop_in['name']} of {unit['name']}"
    for kind in ("files", "directories", "links"):
        for i, entry in enumerate(config.get("storage", {}).get(kind, ())):
            if _ours(posixpath.normpath(entry["path"])):
                yield ("storage", kind, i, "path"), entry["path"]


def _ours(path: str) -> bool:
    if path == HOME or path.startswith(f"{HOME}/"):
        return True
    return path.startswith(RESERVED_IN) and bool(RESERVED.fullmatch(posixpath.basename(path)))


def _secrets_only(text: str, interpolated: bool) -> bool:
    """A marker that the user wrote would be filled with what belongs to another place."""
    rest = SLOTS.sub(lambda m: "" if interpolated and m[1].startswith(SECRET) else m[0], text)
    return MARK not in rest

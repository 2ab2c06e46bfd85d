"""Ignition's merge of two configs: what stands in both is the child's, lists are joined by their items' keys.

Facts: https://coreos.github.io/ignition/operator-notes/#config-merging and config/merge/merge.go.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from provision.firstboot.ignition.model import types
from provision.firstboot.ignition.validate import key_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from provision.firstboot.fields import Field, Plain, Struct

Path = tuple[str | int, ...]
Config = dict[str, Any]
Side = Literal["parent", "child"]


class Step(NamedTuple):
    """One line of a transcript: what stands at `to` in the result came from `origin` of the parent or the child."""

    side: Side
    origin: Path
    to: Path


@dataclass(frozen=True, slots=True)
class Merged:
    """A merged config, and where each of its values, sections and lists came from."""

    config: Config
    transcript: list[Step] = field(default_factory=list)


def merge(parent: Config, child: Config, spec: str | None = None) -> Merged:
    """Merge two configs of the same spec version; neither is changed, and the result shares their parts.

    Raises:
        KeyError: the version (by default the child's) is not known.
    """
    struct = types(spec or child["ignition"]["version"])
    merger = _Merger([])
    return Merged(merger.structs(parent, child, struct, (), (), ()), merger.transcript or [])


def merge_config(parent: Config, child: Config, struct: Struct) -> Config:
    """Merge without a transcript, which takes longer than the merge."""
    return _Merger(None).structs(parent, child, struct, (), (), ())


class _Merger:
    def __init__(self, transcript: list[Step] | None) -> None:
        self.transcript = transcript

    def structs(self, parent: Config, child: Config, struct: Struct, up: Path, down: Path, to: Path) -> Config:
        result: Config = {}
        for name, each in struct.fields.items():
            if name not in parent and name not in child:
                continue
            paths = (*up, name), (*down, name), (*to, name)
            if each.kind == "struct" and each.struct is not None and parent.get(name) and child.get(name):
                result[name] = self.structs(parent[name], child[name], each.struct, *paths)
                self._both(paths)
            elif each.kind == "list":
                merged = self._lists(parent, child, struct, each, *paths)
                if merged:
                    result[name] = merged
            else:
                self._single(parent, child, each, result, paths)
        return result

    def _single(
        self, parent: Config, child: Config, each: Field, result: Config, paths: tuple[Path, Path, Path]
    ) -> None:
        """Take the child's value; the parent's where the child has none, unless having none is a value, too."""
        name = each.name
        if name in child and (child[name] or each.kind != "struct" or name not in parent):
            result[name] = child[name]
            self._note("child", paths[1], paths[2], child[name], each)
        elif each.pointer or each.kind == "struct":
            result[name] = parent[name]
            self._note("parent", paths[0], paths[2], parent[name], each)

    def _lists(
        self, parent: Config, child: Config, struct: Struct, each: Field, up: Path, down: Path, to: Path
    ) -> list[Any]:
        ours, theirs = parent.get(each.name, []), child.get(each.name, [])
        result: list[Any] = []
        if each.name in struct.repeatable:
            sides: tuple[tuple[Side, Path, list[Any]], ...] = (("parent", up, ours), ("child", down, theirs))
            for side, path, values in sides:
                for i, value in enumerate(values):
                    self._note(side, (*path, i), (*to, len(result)), value, each.item)
                    result.append(value)
            self._contributed(bool(ours), bool(theirs), (up, down, to))
            return result
        index = _keys(child, struct, each.name)
        known = set()
        from_parent = from_child = False
        for i, value in enumerate(ours):
            key = key_of(value, each)
            known.add(key)
            match = index.get(key)
            from_parent = from_parent or match is None or match[0] == each.name
            from_child = from_child or (match is not None and match[0] == each.name)
            self._parent_item(result, value, match, each, child, ((*up, i), down, to))
        for i, value in enumerate(theirs):
            if key_of(value, each) not in known:
                from_child = True
                self._note("child", (*down, i), (*to, len(result)), value, each.item)
                result.append(value)
        self._contributed(from_parent, from_child, (up, down, to))
        return result

    def _parent_item(
        self,
        result: list[Any],
        value: Plain,
        match: tuple[str, int] | None,
        each: Field,
        child: Config,
        paths: tuple[Path, Path, Path],
    ) -> None:
        up, down, to = paths
        here = (*to, len(result))
        if match is None:
            self._note("parent", up, here, value, each.item)
            result.append(value)
            return
        name, i = match
        if name != each.name:
            return  # the child has the path as another kind of node, and wins
        theirs = child[name][i]
        struct = each.item.struct if each.item else None
        if struct is None:
            self._note("child", (*down, i), here, theirs, each.item)
            result.append(theirs)
        elif each.name == "httpHeaders" and "value" not in theirs:
            return  # a header without a value removes the parent's
        else:
            result.append(self.structs(value, theirs, struct, up, (*down, i), here))
            self._both((up, (*down, i), here))

    def _contributed(self, parent: bool, child: bool, paths: tuple[Path, Path, Path]) -> None:
        if self.transcript is not None and parent:
            self.transcript.append(Step("parent", paths[0], paths[2]))
        if self.transcript is not None and child:
            self.transcript.append(Step("child", paths[1], paths[2]))

    def _both(self, paths: tuple[Path, Path, Path]) -> None:
        self._contributed(True, True, paths)

    def _note(self, side: Side, origin: Path, to: Path, value: Plain, each: Field | None) -> None:
        if self.transcript is not None and each is not None:
            self.transcript.extend(_steps(side, origin, to, value, each))


def _keys(child: Config, struct: Struct, name: str) -> dict[str, tuple[str, int]]:
    """Index the child's lists that share keys with one list: key -> (list, position); the last one wins."""
    handle = struct.shared.get(name, name)
    found: dict[str, tuple[str, int]] = {}
    for other, each in struct.fields.items():
        if each.kind == "list" and other not in struct.repeatable and struct.shared.get(other, other) == handle:
            for i, value in enumerate(child.get(other, ())):
                found[key_of(value, each)] = (other, i)
    return found


def _steps(side: Side, origin: Path, to: Path, value: Plain, each: Field) -> Iterator[Step]:
    """Yield a step for each value that is set, and for each section and list that holds one."""
    if each.kind in ("struct", "list"):
        below: list[Step] = []
        if each.struct is not None:
            inner = [(name, value[name], field_) for name, field_ in each.struct.fields.items() if name in value]
        else:
            inner = [(i, item, each.item) for i, item in enumerate(value)]  # type: ignore[misc]
        for step, item, field_ in inner:
            below.extend(_steps(side, (*origin, step), (*to, step), item, field_))
        yield from below
        if below:
            yield Step(side, origin, to)
    elif each.pointer or value:
        yield Step(side, origin, to)

"""Ignition 2's validation: a walk over a config, its type and its text, side by side.

A type's own rule comes first; if it finds an error, nothing below is looked at. Then come the fields, each with its
rule. A finding stands at the value that it is about, or at the nearest thing around it that the text has. Facts:
https://github.com/coreos/ignition/blob/spec2x/config/validate/validate.go
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from provision.diagnostics import Severity
from provision.firstboot.ignition2 import messages as m
from provision.firstboot.ignition2.tree import NOWHERE, Place, Tree

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from provision.firstboot.fields import Field, Struct
    from provision.firstboot.ignition.messages import Message
    from provision.firstboot.ignition2.messages import Said

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding: how grave, what, about which part of the config, and where in the text."""

    severity: Severity
    message: Message
    path: Path = ()
    place: Place = NOWHERE


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules of one type: `own` sees the whole value, `fields` are called for their fields; all take the value."""

    own: Callable[[dict[str, Any]], Iterable[Said]] | None = None
    fields: Mapping[str, Callable[[dict[str, Any]], Iterable[Said]]] | None = None


def walk(
    value: dict[str, Any], struct: Struct, rules: Mapping[str, Rules], tree: Tree | None, *, unused: bool
) -> list[Finding]:
    """Return what the rules say about a config.

    Args:
        value: the config.
        struct: its type.
        rules: by type name.
        tree: the config's text, or None where there is none.
        unused: whether keys that the type does not know are reported.
    """
    walker = _Walker(rules, unused=unused)
    walker.struct(value, struct, tree, NOWHERE, ())
    return walker.found


class _Walker:
    def __init__(self, rules: Mapping[str, Rules], *, unused: bool) -> None:
        self.found: list[Finding] = []
        self._rules = rules
        self._unused = unused

    def struct(self, value: dict[str, Any], struct: Struct, tree: Tree | None, around: Place, path: Path) -> None:
        here = tree.place if tree is not None else around
        rules = self._rules.get(struct.name, Rules())
        said = list(rules.own(value)) if rules.own else []
        self._say(said, path, here)
        if any(severity is Severity.ERROR for severity, _ in said):
            return
        for name, field in struct.fields.items():
            below = tree.child(name) if tree is not None else None
            if rules.fields and name in rules.fields:
                self._say(rules.fields[name](value), (*path, name), below.place if below is not None else here)
            self._field(value.get(name), field, below, here, (*path, name))
        if self._unused and tree is not None and tree.keys is not None:
            self._unknown(tree, struct, path)

    def _field(self, value: Any, field: Field, tree: Tree | None, around: Place, path: Path) -> None:  # noqa: ANN401
        if field.struct is not None:
            if value is not None or not field.pointer:
                self.struct(value or {}, field.struct, tree, around, path)
        elif field.item is not None and field.item.struct is not None:
            for i, item in enumerate(value or ()):
                below = tree.child(i) if tree is not None else None
                self.struct(item, field.item.struct, below or tree, around, (*path, i))

    def _unknown(self, tree: Tree, struct: Struct, path: Path) -> None:
        for key, (place, _) in (tree.keys or {}).items():
            if key in struct.fields:
                continue
            self.found.append(Finding(Severity.WARNING, m.UNUSED_KEY.format(key=key), (*path, key), place))
            similar = next((name for name in struct.fields if name.casefold() == key.casefold()), None)
            if similar:
                message = m.DID_YOU_MEAN.format(similar=similar, key=key)
                self.found.append(Finding(Severity.INFO, message, (*path, key), place))

    def _say(self, said: Iterable[Said], path: Path, place: Place) -> None:
        self.found += [Finding(severity, message, path, place) for severity, message in said]

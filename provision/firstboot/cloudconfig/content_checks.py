"""What the values of a cloud-config must be, beyond their types."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from provision.diagnostics import Path, Severity
from provision.firstboot.cloudconfig import messages as m
from provision.firstboot.cloudconfig.checks import is_read_only, is_request_uri, is_valid
from provision.firstboot.cloudconfig.decoding import ContentError, decode_content
from provision.firstboot.cloudconfig.model import types, valid
from provision.firstboot.cloudconfig.scalars import go_value
from provision.firstboot.ignition.unitfile import UnitError, sections

if TYPE_CHECKING:
    from collections.abc import Iterator

    from provision.firstboot.fields import Struct
    from provision.firstboot.ignition.messages import Message

Value = dict[str, Any]
Noted = tuple[Severity, Path, "Message"]


def all_checks(config: Value) -> Iterator[Noted]:
    """Return what is wrong with a config's values: severity, path, message."""
    yield from _values(config, types(), ())
    discovery = config.get("coreos", {}).get("etcd", {}).get("discovery")
    if discovery is not None and not is_request_uri(discovery):
        yield Severity.WARNING, ("coreos", "etcd", "discovery"), m.DISCOVERY
    if config.get("manage_etc_hosts", "localhost") != "localhost":
        yield _error(m.ETC_HOSTS.format(value=config["manage_etc_hosts"]), "manage_etc_hosts")
    for i, file in enumerate(config.get("write_files", ())):
        yield from _file(file, ("write_files", i))
    for i, unit in enumerate(config.get("coreos", {}).get("units", ())):
        yield from _unit(unit, ("coreos", "units", i))
    names = [user.get("name", "") for user in config.get("users", ())]
    for i, name in enumerate(names):
        if name in names[:i]:
            yield _error(m.DUPLICATE_USER.format(name=name), "users", i, "name")


def _error(message: Message, *path: str | int) -> Noted:
    return Severity.ERROR, path, message


def _values(value: Value, struct: Struct, path: Path) -> Iterator[Noted]:
    for name, pattern in valid(struct).items():
        found = value.get(name)
        if found and not is_valid(go_value(found), pattern):
            message = m.VALUE.format(value=go_value(found), key=name, pattern=pattern)
            yield _error(message._replace(hint=f"write a value that matches {pattern}"), *path, name)
    for name, inner in value.items():
        field = struct.fields[name]
        if field.struct is not None:
            yield from _values(inner, field.struct, (*path, name))
        elif field.item is not None and field.item.struct is not None:
            for i, item in enumerate(inner):
                yield from _values(item, field.item.struct, (*path, name, i))


def _file(file: Value, path: Path) -> Iterator[Noted]:
    encoding, name = file.get("encoding", ""), file.get("path", "")
    try:
        decode_content(file.get("content", ""), encoding)
    except ContentError:
        yield _error(m.ENCODING.format(encoding=encoding), *path, "content")
    if not name.startswith("/"):
        yield _error(m.PATH.format(path=name or "a file without a path"), *path, "path")
    elif is_read_only(name):
        yield _error(m.READ_ONLY.format(path=name), *path, "path")


def _unit(unit: Value, path: Path) -> Iterator[Noted]:
    texts = [(unit, path), *((each, (*path, "drop_ins", i)) for i, each in enumerate(unit.get("drop_ins", ())))]
    for each, where in texts:
        try:
            sections(each.get("content", ""))
        except UnitError as problem:
            yield _error(m.UNIT.format(problem=problem), *where, "content")

# ruff: noqa: D103 - the rules are named after what they check
"""Ignition 2's rules, type by type.

Facts: https://github.com/coreos/ignition/tree/spec2x/config/v2_3/types
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from provision.firstboot.ignition import dataurl
from provision.firstboot.ignition import messages as m3
from provision.firstboot.ignition.golang import extension, parse_url, query_value, quote, semver, to_bytes
from provision.firstboot.ignition.unitfile import UnitError, sections
from provision.firstboot.ignition2 import disk_rules
from provision.firstboot.ignition2 import messages as m
from provision.firstboot.ignition2.messages import error, warning
from provision.firstboot.ignition2.walk import Rules

if TYPE_CHECKING:
    from collections.abc import Iterator

    from provision.firstboot.ignition.messages import Message
    from provision.firstboot.ignition2.messages import Said

Value = dict[str, Any]
SYSTEMD = frozenset(
    (
        *(".service", ".socket", ".device", ".mount", ".automount", ".swap", ".target", ".path", ".timer"),
        *(".snapshot", ".slice", ".scope"),
    )
)
NETWORKD = frozenset((".link", ".netdev", ".network"))
SCHEMES = frozenset(("http", "https", "oem", "efi", "tftp"))
_USER_FIELDS = (
    *("gecos", "groups", "homeDir", "noCreateHome", "noLogInit", "noUserGroup", "primaryGroup", "shell", "system"),
)
SHA512 = 128
"""Hex digits of the one hash that Ignition 2 knows."""


def url_problem(url: str) -> Message | None:
    """Return why a URL is refused; an empty one means an empty file."""
    if not url:
        return None
    parsed = parse_url(url)
    if parsed is None:
        return m3.INVALID_URL
    if parsed.scheme in SCHEMES:
        return None
    if parsed.scheme == "s3":
        return m3.INVALID_S3_VERSION if query_value(parsed.query, "versionId") == "" else None
    if parsed.scheme != "data":
        return m3.INVALID_SCHEME
    try:
        dataurl.check(url)
    except dataurl.DataURLError as problem:
        return m3.INVALID_DATA_URL.format(problem=problem)
    return None


def source(value: Value) -> Iterator[Said]:
    problem = url_problem(value.get("source", ""))
    if problem:
        yield error(problem)


def contents_source(value: Value) -> Iterator[Said]:
    url = value.get("source", "")
    problem = url_problem(url)
    if problem:
        yield error(m.URL.format(url=quote(url), problem=problem.text))


def compression(value: Value) -> Iterator[Said]:
    if value.get("compression", "") not in ("", "gzip"):
        yield error(m3.COMPRESSION)


def verification(value: Value) -> Iterator[Said]:
    if "hash" not in value:
        return
    function, dash, digest = value["hash"].partition("-")
    if not dash:
        yield error(m3.HASH_MALFORMED)
    elif function != "sha512":
        yield error(m3.HASH_UNKNOWN)
    elif len(to_bytes(digest)) != SHA512:
        yield error(m3.HASH_SIZE)


def version(value: Value) -> Iterator[Said]:
    if semver(value.get("version", "")) is None:
        yield error(m3.INVALID_VERSION)


def user(value: Value) -> Iterator[Said]:
    if "create" not in value:
        return
    yield warning(m.USER_CREATE_IS_OLD)
    texts = (
        "gecos",
        "groups",
        "homeDir",
        "noCreateHome",
        "noLogInit",
        "noUserGroup",
        "primaryGroup",
        "shell",
        "system",
    )
    for name in texts:
        if value.get(name):
            yield error(m.USER_CREATE_AND.format(field=name))
    if "uid" in value:
        yield error(m.USER_CREATE_AND.format(field="uid"))


def owner(value: Value) -> Iterator[Said]:
    if "id" in value and value.get("name"):
        yield error(m3.ID_AND_NAME)


def filesystem_named(value: Value) -> Iterator[Said]:
    if not value.get("filesystem"):
        yield error(m.NO_FILESYSTEM)


def absolute(value: Value) -> Iterator[Said]:
    if not value.get("path", "").startswith("/"):
        yield error(m3.PATH_RELATIVE)


def file(value: Value) -> Iterator[Said]:
    if value.get("overwrite") and value.get("append"):
        yield error(m.APPEND_AND_OVERWRITE)


def mode(value: Value) -> Iterator[Said]:
    number = value.get("mode")
    if number is None:
        yield warning(m.MODE_UNSET)
    elif not 0 <= number <= 0o7777:
        yield error(m3.MODE_ILLEGAL)


def config(value: Value) -> Iterator[Said]:
    storage = value.get("storage", {})
    filesystems = [each.get("name", "") for each in storage.get("filesystems", ())]
    for each in storage.get("files", ()):
        name = each.get("filesystem", "")
        if name and name != "root" and name not in filesystems:
            yield warning(m.FILESYSTEM_UNKNOWN.format(path=quote(each.get("path", "")), name=quote(name)))
    seen = {"root"}
    for name in filesystems:
        if name in seen:
            yield warning(m.FILESYSTEM_SHADOWED.format(name=quote(name)))
        seen.add(name)


def unit_contents(value: Value) -> Iterator[Said]:
    text = value.get("contents", "")
    try:
        found = sections(text)
    except UnitError as problem:
        yield error(m3.UNIT_CONTENT.format(problem=problem))
        return
    enabled = value.get("enable") or value.get("enabled")
    # go-systemd returns no list, rather than an empty one, for a text without options.
    if enabled and text and found and "Install" not in found:
        yield warning(m3.UNIT_NO_INSTALL.format(name=quote(value.get("name", ""))))


def unit_name(value: Value) -> Iterator[Said]:
    if extension(value.get("name", "")) not in SYSTEMD:
        yield error(m3.UNIT_EXTENSION)


def dropin(value: Value) -> Iterator[Said]:
    yield from _unit_text(value)
    if extension(value.get("name", "")) != ".conf":
        yield error(m3.DROPIN_EXTENSION)


def networkd_dropin(value: Value) -> Iterator[Said]:
    yield from _unit_text(value)
    if extension(value.get("name", "")) != ".conf":
        yield error(m.NETWORKD_DROPIN_EXTENSION)


def networkd_unit(value: Value) -> Iterator[Said]:
    yield from _unit_text(value)
    if extension(value.get("name", "")) not in NETWORKD:
        yield error(m.NETWORKD_EXTENSION)


def _unit_text(value: Value) -> Iterator[Said]:
    try:
        sections(value.get("contents", ""))
    except UnitError as problem:
        yield error(m3.UNIT_CONTENT.format(problem=problem))


_NODE = {"filesystem": filesystem_named, "path": absolute}

RULES = {
    "Config": Rules(config),
    "Ignition": Rules(version),
    "ConfigReference": Rules(fields={"source": source}),
    "CaReference": Rules(fields={"source": source}),
    "Verification": Rules(verification),
    "PasswdUser": Rules(user),
    "Disk": Rules(fields={"device": disk_rules.device, "partitions": disk_rules.partitions}),
    "Partition": Rules(
        disk_rules.partition,
        {
            "label": disk_rules.label,
            "guid": disk_rules.guid,
            "typeGuid": disk_rules.type_guid,
        },
    ),
    "Raid": Rules(fields={"level": disk_rules.level, "devices": disk_rules.devices}),
    "Filesystem": Rules(disk_rules.filesystem, {"path": disk_rules.filesystem_path}),
    "Mount": Rules(disk_rules.mount, {"device": disk_rules.mount_device, "label": disk_rules.mount_label}),
    "File": Rules(file, {**_NODE, "mode": mode}),
    "FileContents": Rules(fields={"compression": compression, "source": contents_source}),
    "Directory": Rules(fields={**_NODE, "mode": mode}),
    "Link": Rules(fields=_NODE),
    "Owner": Rules(owner),
    "Unit": Rules(fields={"contents": unit_contents, "name": unit_name}),
    "SystemdDropin": Rules(dropin),
    "Networkdunit": Rules(networkd_unit),
    "NetworkdDropin": Rules(networkd_dropin),
}
"""By type name."""

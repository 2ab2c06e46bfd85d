# ruff: noqa: D103 -- each function is one rule, and its name and message say which
"""ct's own rules about a Container Linux Config, before it is translated."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from provision.diagnostics import Severity
from provision.firstboot.container_linux import messages as m
from provision.firstboot.container_linux.gotext import is_clock, is_duration, parse_version, url_problem
from provision.firstboot.ignition.golang import is_json
from provision.firstboot.ignition2.messages import error, warning
from provision.firstboot.ignition2.walk import Rules

if TYPE_CHECKING:
    from collections.abc import Iterator

    from provision.firstboot.ignition2.messages import Said

Value = dict[str, Any]
GROUPS = frozenset(("stable", "beta", "alpha"))
STRATEGIES = frozenset(("reboot", "etcd-lock", "off"))
DAYS = frozenset(("sun", "mon", "tue", "wed", "thu", "fri", "sat"))


def version(value: Value) -> Iterator[Said]:
    if value.get("version"):
        yield error(m.VERSION)


def file_mode(value: Value) -> Iterator[Said]:
    if "mode" not in value:
        yield (Severity.INFO, m.APPEND_MODE) if value.get("append") else warning(m.FILE_MODE)


def directory_mode(value: Value) -> Iterator[Said]:
    if "mode" not in value:
        yield warning(m.DIRECTORY_MODE)


def contents(value: Value) -> Iterator[Said]:
    if sum(bool(text) for text in (value.get("remote", {}).get("url"), value.get("inline"), value.get("local"))) > 1:
        yield error(m.MANY_SOURCES)


def etcd_version(value: Value) -> Iterator[Said]:
    if "version" not in value:
        return
    at = parse_version(value["version"])
    if at.before(2, 3, 0):
        yield error(m.ETCD_OLD)
    elif (at.major == 2 and at.minor > 3) or (at.major == 3 and at.minor > 5):
        yield warning(m.ETCD_MINOR_NEW)
    elif at.major > 3:
        yield error(m.ETCD_MAJOR_NEW)


def flannel_version(value: Value) -> Iterator[Said]:
    if "version" not in value:
        return
    at = parse_version(value["version"])
    if at.before(0, 5, 0):
        yield error(m.FLANNEL_OLD)
    elif at.major == 0 and at.minor > 7:
        yield warning(m.FLANNEL_MINOR_NEW)


def flannel(value: Value) -> Iterator[Said]:
    if value.get("kube_subnet_mgr") and value.get("network_config"):
        yield error(m.NETWORK_CONFIG_AND_KUBE)


def network_config(value: Value) -> Iterator[Said]:
    text = value.get("network_config")
    if text and not (is_json(text) and isinstance(json.loads(text), dict | None)):
        yield error(m.NETWORK_CONFIG)


def update(value: Value) -> Iterator[Said]:
    if value.get("group", "").lower() not in GROUPS and not value.get("server"):
        yield warning(m.UPDATE_GROUP)


def update_server(value: Value) -> Iterator[Said]:
    problem = url_problem(value.get("server", ""))
    if problem:
        yield error(m.URL.format(problem=problem))


def window(value: Value) -> Iterator[Said]:
    if bool(value.get("window_start")) != bool(value.get("window_length")):
        yield error(m.WINDOW_HALF)


def strategy(value: Value) -> Iterator[Said]:
    if value.get("reboot_strategy") and value["reboot_strategy"].lower() not in STRATEGIES:
        yield error(m.STRATEGY)


def window_start(value: Value) -> Iterator[Said]:
    text = value.get("window_start")
    if not text:
        return
    words = text.split()
    if len(words) > 1 and words[0].lower() not in DAYS:
        yield error(m.WINDOW_DAY)
    elif not is_clock(words[1] if len(words) > 1 else text):
        yield error(m.WINDOW_START)


def window_length(value: Value) -> Iterator[Said]:
    if value.get("window_length") and not is_duration(value["window_length"]):
        yield error(m.WINDOW_LENGTH)


RULES = {
    "Config": Rules(fields={"version": version}),
    "File": Rules(fields={"mode": file_mode}),
    "FileContents": Rules(contents),
    "Directory": Rules(fields={"mode": directory_mode}),
    "etcdCommon": Rules(fields={"version": etcd_version}),
    "flannelCommon": Rules(flannel, {"version": flannel_version, "network_config": network_config}),
    "Update": Rules(update, {"server": update_server}),
    "Locksmith": Rules(
        window,
        {"reboot_strategy": strategy, "window_start": window_start, "window_length": window_length},
    ),
}
"""By type name."""

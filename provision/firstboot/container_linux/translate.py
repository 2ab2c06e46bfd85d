"""A Container Linux Config's sections as Ignition 2.3's, in ct's order: that of its source files' names."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from provision.diagnostics import Severity
from provision.firstboot.container_linux import messages as m
from provision.firstboot.container_linux import services, storage
from provision.firstboot.container_linux.dynamic import Dynamic, DynamicError
from provision.firstboot.container_linux.gotext import url_problem
from provision.firstboot.container_linux.update_conf import update_file
from provision.firstboot.fields import camel
from provision.firstboot.ignition2.model import NEWEST
from provision.firstboot.ignition2.walk import Finding

if TYPE_CHECKING:
    from collections.abc import Callable

    from provision.firstboot.container_linux.storage import Reader
    from provision.firstboot.ignition.messages import Message
    from provision.firstboot.ignition2.tree import Tree
    from provision.firstboot.ignition2.walk import Path

Value = dict[str, Any]


@dataclass(slots=True)
class Job:
    """One translation: where local files and dynamic data come from, the text's tree, and what was found."""

    tree: Tree | None
    reader: Reader | None = None
    dynamic: Dynamic = field(default_factory=Dynamic)
    found: list[Finding] = field(default_factory=list)

    def error(self, message: Message, *path: str | int) -> None:
        """Note an error about the user's value at a path, if the text has it."""
        node = self.tree.child(*path) if self.tree is not None and path else None
        at = node.place if node is not None else (0, 0)
        self.found.append(Finding(Severity.ERROR, message, tuple(path), at))


def translate(value: Value, job: Job) -> Value:
    """Return the Ignition config; what could not be translated is left out and noted in the job."""
    storage_in = value.get("storage", {})
    units = services.platform_units(job.dynamic.platform)
    config: Value = {"ignition": _ignition(value.get("ignition", {}), job)}
    disks = storage.disks(storage_in, job)
    if "docker" in value:
        units.append(services.docker_unit(value["docker"]))
    _service(units, lambda: services.etcd_unit(value["etcd"], job.dynamic), job, wanted="etcd" in value)
    files = storage.files(storage_in, job)
    _service(units, lambda: services.flannel_unit(value["flannel"], job.dynamic), job, wanted="flannel" in value)
    config["networkd"] = value.get("networkd", {})
    config["passwd"] = _camel(value.get("passwd", {}))
    units += value.get("systemd", {}).get("units", ())
    update = update_file(value.get("update", {}), value.get("locksmith", {}))
    config["storage"] = {
        "disks": disks,
        "raid": storage_in.get("raid", []),
        "filesystems": _camel(storage_in.get("filesystems", [])),
        "files": [*files, *([update] if update else [])],
        "directories": storage.nodes(storage_in, "directories", 0o755),
        "links": storage.nodes(storage_in, "links"),
    }
    config["systemd"] = {"units": units}
    return config


def _service(units: list[Value], unit: Callable[[], Value], job: Job, *, wanted: bool) -> None:
    if not wanted:
        return
    try:
        units.append(unit())
    except DynamicError as problem:
        job.error(problem.message)


def _ignition(value: Value, job: Job) -> Value:
    config = value.get("config", {})
    made: Value = {"version": NEWEST, "timeouts": _camel(value.get("timeouts", {}))}
    references: Value = {}
    kept = []
    for i, each in enumerate(config.get("append", ())):
        reference = _reference(each, job, ("ignition", "config", "append", i))
        kept += [reference] if reference else []
    references["append"] = kept
    if "replace" in config:
        replace = _reference(config["replace"], job, ("ignition", "config", "replace"))
        references |= {"replace": replace} if replace else {}
    authorities = value.get("security", {}).get("tls", {}).get("certificate_authorities", ())
    made["security"] = {"tls": {"certificateAuthorities": [_verified(each) for each in authorities]}}
    return made | {"config": references}


def _reference(value: Value, job: Job, path: Path) -> Value | None:
    problem = url_problem(value.get("source", ""))
    if problem:
        job.error(m.URL.format(problem=problem), *path, "source")
        return None
    return _verified(value)


def _verified(value: Value) -> Value:
    return {"source": value.get("source", ""), "verification": storage.verification(value.get("verification", {}))}


def _camel(value: Any) -> Any:  # noqa: ANN401
    """Return a section whose fields only change the style of their names."""
    if isinstance(value, dict):
        return {camel(name): _camel(inner) for name, inner in value.items()}
    return [_camel(each) for each in value] if isinstance(value, list) else value

"""Node configs in the formats of the past: Container Linux Config, Ignition 2 and cloud-config."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from provision.diagnostics import Span
from provision.firstboot import ignition2
from provision.firstboot.cloudconfig import compile_cloud_config
from provision.firstboot.container_linux import compile_ct
from provision.firstboot.container_linux.dynamic import Dynamic
from provision.firstboot.files import Files
from provision.firstboot.markers import ADDRESS, NAME, USER_PART

if TYPE_CHECKING:
    from provision.diagnostics import Path, Report
    from provision.model import Json
    from provision.spec.model import Machine, NodeConfig

READS_CLOUD_INIT = frozenset(("debian",))
"""Systems whose images run cloud-init; the others that read cloud-configs run coreos-cloudinit."""

READS_IGNITION_2 = frozenset(("container-linux", "flatcar"))
METADATA = {"ec2": "ec2", "gce": "gce", "openstack": "openstack-metadata"}
"""Providers on which coreos-metadata finds the machine's addresses at boot, with ct's names for them."""

PLANNED = frozenset(("fake", "pxe", "qemu", "vagrant"))
"""Providers whose machines have the addresses that are planned."""


def container_linux(config: NodeConfig, machine: Machine, report: Report) -> Json | None:
    """Return a Container Linux Config as Ignition 2.3."""
    compiled = compile_ct(config.text, config.file, Files(config.directory), dynamic(machine))
    report.extend(compiled.report)
    return compiled.ignition


def dynamic(machine: Machine) -> Dynamic:
    """Return where ``{PRIVATE_IPV4}`` and the like come from on a machine's platform."""
    platform = METADATA.get(machine.provider)
    if platform:
        return Dynamic(platform)
    return Dynamic(values={"HOSTNAME": NAME} | ({"PRIVATE_IPV4": ADDRESS} if machine.provider in PLANNED else {}))


def is_ignition_2(config: NodeConfig) -> bool:
    """Whether a text is a config of Ignition 2, valid or not."""
    try:
        found = json.loads(config.text)
    except (ValueError, RecursionError):
        return False
    section = found.get("ignition") if isinstance(found, dict) else None
    written = section.get("version") if isinstance(section, dict) else None
    return isinstance(written, str) and written.startswith("2.")


def ignition_2(config: NodeConfig, machine: Machine, report: Report) -> Json | None:
    """Return a config of Ignition 2."""
    found, findings = ignition2.load(config.text, config.file)
    report.extend(findings)
    if machine.os not in READS_IGNITION_2:
        message = f"{machine.os} does not read Ignition 2"
        report.error("PV415", message, span=Span(config.file, 1, 1), hint="write the node config as Butane")
        return None
    return found


def cloud_config(config: NodeConfig, machine: Machine, report: Report) -> Json | None:
    """Return a cloud-config: checked for coreos-cloudinit, as it is for cloud-init."""
    if machine.os in READS_CLOUD_INIT:
        return {USER_PART: config.text}
    compiled = compile_cloud_config(config.text, config.file)
    report.extend(compiled.report)
    return compiled.config


def as_ignition(config: Json, of: NodeConfig) -> Json:
    """Return a config of any format as Ignition lists units and files, to see which names they take.

    The markers that stand where the user wrote dynamic data are ours, and left out.
    """
    if of.format == "container-linux" and not (NAME in of.text or ADDRESS in of.text):
        plain: Json = json.loads(json.dumps(config).replace(NAME, "").replace(ADDRESS, ""))
        return plain
    if "ignition" in config:
        return config
    units = [
        {"name": unit.get("name", ""), "dropins": [{"name": d.get("name", "")} for d in unit.get("drop_ins", ())]}
        for unit in config.get("coreos", {}).get("units", ())
    ]
    files = [{"path": file.get("path", "")} for file in config.get("write_files", ())]
    texts = {name: value for name, value in config.items() if name not in ("systemd", "storage")}
    return {**texts, "systemd": {"units": units}, "storage": {"files": files}}


def mentioned(config: NodeConfig, value: Json, path: Path) -> Span:
    """Return the first place in a text that names what stands at a path of the compiled config."""
    found: object = value
    for step in path:
        found = found.get(step) if isinstance(found, dict) else found[step] if isinstance(found, list) else None  # type: ignore[index]
    for number, line in enumerate(config.text.splitlines(), 1):
        if isinstance(found, str) and found and found in line:
            return Span(config.file, number, line.index(found) + 1)
    return Span(config.file, 1, 1)

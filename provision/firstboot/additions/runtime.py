"""Settings of the container runtime, in the files that each engine reads.

docker: https://docs.docker.com/reference/cli/dockerd/#daemon-configuration-file; containerd:
https://github.com/containerd/containerd/blob/main/docs/hosts.md, and on Flatcar
https://www.flatcar.org/docs/latest/container-runtimes/customizing-docker/; podman:
https://github.com/containers/common/blob/main/docs/containers.conf.5.md and
https://github.com/containers/image/blob/main/docs/containers-registries.conf.5.md
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from provision.firstboot.additions.model import Additions, DropIn, File, Unit
from provision.firstboot.additions.system import filled, runtimes

if TYPE_CHECKING:
    from collections.abc import Callable

    from provision.firstboot.additions.context import Context
    from provision.spec.model import Runtime

DROP_IN = "20-provision.conf"
CERTIFICATES = "/etc/containerd/certs.d"
HUB = "https://registry-1.docker.io"
UNITS = {"k": 1 << 10, "m": 1 << 20, "g": 1 << 30}


def settings(context: Context) -> Additions:
    """Return the settings that the spec has; nothing where it has none, or the system no such engine."""
    wanted = context.cluster.runtime
    engine = engine_of(context.system.name, wanted, context.version) if wanted else ""
    return WRITERS[engine](context, wanted) if wanted and engine else Additions()


def engine_of(system: str, wanted: Runtime, version: int) -> str:
    """Return the engine that the settings are for on a system, "" where it has none of that name."""
    engines: list[str] = runtimes(version)["systems"].get(system, [])
    if wanted.engine:
        return wanted.engine if wanted.engine in engines else ""
    return engines[0] if engines else ""


def _docker(_: Context, wanted: Runtime) -> Additions:
    sizes = {"max-size": wanted.log_max_size, "max-file": str(wanted.log_max_files or "")}
    found = {
        "registry-mirrors": list(wanted.mirrors),
        "insecure-registries": list(wanted.insecure_registries),
        "storage-driver": wanted.storage_driver,
        "log-driver": wanted.log_driver,
        "log-opts": {name: value for name, value in sizes.items() if value},
        "live-restore": wanted.live_restore,
    }
    given = {name: value for name, value in found.items() if value or value is False}
    return Additions((File("/etc/docker/daemon.json", json.dumps(given, indent=2) + "\n"),))


def _containerd(context: Context, wanted: Runtime) -> Additions:
    config = filled(context.version, "containerd.toml", snapshotter=wanted.storage_driver or "overlayfs")
    files = [File("/etc/containerd/config.toml", config)]
    if wanted.mirrors:
        hosts = "".join(f'\n[host."{url}"]\ncapabilities = ["pull", "resolve"]\n' for url in wanted.mirrors)
        files.append(File(f"{CERTIFICATES}/docker.io/hosts.toml", f'server = "{HUB}"\n{hosts}'))
    for registry in wanted.insecure_registries:
        text = f'[host."https://{registry}"]\nskip_verify = true\n\n[host."http://{registry}"]\n'
        files.append(File(f"{CERTIFICATES}/{registry}/hosts.toml", text))
    if context.system.name != "flatcar":
        return Additions(tuple(files))
    # Flatcar's unit names a file that cannot be written; without it containerd reads the usual one.
    drop_in = DropIn(DROP_IN, "[Service]\nExecStart=\nExecStart=/usr/bin/containerd\n")
    return Additions(tuple(files), (Unit("containerd.service", drop_ins=(drop_in,)),))


def _podman(_: Context, wanted: Runtime) -> Additions:
    files = []
    if wanted.mirrors or wanted.insecure_registries:
        files.append(File("/etc/containers/registries.conf.d/20-provision.conf", _registries(wanted)))
    lines = [f'log_driver = "{wanted.log_driver}"'] if wanted.log_driver else []
    lines += [f"log_size_max = {bytes_of(wanted.log_max_size)}"] if wanted.log_max_size else []
    if lines:
        text = "\n".join(["[containers]", *lines, ""])
        files.append(File("/etc/containers/containers.conf.d/20-provision.conf", text))
    return Additions(tuple(files))


def _registries(wanted: Runtime) -> str:
    blocks = ['[[registry]]\nprefix = "docker.io"\nlocation = "docker.io"\n'] if wanted.mirrors else []
    for url in wanted.mirrors:
        scheme, _, location = url.partition("://")
        insecure = "insecure = true\n" if scheme == "http" else ""
        blocks.append(f'[[registry.mirror]]\nlocation = "{location.rstrip("/")}"\n{insecure}')
    blocks += [f'[[registry]]\nlocation = "{name}"\ninsecure = true\n' for name in wanted.insecure_registries]
    return "\n".join(blocks)


def bytes_of(size: str) -> int:
    """Return a size such as 10m in bytes."""
    return int(size[:-1]) * UNITS[size[-1]]


WRITERS: dict[str, Callable[[Context, Runtime], Additions]] = {
    "docker": _docker,
    "containerd": _containerd,
    "podman": _podman,
}

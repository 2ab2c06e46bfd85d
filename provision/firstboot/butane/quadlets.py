"""``systemd.quadlets``: podman's unit files, written below /etc/containers/systemd."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from provision.firstboot.butane import messages as m
from provision.firstboot.butane.nodes import Nodes
from provision.firstboot.ignition.golang import join, to_bytes

if TYPE_CHECKING:
    from provision.firstboot.butane.translate import Translation
    from provision.firstboot.ignition.validate import Path

Value = dict[str, Any]
FOLDERS = {True: "/etc/containers/systemd", False: "/etc/containers/systemd/users"}


def instance_of(name: str) -> str | None:
    """Return the template of an instance: ``web@.container`` for ``web@1.container``; None for any other name."""
    at, dot = name.find("@"), name.rfind(".")
    if at < 0 or dot < 0 or at + 1 == dot:
        return None
    return f"{name[:at]}@.{name[dot + 1 :]}"


def add_quadlets(value: Value, config: Value, job: Translation) -> None:
    """Write each quadlet and its drop-ins as files; an instance becomes a link to its template."""
    quadlets = value.get("systemd", {}).get("quadlets", ())
    if not quadlets:
        return
    nodes = Nodes(config)
    job.origins.set(("storage",), ("systemd", "quadlets"))
    for i, quadlet in enumerate(quadlets):
        here: Path = ("systemd", "quadlets", i)
        path = join(FOLDERS[bool(quadlet.get("rootful"))], quadlet.get("name", ""))
        template = instance_of(quadlet.get("name", ""))
        if template is not None:
            _link(path, template, here, nodes, job)
        else:
            _file(quadlet, path, here, nodes, job)
        for j, dropin in enumerate(quadlet.get("dropins", ())):
            _file(dropin, f"{path}.d/{dropin.get('name', '')}", (*here, "dropins", j), nodes, job)


def _link(path: str, template: str, here: Path, nodes: Nodes, job: Translation) -> None:
    if nodes.exists(path):
        job.found.error(here, m.NODE_EXISTS)
        return
    i, _ = nodes.add("links", {"path": path, "target": template})
    _record("links", i, here, job)


def _file(value: Value, path: str, here: Path, nodes: Nodes, job: Translation) -> None:
    if nodes.exists(path):
        job.found.error(here, m.NODE_EXISTS)
        return
    i, file = nodes.add("files", {"path": path})
    _record("files", i, here, job)
    content, origin = b"", here
    if value.get("contents_local"):
        origin = (*here, "contents_local")
        read = job.read(value["contents_local"], origin)
        if read is None:
            return
        content = read
    if value.get("contents"):
        origin, content = (*here, "contents"), to_bytes(value["contents"])
    url, compression = job.resource(content, None)
    file["contents"] = {"source": url} | ({} if compression is None else {"compression": compression})
    job.origins.set_below(("storage", "files", i, "contents"), origin)
    file["mode"] = 0o644


def _record(kind: str, i: int, here: Path, job: Translation) -> None:
    if i == 0:
        job.origins.set(("storage", kind), here)
    job.origins.set_below(("storage", kind, i), here)
    job.origins.set(("storage", kind, i, "path"), (*here, "name"))

"""Disks, files, directories and links as Ignition 2.3 has them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from provision.firstboot.container_linux import messages as m
from provision.firstboot.container_linux.gotext import url_problem
from provision.firstboot.container_linux.sizes import SizeError, mebibytes
from provision.firstboot.container_linux.urls import normal_url
from provision.firstboot.files import LocalFileError
from provision.firstboot.ignition import dataurl
from provision.firstboot.ignition.golang import to_bytes

if TYPE_CHECKING:
    from provision.firstboot.container_linux.translate import Job

Value = dict[str, Any]
TYPE_GUIDS = {
    "raid_containing_root": "be9067b9-ea49-4f15-b4f6-f36f8c9e1818",
    "linux_filesystem_data": "0fc63daf-8483-4772-8e79-3d69d8477de4",
    "swap_partition": "0657fd6d-a4ab-43c4-84e5-0933c84b4f4f",
    "raid_partition": "a19d880f-05fc-4d3b-a006-743f0f84911e",
}
"""Names for types of partitions, which ct documents in its operator notes."""


class Reader(Protocol):
    """Reads the user's local files, as `provision.firstboot.files.Files` does."""

    def read(self, name: str) -> bytes:
        """Return a file's bytes.

        Raises:
            LocalFileError: it cannot be read.
        """


def disks(storage: Value, job: Job) -> list[Value]:
    """Return the disks; partitions whose sizes cannot be read are left out."""
    made = []
    for i, disk in enumerate(storage.get("disks", ())):
        found = []
        for j, each in enumerate(disk.get("partitions", ())):
            partition = _partition(each, job, ("storage", "disks", i, "partitions", j))
            found += [partition] if partition else []
        made.append({"device": disk.get("device", ""), "wipeTable": disk.get("wipe_table", False), "partitions": found})
    return made


def _partition(value: Value, job: Job, path: tuple[str | int, ...]) -> Value | None:
    made: Value = {name: value[name] for name in ("label", "number", "guid") if name in value}
    for name in ("size", "start"):
        try:
            size = mebibytes(value.get(name, ""))
        except SizeError as problem:
            job.error(m.SIZE.format(problem=problem), *path, name)
            return None
        if size is not None:
            made[f"{name}MiB"] = size
    kind = value.get("type_guid", "")
    return made | {"typeGuid": TYPE_GUIDS.get(kind, kind)}


def files(storage: Value, job: Job) -> list[Value]:
    """Return the files; those whose contents cannot be had are left out."""
    made = []
    for i, each in enumerate(storage.get("files", ())):
        contents = _contents(each.get("contents", {}), job, ("storage", "files", i))
        if contents is not None:
            made.append(_node(each, 0o644) | {"append": each.get("append", False), "contents": contents})
    return made


def _contents(value: Value, job: Job, path: tuple[str | int, ...]) -> Value | None:
    remote = value.get("remote", {})
    source = dataurl.escaped(to_bytes(value.get("inline", "")))
    if value.get("local"):
        content = _local(value["local"], job, (*path, "contents", "local"))
        if content is None:
            return None
        source = dataurl.escaped(content)
    if remote.get("url"):
        problem = url_problem(remote["url"])
        if problem:
            job.error(m.URL.format(problem=problem), *path, "contents", "remote", "url")
            return None
        source = normal_url(remote["url"])
        _point_at_remote(job, path)
    verified = verification(remote.get("verification", {}))
    return {"source": source, "compression": remote.get("compression", ""), "verification": verified}


def _local(name: str, job: Job, path: tuple[str | int, ...]) -> bytes | None:
    if job.reader is None:
        job.error(m.NO_FILES_DIR, *path)
        return None
    try:
        return job.reader.read(name)
    except LocalFileError as problem:
        job.error(m.LOCAL_FILE.format(problem=problem), *path)
        return None


def _point_at_remote(job: Job, path: tuple[str | int, ...]) -> None:
    """Let findings about a file's contents point at what stands under `remote`."""
    node = job.tree.child(*path) if job.tree is not None else None
    remote = node.child("contents", "remote") if node is not None else None
    url = remote.child("url") if remote is not None else None
    if node is not None and remote is not None and url is not None:
        node.move("contents", "contents", remote)
        remote.move("url", "source", url)


def nodes(storage: Value, kind: str, mode: int | None = None) -> list[Value]:
    """Return the directories or the links."""
    rest = ("hard", "target") if kind == "links" else ()
    return [_node(each, mode) | {name: each[name] for name in rest if name in each} for each in storage.get(kind, ())]


def _node(value: Value, mode: int | None) -> Value:
    made: Value = {name: value[name] for name in ("path", "user", "group", "overwrite") if name in value}
    if mode is not None:
        made["mode"] = value.get("mode", mode)
    return made | {"filesystem": value.get("filesystem") or "root"}


def verification(value: Value) -> Value:
    """Return what a hash of two parts becomes; half of one is nothing."""
    function, digest = value.get("hash", {}).get("function"), value.get("hash", {}).get("sum")
    return {"hash": f"{function}-{digest}"} if function and digest else {}

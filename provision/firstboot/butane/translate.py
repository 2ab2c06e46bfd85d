"""The user's Butane values to an Ignition config: renamed fields, embedded files, then the sugar.

Facts: ``translate.go`` of https://github.com/coreos/butane, base/v0_*.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from provision.firstboot.butane import messages as m
from provision.firstboot.butane.children import child
from provision.firstboot.butane.origins import Origins
from provision.firstboot.files import Escape, LocalFileError
from provision.firstboot.ignition import dataurl
from provision.firstboot.ignition.golang import to_bytes
from provision.firstboot.ignition.model import types

if TYPE_CHECKING:
    from collections.abc import Callable

    from provision.firstboot.butane.inputs import Inputs
    from provision.firstboot.butane.variants import Variant
    from provision.firstboot.fields import Struct
    from provision.firstboot.files import Files
    from provision.firstboot.ignition.validate import Path

Value = dict[str, Any]
_BROKEN = re.compile("[\udc80-\udcff]")
SUGAR = frozenset(
    ("version", "variant", "with_mount_unit", "trees", "quadlets", "inline", "local", "contents_local")
) | {"ssh_authorized_keys_local", "boot_device", "grub", "metadata", "openshift"}
"""Fields that Ignition does not have; functions with their names or their section's deal with them."""


class Translation:
    """One translation under way: what it may read, what it has found, and where its output comes from."""

    def __init__(
        self,
        variant: Variant,
        files: Files | None,
        found: Inputs,
        plain: Callable[[bytes], bool] | None,
        within: tuple[str, ...] = (),
    ) -> None:
        self.variant = variant
        self.within = within
        self.files = files
        self.found = found
        self.origins = Origins(user=True)
        self.spec = variant.spec
        self.struct = types(variant.spec)
        self.plain = plain

    def resource(self, content: bytes, given: str | None) -> tuple[str, str | None]:
        """Return the data URL of a content, and what to write as its compression (None: leave it as it is).

        Markers of slots must be found again in the URL, so such contents are escaped and not packed.
        """
        if self.variant.base == 1:
            return dataurl.escaped(content), None
        if self.plain is not None and self.plain(content):
            return dataurl.escaped(content), None if given else ""
        url, packed = dataurl.encode(content, compress=not given and self.variant.compresses)
        return url, None if given else "gzip" if packed else ""

    def read(self, name: str, path: Path) -> bytes | None:
        """Read a local file; what prevents it becomes a finding."""
        if self.files is None:
            self.found.error(path, m.NO_FILES_DIR)
            return None
        try:
            return self.files.read(name)
        except LocalFileError as error:
            self.fail(error, path)
            return None

    def fail(self, error: LocalFileError, path: Path) -> None:
        """Note that a local file cannot be used."""
        message = m.LOCAL_FILE.format(problem=error)
        self.found.error(path, message._replace(hint="name a file within it") if isinstance(error, Escape) else message)

    def text(self, content: bytes, path: Path, name: str) -> str:
        """Return a local file's text; butane takes any bytes, and so writes broken configs."""
        text = content.decode("utf-8", "surrogateescape")
        if not self.found.drop_in and _BROKEN.search(text):
            self.found.error(path, m.LOCAL_NOT_UTF8.format(path=name))
        return text


def translate(value: Value, struct: Struct, job: Translation, path: Path = (), to: Path = ()) -> Value:
    """Rename a section's fields as Ignition has them, and embed what it names."""
    result: Value = {}
    for name, inner in value.items():
        if name in SUGAR:
            continue
        field = struct.fields[name]
        camel = field.camel
        if field.struct is not None:
            result[camel] = translate(inner, field.struct, job, (*path, name), (*to, camel))
        elif field.item is not None and field.item.struct is not None:
            below, above, kind = (*path, name), (*to, camel), field.item.struct
            result[camel] = [translate(item, kind, job, (*below, i), (*above, i)) for i, item in enumerate(inner)]
        else:
            result[camel] = inner
    embed = EMBEDS.get(struct.name)
    if embed is not None:
        embed(value, result, job, path, to)
    return result


def _resource(value: Value, result: Value, job: Translation, path: Path, to: Path) -> None:
    for name in ("local", "inline"):
        if name not in value:
            continue
        content = to_bytes(value[name]) if name == "inline" else job.read(value[name], (*path, name))
        if content is not None and path[:2] == ("ignition", "config") and not job.found.drop_in:
            content = child(content, value[name] if name == "local" else "", job, (*path, name))
        if content is None:
            return
        url, compression = job.resource(content, result.get("compression"))
        result["source"] = url
        job.origins.set((*to, "source"), (*path, name))
        if compression is not None:
            result["compression"] = compression
            job.origins.set((*to, "compression"), (*path, name))


_LINES = re.compile("\r?\n")


def _user(value: Value, result: Value, job: Translation, path: Path, to: Path) -> None:
    names = value.get("ssh_authorized_keys_local")
    if not names:
        return
    here, there = (*path, "ssh_authorized_keys_local"), (*to, "sshAuthorizedKeys")
    job.origins.set(there, here)
    if job.files is None:
        job.found.error(here, m.NO_FILES_DIR)
        return
    keys = list(value.get("ssh_authorized_keys", ()))
    for i, name in enumerate(names):
        content = job.read(name, (*here, i))
        for line in _LINES.split(job.text(content, (*here, i), name)) if content is not None else ():
            if line:
                job.origins.set((*there, len(keys)), (*here, i))
                keys.append(line)
    result["sshAuthorizedKeys"] = keys


def _unit(value: Value, result: Value, job: Translation, path: Path, to: Path) -> None:
    name = value.get("contents_local")
    if name:
        here = (*path, "contents_local")
        content = job.read(name, here)
        if content is not None:
            result["contents"] = job.text(content, here, name)
            job.origins.set((*to, "contents"), here)


EMBEDS: dict[str, Callable[[Value, Value, Translation, Path, Path], None]] = {
    "Resource": _resource,
    "FileContents": _resource,
    "PasswdUser": _user,
    "Unit": _unit,
    "Dropin": _unit,
}

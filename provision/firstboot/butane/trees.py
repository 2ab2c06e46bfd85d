"""``storage.trees``: folders of local files that become files and links, and directories where an owner is set."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING, Any

from provision.firstboot.butane import messages as m
from provision.firstboot.butane.nodes import Nodes
from provision.firstboot.files import LocalFileError
from provision.firstboot.ignition.golang import join

if TYPE_CHECKING:
    from provision.firstboot.butane.translate import Translation
    from provision.firstboot.files import Entry, Files
    from provision.firstboot.ignition.validate import Path

Value = dict[str, Any]


def add_trees(value: Value, config: Value, job: Translation) -> None:
    """Embed each tree into the config."""
    trees = value.get("storage", {}).get("trees", ())
    nodes = Nodes(config) if trees else None
    for i, tree in enumerate(trees):
        here: Path = ("storage", "trees", i)
        if job.files is None:
            job.found.error(here, m.NO_FILES_DIR)
            return
        try:
            top, is_folder = job.files.tree(tree["local"])
        except LocalFileError as error:
            job.fail(error, here)
            continue
        if not is_folder:
            job.found.error(here, m.TREE_NOT_DIRECTORY)
        elif nodes is not None:
            _Tree(tree, here, nodes, job, job.files).add(top)


class _Tree:
    def __init__(self, tree: Value, here: Path, nodes: Nodes, job: Translation, files: Files) -> None:
        self._tree = tree
        self._here = here
        self._nodes = nodes
        self._job = job
        self._files = files
        self._owner = {name: tree[name] for name in ("user", "group") if tree.get(name)}

    def add(self, top: str) -> None:
        for entry in self._files.walk(top):
            if isinstance(entry, LocalFileError):
                self._job.fail(entry, self._here)
                continue
            path = join(self._tree.get("path") or "/", entry.relative)
            if stat.S_ISDIR(entry.mode):
                self._directory(path)
            elif stat.S_ISREG(entry.mode):
                self._file(path, entry)
            elif entry.target is not None:
                self._link(path, entry)
            else:
                self._job.found.error(self._here, m.FILE_TYPE)

    def _directory(self, path: str) -> None:
        if "dir_mode" not in self._tree and not self._owner:
            return
        if self._nodes.exists(path):
            self._job.found.error(self._here, m.NODE_EXISTS)
            return
        self._new("directories", {"path": path, **self._owner, "mode": self._tree.get("dir_mode", 0o755)})

    def _file(self, path: str, entry: Entry) -> None:
        known = self._nodes.get("files", path)
        if known is not None and known[1].get("contents", {}).get("source"):
            self._job.found.error(self._here, m.NODE_EXISTS)
            return
        if known is None and self._nodes.exists(path):
            self._job.found.error(self._here, m.NODE_EXISTS)
            return
        i, file = known or self._new("files", {"path": path, **self._owner})
        try:
            content = self._files.read_entry(entry)
        except LocalFileError as error:
            self._job.fail(error, self._here)
            return
        contents = file["contents"] = dict(file.get("contents", {}))
        contents["source"], compression = self._job.resource(content, contents.get("compression"))
        if compression is not None:
            contents["compression"] = compression
        self._job.origins.set_below(("storage", "files", i, "contents"), self._here)
        if "mode" not in file:
            file["mode"] = self._tree.get("file_mode", 0o755 if entry.mode & 0o111 else 0o644)
            self._job.origins.set(("storage", "files", i, "mode"), self._here)

    def _link(self, path: str, entry: Entry) -> None:
        known = self._nodes.get("links", path)
        if (known is not None and known[1].get("target")) or (known is None and self._nodes.exists(path)):
            self._job.found.error(self._here, m.NODE_EXISTS)
            return
        if not self._files.follow and self._files.leaves(entry):
            self._job.found.error(self._here, m.TREE_LINK_LEAVES.format(path=entry.relative))
            return
        i, link = known or self._new("links", {"path": path, **self._owner})
        link["target"] = entry.target
        self._job.origins.set(("storage", "links", i, "target"), self._here)

    def _new(self, kind: str, node: Value) -> tuple[int, Value]:
        i, added = self._nodes.add(kind, node)
        self._job.origins.set_below(("storage", kind, i), self._here)
        if i == 0:
            self._job.origins.set(("storage", kind), self._here)
        return i, added

"""Wrong specs and what is said of them, in `wrong/*.txt`.

A case begins with a line ``### what is wrong``. Its first part is the beginning of a spec; the sections that it does
not have are taken from BASE, but for those that a line ``# without: a b`` names. After a line ``>>>`` stand the
rendered findings. ``UPDATE_GOLDEN=1`` writes what is said now, to be read in the diff.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from provision.spec.files import Disk
from provision.spec.load import Loaded, check_text
from provision.spec.lock import Lock
from tests.unit.spec import plugins

HERE = Path(__file__).parent
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f a@b"
BASE = {
    "version": "version: 1",
    "cluster": "cluster: demo",
    "owner": "owner: you@example.com",
    "ttl": "ttl: 8h",
    "os": "os: flatcar",
    "ssh": f"ssh: {{keys: [{KEY}]}}",
    "providers": "providers: {here: }",
    "pools": "pools: {core: {count: 1}}",
}


@dataclass(frozen=True)
class Case:
    file: Path
    title: str
    spec: str
    said: str

    def text(self) -> str:
        """The whole spec."""
        without = re.findall(r"^# without: (.*)$", self.spec, re.MULTILINE)
        given = {*re.findall(r"^([a-z]+):", self.spec, re.MULTILINE), *(" ".join(without).split())}
        return self.spec + "".join(f"{line}\n" for name, line in BASE.items() if name not in given)


def check(text: str, **more: object) -> Loaded:
    return check_text(text, files=Disk(HERE / "files"), find_plugin=plugins.find, **more)  # type: ignore[arg-type]


def said_of(case: Case) -> str:
    lock = Lock("other", "0" * 8, 1) if "LOCK" in case.spec else None
    return check(case.text(), lock=lock).report.render() + "\n"


def cases(file: Path) -> list[Case]:
    parts = re.split(r"^### (.*)\n", file.read_text("utf-8"), flags=re.MULTILINE)[1:]
    return [_case(file, title, body) for title, body in zip(parts[::2], parts[1::2], strict=True)]


def _case(file: Path, title: str, body: str) -> Case:
    spec, _, said = body.partition(">>>\n")
    return Case(file, title, spec, said.rstrip("\n") + "\n")


def write(file: Path) -> None:
    file.write_text("\n".join(f"### {c.title}\n{c.spec}>>>\n{said_of(c)}" for c in cases(file)), "utf-8")

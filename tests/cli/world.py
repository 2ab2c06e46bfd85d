"""One operator's computer and the fake cloud: a spec in a directory, and the commands run in this process."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from provision import paths
from provision.cli.main import run
from provision.provider import Context
from provision.testing.fakecloud import FakeCloud

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

SPEC = """\
version: 1
cluster: shop
owner: you@example.com
ttl: 8h
os: fcos
ssh: {keys: [ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f a@b]}
providers: {fake: }
pools:
  db: {count: 2, size: small}
  web: {count: 2, size: small, config: web.bu}
"""
NODE = """\
variant: fcos
version: 1.4.0
systemd:
  units:
    - name: web.service
      enabled: true
      contents: |
        [Service]
        ExecStart=/bin/true
        [Install]
        WantedBy=multi-user.target
"""
MACHINES = ["shop-db-1", "shop-db-2", "shop-web-1", "shop-web-2"]
PARTS = ["shop-firewall", "shop-network"]
DIRECTORIES = {"PROVISION_STATE_DIR": "state", "PROVISION_DATA_DIR": "data", "PROVISION_CACHE_DIR": "cache"}
DIRECTORIES |= {"PROVISION_CONFIG_DIR": "config"}


@dataclass(frozen=True)
class Ran:
    """What a command said, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class World:
    """A spec, `cluster.yaml`, in the working directory; state, data and cache beside it."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.root = root
        self.spec = root / "cluster.yaml"
        self._capsys = capsys
        monkeypatch.chdir(root)
        for variable, name in DIRECTORIES.items():
            monkeypatch.setenv(variable, str(root / name))
        self.spec.write_text(SPEC)
        (root / "web.bu").write_text(NODE)

    def run(self, *argv: str) -> Ran:
        self._capsys.readouterr()
        code = run(argv)
        return Ran(code, *self._capsys.readouterr())

    def up(self, *more: str) -> Ran:
        return self.run("up", "--no-wait", *more, "cluster.yaml")

    def change(self, old: str, new: str, file: str = "cluster.yaml") -> None:
        path = self.root / file
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))

    @property
    def cloud(self) -> FakeCloud:
        context = Context(paths.data() / "fake", paths.cache(), lambda: datetime.now(UTC), self.root)
        return FakeCloud({}, context)

    @property
    def names(self) -> list[str]:
        return sorted(o.name for o in self.cloud.census())

    @property
    def calls(self) -> int:
        """How often the cloud was asked anything; 0 when nobody ever opened it."""
        there = (paths.data() / "fake").exists()
        return sum(self.cloud.calls().values()) if there else 0

    def mark_failed(self, name: str) -> None:
        self.cloud.fail(name)

    def vanish(self, name: str) -> None:
        """Delete a machine behind provision's back."""
        list(self.cloud.delete([o for o in self.cloud.census() if o.name == name]))


def steps(table: str) -> dict[str, str]:
    """Return, for each thing of a printed plan, the action and the reasons."""
    pattern = re.compile(r"^[-+±~* ]\s+(\w+)\s+\w+\s+(\S+)\s+fake\s*(?:-?\$\S+/h|unknown)?\s*(.*)$", re.MULTILINE)
    return {name: f"{action}: {why}" for action, name, why in pattern.findall(table)}

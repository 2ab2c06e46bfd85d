"""Clusters on many platforms, from two state directories, one of which is lost: a few, or in the lab forty-two.

`PLATFORMS` lists the emulated ones; whoever adds an emulator adds a line.
"""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from provision.cli.main import run

from .estate import fake, on_ec2, on_gce, on_openstack, on_rackspace, on_vagrant, spec

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from .estate import Platform

PLATFORMS: dict[str, Callable[[Path, pytest.MonkeyPatch], Platform]] = {
    "fake-a": lambda root, _: fake(root, "a"),
    "fake-b": lambda root, _: fake(root, "b"),
    "ec2": lambda _, patch: on_ec2(patch),
    "gce": lambda _, patch: on_gce(patch),
    "openstack": on_openstack,
    "rackspace": lambda _, patch: on_rackspace(patch),
    "vagrant": on_vagrant,
}

HOURLY = {"fake-a": 0.01, "ec2": 0.022 + 0.005, "openstack": None, "vagrant": 0.0}
"""US dollars that a machine costs an hour, its public address included; None where nobody knows."""


class Estate:
    """`each` clusters on each account, half of them from each state directory."""

    def __init__(
        self, root: Path, patch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], names: Sequence[str], each: int
    ) -> None:
        self.root, self.patch, self._capsys, self.each = root, patch, capsys, each
        self.platforms = {name: PLATFORMS[name](root, patch) for name in names}
        for variable in ("DATA", "CACHE", "CONFIG"):
            patch.setenv(f"PROVISION_{variable}_DIR", str(root / variable.lower()))
        self.use("one")
        accounts = {
            name: {"provider": platform.provider, "options": platform.options}
            for name, platform in self.platforms.items()
        }
        (root / "provision.accounts.yaml").write_text(json.dumps({"version": 1, "accounts": accounts}))

    def use(self, state: str) -> None:
        self.patch.setenv("PROVISION_STATE_DIR", str(self.root / state))

    def run(self, *argv: str, at: str = ".", code: int = 0) -> str:
        directory = self.root / at
        directory.mkdir(exist_ok=True)
        self.patch.chdir(directory)
        self._capsys.readouterr()
        ended = run(argv)
        said = self._capsys.readouterr()
        assert ended == code, f"{argv} -> {ended}\n{said.out}{said.err}"
        return said.out

    def json(self, *argv: str, **more: Any) -> Any:
        return json.loads(self.run(*argv, "--json", **more))

    def clusters(self) -> list[str]:
        return [f"{name}-{n}" for name in self.platforms for n in range(self.each)]

    def up(self) -> None:
        for number, cluster in enumerate(self.clusters()):
            self.use("one" if number % 2 == 0 else "two")
            (self.root / cluster).mkdir()
            text = spec(self.platforms[cluster.rpartition("-")[0]], cluster, "ada" if number % 4 < 2 else "bob")
            (self.root / cluster / "cluster.yaml").write_text(text)
            self.run("up", "--no-wait", at=cluster)
        self.use("one")

    def states(self, *argv: str) -> dict[str, list[str]]:
        found = self.json("list", *argv)
        assert found["unreachable"] == []
        assert [row for row in found["clusters"] if row["machines"] != 1] == []
        return {row["cluster"]: row["states"] for row in found["clusters"]}


FEW = pytest.param((("fake-a", "ec2", "vagrant"), 2), id="few")
FORTY = pytest.param((tuple(PLATFORMS), 7), id="forty", marks=[pytest.mark.lab, pytest.mark.long])


@pytest.fixture(params=[FEW, FORTY])
def estate(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    request: pytest.FixtureRequest,
) -> Estate:
    return Estate(tmp_path, monkeypatch, capsys, *request.param)


@pytest.mark.timeout(2400)
def test_nothing_is_forgotten(estate: Estate, monkeypatch: pytest.MonkeyPatch) -> None:
    estate.up()
    names = estate.clusters()
    first, second = names[::2], names[1::2]
    assert estate.states("--state-dir", str(estate.root / "two")) == {name: ["tended"] for name in names}

    # One state directory is lost: all is found still, and what nobody tends is named.
    shutil.rmtree(estate.root / "two")
    expected = {**{n: ["tended"] for n in first}, **{n: ["orphaned"] for n in second}}
    assert estate.states() == expected
    assert set(estate.states("--filter", "owner=bob", "--filter", "state=orphaned")) == set(names[3::4])
    accounts = {row["account"] for row in estate.json("list")["clusters"]}
    assert accounts == set(estate.platforms)
    assert estate.run("list", "--check", code=10)

    # What costs what is known, or said to be unknown; never zero.
    cost = {row["name"]: row for row in estate.json("cost", "--by", "account")["rows"]}
    for name, each in HOURLY.items():
        if name in cost:
            wanted = (0, estate.each) if each is None else (pytest.approx(estate.each * each), 0)
            assert (cost[name]["per_hour"], cost[name]["unknown"]) == wanted

    # A cluster of each platform is adopted from its labels, and is tended again.
    adopted = [next(n for n in second if n.startswith(platform)) for platform in estate.platforms]
    for cluster in adopted:
        estate.run("adopt", at=cluster)
    assert estate.states() == {**expected, **{n: ["tended"] for n in adopted}}

    # Ten hours later all have expired; what is excluded is spared, all else goes, whoever made it.
    later = timedelta(hours=10)
    for module in ("looking", "reap"):
        monkeypatch.setattr(f"provision.sprawl.{module}.now", lambda: datetime.now(UTC) + later)
    spared = {names[0], names[1]}
    fates = estate.json("reap", *(f"--exclude=cluster={name}" for name in sorted(spared)))["clusters"]
    assert {row["cluster"]: row["fate"] for row in fates} == {n: "spared" if n in spared else "reaped" for n in names}
    assert set(estate.states()) == spared
    assert {row["fate"] for row in estate.json("reap")["clusters"]} == {"reaped"}
    assert estate.states() == {}

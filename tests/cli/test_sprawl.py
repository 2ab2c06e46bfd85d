"""The inventory, deadlines, the reaper and the audit log, as an operator uses them on the fake cloud."""

from __future__ import annotations

import csv
import io
import json
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from typing import TYPE_CHECKING

import jsonschema
import pytest

from provision import paths
from provision.model import Change, Owner, utc_text
from provision.provider import Context
from provision.state import home
from provision.state.lock import Holder
from provision.testing.fakecloud import FakeCloud

from .world import MACHINES, World

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

SSH = """\
#!/bin/sh
# Stands for a machine: what a command on it is given is kept under the name that its host key is pinned by.
for word in "$@"; do case $word in HostKeyAlias=*) name=${word#HostKeyAlias=} ;; esac; done
[ ! -e "$HOME/deaf-$name" ] || { echo "ssh: no route to $name" >&2; exit 255; }
echo "$*" >>"$HOME/asked"
cat >"$HOME/deadline-$name"
"""


@pytest.fixture
def machines(world: World, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let ssh reach the fake cloud's machines; what they are told lies in the directory returned."""
    place = world.root / "machines"
    place.mkdir()
    program = world.root / "bin" / "ssh"
    program.parent.mkdir()
    program.write_text(SSH)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=":")
    monkeypatch.setenv("HOME", str(place))
    return place


def deadlines(cloud: FakeCloud) -> set[str]:
    return {o.labels.expires for o in cloud.census() if o.labels}


def expire(world: World, ago: timedelta = timedelta(hours=1)) -> str:
    """Let the deadline on all labels have passed."""
    past = utc_text(datetime.now(UTC) - ago)
    changes = [Change(o, labels=o.labels.expiring(past)) for o in world.cloud.census() if o.labels]
    assert all(outcome.error is None for outcome in world.cloud.change(changes))
    return past


def audit(world: World) -> Sequence[dict[str, str]]:
    return [json.loads(line) for line in world.run("audit", "--json").out.splitlines()]


# ---- list


def test_filters_orders_and_forms(world: World) -> None:
    world.up()
    (row,) = world.run("list", "--json", "--filter", "owner=you@*", "--filter", "state!=expired").json["clusters"]
    assert row["cost"] == {"per_hour": 0.04, "so_far": pytest.approx(0, abs=0.01), "unknown": 0}
    assert (row["ended_by"], row["running"], row["states"]) == ("reap", 4, ["tended"])
    schema = json.loads(files("provision_schemas").joinpath("inventory.v1.schema.json").read_text())
    jsonschema.Draft202012Validator(schema).validate(world.run("list", "--json").json)
    assert world.run("list", "--filter", "owner=nobody").err == "nothing passes the filters\n"
    (line,) = csv.DictReader(io.StringIO(world.run("list", "--csv", "--sort", "cost").out))
    assert (line["cluster"], line["machines"], line["per_hour"]) == ("shop", "4", "0.04")
    for wrong in (["--filter", "colour=red"], ["--sort", "colour"], ["--json", "--csv"]):
        assert world.run("list", *wrong).code == 2


def test_check_is_for_cron(world: World) -> None:
    world.up()
    assert world.run("list", "--check").code == 0
    expire(world)
    found = world.run("list", "--check")
    assert found.code == 10
    assert "shop has expired; `provision reap` deletes it" in found.err
    assert "expired, tended" in found.out


def test_what_ends_soon_is_told(world: World) -> None:
    world.change("ttl: 8h", "ttl: 30m")
    world.up()
    assert "shop ends in 29m; `provision extend shop 4h` moves that" in world.run("list").err
    assert "`provision extend shop 4h` moves that" in world.run("status").err


def test_every_account_is_asked_once_under_the_users_name(world: World) -> None:
    world.up()
    other = world.root / "other.sqlite"
    accounts = {
        "work": {"provider": "fake"},
        "play": {"provider": "fake", "options": {"path": str(other)}},
        "lost": {"provider": "nosuch"},
    }
    (world.root / "provision.accounts.yaml").write_text(json.dumps({"version": 1, "accounts": accounts}))
    before = world.cloud.calls()["list"]
    found = world.run("list", "--json")
    assert found.code == 6, "an account could not be asked"
    assert [(c["account"], c["cluster"]) for c in found.json["clusters"]] == [("work", "shop")]
    assert [u["account"] for u in found.json["unreachable"]] == ["lost"]
    assert world.cloud.calls()["list"] == before + 1
    (world.root / "provision.accounts.yaml").write_text("version: 1\naccounts: {a: {plugin: fake}}\n")
    assert world.run("list").code == 3


def test_the_specs_revision_is_on_the_labels(world: World) -> None:
    def git(*words: str) -> str:
        order = ["git", "-c", "user.name=a", "-c", "user.email=a@b", *words]
        return subprocess.run(order, cwd=world.root, check=True, capture_output=True, text=True).stdout.strip()

    git("init", "-q")
    git("add", "cluster.yaml", "web.bu")
    git("commit", "-qm", "first")
    world.up()
    first = git("rev-parse", "HEAD")[:12]
    assert world.run("list", "--json").json["clusters"][0]["revision"] == first
    git("commit", "-qm", "nothing", "--allow-empty")
    assert "Nothing to do" in world.run("plan").out, "a commit that changes nothing relabels nothing"
    world.change("count: 2, size: small}\n  web", "count: 3, size: small}\n  web")
    world.up("--yes")
    assert world.run("list", "--json").json["clusters"][0]["revision"] == "", "it is not committed"


def test_what_is_not_ours_is_another_list(world: World) -> None:
    world.up()
    world.cloud.plant("by-hand-1", "by-hand-2")
    assert [c["machines"] for c in world.run("list", "--json").json["clusters"]] == [4]
    shown = world.run("list", "--unlabelled", "--json").json
    assert {(o["account"], o["name"]) for o in shown["unlabelled"] if o["provider"] == "fake"} == {
        ("fake", "by-hand-1"),
        ("fake", "by-hand-2"),
    }
    assert world.run("down", "--yes").code == 0
    assert world.names == ["by-hand-1", "by-hand-2"]


# ---- extend


def test_a_deadline_is_moved_everywhere(world: World, machines: Path) -> None:
    world.up()
    (before,) = deadlines(world.cloud)
    done = world.run("extend", "shop", "4h")
    assert done.code == 0, done.err
    wanted = utc_text(datetime.fromisoformat(before) + timedelta(hours=4))
    assert deadlines(world.cloud) == {wanted}
    told = {file.name: file.read_text() for file in machines.glob("deadline-*")}
    assert told == {f"deadline-{name}.1": f"{wanted}\n" for name in MACHINES}
    assert "sudo sh -c 'cat >/etc/provision/deadline.new" in (machines / "asked").read_text()
    assert "Nothing to do" in world.run("plan").out, "`up` must not move it back"
    assert world.run("extend", "shop", "never").code == 0
    assert deadlines(world.cloud) == {"never"}
    assert "Nothing to do" in world.run("plan").out
    assert [e["action"] for e in audit(world) if e["result"] == "done"] == ["up", "extend", "extend"]
    world.change("ttl: 8h", "ttl: 9h")
    assert "label expires never" in world.run("plan").out, "a ttl that is changed in the spec counts again"


def test_machines_that_were_not_reached_are_named(world: World, machines: Path) -> None:
    world.up()
    (machines / "deaf-shop-db-2.1").touch()
    partly = world.run("extend", "shop", "--until", "2040-01-01T00:00:00Z", "--json")
    assert partly.code == 8
    assert list(partly.json["failed"]) == ["shop-db-2"]
    assert len(partly.json["reached"]) == 3
    assert "no route to shop-db-2" in partly.err
    assert deadlines(world.cloud) == {"2040-01-01T00:00:00Z"}, "the reaper must not take what lives longer"
    (machines / "deaf-shop-db-2.1").unlink()
    assert world.run("extend", "shop", "--until", "2040-01-01T00:00:00Z").code == 0


@pytest.mark.parametrize("argv", [["4 hours"], [], ["4h", "--until", "2040-01-01T00:00:00Z"], ["--until", "tomorrow"]])
def test_deadlines_that_are_none(world: World, argv: list[str]) -> None:
    world.up()
    assert world.run("extend", "shop", *argv).code == 2


def test_a_policy_limits_the_whole_life(world: World, machines: Path) -> None:
    world.up()
    (world.root / "provision.policy.yaml").write_text("version: 1\nmax_ttl: 12h\n")
    refused = world.run("extend", "shop", "5h")
    assert refused.code == 7
    assert "provision.policy.yaml:2:1 [PV712]" in refused.err
    assert world.run("extend", "shop", "3h").code == 0


def test_a_longer_life_may_exceed_the_budget(world: World, machines: Path) -> None:
    world.spec.write_text(world.spec.read_text() + "budget: {per_month: 0.5}\n")
    world.up()
    assert world.run("extend", "shop", "2d").code == 7
    assert world.run("extend", "shop", "2d", "--over-budget", "the launch").code == 0
    assert [e.get("reason") for e in audit(world)][-1] == "the launch"


# ---- reap


def test_only_what_has_expired_is_reaped(world: World) -> None:
    world.up()
    assert world.run("reap").err == "nothing has expired\n"
    expire(world, timedelta(minutes=5))
    spared = world.run("reap")
    assert "in its grace until" in spared.out
    assert len(world.names) == 6
    assert "reaped" in world.run("reap", "--grace", "1m").out
    assert world.names == []
    assert [(e["action"], e["result"]) for e in audit(world)][-2:] == [("reap", "begun"), ("reap", "done")]
    assert stat_mode(paths.state() / "audit.jsonl") == 0o600


def stat_mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_a_dry_run_deletes_nothing(world: World) -> None:
    world.up()
    expire(world)
    shown = world.run("reap", "--dry-run", "--json")
    assert [(c["cluster"], c["fate"], c["machines"]) for c in shown.json["clusters"]] == [("shop", "due", 4)]
    assert "nothing was deleted" in shown.err
    assert len(world.names) == 6


@pytest.mark.parametrize(("how", "why"), [("excluded", "excluded by owner=you"), ("protected", "protected: shop-")])
def test_what_is_spared(world: World, how: str, why: str) -> None:
    world.up()
    expire(world)
    if how == "protected":
        list(world.cloud.change([Change(o, protected=True) for o in world.cloud.census()[:1]]))
    else:
        (world.root / "provision.policy.yaml").write_text("version: 1\nreap: {exclude: ['owner=you@*']}\n")
    assert why in world.run("reap").out
    assert len(world.names) == 6


def test_the_reaper_yields_to_whoever_holds_the_lock(world: World) -> None:
    world.up()
    expire(world)
    (known,) = home.known(paths.state())
    with home.store(paths.state(), known.owner).lock(Holder.current("provision up")):
        report = world.run("reap")
    assert "spared" in report.out
    assert "locked by 'provision up'" in report.out
    assert len(world.names) == 6


def test_what_was_extended_a_moment_ago_is_spared(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The inventory is old by the time the lock is held: labels are read again under it."""
    world.up()
    expire(world)
    from provision.sprawl import reap

    judged = reap.judge

    def slowly(*asked: object) -> list[reap.Verdict]:
        verdicts = judged(*asked)  # type: ignore[arg-type]
        expire(world, timedelta(hours=-4))
        return verdicts

    monkeypatch.setattr("provision.cli.reap.judge", slowly)
    assert "extended meanwhile" in world.run("reap").out
    assert len(world.names) == 6


@pytest.mark.timeout(300)
def test_a_reaper_as_a_service_outlives_accounts_that_fail(world: World) -> None:
    world.up()
    lost = {"version": 1, "accounts": {"lost": {"provider": "nosuch"}}}
    (world.root / "provision.accounts.yaml").write_text(json.dumps(lost))
    expire(world)
    order = [sys.executable, "-m", "provision", "reap", "--every", "1h"]
    with subprocess.Popen(order, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as service:
        deadline = time.monotonic() + 90
        while world.names:
            assert time.monotonic() < deadline
            assert service.poll() is None
            time.sleep(0.1)
        assert service.stderr is not None
        assert any(b"there is no provider 'nosuch'" in line for line in iter(service.stderr.readline, b""))
        service.terminate()
        assert service.wait(timeout=60) == 130


def test_orphans_are_reaped_when_asked_for(world: World) -> None:
    world.up()
    shutil.rmtree(world.root / "state")
    assert world.run("reap").err == "nothing has expired\n"
    assert "orphaned" in world.run("reap", "--orphans").out
    assert world.names == []


def test_one_thing_that_lives_longer_spares_all(world: World) -> None:
    world.up()
    expire(world)
    one = next(o for o in world.cloud.census() if o.name == "shop-db-1")
    assert one.labels
    list(world.cloud.change([Change(one, labels=replace(one.labels, expires="2099-01-01T00:00:00Z"))]))
    assert world.run("reap").err == "nothing has expired\n"


def test_a_cluster_on_two_accounts_goes_from_both(world: World) -> None:
    """Its spec named another account once; what was left there has its labels still."""
    other = world.root / "other.sqlite"
    world.change("{fake: }", f"{{fake: {{path: {other}}}}}")
    world.up()
    world.change(f"{{fake: {{path: {other}}}}}", "{fake: }")
    world.up()
    accounts = {"other": {"provider": "fake", "options": {"path": str(other)}}}
    (world.root / "provision.accounts.yaml").write_text(json.dumps({"version": 1, "accounts": accounts}))
    left = FakeCloud({"path": str(other)}, Context(world.root, world.root, lambda: datetime.now(UTC), world.root))
    assert len(left.census()) == len(world.names) == 6
    expire(world)
    list(left.change([Change(o, labels=o.labels.expiring("2020-01-01T00:00:00Z")) for o in left.census() if o.labels]))
    assert sorted(world.run("reap", "--json").json["clusters"][0]["accounts"]) == ["fake", "other"]
    assert (world.names, list(left.census())) == ([], [])


# ---- what is deleted at once


def test_more_than_half_needs_a_number(world: World) -> None:
    world.change("db: {count: 2", "db: {count: 8")
    world.up()
    world.change("db: {count: 8", "db: {count: 1")
    assert "--allow-destroy 7" in world.run("plan").err
    refused = world.up("--yes")
    assert refused.code == 4
    assert "7 of 10 machines would be deleted" in refused.err
    assert world.up("--yes", "--allow-destroy", "6").code == 4
    assert world.up("--yes", "--allow-destroy", "7").code == 0


def test_down_says_what_it_saves_and_needs_a_number_for_many(world: World) -> None:
    world.up()
    (world.root / "provision.policy.yaml").write_text("version: 1\ndestroy: {machines: 3}\n")
    refused = world.run("down", "--yes")
    assert refused.code == 4
    assert "this saves $0.04 an hour" in refused.err
    assert world.run("down", "--yes", "--allow-destroy", "4").code == 0
    (world.root / "provision.policy.yaml").write_text("version: 1\nnonsense: true\n")
    world.up()
    assert world.run("down", "--yes").code == 0, "a policy that is wrong keeps nothing alive"


def test_the_owner_is_whose_labels_say(world: World) -> None:
    world.up()
    (known,) = home.known(paths.state())
    assert isinstance(known.owner, Owner)
    sums = world.run("cost", "--by", "owner", "--json").json
    assert [(r["name"], r["per_hour"], r["per_month"]) for r in sums["rows"]] == [("you@example.com", 0.04, 29.2)]
    assert world.run("cost", "--by", "colour").code == 2
    assert world.run("cost", "--csv").out.splitlines()[0].startswith("cluster,machines,per_hour")

"""What a command must not do: reach a platform with a wrong spec, read a secret early, print one, keep one."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

import pytest

from .world import SPEC, World

if TYPE_CHECKING:
    from pathlib import Path

SECRET = "correct-horse-battery"
KEEPING = """\
variant: fcos
version: 1.4.0
storage:
  files:
    - path: /etc/token
      mode: 0600
      contents: {inline: "{{ secret('token') }}"}
"""

TEMPLATED = SPEC.replace("config: web.bu", "config: web.bu, template: true")


@pytest.mark.parametrize("command", [["validate", "cluster.yaml"], ["compile"], ["plan"], ["up"]])
@pytest.mark.parametrize(
    ("old", "new", "file"),
    [
        ("ttl: 8h", "ttl: soon", "cluster.yaml"),
        ("size: small, config", "sise: small, config", "cluster.yaml"),
        ("config: web.bu", "config: missing.bu", "cluster.yaml"),
        ("variant: fcos", "variant: fcso", "web.bu"),
    ],
)
def test_a_wrong_spec_never_reaches_a_provider(world: World, command: list[str], old: str, new: str, file: str) -> None:
    world.change(old, new, file)
    assert world.run(*command).code == 3
    assert world.calls == 0
    assert not (world.root / "cluster.lock").exists()
    assert not (world.root / "state").exists()


def test_what_a_provider_finds_stops_up_before_anything_is_made(world: World) -> None:
    world.change("web: {count: 2, size: small", "web: {count: 2, size: gigantic")
    for command in (["plan"], ["up"]):
        refused = world.run(*command)
        assert refused.code == 6
        assert "PV590" in refused.err
        assert "nothing was made" in refused.err
    assert world.calls == 0


@pytest.fixture
def keeper(world: World) -> World:
    """A cluster whose machines get a secret; the command that gives it leaves a trace."""
    world.spec.write_text(TEMPLATED + f"secrets:\n  token: {{command: [sh, -c, 'echo {SECRET}; echo . >>asked']}}\n")
    (world.root / "web.bu").write_text(KEEPING)
    return world


def test_only_up_reads_secrets_and_nothing_prints_or_keeps_them(keeper: World) -> None:
    said = ""
    for command in (["validate", "cluster.yaml"], ["compile"], ["compile", "-o", "out"], ["plan"], ["plan", "-o", "p"]):
        ran = keeper.run(*command)
        assert ran.code == 0, ran.err
        said += ran.out + ran.err
    assert not (keeper.root / "asked").exists()

    for ran in (keeper.up("--json"), keeper.run("status", "--json"), keeper.run("plan", "--json", "--all")):
        assert ran.code == 0, ran.err
        said += ran.out + ran.err
    assert (keeper.root / "asked").read_text() == ".\n"
    assert SECRET not in said
    assert SECRET in keeper.cloud.payload("shop-web-1")
    assert SECRET not in keeper.cloud.payload("shop-db-1")
    assert [f for f in _files(keeper.root) if SECRET in f.read_text(errors="replace")] == [keeper.spec]


def test_a_changed_secret_replaces_nothing(keeper: World) -> None:
    keeper.up()
    keeper.change(SECRET, "another")
    assert keeper.up().code == 0
    assert set(keeper.cloud.ever_made().values()) == {1}


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("env: PROVISION_TEST_UNSET", "the environment has no PROVISION_TEST_UNSET"),
        ("file: nowhere", "nowhere: No such file or directory"),
        ("command: ['false']", "false ended with 1"),
        ("command: [no-such-program]", "no-such-program: No such file or directory"),
        ("command: [sh, -c, 'yes | head -c 5000']", "larger than 4096 bytes"),
    ],
)
def test_a_secret_that_cannot_be_had_stops_up_before_anything_is_made(world: World, source: str, why: str) -> None:
    world.spec.write_text(TEMPLATED + f"secrets:\n  token: {{{source}}}\n")
    (world.root / "web.bu").write_text(KEEPING)
    assert world.run("plan").code == 0
    refused = world.up()
    assert refused.code == 1
    assert "secret 'token'" in refused.err
    assert why in refused.err
    assert world.names == []


def test_a_secret_of_a_failed_creation_is_readable_by_its_user_alone(keeper: World) -> None:
    keeper.change("{fake: }", "{fake: {faults: [{op: create, kind: quota, name: shop-web-1, times: 1}]}}")
    failed = keeper.up()
    assert failed.code == 8
    assert SECRET not in failed.out + failed.err
    for file in _files(keeper.root / "state"):
        assert file.stat().st_mode & 0o077 == 0, file
    assert keeper.up().code == 0
    assert [f for f in _files(keeper.root / "state") if SECRET in f.read_text(errors="replace")] == []


def test_validate_and_compile_use_no_network(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even for an image's alias, which `plan` and `up` resolve: what the lock has not pinned stays a name."""
    ec2 = SPEC.replace("{fake: }", "{ec2: {region: eu-west-1, image: 'fcos-stable'}}").replace(
        "size: small", "size: t3.small"
    )
    world.spec.write_text(ec2.replace("ssh: {", "ssh: {from: [203.0.113.0/24], "))

    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("the network was touched")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    assert world.run("validate", "cluster.yaml").code == 0
    compiled = world.run("compile", "--machine", "shop-db-1")
    assert compiled.code == 0, compiled.err


def test_compile_gives_the_same_bytes(world: World) -> None:
    first = world.run("compile").out
    world.up()
    assert world.run("compile").out == first
    assert world.run("compile", "-o", "out").code == 0
    assert sorted(p.name for p in (world.root / "out").iterdir()) == [
        "shop-db-1.ign",
        "shop-db-2.ign",
        "shop-web-1.ign",
        "shop-web-2.ign",
    ]
    assert first == "".join(p.read_text() + "\n" for p in sorted((world.root / "out").iterdir()))
    unknown = world.run("compile", "--machine", "shop-db-7")
    assert (unknown.code, "shop has no machine 'shop-db-7'" in unknown.err) == (2, True)


def _files(root: Path) -> list[Path]:
    return sorted(p for p in root.rglob("*") if p.is_file() and not p.name.startswith("fakecloud.sqlite"))

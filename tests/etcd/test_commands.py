"""`provision discovery`, `provision etcd` and `provision ca`, as a person runs them, against the real things."""

from __future__ import annotations

import json
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from provision.cli.main import run
from provision.model import Owner
from provision.pki import authority, rotation
from provision.state import home
from tests.etcd.lab import program
from tests.etcd.test_membership import formed
from tests.etcd.test_misuse import registered

UID = "3f0c8a52-0000-4000-8000-000000000001"


@pytest.fixture
def provision(capsys):
    """Run one command line; return its exit code, stdout and stderr."""

    def command(*argv):
        code = run([str(word) for word in argv])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return command


def test_tokens_are_made_shown_and_repaired(lab, ours, provision):
    code, out, err = provision("discovery", "new", "--size", "2", "--url", ours.url)
    assert (code, ours.show(out.strip()).size) == (0, 2)
    assert "warning: 2 voters" in err
    code, out, _ = provision("discovery", "new", "--url", ours.url, "--json")
    token = json.loads(out)["url"]
    (member,) = lab.discovered(token, lab.nodes(1).values())
    member.start()
    registered(ours, token, 1)
    member.kill()
    code, out, err = provision("discovery", "show", token)
    assert code == 0
    assert member.name in out
    assert "1 of 3 voters are here, 2 missing" in err
    code, out, _ = provision("discovery", "repair", token, member.name, "--json")
    assert code == 0
    assert json.loads(out)["members"] == []
    assert provision("discovery", "repair", token, member.name)[0] == 2

    code, out, _ = provision("discovery", "rotate", token, "--json")
    assert (code, json.loads(out)["retired"]) == (0, token)
    assert provision("discovery", "show", json.loads(out)["url"])[0] == 0
    code, _, err = provision("discovery", "show", token)
    assert code != 0
    assert "Key not found" in err


def test_what_is_wrong_with_discovery_is_said_in_one_line(provision, tmp_path):
    code, out, err = provision("discovery", "new", "--url", "http://127.0.0.1:1")
    assert (code, out) == (1, "")
    assert err.startswith("error: discovery service http://127.0.0.1:1")
    assert provision("discovery", "new", "--size", "0")[0] == 2
    assert provision("discovery", "serve", "--directory", tmp_path, "--cert", "only.pem")[0] == 2


def test_status_and_snapshot_of_members(lab, provision):
    members = formed(lab, 3)
    words = [f"{m.name}={m.url}" for m in members]
    code, out, _ = provision("etcd", "status", *words)
    assert code == 0
    assert out.count("follower") == 2
    assert out.count("leader") == 1
    code, out, err = provision("etcd", "status", *words, "--json")
    assert json.loads(out)["healthy"]
    file = lab.directory / "copy.db"
    code, out, _ = provision("etcd", "snapshot", *words, "-o", file)
    assert (code, out.strip()) == (0, str(file))
    told = subprocess.run(
        [program("etcdctl"), "snapshot", "status", str(file), "-w", "json"],
        check=True, capture_output=True, env={"ETCDCTL_API": "3"},
    )  # fmt: skip
    assert json.loads(told.stdout)["totalSize"] > 0
    members[0].kill()
    code, out, err = provision("etcd", "status", *words)
    assert code == 9
    assert f"error: {members[0].name} does not answer" in err
    assert provision("etcd", "status", *words[1:])[0] == 9  # one member is not expected
    assert provision("etcd", "snapshot", *words)[0] == 2  # to where?
    assert provision("etcd", "status", "a=b", "c=http://x")[0] == 2


@pytest.fixture
def known(tmp_path, monkeypatch):
    """The state of a cluster that this computer knows, without machines."""
    monkeypatch.setenv("PROVISION_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("PROVISION_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    cluster = home.Known("demo", UID, "", {"fake": {}})
    home.remember(tmp_path / "state", cluster)
    return home.store(tmp_path / "state", Owner("demo", UID))


def test_a_person_gets_a_certificate(known, provision, tmp_path):
    assert provision("ca", "show", "demo")[0] == 2  # there is no CA yet
    ca = authority.create("demo", UID, now=datetime.now(UTC))
    known.put(rotation.KEY, rotation.dump(rotation.Authorities(ca)))
    code, out, _ = provision("ca", "show", "demo")
    assert code == 0
    assert "demo CA" in out
    code, out, _ = provision("ca", "show", "demo", "--json")
    assert json.loads(out)["phase"] == "steady"
    code, out, _ = provision("ca", "issue", "demo", "--client", "alice", "-o", tmp_path / "new", "--json")
    assert code == 0
    files = [Path(file) for file in json.loads(out)["files"]]
    assert [f.name for f in files] == ["ca.pem", "alice.pem", "alice.key"]
    assert all(f.stat().st_mode & 0o777 == 0o600 for f in files)
    subprocess.run(
        ["openssl", "verify", "-CAfile", files[0], "-purpose", "sslclient", files[1]], check=True, capture_output=True
    )
    for name in ("", "../evil", ".hidden"):
        assert provision("ca", "issue", "demo", "--client", name)[0] == 2


def test_a_cluster_without_etcd_says_so(known, provision):
    code, _, err = provision("etcd", "status", "demo")
    assert code == 2
    assert "demo has no etcd" in err


@pytest.mark.parametrize("group", ["discovery", "etcd", "ca"])
def test_every_command_has_an_example(provision, group):
    _, out, _ = provision(group, "--help")
    names = [line.split()[0] for line in out.split("Commands:")[1].splitlines() if line.strip()]
    for name in names:
        code, out, _ = provision(group, name, "--help")
        assert code == 0
        assert f"provision {group} {name}" in out.split("Example:")[1]
        assert "--json" in out

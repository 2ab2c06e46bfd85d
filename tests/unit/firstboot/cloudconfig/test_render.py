"""Additions in the formats of the past and of cloud-init, read by the tools that will read them."""

from __future__ import annotations

import json
import subprocess
from email import message_from_string
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from provision.firstboot.additions import render_cloudconfig, render_cloudinit, render_ignition2
from provision.firstboot.additions.assemble import additions
from provision.firstboot.additions.model import Additions, DropIn, File, Unit, User
from provision.firstboot.cloudconfig import compile_cloud_config
from provision.firstboot.cloudconfig.emit import emit
from provision.firstboot.cloudconfig.validator import validate
from provision.firstboot.ignition import dataurl
from provision.firstboot.ignition2 import append, load, serialise
from provision.firstboot.markers import SLOTS
from provision.spec.model import Update
from tests.unit.firstboot.clusters import PLANNED, cluster, pool

if TYPE_CHECKING:
    from collections.abc import Mapping

CLOUD_INIT = Path("/usr/bin/cloud-init")
SYSTEM_PYTHON = Path("/usr/bin/python3")
ADDED = Additions(
    files=(
        File("/etc/hostname", "core-1\n"),
        File("/etc/provision/a", "one\ntwo\n", 0o755),
        File("/etc/provision/key", "secret", 0o600, "etcd"),
        File("/etc/provision/b", "(~provision.slot.nonce~)", 0o600, 232),
    ),
    units=(
        Unit("provision-a.service", "[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n", True),
        Unit("provision-b.service", "[Service]\nExecStart=/bin/true\n"),
        Unit("etcd.service", enabled=True, drop_ins=(DropIn("20-provision.conf", "[Service]\nRestart=always\n"),)),
        Unit("locksmithd.service", enabled=False),
    ),
    users=(User("core", ("ssh-ed25519 AAAA a",)), User("debian", ("ssh-ed25519 BBBB b",))),
)


def real(os: str) -> Additions:
    machines = pool(3, os=os, etcd=True)
    return additions(machines[0], cluster(*machines, update=Update("reboot")), PLANNED, 1)


@pytest.mark.parametrize("of", [ADDED, real("container-linux"), Additions()], ids=["made up", "real", "nothing"])
def test_ignition_2_takes_them(of: Additions) -> None:
    config = render_ignition2.render(of)
    text = serialise(config)
    found, report = load(text, "a.ign")
    assert [f.message for f in report.errors] == []
    assert found is not None
    files = {file["path"]: file for file in config["storage"]["files"]}
    for file in of.files:
        held = SLOTS.search(file.text)
        assert held is None or held[0] in files[file.path]["contents"]["source"]
        assert files[file.path]["mode"] == file.mode
    assert len(found.get("systemd", {}).get("units", ())) == len(of.units)


def test_ignition_2_details() -> None:
    config = render_ignition2.render(ADDED)
    hostname, _, key, slot = config["storage"]["files"]
    assert dataurl.decode(hostname["contents"]["source"]) == b"core-1\n"
    assert (key["user"], slot["user"]) == ({"name": "etcd"}, {"id": 232})
    user = {"ignition": {"version": "2.0.0"}, "systemd": {"units": [{"name": "etcd.service", "mask": True}]}}
    units = append(config, user)["systemd"]["units"]
    assert [unit.get("mask") for unit in units if unit["name"] == "etcd.service"] == [None, True]


@pytest.mark.parametrize("of", [ADDED, real("container-linux"), Additions()], ids=["made up", "real", "nothing"])
def test_coreos_cloudinit_has_nothing_to_say(of: Additions) -> None:
    config = render_cloudconfig.render(of)
    text = emit(config)
    assert validate(text) == []
    compiled = compile_cloud_config(text, "a.yaml")
    assert list(compiled.report) == []
    assert compiled.config == config


def test_coreos_cloudinit_details() -> None:
    user = {"hostname": "mine", "write_files": [{"path": "/a"}], "coreos": {"update": {"group": "beta"}, "units": []}}
    joined = render_cloudconfig.joined(render_cloudconfig.render(ADDED), user)
    assert joined["hostname"] == "mine"
    assert [file["path"] for file in joined["write_files"]][-1] == "/a"
    assert joined["coreos"]["update"] == {"group": "beta"}
    units = {unit["name"]: unit for unit in joined["coreos"]["units"]}
    assert units["provision-a.service"]["command"] == "start"
    assert "command" not in units["provision-b.service"]
    assert units["etcd.service"]["drop_ins"][0]["name"] == "20-provision.conf"
    assert joined["ssh_authorized_keys"] == ["ssh-ed25519 AAAA a"]
    assert joined["users"] == [{"name": "debian", "ssh_authorized_keys": ["ssh-ed25519 BBBB b"]}]


def schema(text: str, folder: Path) -> tuple[int, str]:
    assert CLOUD_INIT.exists(), f"{CLOUD_INIT} is missing: install Debian's package `cloud-init`"
    path = folder / "user-data"
    path.write_text(text)
    done = subprocess.run(
        [CLOUD_INIT, "schema", "--config-file", path], capture_output=True, text=True, check=False, timeout=60
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("of", [ADDED, real("debian")], ids=["made up", "real"])
def test_cloud_init_takes_them(of: Additions, tmp_path: Path) -> None:
    config = render_cloudinit.render(of, "debian")
    code, told = schema(emit(config), tmp_path)
    assert code == 0, told
    assert "Valid" in told
    assert yaml.safe_load(emit({})) == {}
    paths = [file["path"] for file in config.get("write_files", ())]
    for unit in of.units:
        assert unit.text is None or f"/etc/systemd/system/{unit.name}" in paths


def test_the_schema_refuses_what_is_wrong(tmp_path: Path) -> None:
    assert schema("#cloud-config\nruncmd: 3\n", tmp_path)[0] != 0


def test_cloud_init_details() -> None:
    config = render_cloudinit.render(ADDED, "debian")
    assert config["hostname"] == "core-1"
    assert config["ssh_authorized_keys"] == ["ssh-ed25519 BBBB b"]
    assert config["users"] == ["default", {"name": "core", "ssh_authorized_keys": ["ssh-ed25519 AAAA a"]}]
    key = next(file for file in config["write_files"] if file["path"] == "/etc/provision/key")
    assert (key["owner"], key["defer"], key["permissions"]) == ("etcd:etcd", True, "0600")
    assert ["systemctl", "enable", "provision-a.service", "etcd.service"] in config["runcmd"]
    assert ["systemctl", "disable", "--now", "--no-block", "locksmithd.service"] in config["runcmd"]


JOIN = """
import json, sys
from unittest import mock
from cloudinit import util, user_data, helpers
from cloudinit.handlers import cloud_config, walker_callback, walk, CONTENT_START, CONTENT_END
text = sys.stdin.read()
paths = mock.Mock(); paths.get_ipath.return_value = None
handler = cloud_config.CloudConfigPartHandler(paths)
proc = user_data.UserDataProcessor(helpers.Paths({"cloud_dir": "/nonexistent", "run_dir": "/nonexistent"}))
written = {}
with mock.patch.object(util, "write_file", lambda name, content, *a, **k: written.update({name: content})):
    handler.cloud_fn = "joined"
    handler.handle_part(None, CONTENT_START, None, None, None, None)
    for part in proc.process(text).walk():
        if part.get_content_maintype() == "multipart":
            continue
        payload = util.fully_decoded_payload(part)
        handler.handle_part(None, part.get_content_type(), part.get_filename(), payload, None, dict(part))
    handler.handle_part(None, CONTENT_END, None, None, None, None)
print(json.dumps(util.load_yaml(written["joined"])))
"""


def joined_by_cloud_init(text: str) -> Mapping[str, Any]:
    assert CLOUD_INIT.exists(), f"{CLOUD_INIT} is missing: install Debian's package `cloud-init`"
    done = subprocess.run(
        [SYSTEM_PYTHON, "-c", JOIN], input=text, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_cloud_init_joins_the_users_part_with_ours() -> None:
    user = (
        "#cloud-config\nhostname: mine\ntimezone: UTC\nruncmd: [[echo, done]]\nwrite_files: [{path: /a, content: b}]\n"
    )
    ours = render_cloudinit.render(ADDED, "debian")
    found = joined_by_cloud_init(render_cloudinit.message(ours, user))
    assert found["hostname"] == "mine"
    assert found["timezone"] == "UTC"
    assert found["runcmd"][-1] == ["echo", "done"]
    assert found["runcmd"][0] == ["systemctl", "daemon-reload"]
    assert found["write_files"][-1] == {"path": "/a", "content": "b"}
    assert found["users"] == ours["users"]


def test_a_message_is_the_same_each_time_and_names_its_parts() -> None:
    first = render_cloudinit.message({}, "#!/bin/sh\necho é\n")
    assert first == render_cloudinit.message({}, "#!/bin/sh\necho é\n")
    parts = message_from_string(first).get_payload()
    assert [part.get_content_type() for part in parts] == ["text/cloud-config", "text/x-shellscript"]
    assert "echo" in parts[1].get_payload()

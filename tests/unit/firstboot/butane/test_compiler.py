from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from yaml import ScalarNode

from provision.firstboot.butane import Compiled, compile_butane, compile_node
from provision.firstboot.butane.compiler import _Compiler
from provision.firstboot.files import Files
from provision.firstboot.ignition import dataurl
from provision.located import compose

if TYPE_CHECKING:
    from pathlib import Path

HEAD = "variant: fcos\nversion: 1.6.0\n"


def compiled(body: str, **options: Any) -> Compiled:
    return compile_butane(HEAD + body, "a.bu", **options)


def told(made: Compiled) -> list[str]:
    return [f"{finding.code} {finding.span}" for finding in made.report]


def test_a_config_becomes_ignition() -> None:
    made = compiled("storage: {files: [{path: /etc/motd, mode: 0600, contents: {inline: hi}}]}\n")
    assert made.report.findings == []
    assert made.spec_version == "3.5.0"
    contents = {"compression": "", "source": "data:,hi"}
    assert made.ignition == {
        "ignition": {"version": "3.5.0"},
        "storage": {"files": [{"path": "/etc/motd", "contents": contents, "mode": 0o600}]},
    }


def test_nothing_can_be_made_of_errors() -> None:
    made = compiled("storage: {files: [{path: a}, {path: b}]}\n")
    assert made.ignition is None
    assert told(made) == ["PV231 a.bu:3:26", "PV231 a.bu:3:37"]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "PV102"),
        ("a: [", "PV100"),
        ("[]", "PV101"),
        ("variant: fcos\n", "PV103"),
        ("variant: fcos\nversion: 1.5\n", "PV103"),
        ("variant: rhcos\nversion: 0.1.0\n", "PV105"),
        ("variant: fcos\nversion: 9.0.0\n", "PV104"),
        ("storage: &a {<<: *a}\nvariant: fcos\nversion: 1.6.0\n", "PV100"),
        ("\ud800", "PV100"),
    ],
)
def test_headers_that_do_not_do(text: str, code: str) -> None:
    made = compile_butane(text, "a.bu")
    assert made.ignition is None
    assert [finding.code for finding in made.report.errors] == [code]


def test_findings_in_what_sugar_makes_are_at_the_users_lines() -> None:
    made = compiled("boot_device:\n  mirror:\n    devices: [/dev/sda, sdb]\n")
    assert "PV231 a.bu:5:25" in told(made)


def test_origins_of_what_was_written_embedded_and_made(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("hello")
    body = (
        "storage:\n  files:\n    - path: /a\n      contents: {local: f}\n"
        "  filesystems:\n    - {device: /dev/sdb, path: /var/x, format: xfs, with_mount_unit: true}\n"
        "boot_device: {luks: {tpm2: true}}\n"
    )
    made = compiled(body, files=Files(tmp_path))
    assert made.ignition is not None
    at = lambda *path: str(made.origin(path)[1])  # noqa: E731
    assert at("storage", "files", 0, "path") == "a.bu:5:13"
    assert at("storage", "files", 0, "contents", "source") == "a.bu:6:25"
    assert at("systemd", "units", 0, "contents") == "a.bu:8:70"
    assert made.ignition["storage"]["luks"][0]["name"] == "root"
    assert at("storage", "luks", 0, "name") == "a.bu:9:21"


def test_contents_with_markers_stay_readable() -> None:
    file = "{{path: {}, contents: {{inline: '{}'}}}}".format
    body = f"storage: {{files: [{file('/a', 'MARK ' + 'x' * 500)}, {file('/b', 'x' * 500)}]}}\n"
    made = compiled(body, plain=lambda content: b"MARK" in content)
    assert made.ignition is not None
    first, second = (file["contents"] for file in made.ignition["storage"]["files"])
    assert first == {"compression": "", "source": dataurl.escaped(b"MARK " + b"x" * 500)}
    assert second["compression"] == "gzip"


def test_a_composed_tree_whose_values_were_filled_in() -> None:
    text = HEAD + "storage: {files: [{path: '{{ place }}', mode: 0600}]}\n"
    root = compose(text, "a.bu")
    assert root is not None

    def fill(node: Any) -> None:
        if isinstance(node, ScalarNode):
            node.value = node.value.replace("{{ place }}", "relative")
            return
        for inner in node.value:
            for each in inner if isinstance(inner, tuple) else [inner]:
                fill(each)

    fill(root)
    made = compile_node(root, text, "a.bu")
    assert [(finding.code, str(finding.span)) for finding in made.report] == [("PV231", "a.bu:3:26")]


def test_the_drop_in_only_warns_of_unused_keys() -> None:
    body = "sistemd: {}\n"
    assert compiled(body).ignition is None
    assert compiled(body, drop_in=True).ignition is not None
    assert told(compiled(body)) == told(compiled(body, drop_in=True)) == ["PV205 a.bu:3:1"]


def test_openshift_is_wrapped_unless_raw() -> None:
    text = (
        "variant: openshift\nversion: 4.14.0\nmetadata:\n  name: n\n"
        "  labels: {machineconfiguration.openshift.io/role: worker}\n"
    )
    wrapped, raw = compile_butane(text, "a.bu"), compile_butane(text, "a.bu", raw=True)
    assert wrapped.machine_config is not None
    assert wrapped.machine_config["spec"]["config"] == wrapped.ignition
    assert raw.machine_config is None


def test_compiling_again_gives_the_same(tmp_path: Path) -> None:
    (tmp_path / "t").mkdir()
    for name in "cab":
        (tmp_path / "t" / name).write_text(name * 1000)
    body = "storage: {trees: [{local: t, path: /t}]}\n"
    first, second = (compiled(body, files=Files(tmp_path)) for _ in range(2))
    assert first.ignition == second.ignition
    assert first.ignition is not None
    assert [file["path"] for file in first.ignition["storage"]["files"]] == ["/t/a", "/t/b", "/t/c"]


def test_every_step_has_its_own_end() -> None:
    assert _Compiler(None, "", "a.bu").compile(None, raw=False, plain=None).ignition is None

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provision.firstboot.ignition2 import VERSIONS, append, load, serialise, types, validate

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=12,
)
HASH = "sha512-" + "0" * 128


def config(version: str = "2.3.0", **sections: Any) -> dict[str, Any]:
    return {"ignition": {"version": version}, **sections}


def told(value: dict[str, Any]) -> list[str]:
    _, report = load(json.dumps(value), "a.ign")
    return [f"{f.severity}: {f.message}" for f in report]


def disk(*partitions: dict[str, Any]) -> dict[str, Any]:
    return {"disks": [{"device": "/dev/sda", "partitions": list(partitions)}]}


def storage(**lists: Any) -> dict[str, Any]:
    return config(storage=lists)


def test_fields_came_with_their_versions() -> None:
    raw = storage(files=[{"filesystem": "root", "path": "/a", "mode": 0, "append": True}])
    for version in VERSIONS:
        raw["ignition"]["version"] = version
        found, _ = load(json.dumps(raw), "a.ign")
        assert (found is not None) == (version >= "2.2.0"), version


def test_sections_that_are_empty_are_written() -> None:
    assert json.loads(serialise(config())) == {
        "ignition": {"config": {}, "security": {"tls": {}}, "timeouts": {}, "version": "2.3.0"},
        "networkd": {},
        "passwd": {},
        "storage": {},
        "systemd": {},
    }


def test_an_array_without_devices_is_null() -> None:
    written = json.loads(serialise(storage(raid=[{"name": "a", "level": "raid1"}])))
    assert written["storage"]["raid"] == [{"devices": None, "level": "raid1", "name": "a"}]


@pytest.mark.parametrize(
    ("value", "findings"),
    [
        (config(), []),
        (config("2.9.0"), ["error: unsupported config version"]),
        (storage(**disk({"number": 1}, {"number": 1})), ["error: partition numbers collide"]),
        (storage(**disk({"size": 4, "start": 2048}, {"size": 4, "start": 2050})), None),
        (storage(**disk({"sizeMiB": 1, "startMiB": 1}, {"sizeMiB": 9, "startMiB": 1})), []),
        (
            storage(**disk({"size": 4}, {"sizeMiB": 4})),
            [
                "error: cannot mix MBs and sectors within a disk",
                "warning: size is deprecated; use sizeMB instead",
            ],
        ),
        (storage(**disk({"shouldExist": False, "number": 1})), []),
        (
            storage(**disk({"shouldExist": False, "number": 1, "label": "a"})),
            ["error: shouldExist specified false with other options also specified"],
        ),
        (
            storage(**disk({"label": "a" * 37}, {"label": "a:b"}, {"guid": "x"})),
            [
                "error: partition labels may not exceed 36 characters",
                "warning: partition label will be truncated to text before the colon",
                'error: doesn\'t match the form "01234567-89AB-CDEF-EDCB-A98765432101"',
            ],
        ),
        (
            storage(raid=[{"name": "a", "level": "raid0", "spares": 1, "devices": ["a"]}, {"name": "b", "level": "x"}]),
            [
                "error: path not absolute",
                "error: spares unsupported for arrays with a level greater than 0",
                "error: unrecognized raid level",
            ],
        ),
        (
            storage(filesystems=[{"name": "a", "mount": {"device": "/a", "format": "xfs", "label": "a" * 13}}]),
            ["error: filesystem labels cannot be longer than 12 characters when using xfs"],
        ),
        (storage(filesystems=[{"name": "a", "path": "b"}]), ['error: filesystem "a": path not absolute']),
        (
            storage(filesystems=[{"name": "root", "path": "/b"}]),
            ['warning: Filesystem "root" shadows exising filesystem definition'],
        ),
        (
            storage(
                files=[{"path": "a", "user": {"id": 1, "name": "b"}, "mode": 8192, "contents": {"compression": "xz"}}]
            ),
            [
                "error: no filesystem specified",
                "error: path not absolute",
                "error: cannot set both id and name",
                "error: invalid compression method",
                "error: illegal file mode",
            ],
        ),
        (
            storage(directories=[{"filesystem": "root", "path": "/a"}]),
            ["warning: permissions unset, defaulting to 0000"],
        ),
        (
            config(
                ignition={
                    "version": "2.3.0",
                    "config": {"append": [{"source": "ftp://a"}, {"source": "s3://a/b?versionId="}]},
                    "security": {"tls": {"certificateAuthorities": [{"source": "a%b"}]}},
                }
            ),
            ["error: invalid url scheme", "error: invalid S3 object VersionId", "error: unable to parse url"],
        ),
        (
            config(systemd={"units": [{"name": "a.service", "enabled": True, "contents": "[Unit]\nA=b"}]}),
            ['warning: unit "a.service" is enabled, but has no install section so enable does nothing'],
        ),
        (
            config(networkd={"units": [{"name": "a.network", "dropins": [{"name": "a"}]}]}),
            ["error: invalid networkd drop-in extension"],
        ),
        (
            config(passwd={"users": [{"name": "a", "create": {}, "gecos": "b", "uid": 0}]}),
            [
                "warning: the create object has been deprecated in favor of user-level options",
                "error: cannot use both the create object and the user-level gecos field",
                "error: cannot use both the create object and the user-level uid field",
            ],
        ),
    ],
)
def test_rules(value: dict[str, Any], findings: list[str] | None) -> None:
    assert findings is None or told(value) == findings
    if findings is None:
        assert "error: partitions overlap" in told(value)
        assert "error: partitions misaligned" in told(value)


@pytest.mark.parametrize(
    ("hashed", "finding"),
    [
        (HASH, []),
        ("sha512", ["malformed hash specifier"]),
        ("md5-0", ["unrecognized hash function"]),
        (HASH + "0", ["incorrect size for hash sum"]),
    ],
)
def test_hashes(hashed: str, finding: list[str]) -> None:
    replace = {"source": "https://a.test/b", "verification": {"hash": hashed}}
    found = validate({"ignition": {"version": "2.3.0", "config": {"replace": replace}}})
    assert [f.message.text for f in found] == finding


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not a config (empty)"),
        ("#cloud-config\n", "not a config (found coreos-cloudconfig)"),
        ("#!/bin/sh\n", "not a config (found coreos-cloudinit script)"),
        ("[1]", "not an object"),
        ('{"ignition": {"version": NaN}}', "NaN is not JSON"),
        ("[" * 100_000, None),
    ],
)
def test_texts_that_are_no_config(text: str, message: str | None) -> None:
    found, report = load(text, "a.ign")
    assert found is None
    assert len(report) == 1
    assert message is None or [f.message for f in report] == [message]


def test_findings_have_places() -> None:
    text = json.dumps(config(storage={"files": [{"filesystem": "root", "path": "a", "mode": 0}]}), indent=1)
    _, report = load(text, "a.ign")
    (finding,) = report
    assert finding.span is not None
    assert '"path": "a"' in text.splitlines()[finding.span.line - 1]


def test_append_joins_lists_and_prefers_the_latter() -> None:
    first = config("2.1.0", systemd={"units": [{"name": "a.service"}]}, networkd={"units": []})
    second = config(systemd={"units": [{"name": "b.service"}]}, passwd={"users": [{"name": "core"}]})
    joined = append(first, second)
    assert [unit["name"] for unit in joined["systemd"]["units"]] == ["a.service", "b.service"]
    assert joined["ignition"]["version"] == "2.3.0"
    assert first["systemd"]["units"] == [{"name": "a.service"}]


@given(st.dictionaries(st.sampled_from(list(types("2.3.0").fields)), JSON, max_size=4), st.sampled_from(VERSIONS))
def test_whatever_is_read_is_reported_or_written(sections: dict[str, Any], version: str) -> None:
    ignition = sections.get("ignition")
    sections["ignition"] = {**(ignition if isinstance(ignition, dict) else {}), "version": version}
    found, report = load(json.dumps(sections), "a.ign")
    assert (found is None) == (not report.ok)
    if found is not None:
        assert json.loads(serialise(found))["ignition"]["version"] == version


@given(st.text(max_size=60))
def test_no_text_raises(text: str) -> None:
    load(text, "a.ign")

from __future__ import annotations

import tomllib
from importlib import resources

import pytest

from provision.firstboot.butane import checks, messages
from provision.firstboot.butane.variants import CHECKS, names, since, variant
from provision.firstboot.fields import holds, load_table
from provision.firstboot.ignition import messages as ignition_messages
from provision.firstboot.ignition.messages import Message
from provision.firstboot.ignition.model import CHECKS as CHECKS_OF_IGNITION
from provision.firstboot.ignition.model import VERSIONS, types

MESSAGES = [
    (name, message)
    for module in (messages, ignition_messages)
    for name, message in vars(module).items()
    if isinstance(message, Message)
]


@pytest.mark.parametrize("named", names(), ids="-".join)
def test_every_variant_can_be_built(named: tuple[str, str]) -> None:
    found = variant(*named)
    assert found is not None
    assert {"variant", "version", "ignition", "storage", "systemd", "passwd"} <= found.struct.fields.keys()
    assert found.spec in VERSIONS
    assert all(isinstance(message, Message) for message in found.forbidden.values())


def test_every_check_is_named_by_a_table() -> None:
    used = {
        name.split()[0]
        for table in ("base", "fcos", "openshift")
        for type_ in load_table("butane", table).values()
        if isinstance(type_, dict)
        for name in type_.get("_checks", ())
    }
    assert used == {name for name in CHECKS if CHECKS[name].__module__ == checks.__name__}


def test_every_ignition_check_is_named_by_the_table() -> None:
    used = {
        name.split()[0]
        for type_ in load_table("ignition", "types").values()
        if isinstance(type_, dict)
        for name in type_.get("_checks", ())
    }
    helpers = {name for name in CHECKS_OF_IGNITION if name.endswith("_problem")}
    assert used == CHECKS_OF_IGNITION.keys() - helpers


def test_refused_fields_exist() -> None:
    for paths in load_table("butane", "forbidden").values():
        for path, entry in paths.items() if isinstance(paths, dict) else ():
            assert holds(entry, (0,)) or holds(entry, (99,))
            struct = types(VERSIONS[-1])
            for step in path.split(".")[:-1]:
                field = struct.fields[step]
                inner = field.item.struct if field.item else field.struct
                assert inner is not None, path
                struct = inner
            assert path.split(".")[-1] in struct.fields, path


def test_codes_are_unique_and_explained() -> None:
    text = resources.files("provision_schemas").joinpath("codes/firstboot.toml").read_text("utf-8")
    explained = tomllib.loads(text)
    codes = [message.code for _, message in MESSAGES]
    assert sorted(codes) == sorted(set(codes))
    assert set(codes) == explained.keys()
    assert all("PV100" <= code < "PV400" for code in codes)
    assert all(entry["title"] and entry["text"].strip() for entry in explained.values())


@pytest.mark.parametrize(
    ("at", "path", "key", "wanted"),
    [
        ("1.0.0", ("storage",), "luks", "1.2.0"),
        ("1.3.0", (), "kernel_arguments", "1.4.0"),
        ("1.0.0", ("storage", "filesystems", 0), "with_mount_unit", "1.1.0"),
        ("1.7.0", (), "nothing", None),
    ],
)
def test_since_when_a_field_is_there(at: str, path: tuple[str | int, ...], key: str, wanted: str | None) -> None:
    older = variant("fcos", at)
    assert older is not None
    assert since(older, path, key) == wanted

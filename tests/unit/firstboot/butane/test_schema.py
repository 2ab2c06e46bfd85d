from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft202012Validator as Validator
from yaml import MappingNode, Node, ScalarNode

from provision.firstboot.butane import compile_butane, json_schema, tree
from provision.firstboot.butane.variants import names, variant
from provision.firstboot.decode import AliasNode, resolve
from provision.firstboot.fields import load_table
from provision.firstboot.files import Files
from tests.golden.butane.groups import read
from tests.golden.butane.test_golden import GROUPS, folder

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["folder"]

STRICTER = {"scalar-int-16", "scalar-int-17", "yaml-tags--fcos-1.7.0"}
"""What the compiler takes and the schemas do not: numbers with fractions, and tags that JSON does not know."""


SAMPLE = ("1.5.0", "1.1.0", "4.14.0")
"""Versions at which the schema for all is compared with the one for the version; it takes forty times as long."""


def plain(node: Node) -> Any:
    if isinstance(node, AliasNode):
        return plain(node.value)
    if isinstance(node, ScalarNode):
        tag, value = ("str", node.value) if node.tag or node.style else resolve(node.value)
        return node.value if tag == "timestamp" else value
    if isinstance(node, MappingNode):
        pairs = [(plain(key), plain(value)) for key, value in node.value]
        merged = [
            each for key, value in pairs if key == "<<" for each in (value if isinstance(value, list) else [value])
        ]
        return {key: value for each in merged for key, value in each.items()} | {k: v for k, v in pairs if k != "<<"}
    return [plain(item) for item in node.value]


def test_the_schemas_are_schemas() -> None:
    # The one for all holds the others' definitions.
    for named in ((), ("fcos", "1.8.0-experimental"), ("openshift", "4.22.0")):
        Validator.check_schema(json_schema(*named))
    with pytest.raises(KeyError):
        json_schema("fcos", "9.9.9")


def test_what_compiles_fits_its_schema(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    every = Validator(json_schema())
    of = {named: Validator(json_schema(*named)) for named in names()}
    fitting = refused = 0
    for case in (case for path in GROUPS for case in read(path)):
        try:
            text = tree.decode_bytes(case.data)
            value = plain(tree.compose(text))
            if (value["variant"], value["version"]) not in of:
                continue
        except (tree.YamlError, AttributeError, KeyError, TypeError):
            continue
        fits = of[value["variant"], value["version"]].is_valid(value)
        assert not case.name.endswith(SAMPLE) or fits == every.is_valid(value), case.name
        accepted = compile_butane(text, "a.bu", Files("files", follow=True)).ignition is not None
        assert fits or not accepted or case.name in STRICTER, case.name
        fitting += fits
        refused += not fits
    assert fitting > 350
    assert refused > 60


@pytest.mark.parametrize(
    ("body", "fits"),
    [
        ({"storage": {"files": [{"path": "/a", "mode": 420}]}}, True),
        ({"storage": {"files": [{"path": "a"}]}}, False),
        ({"storage": {"files": [{"mode": 420}]}}, False),
        ({"storage": {"filesystems": [{"device": "/dev/a", "format": "ntfs"}]}}, False),
        ({"storage": {"file": []}}, False),
        ({"systemd": {"units": [{"name": "a.service", "enabled": "maybe"}]}}, False),
    ],
)
def test_mistakes_that_editors_show(body: dict[str, Any], fits: bool) -> None:
    assert Validator(json_schema("fcos", "1.6.0")).is_valid({"variant": "fcos", "version": "1.6.0", **body}) == fits


def test_refused_fields_are_not_offered() -> None:
    assert "kernel_arguments" not in json_schema("r4e", "1.1.0")["properties"]
    assert "links" not in json_schema("openshift", "4.14.0")["$defs"]["Storage"]["properties"]


def test_hints_belong_to_fields() -> None:
    fields = {
        f"{struct.name}.{name}"
        for named in names()
        if (found := variant(*named))
        for struct in _structs(found.struct)
        for name in struct.fields
    }
    table = load_table("butane", "hints")
    assert {name for name in table if not name.startswith("_")} <= fields
    assert {f"{name}.{each}" for name, required in table["_required"].items() for each in required} <= fields


def _structs(struct: Any) -> list[Any]:
    found = [struct]
    for field in struct.fields.values():
        inner = field.struct or (field.item.struct if field.item else None)
        if inner is not None:
            found += _structs(inner)
    return found

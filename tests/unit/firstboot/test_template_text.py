"""Templates in the formats that are compiled from text, with the guarantees that Butane's have."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from provision.firstboot.compile import CompiledCluster, compile_cluster
from provision.firstboot.formats import written
from provision.firstboot.ignition import dataurl
from provision.firstboot.markers import quoted
from provision.firstboot.recipe import bind
from provision.spec.model import NodeConfig, Secret
from tests.unit.firstboot.clusters import SECRETS, TRAITS, butane, cluster, materials, pool

if TYPE_CHECKING:
    from provision.firstboot.recipe import Recipe

CLC = """\
storage:
  files:
    - filesystem: root
      path: /etc/x
      mode: {{MODE}}
      contents:
        inline: {{VALUE}}
"""
CLOUD = """\
#cloud-config
write_files:
  - path: /etc/x
    permissions: "0644"
    content: {{VALUE}}
"""
OS = {
    "container-linux": "container-linux",
    "cloud-config": "container-linux",
    "ignition": "lab",
    "cloud-init": "debian",
}


def ignition(value: str, version: str = "3.3.0") -> str:
    return json.dumps(
        {
            "ignition": {"version": version},
            "storage": {"files": [{"path": "/etc/x", "mode": 420, "contents": {"source": f"data:,{value}"}}]},
        },
        indent=1,
    )


def text_of(format_: str, value: str) -> str:
    """Return a node config of one file, whose contents are `value`, in double quotes."""
    if format_ == "ignition":
        return ignition(value)
    template = CLC if format_ == "container-linux" else CLOUD
    return template.replace("{{VALUE}}", json.dumps(value)).replace("{{MODE}}", "0644")


def made(format_: str, text: str, count: int = 1, **variables: Any) -> CompiledCluster:
    name = "cloud-config" if format_ == "cloud-init" else format_
    config = NodeConfig(name, text, f"a.{format_}", Path())
    machines = pool(count, os=OS[format_], config=config, template=True, variables=variables)
    return compile_cluster(cluster(*machines, secrets=SECRETS), traits=TRAITS, additions_version=1)


def content(recipe: Recipe) -> str:
    """Bind a recipe, and return what the machine finds in /etc/x."""
    bound = bind(recipe, materials(recipe))
    if recipe.spec_version == "cloud-init":
        bound = bound.split('filename="user"\n\n')[1].partition("\n--provision")[0]
    if recipe.spec_version.startswith("cloud"):
        files = yaml.safe_load(bound)["write_files"]
        return str(next(f["content"] for f in files if f["path"] == "/etc/x"))
    files = json.loads(bound)["storage"]["files"]
    return dataurl.decode(next(f["contents"]["source"] for f in files if f["path"] == "/etc/x")).decode()


@pytest.mark.parametrize("format_", sorted(OS))
@pytest.mark.parametrize(
    ("value", "result"),
    [
        ("{{ machine.name }} {{ machine.index }}", "demo-core-2 2"),
        ("{{ vars.role }} of {{ pool.name }}", "web: [a] of core"),
        ("{{ secret('registry') }} {{ machine.address }}", "s3cret%2Fvalue 10.99.0.3"),
        ("{{ '{{' }} .ID }}", "{{ .ID }}"),
        ("no-braces", "no-braces"),
    ],
)
def test_every_format_is_filled_in(format_: str, value: str, result: str) -> None:
    found = made(format_, text_of(format_, value), 2, role="web: [a]")
    assert found.report.ok, found.report.render()
    assert content(found.recipes["demo-core-2"]) == result


def test_what_butane_escaped_is_filled_in() -> None:
    found = made("ignition", ignition(dataurl.escaped(b"role {{ vars.role }}\n").partition(",")[2]), role="50% \"'")
    assert content(found.recipes["demo-core-1"]) == "role 50% \"'\n"


def test_ignition_2_is_filled_in() -> None:
    text = json.dumps(
        {
            "ignition": {"version": "2.3.0"},
            "storage": {
                "files": [{"filesystem": "root", "path": "/etc/x", "contents": {"source": "data:,{{ machine.name }}"}}]
            },
        }
    )
    config = NodeConfig("ignition", text, "a.ign", Path())
    machines = pool(1, os="container-linux", config=config, template=True)
    found = compile_cluster(cluster(*machines), traits=TRAITS, additions_version=1)
    assert found.report.ok, found.report.render()
    assert content(found.recipes["demo-core-1"]) == "demo-core-1"


def test_one_value_alone_keeps_its_type() -> None:
    text = CLC.replace("{{VALUE}}", "x").replace("{{MODE}}", '"{{ vars.mode }}"')
    found = made("container-linux", text, mode=384)
    assert found.report.ok, found.report.render()
    assert json.loads(written(found.recipes["demo-core-1"].body))["storage"]["files"][-1]["mode"] == 384
    text = ignition("x").replace("420", '"{{ vars.mode }}"')
    assert made("ignition", text, mode=384).report.ok


BLOCK = """\
storage:
  files:
    - filesystem: root
      path: /etc/x
      contents:
        inline: &shared |
          first {{ machine.name }}
          second: "{{ vars.role }}"
    - {filesystem: root, path: /etc/y, contents: {inline: *shared}}
    - filesystem: root
      path: relative
"""


def test_blocks_anchors_and_the_lines_of_later_findings() -> None:
    found = made("container-linux", BLOCK, role="web")
    assert [(f.span.line if f.span else 0) for f in found.report.errors] == [11]
    whole = made("container-linux", BLOCK.replace("path: relative", "path: /etc/z"), role='a"b')
    assert content(whole.recipes["demo-core-1"]) == 'first demo-core-1\nsecond: "a"b"\n'


@pytest.mark.parametrize(
    ("format_", "value", "code"),
    [
        ("container-linux", "{{ vars.rle }}", "PV412"),
        ("cloud-config", "{% for x in y %}", "PV411"),
        ("cloud-init", "{{ machine.name | upper }}", "PV411"),
        ("ignition", "{{ secret('nobody') }}", "PV413"),
        ("ignition", "{{ machine.__class__ }}", "PV412"),
        ("cloud-config", "{{ vars.forged }}", "PV421"),
        ("container-linux", "{{", "PV410"),
    ],
)
def test_what_cannot_be_filled_in(format_: str, value: str, code: str) -> None:
    text = text_of(format_, value)
    found = made(format_, text, role="web", forged="(~provision.slot.nonce~)")
    assert [f.code for f in found.report.errors] == [code]
    span = found.report.errors[0].span
    assert span is not None
    assert text.splitlines()[span.line - 1].find(value.split()[0]) >= 0


@pytest.mark.parametrize("text", ["#!/bin/sh\necho {{ machine.name }}\n", "## template: jinja\n#cloud-config\n{}\n"])
def test_scripts_and_others_templates_are_refused(text: str) -> None:
    assert [f.code for f in made("cloud-init", text).report.errors] == ["PV414"]


def test_braces_without_quotes() -> None:
    text = CLC.replace("{{VALUE}}", "x").replace("{{MODE}}", "{{ vars.mode }}")
    assert [f.code for f in made("container-linux", text, mode=384).report.errors] == ["PV416"]


anything = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=60)


@settings(max_examples=60)
@given(value=anything, format_=st.sampled_from(sorted(OS)), secret=anything.filter(bool))
def test_no_value_breaks_out_of_its_place(value: str, format_: str, secret: str) -> None:
    text = text_of(format_, "<{{ vars.x }}|{{ secret('registry') }}>")
    name = "cloud-config" if format_ == "cloud-init" else format_
    config = NodeConfig(name, text, "a", Path())
    machines = pool(1, os=OS[format_], config=config, template=True, variables={"x": value})
    wanted = cluster(*machines, secrets={"registry": Secret(env="A", max_size=1000)})
    found = compile_cluster(wanted, traits=TRAITS, additions_version=1)
    assert found.report.ok, found.report.render()
    recipe = found.recipes["demo-core-1"]
    bound = bind(recipe, {**materials(recipe), "secret.registry": secret})
    if recipe.spec_version == "cloud-init":
        bound = bound.split('filename="user"\n\n')[1].partition("\n--provision")[0]
    if recipe.spec_version.startswith("cloud"):
        files = yaml.safe_load(bound)["write_files"]
        assert next(f["content"] for f in files if f["path"] == "/etc/x") == f"<{value}|{secret}>"
    else:
        files = json.loads(bound)["storage"]["files"]
        source = next(f["contents"]["source"] for f in files if f["path"] == "/etc/x")
        assert dataurl.decode(source).decode() == f"<{value}|{secret}>"


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=40))
def test_quotes_are_read_alike_by_json_and_yaml(text: str) -> None:
    assert json.loads(quoted(text)) == text
    assert yaml.safe_load(quoted(text)) == text


def test_machines_of_a_pool_share_a_template_and_differ_in_what_it_names() -> None:
    text = "variant: fcos\nversion: 1.4.0\nstorage: {files: [{path: /etc/x, contents: {inline: INLINE}}]}\n"
    for inline in ("'{{ machine.name }} {{ machine.index }}'", "'{{ machine.index }}'"):
        machines = pool(3, config=butane(text.replace("INLINE", inline)), template=True)
        found = compile_cluster(cluster(*machines), traits=TRAITS, additions_version=1)
        assert found.report.ok, found.report.render()
        assert len({content(recipe) for recipe in found.recipes.values()}) == 3
        assert all(recipe.machine[-1] in content(recipe) for recipe in found.recipes.values())


def test_a_template_whose_structure_depends_on_the_machine_is_compiled_for_each() -> None:
    file = "{path: '/etc/{{ machine.name }}', mode: '{{ machine.index }}'}"
    text = f"variant: fcos\nversion: 1.4.0\nstorage: {{files: [{file}]}}\n"
    machines = pool(3, config=butane(text), template=True)
    found = compile_cluster(cluster(*machines), traits=TRAITS, additions_version=1)
    assert found.report.ok, found.report.render()
    for number, of in enumerate(machines, 1):
        given = found.recipes[of.name].body["storage"]["files"][-1]
        assert (given["path"], given["mode"]) == (f"/etc/{of.name}", number)

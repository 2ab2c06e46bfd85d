from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provision.diagnostics import Report
from provision.firstboot.butane import compile_node, tree
from provision.firstboot.ignition import dataurl
from provision.firstboot.interpolate import interpolate, values_of
from tests.unit.firstboot.clusters import SECRETS, butane, cluster, machine

HEAD = "variant: fcos\nversion: 1.4.0\nstorage:\n  files:\n"


def filled(text: str, **variables: Any) -> tuple[dict[str, Any] | None, Report]:
    of = machine("demo-core-7", 7, template=True, variables=variables)
    report = Report()
    config = butane(text)
    root = interpolate(tree.compose(text), config, values_of(of, cluster(of)), cluster(of, secrets=SECRETS), report)
    if not report.ok:
        return None, report
    compiled = compile_node(root, text, config.file, plain=lambda content: b"(~" in content)
    return compiled.ignition, compiled.report


def contents(value: str, **variables: Any) -> str:
    """Fill a value in as a file's contents, and return what the machine would get."""
    config, report = filled(f"{HEAD}    - path: /x\n      contents:\n        inline: {value}\n", **variables)
    assert config is not None, report.render()
    return dataurl.decode(config["storage"]["files"][0]["contents"]["source"]).decode()


def findings(value: str, **variables: Any) -> list[tuple[str, str, str]]:
    _, report = filled(f"{HEAD}    - path: /x\n      contents:\n        inline: {value}\n", **variables)
    return [(f.code, str(f.span), f.message) for f in report.errors]


@pytest.mark.parametrize(
    ("value", "result"),
    [
        ("'{{ machine.name }}'", "demo-core-7"),
        ("'{{machine.index}} of {{ pool.name }} in {{ cluster.name }}'", "7 of core in demo"),
        ("'{{ machine.address }}'", "10.99.0.8"),
        ("x-{{ vars.role }}", "x-web"),
        ("'{{ vars.port }}:{{ vars.on }}'", "8080:true"),
        ("'{{ \"{{\" }} .ID }}'", "{{ .ID }}"),
        ("'${#name} ${name%x} {plain}'", "${#name} ${name%x} {plain}"),
        ('"{{ secret(\\"registry\\") }}"', "(~provision.slot.secret.registry~)"),
        ("\"a{{ secret('registry') }}b\"", "a(~provision.slot.secret.registry~)b"),
    ],
)
def test_what_can_be_filled_in(value: str, result: str) -> None:
    assert contents(value, role="web", port=8080, on=True) == result


def test_a_value_alone_keeps_its_type() -> None:
    entry = "path: /x, mode: '{{ vars.mode }}', overwrite: '{{ vars.on }}', contents: {inline: x}"
    text = f"{HEAD}    - {{{entry}}}\n"
    config, report = filled(text, mode=0o640, on=True)
    assert config is not None, report.render()
    (file,) = config["storage"]["files"]
    assert (file["mode"], file["overwrite"]) == (0o640, True)


def test_a_text_that_looks_like_a_number_stays_a_text() -> None:
    assert contents("'{{ vars.v }}'", v="0755") == "0755"
    assert contents("1{{ vars.v }}", v="2") == "12"


@given(value=st.text(st.characters(exclude_categories=["Cs"]), max_size=30).filter(lambda t: "(~provision." not in t))
def test_no_value_breaks_out_of_its_place(value: str) -> None:
    assert contents("'[{{ vars.v }}]'", v=value) == f"[{value}]"


@pytest.mark.parametrize(
    ("value", "code", "column", "words"),
    [
        ("'{{ machine.nme }}'", "PV412", 29, "machine has no 'nme'"),
        ("'{{ vars.role }} {{ vars.rle }}'", "PV412", 42, "vars has no 'rle'"),
        ("'{{ machne.name }}'", "PV412", 21, "there is no 'machne'"),
        ("'{{ machne }}'", "PV412", 21, "there is no 'machne'"),
        ("'{{ machine }}'", "PV411", 18, "only a named value"),
        ("'a {{ secret(\"regisry\") }}'", "PV413", 31, "no secret 'regisry'"),
        ("'a {% for x in y %}{% endfor %}'", "PV411", 20, "statements"),
        ("'{% include \"/etc/shadow\" %}'", "PV411", 18, "statements"),
        ("'{{ machine.name | upper }}'", "PV411", 18, "only a named value"),
        ("'{{ machine.name.__class__ }}'", "PV411", 18, "only a named value"),
        ("'{{ machine[\"name\"] }}'", "PV411", 18, "only a named value"),
        ("'{{ machine.__class__ }}'", "PV412", 29, "machine has no '__class__'"),
        ("'{{ machine.index + 1 }}'", "PV411", 18, "only a named value"),
        ("'{{ secret(vars.role) }}'", "PV411", 18, "only a named value"),
        ("'{{ secret(\"registry\") | upper }}'", "PV411", 18, "only a named value"),
        ("'{{ secret(\"registry\", 1) }}'", "PV411", 18, "only a named value"),
        ("'{{ secret(*vars.x) }}'", "PV411", 18, "only a named value"),
        ("'{{ secret(**vars.x) }}'", "PV411", 18, "only a named value"),
        ("'{{ range(10) }}'", "PV411", 18, "only a named value"),
        ("'{{ 7 }}'", "PV411", 18, "only a named value"),
        ("'ok {{ machine.name'", "PV410", 21, "not a template"),
        ("'{{ }}'", "PV410", 18, "not a template"),
        ("{{ machine.name }}", "PV416", 17, "without quotes"),
        ("'{{ vars.forged }}'", "PV421", 18, "vars.forged"),
    ],
)
def test_what_cannot(value: str, code: str, column: int, words: str) -> None:
    (found,) = findings(value, role="web", forged="(~provision.slot.nonce~)", x=1)
    assert found[:2] == (code, f"core.bu:7:{column}")
    assert words in found[2]


def test_every_wrong_expression_is_told() -> None:
    assert [f[0] for f in findings("'{{ a.b }} {{ vars.x }} {{ c.d }}'", x="1")] == ["PV412", "PV412"]


def test_the_place_in_a_block() -> None:
    text = f"{HEAD}    - path: /x\n      contents:\n        inline: |\n          one\n          two {{{{ vars.x }}}}\n"
    _, report = filled(text)
    assert [str(f.span) for f in report.errors] == ["core.bu:9:23"]


def test_hints_name_what_was_meant() -> None:
    _, report = filled(f"{HEAD}    - path: '{{{{ machine.nam }}}}'\n")
    assert report.errors[0].hint == "did you mean 'name'?"
    _, report = filled(f"{HEAD}    - path: '{{{{ vars.role }}}}'\n")
    assert report.errors[0].hint == "known: none"


def test_a_secret_cannot_stand_in_base64() -> None:
    text = f"{HEAD}    - path: /x\n      contents:\n        source: 'data:;base64,{{{{ secret(\"registry\") }}}}'\n"
    _, report = filled(text)
    assert [(f.code, str(f.span)) for f in report.errors] == [("PV402", "core.bu:7:31")]


def test_keys_are_left_alone_and_aliases_shared() -> None:
    text = (
        f"{HEAD}    - path: /x\n      contents: &c {{inline: '{{{{ machine.name }}}}'}}\n"
        "    - path: /y\n      contents: *c\n"
    )
    config, report = filled(text)
    assert config is not None, report.render()
    assert [f["contents"]["source"] for f in config["storage"]["files"]] == ["data:,demo-core-7"] * 2


def test_places_of_butanes_own_findings_stay() -> None:
    text = f"{HEAD}    - path: '{{{{ vars.path }}}}'\n"
    config, report = filled(text, path="relative")
    assert config is None
    assert [str(f.span) for f in report.errors] == ["core.bu:5:13"]

"""No input makes a traceback, hangs, or takes memory out of proportion."""

from __future__ import annotations

import json
import re
import resource

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from provision.firstboot.butane import compile_butane, json_schema
from provision.firstboot.butane.dropin import output, render_findings
from provision.firstboot.butane.tree import YamlError, decode_bytes
from provision.firstboot.butane.variants import names
from provision.firstboot.ignition import load, serialise
from tests.golden.butane.groups import read
from tests.golden.butane.test_golden import GROUPS

HEAD = "variant: fcos\nversion: 1.7.0\n"
INPUTS = [case.data for path in GROUPS for case in read(path)]


def run(data: bytes) -> None:
    """Compile both ways, and print what comes of it."""
    try:
        text = decode_bytes(data)
    except YamlError:
        return
    for drop_in in (True, False):
        made = compile_butane(text, "a.bu", drop_in=drop_in)
        assert (made.ignition is None) == bool(made.report.errors)
        render_findings(made, text, "a.bu", raw=False)
        if made.ignition is not None:
            output(made, pretty=True)
            config, report = load(serialise(made.ignition), "a.ign")
            assert config is not None, report.findings
            assert serialise(config) == serialise(made.ignition)


OPEN = '{"a":'
BOMB = "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 30))


@pytest.mark.parametrize(
    "text",
    [
        f"a0: &a0 [x]\n{BOMB}",
        f"{HEAD}a0: &a0 {{path: /x}}\n{BOMB}storage: {{files: *a29}}\n",
        f"{HEAD}x: &x {{path: /x}}\nstorage:\n  files: [{'*x, ' * 20_000}]\n",
        f"{HEAD}storage: {'[' * 100_000}",
        f"{HEAD}storage: {'{a: ' * 100_000}",
        f"{HEAD}{'- ' * 50_000}x",
        HEAD + "".join(f"{' ' * i}a:\n" for i in range(2_000)),
        f"{HEAD}{'? ' * 20_000}",
        HEAD + "a: b\n" * 50_000,
        f"{HEAD}storage: {{files: [{{path: /{'a/' * 200_000}}}]}}\n",
        f"{HEAD}systemd: {{units: [{{name: a.service, contents: '{'[A] ' * 200_000}'}}]}}\n",
        f"{HEAD}{'#' * 2_000_000}\n",
        f"{HEAD}? {'a' * 500_000}\n: b\n",
        f"{HEAD}ignition: {{config: {{merge: [{{inline: '{'[' * 50_000}'}}]}}}}\n",
        f"{HEAD}ignition: {{config: {{merge: [{{inline: '{OPEN * 50_000}'}}]}}}}\n",
        f"{HEAD}storage: {{files: [{{path: /a, contents: {{source: 'data:{';a=b' * 100_000},x'}}}}]}}\n",
    ],
    ids=range(16),
)
@pytest.mark.timeout(60)
def test_hostile_inputs_end(text: str) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    run(text.encode())
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 600 << 10, f"{grown >> 10} MiB"


def test_children_within_children_end() -> None:
    text = "variant: fcos\nversion: 1.6.0\n"
    for _ in range(20):
        inner = yaml.safe_dump(text)
        text = f"variant: fcos\nversion: 1.6.0\nignition: {{config: {{merge: [{{inline: {inner.strip()}}}]}}}}\n"
        if len(text) > 1 << 16:
            break
    run(text.encode())


@settings(max_examples=150)
@given(st.data())
def test_changed_inputs(data: st.DataObject) -> None:
    """Cut, doubled and overwritten pieces of real configs."""
    piece = bytearray(data.draw(st.sampled_from(INPUTS)))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(piece)))
        to = data.draw(st.integers(at, min(len(piece), at + 30)))
        new = data.draw(st.one_of(st.just(bytes(piece[at:to]) * 2), st.binary(max_size=4), st.sampled_from(TOKENS)))
        piece[at:to] = new
    run(bytes(piece))


TOKENS = [
    b"&a ",
    b"*a",
    b"<<: ",
    b"- ",
    b": ",
    b"{",
    b"]",
    b"|\n",
    b"!!int ",
    b"!x ",
    b"~",
    b"'",
    b'"',
    b"\t",
    b"---\n",
    b"# ",
]


@settings(max_examples=150)
@given(st.sampled_from(names()), st.data())
def test_generated_trees(header: tuple[str, str], data: st.DataObject) -> None:
    """Sections of the right names, with any values."""
    value = data.draw(TREES)
    text = yaml.safe_dump({"variant": header[0], "version": header[1], **(value if isinstance(value, dict) else {})})
    run(text.encode())


KEYS = st.sampled_from(
    sorted(set(re.findall(r'"([a-z_]+)": {', json.dumps(json_schema("fcos", "1.8.0-experimental")))))
)
LEAVES = st.one_of(
    *(st.none(), st.booleans(), st.integers(-5, 1 << 65), st.floats(), st.text(max_size=5), st.dates()),
    st.binary(max_size=4),
    st.sampled_from(["/a", "/var/a", "a.service", "x86_64", "swap", "ext4", "[A]\nb=c", "data:,x", "https://a/b"]),
)
TREES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=4)),
    max_leaves=25,
)

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provision.firstboot.container_linux import compile_ct
from provision.firstboot.container_linux.dynamic import Dynamic, platforms
from provision.firstboot.container_linux.gotext import (
    VersionError,
    is_clock,
    is_duration,
    parse_version,
    sprintf,
    url_problem,
)
from provision.firstboot.container_linux.model import options
from provision.firstboot.container_linux.sizes import SizeError, mebibytes
from provision.firstboot.container_linux.urls import normal_url
from tests.golden.ct.form import read

CASES = [case for path in Path("tests/golden/ct/cases").glob("*.txt") for case in read(path)]
LINES = sorted({line for case in CASES for line in case.text.splitlines()})


@pytest.mark.parametrize(
    ("service", "version", "count"),
    [
        ("etcd", "2.3", 41),
        ("etcd", "3.0", 44),
        ("etcd", "3.1", 46),
        ("etcd", "3.2", 48),
        ("etcd", "3.3", 62),
        ("etcd", "3.4", 78),
        ("etcd", "3.5", 88),
        ("etcd", "3.9", 88),
        ("etcd", "4.0", 0),
        ("flannel", "0.5", 9),
        ("flannel", "0.6", 11),
        ("flannel", "0.8", 12),
        ("flannel", "1.0", 0),
    ],
)
def test_options_by_version(service: str, version: str, count: int) -> None:
    major, minor = map(int, version.split("."))
    assert len(options(service, major, minor)) == count


@pytest.mark.parametrize(
    ("text", "size"),
    [("", None), ("1MiB", 1), ("1MB", 1), ("1.5GiB", 1536), ("1GiB512MiB", 1536), ("2TiB", 2 << 20), ("1048576B", 1)],
)
def test_sizes(text: str, size: int | None) -> None:
    assert mebibytes(text) == size


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("1048576", "units: unknown unit  in 1048576"),
        ("10G", "units: unknown unit G in 10G"),
        ("10 GiB", "units: unknown unit  GiB in 10 GiB"),
        ("GiB", "units: invalid GiB"),
        ("-", "units: invalid -"),
        ("-1MiB", 'invalid dimension (negative): "-1MiB"'),
        ("1KiB", "invalid dimension (finest granularity is 1MiB)"),
        ("8EB", "units: overflow parsing unit"),
    ],
)
def test_what_is_no_size(text: str, problem: str) -> None:
    with pytest.raises(SizeError) as caught:
        mebibytes(text)
    assert str(caught.value) == problem


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("3.5", "3.5 is not in dotted-tri format"),
        ("v3.5.0", 'strconv.ParseInt: parsing "v3": invalid syntax'),
        ("3.5.99999999999999999999", 'strconv.ParseInt: parsing "99999999999999999999": value out of range'),
    ],
)
def test_what_is_no_version(text: str, problem: str) -> None:
    with pytest.raises(VersionError) as caught:
        parse_version(text)
    assert str(caught.value) == problem


def test_versions() -> None:
    assert str(parse_version("3.5.0-rc.1+a")) == "3.5.0-rc.1+a"
    assert parse_version("2.3.0-rc.1").before(2, 3, 0)
    assert not parse_version("2.3.0").before(2, 3, 0)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("https://a.test/b?c#d", None),
        ("http://a.test/%zz", 'parse "http://a.test/%zz": invalid URL escape "%zz"'),
        ("http://a b/", 'parse "http://a b/": invalid character " " in host name'),
        ("http://a:b/", 'parse "http://a:b/": invalid port ":b" after host'),
        ("http://[::1/", "parse \"http://[::1/\": missing ']' in host"),
        ("http://a b@c/", 'parse "http://a b@c/": net/url: invalid userinfo'),
        ("a:b:c/d", None),
        ("1a:b", 'parse "1a:b": first path segment in URL cannot contain colon'),
        (":a", 'parse ":a": missing protocol scheme'),
        ("a\x7f", 'parse "a\\x7f": net/url: invalid control character in URL'),
    ],
)
def test_urls(text: str, problem: str | None) -> None:
    assert url_problem(text) == problem


@given(st.text(alphabet="ah:/%2@[]? #\x01é", max_size=12))
def test_every_url_is_judged(text: str) -> None:
    problem = url_problem(text)
    assert problem is None or (problem.startswith('parse "') and not problem.endswith('escape ""'))


def test_urls_are_written_as_go_writes_them() -> None:
    assert normal_url("HTTPS://Host/a b?c d#") == "https://Host/a%20b?c d"
    assert normal_url("data:,a b") == "data:,a b"


def test_a_report_is_taken_for_a_format() -> None:
    assert sprintf("100% of %zz, %20b, 5%% and %") == "100%!o(MISSING)f %!z(MISSING)z, %!b(MISSING), 5% and %!(NOVERB)"


def test_times() -> None:
    assert all(map(is_clock, ("4:00", "04:00", "23:59")))
    assert not any(map(is_clock, ("24:00", "4:0", "4", "4:60", "4:00 ", "٤:00")))
    assert all(map(is_duration, ("1h", "1.5h30m", "0", "-2us", ".5s")))
    assert not any(map(is_duration, ("1", "1 h", "h", "", "9999999h")))


def test_values_that_are_known_need_no_metadata_service() -> None:
    dynamic = Dynamic(values={"PRIVATE_IPV4": "10.0.0.11"})
    compiled = compile_ct('etcd: {name: "a-{PRIVATE_IPV4}-{PRIVATE_IPV4}"}', "a.clc", None, dynamic)
    assert compiled.ignition is not None
    contents = compiled.ignition["systemd"]["units"][0]["dropins"][0]["contents"]
    assert '--name="a-10.0.0.11-10.0.0.11"' in contents
    assert "metadata" not in contents
    missing = compile_ct('etcd: {name: "{PUBLIC_IPV4}"}', "a.clc", None, dynamic)
    assert [f.code for f in missing.report] == ["PV837"]


def test_a_platform_that_ct_does_not_know() -> None:
    compiled = compile_ct("update: {group: stable}", "a.clc", None, Dynamic("rackspace"), drop_in=True)
    assert [f.message for f in compiled.converted] == ["unsupported platform"]
    assert next(iter(platforms())) == "azure"


@settings(max_examples=150)
@given(st.lists(st.sampled_from(LINES), max_size=12), st.booleans(), st.sampled_from(["", "ec2"]))
def test_no_mixture_of_lines_raises(lines: list[str], drop_in: bool, platform: str) -> None:
    compiled = compile_ct("\n".join(lines), "a.clc", None, Dynamic(platform), drop_in=drop_in)
    assert (compiled.ignition is None) == (not compiled.report.ok)


@given(st.text(max_size=80))
def test_no_text_raises(text: str) -> None:
    compile_ct(text, "a.clc")

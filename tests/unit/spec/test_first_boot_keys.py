"""`runtime`, `flannel`, `payloads` and a pool's `fleet`: what a spec says, as values."""

from __future__ import annotations

import pytest

from provision.spec import load
from provision.spec.model import Flannel, Payloads, Runtime

HEAD = "version: 1\ncluster: web\nowner: you\nttl: 8h\nos: container-linux\nproviders: {fake: }\n"
POOLS = "pools:\n  core: {count: 1, fleet: {role: web, rack: r/1}}\n  other: {count: 1}\n"


def loaded(text: str) -> load.Loaded:
    return load.check_text(HEAD + POOLS + text, file="cluster.yaml")


def codes(text: str) -> list[tuple[str, str]]:
    return [(f.code, str(f.span)) for f in loaded(text).report.errors]


def test_everything_is_read() -> None:
    found = loaded(
        "runtime: {engine: docker, mirrors: [https://m], log_max_files: 3, live_restore: false}\n"
        "flannel: {network: 10.1.0.0/16, backend: host-gw}\n"
        "payloads: {store: https://boot.example.com/dir/}\n"
    )
    cluster = found.cluster
    assert cluster, found.report.render()
    assert cluster.runtime == Runtime(engine="docker", mirrors=("https://m",), log_max_files=3, live_restore=False)
    assert cluster.flannel == Flannel("10.1.0.0/16", 24, "host-gw")
    assert cluster.payloads == Payloads("https://boot.example.com/dir")
    assert cluster.providers["http"]["store"] == "https://boot.example.com/dir"
    assert {m.name: m.fleet for m in cluster.machines} == {
        "web-core-1": (("role", "web"), ("rack", "r/1")),
        "web-other-1": (),
    }


def test_nothing_is_nothing() -> None:
    cluster = loaded("").cluster
    assert cluster
    assert (cluster.runtime, cluster.flannel, cluster.payloads) == (None, None, None)
    assert list(cluster.providers) == ["fake"]


@pytest.mark.parametrize(
    ("store", "scheme"),
    [
        ("s3://my-bucket", "s3"),
        ("s3://my-bucket/a/b/", "s3"),
        ("gs://my.bucket_1/a", "gs"),
        ("http://10.0.2.2:8080", "http"),
        ("https://[2001:db8::1]/a~b", "http"),
        ("serve", "serve"),
    ],
)
def test_stores(store: str, scheme: str) -> None:
    cluster = loaded(f"payloads: {{store: '{store}', fetch: role}}\n").cluster
    assert cluster
    assert cluster.payloads
    assert (cluster.payloads.scheme, cluster.payloads.fetch) == (scheme, "role")
    assert cluster.providers[scheme]["cluster"] == "web"


@pytest.mark.parametrize(
    "store",
    ["", "s3://", "s3://UPPER", "s3://a/../b c", "ftp://h/x", "serves", "gs://ab", "https://u:p@h/x", "https://h/x?y"],
)
def test_what_is_no_store(store: str) -> None:
    assert [code for code, _ in codes(f"payloads: {{store: '{store}'}}\n")] == ["PV014"]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("payloads: {}\n", "PV016"),
        ("runtime: {}\n", "PV015"),
        ("runtime: {log_max_size: 10}\n", "PV012"),
        ("runtime: {mirrors: ['https://m\"x']}\n", "PV014"),
        ("runtime: {insecure_registries: ['a/b']}\n", "PV014"),
        ("flannel: {}\n", "PV016"),
        ("flannel: {network: 10.1.0.0}\n", "PV014"),
    ],
)
def test_wrong_forms(text: str, code: str) -> None:
    assert [found for found, _ in codes(text)] == [code]


def test_a_store_is_no_provider() -> None:
    text = HEAD.replace("{fake: }", "{fake: , s3: }") + "pools: {core: {count: 1, provider: fake}}\n"
    report = load.check_text(text, file="cluster.yaml").report
    assert [(f.code, f.hint) for f in report.errors] == [("PV050", "name it as `payloads.store`")]

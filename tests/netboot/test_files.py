"""Boot files: whole, in ranges, with ETags; from the service and from nginx; fetched once and verified."""

from __future__ import annotations

import hashlib
import http.server
import threading
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

import pytest

from provision.errors import ProvisionError
from provision.netboot.cache import Cache
from provision.netboot.daemons import free_port, serving_files
from provision.netboot.entry import Artefact
from provision.netboot.nginx import Files
from tests.netboot import bench as benches
from tests.netboot.bench import until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import httpx

CONTENT = bytes(range(256)) * 4096
DIGEST = hashlib.sha256(CONTENT).hexdigest()


@contextmanager
def release_server(folder: Path) -> Iterator[str]:
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=folder)) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def machine(bench):
    found = bench.put(1, kernel=benches.artefact(bench.folder, "vmlinuz", CONTENT))
    bench.booting()
    return found


def served(web: httpx.Client, url: str) -> None:
    whole = web.get(url)
    assert (whole.status_code, whole.content) == (200, CONTENT)
    etag = whole.headers["etag"]
    part = web.get(url, headers={"range": "bytes=1000-1999"})
    assert (part.status_code, part.content) == (206, CONTENT[1000:2000])
    assert part.headers["content-range"] == f"bytes 1000-1999/{len(CONTENT)}"
    assert web.get(url, headers={"range": "bytes=-5"}).content == CONTENT[-5:]
    assert web.get(url, headers={"range": f"bytes={len(CONTENT)}-"}).status_code == 416
    assert web.get(url, headers={"if-none-match": etag}).status_code == 304
    assert web.get(url, headers={"range": "bytes=0-1", "if-range": '"another"'}).content == CONTENT
    assert web.get(url, headers={"range": "bytes=0-1", "if-range": etag}).status_code == 206
    assert web.head(url).headers["content-length"] == str(len(CONTENT))
    assert web.post(url).status_code in {403, 405}
    assert "immutable" in whole.headers["cache-control"]


def test_the_service_serves_files(bench, machine):
    url = f"{bench.running.here}/artefacts/{machine.kernel.path}"
    assert url in bench.script()
    served(bench.web, url)
    assert bench.web.get(url).headers["etag"] == f'"{DIGEST}"'


def test_nginx_serves_files_and_nothing_else(bench, machine):
    lines: list[str] = []
    files = Files(bench.folder / "cache", "127.0.0.1", free_port("127.0.0.1"))
    base = f"http://127.0.0.1:{files.port}"
    with serving_files(bench.store.directory, files, bench.running, lines.append) as nginx:
        url = until(lambda: (u := f"{base}/artefacts/{machine.kernel.path}") in bench.script() and u)
        served(bench.web, url)
        assert bench.store.service().files_url == base
        (bench.folder / "secret").write_text("secret")
        for path in ("/", "/artefacts/", f"/artefacts/{DIGEST}/", f"/artefacts/{DIGEST}/../../../secret", "/../secret"):
            answer = bench.web.get(base + path)
            assert answer.status_code in {400, 404}
            assert "secret" not in answer.text
        first = nginx.pid
        nginx._process.kill()
        assert until(lambda: nginx.pid not in {None, first})
        assert until(lambda: url in bench.script())
    assert until(lambda: f"{bench.running.url}/artefacts/" in bench.script())
    assert nginx.pid is None


def test_a_file_is_fetched_once_and_verified(tmp_path):
    (tmp_path / "release").mkdir()
    (tmp_path / "release" / "image").write_bytes(CONTENT)
    with release_server(tmp_path / "release") as url:
        cache = Cache(tmp_path / "cache")
        good = Artefact("image", DIGEST, f"{url}/image")
        assert cache.fetch(good).read_bytes() == CONTENT
        (tmp_path / "release" / "image").unlink()
        assert cache.fetch(good).read_bytes() == CONTENT
        assert Cache(tmp_path / "cache").ready([good])
        with pytest.raises(ProvisionError, match="answered 404"):
            cache.fetch(Artefact("gone", "0" * 64, f"{url}/gone"))


def test_a_file_that_is_not_what_it_should_be_is_not_served(bench):
    wrong = Artefact("vmlinuz", "0" * 64, benches.artefact(bench.folder).source)
    bench.put(1, kernel=wrong)
    assert "not ready" in bench.script()
    assert "[PV585]" in until(lambda: bench.running.service.cache.failures.get(wrong.path, ""))
    assert bench.web.get(f"/artefacts/{wrong.path}").status_code == 404
    assert not list((bench.folder / "cache").rglob("*.part"))


@pytest.mark.parametrize("source", ["ftp://a/b", "/nonexistent", "http://127.0.0.1:1/x", "http://[bad/"])
def test_sources_that_cannot_be_read(tmp_path, source):
    with pytest.raises(ProvisionError):
        Cache(tmp_path).fetch(Artefact("a", "0" * 64, source))
    assert not [p for p in tmp_path.rglob("*") if p.is_file()]

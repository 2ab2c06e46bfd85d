"""Downloads from a real HTTP server that can be told to misbehave."""

from __future__ import annotations

import bz2
import errno
import gzip
import hashlib
import lzma
import os
import random
import threading
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from provision.errors import Kind, ProviderError
from provision_qemu import download
from provision_qemu.image import Download

# Incompressible, with a hole of zeros in the middle, as a disk image has.
CONTENT = random.Random(1).randbytes(300_000) + bytes(3 << 20) + random.Random(2).randbytes(300_000)


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        server = self.server
        asked = self.headers.get("Range")
        server.asked.append(asked)
        if server.status != 200:
            self.send_error(server.status)
            return
        begin = int(asked.removeprefix("bytes=").rstrip("-")) if asked and server.ranges else 0
        if begin >= len(server.content):
            self.send_error(416)
            return
        self.send_response(206 if begin else 200)
        self.send_header("Content-Length", str(len(server.content) - begin))
        self.end_headers()
        self.wfile.write(server.content[begin : server.breaks_at.pop(0) if server.breaks_at else None])

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.asked, server.status, server.ranges, server.content, server.breaks_at = [], 200, True, CONTENT, []
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def image(server, suffix: str = "", content: bytes | None = None) -> Download:
    digest = hashlib.sha256(server.content if content is None else content).hexdigest()
    return Download(f"http://127.0.0.1:{server.server_port}/image.qcow2{suffix}", digest)


def failed(wanted: Download, cache) -> ProviderError:
    with pytest.raises(ProviderError) as error:
        download.fetch(wanted, cache)
    return error.value


def test_an_image_is_downloaded_once(server, tmp_path):
    file = download.fetch(image(server), tmp_path)
    assert file.read_bytes() == CONTENT
    assert download.fetch(image(server), tmp_path) == file
    assert len(server.asked) == 1
    assert list(file.parent.iterdir()) == [file]


@pytest.mark.parametrize(("suffix", "pack"), [(".xz", lzma.compress), (".gz", gzip.compress), (".bz2", bz2.compress)])
def test_a_packed_image_is_unpacked_with_holes(server, tmp_path, suffix, pack):
    server.content = pack(CONTENT)
    file = download.fetch(image(server, suffix), tmp_path)
    assert file.read_bytes() == CONTENT
    assert file.stat().st_blocks * 512 < len(CONTENT) - (1 << 20)
    assert list(file.parent.iterdir()) == [file]


def test_an_image_that_ends_with_zeros_keeps_its_length(server, tmp_path):
    server.content = gzip.compress(bytes(3 << 20))
    assert download.fetch(image(server, ".gz"), tmp_path).stat().st_size == 3 << 20


def test_a_wrong_digest_is_refused_and_nothing_kept(server, tmp_path):
    wanted = image(server, content=b"what the publisher made")
    error = failed(wanted, tmp_path)
    assert error.kind is Kind.INVALID
    assert wanted.sha256 in error.message
    assert hashlib.sha256(CONTENT).hexdigest() in error.message
    assert not download.cached(wanted, tmp_path).exists()
    assert not list(tmp_path.rglob("*.part"))


def test_what_says_it_is_packed_and_is_not(server, tmp_path):
    error = failed(image(server, ".xz"), tmp_path)
    assert "cannot be unpacked" in error.message
    assert not download.cached(image(server, ".xz"), tmp_path).exists()


def test_a_broken_download_is_continued(server, tmp_path):
    server.breaks_at = [2 << 20]
    error = failed(image(server), tmp_path)
    assert (error.kind, error.retryable) == (Kind.UNAVAILABLE, True)
    assert download.fetch(image(server), tmp_path).read_bytes() == CONTENT
    assert server.asked == [None, f"bytes={2 << 20}-"]


def test_a_broken_download_begins_anew_where_ranges_are_unknown(server, tmp_path):
    server.breaks_at, server.ranges = [2 << 20], False
    failed(image(server), tmp_path)
    assert download.fetch(image(server), tmp_path).read_bytes() == CONTENT


def test_a_part_longer_than_the_file_is_thrown_away(server, tmp_path):
    part = download.cached(image(server), tmp_path).with_suffix(".part")
    part.parent.mkdir(parents=True)
    part.write_bytes(CONTENT + b"more")
    assert download.fetch(image(server), tmp_path).read_bytes() == CONTENT


def test_a_whole_part_is_not_downloaded_again(server, tmp_path):
    part = download.cached(image(server), tmp_path).with_suffix(".part")
    part.parent.mkdir(parents=True)
    part.write_bytes(CONTENT)
    assert download.fetch(image(server), tmp_path).read_bytes() == CONTENT
    assert server.asked == []


@pytest.mark.parametrize(
    ("status", "kind", "retryable"),
    [(404, Kind.NOT_FOUND, False), (403, Kind.UNAVAILABLE, False), (503, Kind.UNAVAILABLE, True)],
)
def test_a_server_that_refuses(server, tmp_path, status, kind, retryable):
    server.status = status
    error = failed(image(server), tmp_path)
    assert (error.kind, error.retryable, error.code) == (kind, retryable, str(status))


def test_a_server_that_is_not_there(tmp_path):
    assert failed(Download("http://127.0.0.1:1/x", "0" * 64), tmp_path).kind is Kind.UNAVAILABLE


def test_many_ask_and_one_downloads(server, tmp_path):
    with ThreadPoolExecutor(5) as pool:
        files = list(pool.map(lambda _: download.fetch(image(server), tmp_path), range(5)))
    assert len(set(files)) == 1
    assert len(server.asked) == 1


def test_a_full_disk(server, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "image.part")

    monkeypatch.setattr(download, "_write", full)
    error = failed(image(server), tmp_path)
    assert (error.kind, error.code) == (Kind.CAPACITY, "ENOSPC")

"""The discovery service against Debian's etcd-discovery in one run, and 10,000 open long polls."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from contextlib import contextmanager
from urllib.parse import urlsplit

import httpx
import psutil
import pytest

from provision.etcd.discovery.client import DiscoveryClient
from provision.etcd.discovery.server import raise_file_limit
from tests.etcd.lab import debians_service, laboratory

pytestmark = [pytest.mark.perf, pytest.mark.timeout(300)]

CONNECTIONS = 32
TOKENS = 40
PER_TOKEN = 50
WATCHERS = 200
ROUNDS = 20
MANY = 10_000
MEMBER = "value=n%3Dhttp%3A%2F%2F10.0.0.1%3A2380"


@contextmanager
def ours(directory):
    command = [
        sys.executable,
        "-m",
        "provision",
        "discovery",
        "serve",
        "--json",
        "--port=0",
        f"--directory={directory}",
    ]
    process = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", *command], stdout=subprocess.PIPE, text=True)
    try:
        yield json.loads(process.stdout.readline())["url"], process.pid
    finally:
        process.terminate()
        process.communicate(timeout=30)


class Connection:
    """A keep-alive HTTP/1.1 connection that costs little more than its bytes."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.host, self.port = parts.hostname, parts.port

    async def open(self) -> Connection:
        self.reader, self.writer = await asyncio.open_connection(self.host, self.port)
        return self

    def send(self, method: str, target: str, body: str = "") -> None:
        kind = "Content-Type: application/x-www-form-urlencoded\r\n" if body else ""
        head = f"{method} {target} HTTP/1.1\r\nHost: {self.host}\r\n{kind}Content-Length: {len(body)}\r\n\r\n"
        self.writer.write((head + body).encode())

    async def receive(self) -> tuple[int, bytes]:
        head, body = await self.receive_all()
        return int(head.split(None, 2)[1]), body

    async def receive_all(self) -> tuple[bytes, bytes]:
        """Return the head, in lower case, and the body."""
        head = (await self.reader.readuntil(b"\r\n\r\n")).lower()
        if b"content-length:" in head:
            return head, await self.reader.readexactly(_number(head, b"content-length"))
        body = b""
        while size := int(await self.reader.readline(), 16):
            body += (await self.reader.readexactly(size + 2))[:-2]
        await self.reader.readline()
        return head, body

    async def ask(self, method: str, target: str, body: str = "") -> tuple[int, bytes]:
        self.send(method, target, body)
        return await self.receive()

    def close(self) -> None:
        self.writer.close()


async def registrations(url: str, tokens: list[str]) -> float:
    """Return registrations per second over some connections at once."""
    todo = [f"{urlsplit(token).path}/{n:x}?prevExist=false" for n in range(1, PER_TOKEN + 1) for token in tokens]
    total = len(todo)

    async def work(connection):
        while todo:
            status, _ = await connection.ask("PUT", todo.pop(), MEMBER)
            assert status == 201

    connections = [await Connection(url).open() for _ in range(CONNECTIONS)]
    started = time.perf_counter()
    await asyncio.gather(*map(work, connections))
    took = time.perf_counter() - started
    for connection in connections:
        connection.close()
    return total / took


async def polls(url: str, token: str, watchers: int, rounds: int) -> float:
    """Return long polls per second, asked and answered: all watch a token, one registers, again and again."""
    path = urlsplit(token).path
    crowd = [await Connection(url).open() for _ in range(watchers)]
    writer = await Connection(url).open()
    started = time.perf_counter()
    for number in range(1, rounds + 1):
        writer.send("GET", path)
        head, _ = await writer.receive_all()
        for connection in crowd:
            connection.send("GET", f"{path}?recursive=true&wait=true&waitIndex={_number(head, b'x-etcd-index') + 1}")
        await writer.ask("PUT", f"{path}/{number:x}?prevExist=false", MEMBER)
        answers = await asyncio.gather(*(connection.receive() for connection in crowd))
        assert all(status == 200 and b'"node"' in body for status, body in answers)
    took = time.perf_counter() - started
    for connection in [*crowd, writer]:
        connection.close()
    return watchers * rounds / took


def _number(head: bytes, name: bytes) -> int:
    return int(head.split(name + b":")[1].split(b"\r\n")[0])


async def ended(connection: Connection) -> None:
    """Read a chunked body whose head was read before."""
    body = b""
    while size := int(await connection.reader.readline(), 16):
        body += (await connection.reader.readexactly(size + 2))[:-2]
    await connection.reader.readline()
    assert b'"node"' in body


def measured(url: str) -> tuple[float, float]:
    with DiscoveryClient(url) as client:
        tokens = [client.new(3) for _ in range(TOKENS)]
        watched = client.new(9)
    return asyncio.run(registrations(url, tokens)), asyncio.run(polls(url, watched, WATCHERS, ROUNDS))


def test_against_debians(capsys):
    with laboratory() as lab, ours(lab.directory / "registry") as (url, _), debians_service(lab) as debian:
        theirs = measured(debian)
        mine = measured(url)
    with capsys.disabled():
        for what, here, there in zip(("registrations", "long polls"), mine, theirs, strict=True):
            print(f"\ndiscovery, {what}/s: ours {here:,.0f}, Debian's {there:,.0f}, ratio {here / there:.2f}")
    assert min(mine) > 0


def test_ten_thousand_waiters(tmp_path, capsys):
    if raise_file_limit(MANY + 200) < MANY + 200:
        pytest.fail(f"this needs {MANY + 200} open files: raise the hard limit (ulimit -Hn)")
    with ours(tmp_path) as (url, pid), DiscoveryClient(url) as client:
        token = client.new(9)
        empty = psutil.Process(pid).memory_info().rss
        started = time.perf_counter()
        count, delivered, peak = asyncio.run(crowd(url, token, psutil.Process(pid)))
        took = time.perf_counter() - started
        assert httpx.get(f"{url}/health").text == "OK"
    with capsys.disabled():
        each = (peak - empty) / MANY / 1024
        print(f"\ndiscovery, {count:,} waiters: {took:.1f} s, answered in {delivered:.1f} s, {each:.1f} KiB each")
    assert count == MANY


async def crowd(url: str, token: str, process: psutil.Process) -> tuple[int, float, int]:
    """Open the waiters, have one member register, and see that each is told."""
    path = urlsplit(token).path
    waiters = []
    for _ in range(MANY // 500):
        waiters += await asyncio.gather(*(Connection(url).open() for _ in range(500)))
        for connection in waiters[-500:]:
            connection.send("GET", f"{path}?recursive=true&wait=true&waitIndex=2")
        await asyncio.gather(*(c.reader.readuntil(b"\r\n\r\n") for c in waiters[-500:]))
    one_more = await Connection(url).open()
    assert (await one_more.ask("GET", f"{path}?recursive=true&wait=true&waitIndex=2"))[0] == 503
    peak = process.memory_info().rss
    started = time.perf_counter()
    assert (await one_more.ask("PUT", f"{path}/aa?prevExist=false", MEMBER))[0] == 201
    await asyncio.gather(*map(ended, waiters))
    took = time.perf_counter() - started
    for connection in [*waiters, one_more]:
        connection.close()
    return len(waiters), took, peak

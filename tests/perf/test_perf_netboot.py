"""The boot service against nginx (one worker) serving the same bytes, in one run; many machines; all of them at once.

`wrk` asks, so that the client is not what is measured. It uses one of the two processors and the server the other.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import random
import re
import subprocess
import sys
import threading
import time
from contextlib import ExitStack, contextmanager
from statistics import median
from urllib.parse import urlsplit

import httpx
import psutil
import pytest

from provision.netboot.daemons import free_port, program
from provision.netboot.entry import Artefact, Entry, State
from provision.netboot.store import BootStore

pytestmark = [pytest.mark.perf, pytest.mark.timeout(600)]

SECONDS = 2
ROUNDS = 5
CONNECTIONS = 32
CONFIG = json.dumps({"ignition": {"version": "3.3.0"}, "filler": "x" * 4000}).encode()
CROWD = 2000
MACHINES = (100, 20_000)


def nonce(number: int) -> str:
    return f"{number:032x}"


def mac(number: int) -> str:
    return "52-54-00-{:02x}-{:02x}-{:02x}".format(*number.to_bytes(3, "big"))


def ipxe(number: int) -> str:
    """What Debian's iPXE asks."""
    zeros = "00000000-0000-0000-0000-000000000000"
    return f"/ipxe?uuid={zeros}&mac={mac(number)}&domain=&hostname=&serial=&arch=x86_64&platform=pcbios"


def fill(folder, count: int) -> None:
    kernel = folder / "vmlinuz"
    kernel.write_bytes(b"kernel")
    artefact = Artefact("vmlinuz", hashlib.sha256(b"kernel").hexdigest(), str(kernel))
    store = BootStore(folder / "data")
    for number in range(count):
        entry = Entry(
            id=f"m{number}",
            cluster="demo",
            uid="7d3a7b0e-5e0f-4a53-9d4b-3f5a1f0f6a11",
            macs=(mac(number).replace("-", ":"),),
            kernel=artefact,
            args=("console=ttyS0",),
            nonce=nonce(number),
            phone_home=nonce(number + (1 << 64)),
            max_boots=0,
        )
        store.put(entry, CONFIG, durable=False)


@contextmanager
def ours(folder):
    command = [sys.executable, "-m", "provision", "serve", "--json", "--port=0", "--no-nginx"]
    command += [f"--data={folder / 'data'}", f"--cache={folder / 'cache'}"]
    process = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", *command], stdout=subprocess.PIPE, text=True)
    try:
        url = json.loads(process.stdout.readline())["url"]
        reader = threading.Thread(target=process.stdout.read)  # it tells of every machine
        reader.start()
        deadline = time.monotonic() + 30
        while "kernel " not in httpx.get(url + ipxe(0)).text:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        yield url, psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait(30)
        reader.join()
        process.stdout.close()


@contextmanager
def nginx(folder, files: dict[str, bytes]):
    root = folder / "www"
    root.mkdir()
    for name, data in files.items():
        (root / name).write_bytes(data)
    port = free_port("127.0.0.1")
    temporary = "".join(f"{n}_temp_path {folder}/{n}; " for n in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    (folder / "nginx.conf").write_text(
        f"worker_processes 1; daemon off; user root; pid {folder}/nginx.pid; error_log stderr error;\n"
        "events { worker_connections 4096; }\n"
        f"http {{ access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000; open_file_cache max=100;\n"
        f"{temporary} server {{ listen 127.0.0.1:{port}; root {root}; }} }}\n"
    )
    command = [program("nginx"), "-p", folder, "-e", "stderr", "-c", folder / "nginx.conf"]
    process = subprocess.Popen(["setpriv", "--pdeathsig", "TERM", *map(str, command)])
    url = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 30
        while not answers(f"{url}/{next(iter(files))}"):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        yield url
    finally:
        process.terminate()
        process.wait(30)


def answers(url: str) -> bool:
    try:
        return httpx.get(url).status_code == 200
    except httpx.TransportError:
        return False


def rate(url: str, script: str = "") -> float:
    """Return requests per second; any answer but 200 is an error."""
    extra = ["-s", script] if script else []
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{SECONDS}", "--timeout=10", *extra, url]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "Non-2xx" not in said, said
    assert "Socket errors" not in said, said
    return float(re.search(r"Requests/sec:\s+([\d.]+)", said)[1])


def test_hot_paths_against_nginx(tmp_path, capsys):
    fill(tmp_path, 100)
    with ExitStack() as stack:
        url, _ = stack.enter_context(ours(tmp_path))
        script = httpx.get(url + ipxe(7)).content
        theirs = stack.enter_context(nginx(tmp_path, {"ipxe": script, "ignition": CONFIG}))
        for what, path in (("ipxe", ipxe(7)), ("ignition", f"/ignition/{nonce(7)}")):
            assert httpx.get(f"{theirs}/{what}").content == httpx.get(url + path).content
            pairs = [(rate(url + path), rate(f"{theirs}/{what}")) for _ in range(ROUNDS)]
            middle = median(mine / other for mine, other in pairs)
            best = [max(column) for column in zip(*pairs, strict=True)]
            with capsys.disabled():
                print(
                    f"\nnetboot, {what}/s: ours {best[0]:,.0f}, nginx {best[1]:,.0f}, "
                    f"ratio {best[0] / best[1]:.2f} (median of {ROUNDS} pairs {middle:.2f})"
                )


def test_flat_in_the_number_of_machines(tmp_path, capsys):
    """Requests for machines at random; the two services run side by side and are asked by turns."""
    with ExitStack() as stack:
        urls = {}
        for count in MACHINES:
            folder = tmp_path / str(count)
            folder.mkdir()
            fill(folder, count)
            urls[count], _ = stack.enter_context(ours(folder))
        rates: dict[int, list[float]] = {count: [] for count in MACHINES}
        for _ in range(ROUNDS):
            for count in MACHINES:
                rates[count].append(rate(urls[count], str(asking(tmp_path, count))))
    few, many = (median(rates[count]) for count in MACHINES)
    with capsys.disabled():
        print(f"\nnetboot, ipxe/s: {MACHINES[0]} machines {few:,.0f}, {MACHINES[1]:,} machines {many:,.0f}")


def asking(folder, count: int):
    """Write what makes wrk ask for other machines each time."""
    script = folder / f"{count}.lua"
    path = ipxe(0).replace(mac(0), "52-54-00-%02x-%02x-%02x")
    script.write_text(
        "request = function()\n"
        f"  local n = math.random(0, {count - 1})\n"
        f'  local path = string.format("{path}", math.floor(n / 65536), math.floor(n / 256) % 256, n % 256)\n'
        '  return wrk.format("GET", path)\n'
        "end\n"
    )
    return script


async def ask(url: str, request: bytes) -> tuple[float, int, bytes]:
    """Ask on a connection of its own, as a machine does; return seconds, status and body."""
    parts = urlsplit(url)
    began = time.perf_counter()
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(re.search(rb"content-length: (\d+)", head, re.I)[1])
    body = await reader.readexactly(length)
    took = time.perf_counter() - began
    writer.close()
    await writer.wait_closed()
    return took, int(head.split(b" ", 2)[1]), body


async def machine(url: str, number: int) -> list[float]:
    """Boot: /boot.ipxe, /ipxe, the config, phone-home."""
    host = urlsplit(url).netloc
    report = json.dumps({"machine": f"m{number}", "nonce": nonce(number + (1 << 64)), "failed": []}).encode()
    where = f"/phone-home/{nonce(number + (1 << 64))}"
    post = f"POST {where} HTTP/1.1\r\nHost: {host}\r\nContent-Length: {len(report)}\r\n\r\n"
    get = "GET {} HTTP/1.1\r\nHost: " + host + "\r\nUser-Agent: iPXE/1.0.0+git-20190125.36a4c85-5.1\r\n\r\n"
    times = []
    for request, expected in (
        (get.format("/boot.ipxe").encode(), b"chain "),
        (get.format(ipxe(number)).encode(), f"/ignition/{nonce(number)}".encode()),
        (get.format(f"/ignition/{nonce(number)}").encode(), CONFIG),
        (post.encode() + report, b"thank you"),
    ):
        await asyncio.sleep(random.random() * 0.5)  # the pace of firmware, not a wait for something
        took, status, body = await ask(url, request)
        assert status == 200
        assert expected in body
        times.append(took)
    return times


async def crowd(url: str) -> list[float]:
    return [t for times in await asyncio.gather(*(machine(url, n) for n in range(CROWD))) for t in times]


def test_two_thousand_machines_at_once(tmp_path, capsys):
    from provision.etcd.discovery.server import raise_file_limit

    assert raise_file_limit(CROWD + 500) >= CROWD + 500
    fill(tmp_path, CROWD)
    with ours(tmp_path) as (url, process):
        before, began = sum(process.cpu_times()[:2]), time.perf_counter()
        times = sorted(asyncio.run(crowd(url)))
        took, spent = time.perf_counter() - began, sum(process.cpu_times()[:2]) - before
        progress = BootStore(tmp_path / "data").all_progress()
    assert len(progress) == CROWD
    assert all(p.state is State.UP for p in progress.values())
    with capsys.disabled():
        p50, p99 = times[len(times) // 2], times[len(times) * 99 // 100]
        print(
            f"\nnetboot, {CROWD:,} machines at once: up in {took:.1f} s, {len(times):,} requests, no error, "
            f"p50 {p50 * 1000:.0f} ms, p99 {p99 * 1000:.0f} ms, longest {times[-1] * 1000:.0f} ms; "
            f"{spent:.1f} CPU seconds of the service's"
        )

"""What a stranger on the network may try: every attempt is refused, and the service goes on."""

from __future__ import annotations

import contextlib
import hashlib
import socket
import time

import pytest

from provision.etcd.discovery.limits import Limits
from provision.netboot.entry import State
from tests.netboot import bench as benches
from tests.netboot.bench import CONFIG, connection, mac, received, until

HOST = b"Host: boot\r\n"
SECRET = b"hunter2-the-cluster-key"


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/1.1 ") else 0


PATHS = (
    "/artefacts/../data/states.sqlite",
    "/artefacts/%2e%2e/%2e%2e/data/states.sqlite",
    "/artefacts/..%2f..%2fdata%2fstates.sqlite",
    "/artefacts/" + "0" * 64 + "/../../data/service.json",
    "/artefacts/" + "0" * 64 + "/..%2f..%2f..%2fdata%2fservice.json",
    "/artefacts//etc/passwd",
    "/loaders/..%2fservice.json",
    "/loaders/../service.json",
    "/loaders/.hidden",
    "/bodies/../service.json",
    "/bodies/..%2fservice.json",
    "/bodies/%2e%2e",
    "/pxelinux/..%2fservice.json",
    "/pxelinux.cfg/01-..%2f..%2fservice.json",
    "/grub/..%2f..%2fservice.json",
    "//etc/passwd",
    "/%00",
    "/loaders/%00",
    "/discovery/../states.sqlite",
)


def test_paths_lead_nowhere_else(tmp_path):
    tftp = tmp_path / "data" / "tftp"
    tftp.mkdir(parents=True)
    (tftp / ".hidden").write_text("hidden")
    with benches.bench(tmp_path, loaders=tftp) as bench:
        bench.store.put_body(b"body")
        for path in PATHS:
            answer = bench.raw(b"GET " + path.encode() + b" HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n")
            assert status(answer) in {400, 403, 404}, path
            for leak in (b"discovery_url", b"SQLite", b"root:", b"hidden"):
                assert leak not in answer, path


def test_a_mac_address_is_no_credential(bench):
    machine = bench.put(1)
    dashes = mac(1).replace(":", "-")
    for path in (f"/ignition?mac={dashes}", f"/ignition/{dashes}", f"/ignition?uuid={machine.uuid}", "/ignition/"):
        assert bench.web.get(path).status_code == 404
    assert bench.web.get("/ignition/" + "0" * 32).status_code == 404
    assert bench.web.get("/ignition/" + machine.nonce.upper()).status_code == 404
    assert machine.nonce not in bench.web.get(f"/metadata?mac={dashes}").text
    assert bench.store.progress("m1").state is State.PENDING


def test_secrets_are_served_once_and_never_told(tmp_path, capfd):
    config = b'{"ignition":{"version":"3.3.0"},"x":"' + SECRET + b'"}'
    with benches.bench(tmp_path) as bench:
        machine = bench.put(1, config)
        bench.booting()
        assert SECRET in bench.web.get(f"/ignition/{machine.nonce}").content
        bench.home(machine)
        for path in (
            f"/ignition/{machine.nonce}",
            "/states",
            "/metrics",
            f"/metadata?mac={mac(1)}",
            f"/ipxe?mac={mac(1)}",
        ):
            answer = bench.web.get(path)
            assert SECRET not in answer.content
            assert machine.nonce not in answer.text
            assert machine.phone_home not in answer.text
        told = str(bench.events)
        assert machine.nonce not in told
        assert machine.phone_home not in told
    said = "".join(capfd.readouterr())
    states = b"".join(p.read_bytes() for p in (tmp_path / "data").glob("states.sqlite*"))
    for secret in (SECRET.decode(), machine.nonce, machine.phone_home):
        assert secret not in said
        assert secret.encode() not in states


def test_files_with_secrets_are_for_their_owner_alone(bench):
    bench.put(1)
    bench.store.put_body(b"body")
    for path in bench.store.directory.rglob("*"):
        if path.is_file():
            assert path.stat().st_mode & 0o077 == 0, path


def test_a_stranger_cannot_say_that_a_machine_is_up(bench):
    machine = bench.put(1)
    good = {"machine": "m1", "nonce": machine.phone_home, "failed": []}
    assert bench.web.post("/phone-home/" + "0" * 32, json=good).status_code == 404
    assert bench.web.post(f"/phone-home/{machine.nonce}", json=good).status_code == 404
    assert bench.web.post(f"/phone-home/{machine.phone_home}", json={**good, "nonce": "0" * 32}).status_code == 400
    assert bench.web.post(f"/phone-home/{machine.phone_home}", content=b"\xff{").status_code == 400
    assert bench.web.post("/installed/" + "0" * 32).status_code == 404
    assert bench.web.get(f"/installed/{machine.nonce}").status_code == 405
    assert bench.store.progress("m1").state is State.PENDING


def test_no_answer_about_a_config_is_empty(bench):
    machine = bench.put(1, b"")  # a provider's mistake must not become a machine that nobody can enter
    for path in (f"/ignition/{machine.nonce}", "/ignition/" + "1" * 32):
        answer = bench.web.get(path)
        assert answer.status_code in {404, 503}
        assert answer.content
    bench.put(1)
    until(lambda: bench.web.get(f"/ignition/{machine.nonce}").status_code == 200)
    bench.store.directory.joinpath("configs", f"m1-{hashlib.sha256(CONFIG).hexdigest()}").write_bytes(b"{}")
    bench.put(2, b"x")


def test_a_config_that_was_changed_on_the_disk_is_not_served(bench):
    machine = bench.put(1)
    bench.store.directory.joinpath("configs", f"m1-{hashlib.sha256(CONFIG).hexdigest()}").write_bytes(b'{"evil":1}')
    assert bench.web.get(f"/ignition/{machine.nonce}").status_code == 503


@pytest.mark.parametrize(
    "head",
    [
        b"GET /ipxe?mac=52-54-00-00-00-01 HTTP/1.1\r\n\r\n",  # no Host
        b"GET /ipxe?mac=52-54-00-00-00-01 HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"GET /ipxe?mac=52-54-00-00-00-01 HTTP/1.1\r\nHost : a\r\n\r\n",
        b"GET /ipxe?mac=52-54-00-00-00-01 HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        b"GET /ipxe?mac=52-54-00-00-00-01 HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
        b"GET /ipxe?mac=\x00 HTTP/1.1\r\nHost: a\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET /ipxe?mac=52-54-00-00-00-01 HTTP/1.1\r\nHost: a\r\nX: " + b"y" * 1_000_000 + b"\r\n\r\n",
        b"GET /ipxe?mac=" + b"5" * 3_000 + b" HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    ],
)
def test_malformed_and_oversized_heads_are_refused(bench, head):
    machine = bench.put(1)
    answer = bench.raw(head)
    assert status(answer) in {0, 400}
    assert machine.nonce.encode() not in answer
    assert bench.web.get("/healthz").status_code == 200


@pytest.mark.parametrize(
    "query", ["mac=zz", "mac=" + "5" * 3000, "mac=52-54-00-00-00-01%0a", "uuid=" + "a" * 40, "serial=A%0d%0aX"]
)
def test_malformed_questions_are_refused(bench, query):
    assert bench.web.get(f"/ipxe?{query}").status_code == 400
    assert not bench.store.strangers()


def test_what_a_machine_says_gets_into_no_script(bench):
    text = bench.web.get(
        "/ipxe?mac=52-54-00-00-00-02&hostname=x%0achain+http://evil/&serial=%24%7bx%7d", headers={"host": "evil"}
    ).text
    assert "evil" not in text
    bench.put(1)
    answer = bench.web.get(
        f"/ipxe?mac={mac(1)}", headers={"host": "evil", "x-forwarded-host": "evil", "x-forwarded-for": "1.2.3.4"}
    )
    assert "evil" not in answer.text
    assert until(lambda: bench.store.progress("m1").client) == "127.0.0.1"


def test_both_ways_of_answering_give_the_same(bench):
    """A request that is plain and one that is not go through different code."""
    machine = bench.put(1, max_boots=0)
    bench.booting()
    for path in (f"/ipxe?mac={mac(1)}", f"/ignition/{machine.nonce}"):
        request = b"GET " + path.encode() + b" HTTP/1.1\r\n" + HOST
        with connection(bench.running.here) as sock:
            sock.sendall(request + b"\r\n")
            plain = sock.recv(1 << 16)
        other = bench.raw(request + b"Connection: close\r\n\r\n")
        assert status(plain) == status(other) == 200
        assert plain.split(b"\r\n\r\n", 1)[1] == other.split(b"\r\n\r\n", 1)[1]


def test_requests_in_pieces_and_in_a_row(bench):
    bench.put(1, max_boots=0)
    bench.booting()
    request = f"GET /ipxe?mac={mac(1)} HTTP/1.1\r\n".encode() + HOST
    with connection(bench.running.here) as sock:
        for piece in (request[:10], request[10:30], request[30:] + b"\r\n"):
            sock.sendall(piece)
            time.sleep(0.05)  # so that it arrives as a piece of its own
        assert b"kernel " in sock.recv(1 << 16)
        sock.sendall(request + b"\r\n")
        assert b"kernel " in sock.recv(1 << 16)
        sock.sendall((request + b"\r\n") * 2 + request + b"Connection: close\r\n\r\n")  # pipelined
        assert received(sock).count(b"HTTP/1.1 200") == 3


def test_a_smuggled_second_request_is_no_request(bench):
    machine = bench.put(1)
    inner = f"GET /ignition/{machine.nonce} HTTP/1.1\r\nHost: a\r\n\r\n".encode()
    head = (
        b"GET /ipxe?mac=52-54-00-00-00-09 HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: %d\r\n\r\n"
        % len(inner)
    )
    answer = bench.raw(head + inner)
    assert answer.count(b"HTTP/1.1") == 1
    assert b"/etc/hello" not in answer


@pytest.mark.parametrize("body", [b"{" * 70_000, b"x" * 1_000_000])
def test_oversized_reports_are_refused(bench, body):
    machine = bench.put(1)
    head = f"POST /phone-home/{machine.phone_home} HTTP/1.1\r\nHost: a\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    with connection(bench.running.here) as sock:
        with contextlib.suppress(ConnectionResetError, BrokenPipeError):
            sock.sendall(head + body)
        assert status(received(sock)) in {0, 413}
    assert bench.web.get("/healthz").status_code == 200


def test_slow_heads_are_cut_off(tmp_path, monkeypatch):
    monkeypatch.setattr("provision.etcd.discovery.store.Limits", lambda: Limits(request=0.5))
    with benches.bench(tmp_path) as bench:
        began = time.monotonic()
        with connection(bench.running.here) as silent, connection(bench.running.here) as slow:
            slow.sendall(b"GET /ipxe?mac=")
            assert received(silent) == b""
            assert received(slow) == b""
        assert time.monotonic() - began < 10


def test_there_are_only_so_many_connections(tmp_path, monkeypatch):
    monkeypatch.setattr("provision.etcd.discovery.store.Limits", lambda: Limits(connections=20))
    with benches.bench(tmp_path) as bench:
        crowd = [socket.create_connection(("127.0.0.1", int(bench.running.here.rpartition(":")[2]))) for _ in range(40)]
        for sock in crowd[30:]:
            sock.settimeout(10)
            assert received(sock) == b""
        for sock in crowd:
            sock.close()
        assert until(lambda: bench.web.get("/healthz").status_code == 200)


def test_strangers_without_end_are_bounded(bench, monkeypatch):
    monkeypatch.setattr("provision.netboot.ledger.STRANGERS", 50)
    for number in range(200):
        bench.web.get(f"/ipxe?mac=52-54-00-ee-00-{number:02x}")
    kept = until(lambda: (s := bench.store.strangers()) and any(x.mac.endswith(":c7") for x in s) and s)
    assert len(kept) == 50


def test_states_are_shown_to_this_computer_alone(bench):
    from starlette.requests import Request

    from provision.netboot import web

    def seen_from(address: str) -> bool:
        return web._here(Request({"type": "http", "client": (address, 1), "headers": []}))

    assert seen_from("127.0.0.1")
    assert not seen_from("10.0.0.7")
    assert not seen_from("fe80::1")


def test_a_body_is_served_to_who_knows_its_hash(bench):
    digest = bench.store.put_body(b"the body")
    answer = bench.web.get(f"/bodies/{digest}")
    assert answer.content == b"the body"
    assert answer.headers["etag"] == f'"{digest}"'
    short = hashlib.sha256(b"other").hexdigest()
    (bench.store.directory / "bodies" / short).write_bytes(b"other")
    assert bench.web.get(f"/bodies/{short}").content == b"other"
    (bench.store.directory / "bodies" / short).write_bytes(b"changed")
    assert bench.web.get(f"/bodies/{short}").status_code == 503
    assert bench.web.get("/bodies/" + "0" * 64).status_code == 404
    assert bench.web.get("/bodies/").status_code == 404
    bench.store.remove_body(digest)
    assert bench.web.get(f"/bodies/{digest}").status_code == 404


def test_a_damaged_entry_stops_nobody_else(bench):
    (bench.store.directory / "machines").mkdir(exist_ok=True)
    (bench.store.directory / "machines" / "bad.json").write_text("{")
    (bench.store.directory / "machines" / "other.json").write_text("[]")
    bench.put(1)
    assert bench.booting()
    assert "provision_netboot_damaged_entries 2" in bench.web.get("/metrics").text

"""The service on a real socket: the protocol as etcd and Debian's etcd-discovery exchange it, and hostile clients."""

from __future__ import annotations

import socket
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from urllib.parse import quote, urlsplit

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from provision.errors import LockHeld, ProvisionError
from provision.etcd.discovery.client import DiscoveryClient, DiscoveryError, is_token, probe
from provision.etcd.discovery.limits import Limits
from provision.etcd.discovery.server import serving
from provision.etcd.tls import Tls

VALUE = "n1=http://10.0.0.1:2380"
HTTP = httpx.Client(verify=False, timeout=10)
"""Shared by all tests: making a client costs more than a request."""

SMALL = Limits(waiters=3, connections=12, request=0.5, wait=0.6, body=2048, headers=2048)


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("registry")) as found:
        yield found


@pytest.fixture
def token(url):
    return HTTP.get(f"{url}/new?size=3").text


def put(token, name, value=VALUE, **params):
    return HTTP.put(f"{token}/{name}", params={"prevExist": "false", **params}, data={"value": value})


def key(token, name=""):
    return f"/_etcd/registry/{token.rpartition('/')[2]}" + (f"/{name}" if name else "")


def test_a_new_token_is_a_url_without_a_newline_and_starts_empty(url, token):
    assert token.startswith(f"{url}/")
    assert is_token(token)
    size = HTTP.get(f"{token}/_config/size?quorum=false&recursive=false&sorted=false")
    assert size.json()["action"] == "get"
    assert size.json()["node"]["value"] == "3"
    assert size.json()["node"]["key"] == key(token, "_config/size")
    listing = HTTP.get(f"{token}?quorum=false&recursive=false&sorted=false")
    assert listing.json()["node"].items() >= {"key": key(token), "dir": True}.items()
    assert "nodes" not in listing.json()["node"]
    assert int(listing.headers["X-Etcd-Index"]) >= size.json()["node"]["createdIndex"]


def test_registering_is_create_only(token):
    first = put(token, "ab12")
    assert first.status_code == 201
    node = first.json()["node"]
    assert first.json()["action"] == "create"
    assert (node["key"], node["value"]) == (key(token, "ab12"), VALUE)
    assert int(first.headers["X-Etcd-Index"]) == node["createdIndex"] == node["modifiedIndex"]
    again = put(token, "ab12")
    assert again.status_code == 412
    assert (
        again.json().items() >= {"errorCode": 105, "message": "Key already exists", "cause": key(token, "ab12")}.items()
    )


def test_registrations_are_listed_in_their_order_and_one_by_one(token):
    for name in ("ff", "00", "7a"):
        put(token, name)
    nodes = HTTP.get(token).json()["node"]["nodes"]
    assert [n["key"].rpartition("/")[2] for n in nodes] == ["ff", "00", "7a"]
    assert [n["createdIndex"] for n in nodes] == sorted(n["createdIndex"] for n in nodes)
    assert HTTP.get(f"{token}/7a").json()["node"] == nodes[2]


def test_a_wait_for_what_is_past_is_answered_at_once(token):
    index = put(token, "aa").json()["node"]["createdIndex"]
    own = HTTP.get(f"{token}/aa?recursive=false&wait=true&waitIndex={index}").json()
    assert (own["action"], own["node"]["createdIndex"]) == ("create", index)
    second = put(token, "bb").json()["node"]["createdIndex"]
    found = HTTP.get(f"{token}?recursive=true&wait=true&waitIndex={index}").json()
    assert found["node"]["createdIndex"] == index
    found = HTTP.get(f"{token}?recursive=true&wait=true&waitIndex={index + 1}").json()
    assert found["node"]["createdIndex"] == second


def test_a_wait_gets_its_headers_at_once_and_its_body_with_the_next_registration(url, token):
    index = int(HTTP.get(token).headers["X-Etcd-Index"])
    with HTTP.stream("GET", f"{token}?recursive=true&wait=true&waitIndex={index + 1}") as answer:
        assert answer.status_code == 200
        assert int(answer.headers["X-Etcd-Index"]) >= index
        other = HTTP.get(f"{url}/new?size=1").text
        put(other, "aa")  # another token's registration does not wake it
        put(token, "bb")
        answer.read()
        assert answer.json()["node"]["key"] == key(token, "bb")


def test_a_deletion_makes_all_who_counted_read_anew(token):
    index = put(token, "aa").json()["node"]["createdIndex"]
    waiting = f"{token}?recursive=true&wait=true&waitIndex={index + 1}"
    with HTTP.stream("GET", waiting) as answer:
        gone = HTTP.delete(f"{token}/aa")
        assert gone.json()["action"] == "delete"
        assert gone.json()["prevNode"]["value"] == VALUE
        assert answer.read() == b""  # etcd's client asks the same again
    assert HTTP.get(waiting).status_code == 503
    assert HTTP.get(waiting).json()["errorCode"] == 300
    assert HTTP.delete(f"{token}/aa").json()["errorCode"] == 100


WRONG = [
    ("GET", "/{token}/missing", {}, 404, 100),
    ("GET", "/" + "0" * 32, {}, 404, 100),
    ("GET", "/" + "0" * 32 + "?wait=true&recursive=true", {}, 404, 100),
    ("GET", "/" + "0" * 32 + "/_config/size", {}, 404, 100),
    ("PUT", "/" + "0" * 32 + "/aa?prevExist=false", {"value": VALUE}, 404, 100),
    ("PUT", "/{token}/aa?prevExist=true", {"value": VALUE}, 404, 100),
    ("PUT", "/{token}/aa?prevExist=maybe", {"value": VALUE}, 400, 209),
    ("PUT", "/{token}/aa?prevExist=false", {"value": VALUE, "ttl": "5"}, 400, 209),
    ("PUT", "/{token}/aa?prevExist=false", {"value": "x" * 5000}, 400, 209),
    ("PUT", "/{token}/aa?prevExist=false", {"value": "x" * 50_000}, 400, 209),
    ("PUT", "/{token}/_config/size", {"value": "9"}, 400, 209),
    ("PUT", "/{token}/aa?prevExist=false", b"\xff\xfe", 400, 209),
    ("PUT", "/{token}", {"value": VALUE}, 403, 102),
    ("GET", "/{token}?wait=perhaps", {}, 400, 209),
    ("GET", "/{token}?wait=true&waitIndex=x", {}, 400, 203),
    ("GET", "/{token}?wait=true&waitIndex=-1", {}, 400, 203),
    ("GET", "/{token}?wait=true&waitIndex=99999999999999999999999", {}, 400, 203),
]


@pytest.mark.parametrize(("method", "path", "body", "status", "code"), WRONG)
def test_errors_are_those_of_the_keys_api(url, token, method, path, body, status, code):
    content = {"content": body} if isinstance(body, bytes) else {"data": body}
    answer = HTTP.request(method, url + path.format(token=token.rpartition("/")[2]), **content)
    assert (answer.status_code, answer.json()["errorCode"]) == (status, code)
    assert answer.json().keys() == {"errorCode", "message", "cause", "index"}


def test_a_retired_token_is_gone_for_everybody(url, token):
    assert HTTP.delete(token).status_code == 204
    gone = [HTTP.get(token), HTTP.delete(token), HTTP.put(f"{token}/ab", data={"value": "a=http://10.0.0.1:2380"})]
    assert [(answer.status_code, answer.json()["errorCode"]) for answer in gone] == [(404, 100)] * 3


@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_what_etcd_does_not_do_is_not_allowed(token, method):
    assert HTTP.request(method, token).status_code == 405


def test_paths_that_are_no_tokens(url):
    for path in ("/zzz", "/ABCDEF0123456789ABCDEF0123456789", "/zzz/_config/size"):
        assert HTTP.get(url + path).status_code == 404


def test_metrics_and_health(url, token):
    put(token, "aa")
    assert HTTP.get(f"{url}/health").text == "OK"
    lines = HTTP.get(f"{url}/metrics").text.splitlines()
    values = dict(line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    assert int(values["provision_discovery_tokens"]) >= 1
    assert int(values["provision_discovery_registrations"]) >= 1
    assert int(values['provision_discovery_requests_total{method="PUT",status="201"}']) >= 1
    assert {line.split()[2] for line in lines if line.startswith("# TYPE")} == {k.split("{")[0] for k in values}


def test_registrations_that_race_are_all_kept_and_ordered(token):
    names = [f"{n:x}" for n in range(16, 48)]
    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(lambda name: put(token, name).status_code, names * 2))
    assert sorted(statuses) == [201] * 32 + [412] * 32
    nodes = HTTP.get(token).json()["node"]["nodes"]
    assert {n["key"].rpartition("/")[2] for n in nodes} == set(names)
    assert len({n["createdIndex"] for n in nodes}) == 32


paths = st.lists(
    st.text(max_size=12) | st.sampled_from(["new", "health", "_config", "size", "..", "%2e", "a" * 32]), max_size=4
)
params = st.dictionaries(
    st.sampled_from(["size", "wait", "waitIndex", "recursive", "prevExist", "value", "ttl", "sorted"]),
    st.text(max_size=10) | st.sampled_from(["true", "false", "3"]),
    max_size=4,
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    method=st.sampled_from(["GET", "PUT", "DELETE", "POST", "HEAD", "OPTIONS"]),
    path=paths,
    query=params,
    body=st.binary(max_size=64),
    below=st.booleans(),
)
def test_no_request_makes_the_service_fail(small, method, path, query, body, below):
    service, token = small
    base = token if below else service
    target = "/".join([base, *(quote(part, safe="", errors="surrogatepass") for part in path)])
    answer = HTTP.request(method, target, params=query, content=body)
    assert answer.status_code < 500 or answer.json()["errorCode"] == 300
    assert HTTP.get(f"{service}/health").text == "OK"


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A service with small bounds, and a token on it."""
    with serving(tmp_path_factory.mktemp("small"), limits=SMALL) as service:
        yield service, HTTP.get(f"{service}/new?size=3").text


@contextmanager
def connected(url):
    parts = urlsplit(url)
    with socket.create_connection((parts.hostname, parts.port), timeout=10) as connection:
        yield connection


def drained(connection):
    """Read until the other side closes; a reset is a close too."""
    received = b""
    try:
        while chunk := connection.recv(65536):
            received += chunk
    except ConnectionResetError:
        pass
    return received


def test_a_client_that_says_nothing_is_hung_up_on(small):
    with connected(small[0]) as silent:
        assert drained(silent) == b""


def test_a_client_that_dribbles_a_head_is_hung_up_on(small):
    with connected(small[0]) as slow:
        slow.sendall(b"GET /health HTTP/1.1\r\nX-A: ")
        started = time.monotonic()
        assert drained(slow) == b""
        assert time.monotonic() - started < 5


def test_a_second_request_that_never_ends_is_hung_up_on(small):
    with connected(small[0]) as slow:
        slow.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\nGET /hea")
        assert b"OK" in drained(slow)


def test_a_client_that_never_ends_its_body_is_answered(small):
    with connected(small[0]) as slow:
        path = urlsplit(small[1]).path
        slow.sendall(f"PUT {path}/aa HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nvalue=".encode())
        assert b"400" in drained(slow).splitlines()[0]


@pytest.mark.parametrize(
    "junk",
    [
        b"\x16\x03\x01\x02\x00\x01\x00",
        b"GET / HTTP/9.9\r\n\r\n",
        b"\r\n\r\n\r\n",
        b"GET /\x00 HTTP/1.1\r\n\r\n",
        b"A" * 4096,
    ],
)
def test_what_is_not_http_is_refused(small, junk):
    with connected(small[0]) as rude:
        rude.sendall(junk)
        received = drained(rude)
    assert received == b"" or received.startswith(b"HTTP/1.1 4")
    assert HTTP.get(f"{small[0]}/health").text == "OK"


def test_headers_are_bounded(small):
    with connected(small[0]) as rude:
        rude.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\nX-Long: " + b"a" * 8192)
        assert drained(rude).startswith(b"HTTP/1.1 400")


def test_waiters_are_bounded_counted_out_when_they_hang_up_and_let_go_in_time(small):
    service, token = small
    waiting = f"{token}?recursive=true&wait=true&waitIndex=100000"

    def waiters():
        text = HTTP.get(f"{service}/metrics").text
        return int(
            next(line for line in text.splitlines() if line.startswith("provision_discovery_waiters")).split()[1]
        )

    def until(count):
        deadline = time.monotonic() + 5
        while waiters() != count:
            assert time.monotonic() < deadline

    until(0)
    with httpx.Client(verify=False) as client:
        with client.stream("GET", waiting), client.stream("GET", waiting), client.stream("GET", waiting) as last:
            until(3)
            refused = HTTP.get(waiting)
            assert (refused.status_code, refused.json()["errorCode"]) == (503, 300)
            assert last.read() == b""  # after `wait` seconds
        started = time.monotonic()
        with client.stream("GET", waiting):
            until(1)
        until(0)
        assert time.monotonic() - started < 5


def test_connections_are_bounded_and_freed(small):
    service, _ = small
    parts = urlsplit(service)
    crowd = [socket.create_connection((parts.hostname, parts.port)) for _ in range(40)]
    try:
        assert sum(drained(connection) == b"" for connection in crowd) == 40
    finally:
        for connection in crowd:
            connection.close()
    assert HTTP.get(f"{service}/health").text == "OK"


def test_tokens_have_the_public_url_when_one_is_given(tmp_path):
    with serving(tmp_path, public_url="https://etcd.example.org/discovery/") as url:
        assert HTTP.get(f"{url}/new").text.startswith("https://etcd.example.org/discovery/")


def test_more_routes_can_be_served_beside_it(tmp_path):
    async def hello(request):
        return PlainTextResponse(f"hello {request.path_params['nonce']}")

    with serving(tmp_path, extra_routes=[Route("/phone-home/{nonce}", hello, methods=["POST"])]) as url:
        assert HTTP.post(f"{url}/phone-home/7").text == "hello 7"
        assert is_token(HTTP.get(f"{url}/new").text)


def test_it_stops_at_once_though_clients_wait_and_leaves_nothing(tmp_path):
    before = threading.active_count()
    with httpx.Client(verify=False) as client:
        with serving(tmp_path) as url:
            token = HTTP.get(f"{url}/new").text
            stream = client.stream("GET", f"{token}?recursive=true&wait=true")
            answer = stream.__enter__()
            started = time.monotonic()
        assert answer.read() == b""
        stream.__exit__(None, None, None)
    assert time.monotonic() - started < 5
    assert threading.active_count() == before
    with pytest.raises(DiscoveryError, match="discovery service http://127"):
        probe(url)
    with serving(tmp_path, port=urlsplit(url).port) as again, DiscoveryClient(again) as client:
        assert client.show(token).missing == 3


def test_a_port_or_directory_in_use_is_told(tmp_path):
    with serving(tmp_path / "a") as url:
        with (
            pytest.raises(ProvisionError, match="Address already in use"),
            serving(tmp_path / "b", port=urlsplit(url).port),
        ):
            pass
        with pytest.raises(LockHeld), serving(tmp_path / "a"):
            pass
    with pytest.raises(ProvisionError, match="cannot listen on 192"), serving(tmp_path / "c", "192.0.2.1"):
        pass


def test_it_speaks_tls(tmp_path):
    certificate, private = tmp_path / "cert.pem", tmp_path / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=t",
         "-addext", "subjectAltName=IP:127.0.0.1", "-out", certificate, "-keyout", private],
        check=True, capture_output=True,
    )  # fmt: skip
    with serving(tmp_path / "registry", certificate=certificate, key=private) as url:
        assert url.startswith("https://")
        with DiscoveryClient(url, tls=Tls(ca=certificate)) as client:
            assert client.show(client.new(5)).size == 5
        with pytest.raises(DiscoveryError, match="CERTIFICATE_VERIFY_FAILED"):
            probe(url)
        with connected(url) as plain:
            plain.sendall(b"GET /health HTTP/1.1\r\n\r\n")
            assert b"OK" not in drained(plain)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, "not a token"),
        (200, '{"node": 3}'),
        (500, "oops"),
        (404, "404 page not found"),
        (200, '{"node": {"value": "x"}}'),
    ],
)
def test_a_service_that_is_none_is_told_apart(tmp_path, status, body):
    async def answer(_request):
        return PlainTextResponse(body, status)

    routes = [Route("/{rest:path}", answer, methods=["GET", "DELETE"])]
    with serving(tmp_path, extra_routes=routes) as url, DiscoveryClient(url) as client:
        with pytest.raises(DiscoveryError):
            client.new(3)
        with pytest.raises(DiscoveryError):
            client.show("a" * 32)

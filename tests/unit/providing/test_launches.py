"""Which machines one call makes, and under which token."""

from __future__ import annotations

from dataclasses import replace

from provision.model import MACHINE, Labels, Request, batch_token, creation_token
from provision.providing import launches

UID = "7d0cb2a4-93ce-5a4f-8f5c-6b0d1f2e3a4b"


def request(name: str, size: str = "small", token: str = "") -> Request:
    labels = Labels("demo", UID, name, 1, "you@example.com", "never", "0123456789abcdef")
    return Request(MACHINE, name, "x", labels, token or creation_token(UID, name, 1), {"size": size})


def size(each: Request) -> str:
    return str(each.body["size"])


def test_alike_go_together_in_the_order_of_their_numbers() -> None:
    batch = [request("web-10"), request("gpu-1", "large"), request("web-9")]
    found = [[r.name for r in launch.requests] for launch in launches.launches(batch, size)]
    assert found == [["web-9", "web-10"], ["gpu-1"]]


def test_the_engines_token_serves_where_it_covers_exactly_a_launch() -> None:
    batch = [request("a", token="both"), request("b", token="both")]
    [whole] = launches.launches(batch, size)
    assert (whole.token, whole.first.name) == ("both", "a")
    parted = list(launches.launches([batch[0], replace(batch[1], body={"size": "large"})], size))
    assert [launch.token for launch in parted] == [batch_token(UID, {n: 1}) for n in ("a", "b")]
    members = [request("a"), request("b")]
    [one] = launches.launches(members, size)
    assert one.token == batch_token(UID, {"a": 1, "b": 1})

"""The request for a part."""

from __future__ import annotations

from provision.model import Labels, Wanted, creation_token
from provision.providing.parts import part

UID = "7d0cb2a4-93ce-5a4f-8f5c-6b0d1f2e3a4b"


def test_a_part_is_the_same_request_whenever_it_is_asked_for() -> None:
    labels = Labels("demo", UID, "", 1, "you@example.com", "never", "0123456789abcdef")
    wanted = Wanted(cluster="demo", uid=UID, labels=labels, machines=(), options={})
    made = part("x", wanted, "network", "x.network", {"cidr": "10.0.0.0/8"}, "x.before")
    assert made == part("x", wanted, "network", "x.network", {"cidr": "10.0.0.0/8"}, "x.before")
    assert (made.token, made.needs) == (creation_token(UID, "x.network", 1), ("x.before",))
    assert (made.provider, made.labels.machine) == ("x", "x.network")

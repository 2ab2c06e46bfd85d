"""Tokens that are half used, used up, wrong or cut off by a crash: each ends healthy, or with a clear error."""

from __future__ import annotations

import json
import signal
import subprocess
import sys

import httpx
import pytest

from provision.errors import PlanError, UsageError
from provision.etcd.discovery import client as discovery
from provision.etcd.discovery.client import DiscoveryClient, DiscoveryError
from provision.etcd.discovery.repair import clear, rotate
from tests.etcd.lab import BOTH, free_port, healthy, look, until

HTTP = httpx.Client(verify=False, timeout=10)


def registered(client, token, count):
    return until(lambda: len(client.show(token).members) == count, what=f"{count} members have registered")


def waiting(url, count):
    line = f"provision_discovery_waiters {count}"
    return until(lambda: line in HTTP.get(f"{url}/metrics").text.splitlines(), what=f"{count} members wait")


def test_one_member_too_many_exits_and_one_that_lost_its_disk_too(lab, ours):
    token = ours.new(3)
    *members, fourth = lab.discovered(token, lab.nodes(4).values())
    for member in members:
        member.start()
    healthy(members)
    fourth.start()
    members[0].wipe()
    members[0].start()
    assert until(lambda: fourth.exited() is not None)
    assert "cluster is full" in fourth.log
    assert until(lambda: members[0].exited() is not None)
    assert "has previously registered" in members[0].log
    with pytest.raises(PlanError, match="used up"):
        clear(ours, token, members[0].name)


def test_a_wrong_token_is_refused_in_clear_words(lab, ours):
    wrong = f"{ours.url}/{'0' * 32}"
    (member,) = lab.discovered(wrong, lab.nodes(1).values())
    member.start()
    assert until(lambda: member.exited() is not None)
    with pytest.raises(DiscoveryError, match="Key not found"):
        ours.show(wrong)
    with pytest.raises(DiscoveryError):
        discovery.probe(wrong)
    discovery.probe(ours.url)
    discovery.probe(ours.new(1))


def test_sizes_that_make_etcd_panic_are_refused_by_client_and_service(ours):
    with pytest.raises(DiscoveryError, match="from 1 to 9"):
        ours.new(0)
    for size in ("0", "-1", "10", "1000000000", "abc", "", "\uff11"):
        answer = HTTP.get(f"{ours.url}/new", params={"size": size})
        assert answer.status_code == 400, size


@BOTH
def test_a_member_that_registers_and_dies_is_cleared_while_another_waits(lab, ours):
    token = ours.new(3)
    dead, waiting, third = lab.discovered(token, lab.nodes(3).values())
    dead.start()
    registered(ours, token, 1)
    dead.kill()
    waiting.start()
    registered(ours, token, 2)
    # Once the watch is open, the waiting member has counted the dead one.
    until(lambda: "provision_discovery_waiters 1" in HTTP.get(f"{ours.url}/metrics").text)
    with pytest.raises(UsageError, match="nobody-here has not registered"):
        clear(ours, token, "nobody-here")
    assert clear(ours, token, dead.name).missing == 2
    (replacement,) = lab.discovered(token, lab.nodes(1).values())
    members = [waiting, third.start(), replacement.start()]
    verdict = healthy(members)
    assert {m.peer_urls[0] for m in verdict.members} == {m.node.peer_url for m in members}


def test_a_ghost_is_told_though_every_member_calls_itself_healthy(lab, ours):
    token = ours.new(3)
    ghost, *members = lab.discovered(token, lab.nodes(3).values())
    ghost.start()
    registered(ours, token, 1)
    ghost.kill()
    for member in members:
        member.start()
    until(lambda: all(_says_healthy(m) for m in members))
    verdict = look(members, expected=[m.name for m in [ghost, *members]])
    assert not verdict.ok
    assert any(ghost.name in problem and "ghost" in problem for problem in verdict.problems)
    # The replacement machine has the ghost's name; the ghost is told all the same.
    assert any("has no endpoint to ask" in problem for problem in verdict.problems)


def _says_healthy(member) -> bool:
    try:
        return HTTP.get(f"{member.url}/health").json()["health"] == "true"
    except (httpx.HTTPError, ValueError):
        return False


def served(directory, port):
    command = [sys.executable, "-m", "provision", "discovery", "serve", "--json", f"--port={port}"]
    process = subprocess.Popen(
        ["setpriv", "--pdeathsig", "KILL", *command, f"--directory={directory}"], stdout=subprocess.PIPE, text=True
    )
    return process, json.loads(process.stdout.readline())["url"]


@BOTH
def test_the_service_is_killed_between_registrations_and_comes_back(lab):
    port = free_port()
    process, url = served(lab.directory / "registry", port)
    with DiscoveryClient(url) as client:
        token = client.new(3)
        first, *others = lab.discovered(token, lab.nodes(3).values())
        first.start()
        registered(client, token, 1)
        waiting(url, 1)  # etcd gives up when an answer breaks off that is not a long poll's
        process.kill()
        process.communicate()
        process, _ = served(lab.directory / "registry", port)
        for member in others:
            member.start()
        healthy([first, *others])
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=20)
    assert process.returncode == 0


@BOTH
def test_a_token_that_is_given_up_ends_whoever_waits_on_it(lab, ours):
    token = ours.new(3)
    first, second, third = lab.discovered(token, lab.nodes(3).values())
    first.start()
    second.start()
    registered(ours, token, 2)
    waiting(ours.url, 2)
    made = rotate(ours, token)
    assert made != token
    third.start()
    for member in (first, second, third):
        assert until(lambda member=member: member.exited() is not None, what=f"{member.name} ends")
        assert "not found" in member.log.lower()
    members = [m.start() for m in lab.discovered(made, lab.nodes(3).values())]
    healthy(members)
    with pytest.raises(PlanError, match="used up"):
        rotate(ours, made)


def test_another_service_retires_no_token(debians):
    token = debians.new(3)
    with pytest.raises(DiscoveryError, match="refused"):
        rotate(debians, token)
    assert debians.show(token).missing == 3

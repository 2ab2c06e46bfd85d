"""What a machine is told, for any order of events."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from provision.netboot import verdict
from provision.netboot.entry import Artefact, Entry, Mode, Progress, State
from provision.netboot.states import story
from provision.netboot.verdict import Do

KERNEL = Artefact("vmlinuz", "0" * 64, "/vmlinuz")
ENTRY = Entry(id="m", cluster="c", uid="u", kernel=KERNEL, nonce="0" * 32, config="0" * 64)
NEW = Progress("m", story(ENTRY.nonce))

EVENTS = st.sampled_from(["boot", "fetch", "installed", "up", "minutes", "hour"])
ENTRIES = st.builds(
    lambda mode, reinstall, most: replace(ENTRY, mode=mode, reinstall=reinstall, max_boots=most),
    st.sampled_from(Mode),
    st.booleans(),
    st.integers(0, 4),
)


def step(entry: Entry, progress: Progress, event: str, now: float) -> tuple[Progress, float, Do | None]:
    match event:
        case "boot":
            found = verdict.firmware(entry, progress, now, ready=True)
            return verdict.told(entry, progress, found, now, "10.0.0.1"), now, found.do
        case "fetch":
            told = verdict.config(entry, progress, now)
            after = verdict.ignited(progress, now, "10.0.0.1", "Ignition") if told is Do.BOOT else progress
            return after, now, told
        case "installed":
            return verdict.installed(progress, now, "10.0.0.1"), now, None
        case "up":
            return verdict.up(progress, now, "10.0.0.1", {"machine": "m", "failed": []}), now, None
    return progress, now + (300 if event == "minutes" else 3600), None


@settings(max_examples=150)
@given(ENTRIES, st.lists(EVENTS, max_size=30))
def test_in_any_order_of_events(entry, events):
    progress, now, boots_since_up = NEW, 1000.0, 0
    for event in events:
        before = progress
        progress, now, told = step(entry, progress, event, now)
        if event == "fetch" and told is Do.BOOT:
            assert not before.spent, "a spent config is never handed out"
            assert before.used == 0 or now - before.used <= verdict.WINDOW
        if event == "boot" and told is Do.BOOT:
            assert before.state is not State.INSTALLED, "an installed machine boots from its disk"
            assert entry.reinstall or not before.spent, "only a machine that is set to reinstall boots again"
            assert progress.round >= before.round
        assert progress.round == before.round or entry.reinstall
        boots_since_up = 0 if event == "up" else boots_since_up + (event == "boot" and told is Do.BOOT)
        assert not entry.max_boots or boots_since_up <= entry.max_boots, "a boot loop ends"
        assert Progress.from_json(progress.to_json()) == progress


def test_the_whole_way():
    progress, now = NEW, 1000.0
    for event, state in (("boot", "loading"), ("fetch", "ignited"), ("installed", "installed"), ("up", "up")):
        progress, now, _ = step(ENTRY, progress, event, now)
        assert progress.state == state
    assert list(progress.times) == ["loading", "ignited", "installed", "up"]


def test_a_deadline_ends_it():
    dead = replace(ENTRY, deadline="2026-01-02T03:04:05Z")
    now = 1767323045.0
    assert verdict.firmware(dead, NEW, now - 1, ready=True).do is Do.BOOT
    assert verdict.firmware(dead, NEW, now, ready=True).do is Do.LOCAL
    assert verdict.config(dead, NEW, now) is Do.LOCAL


def test_not_ready_waits_and_is_no_boot():
    found = verdict.firmware(ENTRY, NEW, 1.0, ready=False)
    assert found.do is Do.WAIT
    assert verdict.told(ENTRY, NEW, found, 1.0, "10.0.0.1").boots == 0

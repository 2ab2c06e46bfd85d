from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provision.errors import JournalCorrupt, StateError
from provision.state import records
from provision.state.fold import Entry, Key, Recorded, Status, fold
from provision.state.journal import KEY, Journal, encode, parse
from provision.state.local import LocalStore
from tests.crash.harness import in_memory

if TYPE_CHECKING:
    from pathlib import Path


def _clock() -> datetime:
    return datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def _note(number: int) -> dict[str, Any]:
    return records.note("topic", {"number": number})


def _journal(path: Path) -> Journal:
    return Journal(LocalStore(path), _clock)


names = st.sampled_from(["core-0", "core-1", "worker"])
things = st.builds(lambda name: {"kind": "machine", "name": name}, names)
some_records = st.lists(
    st.one_of(
        st.builds(
            lambda thing, token, generation: {
                "kind": "intent",
                "op": "create",
                "provider": "fake",
                "token": token,
                "zone": "",
                "things": [{**thing, "generation": generation, "needs": [], "fingerprint": "f", "etcd": False}],
            },
            things,
            st.sampled_from("ab"),
            st.integers(1, 3),
        ),
        st.builds(
            lambda thing, token, made: {
                "kind": "outcome",
                "op": "create",
                "provider": "fake",
                "thing": thing,
                "token": token,
                **({"result": "made", "id": "i-1", "zone": ""} if made else {"result": "refused", "error": {}}),
            },
            things,
            st.sampled_from("ab"),
            st.booleans(),
        ),
        st.builds(
            lambda thing: {
                "kind": "intent",
                "op": "delete",
                "provider": "fake",
                "things": [{**thing, "id": "i-1", "generation": 1}],
            },
            things,
        ),
        st.builds(
            lambda thing, gone: {
                "kind": "outcome",
                "op": "delete",
                "provider": "fake",
                "thing": thing,
                "id": "i-1",
                "result": "gone" if gone else "failed",
            },
            things,
            st.booleans(),
        ),
        st.builds(
            records.note, st.sampled_from(["life", "etcd"]), st.dictionaries(names, st.text(max_size=9), max_size=2)
        ),
    ),
    max_size=12,
)


def _lines(found: list[dict[str, Any]]) -> list[bytes]:
    head = {"v": 1, "at": "2026-01-02T03:04:05Z"}
    return [encode({**head, "seq": n, **r}) for n, r in enumerate(found, 1)]


def test_what_is_appended_is_read_again(tmp_path: Path) -> None:
    journal = _journal(tmp_path)
    journal.append([_note(1), _note(2)])
    journal.append([])
    journal.append([_note(3)])
    again = _journal(tmp_path)
    assert again.recorded == journal.recorded
    assert (again.recorded.head, again.recorded.notes) == (3, {"topic": {"number": 3}})


def test_lines_are_json_objects_with_a_checksum(tmp_path: Path) -> None:
    _journal(tmp_path).append([_note(1)])
    record = json.loads((tmp_path / KEY).read_text())
    crc = record.pop("crc")
    assert record == {"v": 1, "seq": 1, "at": "2026-01-02T03:04:05.000Z", **_note(1)}
    assert encode(record).endswith(f'"crc":"{crc}"}}\n'.encode())


@settings(max_examples=100)
@given(found=some_records, data=st.data())
def test_any_truncation_replays_as_the_records_that_are_whole(found: list[dict[str, Any]], data: st.DataObject) -> None:
    lines = _lines(found)
    whole = b"".join(lines)
    cut = data.draw(st.integers(0, len(whole)))
    kept = whole[:cut].count(b"\n")
    with in_memory() as root:
        (root / KEY).write_bytes(whole[:cut])
        journal = _journal(root)
        assert journal.recorded == fold(parse(b"".join(lines[:kept])))
        journal.append([_note(1)])
        assert _journal(root).recorded == journal.recorded
        assert (root / KEY).read_bytes().startswith(b"".join(lines[:kept]))


@settings(max_examples=100)
@given(found=some_records.filter(bool), data=st.data())
def test_any_other_damage_is_refused_with_its_line(found: list[dict[str, Any]], data: st.DataObject) -> None:
    lines = _lines(found)
    number = data.draw(st.integers(0, len(lines) - 1))
    place = data.draw(st.integers(0, len(lines[number]) - 2))  # a damaged newline reads as a torn or joined line
    bad = bytearray(lines[number])
    bad[place] ^= data.draw(st.sampled_from([0x01, 0x20, 0x80]))
    lines[number] = bytes(bad)
    with pytest.raises(JournalCorrupt, match=rf"line {number + 1} "):
        list(parse(b"".join(lines)))


@pytest.mark.parametrize(
    ("damage", "line"),
    [
        (lambda lines: lines[:1] + lines[2:], 2),
        (lambda lines: lines[1:], 1),
        (lambda lines: [lines[0], lines[0], *lines[1:]], 2),
        (lambda lines: [lines[1], lines[0], lines[2]], 1),
        (lambda lines: [lines[0], b"\n", *lines[1:]], 2),
    ],
    ids=["lost", "beginning-lost", "doubled", "swapped", "empty"],
)
def test_lost_doubled_or_swapped_lines_are_refused(damage: Any, line: int) -> None:
    with pytest.raises(JournalCorrupt, match=rf"line {line} ") as caught:
        list(parse(b"".join(damage(_lines([_note(n) for n in range(3)])))))
    assert caught.value.hint


def test_a_newer_format_is_refused() -> None:
    line = encode({"v": 2, "seq": 1, "at": "", "kind": "note", "topic": "t", "data": {}})
    with pytest.raises(JournalCorrupt, match="version 2"):
        list(parse(line))


def test_reading_does_not_mend(tmp_path: Path) -> None:
    """A plan reads under a shared lock, and must leave a torn tail to whoever writes next."""
    _journal(tmp_path).append([_note(1)])
    with (tmp_path / KEY).open("ab") as file:
        file.write(b'{"v":1,"seq":2')
    torn = (tmp_path / KEY).read_bytes()
    assert _journal(tmp_path).recorded.head == 1
    assert (tmp_path / KEY).read_bytes() == torn


def test_two_writers_find_each_other_out(tmp_path: Path) -> None:
    first, second = _journal(tmp_path), _journal(tmp_path)
    first.append([_note(1)])
    with pytest.raises(StateError, match="another run wrote"):
        second.append([_note(2)])
    assert _journal(tmp_path).recorded == first.recorded


@settings(max_examples=50)
@given(found=some_records)
def test_a_snapshot_says_the_same(found: list[dict[str, Any]]) -> None:
    with in_memory() as root:
        journal = _journal(root)
        journal.append(found)
        for number in range(300):
            journal.append([_note(number)])
        before = journal.recorded
        journal.compact()
        assert (root / KEY).read_bytes().count(b"\n") == 1
        assert _journal(root).recorded == before
        journal.append([_note(-1)])
        assert _journal(root).recorded.head == len(found) + 301


def test_a_short_journal_is_not_compacted(tmp_path: Path) -> None:
    journal = _journal(tmp_path)
    journal.append([_note(n) for n in range(100)])
    journal.compact()
    assert (tmp_path / KEY).read_bytes().count(b"\n") == 100


class _Full(LocalStore):
    """A disk that is full."""

    def append(self, key: str, data: bytes, at: int) -> int:
        raise StateError("no space")

    def put(self, key: str, data: bytes, *, expect: str | None = None, durable: bool = True) -> str:
        raise StateError("no space")


def test_what_cannot_be_written_is_not_taken_for_recorded(tmp_path: Path) -> None:
    _journal(tmp_path).append([_note(1)])
    journal = Journal(_Full(tmp_path), _clock)
    with pytest.raises(StateError):
        journal.append([_note(2)])
    assert journal.recorded.head == 1
    assert _journal(tmp_path).recorded.head == 1


def test_compaction_fails_without_loss(tmp_path: Path) -> None:
    _journal(tmp_path).append([_note(n) for n in range(300)])
    journal = Journal(_Full(tmp_path), _clock)
    with pytest.raises(StateError):
        journal.compact()
    assert _journal(tmp_path).recorded.head == 300


# ---- what records mean


def _fold(*found: dict[str, Any]) -> Recorded:
    return fold({"seq": n, "at": "2026-01-02T03:04:05Z", **r} for n, r in enumerate(found, 1))


KEY_1 = Key("fake", "machine", "core-0")
THING = {"kind": "machine", "name": "core-0"}
INTENT = {
    "kind": "intent",
    "op": "create",
    "provider": "fake",
    "token": "t1",
    "zone": "a",
    "things": [{**THING, "generation": 2, "needs": ["net"], "fingerprint": "f", "etcd": True}],
}
MADE = {
    "kind": "outcome",
    "op": "create",
    "provider": "fake",
    "thing": THING,
    "result": "made",
    "token": "t1",
    "id": "i-1",
    "zone": "a",
}
GOING = {"kind": "intent", "op": "delete", "provider": "fake", "things": [{**THING, "id": "i-1", "generation": 2}]}
GONE = {"kind": "outcome", "op": "delete", "provider": "fake", "thing": THING, "result": "gone", "id": "i-1"}


def test_an_intent_without_an_outcome_is_unknown() -> None:
    entry = _fold(INTENT).entries[KEY_1]
    assert entry == Entry(
        *KEY_1,
        generation=2,
        status=Status.UNKNOWN,
        token="t1",
        fingerprint="f",
        zone="a",
        needs=("net",),
        etcd=True,
        since="2026-01-02T03:04:05Z",
    )
    assert entry.exists


def test_the_life_of_a_machine() -> None:
    steps = [INTENT, MADE, GOING, GONE]
    statuses = [_fold(*steps[: n + 1]).entries[KEY_1].status for n in range(4)]
    assert statuses == [Status.UNKNOWN, Status.MADE, Status.DELETING, Status.GONE]
    last = _fold(*steps)
    assert last.entries[KEY_1].generation == 2
    assert last.live() == []


def test_a_late_answer_to_an_older_request_changes_nothing() -> None:
    newer = {**INTENT, "token": "t2", "things": [{**INTENT["things"][0], "generation": 3}]}  # type: ignore[dict-item,index]
    assert _fold(INTENT, newer, MADE).entries[KEY_1].status is Status.UNKNOWN


def test_deleting_a_double_leaves_the_entry_alone() -> None:
    other = {**GOING, "things": [{**THING, "id": "i-2", "generation": 1}]}
    assert _fold(INTENT, MADE, other, {**GONE, "id": "i-2"}).entries[KEY_1].status is Status.MADE


def test_a_batch_knows_its_members() -> None:
    intent = {**INTENT, "things": [{**THING, "name": n, "generation": 1, "needs": []} for n in ("a", "b")]}
    assert {e.batch for e in _fold(intent).entries.values()} == {("a", "b")}

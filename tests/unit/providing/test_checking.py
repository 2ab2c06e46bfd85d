"""What the checks of providers share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from provision.diagnostics import Severity
from provision.errors import Kind, ProviderError
from provision.model import MachineWanted
from provision.providing import checking

if TYPE_CHECKING:
    from collections.abc import Iterator

    from provision.diagnostics import Diagnostic

OPTIONS = ("providers", "x")


def machine(name: str = "web-1", image: str = "", payload_size: int = 0) -> MachineWanted:
    return MachineWanted(name, "web", "flatcar", "small", image, {}, payload_size=payload_size)


def test_a_check_that_gets_no_answer_is_noted_and_the_others_go_on() -> None:
    def refused(_: str) -> Iterator[Diagnostic]:
        yield checking.error("PV501", "before", OPTIONS)
        raise ProviderError("no permission", kind=Kind.AUTH, hint="ask")

    def found(view: str) -> Iterator[Diagnostic]:
        yield checking.warning("PV502", view, OPTIONS)

    def unread(what: str, reason: ProviderError) -> Diagnostic:
        return checking.unreadable("PV503", OPTIONS, what, reason)

    findings = list(checking.asked("the view", {"quotas": refused, "sizes": found}, unread))
    assert [(f.code, f.severity, f.message, f.hint) for f in findings] == [
        ("PV501", Severity.ERROR, "before", None),
        ("PV503", Severity.INFO, "not checked: quotas (no permission)", "ask"),
        ("PV502", Severity.WARNING, "the view", None),
    ]


def test_a_fault_of_our_own_is_no_unreadable_cloud() -> None:
    def broken(_: str) -> Iterator[Diagnostic]:
        raise LookupError
        yield

    with pytest.raises(LookupError):
        list(checking.asked("", {"all": broken}, lambda *_: pytest.fail("noted")))


@pytest.mark.parametrize(("size", "wrong"), [(100, 0), (101, 1)])
def test_a_payload_fits_or_does_not(size: int, wrong: int) -> None:
    findings = list(checking.payload("PV504", machine(payload_size=size), 100, "bytes", "a tag"))
    assert [(f.path, "101 bytes; a tag holds 100" in f.message) for f in findings] == [
        (("pools", "web", "config"), True)
    ] * wrong


@pytest.mark.parametrize(
    ("name", "good"), [("a", True), ("a-1", True), ("1a", False), ("a-", False), ("a" * 64, False)]
)
def test_names(name: str, good: bool) -> None:
    assert (list(checking.named("PV505", machine(name), "a server")) == []) is good


def test_the_first_machine_speaks_for_an_image_and_none_is_told_once() -> None:
    machines = [machine("a", image="x"), machine("b"), machine("c", image="x"), machine("d")]
    findings = checking.by_image("PV506", machines, lambda m: m.image)
    finding = next(findings)
    assert (finding.message, finding.hint) == ("b: no image is named", "write `image:`, for example flatcar-stable")
    with pytest.raises(StopIteration) as ended:
        next(findings)
    assert ended.value.value == {"x": machines[0]}

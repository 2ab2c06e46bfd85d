"""Waiting for tasks: one filter for all, whatever befalls the session or the tasks."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from provision.errors import Kind, ProviderError
from provision_vmware import errors, sdk
from provision_vmware.waiting import Waiting


def task(number: str) -> Any:
    return sdk.types().Task(number)


def change(name: str, value: Any) -> Any:
    return SimpleNamespace(name=name, val=value)


class Server:
    """Answers from a list of rounds: what has changed by task, or a ProviderError."""

    def __init__(self, *rounds: Any) -> None:
        self.rounds = list(rounds)
        self.calls: list[str] = []
        self.gone: set[str] = set()
        self.content = SimpleNamespace(propertyCollector="root")

    def call(self, subject: Any, operation: str, **params: Any) -> Any:
        self.calls.append(operation)
        if operation == "RetrievePropertiesEx":
            [only] = params["specSet"][0].objectSet
            if only.obj._moId in self.gone:
                raise errors.refused(operation, "ManagedObjectNotFound", "")
        if operation != "WaitForUpdatesEx":
            return operation
        found = self.rounds.pop(0)
        if isinstance(found, ProviderError):
            raise found
        objects = [
            SimpleNamespace(obj=task(n), kind="modify" if said else "leave", changeSet=[change(*s) for s in said])
            for n, said in found.items()
        ]
        return SimpleNamespace(version="1", filterSet=[SimpleNamespace(objectSet=objects)])


def done(result: Any = None) -> list[tuple[str, Any]]:
    return [("info.state", "success"), ("info.result", result)]


def test_all_are_awaited_by_one_filter() -> None:
    server = Server({"t1": done("vm-1")}, {"t2": [("info.state", "running")]}, {"t2": done("vm-2"), "t9": done()})
    waiting = Waiting(server)  # type: ignore[arg-type]
    assert waiting.results("CloneVM_Task", [task("t1"), task("t2")]) == ["vm-1", "vm-2"]
    assert server.calls == ["CreatePropertyCollector", "CreateFilter", *["WaitForUpdatesEx"] * 3]


def test_a_fault_is_the_tasks_and_not_the_calls() -> None:
    fault = sdk.types().fault.DuplicateName(msg="there is one", name="core-0")
    server = Server({"t1": [("info.state", "error"), ("info.error", fault)], "t2": done("vm-2")})
    failed, made = Waiting(server).results("CloneVM_Task", [task("t1"), task("t2")])  # type: ignore[arg-type]
    assert (failed.kind, failed.code, made) == (Kind.ALREADY_EXISTS, "DuplicateName", "vm-2")
    assert "core-0" in failed.message


def test_a_collector_that_went_with_its_session_is_made_anew() -> None:
    gone = errors.refused("WaitForUpdatesEx", "ManagedObjectNotFound", "")
    server = Server({"t1": done("vm-1")}, gone, {"t2": done("vm-2")})
    assert Waiting(server).results("CloneVM_Task", [task("t1"), task("t2")]) == ["vm-1", "vm-2"]  # type: ignore[arg-type]
    assert server.calls.count("CreatePropertyCollector") == 2


def test_a_task_that_is_gone_is_in_doubt() -> None:
    server = Server(errors.refused("WaitForUpdatesEx", "ManagedObjectNotFound", ""), {"t2": done("vm-2")})
    server.gone = {"t1"}
    lost, made = Waiting(server).results("CloneVM_Task", [task("t1"), task("t2")])  # type: ignore[arg-type]
    assert (lost.kind, lost.code, made) == (Kind.AMBIGUOUS, "TaskLost", "vm-2")
    [lost] = Waiting(Server({"t1": []})).results("CloneVM_Task", [task("t1")])  # type: ignore[arg-type]
    assert lost.code == "TaskLost"


def test_a_server_that_cannot_be_asked_leaves_doubt() -> None:
    server = Server(errors.unanswered("WaitForUpdatesEx", "gone"))
    with pytest.raises(ProviderError) as caught:
        Waiting(server).results("CloneVM_Task", [task("t1")])  # type: ignore[arg-type]
    assert (caught.value.kind, caught.value.retryable) == (Kind.AMBIGUOUS, True)


def test_an_open_question_that_was_cancelled_is_asked_again() -> None:
    server = Server(errors.refused("WaitForUpdatesEx", "RequestCanceled", ""), {"t1": done("vm-1")})
    assert Waiting(server).results("CloneVM_Task", [task("t1")]) == ["vm-1"]  # type: ignore[arg-type]

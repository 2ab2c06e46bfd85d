"""Points at which a run can be killed: before and after every journal write and every call of the cloud."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from provision.state.cluster import ClusterState
    from provision.testing.fakecloud import FakeCloud

    from .harness import Bench

STORE = ("put", "append", "delete")
CLOUD = ("_call", "_make", "_name", "_change", "_delete")
"""FakeCloud's own steps, each of them a transaction: the places where a real SDK would make its requests."""


class Points:
    """Counts points as they are passed, and kills the process at one of them, as `kill -9` does."""

    def __init__(self, fatal: int) -> None:
        self.fatal = fatal
        self.passed = 0

    def point(self) -> None:
        self.passed += 1
        if self.passed == self.fatal:
            os.kill(os.getpid(), signal.SIGKILL)
            signal.pause()

    def around(self, method: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*args: Any, **more: Any) -> Any:
            self.point()
            result = method(*args, **more)
            self.point()
            return result

        return wrapped

    def wrap(self, thing: Any, names: tuple[str, ...]) -> Any:
        for name in names:
            setattr(thing, name, self.around(getattr(thing, name)))
        return thing

    def arm(self, bench: Bench) -> None:
        """Put points into a bench's cloud and state."""

        def state(opened: ClusterState) -> ClusterState:
            self.wrap(opened.store, STORE)
            return opened

        def cloud(made: FakeCloud) -> FakeCloud:
            return self.wrap(made, CLOUD)

        bench.cloud = cloud(bench.connect())
        bench.wrap_state = state


def killed_at(number: int, run: Callable[[Points], None]) -> bool:
    """Run something in a child that dies at a point; return whether it got that far.

    The child is forked, not started: a warm interpreter makes thousands of deaths affordable.
    """
    child = os.fork()
    if child == 0:
        code = 1
        try:
            run(Points(number))
            code = 0
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return True
    assert os.WEXITSTATUS(status) == 0, "the run failed by itself"
    return False

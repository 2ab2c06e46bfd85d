from __future__ import annotations

import shutil
import subprocess

import pytest

from provision_qemu.locks import is_held, lock


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "lock"
    path.touch()
    return path


def test_one_holder_at_a_time(file):
    assert not is_held(file)
    with lock(file) as first, lock(file) as second:
        assert first is not None
        assert second is None
        assert is_held(file)
    assert not is_held(file)


def test_shared_holders_keep_one_that_wants_it_alone_out(file):
    with lock(file, shared=True) as one, lock(file, shared=True) as two, lock(file) as alone:
        assert one is not None
        assert two is not None
        assert alone is None


def test_a_child_holds_it_on_until_it_is_killed(file):
    with lock(file) as held:
        child = subprocess.Popen(["sleep", "60"], pass_fds=[held])
    assert is_held(file)
    child.kill()
    child.wait()
    assert not is_held(file)


def test_looking_takes_nothing(file):
    assert not is_held(file)
    with lock(file) as held:
        assert held is not None


def test_a_missing_file(tmp_path):
    assert not is_held(tmp_path / "none")
    with pytest.raises(FileNotFoundError), lock(tmp_path / "none"):
        pass
    with lock(tmp_path / "new", create=True) as held:
        assert held is not None


def test_the_lock_of_a_file_that_is_gone_is_worth_nothing(file, monkeypatch):
    import fcntl

    real = fcntl.fcntl

    def slow(*arguments):
        shutil.rmtree(file.parent)  # between opening and locking
        return real(*arguments)

    monkeypatch.setattr(fcntl, "fcntl", slow)
    with lock(file) as held:
        assert held is None

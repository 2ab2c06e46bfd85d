from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from provision_qemu import accelerator


def test_the_probe_runs_code():
    assert accelerator.probe("tcg", limit=30)


def test_kvm_is_judged_within_the_limit():
    begin = time.monotonic()
    accelerator.probe("kvm")  # whatever /dev/kvm is like here
    assert time.monotonic() - begin < accelerator.LIMIT + 10


def test_a_probe_that_hangs_is_given_up_and_killed(monkeypatch, tmp_path):
    hang = tmp_path / "qemu-system-x86_64"
    hang.write_text("#!/bin/sh\nexec sleep 60\n")
    hang.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert not accelerator.probe("kvm", limit=0.3)


def test_a_probe_that_dies_is_a_no(monkeypatch, tmp_path):
    dies = tmp_path / "qemu-system-x86_64"
    dies.write_text("#!/bin/sh\nkill -ABRT $$\n")
    dies.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert not accelerator.probe("kvm")


@pytest.mark.parametrize("option", ["kvm", "tcg"])
def test_a_choice_is_not_questioned(tmp_path, option):
    assert accelerator.choose(option, tmp_path) == option
    assert list(tmp_path.iterdir()) == []


def test_without_a_device_nothing_is_tried(tmp_path, monkeypatch):
    monkeypatch.setattr(accelerator, "DEVICE", tmp_path / "kvm")
    monkeypatch.setattr(accelerator, "probe", pytest.fail)
    assert accelerator.choose("auto", tmp_path) == "tcg"


@pytest.mark.parametrize(("works", "chosen"), [(True, "kvm"), (False, "tcg")])
def test_the_answer_is_kept_until_the_next_start_of_the_computer(tmp_path, monkeypatch, works, chosen):
    asked = []
    monkeypatch.setattr(accelerator, "permitted", lambda: True)
    monkeypatch.setattr(accelerator, "probe", lambda name: asked.append(name) or works)
    cache = tmp_path / "cache"
    assert accelerator.choose("auto", cache) == chosen
    assert accelerator.choose("auto", cache) == chosen
    assert asked == ["kvm"]
    (kept,) = cache.iterdir()
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    assert json.loads(kept.read_text()) == {"boot": boot, "works": works}
    for stale in ('{"boot": "another", "works": true}', "{", "[]"):
        kept.write_text(stale)
        assert accelerator.choose("auto", cache) == chosen
    assert len(asked) == 4

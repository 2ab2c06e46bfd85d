#!/usr/bin/env python3
"""A `vagrant` without machines: what the real one says and keeps, and nothing behind it.

Put on PATH under that name. It keeps machines as the real one does: notes in ``.vagrant`` beside the Vagrantfile, an
index and boxes in ``$VAGRANT_HOME``; and, instead of a hypervisor, a file for each machine in
``$VAGRANT_HOME/hypervisor``. It reads of a Vagrantfile what it needs: names, boxes, and the files that are named.
``$VAGRANT_HOME/faults.json`` makes it fail: see `fault`.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import signal
import sys
import time
import uuid
from contextlib import contextmanager, suppress
from pathlib import Path

HOME = Path(os.environ["VAGRANT_HOME"])
OFF = {"libvirt": "shutoff", "virtualbox": "poweroff", "vmware_desktop": "not_running"}


class VagrantError(Exception):
    def __init__(self, name, words):
        super().__init__(words)
        self.name = name


def say(machine, kind, *data):
    fields = [str(d).replace(",", "%!(VAGRANT_COMMA)").replace("\n", "\\n") for d in data]
    print(f"{int(time.time())},{machine},{kind},{','.join(fields)}", flush=True)


def load(path, default):
    with suppress(FileNotFoundError):
        return json.loads(path.read_text())
    return default


def fault(verb, name):
    """Return what shall happen: {"up": {"hang": true}}, or of one machine: {"up": {"core-1": {"hang": true}}}.

    "hang": sleep for ever, deaf to SIGINT; "hang_after": when the work is done. "class" and "words": the error, with
    "late" after the machine was made. "wait": until there is a file ``$VAGRANT_HOME/go``.
    """
    found = load(HOME / "faults.json", {}).get(verb, {})
    return found.get(name, found if not name else {})


def hang():
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if not os.fork():  # a child of its own, as Ruby's: nothing of it may stay
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    while True:
        time.sleep(60)


class Machine:
    def __init__(self, name, text, provider):
        self.name, self.text = name, text
        self.folder = Path(".vagrant/machines") / name / provider
        self.provider = provider

    def value(self, key):
        found = re.search(rf'{key} = "([^"]*)"', self.text)
        return found[1] if found else ""

    @property
    def id(self):
        with suppress(FileNotFoundError):
            return (self.folder / "id").read_text()
        return ""

    @property
    def there(self):
        return HOME / "hypervisor" / (self.id or "none")

    @property
    def state(self):
        return load(self.there, {}).get("state", "not_created")

    @contextmanager
    def locked(self):
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise VagrantError("Vagrant::Errors::MachineLocked", "another process is executing an action") from None
            yield

    def read_files(self):
        """Return the SHA-256 of every file that the Vagrantfile hands to the machine; it must be there."""
        names = re.findall(r"#\{__dir__\}/([^\"]*)", self.text)
        return {n: hashlib.sha256(Path(n).read_bytes()).hexdigest() for n in names if not n.endswith(".log")}

    def write(self, state):
        data = {"name": self.name, "state": state, "files": self.read_files(), "cwd": str(Path.cwd())}
        self.there.write_text(json.dumps(data))

    def up(self):
        boxes = load(HOME / "boxes.json", [])
        box = self.value("node.vm.box")
        if self.id == "" and not any(b["name"] == box for b in boxes):
            raise VagrantError("Vagrant::Errors::BoxAddShortNotFound", f"The box '{box}' could not be found")
        with self.locked():
            wrong = fault("up", self.name)
            if wrong.get("hang"):
                hang()
            if "class" in wrong and not wrong.get("late"):
                raise VagrantError(wrong["class"], wrong["words"])
            say(self.name, "action", "up", "start")
            if not self.id or not self.there.exists():
                (self.folder / "id").write_text(str(uuid.uuid4()))
                entry = {"name": self.name, "provider": self.provider, "home": str(Path.cwd()), "id": self.id}
                index(lambda known: [*known, entry])
            self.write("running")
            console = re.search(r"#\{__dir__\}/([^\"]*console\.log)", self.text)
            if console:
                Path(console[1]).write_text(f"{self.name} boots\n")
            if "class" in wrong:
                raise VagrantError(wrong["class"], wrong["words"])
            say(self.name, "action", "up", "end")

    def halt(self):
        with self.locked():
            if self.state == "running":
                self.write(OFF[self.provider])

    def destroy(self):
        with self.locked():
            wrong = fault("destroy", self.name)
            if "class" in wrong:
                raise VagrantError(wrong["class"], wrong["words"])
            gone = self.id
            self.there.unlink(missing_ok=True)
            (self.folder / "id").unlink(missing_ok=True)
            index(lambda known: [k for k in known if k["id"] != gone])


def index(change):
    HOME.joinpath("index.lock").touch()
    with (HOME / "index.lock").open("r+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        (HOME / "index.json").write_text(json.dumps(change(load(HOME / "index.json", []))))


def machines(names):
    if not Path("Vagrantfile").exists():
        raise VagrantError("Vagrant::Errors::NoEnvironmentError", "A Vagrant environment or target machine is required")
    text = Path("Vagrantfile").read_text()
    blocks = re.findall(r'^  config\.vm\.define "([^"]+)" do \|node\|\n(.*?)^  end$', text, re.M | re.S)
    provider = os.environ["VAGRANT_DEFAULT_PROVIDER"]
    found = {name: Machine(name, body, provider) for name, body in blocks}
    for name in names:
        if name not in found:
            raise VagrantError("Vagrant::Errors::MachineNotFound", f"The machine with the name '{name}' was not found")
    return [found[name] for name in names or found]


def each(verb, names):
    failed = []
    for machine in machines(names):
        try:
            getattr(machine, verb)()
        except VagrantError as error:
            say(machine.name, "ui", "error", str(error))
            failed.append(error)
    if len(failed) == 1:
        raise failed[0]
    if failed:
        raise VagrantError("Vagrant::Errors::BatchMultiError", "\n".join(map(str, failed)))


def status(names):
    for machine in machines(names):
        say(machine.name, "metadata", "provider", machine.provider)
        say(machine.name, "provider-name", machine.provider)
        say(machine.name, "state", machine.state)
        say(machine.name, "state-human-short", machine.state.replace("_", " "))


def boxes():
    for box in load(HOME / "boxes.json", []):
        say("", "ui", "info", f"{box['name']} ({box['provider']}, {box['version']})")
        say("", "box-name", box["name"])
        say("", "box-provider", box["provider"])
        say("", "box-version", box["version"])


def plugins():
    for name in load(HOME / "plugins.json", ["vagrant-libvirt"]):
        say("", "plugin-name", name)
        say(name, "plugin-version", "0.11.2, system")


def everything():
    for entry in load(HOME / "index.json", []):
        say(entry["name"], "machine-id", entry["id"][:7])
        say(entry["name"], "provider-name", entry["provider"])
        say(entry["name"], "machine-home", entry["home"])
        say(entry["name"], "state", "running")


LISTS = {"box": boxes, "plugin": plugins, "global-status": everything}


def main(words):
    if words[0] == "--version":
        print(f"Vagrant {load(HOME / 'version.json', '2.3.4')}")
        return
    verb, *names = (word for word in words if not word.startswith("-"))
    with (HOME / "calls").open("a") as calls:
        calls.write(" ".join(words) + "\n")
    wrong = fault(verb, "")
    if wrong.get("hang"):
        hang()
    while wrong.get("wait") and not (HOME / "go").exists():
        time.sleep(0.05)
    if "class" in wrong:
        raise VagrantError(wrong["class"], wrong["words"])
    if "--provider" in words:
        names.remove(words[words.index("--provider") + 1])
    if verb in LISTS:
        LISTS[verb]()
    elif verb == "status":
        status(names)
    else:
        each(verb, names)
    if wrong.get("hang_after"):
        hang()


if __name__ == "__main__":
    (HOME / "hypervisor").mkdir(parents=True, exist_ok=True)
    try:
        main([word for word in sys.argv[1:] if word not in ("--machine-readable", "--no-color")])
    except VagrantError as failed:
        say("", "error-exit", failed.name, str(failed))
        sys.exit(1)

"""Processes of the lab: each in a session of its own, ended when this process ends, waited for by their ports."""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from contextlib import suppress
from typing import TYPE_CHECKING

from tests.lab.openstack.install import clean
from tests.lab.openstack.settings import IP

if TYPE_CHECKING:
    from tests.lab.openstack.settings import Place

PATIENCE = 180
"""Seconds for a service to answer; a tenth of that on an idle machine."""
PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None)


class Processes:
    """All that were started, in their order."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str, *command: object, **more: str) -> None:
        """Start one; its output goes to log/NAME.out."""
        with (self.place.root / f"log/{name}.out").open("ab") as out:
            self.running[name] = subprocess.Popen(
                list(map(str, command)),
                env={**variables(self.place), **more},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                cwd=self.place.root,
                start_new_session=True,
                preexec_fn=lambda: _LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM),
            )

    def tool(self, *command: object) -> subprocess.Popen[bytes]:
        """Start what ends by itself; `done` waits for it."""
        with (self.place.root / "log/tools.out").open("ab") as out:
            return subprocess.Popen(
                list(map(str, command)),
                env=variables(self.place),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                cwd=self.place.root,
            )

    def run(self, *command: object) -> None:
        """Run what ends by itself."""
        self.done(self.tool(*command))

    def done(self, *tools: subprocess.Popen[bytes]) -> None:
        for tool in tools:
            if tool.wait():
                raise RuntimeError(f"{tool.args!r}\n{self._last('tools.out')}")

    def await_port(self, name: str, port: str) -> None:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            with suppress(OSError), socket.create_connection((IP, self.place.ports[port]), timeout=1):
                return
            self._alive(name)
            time.sleep(0.1)
        raise TimeoutError(f"{name} does not listen\n{self._last(f'{name}.out')}")

    def await_http(self, name: str) -> None:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            try:
                opener.open(f"{self.place.url(name)}/", timeout=30).read()
                return
            except urllib.error.HTTPError as answer:
                if answer.code < 500:
                    return
            except OSError:
                pass
            self._alive(name)
            time.sleep(0.2)
        raise TimeoutError(f"{name} does not answer\n{self._last(f'{name}.out')}")

    def stop(self) -> None:
        """End all, the last one first."""
        for name in reversed(self.running):
            process = self.running[name]
            process.terminate()
        for process in self.running.values():
            with suppress(subprocess.TimeoutExpired):
                process.wait(timeout=20)
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # whatever of its session is left
            process.wait()
        self.running.clear()

    def _alive(self, name: str) -> None:
        if self.running[name].poll() is not None:
            raise RuntimeError(f"{name} has ended\n{self._last(f'{name}.out')}")

    def _last(self, log: str) -> str:
        return (self.place.root / "log" / log).read_text(errors="replace")[-3000:]


def variables(place: Place) -> dict[str, str]:
    """Return the environment of every service."""
    root = place.root
    return {
        **clean(),
        "PATH": f"{place.venv}/bin:/usr/lib/rabbitmq/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "LANG": "C.UTF-8",
        "PYTHONPATH": str(root / "site"),
        "PYTHONWARNINGS": "ignore",
        "HOME": str(root),
        **{f"OS_{s.upper()}_CONFIG_DIR": f"{root}/etc/{s}" for s in ("keystone", "glance", "placement", "neutron")},
        "OS_NEUTRON_CONFIG_FILES": "neutron.conf",
        # OS_NOVA_CONFIG_FILES stays unset: its first file would be taken for api-paste.ini.
        "OS_NOVA_CONFIG_DIR": f"{root}/etc/nova",
        "RABBITMQ_NODENAME": f"lab{place.ports['rabbit']}@localhost",
        "RABBITMQ_NODE_IP_ADDRESS": IP,
        "RABBITMQ_NODE_PORT": str(place.ports["rabbit"]),
        "RABBITMQ_DIST_PORT": str(place.ports["rabbit-dist"]),
        "ERL_EPMD_PORT": str(place.ports["epmd"]),
        "ERL_EPMD_ADDRESS": IP,
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 1:1 +sbwt none",
        "RABBITMQ_CONFIG_FILE": f"{root}/etc/rabbitmq.conf",
        "RABBITMQ_CONF_ENV_FILE": f"{root}/etc/rabbitmq-env.conf",
        "RABBITMQ_ENABLED_PLUGINS_FILE": f"{root}/etc/enabled_plugins",
        "RABBITMQ_MNESIA_BASE": f"{root}/rabbit/mnesia",
        "RABBITMQ_LOG_BASE": f"{root}/log",
        "RABBITMQ_SCHEMA_DIR": f"{root}/rabbit/schema",
        "RABBITMQ_GENERATED_CONFIG_DIR": f"{root}/rabbit/config",
    }

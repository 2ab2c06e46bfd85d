"""What a spec asks of the additions that an operating system cannot do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from provision.diagnostics import Report
from provision.firstboot.additions.system import VERSIONS, system
from provision.firstboot.additions.update import LOCK

if TYPE_CHECKING:
    from provision.spec.model import Cluster

TRAIL = ("update", "strategy")


def version_known(version: int, report: Report) -> bool:
    """Report a version of the additions that this provision cannot render."""
    if version in VERSIONS:
        return True
    message = f"cluster.lock pins version {version} of what provision adds, and this provision knows {VERSIONS[-1]}"
    report.error("PV420", message, hint="use the newer provision that wrote the lock file")
    return False


def check(cluster: Cluster, version: int) -> Report:
    """Return what cannot be done about updates."""
    report = Report()
    strategy = cluster.update.strategy
    update = system(cluster.os, version).update
    if strategy == "off":
        return report
    if not update:
        message = f"{cluster.os} does not update itself: the strategy {strategy!r} has no effect"
        report.warning("PV419", message, path=TRAIL, hint="leave the section out")
    elif strategy == LOCK:
        _lock(cluster, update, report)
    return report


def _lock(cluster: Cluster, update: str, report: Report) -> None:
    without = [m.name for m in cluster.machines if not m.etcd]
    if update != "locksmith":
        message = f"{cluster.os} cannot take a lock in etcd before it reboots"
        report.error("PV417", message, path=TRAIL, hint="take `reboot` with a window, or `off`")
    elif cluster.etcd is None:
        report.error("PV417", "there is no etcd that could hold the lock", path=TRAIL, hint="take `reboot` or `off`")
    elif cluster.etcd.version not in ("3.4", "3.5"):
        message = f"locksmith needs etcd's v2 API, which etcd {cluster.etcd.version} does not have"
        report.error("PV417", message, path=TRAIL, hint="take `reboot` with a window, or etcd 3.5")
    elif without:
        message = f"{len(without)} machines without etcd cannot take the lock: they will not reboot by themselves"
        report.warning("PV418", message, path=TRAIL, hint="reboot them yourself after an update")

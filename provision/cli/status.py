"""`provision status`: a cluster's machines and its health."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from provision import paths
from provision.apply.session import now
from provision.apply.target import find
from provision.apply.ways import endpoints
from provision.cli import console, options
from provision.errors import ProvisionError, Unhealthy
from provision.etcd.health import check
from provision.model import MACHINE, State
from provision.spec import duration
from provision.state import home
from provision.state.cluster import ClusterState

if TYPE_CHECKING:
    from pathlib import Path

    from provision.apply.target import Target
    from provision.model import Observed

HEADERS = ("MACHINE", "STATE", "ZONE", "ADDRESS", "SSH", "ETCD", "DETAIL")

AGAIN = "`provision console MACHINE` shows why; `provision up` makes anew what is missing, switches on what is off"


def status(
    target: options.Target = "cluster.yaml",
    identity: options.Identity = None,
    as_json: options.Json = False,
) -> None:
    """Show a cluster's machines as the platforms report them, and whether etcd is healthy.

    Ends with 9 when a machine is missing or does not run, or etcd is not healthy.

    \b
    Example:
      provision status cluster.yaml
      provision status --json demo
    """
    found = find(target)
    entries = ClusterState(found.store, now).recorded.live()
    things = found.observed()
    machines = sorted((o for o in things if o.kind == MACHINE), key=lambda o: o.name)
    missing = sorted({e.name for e in entries if e.kind == MACHINE} - {m.name for m in machines})
    etcd = _etcd(found, machines, {e.name for e in entries if e.etcd}, identity)
    if as_json:
        console.emit(_json(found, things, machines, missing, etcd))
    else:
        _write(found, machines, missing, etcd)
    _judge(machines, missing, etcd)


def _etcd(found: Target, machines: list[Observed], voters: set[str], identity: Path | None) -> dict[str, Any] | None:
    """Return the health of the members that the state knows, as JSON, or None where there is no etcd."""
    asked = [m for m in machines if m.name in voters and m.state is State.RUNNING]
    if not voters:
        return None
    try:
        with endpoints(asked, home.known_hosts(paths.state(), found.owner), identity=identity) as urls:
            return check(urls, voters).to_json()
    except ProvisionError as error:
        return {"healthy": False, "problems": [error.message], "leader": "", "members": []}


def _json(
    found: Target, things: list[Observed], machines: list[Observed], missing: list[str], etcd: dict[str, Any] | None
) -> dict[str, Any]:
    return {
        "cluster": found.owner.cluster,
        "uid": found.owner.uid,
        "machines": [m.to_json() for m in machines],
        "missing": missing,
        "parts": [o.to_json() for o in things if o.kind != MACHINE],
        "etcd": etcd,
    }


def _write(found: Target, machines: list[Observed], missing: list[str], etcd: dict[str, Any] | None) -> None:
    console.out(f"{found.owner.cluster} ({found.owner.uid})  {_life(machines)}")
    lost = [(name, "missing", "", "", "", "", "recorded, and not listed by its platform") for name in missing]
    console.table(HEADERS, [*map(_row, machines), *lost])
    if etcd is None:
        return
    console.out(f"etcd: {'healthy, led by ' + etcd['leader'] if etcd['healthy'] else 'NOT healthy'}")
    for problem in etcd["problems"]:
        console.out(f"  {problem}")


def _row(machine: Observed) -> tuple[str, ...]:
    reach = machine.reach
    address = machine.addresses.get("private") or machine.addresses.get("public", "")
    return (
        machine.name,
        str(machine.state),
        machine.zone,
        address,
        reach.get("ssh", ""),
        reach.get("etcd", ""),
        machine.detail,
    )


def _life(machines: list[Observed]) -> str:
    deadlines = {m.labels.deadline for m in machines if m.labels and m.labels.deadline}
    if not deadlines:
        return "no deadline" if machines else "nothing runs"
    left = (min(deadlines) - now()).total_seconds()
    return f"ends in {duration.write(int(left))}" if left > 0 else "past its deadline"


def _judge(machines: list[Observed], missing: list[str], etcd: dict[str, Any] | None) -> None:
    stopped = [m.name for m in machines if m.state is not State.RUNNING]
    problems = [f"missing: {', '.join(missing)}"] if missing else []
    problems += [f"not running: {', '.join(stopped)}"] if stopped else []
    problems += [f"etcd is not healthy: {etcd['problems'][0]}"] if etcd is not None and not etcd["healthy"] else []
    if problems:
        raise Unhealthy("; ".join(problems), hint=AGAIN if missing or stopped else None)

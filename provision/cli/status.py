"""`provision status`: a cluster's machines and its health."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from provision import paths
from provision.apply.certificates import Certificates, client_of
from provision.apply.session import now
from provision.apply.target import find
from provision.apply.ways import endpoints, login
from provision.cli import console, options
from provision.errors import ProviderError, ProvisionError, Unhealthy
from provision.etcd.health import TIMEOUT, check
from provision.etcd.tls import served
from provision.model import MACHINE, State
from provision.provider import HasService
from provision.spec import duration
from provision.sprawl.inventory import latest, warning
from provision.state import home
from provision.state.cluster import ClusterState

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractContextManager
    from pathlib import Path

    from provision.apply.target import Target
    from provision.etcd.tls import Tls
    from provision.model import Json, Observed
    from provision.pki.inspect import Certificate
    from provision.state.fold import Entry

STRANGERS = 10
"""How many unclaimed machines are shown."""

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
    state = ClusterState(found.store, now)
    entries = state.recorded.live()
    things = found.observed()
    machines = sorted((o for o in things if o.kind == MACHINE), key=lambda o: o.name)
    missing = sorted({e.name for e in entries if e.kind == MACHINE} - {m.name for m in machines})
    etcd = _etcd(found, machines, state, [e for e in entries if e.etcd], identity)
    if as_json:
        console.emit({**_json(found, things, machines, missing, etcd), "strangers": _strangers(found)})
    else:
        _write(found, machines, missing, etcd)
        _write_strangers(_strangers(found))
    _judge(machines, missing, etcd)


def _etcd(
    found: Target, machines: list[Observed], state: ClusterState, entries: list[Entry], identity: Path | None
) -> dict[str, Any] | None:
    """Return the health of the members that the state knows, as JSON, or None where there is no etcd."""
    voters = {entry.name for entry in entries}
    asked = [m for m in machines if m.name in voters and m.state is State.RUNNING]
    if not voters:
        return None
    try:
        with client_of(found, state, entries, now) as tls, _ways(found, state, asked, tls, identity) as urls:
            health = check(urls, voters, tls=tls).to_json()
            shown = _certificates(urls, tls) if tls else []
            return {**health, "certificates": shown, "authority": _authority(found) if tls else None}
    except ProvisionError as error:
        health = {"healthy": False, "problems": [error.message], "leader": "", "members": []}
        return {**health, "certificates": [], "authority": None}


def _ways(
    found: Target, state: ClusterState, asked: list[Observed], tls: Tls | None, identity: Path | None
) -> AbstractContextManager[dict[str, str]]:
    known_hosts = home.known_hosts(paths.state(), found.owner)
    scheme = "https" if tls else "http"
    return endpoints(asked, known_hosts, scheme=scheme, login=partial(login, state), identity=identity)


def _certificates(urls: Mapping[str, str], tls: Tls) -> list[dict[str, Any]]:
    """Return the certificates that the members show now, the one that ends first at the head."""
    from provision.pki.inspect import read

    shown = []
    for name, url in urls.items():
        with suppress(ProvisionError):  # health says already who does not answer
            shown.append((name, read(served(url, tls, timeout=TIMEOUT))))
    return [{"machine": name, **_life_of(facts)} for name, facts in sorted(shown, key=lambda pair: pair[1].ends)]


def _authority(found: Target) -> dict[str, Any]:
    """Return the cluster's CA as this computer has it."""
    from provision.pki.inspect import read

    return _life_of(read(Certificates(found.store, found.owner, now).authorities().current.certificate))


def _life_of(facts: Certificate) -> dict[str, Any]:
    moment = now()
    return {"due": facts.due(moment), "expired": facts.expired(moment), **facts.to_json()}


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
    console.out(f"{found.owner.cluster} ({found.owner.uid})  {_life(found, machines)}")
    lost = [(name, "missing", "", "", "", "", "recorded, and not listed by its platform") for name in missing]
    console.table(HEADERS, [*map(_row, machines), *lost])
    if soon := warning(found.owner.cluster, latest(machines), now()):
        console.note(soon)
    if etcd is None:
        return
    console.out(f"etcd: {'healthy, led by ' + etcd['leader'] if etcd['healthy'] else 'NOT healthy'}")
    for problem in etcd["problems"]:
        console.out(f"  {problem}")
    _write_certificates(etcd["certificates"])
    _write_authority(etcd["authority"])


def _strangers(found: Target) -> list[Json]:
    """Return the machines that asked a boot service and that no cluster claims."""
    shown: list[Json] = []
    for provider in found.providers.values():
        if isinstance(provider, HasService):
            with suppress(ProviderError):  # whether the cluster's own machines run does not hang on it
                shown += provider.strangers()
    return shown


def _write_strangers(strangers: list[Json]) -> None:
    for one in strangers[:STRANGERS]:
        who = f"{one['name']} ({one['mac']})" if one["name"] else one["mac"]
        console.out(f"unclaimed: {who} asked for something to boot, last at {one['last']}, and was sent to its disk")
    if len(strangers) > STRANGERS:
        console.out(f"unclaimed: {len(strangers) - STRANGERS} more; --json shows them")


def _write_authority(authority: dict[str, Any] | None) -> None:
    if authority:
        left = "; past two thirds of its life: `provision ca rotate` exchanges it" if authority["due"] else ""
        console.out(f"CA: ends on {authority['ends'][:10]}{left}")


def _write_certificates(shown: list[dict[str, Any]]) -> None:
    if not shown:
        return
    console.out(f"certificates: the first to end is {shown[0]['machine']}'s, on {shown[0]['ends'][:10]}")
    expired = [c["machine"] for c in shown if c["expired"]]
    due = [c["machine"] for c in shown if c["due"] and not c["expired"]]
    for words, names in (("expired", expired), ("past two thirds of its life", due)):
        if names:
            console.out(f"  {words}: {', '.join(names)}; `provision ca renew` reissues")


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


def _life(found: Target, machines: list[Observed]) -> str:
    deadlines = {m.labels.deadline for m in machines if m.labels and m.labels.deadline}
    if not deadlines:
        return "no deadline" if machines else "nothing runs"
    left = (min(deadlines) - now()).total_seconds()
    text = f"ends in {duration.write(int(left))}" if left > 0 else "past its deadline"
    return text + _reaped(found, machines)


def _reaped(found: Target, machines: list[Observed]) -> str:
    """Say where the machines' own end is not the end of their cost."""
    traits = {m.provider: found.providers[m.provider].traits for m in machines if m.provider in found.providers}
    stay = sorted(name for name, t in traits.items() if not (t.power_off_deletes or t.deletes_at_deadline or t.local))
    if not stay:
        return ""
    return f"; on {', '.join(stay)} what has switched itself off is still billed until `provision reap` deletes it"


def _judge(machines: list[Observed], missing: list[str], etcd: dict[str, Any] | None) -> None:
    stopped = [m.name for m in machines if m.state is not State.RUNNING]
    problems = [f"missing: {', '.join(missing)}"] if missing else []
    problems += [f"not running: {', '.join(stopped)}"] if stopped else []
    problems += [f"etcd is not healthy: {etcd['problems'][0]}"] if etcd is not None and not etcd["healthy"] else []
    if problems:
        raise Unhealthy("; ".join(problems), hint=AGAIN if missing or stopped else None)

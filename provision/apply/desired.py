"""What a spec asks for, in the engine's terms: things with recipes, and what each provider is to be asked. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from provision import bodies
from provision.firstboot.payload import Form
from provision.model import MACHINE, Labels, MachineWanted, Owner, Request, Wanted, utc_text
from provision.plan.wanted import Thing

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from provision.firstboot.compile import CompiledCluster
    from provision.model import Json
    from provision.provider import Provider, Traits
    from provision.spec.lock import Lock
    from provision.spec.model import Cluster, Machine


@dataclass(frozen=True, slots=True)
class Desired:
    """A cluster as it is wanted.

    `wanted` says, by provider, what `check` and `parts` read; `things` are the parts and machines, parts first.
    """

    cluster: Cluster
    owner: Owner
    compiled: CompiledCluster
    wanted: Mapping[str, Wanted]
    things: tuple[Thing, ...]


def desire(
    cluster: Cluster,
    lock: Lock,
    providers: Mapping[str, Provider],
    compiled: CompiledCluster,
    deadline: datetime | None,
    revision: str = "",
) -> Desired:
    """Put a compiled cluster into the engine's terms.

    `deadline` is when it must be gone, None for never; `revision` is the spec's git revision, "" where it has none.
    """
    expires = utc_text(deadline) if deadline else "never"
    spec = f"{cluster.digest[:16]}-{revision}" if revision else cluster.digest[:16]
    labels = Labels(cluster.name, lock.uid, "", 1, cluster.owner, expires, spec)
    wanted = {name: _wanted(cluster, lock, name, labels, compiled, providers[name]) for name in _used(cluster)}
    things = tuple(t for name in wanted for t in _things(cluster, wanted[name], providers[name], compiled))
    if cluster.payloads and external(compiled):
        keeper = cluster.payloads.scheme
        wanted[keeper] = Wanted(cluster.name, lock.uid, labels, (), cluster.providers[keeper])
    return Desired(cluster, labels.whose, compiled, wanted, things)


def external(compiled: CompiledCluster) -> frozenset[str]:
    """Return the machines whose first-boot configs go to the spec's store."""
    return frozenset(name for name, fill in compiled.fills.items() if fill.form is Form.EXTERNAL)


def _used(cluster: Cluster) -> tuple[str, ...]:
    return tuple(dict.fromkeys(m.provider for m in cluster.machines))


def _wanted(
    cluster: Cluster, lock: Lock, name: str, labels: Labels, compiled: CompiledCluster, provider: Provider
) -> Wanted:
    machines = tuple(
        _machine(m, lock, compiled, _planned(m, cluster, provider.traits))
        for m in cluster.machines
        if m.provider == name
    )
    return Wanted(
        cluster=cluster.name,
        uid=lock.uid,
        labels=labels,
        machines=machines,
        options=cluster.providers.get(name, {}),
        subnet=str(cluster.subnet),
        ssh_keys=cluster.ssh_keys,
        ssh_from=cluster.ssh_from,
        protect=cluster.protect,
    )


def _planned(machine: Machine, cluster: Cluster, traits: Traits) -> bool:
    """Whether a machine is asked for with its planned address.

    Where the platform's own DHCP can give addresses, only those take part that somebody must know beforehand: others
    stay alike, and alike machines go out in one call.
    """
    given = ("machines", machine.name, "address") in cluster.places
    must = machine.etcd or bool(traits.private_interface) or traits.service or traits.no_dhcp or given
    return traits.planned_addresses and must


def _machine(machine: Machine, lock: Lock, compiled: CompiledCluster, planned: bool) -> MachineWanted:
    recipe = compiled.recipes[machine.name]
    return MachineWanted(
        name=machine.name,
        pool=machine.pool,
        os=machine.os,
        size=machine.size,
        image=lock.image(machine.provider, machine.image),
        options=machine.options,
        zones=machine.zones,
        address=machine.address if planned else "",
        etcd=machine.etcd,
        payload_size=compiled.fills[machine.name].size,
        ignition=recipe.spec_version,
    )


def _things(cluster: Cluster, wanted: Wanted, provider: Provider, compiled: CompiledCluster) -> Iterator[Thing]:
    parts = provider.parts(wanted)
    yield from (Thing.of(part) for part in parts)
    needs = tuple(part.name for part in parts if not part.body.get("after_machines"))
    stored = external(compiled)
    for machine in wanted.machines:
        body = _body(cluster, wanted, machine.name) if machine.name in stored else None
        if body is not None:
            yield Thing.of(body)
        request = Request(
            kind=MACHINE,
            name=machine.name,
            provider=provider.name,
            labels=wanted.labels_for(machine.name),
            token="",
            body=_machine_body(machine, provider.traits),
            needs=needs,
            zones=machine.zones,
            protect=cluster.protect,
        )
        recipe = compiled.recipes[machine.name]
        yield Thing.of(
            request,
            recipe=recipe.meaning,
            etcd=machine.etcd,
            pool=machine.pool,
            protect=cluster.protect,
            body=body.name if body else "",
        )


def _machine_body(machine: MachineWanted, traits: Traits) -> Json:
    voter = {"etcd": True} if machine.etcd and traits.tells_voters else {}
    return {**machine.body(traits.access), **voter}


def _body(cluster: Cluster, wanted: Wanted, machine: str) -> Request:
    """Return the body of a machine's first-boot config. It goes with its machine, so what it holds is not compared."""
    if cluster.payloads is None:
        raise AssertionError(f"the first-boot config of {machine} goes to a store, and the spec names none")
    name = bodies.name_of(machine)
    return Request(bodies.KIND, name, cluster.payloads.scheme, wanted.labels_for(name), "", {"machine": machine})

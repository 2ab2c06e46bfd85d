"""Whether what the options name exists: datacenter, resource pools, datastores, networks, a cluster for the rule."""

from __future__ import annotations

from typing import TYPE_CHECKING

from provision.errors import ProviderError
from provision.providing.checking import error, where
from provision_vmware import parts, sdk
from provision_vmware.checking.view import OPTIONS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from provision.diagnostics import Diagnostic, Path
    from provision.model import MachineWanted
    from provision_vmware.checking.view import View


def findings(view: View) -> Iterator[Diagnostic]:
    """Look everything up once; what cannot be found is said with what there is."""
    places = view.cloud.places
    try:
        places.datacenter  # noqa: B018 - looks it up
    except ProviderError as problem:
        yield _missing(problem, (*OPTIONS, "datacenter"))
        return
    for machine in view.wanted.machines:
        yield from _of(view, machine)
    yield from _rule(view)


def _of(view: View, machine: MachineWanted) -> Iterator[Diagnostic]:
    settings, places = view.options(machine), view.cloud.places
    if settings.resource_pool not in view.pools:
        try:
            view.pools[settings.resource_pool] = places.pool(settings.resource_pool)
        except ProviderError as problem:
            yield from _once(view, problem, where(machine, "options", "resource_pool"))
    store = (settings.datastore, settings.datastore_cluster)
    if store not in view.stores:
        option = "datastore_cluster" if settings.datastore_cluster else "datastore"
        try:
            named = settings.datastore_cluster
            view.stores[store] = places.datastores_of(named) if named else [places.datastore(settings.datastore)]
        except ProviderError as problem:
            yield from _once(view, problem, where(machine, "options", option))
    if settings.network not in view.networks and (settings.network or settings.esxi):
        try:
            view.networks[settings.network] = places.network(settings.network)
        except ProviderError as problem:
            yield from _once(view, problem, where(machine, "options", "network"))


def _once(view: View, problem: ProviderError, path: Path) -> Iterator[Diagnostic]:
    """Yield a finding for the first machine of a pool only."""
    if (problem.message, path) not in view.told:
        view.told.add((problem.message, path))
        yield _missing(problem, path)


def _missing(problem: ProviderError, path: Path) -> Diagnostic:
    return error("PV567", problem.message, path, problem.hint)


def _rule(view: View) -> Iterator[Diagnostic]:
    wanted = any(part.kind == parts.RULE for part in parts.requests(view.wanted, view.settings))
    if not wanted or view.settings.resource_pool not in view.pools:
        return
    compute = view.cloud.places.compute(view.settings.resource_pool)
    if not isinstance(compute.object, sdk.types().ClusterComputeResource):
        message = f"{compute.get('name')} is a single host, which has no anti-affinity rules"
        hint = "take a pool of a compute cluster, or write `anti_affinity: false`"
        yield error("PV574", message, (*OPTIONS, "anti_affinity"), hint)

"""The rule that keeps a cluster's etcd members on different hosts, as far as DRS obeys it.

A rule belongs to a compute cluster and names machines. vSphere takes a destroyed machine out by itself; one that is
made anew is put in by whoever makes it. A rule of fewer than two machines is refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from provision.errors import Kind, ProviderError
from provision_vmware import observe, parts, properties, sdk

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from provision.model import Change, Labels, Observed, Owner, Request
    from provision_vmware.cloud import Cloud
    from provision_vmware.properties import Row
    from provision_vmware.sdk import Managed

LEAST = 2


def make(cloud: Cloud, request: Request) -> Observed:
    """Make the rule, or bring the one that there is up to date.

    Raises:
        ProviderError: the members are not there, or the pool is not a cluster's.
    """
    name = request.body["name"]
    folder = cloud.session.object("Folder", request.inputs[parts.part_name(parts.FOLDER)]["id"])
    members = _members(cloud, folder, request.body["members"])
    _write(cloud, name, lambda _: members)
    return observe.part(parts.RULE, name, name, [request.labels])


def change(cloud: Cloud, change: Change) -> None:
    """Give the rule other members."""
    target = change.target
    found = cloud.places.parent()
    folder = cloud.places.child(found, target.id.removeprefix("provision-")) if found is not None else None
    if folder is None:
        raise ProviderError(f"the folder of {target.name} is gone", kind=Kind.NOT_FOUND, code="NoFolder")
    members = _members(cloud, folder, change.body["members"])
    _write(cloud, target.id, lambda _: members)


def add(cloud: Cloud, request: Request, machine: Managed) -> None:
    """Put a voter that was made anew into the rule; where there is no rule yet, its own turn comes later."""
    name = parts.rule_name(request.labels.whose)

    def grown(present: list[Managed]) -> list[Managed]:
        return present if any(m._moId == machine._moId for m in present) else [*present, machine]

    with cloud.rules:
        compute, rule = _find(cloud, name)
        if rule is not None:
            _reconfigure(cloud, compute, rule, name, grown(list(rule.vm)))


def remove(cloud: Cloud, target: Observed) -> None:
    """Remove the rule."""
    with cloud.rules:
        compute, rule = _find(cloud, target.id)
        if rule is None:
            return
        spec = sdk.types().cluster.RuleSpec(operation="remove", removeKey=rule.key)
        config = sdk.types().cluster.ConfigSpecEx(rulesSpec=[spec])
        cloud.one("ReconfigureComputeResource_Task", compute.object, spec=config, modify=True)


def listed(cloud: Cloud, owner: Owner | None, like: Sequence[Labels]) -> Iterator[Observed]:
    """Yield the rules of an owner."""
    clusters = [row.object for row in cloud.places.rows("ClusterComputeResource")]
    for rule in _rules(cloud, clusters):
        if rule.name.startswith("provision-") and observe.belongs(rule.name, owner):
            yield observe.part(parts.RULE, rule.name, rule.name, like)


def _write(cloud: Cloud, name: str, members: Any) -> None:  # noqa: ANN401
    with cloud.rules:
        compute, rule = _find(cloud, name)
        wanted = members(list(rule.vm) if rule is not None else [])
        if len(wanted) < LEAST:
            message = f"the rule {name} needs {LEAST} machines, and {len(wanted)} of its members are there"
            raise ProviderError(message, kind=Kind.CONFLICT, retryable=True, code="TooFewMembers")
        _reconfigure(cloud, compute, rule, name, wanted)


def _reconfigure(cloud: Cloud, compute: Row, rule: Any, name: str, members: list[Managed]) -> None:  # noqa: ANN401
    vim = sdk.types()
    info = vim.cluster.AntiAffinityRuleSpec(name=name, enabled=True, vm=members, userCreated=True, mandatory=False)
    if rule is not None:
        info.key = rule.key
    spec = vim.cluster.RuleSpec(operation="edit" if rule is not None else "add", info=info)
    config = vim.cluster.ConfigSpecEx(rulesSpec=[spec])
    cloud.one("ReconfigureComputeResource_Task", compute.object, spec=config, modify=True)


def _members(cloud: Cloud, folder: Managed, names: Sequence[str]) -> list[Managed]:
    rows = properties.children(cloud.session, [folder], {"VirtualMachine": ("name",)})
    found = {str(row.get("name")): row.object for row in rows}
    return [found[name] for name in names if name in found]


def _find(cloud: Cloud, name: str) -> tuple[Row, Any]:
    compute = cloud.places.compute(cloud.settings.resource_pool)
    if not isinstance(compute.object, sdk.types().ClusterComputeResource):
        raise ProviderError(
            f"{compute.get('name')} is a single host, which has no anti-affinity rules",
            kind=Kind.UNSUPPORTED,
            code="NoCluster",
            hint="take a pool of a compute cluster, or set anti_affinity: false",
        )
    return compute, next((rule for rule in _rules(cloud, [compute.object]) if rule.name == name), None)


def _rules(cloud: Cloud, clusters: list[Managed]) -> list[Any]:
    rows = properties.of_objects(cloud.session, "ClusterComputeResource", clusters, ["configurationEx"])
    configs = (row.get("configurationEx") for row in rows)
    return [rule for config in configs if config is not None for rule in config.rule or ()]

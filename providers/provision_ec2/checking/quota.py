"""Whether the account's vCPU quota has room. Quotas: https://docs.aws.amazon.com/ec2/latest/instancetypes/ec2-instance-quotas.html."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from provision.errors import ProviderError
from provision.providing.checking import error
from provision_ec2 import tags
from provision_ec2.checking.view import OPTIONS, unreadable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from provision.diagnostics import Diagnostic
    from provision.model import Json
    from provision_ec2.checking.view import View

STANDARD = "acdhimrtz"
"""First letters of the families that share one quota; others (GPU, high memory…) have quotas of their own."""

QUOTAS = {False: "L-1216C47A", True: "L-34B43A08"}
"""Codes of the vCPU quotas of standard instances, by whether they are spot."""

LIVE = ("pending", "running")


def findings(view: View) -> Iterator[Diagnostic]:
    """Check the vCPUs of what is wanted beside what others run, on demand and spot apart."""
    for spot, needed in sorted(_needed(view).items()):
        try:
            quota = view.cloud.call(
                "get_service_quota", service="service-quotas", ServiceCode="ec2", QuotaCode=QUOTAS[spot]
            )["Quota"]
            used = _used(view, spot)
        except ProviderError as problem:
            yield unreadable("the vCPU quota", problem)
            return
        if needed + used > quota["Value"]:
            yield error(
                "PV527",
                f"the cluster takes {needed} vCPUs and {used} are in use beside it: more than the quota of "
                f"{quota['Value']:g} ({quota.get('QuotaName', QUOTAS[spot])})",
                OPTIONS,
                f"raise the quota {QUOTAS[spot]} in Service Quotas, or take fewer or smaller machines",
            )


def _needed(view: View) -> Counter[bool]:
    needed: Counter[bool] = Counter()
    for machine in view.wanted.machines:
        kind = view.types.get(str(machine.size))
        if kind and _standard(kind["InstanceType"]):
            needed[view.options(machine).spot] += kind["VCpuInfo"]["DefaultVCpus"]
    return needed


def _used(view: View, spot: bool) -> int:
    """Return the vCPUs of all running standard instances that are not this cluster's."""
    state = [{"Name": "instance-state-name", "Values": list(LIVE)}]
    pages = view.cloud.pages("describe_instances", "Reservations", Filters=state, MaxResults=1000)
    items = [item for reservation in pages for item in reservation["Instances"]]
    return sum(
        _cpus(item) for item in items if _counts(item, spot) and tags.plain(item).get(tags.UID) != view.wanted.uid
    )


def _counts(item: Json, spot: bool) -> bool:
    return _standard(item["InstanceType"]) and (item.get("InstanceLifecycle") == "spot") == spot


def _cpus(item: Json) -> int:
    options = item.get("CpuOptions", {})
    count: int = options.get("CoreCount", 1) * options.get("ThreadsPerCore", 1)
    return count


def _standard(size: str) -> bool:
    family = re.match(r"[a-z]+", size)
    return bool(family) and size[0] in STANDARD and not size.startswith(("inf", "trn", "dl", "hpc", "mac"))

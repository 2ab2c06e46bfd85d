"""Whether these credentials may make machines, by dry runs: EC2 answers whether it would have obeyed.

https://docs.aws.amazon.com/AWSEC2/latest/APIReference/CommonParameters.html (DryRun)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from provision.errors import ProviderError
from provision.providing.checking import error
from provision_ec2 import network, parts, tags
from provision_ec2.checking.view import OPTIONS
from provision_ec2.machines import TAGGED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from provision.diagnostics import Diagnostic
    from provision.model import Json
    from provision_ec2.checking.view import View


def findings(view: View) -> Iterator[Diagnostic]:
    """Try the calls that `up` begins with; a refusal for another reason is some other check's finding."""
    for operation, params in _calls(view):
        try:
            view.cloud.call(operation, **params, DryRun=True)
        except ProviderError as problem:
            if problem.code == "UnauthorizedOperation":
                yield error("PV534", f"not permitted: {problem.message}", OPTIONS, problem.hint)


def _calls(view: View) -> Iterator[tuple[str, Json]]:
    wanted = view.wanted
    marks = tags.written([wanted.labels_for("check")])
    if not view.settings.vpc:
        cidr = wanted.subnet or network.DEFAULT
        yield "create_vpc", {"CidrBlock": cidr, "TagSpecifications": tags.specification([parts.VPC], marks)}
    machine = next((m for m in wanted.machines if view.image_of(m) in view.images and m.size in view.types), None)
    if machine:
        place = {"SubnetId": view.settings.subnets[0]} if view.settings.subnets else {}
        yield (
            "run_instances",
            {
                "ImageId": view.images[view.image_of(machine)]["ImageId"],
                "InstanceType": machine.size,
                "MinCount": 1,
                "MaxCount": 1,
                "TagSpecifications": tags.specification(TAGGED, marks),
                **place,
            },
        )

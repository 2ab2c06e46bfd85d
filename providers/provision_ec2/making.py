"""Making things: machines by RunInstances under a client token, parts by one function for each kind.

A part may take two calls, and a call may have been made before and its answer lost. So each function first makes or
finds its thing, then does what is still missing; sent again, it ends in the same state.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from provision.errors import Kind, ProviderError
from provision.provider import Outcome
from provision_ec2 import machines, observe, parts, tags
from provision_ec2.listing import described

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from provision.model import Json, Request
    from provision.providing.launches import Launch
    from provision_ec2.sdk import Cloud
    from provision_ec2.subnets import Subnets

ALL = "0.0.0.0/0"


def launch(cloud: Cloud, subnets: Subnets, wanted: Launch) -> Iterator[Outcome]:
    """Make the machines of one launch; an outcome for each."""
    try:
        params = machines.parameters(wanted, subnets.choose(wanted.first))
        made = cloud.call("run_instances", **params)["Instances"]
    except ProviderError as error:
        yield from (Outcome(request.name, error=error) for request in wanted.requests)
        return
    by_index = {item["AmiLaunchIndex"]: observe.machine(item) for item in made}
    for index, request in enumerate(wanted.requests):
        found = by_index.get(index)
        yield Outcome(request.name, found) if found else Outcome(request.name, error=_missing(index))


def part(cloud: Cloud, request: Request) -> Outcome:
    """Make one part, or finish it."""
    try:
        item = MAKERS[request.kind](cloud, request)
        return Outcome(request.name, observed=observe.part(request.kind, item))
    except ProviderError as error:
        return Outcome(request.name, error=error)


def _vpc(cloud: Cloud, request: Request) -> Json:
    # Neither a token nor a unique name protects this call: look first.
    item: Json = (
        _find(cloud, request) or cloud.call("create_vpc", CidrBlock=request.body["cidr"], **_marks(request))["Vpc"]
    )
    return item


def _gateway(cloud: Cloud, request: Request) -> Json:
    item = _find(cloud, request) or cloud.call("create_internet_gateway", **_marks(request))["InternetGateway"]
    vpc = _input(request, parts.VPC)
    if not item.get("Attachments"):
        with_id = {"InternetGatewayId": item["InternetGatewayId"], "VpcId": vpc}
        _unless_there(cloud, "attach_internet_gateway", **with_id)
    return {**item, "Attachments": [{"VpcId": vpc}]}


def _routes(cloud: Cloud, request: Request) -> Json:
    vpc, gateway = _input(request, parts.VPC), _input(request, parts.GATEWAY)
    answer = cloud.call("create_route_table", VpcId=vpc, ClientToken=request.token, **_marks(request))
    item: Json = answer["RouteTable"]
    route = {"RouteTableId": item["RouteTableId"], "GatewayId": gateway, "DestinationCidrBlock": ALL}
    _unless_there(cloud, "create_route", **route)
    return item


def _subnet(cloud: Cloud, request: Request) -> Json:
    place = {"AvailabilityZone": request.body["zone"]} if request.body["zone"] else {}
    params = {"VpcId": _input(request, parts.VPC), "CidrBlock": request.body["cidr"], **place}
    # Two subnets of one VPC never overlap, so a repeated call is refused.
    item = _make_or_find(cloud, request, "create_subnet", "Subnet", params)
    link = {"SubnetId": item["SubnetId"], "RouteTableId": _input(request, parts.ROUTES)}
    _unless_there(cloud, "associate_route_table", **link)
    return item


def _group(cloud: Cloud, request: Request) -> Json:
    vpc = request.body["vpc"] or _input(request, parts.VPC)
    name = f"provision-{request.labels.cluster}-{request.labels.uid}"
    about = f"Machines of cluster {request.labels.cluster}"
    params = {"GroupName": name, "Description": about, "VpcId": vpc}
    # The name is unique in the VPC.
    item = _make_or_find(cloud, request, "create_security_group", "", params)
    rules = [within(item["GroupId"]), *(ssh(cidr) for cidr in request.body["ssh_from"])]
    _unless_there(cloud, "authorize_security_group_ingress", GroupId=item["GroupId"], IpPermissions=rules)
    return item


def _key(cloud: Cloud, request: Request) -> Json:
    params = {"KeyName": request.body["key_name"], "PublicKeyMaterial": request.body["public_key"]}
    return _make_or_find(cloud, request, "import_key_pair", "", params)


MAKERS: dict[str, Callable[[Cloud, Request], Json]] = {
    parts.VPC: _vpc,
    parts.GATEWAY: _gateway,
    parts.ROUTES: _routes,
    parts.SUBNET: _subnet,
    parts.GROUP: _group,
    parts.KEY: _key,
}


def within(group: str) -> Json:
    """Return the rule that lets a group's machines reach each other at every port, etcd's 2379 and 2380 among them.

    Nobody else gets to these ports: a security group refuses what no rule allows.
    """
    return {"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": group}]}


def ssh(cidr: str) -> Json:
    """Return the rule that lets a network reach port 22."""
    ranges = {"Ipv6Ranges": [{"CidrIpv6": cidr}]} if ":" in cidr else {"IpRanges": [{"CidrIp": cidr}]}
    return {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, **ranges}


def _marks(request: Request) -> Json:
    return {"TagSpecifications": tags.specification([request.kind], tags.written([request.labels]))}


def _input(request: Request, kind: str) -> str:
    found = machines.input_ids(request, kind)
    if not found:
        raise ProviderError(f"{request.name} was not told the id of its {kind}", kind=Kind.INVALID, code="NoInput")
    return found[0]


def _find(cloud: Cloud, request: Request) -> Json | None:
    filters = tags.filters(request.labels.whose, request.name)
    return next(iter(described(cloud, request.kind, filters)), None)


def _make_or_find(cloud: Cloud, request: Request, operation: str, key: str, params: Json) -> Json:
    """Make a thing that EC2 refuses to make twice; when it does, find ours."""
    try:
        answer = cloud.call(operation, **params, **_marks(request))
    except ProviderError as error:
        if error.kind is not Kind.ALREADY_EXISTS:
            raise
        found = _find(cloud, request)
        if found is None:
            raise
        return found
    item: Json = answer[key] if key else answer
    return {**item, "Tags": tags.pairs(tags.written([request.labels]))}


def _unless_there(cloud: Cloud, operation: str, **params: Any) -> None:  # noqa: ANN401
    try:
        cloud.call(operation, **params)
    except ProviderError as error:
        if error.kind is not Kind.ALREADY_EXISTS:
            raise


def _missing(index: int) -> ProviderError:
    message = f"RunInstances answered without the machine of launch index {index}"
    return ProviderError(message, kind=Kind.AMBIGUOUS, retryable=True, code="NoAnswer")

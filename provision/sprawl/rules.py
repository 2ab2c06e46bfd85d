"""What a policy says against a spec: each violation at the spec's line and at the policy's. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from ipaddress import ip_network
from typing import TYPE_CHECKING

from provision.diagnostics import Diagnostic, Report
from provision.spec import duration

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from ipaddress import IPv4Network, IPv6Network

    from provision.diagnostics import Path as Trail
    from provision.spec.model import Cluster, Machine
    from provision.sprawl.policies import Policy

ENCRYPTION: dict[str, tuple[str, ...]] = {"ec2": ("root_volume", "encrypted"), "gce": ()}
"""The option that encrypts root disks, by provider; () where the platform always does
(https://cloud.google.com/docs/security/encryption/default-encryption)."""


@dataclass(frozen=True, slots=True)
class Violation:
    """One thing that a policy forbids: what stands at `at` in the spec goes against `rule` in the policy."""

    code: str
    message: str
    at: Trail
    rule: tuple[str | int, ...]
    hint: str = ""


def check(cluster: Cluster, policies: Sequence[Policy]) -> Report:
    """Return every violation of every policy."""
    report = Report(sources=dict(cluster.sources))
    for policy in policies:
        report.sources[policy.document.file] = policy.document.text
        for found in dict.fromkeys(v for rule in RULES for v in rule(cluster, policy)):
            report.add(
                Diagnostic(
                    found.code,
                    found.message,
                    path=found.at,
                    span=cluster.place(found.at),
                    hint=found.hint or None,
                    also=policy.place(*found.rule),
                )
            )
    return report


def _names(cluster: Cluster, policy: Policy) -> Iterator[Violation]:
    allowed = policy.value.get("names")
    if allowed is not None and not _fits(cluster.name, allowed):
        yield Violation(
            "PV710", f"a cluster may not be called {cluster.name!r}", ("cluster",), ("names",), _of(allowed)
        )


def _owners(cluster: Cluster, policy: Policy) -> Iterator[Violation]:
    allowed = policy.value.get("owners")
    if allowed is not None and not _fits(cluster.owner, allowed):
        yield Violation("PV711", f"{cluster.owner!r} may not own a cluster", ("owner",), ("owners",), _of(allowed))


def _ttl(cluster: Cluster, policy: Policy) -> Iterator[Violation]:
    limit = policy.max_ttl
    if limit is not None and (cluster.ttl is None or cluster.ttl > limit.total_seconds()):
        asked = "for ever" if cluster.ttl is None else duration.write(cluster.ttl)
        most = duration.write(int(limit.total_seconds()))
        yield Violation("PV712", f"a cluster may not live {asked}", ("ttl",), ("max_ttl",), f"{most} at most")


def _machines(cluster: Cluster, policy: Policy) -> Iterator[Violation]:
    limit = policy.value.get("max_machines")
    if limit is not None and len(cluster.machines) > limit:
        text = f"{len(cluster.machines)} machines are more than {limit}"
        yield Violation("PV713", text, ("pools",), ("max_machines",), "take fewer")


def _providers(cluster: Cluster, policy: Policy) -> Iterator[Violation]:
    allowed = policy.section("providers")
    for name in cluster.providers if "providers" in policy.value else ():
        if name not in allowed:
            text = f"the provider {name} may not be used"
            yield Violation("PV714", text, ("providers", name), ("providers",), _of(allowed))


def _regions(cluster: Cluster, policy: Policy) -> Iterator[Violation]:
    for machine, allowed, rule in _limited(cluster, policy, "regions"):
        region = machine.options.get("region")
        for place in [str(region)] if region else machine.zones or ("",):
            if not any(_within(place, pattern) for pattern in allowed):
                at = cluster.origin(machine, "zones") if machine.zones else ("providers", machine.provider, "region")
                text = f"machines may not run in {place}" if place else "nobody can tell in which region machines run"
                yield Violation("PV715", text, at, rule, _of(allowed))


def _sizes(cluster: Cluster, policy: Policy) -> Iterator[Violation]:
    for machine, allowed, rule in _limited(cluster, policy, "sizes"):
        size = machine.size if isinstance(machine.size, str) else "custom"
        if not _fits(size, allowed):
            at = cluster.origin(machine, "size")
            yield Violation("PV716", f"machines may not have the size {size!r}", at, rule, _of(allowed))


def _images(cluster: Cluster, policy: Policy) -> Iterator[Violation]:
    for machine, allowed, rule in _limited(cluster, policy, "images"):
        if not _fits(machine.image, allowed):
            at = _image_at(cluster, machine)
            yield Violation("PV717", f"machines may not run the image {machine.image!r}", at, rule, _of(allowed))


def _ssh(cluster: Cluster, policy: Policy) -> Iterator[Violation]:
    allowed = policy.value.get("ssh_from", [])
    for n, network in enumerate(cluster.ssh_from if "ssh_from" in policy.value else ()):
        if not any(_inside(ip_network(network, strict=False), ip_network(a, strict=False)) for a in allowed):
            text = f"port 22 may not be opened to {network}"
            hint = _of(allowed) if allowed else "it may be opened to nobody"
            yield Violation("PV718", text, ("ssh", "from", n), ("ssh_from",), hint)


def _encryption(cluster: Cluster, policy: Policy) -> Iterator[Violation]:
    for machine in cluster.machines if policy.value.get("encrypted_disks") else ():
        option = ENCRYPTION.get(machine.provider)
        if option is None:
            text = f"nobody can tell whether disks on {machine.provider} are encrypted"
            yield Violation("PV719", text, ("providers", machine.provider), ("encrypted_disks",))
        elif option and not _value(machine, option):
            at = cluster.origin(machine, "options") if machine.options else ("providers", machine.provider)
            hint = f"set {'.'.join(option)}: true"
            yield Violation("PV719", "root disks must be encrypted", at, ("encrypted_disks",), hint)


RULES: tuple[Callable[[Cluster, Policy], Iterator[Violation]], ...] = (
    _names,
    _owners,
    _ttl,
    _machines,
    _providers,
    _regions,
    _sizes,
    _images,
    _ssh,
    _encryption,
)


def _limited(
    cluster: Cluster, policy: Policy, what: str
) -> Iterator[tuple[Machine, Sequence[str], tuple[str | int, ...]]]:
    """Yield the machines whose provider a policy limits in something, with what it allows and where it says so."""
    providers = policy.section("providers")
    for machine in cluster.machines:
        allowed = providers.get(machine.provider, {}).get(what)
        if allowed is not None:
            yield machine, allowed, ("providers", machine.provider, what)


def _image_at(cluster: Cluster, machine: Machine) -> Trail:
    own = cluster.origin(machine, "options", "image")
    return own if own in cluster.places else ("providers", machine.provider, "image")


def _value(machine: Machine, option: Sequence[str]) -> object:
    value: object = machine.options
    for key in option:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _fits(text: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(text, pattern) for pattern in patterns)


def _within(place: str, pattern: str) -> bool:
    """Whether a region, or a zone of one (``eu-central-1a``, ``europe-west1-b``), fits."""
    return any(fnmatchcase(place, form) for form in (pattern, f"{pattern}[a-z]", f"{pattern}-[a-z]"))


def _inside(inner: IPv4Network | IPv6Network, outer: IPv4Network | IPv6Network) -> bool:
    return inner.version == outer.version and inner.subnet_of(outer)  # type: ignore[arg-type]


def _of(allowed: Iterable[str]) -> str:
    return f"allowed: {', '.join(allowed) or 'none'}"

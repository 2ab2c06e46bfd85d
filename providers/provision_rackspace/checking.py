"""The preflight: all that would stop `up`, found before anything is made, all at once. Only reads.

What needs no call comes first; when the account cannot be used at all, the rest is left out.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from provision.diagnostics import Report
from provision.errors import Kind, ProviderError, ProviderMissing
from provision.model import Owner
from provision.providing import checking
from provision.providing.checking import error, where
from provision_rackspace import limits, listing, parts, rules

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from provision.diagnostics import Diagnostic, Path
    from provision.model import Json, MachineWanted, Wanted
    from provision_rackspace.finding import Catalogue
    from provision_rackspace.sdk import Cloud
    from provision_rackspace.settings import Settings

OPTIONS = rules.OPTIONS


@dataclass(slots=True)
class View:
    """A cluster, and what earlier checks have learnt of it."""

    cloud: Cloud
    catalogue: Catalogue
    settings: Settings
    wanted: Wanted
    flavors: dict[str, Json] = field(default_factory=dict)  # by the name that machines call them


def report(cloud: Cloud, catalogue: Catalogue, settings: Settings, wanted: Wanted) -> Report:
    """Return every finding on a cluster."""
    view = View(cloud, catalogue, settings, wanted)
    findings = Report(list(rules.findings(wanted, settings)))
    try:
        cloud.region()
    except ProviderError as problem:
        code = "PV560" if problem.kind is Kind.AUTH or isinstance(problem, ProviderMissing) else "PV561"
        findings.extend([error(code, f"Rackspace cannot be used: {problem.message}", OPTIONS, problem.hint)])
        return findings
    findings.extend(checking.asked(view, REMOTE, partial(checking.unreadable, "PV561", OPTIONS)))
    return findings


def _sizes(view: View) -> Iterator[Diagnostic]:
    """Check the flavors of all machines; fills `view.flavors`."""
    for size, machine in {str(m.size): m for m in reversed(view.wanted.machines)}.items():
        path = where(machine, "size")
        if not isinstance(machine.size, str) or not machine.size:
            message = f"{machine.name}: Rackspace wants a flavor, not {machine.size!r}"
            yield error("PV562", message, path, "write such as general1-2")
            continue
        found = yield from _told(partial(view.catalogue.flavor, size), path)
        if found is None:
            continue
        view.flavors[size] = found
        if not found["disk"]:
            message = f"{machine.name}: the flavor {size} has no disk: it boots from volumes alone"
            yield error("PV562", message, path, "take one with a disk, such as general1-2 or io1-15")


def _images(view: View) -> Iterator[Diagnostic]:
    for name, machine in {parts.image_of(m): m for m in reversed(view.wanted.machines)}.items():
        path = where(machine, "image")
        if not name:
            message = f"{machine.name}: no image is named"
            yield error("PV562", message, path, "write `image:`, an image's id or name")
            continue
        found = yield from _told(partial(view.catalogue.image, name), path)
        if found is not None:
            yield from _fits(view, machine, found)


def _fits(view: View, machine: MachineWanted, image: Json) -> Iterator[Diagnostic]:
    if image.get("status", "ACTIVE") != "ACTIVE":
        message = f"{machine.name}: the image {image['name']} is {image['status']}"
        yield error("PV562", message, where(machine, "image"))
    for each in (m for m in view.wanted.machines if parts.image_of(m) in (image["id"], image["name"])):
        flavor = view.flavors.get(str(each.size))
        if flavor and ((image.get("minRam") or 0) > flavor["ram"] or (image.get("minDisk") or 0) > flavor["disk"] > 0):
            message = (
                f"{each.name}: the image wants {image.get('minRam', 0)} MiB of memory and {image.get('minDisk', 0)} "
                f"GiB of disk; {flavor['name']} has {flavor['ram']} and {flavor['disk']}"
            )
            yield error("PV562", message, where(each, "size"), "take a larger flavor")
            return


def _existing(view: View) -> Iterator[Diagnostic]:
    if view.settings.network:
        yield from _told(partial(view.catalogue.network, view.settings.network), (*OPTIONS, "network"), "PV563")
    wanted = view.settings.key_name
    if wanted and wanted not in listing.key_pairs(view.cloud):
        yield error("PV563", f"there is no key pair {wanted!r}", (*OPTIONS, "key_name"))


def _limits(view: View) -> Iterator[Diagnostic]:
    owner = Owner(view.wanted.cluster, view.wanted.uid)
    there = {found.name for found in listing.everything(view.cloud, owner)}
    new = [machine for machine in view.wanted.machines if machine.name not in there]
    network = any(p.kind == parts.NETWORK and p.name not in there for p in parts.requests(view.wanted, view.settings))
    given = view.cloud.call("GET", "/limits")["limits"]
    memory = sum(view.flavors[str(m.size)]["ram"] for m in new if str(m.size) in view.flavors)
    cores = sum(view.flavors[str(m.size)].get("vcpus", 0) for m in new if str(m.size) in view.flavors)
    yield from limits.absolute(given["absolute"], len(new), memory, cores, int(network))
    yield from limits.rate(given.get("rate", []), len(new))


def _told(look: Callable[[], Json], path: Path, code: str = "PV562") -> Generator[Diagnostic, None, Json | None]:
    """Look something up; yield the finding that it is not there, return it otherwise."""
    try:
        return look()
    except ProviderError as problem:
        if problem.kind not in (Kind.NOT_FOUND, Kind.INVALID):
            raise
        yield error(code, problem.message, path, problem.hint)
    return None


REMOTE: dict[str, Callable[[View], Iterator[Diagnostic]]] = {
    "flavors": _sizes,
    "images": _images,
    "what the options name": _existing,
    "limits": _limits,
}
"""Checks that ask Rackspace, in the order in which they build on each other."""

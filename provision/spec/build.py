"""A draft without errors to a `Cluster`: defaults filled in, every machine spelt out."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from provision import zones as cut
from provision.spec import addresses, duration, inventory
from provision.spec.model import (
    Budget,
    Cluster,
    Etcd,
    Flannel,
    Machine,
    Payloads,
    Reception,
    Runtime,
    Secret,
    Update,
)
from provision.spec.overlay import overlay
from provision.spec.rules.network import subnet_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from ipaddress import IPv4Network

    from provision.model import Json
    from provision.provider import Claim
    from provision.spec.draft import Draft


def cluster(draft: Draft) -> Cluster:
    """Return the cluster that a draft describes. Every rule must have passed."""
    value, subnet = draft.value, subnet_of(draft)
    payloads = _payloads(draft.section("payloads"))
    assert subnet is not None, "the rules check the subnet"  # noqa: S101
    return Cluster(
        name=value["cluster"],
        owner=value["owner"],
        ttl=None if value["ttl"] == "never" else duration.parse(value["ttl"]),
        protect=value.get("protect", False),
        budget=Budget(**draft.section("budget")),
        os=value["os"],
        ssh_keys=tuple(dict.fromkeys(key.strip() for _, key in draft.keys)),
        ssh_from=tuple(draft.section("ssh").get("from", ())),
        subnet=subnet,
        etcd=_etcd(value.get("etcd")),
        update=_update(draft.section("update")),
        secrets={name: _secret(entry) for name, entry in draft.section("secrets").items()},
        providers=draft.section("providers") | _keeper(value["cluster"], payloads),
        machines=tuple(_machines(draft)),
        digest=digest(draft.document.text, draft.texts),
        file=draft.document.file,
        directory=draft.files.directory(),
        places=draft.document.places,
        sources=sources(draft),
        runtime=_runtime(draft.section("runtime")),
        flannel=Flannel(**draft.section("flannel")) if "flannel" in value else None,
        payloads=payloads,
        reception=Reception(**draft.section("reception")) if "reception" in value else None,
    )


def digest(text: str, files: dict[str, str]) -> str:
    """Return the SHA-256, in hex, of a spec's text and of the files that it names, by the names that stand in it."""
    parts = [text, *(part for name in sorted(files) for part in (name, files[name]))]
    whole = hashlib.sha256()
    for part in parts:
        data = part.encode("utf-8", "surrogatepass")
        whole.update(b"%d:" % len(data) + data)
    return whole.hexdigest()


def sources(draft: Draft) -> dict[str, str]:
    """Return the texts that findings may point into, by the names that they show."""
    configs = {config.file: config.text for config in draft.configs.values() if config.file != draft.document.file}
    return {**configs, draft.document.file: draft.document.text}


def _etcd(section: Json | None) -> Etcd | None:
    if section is None:
        return None
    plain = {key: section[key] for key in ("version",) if key in section}
    tls = section.get("tls", False)
    plain |= {"tls": tls is not False, "fetched": isinstance(tls, dict) and tls["keys"] == "fetched"}
    bootstrap = section.get("bootstrap", "auto")
    if isinstance(bootstrap, str):
        return Etcd(bootstrap=bootstrap, **plain)
    if "srv" in bootstrap:
        return Etcd(bootstrap="srv", domain=bootstrap["srv"], **plain)
    return Etcd(bootstrap="discovery", discovery=bootstrap["discovery"], **plain)


def _update(section: Json) -> Update:
    window = section.get("window", {})
    return Update(section.get("strategy", "off"), window.get("start", ""), window.get("length", ""))


def _runtime(section: Json) -> Runtime | None:
    lists = {key: tuple(value) for key, value in section.items() if isinstance(value, list)}
    return Runtime(**{**section, **lists}) if section else None


def _payloads(section: Json) -> Payloads | None:
    if not section:
        return None
    return Payloads(**{**section, "store": section["store"].rstrip("/"), "url": section.get("url", "").rstrip("/")})


def _keeper(cluster: str, payloads: Payloads | None) -> Json:
    """Return what keeps payloads as a provider's entry, so that lists and `down` ask it as they ask every platform."""
    if payloads is None:
        return {}
    given = {"store": payloads.store, "fetch": payloads.fetch, "url": payloads.url, "cluster": cluster}
    return {payloads.scheme: given}


def _secret(entry: Json) -> Secret:
    command = tuple(entry["command"]) if "command" in entry else None
    return Secret(entry.get("env"), entry.get("file"), command, int(entry.get("max_size", 4096)))


def _machines(draft: Draft) -> Iterator[Machine]:
    claimed = inventory.claims(draft)
    planned = _addresses(draft, {name: claim.address for name, claim in claimed.items() if claim.address})
    for pool, entry in draft.pools():
        for index, name in _numbered(draft, pool):
            yield _machine(draft, pool, entry, index, name, planned[name], claimed.get(name))


def _addresses(draft: Draft, claimed: Mapping[str, str]) -> dict[str, str]:
    subnet = subnet_of(draft)
    assert subnet is not None, "the rules check the subnet"  # noqa: S101
    zones = {name: _zones(draft, name, entry, n) for pool, entry in draft.pools() for n, name in _numbered(draft, pool)}
    providers = {name: draft.provider_of(entry) for pool, entry in draft.pools() for name in draft.machines(pool)}
    blocks = {provider: _blocks(subnet, zones, providers, provider) for provider in set(providers.values())}
    given = {name: entry["address"] for name, entry in draft.section("machines").items() if "address" in entry}
    fixed = {**claimed, **given}
    wanted = {name: [blocks[providers[name]][zone] for zone in order] for name, order in zones.items()}
    return addresses.plan(wanted, subnet, fixed, draft.lock.addresses if draft.lock else {})


def _blocks(
    subnet: IPv4Network, zones: Mapping[str, tuple[str, ...]], providers: Mapping[str, str | None], provider: str | None
) -> dict[str, IPv4Network]:
    """Return the block of each zone that a provider's machines name; none of them where the subnet cannot be cut."""
    named = [zone for name, order in zones.items() if providers[name] == provider for zone in order]
    try:
        return cut.blocks(subnet, named)
    except ValueError:  # the provider's preflight says so, at the subnet's place
        return dict.fromkeys(named, subnet)


def _numbered(draft: Draft, pool: str) -> Iterator[tuple[int, str]]:
    return enumerate(draft.machines(pool), 1)


def _zones(draft: Draft, name: str, entry: Json, index: int) -> tuple[str, ...]:
    """Return a machine's zones in the order in which it tries them: its own list as it is, its pool's spread."""
    own: Json = draft.section("machines").get(name, {})
    return tuple(own["zones"]) if "zones" in own else cut.spread(entry.get("zones", ()), index)


def _machine(draft: Draft, pool: str, entry: Json, index: int, name: str, address: str, claim: Claim | None) -> Machine:
    own: Json = draft.section("machines").get(name, {})
    both: Json = {**entry, **own}
    options = {**draft.options(pool, name), **({"machine": claim.id} if claim else {})}
    return Machine(
        name=name,
        pool=pool,
        index=index,
        provider=draft.provider_of(entry) or "",
        os=draft.value["os"],
        size=both.get("size", ""),
        image=both.get("image", _text(options.get("image"))),
        config=draft.configs.get(("machines", name, "config")) or draft.configs.get(("pools", pool, "config")),
        template=both.get("template", False),
        variables=overlay(entry.get("vars") or {}, own.get("vars") or {}),
        etcd=entry.get("etcd", False),
        zones=_zones(draft, name, entry, index),
        address=address,
        options=options,
        claim=claim.id if claim else "",
        path=("pools", pool),
        fleet=tuple(entry.get("fleet", {}).items()),
    )


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""

"""What goes into the slots of a recipe, and the payload that comes of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from provision import bodies
from provision.apply import secret
from provision.apply.desired import external
from provision.apply.key_desk import PURPOSE
from provision.etcd.variables import existing, meeting
from provision.firstboot import payload, recipe
from provision.firstboot.additions import tls
from provision.firstboot.additions.etcd import node
from provision.firstboot.additions.system import system
from provision.firstboot.interpolate import SECRET
from provision.firstboot.recipe import Kind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from provision.apply.certificates import Certificates
    from provision.apply.desired import Desired
    from provision.apply.forming import Forming
    from provision.apply.phone_home import Nonces
    from provision.apply.reception import Reception
    from provision.etcd.variables import Node
    from provision.firstboot.recipe import Slot
    from provision.provider import Provider, Service
    from provision.spec.model import Etcd, Machine


@dataclass(frozen=True, slots=True)
class Binder:
    """Binds recipes for one run.

    `reception` is None when no machine can reach this computer. `secrets` are read before anything is made, so that one
    that is missing stops the run. `peers` are the members of the running cluster that a voter of this run joins, with
    their peer URLs; empty when the cluster forms for the first time. `certificates` issues, and makes the CA when its
    first certificate is asked for. `services` are those of providers that have one of their own.
    """

    desired: Desired
    providers: Mapping[str, Provider]
    nonces: Nonces
    forming: Forming
    reception: Reception | None
    certificates: Certificates
    secrets: Mapping[str, str] = field(repr=False)
    peers: Mapping[str, Sequence[str]] = field(default_factory=dict)
    services: Mapping[str, Service] = field(default_factory=dict)

    def bind(self, name: str, generation: int) -> str:
        """Return a machine's payload, as its platform's channel takes it, or the whole of its body in a store.

        Raises:
            PlanError: a material is missing or too large.
        """
        machine = bodies.machine_of(name)
        config = self._bound(machine, generation)
        if machine in external(self.desired.compiled):
            return config
        provider = self.providers[self.desired.cluster.machine(machine).provider]
        return payload.fit(config, self.desired.compiled.recipes[machine].spec_version, provider.traits)

    def stub(self, name: str, stored: Mapping[str, str]) -> str:
        """Return the payload of a machine whose body lies in a store.

        Args:
            name: the machine's.
            stored: the body's outputs: "url", only a path where `up` serves it itself, and "sha512".

        Raises:
            PlanError: the stub does not fit.
        """
        provider = self.providers[self.desired.cluster.machine(name).provider]
        url = self._base(name) + stored["url"] if stored["url"].startswith("/") else stored["url"]
        version = self.desired.compiled.recipes[name].spec_version
        return payload.stub(version, url, stored["sha512"], provider.traits)

    def _bound(self, name: str, generation: int) -> str:
        made = self.desired.compiled.recipes[name]
        files = self._certified(name, made.slots) if tls.AUTHORITIES.name in made.slots else {}
        others = (slot for slot in made.slots.values() if slot.name not in files)
        materials = {**files, **{slot.name: self._material(slot, name, generation) for slot in others}}
        return recipe.bind(made, materials)

    def _material(self, slot: Slot, name: str, generation: int) -> str:
        match slot.kind:
            case Kind.DEADLINE:
                provider = self.desired.cluster.machine(name).provider
                return self.desired.wanted[provider].labels.expires
            case Kind.NONCE:
                return self.nonces.of(name, generation)
            case Kind.URL if slot.name == tls.KEY_URL.name:
                if self.reception is None:
                    raise AssertionError(f"{name} is to fetch its key from nowhere")
                return self.reception.key_url(self._host(name), self.nonces.of(name, generation, PURPOSE))
            case Kind.URL:
                base = self._base(name)
                return f"{base}/phone-home/{self.nonces.of(name, generation)}" if base else ""
            case Kind.SECRET:
                return self.secrets[slot.name.removeprefix(SECRET)]
            case Kind.ENDPOINTS:
                etcd = self.desired.cluster.etcd
                return ",".join(node_of(voter, etcd).client_url for voter in self.desired.cluster.voters())
            case Kind.BOOTSTRAP:
                return self._bootstrap(name)
        raise AssertionError(f"nothing is made for slots of the kind {slot.kind}")

    def _certified(self, name: str, slots: Mapping[str, Slot]) -> dict[str, str]:
        """Return a member's TLS files by their slots; each call makes another key, where it travels in the payload."""
        cluster = self.desired.cluster
        if cluster.etcd is None:
            raise AssertionError(f"{name} has a slot for a certificate in a cluster without etcd")
        # A cluster that runs trusts the CA that it has: another one would not get in.
        authorities = self.certificates.authorities() if self.peers else self.certificates.begun()
        trusted = {tls.AUTHORITIES.name: authorities.trusted.decode()}
        if tls.MEMBER_KEY.name not in slots:
            return trusted
        pair = self.certificates.member(authorities, cluster.machine(name), cluster.etcd)
        return {
            **trusted,
            tls.MEMBER_CERTIFICATE.name: pair.certificate.decode(),
            tls.MEMBER_KEY.name: pair.key.decode(),
        }

    def _bootstrap(self, name: str) -> str:
        variables = existing(self.peers) if self.peers else self._meeting(name)
        return "\n".join(f"{k}={v}" for k, v in variables.items())

    def _meeting(self, name: str) -> dict[str, str]:
        boot = self.desired.compiled.bootstrap
        if boot is None:
            raise AssertionError(f"{name} has a slot for etcd in a cluster without etcd")
        token = self.forming.token
        return meeting(
            node_of(self.desired.cluster.machine(name), self.desired.cluster.etcd),
            boot,
            cluster_token=f"{self.desired.owner.uid}-{self.forming.generation}",
            discovery_url=token if "://" in token else f"{self._discovery(name)}/{token}",
        )

    def _discovery(self, name: str) -> str:
        service = self.services.get(self.desired.cluster.machine(name).provider)
        return service.discovery_url if service else self._base(name)

    def _base(self, name: str) -> str:
        provider = self.desired.cluster.machine(name).provider
        if provider in self.services:
            return self.services[provider].url
        host = self._host(name)
        return self.reception.url(host) if self.reception and host else ""

    def _host(self, name: str) -> str:
        cluster = self.desired.cluster
        return cluster.host(self.providers[cluster.machine(name).provider].traits.host_address)


def node_of(machine: Machine, etcd: Etcd | None) -> Node:
    """Return a voter as etcd's settings know it."""
    return node(machine, system(machine.os), etcd)


def read_secrets(desired: Desired) -> dict[str, str]:
    """Return the values of all secrets that some recipe has a slot for.

    Raises:
        ProvisionError: one cannot be had.
    """
    slots = {name for made in desired.compiled.recipes.values() for name in made.slots}
    by_slot = {name.lower(): name for name in desired.cluster.secrets}
    wanted = [by_slot[slot.removeprefix(SECRET)] for slot in sorted(slots) if slot.startswith(SECRET)]
    return {name.lower(): value for name, value in secret.read(desired.cluster, wanted).items()}

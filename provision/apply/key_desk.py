"""Voters' certificates and private keys, handed over TLS to machines that show their nonce.

A nonce is spent 15 minutes after its first use, so that one lost answer strands no machine. Every answer is another
certificate with another key, issued for the moment: none is kept here.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING

from provision.model import MACHINE, utc_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from starlette.requests import Request
    from starlette.responses import Response

    from provision.apply.certificates import Certificates
    from provision.apply.session import Session
    from provision.etcd.tls import Tls
    from provision.pki.authority import Pair
    from provision.pki.rotation import Authorities
    from provision.state.store import Store

FETCHED = "keys-fetched.json"
WINDOW = timedelta(minutes=15)
PURPOSE = "etcd-key"
"""The nonce is one of its own: that of phone-home travels in the clear."""


@dataclass(frozen=True, slots=True)
class KeyDesk:
    """What is handed out in one run.

    Args:
        machines: the voters by their nonces.
        issue: makes a voter's certificate; None while it is not known where the machine is reached.
        store: keeps which nonces were used, and when first.
        clock: tells the time, in UTC.
    """

    machines: Mapping[str, str]
    issue: Callable[[str], Pair | None]
    store: Store
    clock: Callable[[], datetime]

    def answer(self, nonce: str) -> tuple[HTTPStatus, bytes]:
        """Return the certificate and the key, PEM, or why there is none, with the HTTP status that says so.

        Raises:
            StateError: it cannot be kept that the nonce was used; nothing was handed out then.
        """
        machine = self.machines.get(nonce)
        if machine is None:
            return HTTPStatus.NOT_FOUND, b"unknown\n"
        used = self._used()
        if nonce in used and self.clock() > datetime.fromisoformat(used[nonce]) + WINDOW:
            return HTTPStatus.GONE, b"it was fetched before\n"
        pair = self.issue(machine)
        if pair is None:
            return HTTPStatus.SERVICE_UNAVAILABLE, b"this machine's address is not known yet: ask again\n"
        if nonce not in used:
            self.store.put(FETCHED, json.dumps({**used, nonce: utc_text(self.clock())}).encode())
        return HTTPStatus.OK, pair.certificate + pair.key

    def _used(self) -> dict[str, str]:
        blob = self.store.get(FETCHED)
        used: dict[str, str] = json.loads(blob.data) if blob else {}
        return used


def issuing(session: Session, certificates: Certificates, authorities: Authorities) -> Callable[[str], Pair | None]:
    """Return what issues a voter's certificate, by its planned address or by those that its platform reports."""
    cluster = session.cluster

    def issue(name: str) -> Pair | None:
        machine = cluster.machine(name)
        if cluster.etcd is None:
            raise AssertionError(f"{name} asks for a key in a cluster without etcd")
        planned = session.providers[machine.provider].traits.planned_addresses
        found = [machine.address] if planned else _addresses(session, name)
        if not found and cluster.etcd.bootstrap != "srv":
            return None
        return certificates.member(authorities, machine, cluster.etcd, found)

    return issue


def _addresses(session: Session, name: str) -> list[str]:
    there = (o for o in session.observed() if o.name == name and o.kind == MACHINE and o.labels)
    return [a for o in there if o.labels and o.labels.whose == session.owner for a in o.addresses.values() if a]


@contextmanager
def serving(desk: KeyDesk, listen: str, port: int, tls: Tls) -> Iterator[int]:
    """Serve for the length of the context and yield the port; 0 takes a free one.

    Raises:
        ProvisionError: the address cannot be used, or starlette and uvicorn are not installed.
    """
    from provision.etcd.discovery.server import listening, need_libraries, running

    need_libraries("handing out keys")
    from starlette.applications import Starlette
    from starlette.routing import Route

    from provision.etcd.discovery.httpd import Server
    from provision.etcd.discovery.limits import Limits

    def hand(request: Request) -> Response:
        from starlette.responses import Response

        status, body = desk.answer(request.path_params["nonce"])
        return Response(body, status, media_type="application/x-pem-file", headers={"Cache-Control": "no-store"})

    app = Starlette(routes=[Route("/etcd-key/{nonce}", hand, methods=["POST"])])
    listener = listening(listen, port)
    server = Server(app, Limits(), tls.certificate, tls.key, closing=lambda: None)
    with listener, running(server, listener, "the key desk"):
        yield listener.getsockname()[1]

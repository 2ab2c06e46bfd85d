"""How a first-boot config gets into a machine: the files beside the Vagrantfile, and a service for what is too large.

On VirtualBox a guest property holds 1 KiB (since 7.2.8: https://github.com/coreos/ignition/issues/2226). What is larger
is replaced by a config that says where the whole one is, with its hash; this computer serves it for as long as
`vagrant up` runs, and machines reach it through VirtualBox's NAT.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

from provision.errors import Kind, ProviderError
from provision_vagrant.settings import VIRTUALBOX, VMWARE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

CONFIG, STUB, ENCODED, CLOUD = "config.ign", "stub.ign", "config.gz.b64", "user-data"
PROPERTY_LIMIT = 1024
"""Bytes of a guest property, on the VirtualBox that takes least."""

NAT_HOST = "10.0.2.2"
"""This computer as VirtualBox's machines see it: https://www.virtualbox.org/manual/ch09.html"""


def files(hypervisor: str, payload: str) -> dict[str, str]:
    """Return a machine's files by name, the one that its Vagrantfile names first; none without a payload.

    Raises:
        ProviderError: the payload is not encoded as the hypervisor's trait says.
    """
    if not payload:
        return {}
    plain = _decoded(payload) if hypervisor == VMWARE else payload
    if plain.startswith("#"):
        return {CLOUD: plain}
    if hypervisor == VMWARE:
        return {ENCODED: payload, CONFIG: plain}
    if hypervisor == VIRTUALBOX and len(plain.encode()) > PROPERTY_LIMIT:
        return {STUB: "", CONFIG: plain}
    return {CONFIG: plain}


def stub(config: str, base: str) -> str:
    """Return the config that replaces itself by another, which the service at a base URL has.

    Raises:
        ProviderError: the config is no Ignition config.
    """
    digest = hashlib.sha512(config.encode()).hexdigest()
    try:
        version = json.loads(config)["ignition"]["version"]
    except (ValueError, KeyError, TypeError) as error:
        raise ProviderError("the first-boot config is no Ignition config", kind=Kind.INVALID) from error
    replace = {"source": f"{base}/{digest}", "verification": {"hash": f"sha512-{digest}"}}
    return json.dumps({"ignition": {"config": {"replace": replace}, "version": version}}, separators=(",", ":"))


@contextmanager
def service(configs: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """Serve configs on this computer's loopback; yields the stub of each, by the same names.

    A config's path is its SHA-512: who does not know it already cannot ask for it.
    """
    if not configs:
        yield {}
        return
    bodies = {hashlib.sha512(text.encode()).hexdigest(): text.encode() for text in configs.values()}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = bodies.get(self.path.lstrip("/"))
            self.send_response(404 if body is None else 200)
            self.send_header("Content-Length", str(len(body or b"")))
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
            """Say nothing: providers do not print."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            base = f"http://{NAT_HOST}:{server.server_port}"
            yield {name: stub(text, base) for name, text in configs.items()}
        finally:
            server.shutdown()


def _decoded(payload: str) -> str:
    try:
        return gzip.decompress(base64.b64decode(payload, validate=True)).decode()
    except (ValueError, OSError, EOFError) as error:
        raise ProviderError("the first-boot config is not gzip+base64", kind=Kind.INVALID) from error

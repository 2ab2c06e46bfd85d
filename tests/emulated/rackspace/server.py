"""mimic and the strict proxy before it as a process of their own: prints the proxy's port, serves until its input ends.

mimic (https://github.com/rackerlabs/mimic) is Rackspace's own stand-in for its cloud. Its control APIs call themselves
"compute" too and would hide the real one in the catalogue, so nova alone is in it.
"""

from __future__ import annotations

import os
import sys
import threading
import warnings
from typing import Any

from tests.emulated.openstack.server import Handler, Server
from tests.emulated.rackspace.proxy import Proxy


def main() -> None:
    warnings.simplefilter("ignore")
    from mimic.core import MimicCore  # type: ignore[import-untyped]
    from mimic.resource import MimicRoot, get_site  # type: ignore[import-untyped]
    from mimic.rest.nova_api import NovaApi  # type: ignore[import-untyped]
    from twisted.internet import reactor as only

    reactor: Any = only  # its interfaces are zope's, which say nothing to a type checker
    core = MimicCore(reactor, [NovaApi()])
    site = get_site(MimicRoot(core, reactor).app.resource())
    port = reactor.listenTCP(0, site, interface="127.0.0.1")

    server = Server(("127.0.0.1", 0), Handler)
    Handler.strict = Proxy(port.getHost().port, f"127.0.0.1:{server.server_port}")  # type: ignore[assignment]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    threading.Thread(target=_end_with_input, daemon=True).start()
    print(server.server_port, flush=True)
    reactor.run(installSignalHandlers=False)


def _end_with_input() -> None:
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    main()

"""The strict EC2 as a process of its own: prints its port, serves until its standard input ends."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path


def main() -> None:
    os.environ.update(
        MOTO_AMIS_PATH=str(Path(__file__).with_name("amis.json")),
        # Off by default; without them moto accepts images, sizes and key pairs that do not exist.
        MOTO_ENABLE_AMI_VALIDATION="true",
        MOTO_EC2_ENABLE_INSTANCE_TYPE_VALIDATION="true",
        MOTO_ENABLE_KEYPAIR_VALIDATION="true",
    )
    import logging

    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
    from werkzeug.serving import make_server

    from tests.emulated.ec2.strict import Strict

    logging.getLogger("werkzeug").setLevel(logging.ERROR)

    class Handler(MotoRequestHandler):
        protocol_version = "HTTP/1.1"

    app = Strict(DomainDispatcherApplication(create_backend_app))
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_port, flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()

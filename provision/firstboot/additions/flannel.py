"""flannel, by the system's own ``flanneld.service`` (Container Linux, Flatcar).

Voters write the network's configuration into etcd before their flanneld starts; the others wait for it. Which members
flanneld asks is a slot in a file, so that nothing moves when etcd grows. It speaks etcd's v2 API. Facts:
https://github.com/flannel-io/flannel/blob/master/Documentation/configuration.md
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from provision.firstboot.additions import tls
from provision.firstboot.additions.etcd import environment
from provision.firstboot.additions.model import HOME, Additions, DropIn, File, Unit
from provision.firstboot.additions.system import filled
from provision.firstboot.slots import Kind, Slot

if TYPE_CHECKING:
    from provision.firstboot.additions.context import Context
    from provision.spec.model import Flannel

SYSTEMS = frozenset(("container-linux", "flatcar"))
"""Systems that bring flanneld."""

ENDPOINTS = Slot("etcd-endpoints", Kind.ENDPOINTS, 1024)
UNIT, DROP_IN, TEXT = "flanneld.service", "20-provision.conf", "20-provision-flannel.conf"
FILE = f"{HOME}/flannel.env"


def flannel(context: Context) -> Additions:
    """Return flannel's settings; nothing where the spec has none, or the system no flanneld."""
    wanted, etcd = context.cluster.flannel, context.cluster.etcd
    if wanted is None or etcd is None or context.system.name not in SYSTEMS:
        return Additions()
    voter = context.machine.etcd
    scheme = "https" if etcd.tls else "http"
    endpoints = f"{scheme}://127.0.0.1:2379" if voter else ENDPOINTS.marker
    variables = {"FLANNELD_IP_MASQ": "true"}
    if etcd.tls:
        names = {"CAFILE": tls.CA, "CERTFILE": tls.CERTIFICATE, "KEYFILE": tls.KEY}
        variables["ETCD_SSL_DIR"] = tls.HOME  # what the unit's container is given to see
        variables |= {f"FLANNELD_ETCD_{name}": f"{tls.HOME}/{file}" for name, file in names.items()}
    text = filled(context.version, TEXT, environment=environment(variables), write=_write(context, wanted, scheme))
    file = File(FILE, f"FLANNELD_ETCD_ENDPOINTS={endpoints}\n")
    return Additions((file,), (Unit(UNIT, enabled=True, drop_ins=(DropIn(DROP_IN, text),)),))


def _write(context: Context, wanted: Flannel, scheme: str) -> str:
    if not context.machine.etcd:
        return ""
    config = {"Network": wanted.network, "SubnetLen": wanted.subnet_length, "Backend": {"Type": wanted.backend}}
    options = f"--endpoints {scheme}://127.0.0.1:2379"
    if scheme == "https":
        options += f" --ca-file {tls.HOME}/{tls.CA} --cert-file {tls.HOME}/{tls.CERTIFICATE}"
        options += f" --key-file {tls.HOME}/{tls.KEY}"
    return filled(context.version, "write-flannel.conf", options=options, config=json.dumps(config)).rstrip("\n")

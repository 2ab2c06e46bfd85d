"""The TLS files of an etcd member that runs, read and written through ssh as root.

Private keys travel in ssh's channel alone, never on a command line. Files are put in place whole; a mark in ``/run``,
which a restart of the machine clears, says that etcd has not read them yet.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from provision.errors import ProvisionError
from provision.firstboot.additions.tls import CA, CERTIFICATE, HOME, KEY

if TYPE_CHECKING:
    from provision.firstboot.additions.system import EtcdUnit
    from provision.pki.authority import Pair
    from provision.remote import Remote

CHANGED = "/run/provision/etcd-tls-changed"
CUT = "-- provision --"
SSH_FAILED = 255
READ_SECONDS, RESTART_SECONDS = 90.0, 300.0
"""An emulated machine takes a dozen seconds for a login; etcd's unit tells when etcd serves."""

READ = f"""set -eu
cat {HOME}/{CA}
echo '{CUT}'
cat {HOME}/{CERTIFICATE}
echo '{CUT}'
test ! -e {CHANGED} || echo changed
"""

BEGIN = f"""set -eu
umask 077
cd {HOME}
put() {{ cat >".new-$1"; chown "$3" ".new-$1"; chmod "$2" ".new-$1"; }}
mkdir -p -m 755 /run/provision
"""

RESTART = f"""set -eu
systemctl reset-failed @unit || true
systemctl restart @unit
rm -f {CHANGED}
"""


@dataclass(frozen=True, slots=True)
class Installed:
    """What a member has, PEM: the authorities that it trusts, its certificate; and whether etcd has read both."""

    trusted: bytes
    certificate: bytes
    in_use: bool


def read(remote: Remote) -> Installed:
    """Return what a member has.

    Raises:
        ProvisionError: it cannot be reached, or has no such files.
    """
    parts = _root(remote, READ, READ_SECONDS).split(f"{CUT}\n")
    return Installed(parts[0].encode(), parts[1].encode(), "changed" not in parts[2])


def write(remote: Remote, etcd: EtcdUnit, trusted: bytes, pair: Pair | None) -> None:
    """Replace what a member trusts, and with `pair` its certificate and key; etcd is not restarted.

    Raises:
        ProvisionError: it cannot be reached, or the files cannot be written.
    """
    contents = [(CA, trusted, "0644", "root")]
    if pair:
        contents += [(CERTIFICATE, pair.certificate, "0644", "root"), (KEY, pair.key, "0600", str(etcd.owner))]
    script = BEGIN + "".join(
        f"put {name} {mode} {owner} <<'PEM'\n{data.decode().rstrip()}\nPEM\n" for name, data, mode, owner in contents
    )
    moves = "".join(f"mv -f .new-{name} {name}\n" for name, *_ in contents)
    _root(remote, f"{script}touch {CHANGED}\nsync\n{moves}", READ_SECONDS)


def restart(remote: Remote, etcd: EtcdUnit) -> None:
    """Restart a member's etcd, and wait until its unit says that it serves.

    Raises:
        ProvisionError: the machine cannot be reached, or etcd does not start.
    """
    _root(remote, RESTART.replace("@unit", etcd.unit), RESTART_SECONDS)


def _root(remote: Remote, script: str, timeout: float) -> str:
    answer = remote.run(["sudo", "sh", "-s"], timeout=timeout, stdin=script)
    if answer.code == 0:
        return answer.stdout
    words = answer.stderr.strip().splitlines()[-1:] or [f"exit code {answer.code}"]
    raise ProvisionError(f"{'ssh: ' if answer.code == SSH_FAILED else ''}{words[0]}")

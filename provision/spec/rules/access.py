"""Rules about SSH: keys that are keys, networks that are networks, and a way in at all."""

from __future__ import annotations

import base64
import binascii
from ipaddress import ip_network
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from provision.diagnostics import Diagnostic
    from provision.spec.draft import Draft

KEY_TYPES = frozenset(
    (
        "ssh-ed25519",
        "ssh-rsa",
        "ecdsa-sha2-nistp256",
        "ecdsa-sha2-nistp384",
        "ecdsa-sha2-nistp521",
        "sk-ssh-ed25519@openssh.com",
        "sk-ecdsa-sha2-nistp256@openssh.com",
    )
)
"""Key types that OpenSSH accepts by default: sshd_config(5), PubkeyAcceptedAlgorithms."""


def keys(draft: Draft) -> Iterator[Diagnostic]:
    """Check the form of every public key."""
    private = {path for path, key in draft.keys if "PRIVATE KEY" in key}
    for path in sorted(private, key=str):
        yield draft.error("PV029", path, "this is a private key", "name the .pub file beside it")
    for path, key in draft.keys:
        if path not in private and (fault := key_fault(key)):
            yield draft.error("PV025", path, f"not an SSH public key: {fault}", "paste a line of a .pub file")


def key_fault(line: str) -> str | None:
    """Return what is wrong with a public key line, or None. Options before the key are not supported."""
    kind, _, rest = line.strip().partition(" ")
    if "\n" in line.strip():
        return "more than one line"
    if kind not in KEY_TYPES:
        return f"it starts with {kind[:30]!r}, which is no key type that sshd accepts"
    try:
        blob = base64.b64decode(rest.split(" ")[0], validate=True)
    except (binascii.Error, ValueError):
        return "its second word is not base64"
    # RFC 4253, section 6.6: the blob starts with the type's name, its length before it.
    return None if blob[4 : 4 + len(kind)] == kind.encode() else "it is cut short or its type is another"


def sources(draft: Draft) -> Iterator[Diagnostic]:
    """Check the networks that may reach port 22."""
    for n, text in enumerate(draft.section("ssh").get("from", ())):
        if text is None:
            continue
        try:
            network = ip_network(text)
        except ValueError as error:
            yield draft.error("PV027", ("ssh", "from", n), f"not a network: {error}", "such as 203.0.113.0/24")
            continue
        if network.prefixlen == 0:
            hint = "name the networks that you come from"
            yield draft.warning("PV028", ("ssh", "from", n), "port 22 is open to the whole internet", hint)


def way_in(draft: Draft) -> Iterator[Diagnostic]:
    """Warn when nobody can log in, by key or through the firewall."""
    if not draft.keys and not draft.was_cut("ssh") and not draft.section("ssh").get("key_files"):
        hint = "add ssh.keys or ssh.key_files, unless the node configs do"
        yield draft.warning("PV030", ("ssh",), "there is no SSH key: nobody can log in", hint, key=True)
        return
    if draft.section("ssh").get("from") or draft.was_cut("ssh"):
        return
    plugins = {name: draft.plugin(name) for name in draft.section("providers")}
    remote = [name for name, plugin in plugins.items() if plugin and not plugin.traits.local]
    if remote:
        hint = "add `from: [your.network/24]`"
        message = f"port 22 is opened to nobody on {', '.join(remote)}"
        yield draft.warning("PV031", ("ssh",), message, hint, key=True)


RULES = (keys, sources, way_in)

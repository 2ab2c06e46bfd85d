"""The Ignition 3 specs: which versions there are, and the types of each, from the field table."""

from __future__ import annotations

from functools import cache

from provision.firstboot.fields import Layer, Struct, build, load_table, version
from provision.firstboot.ignition import checks, disk_checks

VERSIONS = ("3.0.0", "3.1.0", "3.2.0", "3.3.0", "3.4.0", "3.5.0", "3.6.0", "3.7.0-experimental")

CHECKS = {
    name.rstrip("_"): function
    for module in (checks, disk_checks)
    for name, function in vars(module).items()
    if callable(function) and not name.startswith("_") and getattr(function, "__module__", "") == module.__name__
}
"""Every check by the name that the table uses."""


@cache
def types(spec: str) -> Struct:
    """Return the type of a whole config of a spec version.

    Raises:
        KeyError: there is no such version.
    """
    if spec not in VERSIONS:
        raise KeyError(spec)
    package = "types"
    return build([Layer(load_table("ignition", "types"), version(spec)[:2], package)], CHECKS)

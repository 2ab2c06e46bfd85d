"""The Ignition 2 specs: which versions there are, and the types of each, from the field table."""

from __future__ import annotations

from functools import cache

from provision.firstboot.fields import Layer, Struct, build, load_table, version

VERSIONS = ("2.0.0", "2.1.0", "2.2.0", "2.3.0")
NEWEST = VERSIONS[-1]


@cache
def types(spec: str) -> Struct:
    """Return the type of a whole config of a spec version.

    Raises:
        KeyError: there is no such version.
    """
    if spec not in VERSIONS:
        raise KeyError(spec)
    return build([Layer(load_table("ignition2", "types"), version(spec)[:2], "types")], {})

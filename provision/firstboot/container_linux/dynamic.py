"""Dynamic data: ``{PRIVATE_IPV4}`` and the like in the options of etcd and flannel.

On the platforms that ct knows they become variables that coreos-metadata sets at boot; elsewhere provision writes the
values that it has planned. Facts: https://github.com/flatcar/container-linux-config-transpiler/blob/main/doc/dynamic-data.md
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from provision.firstboot.container_linux import messages as m
from provision.firstboot.fields import load_table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from provision.firstboot.ignition.messages import Message

WITH_PROVIDER_OVERRIDE = frozenset(("openstack-metadata", "cloudstack-configdrive"))
"""Platforms whose metadata service must be told which of several sources to ask."""


class DynamicError(Exception):
    """An option cannot be filled in."""

    def __init__(self, message: Message) -> None:
        super().__init__(message.text)
        self.message = message


@dataclass(frozen=True, slots=True)
class Dynamic:
    """Where dynamic data come from: a platform of ct, or values that are known already."""

    platform: str = ""
    values: Mapping[str, str] | None = None

    @property
    def supported(self) -> bool:
        """Whether ct knows the platform; none is one, too."""
        return not self.platform or self.platform in platforms()

    def fill(self, arguments: Sequence[str]) -> tuple[list[str], bool]:
        """Return arguments with their braces replaced, and whether the unit then needs coreos-metadata.

        Raises:
            DynamicError: there is no platform, or it has no such datum.
        """
        if not any("{" in each or "}" in each for each in arguments):
            return list(arguments), False
        if self.values is not None:
            return [_known(each, self.values) for each in arguments], False
        if not self.platform:
            raise DynamicError(m.NO_PLATFORM)
        variables = {name: f"${{{variable}}}" for name, variable in platforms()[self.platform].items()}
        return [_filled(each, variables) for each in arguments], True


def platforms() -> Mapping[str, Mapping[str, str]]:
    """Return ct's platforms in its order, each with its data and their variables."""
    return load_table("container_linux", "platforms")


def _known(text: str, values: Mapping[str, str]) -> str:
    return re.sub(r"\{([^{}]*)\}", lambda match: _value(match[1], values), text)


def _value(name: str, values: Mapping[str, str]) -> str:
    if name not in values:
        raise DynamicError(m.UNKNOWN_DATUM._replace(hint=f"write the value itself: there is no {{{name}}} here"))
    return values[name]


def _filled(text: str, values: Mapping[str, str]) -> str:
    start, end = text.find("{"), text.find("}")
    while start != -1 and end != -1 and start < end:
        name = text[start + 1 : end]
        text = text.replace(f"{{{name}}}", _value(name, values), 1)
        # The search goes on from where the brace stood: what was put in is not looked at again, mostly.
        start = text.find("{", end)
        end = text.find("}", start) if start != -1 else end
    return text

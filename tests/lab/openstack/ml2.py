"""Neutron's wire: a mechanism driver that binds any port on any host at once. Loaded by neutron, not by tests."""

from __future__ import annotations

from typing import Any

from neutron_lib import constants  # type: ignore[import-not-found]
from neutron_lib.api.definitions import portbindings  # type: ignore[import-not-found]
from neutron_lib.plugins.ml2 import api  # type: ignore[import-not-found]


class BindAll(api.MechanismDriver):  # type: ignore[misc]
    def initialize(self) -> None:
        """There is nothing to begin with."""

    @property
    def connectivity(self) -> str:
        return portbindings.CONNECTIVITY_L2  # type: ignore[no-any-return]

    def bind_port(self, context: Any) -> None:
        segment = context.segments_to_bind[0]
        details = {portbindings.CAP_PORT_FILTER: True}
        active = constants.PORT_STATUS_ACTIVE
        context.set_binding(segment[api.ID], portbindings.VIF_TYPE_OVS, details, status=active)

    def filter_hosts_with_segment_access(self, context: Any, segments: Any, hosts: Any, agents: Any) -> set[str]:
        return set(hosts)

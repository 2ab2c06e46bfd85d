"""How first-boot configs and addresses travel."""

from __future__ import annotations

import pytest

from provision_vmware import channel

from .kit import request

STATIC = {"addresses": {"gateway": "10.20.30.1/26", "dns": ["10.20.30.2"], "interface": "ens33"}}


def test_data_and_encoding_are_always_both_set() -> None:
    asked = request()
    assert channel.properties(asked) == {
        "guestinfo.ignition.config.data": asked.payload,
        "guestinfo.ignition.config.data.encoding": "gzip+base64",
    }


@pytest.mark.parametrize(
    ("system", "payload", "keys"),
    [
        ("flatcar", '{"ignition": {}}', {channel.IGNITION}),
        ("container-linux", '{"ignition": {}}', {channel.IGNITION, channel.LEGACY}),
        ("flatcar", "#cloud-config\n", {channel.IGNITION, channel.LEGACY}),
        ("debian", "#cloud-config\n", {channel.CLOUD_INIT, "guestinfo.metadata"}),
    ],
)
def test_each_system_reads_its_own_names(system: str, payload: str, keys: set[str]) -> None:
    found = channel.properties(request(payload=payload, os=system))
    assert found.keys() == {*keys, *(f"{key}.encoding" for key in keys)}


def test_a_planned_address_is_a_kernel_argument() -> None:
    found = channel.properties(request(STATIC, address="10.20.30.40"))
    assert found[channel.KARGS] == "ip=10.20.30.40::10.20.30.1:255.255.255.192:core-0:ens33:none:10.20.30.2"


def test_dhcp_needs_no_argument() -> None:
    assert channel.kargs(request(address="10.20.30.40")) == {}
    assert channel.kargs(request(STATIC)) == {}

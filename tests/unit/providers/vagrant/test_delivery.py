"""Configs that are too large for VirtualBox's guest properties: the stub, and the service behind it."""

from __future__ import annotations

import json
import subprocess
import urllib.error
import urllib.request

import pytest

from provision.errors import ProviderError
from provision_vagrant import delivery

CONFIG = json.dumps({"ignition": {"version": "3.3.0"}, "storage": {"files": [{"path": f"/{n}"} for n in range(200)]}})


def test_the_stub_leads_to_the_config():
    with delivery.service({"core-1": CONFIG}) as stubs:
        replace = json.loads(stubs["core-1"])["ignition"]["config"]["replace"]
        here = replace["source"].replace(delivery.NAT_HOST, "127.0.0.1")
        with urllib.request.urlopen(here, timeout=10) as answer:
            assert answer.read().decode() == CONFIG
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(here[:-1], timeout=10)
        refused.value.close()
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(here, timeout=10)


def test_the_stub_fits_and_is_valid():
    """By the real Ignition, and with room for the longest port."""
    stub = delivery.stub(CONFIG, f"http://{delivery.NAT_HOST}:65535")
    assert len(stub) < delivery.PROPERTY_LIMIT
    done = subprocess.run(["ignition-validate", "-"], input=stub, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_what_is_no_ignition_config_has_no_stub():
    with pytest.raises(ProviderError, match="no Ignition config"):
        delivery.stub("{}", "http://x")


def test_nothing_is_served_for_nothing():
    with delivery.service({}) as stubs:
        assert stubs == {}

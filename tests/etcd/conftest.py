from __future__ import annotations

import pytest

from provision.etcd.discovery.client import DiscoveryClient
from provision.etcd.discovery.server import serving
from tests.etcd import lab as laboratory


@pytest.fixture
def lab(request):
    with laboratory.laboratory(getattr(request, "param", "3.4")) as found:
        yield found


@pytest.fixture
def ours(lab):
    """Our discovery service's client."""
    with serving(lab.directory / "registry") as url, DiscoveryClient(url) as client:
        yield client


@pytest.fixture
def debians(lab):
    """A client of Debian's discovery service."""
    with laboratory.debians_service(lab) as url, DiscoveryClient(url) as client:
        yield client

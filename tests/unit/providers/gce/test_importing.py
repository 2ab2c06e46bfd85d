"""The SDK's services are imported alone, and nobody else notices."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

PACKAGE = "google.cloud.compute_v1"


def run(code: str) -> Any:
    """Run code in a Python of its own, and return what it prints last as JSON."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def test_the_services_come_without_the_package_and_others_get_the_whole() -> None:
    code = f"""
import json, sys
from provision_gce import importing
mine = importing.service("zone_operations").ZoneOperationsClient
assert importing.types().Instance
alone = sum(name.startswith("{PACKAGE}.services.") for name in sys.modules)
from google.cloud import compute_v1
try:
    compute_v1.nonsense
except AttributeError as error:
    missing = str(error)
from google.cloud.compute_v1 import ZoneOperationsClient, FirewallsClient
print(json.dumps([alone, mine is ZoneOperationsClient, bool(compute_v1.__version__), missing]))
"""
    alone, same, whole, missing = run(code)
    assert alone < 10
    assert (same, whole) == (True, True)
    assert missing == f"module '{PACKAGE}' has no attribute 'nonsense'"


def test_where_the_short_way_fails_the_package_is_imported_whole_and_used() -> None:
    code = f"""
import json, sys
from provision_gce import importing
importing._stand_in, kept = lambda: (_ for _ in ()).throw(AttributeError("laid out otherwise")), importing._stand_in
client = importing.service("instances").InstancesClient
whole = sys.modules["{PACKAGE}"]
importing._stand_in = kept
again = importing.service("disks").DisksClient is whole.DisksClient
print(json.dumps([client is whole.InstancesClient, again, sys.modules["{PACKAGE}"] is whole]))
"""
    assert run(code) == [True, True, True]

"""Ask the real Vagrant for what it cannot give, and print what the provider makes of its words: refused.py FOLDER."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from tests.unit.providers.vagrant.kit import Kit


def refused(folder: Path, subnet: str, box: str, address: str) -> dict[str, str]:
    folder.mkdir()
    kit = Kit(folder, {"box": box})
    kit.network(subnet)
    (outcome,) = kit.vagrant.create([kit.request("core-0", address=address)])
    things = list(kit.vagrant.list(kit.owner))
    for thing in sorted(things, key=lambda o: o.kind):
        (gone,) = kit.vagrant.delete([thing])
        assert gone.error is None, gone.error
    error = outcome.error
    assert error is not None
    return {"kind": error.kind, "message": error.message, "hint": error.hint or "", "code": error.code}


root = Path(sys.argv[1])
print(
    json.dumps(
        {
            "box": refused(root / "box", "10.98.0.0/24", "nowhere", "10.98.0.10"),
            "network": refused(root / "network", "192.168.121.0/24", "provision/tiny", "192.168.121.10"),
        }
    )
)

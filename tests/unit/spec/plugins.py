"""Two provider classes as far as a spec looks at them: a local one, and a cloud that chooses addresses itself."""

from __future__ import annotations

from typing import Any

from provision.errors import ProviderMissing
from provision.provider import Traits


class Here:
    name = "here"
    traits = Traits(planned_addresses=True, local=True)
    options_schema = "empty.schema.json"


class Cloud:
    name = "cloud"
    traits = Traits(name_pattern="[a-z][a-z0-9-]{0,30}")
    options_schema = "options.schema.json"


def find(name: str) -> Any:
    if name in ("here", "cloud"):
        return {"here": Here, "cloud": Cloud}[name]
    raise ProviderMissing(f"there is no provider {name!r}", hint="installed are: cloud, here")

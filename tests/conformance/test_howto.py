"""The provider that the how-to builds passes the suite: its code is taken from the page as it stands."""

from __future__ import annotations

import re
import sys
import types
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "write-a-provider.md"
NAME = "provision_howto_example"


def _module() -> types.ModuleType:
    blocks = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    module = types.ModuleType(NAME)
    sys.modules[NAME] = module
    exec(compile("from __future__ import annotations\n" + "\n".join(blocks), str(PAGE), "exec"), module.__dict__)
    return module


TestShelf = _module().TestShelf

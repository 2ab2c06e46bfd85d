"""The reference page says what the schema says."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[3] / "docs" / "reference"


def generator() -> Any:
    spec = importlib.util.spec_from_file_location("generate_spec", FOLDER / "generate_spec.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_the_one_that_the_generator_writes() -> None:
    assert (FOLDER / "spec.md").read_text("utf-8") == generator().render(), "run docs/reference/generate_spec.py"

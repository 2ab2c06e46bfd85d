"""Every code that the source uses is documented, and every documented code is used."""

from __future__ import annotations

import re
import tomllib
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from provision.explain import catalogue

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[3]
CODE = re.compile(r"PV\d{3}\b")


def sources() -> Iterator[Path]:
    for folder in ("provision", "providers"):
        yield from (ROOT / folder).rglob("*.py")
    data = (path for path in (ROOT / "schemas").rglob("*") if path.suffix in (".json", ".py"))
    yield from (path for path in data if "codes" not in path.parts)


def test_the_codes_of_the_source_are_those_of_the_catalogue() -> None:
    used = {code for path in sources() for code in CODE.findall(path.read_text("utf-8"))}
    documented = set(catalogue())
    assert sorted(used - documented) == [], "used, but in no schemas/provision_schemas/codes/*.toml"
    assert sorted(documented - used) == [], "documented, but nothing uses them"


def test_every_explanation_says_something() -> None:
    for one in catalogue().values():
        assert 3 <= len(one.title) <= 80, one.code
        assert not one.title.endswith("."), one.code
        assert len(one.text) > 40, one.code
        assert one.text.endswith((".", "`")), one.code


def test_every_area_keeps_to_its_codes() -> None:
    """Codes stand in ascending order in their files, so that the next free one is plain to see."""
    for file in resources.files("provision_schemas").joinpath("codes").iterdir():
        if file.name.endswith(".toml"):
            codes = list(tomllib.loads(file.read_text("utf-8")))
            assert codes == sorted(codes), file.name
            assert all(CODE.fullmatch(code) for code in codes), file.name

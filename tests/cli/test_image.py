"""`image import`: images by file or URL, on the providers that keep their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from provision import registry
from provision.testing.fakecloud import FakeCloud

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

    from .world import World

OVA = f"images/os.ova#sha256={'ab' * 32}"


def test_each_image_is_imported_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    class Importing(FakeCloud):
        __module__ = FakeCloud.__module__  # beside which the schema of its options lies

        def import_image(self, image: str, progress: Callable[[int, int], None]) -> str:
            asked.append(image)
            progress(5 << 20, 10 << 20)
            progress(10 << 20, 10 << 20)
            return "os-abab"

    monkeypatch.setattr(registry, "load", lambda _name: Importing)
    world.change("web: {count: 2", f'web: {{image: "{OVA}", count: 2')
    done = world.run("image", "import")
    assert (done.code, asked) == (0, [OVA]), done.err
    assert done.out == "fake: images/os.ova is os-abab\n"
    assert "os.ova: 5 of 10 MiB\n" in done.err
    listed = world.run("image", "import", "--json").json
    assert listed == [{"provider": "fake", "image": OVA, "name": "os-abab"}]


def test_names_and_other_providers_import_nothing(world: World) -> None:
    world.change("web: {count: 2", f'web: {{image: "{OVA}", count: 2')
    done = world.run("image", "import")
    assert done.code == 0
    assert done.out.startswith("nothing to import")

"""Images by name, and OVAs by file and digest."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from provision.errors import Kind, ProviderError
from provision_vmware import images, ova
from tests.lab.vcsim import image

if TYPE_CHECKING:
    from pathlib import Path

DIGEST = "ab" * 32


def none(_done: int, _total: int) -> None:
    pass


@pytest.mark.parametrize("name", ["flatcar", "folder/flatcar 4081", "flatcar-1.2.3"])
def test_names_mean_themselves(name: str) -> None:
    assert images.read(name) == name
    assert images.template(name) == name


@pytest.mark.parametrize("source", ["flatcar.ova", "../a/flatcar.ova", "https://example.com/x/flatcar.ova?y=1"])
def test_an_ova_becomes_a_template_with_its_digest(source: str) -> None:
    assert images.template(f"{source}#sha256={DIGEST.upper()}") == "flatcar-abababababab"


@pytest.mark.parametrize("name", ["flatcar.ova", "https://example.com/flatcar.ova", "x.ova#sha256=12", "x#sha256="])
def test_without_a_digest_nothing_is_imported(name: str) -> None:
    with pytest.raises(ProviderError, match="needs its SHA-256"):
        images.read(name)


def test_an_ova_is_read_where_it_lies(tmp_path: Path) -> None:
    made = image.made(tmp_path, size=5000)
    package = ova.verified(images.Ova(made.path.name, made.sha256), tmp_path, tmp_path, none)
    assert package.networks == ("whatever",)
    assert package.files["disk.vmdk"] == 5000
    with package.opened("disk.vmdk") as file:
        assert file.read() == made.disk


def test_what_is_no_ova_is_refused(tmp_path: Path) -> None:
    made = image.made(tmp_path, size=5000)
    with pytest.raises(ProviderError) as caught:
        ova.verified(images.Ova(str(made.path), DIGEST), tmp_path, tmp_path, none)
    assert caught.value.code == "WrongDigest"
    with pytest.raises(ProviderError) as caught:
        ova.verified(images.Ova("no-such.ova", DIGEST), tmp_path, tmp_path, none)
    assert caught.value.kind is Kind.NOT_FOUND
    made.path.write_text("no tar")
    digest = ova._sha256(made.path)
    with pytest.raises(ProviderError, match="is not an OVA"):
        ova.verified(images.Ova(str(made.path), digest), tmp_path, tmp_path, none)

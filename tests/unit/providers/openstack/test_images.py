"""Which release an alias means, and that a download is what its digest says."""

from __future__ import annotations

import hashlib
import http.server
import json
import threading
from typing import TYPE_CHECKING, Any

import pytest

from provision.errors import Kind, ProviderError
from provision.providing.releases import parse
from provision_openstack import images, upload
from provision_openstack.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SHA256, SHA512 = "a" * 64, "b" * 128
FILE = images.FLATCAR_FILE


@pytest.fixture
def site(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A web server, and the directory that it serves."""
    root = tmp_path / "site"
    root.mkdir()

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args: Any) -> None:
            super().__init__(*args, directory=str(root))

        def log_message(self, *_: object) -> None:
            """Be quiet."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}", root
        server.shutdown()
        thread.join()


def put(root: Path, name: str, text: str) -> None:
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text(text)


def test_flatcars_newest_release(site: tuple[str, Path]) -> None:
    url, root = site
    put(
        root,
        "stable/arm64/current/version.txt",
        "FLATCAR_BUILD=4081\nFLATCAR_VERSION=4081.2.0\nFLATCAR_VERSION_ID=4081\n",
    )
    digests = f"# MD5 HASH\n{'c' * 32}  {FILE}\n# SHA512 HASH\n{SHA512}  {FILE}\n{'d' * 128}  other\n"
    put(root, f"stable/arm64/4081.2.0/{FILE}.DIGESTS", digests)
    settings = Settings(upload_images=True, image_sources={"flatcar": f"{url}/{{channel}}/{{arch}}"})
    alias = parse("flatcar-stable-arm64")
    assert alias is not None
    assert images.release(alias, settings) == f"{url}/stable/arm64/4081.2.0/{FILE}#sha512={SHA512}"


def test_fedora_coreos_newest_release(site: tuple[str, Path]) -> None:
    url, root = site
    disk = {"location": "https://example.com/fcos.qcow2.xz", "sha256": SHA256}
    artifacts = {"openstack": {"formats": {"qcow2.xz": {"disk": disk}}}}
    put(root, "testing.json", json.dumps({"architectures": {"x86_64": {"artifacts": artifacts}}}))
    settings = Settings(upload_images=True, image_sources={"fcos": f"{url}/{{channel}}.json"})
    alias = parse("fcos-testing")
    assert alias is not None
    assert images.release(alias, settings) == f"https://example.com/fcos.qcow2.xz#sha256={SHA256}"


@pytest.mark.parametrize(
    ("name", "text", "kind"),
    [("stable.json", "{}", Kind.INVALID), ("stable.json", "nothing", Kind.INVALID), ("other", "", Kind.UNAVAILABLE)],
)
def test_releases_of_another_form(site: tuple[str, Path], name: str, text: str, kind: Kind) -> None:
    url, root = site
    put(root, name, text)
    settings = Settings(image_sources={"fcos": f"{url}/{{channel}}.json"})
    alias = parse("fcos-stable")
    assert alias is not None
    with pytest.raises(ProviderError) as caught:
        images.release(alias, settings)
    assert caught.value.kind is kind


def test_a_download_is_verified_and_kept(site: tuple[str, Path], tmp_path: Path) -> None:
    url, root = site
    put(root, "disk.img", "content")
    digest = hashlib.sha256(b"content").hexdigest()
    file = upload.fetched(f"{url}/disk.img#sha256={digest}", tmp_path)
    (root / "disk.img").unlink()
    assert upload.fetched(f"{url}/disk.img#sha256={digest}", tmp_path) == file
    assert b"".join(upload.unpacked(file, "disk.img")) == b"content"
    with pytest.raises(ProviderError) as caught:
        list(upload.unpacked(file, "disk.img.xz"))
    assert caught.value.kind is Kind.INVALID


def test_a_download_with_another_digest_is_not_kept(site: tuple[str, Path], tmp_path: Path) -> None:
    url, root = site
    put(root, "disk.img", "content")
    with pytest.raises(ProviderError) as caught:
        upload.fetched(f"{url}/disk.img#sha512={SHA512}", tmp_path)
    assert (caught.value.kind, caught.value.code) == (Kind.INVALID, "WrongDigest")
    with pytest.raises(ProviderError) as caught:
        upload.fetched(f"{url}/nothing.img#sha256={SHA256}", tmp_path)
    assert (caught.value.kind, caught.value.retryable) == (Kind.UNAVAILABLE, True)
    assert list((tmp_path / "images").glob("openstack-*[0-9a-f]")) == []

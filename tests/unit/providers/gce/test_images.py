"""What image names mean."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest

from provision.errors import Kind, ProviderError
from provision.provider import Context
from provision_gce import images
from provision_gce.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

STREAM = {
    "architectures": {
        "x86_64": {"images": {"gcp": {"project": "fedora-coreos-cloud", "family": "f", "name": "fcos-41-x86"}}},
        "aarch64": {"images": {"gcp": {"project": "fedora-coreos-cloud", "family": "f", "name": "fcos-41-arm"}}},
    }
}


class Families:
    """Answers images.getFromFamily as GCE does, and keeps what was asked."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []

    def call(self, operation: str, /, **params: Any) -> dict[str, str]:
        assert operation == "images.getFromFamily"
        self.asked.append(params)
        return {"name": f"{params['family']}-3975-2-1"}


@pytest.fixture
def mirror() -> Iterator[tuple[str, list[str]]]:
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            body = json.dumps(STREAM if self.path == "/stable.json" else {"architectures": {}}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/{{channel}}.json", asked
    server.shutdown()
    server.server_close()
    thread.join()


def resolve(name: str, where: Path, now: datetime | None = None, **sources: str) -> tuple[str, Families]:
    families: Any = Families()
    context = Context(where, where, lambda: now or datetime.now(UTC), where)
    return images.resolve(name, families, Settings(image_sources=sources), context), families


def test_streams_are_looked_up_in_their_metadata_once_an_hour(mirror: tuple[str, list[str]], tmp_path: Path) -> None:
    url, asked = mirror
    now = datetime.now(UTC)
    path = "projects/fedora-coreos-cloud/global/images"
    for _ in range(2):
        assert resolve("fcos-stable", tmp_path, now, fcos=url)[0] == f"{path}/fcos-41-x86"
    assert resolve("fcos-stable-arm64", tmp_path, now, fcos=url)[0] == f"{path}/fcos-41-arm"
    assert asked == ["/stable.json"]
    resolve("fcos-stable", tmp_path, now + timedelta(hours=2), fcos=url)
    assert len(asked) == 2


def test_flatcars_channels_are_families_of_its_project(tmp_path: Path) -> None:
    found, families = resolve("flatcar-beta-arm64", tmp_path)
    assert found == "projects/kinvolk-public/global/images/flatcar-beta-arm64-3975-2-1"
    assert families.asked == [{"project": "kinvolk-public", "family": "flatcar-beta-arm64"}]
    assert resolve("flatcar-stable", tmp_path, flatcar="mirror")[1].asked[0]["project"] == "mirror"


def test_any_family_and_any_image(tmp_path: Path) -> None:
    family = "projects/ours/global/images/family/golden"
    assert resolve(family, tmp_path)[0] == "projects/ours/global/images/golden-3975-2-1"
    image = "projects/ours/global/images/golden-1"
    assert resolve(image, tmp_path)[0] == image


def test_what_is_no_image_is_told(mirror: tuple[str, list[str]], tmp_path: Path) -> None:
    with pytest.raises(ProviderError) as caught:
        resolve("ubuntu", tmp_path)
    assert caught.value.kind is Kind.INVALID
    with pytest.raises(ProviderError) as caught:
        resolve("fcos-next", tmp_path, fcos=mirror[0])
    assert caught.value.code == "ImageMetadata"
    with pytest.raises(ProviderError) as caught:
        resolve("fcos-next", tmp_path, fcos="http://127.0.0.1:1/{channel}")
    assert (caught.value.kind, caught.value.retryable) == (Kind.UNAVAILABLE, True)

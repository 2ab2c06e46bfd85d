from __future__ import annotations

import json
import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from provision.errors import Kind, ProviderError
from provision.provider import Context
from provision_ec2 import images
from provision_ec2.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NOW = datetime(2026, 11, 1, tzinfo=UTC)
PAGES = {
    "/flatcar/stable/amd64": {"amis": [{"name": "us-east-1", "hvm": "ami-00000001"}]},
    "/flatcar/stable/arm64": {"amis": [{"name": "us-east-1", "hvm": "ami-00000002"}]},
    "/fcos/testing": {
        "architectures": {
            "x86_64": {"images": {"aws": {"regions": {"us-east-1": {"release": "41", "image": "ami-00000003"}}}}},
            "aarch64": {"images": {"aws": {"regions": {"us-east-1": {"release": "41", "image": "ami-00000004"}}}}},
        }
    },
    "/fcos/next": {"architectures": {}},
}


class Mirror:
    def __init__(self) -> None:
        self.asked: list[str] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked.append(self.path)
                body = json.dumps(PAGES.get(self.path)).encode()
                self.send_response(200 if self.path in PAGES else 404)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args: Any) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        base = f"http://127.0.0.1:{self.server.server_port}"
        sources = {"flatcar": f"{base}/flatcar/{{channel}}/{{arch}}", "fcos": f"{base}/fcos/{{channel}}"}
        self.settings = Settings(region="us-east-1", image_sources=sources)


@pytest.fixture
def mirror() -> Iterator[Mirror]:
    made = Mirror()
    thread = threading.Thread(target=made.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield made
    made.server.shutdown()
    made.server.server_close()
    thread.join()


def context(where: Path, now: datetime = NOW) -> Context:
    return Context(where, where, lambda: now, where)


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("flatcar-stable", "ami-00000001"),
        ("flatcar-stable-arm64", "ami-00000002"),
        ("fcos-testing", "ami-00000003"),
        ("fcos-testing-arm64", "ami-00000004"),
        ("ami-12345678", "ami-12345678"),
    ],
)
def test_an_alias_means_an_image_of_the_region(mirror: Mirror, tmp_path: Path, name: str, number: str) -> None:
    assert images.resolve(name, mirror.settings, context(tmp_path)) == number


def test_the_answer_is_kept_for_an_hour(mirror: Mirror, tmp_path: Path) -> None:
    for minutes in (0, 59, 61):
        images.resolve("flatcar-stable", mirror.settings, context(tmp_path, NOW + timedelta(minutes=minutes)))
    assert len(mirror.asked) == 2


def test_a_damaged_cache_is_fetched_again(mirror: Mirror, tmp_path: Path) -> None:
    images.resolve("flatcar-stable", mirror.settings, context(tmp_path))
    [kept] = (tmp_path / "images").iterdir()
    kept.write_text("{")
    assert images.resolve("flatcar-stable", mirror.settings, context(tmp_path)) == "ami-00000001"


@pytest.mark.parametrize(
    ("name", "kind", "code"),
    [
        ("debian-stable", Kind.INVALID, "NoSuchAlias"),
        ("flatcar-alpha", Kind.UNAVAILABLE, "ImageMetadata"),
        ("fcos-next", Kind.INVALID, "ImageMetadata"),
    ],
)
def test_what_cannot_be_resolved_is_said(mirror: Mirror, tmp_path: Path, name: str, kind: Kind, code: str) -> None:
    with pytest.raises(ProviderError) as caught:
        images.resolve(name, mirror.settings, context(tmp_path))
    assert (caught.value.kind, caught.value.code) == (kind, code)
    assert caught.value.hint


def test_a_region_without_the_image_is_named(mirror: Mirror, tmp_path: Path) -> None:
    elsewhere = Settings(region="ap-east-1", image_sources=mirror.settings.image_sources)
    with pytest.raises(ProviderError, match="not published in ap-east-1"):
        images.resolve("flatcar-stable", elsewhere, context(tmp_path))

"""Every sort of store behind its real interface, and what lies in it as its owner sees it."""

from __future__ import annotations

import atexit
import functools
import json
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import httpx

from tests.emulated.stores import directory, google

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    import pytest

ROOT = Path(__file__).parents[3]
REGION: Final = "eu-west-1"
BUCKET = "my-bucket"


@dataclass(frozen=True)
class Shelf:
    """A store.

    `store` and `url` are what the spec says, `held` returns its bodies by their SHA-256 with their texts, `leaves`
    every name that anything of ours still has, `fetch` what a machine gets from an address.
    """

    scheme: str
    store: str
    held: Callable[[], dict[str, tuple[bytes, dict[str, str]]]]
    leaves: Callable[[], list[str]]
    url: str = ""

    def fetch(self, url: str) -> bytes:
        answer = httpx.get(url, trust_env=False)
        assert answer.status_code == 200, answer.text
        return answer.content

    @property
    def options(self) -> dict[str, str]:
        return {"store": self.store, "fetch": "signed", "url": self.url, "cluster": "shop"}


@contextmanager
def http(_: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shelf]:
    monkeypatch.setenv("PROVISION_STORE_USER", "ada")
    monkeypatch.setenv("PROVISION_STORE_PASSWORD", "sesame")
    with directory.serving() as there:

        def held() -> dict[str, tuple[bytes, dict[str, str]]]:
            indexes = [data for path, data in there.files.items() if "provision-" in path]
            texts = {k.rpartition("/")[2]: v for i in indexes for k, v in json.loads(i)["bodies"].items()}
            return {name: (there.files[f"/boot/{name}"], texts[name]) for name in texts}

        def leaves() -> list[str]:
            found = [path for path in there.files if "provision-" not in path]
            return found + list(held())

        yield Shelf("http", there.url, held, leaves)


@contextmanager
def served(root: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shelf]:
    monkeypatch.setenv("PROVISION_DATA_DIR", str(root / "data"))
    bodies = root / "data" / "netboot" / "bodies"

    def held() -> dict[str, tuple[bytes, dict[str, str]]]:
        labels = {file.stem: json.loads(file.read_text()) for file in bodies.glob("*.json")}
        for file in bodies.iterdir():
            assert file.stat().st_mode & 0o077 == 0, "bodies hold secrets"
        return {name: ((bodies / name).read_bytes(), texts) for name, texts in labels.items()}

    class Local(Shelf):
        def fetch(self, url: str) -> bytes:
            return (bodies / url.rpartition("/")[2]).read_bytes()

    yield Local("serve", "serve", held, lambda: [f.name for f in bodies.glob("*")], url="http://192.0.2.10:8080")


@functools.cache
def amazon() -> str:
    """Start moto's server for this process, and return its URL; it ends when its standard input does."""
    command = [sys.executable, "-m", "tests.emulated.stores.amazon"]
    child = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert child.stdin
    assert child.stdout
    port = int(child.stdout.readline())
    atexit.register(child.communicate, timeout=20)
    return f"http://127.0.0.1:{port}"


@contextmanager
def s3(_: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shelf]:
    import boto3

    url = amazon()
    httpx.post(f"{url}/moto-api/reset", trust_env=False).raise_for_status()
    for name, value in {
        "AWS_ENDPOINT_URL_S3": url,
        "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI",
        "AWS_EC2_METADATA_DISABLED": "true",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
    monkeypatch.delenv("AWS_REGION", raising=False)
    client = boto3.client("s3", region_name=REGION)
    client.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})

    def held() -> dict[str, tuple[bytes, dict[str, str]]]:
        found = {}
        for key in leaves():
            thing = client.get_object(Bucket=BUCKET, Key=key)
            texts = {name.removeprefix("provision-"): text for name, text in thing["Metadata"].items()}
            found[key.rpartition("/")[2]] = (thing["Body"].read(), texts)
        return found

    def leaves() -> list[str]:
        return [entry["Key"] for entry in client.list_objects_v2(Bucket=BUCKET).get("Contents", ())]

    try:
        yield Shelf("s3", f"s3://{BUCKET}/first-boot", held, leaves)
    finally:
        client.close()


@contextmanager
def gs(_: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shelf]:
    with google.serving() as there:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", there.host)

        def held() -> dict[str, tuple[bytes, dict[str, str]]]:
            return {
                name.rpartition("/")[2]: (data, {k.removeprefix("provision-"): v for k, v in texts.items()})
                for name, (data, texts) in there.objects.items()
            }

        yield Shelf("gs", f"gs://{google.BUCKET}/first-boot", held, lambda: list(there.objects))


SHELVES: dict[str, Callable[[Path, pytest.MonkeyPatch], AbstractContextManager[Shelf]]] = {
    "gs": gs,
    "http": http,
    "s3": s3,
    "serve": served,
}

"""A small Cloud Storage that speaks the JSON API over real HTTP, and is strict: what it does not know it refuses."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import Message
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote, urlsplit

from tests.emulated.served import served

if TYPE_CHECKING:
    from collections.abc import Iterator

BUCKET = "my-bucket"
PAGE = 2
"""Objects on a page, so that every list has several."""


@dataclass
class Google:
    """One bucket: objects by name with their metadata, its settings, who may read it."""

    host: str = ""
    objects: dict[str, tuple[bytes, dict[str, str]]] = field(default_factory=dict)
    about: dict[str, Any] = field(default_factory=lambda: {"name": BUCKET, "acl": []})
    policy: dict[str, Any] = field(default_factory=lambda: {"bindings": []})
    policy_hidden: bool = False
    broken: int = 0


class Refused(Exception):
    """A request that the real service would refuse."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@contextmanager
def serving() -> Iterator[Google]:
    there = Google()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self) -> None:
            data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            url = urlsplit(self.path)
            query = {name: values[0] for name, values in parse_qs(url.query).items()}
            try:
                if there.broken:
                    there.broken -= 1
                    raise Refused(503, "backend error")
                found = route(there, self.command, url.path, query, data, self.headers.get("Content-Type", ""))
            except Refused as refused:
                self.answer(refused.status, {"error": {"code": refused.status, "message": str(refused)}})
            else:
                self.answer(200 if found is not None else 204, found)

        do_GET = do_POST = do_PATCH = do_DELETE = handle_any  # noqa: N815

        def answer(self, status: int, found: Any) -> None:
            data = found if isinstance(found, bytes) else b"" if found is None else json.dumps(found).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            pass

    with served(Handler) as url:
        there.host = url
        yield there


def route(there: Google, method: str, path: str, query: dict[str, str], data: bytes, kind: str) -> Any:
    bucket = f"/storage/v1/b/{BUCKET}"
    match method, path:
        case "GET", str(p) if p == bucket:
            only(query, "projection")
            return there.about
        case "GET", str(p) if p == f"{bucket}/iam":
            if there.policy_hidden:
                raise Refused(403, "no storage.buckets.getIamPolicy")
            return there.policy
        case "GET", str(p) if p == f"{bucket}/o":
            return listed(there, query)
        case "POST", str(p) if p == f"/upload{bucket}/o":
            return inserted(there, query, data, kind)
        case (("PATCH" | "DELETE"), str(p)) if p.startswith(f"{bucket}/o/"):
            return altered(there, method, unquote(p.removeprefix(f"{bucket}/o/")), data)
        case "GET", str(p) if p.startswith(f"/{BUCKET}/"):
            return read(there, unquote(p.removeprefix(f"/{BUCKET}/")))
    raise Refused(404, f"{method} {path}: there is no such thing")


def only(query: dict[str, str], *known: str) -> None:
    if unknown := query.keys() - set(known):
        raise Refused(400, f"unknown parameters {sorted(unknown)}")


def listed(there: Google, query: dict[str, str]) -> Any:
    only(query, "prefix", "fields", "pageToken")
    names = sorted(name for name in there.objects if name.startswith(query.get("prefix", "")))
    start = int(query.get("pageToken", 0))
    items = [{"name": name, "metadata": there.objects[name][1]} for name in names[start : start + PAGE]]
    more = {"nextPageToken": str(start + PAGE)} if start + PAGE < len(names) else {}
    return ({"items": items} if items else {}) | more


def inserted(there: Google, query: dict[str, str], data: bytes, kind: str) -> Any:
    only(query, "uploadType")
    if query.get("uploadType") != "multipart":
        raise Refused(400, "not a multipart upload")
    message = message_from_bytes(f"Content-Type: {kind}\r\n\r\n".encode() + data)
    parts = message.get_payload()
    if not isinstance(parts, list) or len(parts) != 2:
        raise Refused(400, "a multipart upload has two parts")
    resource, media = (part.get_payload(decode=True) for part in parts if isinstance(part, Message))
    assert isinstance(resource, bytes)
    assert isinstance(media, bytes)
    about = json.loads(resource)
    only(about, "name", "metadata", "cacheControl")
    there.objects[about["name"]] = (media, texts(about["metadata"]))
    return about


def altered(there: Google, method: str, name: str, data: bytes) -> Any:
    if name not in there.objects:
        raise Refused(404, f"No such object: {BUCKET}/{name}")
    if method == "DELETE":
        del there.objects[name]
        return None
    about = json.loads(data)
    only(about, "metadata")
    there.objects[name] = (there.objects[name][0], {**there.objects[name][1], **texts(about["metadata"])})
    return about


def texts(metadata: Any) -> dict[str, str]:
    if not all(isinstance(value, str) for value in metadata.values()):
        raise Refused(400, "metadata are texts")
    return dict(metadata)


def read(there: Google, name: str) -> bytes:
    if name not in there.objects:
        raise Refused(404, "no such object")
    return there.objects[name][0]

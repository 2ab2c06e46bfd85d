"""Files over HTTP: named by their hash, so that the hash is their ETag; in ranges; never outside their folder."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

from starlette.responses import FileResponse, PlainTextResponse, Response

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.requests import Request

NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
SHA256 = re.compile(r"[0-9a-f]{64}")
BODY = re.compile(r"[0-9a-f]{64}|[0-9a-f]{128}")


def artefact(request: Request, folder: Path) -> Response:
    """Answer a request for ``{sha256}/{name}`` below a folder."""
    digest, name = request.path_params["sha256"], request.path_params["name"]
    if not (SHA256.fullmatch(digest) and NAME.fullmatch(name)):
        return missing()
    return _file(request, folder / digest / name, digest, {"cache-control": "public, max-age=31536000, immutable"})


def loader(request: Request, folder: Path) -> Response:
    """Answer a request for one of the loaders that firmware starts with."""
    name = request.path_params["name"]
    if not NAME.fullmatch(name):
        return missing()
    return _file(request, folder / name, "", {})


def body(request: Request, folder: Path) -> Response:
    """Answer a request for a payload's body; knowing its hash is the right to read it. Wrong content is not served."""
    digest = request.path_params["hash"]
    if not BODY.fullmatch(digest):
        return missing()
    try:
        data = (folder / digest).read_bytes()
    except OSError:
        return missing()
    kind = "sha256" if len(digest) == 64 else "sha512"
    if hashlib.new(kind, data).hexdigest() != digest:
        return PlainTextResponse("damaged\n", 503)
    headers = {"cache-control": "no-store", "etag": f'"{digest}"'}
    return Response(data, media_type="application/octet-stream", headers=headers)


def missing() -> Response:
    """Return the answer for what is not there; it says nothing of what was asked for."""
    return PlainTextResponse("not found\n", 404)


def _file(request: Request, path: Path, digest: str, headers: dict[str, str]) -> Response:
    try:
        stat = path.stat()
    except OSError:
        return missing()
    if not path.is_file():
        return missing()
    etag = f'"{digest}"' if digest else f'"{stat.st_mtime_ns:x}-{stat.st_size:x}"'
    headers = {**headers, "etag": etag}
    if etag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return FileResponse(path, media_type="application/octet-stream", headers=headers, stat_result=stat)

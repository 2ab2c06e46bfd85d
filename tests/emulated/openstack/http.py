"""HTTP as far as the strict OpenStack needs it: a request, an answer, a refusal in each service's own words."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

if TYPE_CHECKING:
    from http.server import BaseHTTPRequestHandler

Json = dict[str, Any]


@dataclass
class Request:
    """One request: `service` and `path` are parted, `query` holds every value of each name."""

    method: str
    service: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: bytes = b""

    @property
    def json(self) -> Any:
        try:
            return json.loads(self.body)
        except ValueError:
            raise Refusal(
                400, "malformed", "The server could not comply with the request since it is malformed"
            ) from None

    def one(self, name: str) -> str:
        return self.query.get(name, [""])[-1]

    @property
    def call(self) -> str:
        """The call without its ids: ``POST /servers/*/action``."""
        words = ["*" if len(word) >= 32 or word.startswith("provision-") else word for word in self.path.split("/")]
        return f"{self.method} {'/'.join(words)}"


@dataclass
class Answer:
    """What a service answers; `body` None is no content."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    text: str = ""


@dataclass
class Refusal(Exception):
    """A refusal; `code` is nova's fault or neutron's type."""

    status: int
    code: str
    message: str

    def answer(self, service: str) -> Answer:
        if service == "compute":
            return Answer(self.status, {self.code: {"code": self.status, "message": self.message}})
        if service == "network":
            return Answer(self.status, {"NeutronError": {"type": self.code, "message": self.message, "detail": ""}})
        if service == "identity":
            error = {"code": self.status, "message": self.message, "title": self.code}
            return Answer(self.status, {"error": error})
        page = f"<html>\n <head>\n  <title>{self.status} {self.code}</title>\n </head>\n <body>\n"
        page += f"  <h1>{self.status} {self.code}</h1>\n  {self.message}<br /><br />\n</body>"
        return Answer(self.status, text=page)


def read(handler: BaseHTTPRequestHandler) -> Request:
    """Read a request off the wire, chunks included."""
    split = urlsplit(handler.path)
    _, service, *rest = split.path.split("/", 2)
    headers = {key.lower(): value for key, value in handler.headers.items()}
    query = parse_qs(split.query, keep_blank_values=True)
    return Request(handler.command, service, "/" + "/".join(rest), query, headers, _content(handler, headers))


def write(handler: BaseHTTPRequestHandler, answer: Answer) -> None:
    """Write an answer onto the wire."""
    data = answer.text.encode() if answer.text else b"" if answer.body is None else json.dumps(answer.body).encode()
    handler.send_response(answer.status)
    for key, value in answer.headers.items():
        handler.send_header(key, value)
    handler.send_header("Content-Type", "text/html" if answer.text else "application/json")
    handler.send_header("Content-Length", str(len(data)))
    handler.end_headers()
    handler.wfile.write(data)


def _content(handler: BaseHTTPRequestHandler, headers: dict[str, str]) -> bytes:
    if headers.get("transfer-encoding") != "chunked":
        return handler.rfile.read(int(headers.get("content-length") or 0))
    parts = []
    while size := int(handler.rfile.readline().split(b";")[0], 16):
        parts.append(handler.rfile.read(size))
        handler.rfile.readline()
    handler.rfile.readline()
    return b"".join(parts)

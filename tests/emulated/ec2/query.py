"""The EC2 query protocol as far as the strict layer needs it: read a request, write an error."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from io import BytesIO
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode
from xml.sax.saxutils import escape

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass
class Refusal(Exception):
    code: str
    message: str
    status: int = 400

    def body(self) -> bytes:
        error = f"<Error><Code>{escape(self.code)}</Code><Message>{escape(self.message)}</Message></Error>"
        return f"<Response><Errors>{error}</Errors><RequestID>strict</RequestID></Response>".encode()


@dataclass
class Call:
    """One EC2 request: `params` are the flat names and values of the form."""

    action: str
    region: str
    credential: str
    params: dict[str, str] = field(default_factory=dict)

    def items(self, prefix: str) -> list[dict[str, str]]:
        """Return numbered structures: items("NetworkInterface") of NetworkInterface.1.SubnetId=…"""
        found: dict[int, dict[str, str]] = {}
        for key, value in self.params.items():
            match = re.fullmatch(rf"{re.escape(prefix)}\.(\d+)(?:\.(.+))?", key)
            if match:
                found.setdefault(int(match[1]), {})[match[2] or ""] = value
        return [found[n] for n in sorted(found)]

    def tags(self) -> Iterator[tuple[str, dict[str, str]]]:
        """Yield (resource type, tags) of TagSpecification."""
        for spec in self.items("TagSpecification"):
            inner = Call("", "", "", {f"Tag.{k.partition('.')[2]}": v for k, v in spec.items() if k.startswith("Tag.")})
            yield spec["ResourceType"], {t["Key"]: t.get("Value", "") for t in inner.items("Tag")}


def rewrite(environ: dict[str, Any], call: Call, params: dict[str, str]) -> None:
    """Replace a request's parameters."""
    body = urlencode({"Action": call.action, "Version": call.params["Version"], **params}).encode()
    environ["wsgi.input"], environ["CONTENT_LENGTH"] = BytesIO(body), str(len(body))


def read(environ: dict[str, Any]) -> Call | None:
    """Return the EC2 call of a request, or None when it is for another service; the body can be read again."""
    scope = re.search(r"Credential=([^/]+)/\d+/([^/]+)/([^/]+)/", environ.get("HTTP_AUTHORIZATION", ""))
    if not scope or scope[3] != "ec2":
        return None
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    environ["wsgi.input"] = BytesIO(body)
    params = dict(parse_qsl(body.decode(), keep_blank_values=True))
    return Call(params.pop("Action", ""), scope[2], scope[1], params)

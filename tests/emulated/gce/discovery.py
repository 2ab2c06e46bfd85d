"""Google's own description of its API: which calls there are, and what each takes and gives.

It ships with google-api-python-client. Everything that is sent and answered is held against it: a field or parameter
that it does not know, a value of another type, outside an enum or against a pattern is refused, as GCE refuses it.
"""

from __future__ import annotations

import functools
import json
import re
from dataclasses import dataclass, field
from importlib import resources
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass
class Refusal(Exception):
    status: int
    reason: str
    message: str

    def body(self) -> bytes:
        error = {"message": self.message, "domain": "global", "reason": self.reason}
        return json.dumps({"error": {"code": self.status, "message": self.message, "errors": [error]}}).encode()


@dataclass
class Call:
    """One call: `method` as discovery writes it, `params` of path and query with their types."""

    id: str
    method: dict[str, Any]
    params: dict[str, Any] = field(default_factory=dict)
    body: dict[str, Any] | None = None

    def __getitem__(self, name: str) -> Any:
        return self.params[name]


@functools.cache
def document() -> dict[str, Any]:
    path = resources.files("googleapiclient") / "discovery_cache" / "documents" / "compute.v1.json"
    return json.loads(path.read_text())  # type: ignore[no-any-return]


@functools.cache
def routes() -> list[tuple[str, re.Pattern[str], dict[str, Any]]]:
    """Return verb, path and method of every call."""
    return [
        (method["httpMethod"], re.compile(_pattern(method["flatPath"])), method)
        for resource in document()["resources"].values()
        for method in resource["methods"].values()
    ]


def read(verb: str, path: str, query: list[tuple[str, str]], body: bytes) -> Call:
    """Return the call that a request makes.

    Raises:
        Refusal: there is no such call, or it is malformed.
    """
    base = "/" + document()["servicePath"]
    method, found = _find(verb, path.removeprefix(base) if path.startswith(base) else "")
    call = Call(method["id"].removeprefix("compute."), method)
    known = {**document()["parameters"], **method["parameters"]}
    for name, text in [*found.items(), *query]:
        if name not in known:
            raise invalid(f'Invalid JSON payload received. Unknown name "{name}": Cannot bind query parameter.')
        if name in call.params and not known[name].get("repeated"):
            raise invalid(f"Parameter {name!r} is given twice")
        call.params[name] = _parameter(name, text, known[name])
    call.body = _body(call, body)
    return call


def _find(verb: str, path: str) -> tuple[dict[str, Any], dict[str, str]]:
    for needed, pattern, method in routes():
        if needed == verb and (found := pattern.fullmatch(path)):
            return method, found.groupdict()
    raise Refusal(404, "notFound", f"The requested URL {path} was not found on this server.")


def _body(call: Call, body: bytes) -> dict[str, Any] | None:
    if "request" not in call.method:
        if body:
            raise invalid("Request contains a body, which this call does not take")
        return None
    try:
        value = json.loads(body)
    except ValueError:
        raise invalid("Invalid JSON payload received.") from None
    for fault in faults(value, call.method["request"], "resource", call.method["id"]):
        raise invalid(fault)
    return value  # type: ignore[no-any-return]


def faults(value: Any, schema: dict[str, Any], where: str, method: str = "") -> Iterator[str]:
    """Yield in which ways a value is not what a schema says; `method` tells which fields are required."""
    if "$ref" in schema:
        schema = document()["schemas"][schema["$ref"]]
    kind = schema.get("type", "any")
    if kind == "any":
        return
    if kind == "object":
        yield from _object(value, schema, where, method)
    elif kind == "array":
        if not isinstance(value, list):
            yield f"Invalid value at '{where}': not a list"
            return
        for number, item in enumerate(value):
            yield from faults(item, schema["items"], f"{where}[{number}]", method)
    elif not _fits(value, kind, schema.get("format", "")):
        yield f"Invalid value at '{where}' ({kind} {schema.get('format', '')}), {value!r}"
    else:
        yield from _text(value, schema, where)


def _object(value: Any, schema: dict[str, Any], where: str, method: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"Invalid value at '{where}': not an object"
        return
    properties, others = schema.get("properties", {}), schema.get("additionalProperties")
    for name, item in value.items():
        inner = properties.get(name, others)
        if inner is None:
            yield f"Invalid JSON payload received. Unknown name \"{name}\" at '{where}': Cannot find field."
        else:
            yield from faults(item, inner, f"{where}.{name}", method)
    for name, inner in properties.items():
        if method and method in inner.get("annotations", {}).get("required", ()) and name not in value:
            yield f"Required field '{where}.{name}' not specified"


def _text(value: Any, schema: dict[str, Any], where: str) -> Iterator[str]:
    if "enum" in schema and value not in schema["enum"]:
        yield f"Invalid value for field '{where}': '{value}'. Must be one of {schema['enum']}"
    if "pattern" in schema and isinstance(value, str) and not re.fullmatch(schema["pattern"], value):
        yield f"Invalid value for field '{where}': '{value}'. Must be a match of regex '{schema['pattern']}'"


def _fits(value: Any, kind: str, form: str) -> bool:
    match kind:
        case "string" if form in ("int64", "uint64"):
            return (isinstance(value, str) and re.fullmatch(r"-?[0-9]+", value) is not None) or type(value) is int
        case "string":
            return isinstance(value, str)
        case "boolean":
            return isinstance(value, bool)
        case "integer":
            return type(value) is int and (form != "uint32" or value >= 0)
        case "number":
            return isinstance(value, int | float) and not isinstance(value, bool)
    raise AssertionError(f"discovery has a type that is not known here: {kind}")


def _parameter(name: str, text: str, schema: dict[str, Any]) -> Any:
    value: Any = text
    if schema["type"] == "integer":
        value = int(text) if re.fullmatch(r"-?[0-9]+", text) else text
    elif schema["type"] == "boolean":
        value = {"true": True, "false": False}.get(text, text)
    for fault in faults(value, schema, name):
        raise invalid(fault)
    return value


def _pattern(path: str) -> str:
    return re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.escape(path))


def invalid(message: str) -> Refusal:
    return Refusal(400, "invalid", message)

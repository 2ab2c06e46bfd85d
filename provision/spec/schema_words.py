"""What each JSON Schema keyword says when it fails: one small function a keyword."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from provision.spec.words import TYPES, did_you_mean, listing, show, suggest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from jsonschema import ValidationError
    from jsonschema.protocols import Validator

    from provision.diagnostics import Path
    from provision.model import Json
    from provision.spec.tree import Plain

_YES_NO = frozenset(("yes", "no", "on", "off", "y", "n", "true", "false"))
_TRUE = frozenset(("yes", "on", "y", "true"))


@dataclass(frozen=True, slots=True)
class Fault:
    """One finding before it has a place; `at_key` says that the key is at fault and not its value."""

    code: str
    path: Path
    message: str
    hint: str | None = None
    at_key: bool = False


@dataclass(frozen=True, slots=True)
class _Context:
    """A schema error and what helps to explain it."""

    error: ValidationError
    validator: Validator
    source: Callable[[Path], str | None]

    @property
    def path(self) -> Path:
        return tuple(self.error.absolute_path)

    @property
    def value(self) -> Plain:
        return self.error.instance

    @property
    def limit(self) -> Plain:
        return self.error.validator_value

    @property
    def schema(self) -> Json:
        return self.error.schema if isinstance(self.error.schema, dict) else {}

    def hint(self, *keywords: str) -> str | None:
        return next((str(self.schema[k]) for k in (*keywords, "errorMessage") if k in self.schema), None)

    def fault(self, code: str, message: str, hint: str | None = None) -> Fault:
        return Fault(code, self.path, message, hint)


def describe(error: ValidationError, validator: Validator, source: Callable[[Path], str | None]) -> Iterator[Fault]:
    """Explain one error of jsonschema; `source` returns the text of the scalar at a path."""
    context = _Context(error, validator, source)
    if "propertyNames" in error.relative_schema_path:
        yield _name(context)
    else:
        yield from _KEYWORDS.get(str(error.validator), _other)(context)


def _name(c: _Context) -> Fault:
    hint = c.hint("patternErrorMessage") or f"it has to match {c.limit}"
    return Fault("PV014", (*c.path, c.value), f"{show(c.value)} cannot be a name here", hint, at_key=True)


def _type(c: _Context) -> Iterator[Fault]:
    kinds = [c.limit] if isinstance(c.limit, str) else list(c.limit)
    wanted = listing(TYPES.get(kind, kind) for kind in kinds if kind != "null")
    message, hint = f"{show(c.value)} is not {wanted}", c.hint()
    source = c.source(c.path)
    if kinds == ["boolean"] and isinstance(c.value, str) and c.value.lower() in _YES_NO:
        right = "true" if c.value.lower() in _TRUE else "false"
        yield c.fault("PV018", message, f"write {right}, without quotes")
    elif "string" in kinds and source is not None and _valid(c, source):
        yield c.fault("PV019", message, f'put it in quotes: "{source}"')
    else:
        yield c.fault("PV012", message, hint or f"write {wanted}")


def _valid(c: _Context, source: str) -> bool:
    return bool(c.validator.evolve(schema=c.schema).is_valid(source))


def _enum(c: _Context) -> Iterator[Fault]:
    choices = [str(choice) for choice in c.limit]
    yield c.fault(
        "PV013", f"{show(c.value)} is not one of {listing(choices)}", c.hint() or did_you_mean(c.value, choices)
    )


def _const(c: _Context) -> Iterator[Fault]:
    yield c.fault("PV013", f"{show(c.value)} is not {show(c.limit)}", c.hint())


def _pattern(c: _Context) -> Iterator[Fault]:
    hint = c.hint("patternErrorMessage") or f"it has to match {c.limit}"
    yield c.fault("PV014", f"{show(c.value)} has the wrong form" if c.value else "the text is empty", hint)


def _least(c: _Context) -> Iterator[Fault]:
    yield c.fault("PV015", f"{show(c.value)} is too small", c.hint() or f"the least is {c.limit}")


def _most(c: _Context) -> Iterator[Fault]:
    yield c.fault("PV015", f"{show(c.value)} is too large", c.hint() or f"the most is {c.limit}")


def _short(c: _Context) -> Iterator[Fault]:
    what = {"minLength": "text", "minItems": "list", "minProperties": "mapping"}[str(c.error.validator)]
    if c.error.validator == "minProperties" and c.schema.get("maxProperties") == 1:
        yield _one_of(c, list(c.schema.get("properties", {})))
    else:
        yield c.fault(
            "PV015", f"the {what} is {'too short' if c.value else 'empty'}", c.hint() or f"at least {c.limit}"
        )


def _long(c: _Context) -> Iterator[Fault]:
    if c.limit == 1 and c.error.validator == "maxProperties":
        yield _one_of(c, list(c.schema.get("properties", {})))
    elif c.error.validator == "maxLength":
        yield c.fault("PV015", f"{len(c.value)} characters are too many", c.hint() or f"at most {c.limit}")
    else:
        yield c.fault("PV015", f"{len(c.value)} are too many", c.hint() or f"at most {c.limit}")


def _unique(c: _Context) -> Iterator[Fault]:
    for n, item in enumerate(c.value):
        if item in c.value[:n]:
            yield Fault("PV015", (*c.path, n), f"{show(item)} is listed twice", "leave one out")


def _one_of(c: _Context, choices: list[str]) -> Fault:
    given = [choice for choice in choices if choice in c.value]
    if given:
        return c.fault("PV017", f"{listing(given, 'and')} exclude each other", "keep one of them")
    return Fault(
        "PV017", c.path, f"one of {listing(choices)} has to be given", _example(c.schema, choices[0]), at_key=True
    )


def _required(c: _Context) -> Iterator[Fault]:
    for name in c.limit:
        if name not in c.value:
            yield Fault("PV016", (*c.path, name), f"{name!r} is missing", _example(c.schema, name), at_key=True)


def _example(schema: Json, name: str) -> str | None:
    examples = schema.get("properties", {}).get(name, {}).get("examples", [])
    plain = examples and isinstance(examples[0], str | int | float) and not isinstance(examples[0], bool)
    return f"add `{name}: {examples[0]}`" if plain else f"add `{name}:`"


def _additional(c: _Context) -> Iterator[Fault]:
    known = c.schema.get("properties", {})
    patterns = c.schema.get("patternProperties", {})
    for name in c.value:
        if name not in known and not any(re.search(pattern, name) for pattern in patterns):
            hint = suggest(name, known)
            yield Fault("PV011", (*c.path, name), f"{show(name)} is not a known key here", hint, at_key=True)


def _choice(c: _Context) -> Iterator[Fault]:
    """Explain an anyOf or oneOf of which no single branch was meant."""
    branches: list[Json] = [branch for branch in c.limit if isinstance(branch, dict)]
    if branches and all(set(branch) == {"required"} for branch in branches):
        if isinstance(c.value, dict):  # of anything else `type` has told already
            yield _one_of(c, [branch["required"][0] for branch in branches])
        return
    wanted = listing(branch.get("title") or TYPES.get(branch.get("type", ""), "another value") for branch in branches)
    source = c.source(c.path)
    if source is not None and not isinstance(c.value, str) and _valid(c, source):
        yield c.fault("PV019", f"{show(c.value)} is not {wanted}", f'put it in quotes: "{source}"')
    else:
        yield c.fault("PV012", f"{show(c.value)} is not {wanted}", c.hint() or f"write {wanted}")


def _dependent(c: _Context) -> Iterator[Fault]:
    for name, needs in c.limit.items():
        for need in needs if name in c.value else ():
            if need not in c.value:
                path = (*c.path, name)
                yield Fault("PV016", path, f"{name!r} needs {need!r} beside it", _example(c.schema, need), at_key=True)


def _other(c: _Context) -> Iterator[Fault]:
    yield c.fault("PV014", c.error.message[:200], c.hint())


_KEYWORDS: dict[str, Callable[[_Context], Iterator[Fault]]] = {
    "type": _type,
    "enum": _enum,
    "const": _const,
    "pattern": _pattern,
    "minimum": _least,
    "exclusiveMinimum": _least,
    "maximum": _most,
    "exclusiveMaximum": _most,
    "minLength": _short,
    "minItems": _short,
    "minProperties": _short,
    "maxLength": _long,
    "maxItems": _long,
    "maxProperties": _long,
    "uniqueItems": _unique,
    "required": _required,
    "dependentRequired": _dependent,
    "additionalProperties": _additional,
    "anyOf": _choice,
    "oneOf": _choice,
}

"""JSON Schema errors in the words of the spec, each at its place.

The schemas are Draft 2020-12. Two keywords that editors know from VS Code's JSON support carry hints:
``errorMessage`` (any fault of a value) and ``patternErrorMessage`` (its form alone).
https://code.visualstudio.com/docs/languages/json#_json-schemas-and-settings
"""

from __future__ import annotations

import functools
import json
import re
from collections import defaultdict
from importlib import resources
from typing import TYPE_CHECKING

from provision.diagnostics import Diagnostic, Path
from provision.spec.schema_words import describe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from jsonschema import ValidationError
    from jsonschema.protocols import Validator

    from provision.model import Json
    from provision.spec.tree import Document, Plain


def check(
    document: Document, value: Plain, validator: Validator, absolute: Callable[[Path], Path] = lambda path: path
) -> list[Diagnostic]:
    """Check a value of a document and return what is wrong, without repetition.

    Args:
        document: where the places are.
        value: what is checked: the document's value, or a part or overlay of its parts.
        validator: made by `validator`, once for many values.
        absolute: leads from a path in `value` to the path in the document that it came from.
    """
    found: dict[tuple[str, Path, str], Diagnostic] = {}
    for error in _leaves(validator.iter_errors(value)):
        for fault in describe(error, validator, lambda path: _source(document, absolute(path))):
            path = absolute(fault.path)
            place = document.key(path) if fault.at_key else document.place(path)
            finding = Diagnostic(fault.code, fault.message, path=path, span=place, hint=fault.hint)
            found.setdefault((fault.code, path, fault.message), finding)
    return list(found.values())


def load(name: str) -> Json:
    """Return one of the schemas in `provision_schemas`."""
    schema: Json = json.loads(resources.files("provision_schemas").joinpath(name).read_text("utf-8"))
    return schema


@functools.cache
def ours(name: str) -> Validator:
    """Return the validator of one of our own schemas."""
    return validator(inline(load(name), load(name)))


def inline(schema: Plain, root: Json) -> Plain:
    """Return a schema with every reference into `root`'s definitions replaced by what it refers to.

    What stands beside a reference is laid over it. The definitions must not refer to themselves. Looking references
    up again for each value would take a third of the time.
    """
    if isinstance(schema, list):
        return [inline(item, root) for item in schema]
    if not isinstance(schema, dict):
        return schema
    own = {key: inline(value, root) for key, value in schema.items() if key not in ("$ref", "$defs")}
    target = str(schema.get("$ref", "")).removeprefix("#/$defs/")
    return {**inline(root["$defs"][target], root), **own} if target else own


def _source(document: Document, path: Path) -> str | None:
    node = document.scalars.get(path)
    return node.value if node else None


def validator(schema: Json) -> Validator:
    """Return what `check` checks by: a JSON Schema of Draft 2020-12, made ready."""
    return _dialect()(schema)


@functools.cache
def _dialect() -> type[Validator]:
    # jsonschema takes 190 ms to import, so that it waits until a spec is checked.
    from jsonschema import Draft202012Validator, validators

    extend: Callable[..., type[Validator]] = validators.extend
    return extend(Draft202012Validator, {"pattern": _pattern})


def _pattern(_: Validator, pattern: str, instance: Plain, __: Json) -> Iterator[ValidationError]:
    """Match as ECMA-262 does, where ``$`` is the end of the text and not also the place before a last line break."""
    from jsonschema import ValidationError

    if isinstance(instance, str) and not _compiled(pattern).search(instance):
        yield ValidationError(f"{instance!r} does not match {pattern!r}")


@functools.cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"(?<!\\)\$(?=$|\))", r"\\Z", pattern))


def _leaves(errors: Iterator[ValidationError]) -> Iterator[ValidationError]:
    """Replace a failed anyOf or oneOf by the errors of the one branch that was meant, where that can be told."""
    for error in errors:
        branches = _branches(error)
        meant = [branch for branch in branches if not _wrong_type(branch, error)]
        if len(meant) == 1:
            yield from _leaves(iter(meant[0]))
        else:
            yield error


def _branches(error: ValidationError) -> list[list[ValidationError]]:
    if error.validator not in ("anyOf", "oneOf"):
        return []
    by_branch: dict[object, list[ValidationError]] = defaultdict(list)
    for inner in error.context or ():
        by_branch[inner.relative_schema_path[0]].append(inner)
    return list(by_branch.values())


def _wrong_type(branch: list[ValidationError], outer: ValidationError) -> bool:
    return any(error.validator == "type" and error.absolute_path == outer.absolute_path for error in branch)

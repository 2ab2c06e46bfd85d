"""Reading properties of many objects in one call; every attribute of a managed object would be a call of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from provision_vmware import sdk

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from provision_vmware.sdk import Managed, Session

PAGE = 500
"""Objects in one answer; the rest comes in further ones."""


@dataclass(frozen=True, slots=True)
class Row:
    """An object and those of its properties that were asked for and are set."""

    object: Managed
    values: Mapping[str, Any]

    @property
    def id(self) -> str:
        """The object's id, such as vm-12."""
        return str(self.object._moId)

    def get(self, name: str) -> Any:  # noqa: ANN401
        """Return a property, or None when it is not set."""
        return self.values.get(name)


def of_objects(session: Session, kind: str, objects: Sequence[Managed], paths: Sequence[str]) -> Iterator[Row]:
    """Yield the properties of objects of one kind."""
    at = sdk.collector_types()
    yield from _rows(session, [at.ObjectSpec(obj=each) for each in objects], {kind: paths})


def below(
    session: Session, roots: Sequence[Managed], steps: Sequence[tuple[str, str]], wanted: Mapping[str, Sequence[str]]
) -> Iterator[Row]:
    """Yield the properties of what is reached from the roots.

    Args:
        session: whom to ask.
        roots: where to begin; these are not in the answer.
        steps: (kind, property) pairs that lead from an object to others, taken as often as they can be.
        wanted: properties by kind of object.
    """
    at, vim = sdk.collector_types(), sdk.types()
    names = [f"{kind}.{path}" for kind, path in steps]
    onward = [at.SelectionSpec(name=name) for name in names]
    travel = [
        at.TraversalSpec(name=name, type=getattr(vim, kind), path=path, skip=False, selectSet=list(onward))
        for name, (kind, path) in zip(names, steps, strict=True)
    ]
    specs = [at.ObjectSpec(obj=root, skip=True, selectSet=travel) for root in roots]
    yield from _rows(session, specs, wanted, strict=False)  # an inventory has corners that an account may not see


def children(session: Session, folders: Sequence[Managed], wanted: Mapping[str, Sequence[str]]) -> Iterator[Row]:
    """Yield the properties of what lies in folders, and not of what lies deeper."""
    at, vim = sdk.collector_types(), sdk.types()
    step = at.TraversalSpec(name="children", type=vim.Folder, path="childEntity", skip=False)
    yield from _rows(session, [at.ObjectSpec(obj=each, skip=True, selectSet=[step]) for each in folders], wanted)


def _refused(page: Any, name: str) -> Any:  # noqa: ANN401
    """Return the first fault of a kind that stands in place of a property."""
    missing = (m.fault for found in (page.objects if page else ()) for m in found.missingSet or ())
    return next((fault for fault in missing if type(fault).__name__.endswith(f".{name}")), None)


def _rows(
    session: Session, objects: list[Managed], wanted: Mapping[str, Sequence[str]], *, strict: bool = True
) -> Iterator[Row]:
    """Yield rows; a strict reading fails where a property may not be read, so that no list is silently short."""
    if not objects:
        return
    at, vim = sdk.collector_types(), sdk.types()
    kinds = [at.PropertySpec(type=getattr(vim, kind), pathSet=list(paths)) for kind, paths in wanted.items()]
    collector = session.content.propertyCollector
    spec = at.FilterSpec(objectSet=objects, propSet=kinds)
    params = {"specSet": [spec], "options": at.RetrieveOptions(maxObjects=PAGE)}
    logins = session.logins
    page = session.call(collector, "RetrievePropertiesEx", **params)
    if _refused(page, "NotAuthenticated"):
        # An expired session may read nothing, and is told so for each property instead of for the call.
        session.renew(logins)
        page = session.call(collector, "RetrievePropertiesEx", **params)
    while page is not None:
        if strict and (fault := _refused(page, "NoPermission")):
            raise sdk.faulted("RetrievePropertiesEx", fault)
        for found in page.objects:
            yield Row(found.obj, {p.name: p.val for p in found.propSet})
        if not page.token:
            return
        page = session.call(collector, "ContinueRetrievePropertiesEx", token=page.token)

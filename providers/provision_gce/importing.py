"""The services' own modules of google-cloud-compute, without its package's ``__init__``.

The ``__init__`` imports all 130 services: 2.2 s of CPU, of which ours take half. So the package's name is put in place
first, as the import system would, and its ``__init__`` is run only when somebody asks it for something: other users of
the library see no difference. Where the library is laid out in another way, it is imported as a whole.
"""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.util import find_spec, module_from_spec
from threading import RLock
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec
    from types import ModuleType

PACKAGE = "google.cloud.compute_v1"
_LOCK = RLock()


def service(name: str) -> ModuleType:
    """Return the module of a service, such as ``zone_operations``.

    Raises:
        ImportError: the library is not installed.
    """
    return _module(f"services.{name}")


def types() -> ModuleType:
    """Return the module of all requests and answers.

    Raises:
        ImportError: the library is not installed.
    """
    return _module("types")


def _module(name: str) -> ModuleType:
    full = f"{PACKAGE}.{name}"
    with _LOCK:
        if full in sys.modules:
            return sys.modules[full]
        try:
            _stand_in()
            return import_module(full)
        except (ImportError, AttributeError):
            for loaded in [n for n in sys.modules if n == PACKAGE or n.startswith(f"{PACKAGE}.")]:
                del sys.modules[loaded]
            return import_module(full)


def _stand_in() -> None:
    """Put the package's name in place, unless it is."""
    if PACKAGE in sys.modules:
        return
    spec = find_spec(PACKAGE)
    if spec is None:
        raise ModuleNotFoundError(f"No module named {PACKAGE!r}", name=PACKAGE)
    package = module_from_spec(spec)
    setattr(package, "__getattr__", _filler(package, spec))  # noqa: B010 - a function of the module's (PEP 562)
    sys.modules[PACKAGE] = package


def _filler(package: ModuleType, spec: ModuleSpec) -> Any:  # noqa: ANN401
    """Return what runs the package's ``__init__`` when a name of it is asked for that is no submodule."""

    def fill(name: str) -> Any:  # noqa: ANN401
        if name.startswith("__") or find_spec(f"{PACKAGE}.{name}") is not None:
            raise AttributeError(name)  # the import system imports a submodule by itself
        with _LOCK:
            if package.__dict__.pop("__getattr__", None) and spec.loader is not None:
                spec.loader.exec_module(package)
        if name not in package.__dict__:
            raise AttributeError(f"module {PACKAGE!r} has no attribute {name!r}")
        return package.__dict__[name]

    return fill

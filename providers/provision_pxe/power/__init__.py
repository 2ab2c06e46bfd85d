"""Switching machines on and off: one file here for each kind of power control.

A kind is a module of this package with a class `Power`, a dataclass whose fields are the kind's settings: what the spec
writes beside ``kind``. Nothing else has to be told of a new file.
"""

from __future__ import annotations

import importlib
import os
import re
from dataclasses import MISSING, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from provision.errors import Kind, ProviderError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from provision.model import Json

KIND = re.compile(r"[a-z][a-z0-9_]{0,30}")
DEFAULT = "manual"


class Power(Protocol):
    """The power of one machine. Calls block; they raise ProviderError with the machine's name in the message."""

    name: str

    def state(self) -> bool | None:
        """Return whether the machine is switched on; None when that cannot be told."""

    def on(self, *, network: bool) -> str:
        """Switch it on, or off and on again; return what a person has to do, "" for nothing.

        Args:
            network: let it boot from the network this time; else from its disk.
        """

    def off(self) -> str:
        """Switch it off; being off is success. Return what a person has to do, "" for nothing."""


def control(name: str, settings: Json) -> Power:
    """Return the power control of a machine.

    Raises:
        ProviderError: there is no such kind, or the settings are not its own.
    """
    kind = str(settings.get("kind", DEFAULT))
    try:
        if not KIND.fullmatch(kind):
            raise ModuleNotFoundError(name=f"{__name__}.{kind}")
        module: Any = importlib.import_module(f"{__name__}.{kind}")
    except ModuleNotFoundError as error:
        raise _no_such(name, kind, error) from None
    given = {key: value for key, value in settings.items() if key != "kind"}
    taken = {f.name: f for f in fields(module.Power) if f.name != "name"}
    missing = [key for key, f in taken.items() if key not in given and f.default is f.default_factory is MISSING]
    if wrong := sorted(set(given) - set(taken)):
        raise _invalid(name, f"power control {kind} has no setting {', '.join(wrong)}", taken)
    if missing:
        raise _invalid(name, f"power control {kind} needs {', '.join(missing)}", taken)
    made: Power = module.Power(name, **given)
    return made


def secret(name: str, source: Mapping[str, str]) -> str:
    """Return a password from where the spec says that it is: ``{env: NAME}`` or ``{file: PATH}``.

    Raises:
        ProviderError: it is not there.
    """
    try:
        return os.environ[source["env"]] if "env" in source else Path(source["file"]).expanduser().read_text().strip()
    except KeyError:
        hint = "set it, or write password: {file: PATH}"
        message = f"the password of {name}'s power control is missing: {source.get('env', '')} is not set"
        raise ProviderError(message, kind=Kind.AUTH, hint=hint) from None
    except OSError as error:
        message = f"the password of {name}'s power control cannot be read: {error}"
        raise ProviderError(message, kind=Kind.AUTH) from None


def _no_such(name: str, kind: str, error: ModuleNotFoundError) -> ProviderError:
    if error.name != f"{__name__}.{kind}":
        message = f"power control {kind} needs the Python package {error.name}"
        return ProviderError(message, kind=Kind.UNSUPPORTED, hint="pip install 'provision[pxe]'")
    kinds = ", ".join(sorted(p.stem for p in Path(__file__).parent.glob("[a-z]*.py")))
    return _invalid(name, f"there is no power control {kind!r}", None, f"there are {kinds}")


def _invalid(name: str, message: str, taken: Mapping[str, object] | None, hint: str = "") -> ProviderError:
    hint = hint or f"its settings are {', '.join(taken or ()) or 'none'}"
    return ProviderError(f"{name}: {message}", kind=Kind.INVALID, hint=hint)

"""What goes wrong in the boot store and on the way to it, in the words of the contract."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from provision.errors import Kind, ProviderError, ProvisionError

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def translated(doing: str) -> Iterator[None]:
    """Turn what the boot store raises into ProviderError; `doing` says what was under way."""
    try:
        yield
    except ProviderError:
        raise
    except ProvisionError as error:
        raise ProviderError(f"{doing}: {error.message}", kind=Kind.UNAVAILABLE, hint=error.hint) from error
    except ValueError as error:
        raise ProviderError(f"{doing}: {error}", kind=Kind.INVALID) from error
    except OSError as error:
        raise ProviderError(f"{doing}: {error}", kind=Kind.UNAVAILABLE) from error

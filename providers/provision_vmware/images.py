"""What `image` names: a template, or an OVA that `provision image import` makes a template of, once.

An OVA's template has a name that holds the OVA's digest, so that the same image is found again, and another one under
the same file name is another template.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import urlsplit

from provision.errors import Kind, ProviderError

FOLDER = "images"
"""Where imported templates lie, below the option `folder`; no cluster's folder has such a name, for they hold a dot."""

_MARK = "#sha256="


@dataclass(frozen=True, slots=True)
class Ova:
    """An OVA: a URL, or a path; `sha256` is of the whole file, in lower-case hex."""

    source: str
    sha256: str

    @property
    def template(self) -> str:
        """The name of the template that it becomes."""
        stem = PurePosixPath(urlsplit(self.source).path).stem
        return f"{re.sub(r'[^A-Za-z0-9._-]', '-', stem)[:60]}-{self.sha256[:12]}"

    @property
    def remote(self) -> bool:
        """Whether it is downloaded."""
        return self.source.startswith(("https://", "http://"))


def read(image: str) -> Ova | str:
    """Return an OVA, or a template's name or path.

    Raises:
        ProviderError: it is a file or URL without a digest, or with one that is none.
    """
    source, mark, digest = image.partition(_MARK)
    if not mark and not source.endswith(".ova") and not source.startswith(("https://", "http://")):
        return source
    if not re.fullmatch(r"[0-9a-fA-F]{64}", digest):
        raise ProviderError(
            f"the image {source} needs its SHA-256",
            kind=Kind.INVALID,
            code="NoDigest",
            hint=f"write {source}{_MARK} and 64 hex digits, as the publisher gives them",
        )
    return Ova(source, digest.lower())


def template(image: str) -> str:
    """Return the name or path of the template that machines are made of."""
    found = read(image)
    return found.template if isinstance(found, Ova) else found

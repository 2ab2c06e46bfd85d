"""Image names: which image of the cloud one means now, or which release to upload.

An alias, `flatcar-stable` or `fcos-testing-arm64`, is the name of an image that is there; with `upload_images` it is
the newest release, as ``URL#sha256=HEX`` (Flatcar publishes SHA-512). Either way `cluster.lock` pins the answer.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from provision.errors import Kind, ProviderError
from provision.providing import releases
from provision_openstack import parts
from provision_openstack.machines import is_id

if TYPE_CHECKING:
    from provision.model import Json
    from provision.providing.releases import Alias
    from provision_openstack.finding import Catalogue
    from provision_openstack.settings import Settings

SOURCES = {
    # https://www.flatcar.org/docs/latest/installing/community-platforms/notes-for-distributors/
    "flatcar": "https://{channel}.release.flatcar-linux.net/{arch}-usr",
    "fcos": releases.FCOS,
}
FLATCAR_FILE = "flatcar_production_openstack_image.img.bz2"
HINT = "name an image of the cloud's, or a mirror under `image_sources`"
PINNED = r"https?://\S+#(sha256=[0-9a-f]{64}|sha512=[0-9a-f]{128})"


def resolve(name: str, settings: Settings, catalogue: Catalogue) -> str:
    """Return what `cluster.lock` keeps of an image: its id, or the URL and digest of one to upload.

    Raises:
        ProviderError: INVALID for a URL without a digest, NOT_FOUND where there is no such image, UNAVAILABLE when the
            cloud or the releases cannot be asked.
    """
    if parts.is_upload(name):
        if not re.fullmatch(PINNED, name):
            hint = "write URL#sha256=HEX, the digest of the file as it is downloaded"
            raise ProviderError(f"{name} says no digest", kind=Kind.INVALID, code="NoDigest", hint=hint)
        return name
    if is_id(name):
        return name
    alias = releases.parse(name)
    if alias and settings.upload_images:
        return release(alias, settings)
    try:
        return str(catalogue.image(name)["id"])
    except ProviderError as error:
        if alias and error.kind is Kind.NOT_FOUND:
            error.hint = "write `upload_images: true`, and it is uploaded; or name an image of the cloud's"
        raise


def release(alias: Alias, settings: Settings) -> str:
    """Return URL and digest of an alias' newest release.

    Raises:
        ProviderError: UNAVAILABLE or NOT_FOUND when it cannot be fetched, INVALID when it has another form.
    """
    base = alias.address(settings.image_sources.get(alias.os, SOURCES[alias.os]))
    return _flatcar(base) if alias.os == "flatcar" else _fcos(base, alias.architecture)


def _flatcar(base: str) -> str:
    said = releases.fetch(f"{base}/current/version.txt", HINT).text
    version = re.search(r"^(?:FLATCAR|COREOS)_VERSION=(\S+)$", said, re.MULTILINE)
    if version is None:
        raise _other_form(base)
    url = f"{base}/{version[1]}/{FLATCAR_FILE}"
    digests = releases.fetch(f"{url}.DIGESTS", HINT).text
    digest = re.search(rf"^([0-9a-f]{{128}})\s+{re.escape(FLATCAR_FILE)}$", digests, re.MULTILINE)
    if digest is None:
        raise _other_form(url)
    return f"{url}#sha512={digest[1]}"


def _fcos(url: str, arch: str) -> str:
    try:
        data: Json = releases.fetch(url, HINT).json()
        disk = data["architectures"][arch]["artifacts"]["openstack"]["formats"]["qcow2.xz"]["disk"]
        return f"{disk['location']}#sha256={disk['sha256']}"
    except (KeyError, TypeError, ValueError) as error:
        raise _other_form(url) from error


def _other_form(url: str) -> ProviderError:
    message = f"the release under {url} has another form than is known"
    return ProviderError(message, kind=Kind.INVALID, code="ImageMetadata", hint="name an image of the cloud's")

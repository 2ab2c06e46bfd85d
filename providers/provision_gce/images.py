"""Images: what an alias or a family means now.

`fcos-stable` is looked up in Fedora CoreOS' stream metadata, which also says what its nodes update to; Flatcar's
aliases are image families of its project. The answer is kept for an hour. `cluster.lock` pins it, so a cluster never
moves by itself.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from provision.errors import Kind, ProviderError
from provision.providing import releases

if TYPE_CHECKING:
    from provision.model import Json
    from provision.provider import Context
    from provision.providing.releases import Alias
    from provision_gce.sdk import Cloud
    from provision_gce.settings import Settings

FLATCAR = "kinvolk-public"
"""The project of Flatcar's images (https://www.flatcar.org/docs/latest/installing/cloud/gcp/)."""


def resolve(name: str, cloud: Cloud, settings: Settings, context: Context) -> str:
    """Return the image that a name means, as projects/PROJECT/global/images/NAME.

    Raises:
        ProviderError: INVALID for a name that is none of these, NOT_FOUND when there is no such family, UNAVAILABLE
            when the metadata cannot be fetched.
    """
    if family := re.fullmatch(r"projects/([^/]+)/global/images/family/([^/]+)", name):
        return _newest(cloud, family[1], family[2])
    if name.startswith("projects/"):
        return name
    alias = releases.parse(name)
    if alias is None:
        raise ProviderError(
            f"{name!r} is neither an image nor an image alias",
            kind=Kind.INVALID,
            code="NoSuchAlias",
            hint="write projects/PROJECT/global/images/NAME, or such as flatcar-stable or fcos-stable-arm64",
        )
    if alias.os == "flatcar":
        return _newest(cloud, settings.image_sources.get("flatcar", FLATCAR), name)
    return _streamed(alias, settings, context)


def _newest(cloud: Cloud, project: str, family: str) -> str:
    found = cloud.call("images.getFromFamily", project=project, family=family)
    return f"projects/{project}/global/images/{found['name']}"


def _streamed(alias: Alias, settings: Settings, context: Context) -> str:
    data = _metadata(alias, settings, context)
    try:
        image = data["architectures"][alias.architecture]["images"]["gcp"]
        return f"projects/{image['project']}/global/images/{image['name']}"
    except (KeyError, TypeError) as error:
        raise ProviderError(
            f"the stream metadata of {alias.os}-{alias.channel} has no image for GCE: {error!r} is missing",
            kind=Kind.INVALID,
            code="ImageMetadata",
            hint="name an image",
        ) from error


def _metadata(alias: Alias, settings: Settings, context: Context) -> Json:
    url = alias.address(settings.image_sources.get("fcos", releases.FCOS))
    name = f"gce-{alias.os}-{alias.channel}"
    return releases.metadata(url, name, context, "name an image, or a mirror under `image_sources`")

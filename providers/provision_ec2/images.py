"""Image aliases: what `flatcar-stable` or `fcos-testing-arm64` means now, by the distributions' release metadata.

The answer is kept in the cache for an hour. `cluster.lock` pins it, so a running cluster never moves by itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from provision.errors import Kind, ProviderError
from provision.providing import releases

if TYPE_CHECKING:
    from provision.model import Json
    from provision.provider import Context
    from provision.providing.releases import Alias
    from provision_ec2.settings import Settings

SOURCES = {
    # https://www.flatcar.org/docs/latest/installing/cloud/aws-ec2/
    "flatcar": "https://{channel}.release.flatcar-linux.net/{arch}-usr/current/flatcar_production_ami_all.json",
    "fcos": releases.FCOS,
}


def resolve(name: str, settings: Settings, context: Context) -> str:
    """Return the AMI id that an image name means in the region of the settings.

    Raises:
        ProviderError: INVALID for a name that is neither, NOT_FOUND where the region has no such image, UNAVAILABLE
            when the metadata cannot be fetched.
    """
    if name.startswith("ami-"):
        return name
    alias = releases.parse(name)
    if alias is None:
        raise ProviderError(
            f"{name!r} is neither an AMI id nor an image alias",
            kind=Kind.INVALID,
            code="NoSuchAlias",
            hint="write an AMI id, or such as flatcar-stable or fcos-stable-arm64",
        )
    found = _images(alias, _metadata(alias, settings, context)).get(settings.region)
    if not found:
        raise ProviderError(
            f"{name} is not published in {settings.region}",
            kind=Kind.NOT_FOUND,
            code="ImageNotPublished",
            hint="copy the image to the region and name its AMI id",
        )
    return found


def _metadata(alias: Alias, settings: Settings, context: Context) -> Json:
    url = alias.address(settings.image_sources.get(alias.os, SOURCES[alias.os]))
    name = f"ec2-{alias.os}-{alias.channel}-{alias.architecture}"
    return releases.metadata(url, name, context, "name an AMI id, or a mirror under `image_sources`")


def _images(alias: Alias, data: Json) -> dict[str, str]:
    """Return the AMI id for each region that the metadata names."""
    try:
        if alias.os == "flatcar":
            return {entry["name"]: entry["hvm"] for entry in data["amis"]}
        regions = data["architectures"][alias.architecture]["images"]["aws"]["regions"]
        return {region: entry["image"] for region, entry in regions.items()}
    except (KeyError, TypeError) as error:
        raise ProviderError(
            f"the release metadata of {alias.os}-{alias.channel} has another form: {error!r} is missing",
            kind=Kind.INVALID,
            code="ImageMetadata",
            hint="name an AMI id",
        ) from error

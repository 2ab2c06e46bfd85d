"""Image aliases: what `flatcar-stable` or `fcos-testing-arm64` means now, by the distributions' release metadata.

The answer is kept in the cache for an hour. `cluster.lock` pins it, so a running cluster never moves by itself.
"""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from provision.errors import Kind, ProviderError

if TYPE_CHECKING:
    from provision.model import Json
    from provision.provider import Context
    from provision_ec2.settings import Settings

SOURCES = {
    # https://www.flatcar.org/docs/latest/installing/cloud/aws-ec2/
    "flatcar": "https://{channel}.release.flatcar-linux.net/{arch}-usr/current/flatcar_production_ami_all.json",
    # https://docs.fedoraproject.org/en-US/fedora-coreos/getting-started/#_streams
    "fcos": "https://builds.coreos.fedoraproject.org/streams/{channel}.json",
}
ARCHITECTURES = {"flatcar": ("amd64", "arm64"), "fcos": ("x86_64", "aarch64")}
FRESH = timedelta(hours=1)
TIMEOUT = 15.0  # seconds


class Alias(NamedTuple):
    """A distribution, its channel or stream, and whether the image is for 64-bit ARM."""

    os: str
    channel: str
    arm: bool


def parse(name: str) -> Alias | None:
    """Read an alias; None when it is none."""
    found = re.fullmatch(r"(flatcar|fcos)-([a-z]+)(-arm64)?", name)
    return Alias(found[1], found[2], found[3] is not None) if found else None


def resolve(name: str, settings: Settings, context: Context) -> str:
    """Return the AMI id that an image name means in the region of the settings.

    Raises:
        ProviderError: INVALID for a name that is neither, NOT_FOUND where the region has no such image, UNAVAILABLE
            when the metadata cannot be fetched.
    """
    if name.startswith("ami-"):
        return name
    alias = parse(name)
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
    arch = ARCHITECTURES[alias.os][alias.arm]
    source = settings.image_sources.get(alias.os, SOURCES[alias.os])
    url = source.replace("{channel}", alias.channel).replace("{arch}", arch)
    kept = context.cache / "images" / f"ec2-{alias.os}-{alias.channel}-{arch}.json"
    now = context.clock()
    try:
        held: Json = json.loads(kept.read_text())
        if held["url"] == url and now - datetime.fromisoformat(held["fetched"]) < FRESH:
            data: Json = held["data"]
            return data
    except (OSError, ValueError, KeyError):
        pass  # not fetched yet, or not readable: fetch
    data = _fetch(url)
    kept.parent.mkdir(parents=True, exist_ok=True)
    partial = kept.with_suffix(".part")
    partial.write_text(json.dumps({"url": url, "fetched": now.isoformat(), "data": data}))
    partial.replace(kept)
    return data


def _fetch(url: str) -> Json:
    import httpx

    try:
        answer = httpx.get(url, timeout=TIMEOUT, follow_redirects=True).raise_for_status()
        data: Json = answer.json()
    except (httpx.HTTPError, ValueError) as error:
        raise ProviderError(
            f"{url}: {error}",
            kind=Kind.UNAVAILABLE,
            retryable=True,
            code="ImageMetadata",
            hint="name an AMI id, or a mirror under `image_sources`",
        ) from error
    return data


def _images(alias: Alias, data: Json) -> dict[str, str]:
    """Return the AMI id for each region that the metadata names."""
    try:
        if alias.os == "flatcar":
            return {entry["name"]: entry["hvm"] for entry in data["amis"]}
        arch = ARCHITECTURES["fcos"][alias.arm]
        regions = data["architectures"][arch]["images"]["aws"]["regions"]
        return {region: entry["image"] for region, entry in regions.items()}
    except (KeyError, TypeError) as error:
        raise ProviderError(
            f"the release metadata of {alias.os}-{alias.channel} has another form: {error!r} is missing",
            kind=Kind.INVALID,
            code="ImageMetadata",
            hint="name an AMI id",
        ) from error

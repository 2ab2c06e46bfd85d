"""Images: what an alias or a family means now.

`fcos-stable` is looked up in Fedora CoreOS' stream metadata, which also says what its nodes update to; Flatcar's
aliases are image families of its project. The answer is kept for an hour. `cluster.lock` pins it, so a cluster never
moves by itself.
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
    from provision_gce.sdk import Cloud
    from provision_gce.settings import Settings

STREAMS = "https://builds.coreos.fedoraproject.org/streams/{channel}.json"
"""https://docs.fedoraproject.org/en-US/fedora-coreos/getting-started/#_streams"""

FLATCAR = "kinvolk-public"
"""The project of Flatcar's images (https://www.flatcar.org/docs/latest/installing/cloud/gcp/)."""

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
    alias = parse(name)
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
        image = data["architectures"]["aarch64" if alias.arm else "x86_64"]["images"]["gcp"]
        return f"projects/{image['project']}/global/images/{image['name']}"
    except (KeyError, TypeError) as error:
        raise ProviderError(
            f"the stream metadata of {alias.os}-{alias.channel} has no image for GCE: {error!r} is missing",
            kind=Kind.INVALID,
            code="ImageMetadata",
            hint="name an image",
        ) from error


def _metadata(alias: Alias, settings: Settings, context: Context) -> Json:
    url = settings.image_sources.get("fcos", STREAMS).replace("{channel}", alias.channel)
    kept = context.cache / "images" / f"gce-{alias.os}-{alias.channel}.json"
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
            hint="name an image, or a mirror under `image_sources`",
        ) from error
    return data

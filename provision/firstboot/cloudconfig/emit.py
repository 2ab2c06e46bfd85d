"""Cloud-configs as text."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import yaml

from provision.firstboot.cloudconfig.kinds import HEADER

if TYPE_CHECKING:
    from collections.abc import Mapping


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines as they stand, and nothing as an anchor."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    literal = "\n" in text and not any(line.endswith((" ", "\t")) for line in text.split("\n"))
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if literal else None)


_Dumper.add_representer(str, _text)


def emit(config: Mapping[str, Any]) -> str:
    """Return a cloud-config's text. Contents that are not text travel as base64."""
    plain = {name: value for name, value in config.items() if name != "write_files"}
    files = config.get("write_files")
    if files:
        plain["write_files"] = [_as_text(file) for file in files]
    # Not even an empty config may be no mapping: cloud-init refuses it.
    body: str = yaml.dump(plain, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=1 << 20)
    return f"{HEADER}\n{body}"


def _as_text(file: Mapping[str, Any]) -> dict[str, Any]:
    content = file.get("content", "")
    try:
        content.encode()
    except UnicodeEncodeError:
        data = base64.b64encode(content.encode("utf-8", "surrogateescape")).decode()
        encoding = {"": "base64", "gz": "gzip+base64", "gzip": "gzip+base64"}[file.get("encoding", "")]
        return {**file, "encoding": encoding, "content": data}
    return dict(file)

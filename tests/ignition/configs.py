"""Ignition configs for property tests, made from the field tables: right types, values that are good, odd and wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from provision.firstboot.ignition.model import types

if TYPE_CHECKING:
    from provision.firstboot.fields import Field, Struct

PATHS = ("/a", "/a/b", "/a/b/c", "/etc/x", "/", "", "rel", "/a/", "/a//b", "/a/../b", "/a/./b", "/a.b/..c")
URLS = (
    *("https://example.com/a", "http://example.com", "tftp://h/x", "s3://b/k", "s3://b/k?versionId=", "gs://b/o"),
    *("s3://b/k?versionId=7", "data:,x", "data:;base64,eA==", "data:;base64,e", "data:,%zz", "data:", "ftp://h/x"),
    *("", "://", "http://[::1]/x", "http://[::1/x", "http://h:port/", "/only/path", "HTTPS://h", "http://h/%zz", " "),
    *("oem:///x", "http://a b/", "arn:aws:s3:::b/k"),
)
HASHES = (
    "",
    "sha512-" + "0a" * 64,
    "sha256-" + "0A" * 32,
    "sha512-00",
    "sha256-" + "g" * 64,
    "md5-00",
    "sha512",
    "-",
    "a-b-c",
)
UNITS = (
    "a.service",
    "b.timer",
    "a@.service",
    "a@x.service",
    "noending",
    "a.conf",
    ".service",
    "a.Service",
    "x.slice",
    "",
)
CONTENTS = (
    *(
        "[Service]\nExecStart=/bin/true\n",
        "[Install]\nWantedBy=a.target\n",
        "[Unit]\n[Install]\n",
        "",
        "x",
        "[",
        "[a]b",
    ),
    *(
        "[A]\nb",
        "[A]\nb=c\\\nd",
        "# c\n",
        "[A]\n; c\n b = c\n",
        "[A]\nb=\\\n",
        "\n\n",
        "[A]\nb=c\\\n# d\ne",
        "a=b\n",
        "[A]\n=c",
    ),
)
GUIDS = ("", "01234567-89AB-CDEF-EDCB-A98765432101", "01234567-89ab-cdef-edcb-a98765432101", "x", "0-0-0-0-0")
NUMBERS = (0, 1, 2, 5, 128, 511, 512, 4095, 4096, -1, 100_000)
WORDS: dict[str, tuple[str, ...]] = {
    "path": PATHS,
    "device": ("/dev/sda", "/dev/sdb", "/dev/md/x", "dev", ""),
    "target": (*PATHS[:4], "rel", ""),
    "source": URLS,
    "url": URLS,
    "httpProxy": URLS,
    "httpsProxy": URLS,
    "hash": HASHES,
    "contents": CONTENTS,
    "compression": ("", "gzip", "xz"),
    "guid": GUIDS,
    "typeGuid": GUIDS,
    "label": ("", "a", "b:c", "x" * 12, "x" * 13, "x" * 17, "x" * 36, "x" * 37, "x" * 257, "é" * 12),
    "format": ("", "ext4", "btrfs", "xfs", "vfat", "swap", "none", "ntfs"),
    "level": ("", "linear", "raid0", "raid1", "raid5", "raid6", "raid10", "1", "mirror", "raid7"),
    "pin": ("", "tpm2", "tang", "sss", "x"),
    "config": ("", "{}", "x"),
    "thumbprint": ("", "abc"),
    "devices": ("/dev/sda", "/dev/sdb", "rel", ""),
}
"""Values by the fields' names; others take `OTHERS`."""
OTHERS = ("", "a", "b", "a/b", "core", "x y")
RARE = 4
"""One in so many optional fields is set."""


def configs(spec: str) -> st.SearchStrategy[dict[str, Any]]:
    """Return configs of a version."""
    return _configs(spec)


@st.composite
def _configs(draw: st.DrawFn, spec: str) -> dict[str, Any]:
    sections = ["storage", "systemd", "passwd", "ignition"]
    whole = types(spec)
    config: dict[str, Any] = {"ignition": {"version": spec}}
    for name in draw(st.lists(st.sampled_from(sections), min_size=1, max_size=2, unique=True)):
        struct = whole.fields[name].struct
        assert struct is not None
        config[name] = {**_struct(draw, struct, 0, full=True), **config.get(name, {})}
    return config


def _struct(draw: st.DrawFn, struct: Struct, depth: int, *, full: bool = False) -> dict[str, Any]:
    made = {}
    for name, field in struct.fields.items():
        wanted = field.always or draw(st.integers(0, 1 if full else RARE)) == 0
        if wanted and depth < 8:
            made[name] = _value(draw, field, name, depth)
    return made


def _value(draw: st.DrawFn, field: Field, name: str, depth: int) -> Any:
    if field.struct is not None:
        return _struct(draw, field.struct, depth + 1)
    if field.item is not None:
        item = field.item
        return [_value(draw, item, name, depth + 1) for _ in range(draw(st.integers(0, 3)))]
    if field.kind == "bool":
        return draw(st.booleans())
    if field.kind == "int":
        return draw(st.sampled_from(NUMBERS))
    pool = UNITS if name == "name" and draw(st.booleans()) else WORDS.get(name, OTHERS)
    return draw(st.sampled_from(pool))

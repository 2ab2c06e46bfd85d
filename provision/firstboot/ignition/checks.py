"""Ignition's own checks, by the names under which the field tables list them: files, resources and units.

Each takes a value (a dict of what is set), its path, and the collector of findings. Facts: the ``Validate`` methods
of https://github.com/coreos/ignition, config/v3_*/types.
"""

# ruff: noqa: D103 -- each function is one rule, and its name and message say which
from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from provision.firstboot.ignition import dataurl, unitfile
from provision.firstboot.ignition import messages as m
from provision.firstboot.ignition.golang import clean, extension, is_json, join, parse_url, query_value, quote, semver

if TYPE_CHECKING:
    from provision.firstboot.fields import Plain
    from provision.firstboot.ignition.messages import Message
    from provision.firstboot.ignition.validate import Found, Path

Value = dict[str, Any]
UNIT_EXTENSIONS = frozenset(
    (".service", ".socket", ".device", ".mount", ".automount", ".swap", ".target", ".path", ".timer", ".snapshot")
) | {".slice", ".scope"}
UNITS_FOLDER = "/etc/systemd/system/"
_CLEAN = re.compile(r"(?:/(?!\.\.?(?:/|\Z))[^/]+)+\Z")  # most paths; clean() decides about the others
HASH_LENGTHS = {"sha512": 128, "sha256": 64}


def path_problem(path: str) -> Message | None:
    """Return what is wrong with an absolute path, or None."""
    if _CLEAN.match(path):
        return None
    if not path:
        return m.NO_PATH
    if path[0] != "/":
        return m.PATH_RELATIVE
    return None if clean(path) == path else m.PATH_DIRTY


def url_problem(text: str, spec: tuple[int, ...]) -> Message | None:
    """Return what is wrong with a resource's URL at a spec version, or None."""
    if text.startswith(("data:,", "data:;base64,")):
        return _data_problem(text)
    url = parse_url(text)
    if url is None:
        return m.INVALID_URL
    scheme = url.scheme
    if scheme in ("http", "https", "tftp") or (scheme == "gs" and spec >= (3, 2)):
        return None
    if scheme == "data":
        return _data_problem(text)
    if scheme == "s3":
        return m.INVALID_S3_VERSION if query_value(url.query, "versionId") == "" else None
    if scheme == "arn" and spec >= (3, 4):
        return _arn_problem(f"arn:{url.opaque}", url.query)
    return m.INVALID_SCHEME


def _data_problem(text: str) -> Message | None:
    if ("#" in text or not text.isprintable()) and parse_url(text) is None:
        return m.INVALID_URL
    try:
        dataurl.check(text)
    except dataurl.DataURLError as error:
        return m.INVALID_DATA_URL.format(problem=error)
    return None


def _arn_problem(arn: str, query: str) -> Message | None:
    parts = arn.split(":", 5)
    if len(parts) != 6 or parts[2] != "s3":
        return m.INVALID_S3_ARN
    slashes = arn.count("/")
    if slashes < 1 or (parts[5].startswith("accesspoint/") and slashes < 2):
        return m.INVALID_S3_ARN
    return m.INVALID_S3_VERSION if query_value(query, "versionId") == "" else None


def version(value: Value, path: Path, found: Found) -> None:
    normal = semver(value.get("version", ""))
    if normal is None:
        found.error((*path, "version"), m.INVALID_VERSION)
    elif normal != found.version:
        found.error((*path, "version"), m.UNKNOWN_VERSION)


def unit_paths(value: Value, path: Path, found: Found) -> None:
    taken = set()
    for unit in value.get("systemd", {}).get("units", ()):
        name = UNITS_FOLDER + unit.get("name", "")
        if unit.get("contents"):
            taken.add(name)
        taken.update(f"{name}.d/{d.get('name', '')}" for d in unit.get("dropins", ()) if d.get("contents"))
    if taken:
        storage = value.get("storage", {})
        for kind in ("files", "directories", "links"):
            for i, node in enumerate(storage.get(kind, ())):
                if node.get("path") in taken:
                    found.error((*path, "storage", kind, i, "path"), m.PATH_IS_UNIT)


def source(value: Value, path: Path, found: Found) -> None:
    if value.get("source"):
        found.maybe((*path, "source"), url_problem(value["source"], found.spec))


def required_source(value: Value, path: Path, found: Found) -> None:
    found.maybe((*path, "source"), url_problem(value.get("source", ""), found.spec))


def merge_sources(value: Value, path: Path, found: Found) -> None:
    _sources(value.get("merge", ()), (*path, "merge"), found)


def ca_sources(value: Value, path: Path, found: Found) -> None:
    _sources(value.get("certificateAuthorities", ()), (*path, "certificateAuthorities"), found)


def _sources(resources: Plain, path: Path, found: Found) -> None:
    for i, resource in enumerate(resources):
        url = resource.get("source")
        found.maybe((*path, i), url_problem(url, found.spec) if url else m.SOURCE_REQUIRED)


def proxy(value: Value, path: Path, found: Found) -> None:
    for name in ("httpProxy", "httpsProxy"):
        if name not in value:
            continue
        url = parse_url(value[name])
        if url is None:
            found.error((*path, name), m.INVALID_URL)
        elif url.scheme not in ("http", "https"):
            found.error((*path, name), m.PROXY_SCHEME)
        elif url.scheme == "http" and name == "httpsProxy":
            found.warn((*path, name), m.PROXY_INSECURE)


def compression(value: Value, path: Path, found: Found) -> None:
    if value.get("compression", "") not in ("", "gzip"):
        found.error((*path, "compression"), m.COMPRESSION)


def verified_source(value: Value, path: Path, found: Found) -> None:
    if "source" not in value and "hash" in value.get("verification", {}):
        found.error((*path, "verification", "hash"), m.VERIFICATION_WITHOUT_SOURCE)


def headers_scheme(value: Value, path: Path, found: Found) -> None:
    if not value.get("httpHeaders"):
        return
    url = parse_url(value["source"]) if value.get("source") else None
    if url is None:
        found.error((*path, "httpHeaders"), m.INVALID_URL)
    elif url.scheme not in ("http", "https"):
        found.error((*path, "httpHeaders"), m.HEADERS_SCHEME)


def header(value: Value, path: Path, found: Found) -> None:
    if not value.get("name"):
        found.error((*path, "name"), m.HEADER_NAME)
    if value.get("value") == "":
        found.error((*path, "value"), m.HEADER_VALUE)


def hash_(value: Value, path: Path, found: Found) -> None:
    if "hash" not in value:
        return
    function, dash, digest = value["hash"].partition("-")
    if not dash:
        found.error((*path, "hash"), m.HASH_MALFORMED)
    elif function not in HASH_LENGTHS or (function == "sha256" and found.spec < (3, 1)):
        found.error((*path, "hash"), m.HASH_UNKNOWN)
    elif len(digest.encode("utf-8", "surrogateescape")) != HASH_LENGTHS[function]:
        found.error((*path, "hash"), m.HASH_SIZE)


def path_(value: Value, path: Path, found: Found) -> None:
    found.maybe((*path, "path"), path_problem(value.get("path", "")))


def mode(value: Value, path: Path, found: Found) -> None:
    if not 0 <= value.get("mode", 0) <= 0o7777:
        found.error((*path, "mode"), m.MODE_ILLEGAL)


def special_bits(value: Value, path: Path, found: Found) -> None:
    if value.get("mode", 0) & 0o7000:
        found.warn((*path, "mode"), m.MODE_SPECIAL)


def overwrite(value: Value, path: Path, found: Found) -> None:
    if value.get("overwrite") and "source" not in value.get("contents", {}):
        found.error((*path, "overwrite"), m.OVERWRITE_NO_SOURCE)


def id_or_name(value: Value, path: Path, found: Found) -> None:
    if "id" in value and value.get("name"):
        found.error(path, m.ID_AND_NAME)


def directories_in_links(value: Value, path: Path, found: Found) -> None:
    _in_links(value, path, found, "directories", m.DIRECTORY_IN_LINK)


def files_in_links(value: Value, path: Path, found: Found) -> None:
    _in_links(value, path, found, "files", m.FILE_IN_LINK)


def _in_links(value: Value, path: Path, found: Found, kind: str, message: Message) -> None:
    links = [link.get("path", "") + "/" for link in value.get("links", ())]
    if links:
        for i, node in enumerate(value.get(kind, ())):
            for link in links:
                if node.get("path", "").startswith(link):
                    found.error((*path, kind, i), message)


def links(value: Value, path: Path, found: Found) -> None:
    directories = [directory.get("path", "") for directory in value.get("directories", ())]
    prefixes = [link.get("path", "") + "/" for link in value.get("links", ())]
    for i, link in enumerate(value.get("links", ())):
        here = (*path, "links", i)
        for prefix in prefixes:
            if link.get("path", "").startswith(prefix):
                found.error(here, m.LINK_IN_LINK)
        if found.spec >= (3, 3) and not link.get("target"):
            found.error((*here, "target"), m.LINK_TARGET)
        elif link.get("hard"):
            _hard_link(link, here, directories, found)


def _hard_link(link: Value, path: Path, directories: list[str], found: Found) -> None:
    target = clean(link.get("target", ""))
    if not target.startswith("/"):
        target = join(link.get("path", ""), link.get("target", ""))
    for directory in directories:
        if target == directory:
            found.error(path, m.HARD_LINK_DIRECTORY)
    for who in ("user", "group"):
        for what in ("id", "name"):
            if what in link.get(who, {}):
                found.warn((*path, who, what), m.HARD_LINK_OWNER)


def _contents(text: str | None, path: Path, found: Found) -> set[str] | None:
    if text is None:
        return set()
    try:
        return unitfile.sections(text)
    except unitfile.UnitError as error:
        found.error(path, m.UNIT_CONTENT.format(problem=error))
        return None


def unit(value: Value, path: Path, found: Found) -> None:
    name = value.get("name", "")
    if extension(name) not in UNIT_EXTENSIONS:
        found.error((*path, "name"), m.UNIT_EXTENSION)
    text = value.get("contents")
    sections = _contents(text, (*path, "contents"), found)
    if value.get("enabled") and text and sections is not None and "Install" not in sections:
        found.warn((*path, "contents"), m.UNIT_NO_INSTALL.format(name=quote(name)))


def dropin(value: Value, path: Path, found: Found) -> None:
    _contents(value.get("contents"), (*path, "contents"), found)
    if extension(value.get("name", "")) != ".conf":
        found.error((*path, "name"), m.DROPIN_EXTENSION)


_INSTANCE = re.compile(r"(.+?)@(.+?)\.service\Z")


def template_install(value: Value, path: Path, found: Found) -> None:
    units = {each.get("name", ""): each for each in value.get("units", ())}
    for i, instance in enumerate(value.get("units", ())):
        match = _INSTANCE.match(instance.get("name", "")) if instance.get("enabled") else None
        if match is None:
            continue
        template = f"{match[1]}@.service"
        text = units.get(template, {}).get("contents")
        if not text:
            continue
        try:
            missing = "Install" not in unitfile.sections(text)
        except unitfile.UnitError:
            continue  # the template's own check says so
        if missing:
            told = m.TEMPLATE_NO_INSTALL.format(template=quote(template), name=quote(instance["name"]))
            found.warn((*path, "units", i, "contents"), told)


def advertisement(value: Value, path: Path, found: Found) -> None:
    if value.get("advertisement") and not is_json(value["advertisement"]):
        found.error((*path, "advertisement"), m.TANG_ADVERTISEMENT)


def tang(value: Value, path: Path, found: Found) -> None:
    url = parse_url(value.get("url", ""))
    if url is None:
        found.error((*path, "url"), m.INVALID_URL)
    elif url.scheme not in ("http", "https"):
        found.error((*path, "url"), m.INVALID_SCHEME)
    if not value.get("thumbprint"):
        found.error((*path, "thumbprint"), m.TANG_THUMBPRINT)

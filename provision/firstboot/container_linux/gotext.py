"""What Go makes of texts that ct's messages depend on: format strings, URLs, versions, times."""

from __future__ import annotations

import re
from typing import NamedTuple

from provision.firstboot.ignition.golang import parse_url, quote

_VERB = re.compile(
    r"%(?P<flags>[-+# 0]*)(?P<width>\*|[0-9]*)(?P<dot>\.(?:\*|[0-9]*))?(?P<index>\[[^\]]*\])?(?P<verb>.?)", re.DOTALL
)
_DURATION = re.compile(r"[-+]?(?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:ns|us|µs|μs|ms|s|m|h))+")
_PART = re.compile(r"([0-9]+\.?[0-9]*|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h)")
_NANOSECONDS = {"ns": 1, "us": 1e3, "µs": 1e3, "μs": 1e3, "ms": 1e6, "s": 1e9, "m": 60e9, "h": 3600e9}
_HOST_OK = re.compile(r"[^\x00-\x7f]|[A-Za-z0-9\-_.~!$&'()*+,;=:\[\]<>\"%]")
_IDENTIFIER = re.compile(r"[0-9A-Za-z-]+")


class Version(NamedTuple):
    """A version; what follows the three numbers is kept as text."""

    major: int
    minor: int
    patch: int
    pre: str = ""
    metadata: str = ""

    def __str__(self) -> str:
        tail = (f"-{self.pre}" if self.pre else "") + (f"+{self.metadata}" if self.metadata else "")
        return f"{self.major}.{self.minor}.{self.patch}{tail}"

    def before(self, *numbers: int) -> bool:
        """Whether it is older than a release."""
        return self[:3] < numbers or (self[:3] == numbers and bool(self.pre))


class VersionError(ValueError):
    """Not a version; the text is go-semver's."""


def parse_version(text: str) -> Version:
    """Read a version of three numbers.

    Raises:
        VersionError: it is none.
    """
    rest, _, metadata = text.partition("+")
    rest, _, pre = rest.partition("-")
    parts = rest.split(".", 2)
    if len(parts) != 3:
        raise VersionError(f"{rest} is not in dotted-tri format")
    for name, tail in (("pre-release", pre), ("metadata", metadata)):
        if tail and not all(map(_IDENTIFIER.fullmatch, tail.split("."))):
            raise VersionError(f"failed to validate {name}: {tail} is not a valid semver identifier")
    major, minor, patch = map(_int64, parts)
    return Version(major, minor, patch, pre, metadata)


def _int64(text: str) -> int:
    if not re.fullmatch(r"[-+]?[0-9]+", text):
        raise VersionError(f"strconv.ParseInt: parsing {quote(text)}: invalid syntax")
    number = int(text) if len(text) < 30 else 1 << 63
    if not -(1 << 63) <= number < 1 << 63:
        raise VersionError(f"strconv.ParseInt: parsing {quote(text)}: value out of range")
    return number


def sprintf(text: str) -> str:
    """Return what ``fmt.Sprintf`` makes of a text that is taken for a format, with no arguments.

    ct prints its reports so: a per cent sign in a message comes out with Go's complaint.
    """
    return _VERB.sub(_verb, text) if "%" in text else text


def _verb(match: re.Match[str]) -> str:
    bad = ("%!(BADWIDTH)" if match["width"] == "*" else "") + ("%!(BADPREC)" if match["dot"] == ".*" else "")
    if match["verb"] == "":
        return bad + "%!(NOVERB)"
    if match["verb"] == "%":
        return bad + "%"
    return f"{bad}%!{match['verb']}({'BADINDEX' if match['index'] else 'MISSING'})"


def is_duration(text: str) -> bool:
    """Whether ``time.ParseDuration`` reads a text."""
    if text in ("0", "+0", "-0"):
        return True
    if not _DURATION.fullmatch(text):
        return False
    return sum(float(number) * _NANOSECONDS[unit] for number, unit in _PART.findall(text)) < 2**63


def is_clock(text: str) -> bool:
    """Whether a text is a time such as ``4:00`` or ``23:59``."""
    match = re.fullmatch(r"([0-9]{1,2}):([0-9]{2})", text)
    return match is not None and int(match[1]) < 24 and int(match[2]) < 60


def url_problem(text: str) -> str | None:
    """Return the error of ``net/url.Parse``, or None where it reads a text."""
    if parse_url(text) is not None:
        return None
    shown = text.partition("#")[0] if not re.search(r"[\x00-\x1f\x7f]", text) else text
    return f"parse {quote(shown)}: {_url_reason(text)}"


def _url_reason(text: str) -> str:
    if re.search(r"[\x00-\x1f\x7f]", text):
        return "net/url: invalid control character in URL"
    text, _, fragment = text.partition("#")
    if text.startswith(":"):
        return "missing protocol scheme"
    scheme = re.match(r"[A-Za-z][A-Za-z0-9+.-]*:", text)
    rest = text[scheme.end() :] if scheme else text
    rest = rest.partition("?")[0]
    if not scheme and not rest.startswith("/") and ":" in rest.partition("/")[0]:
        return "first path segment in URL cannot contain colon"
    if rest.startswith("//"):
        authority, slash, path = rest[2:].partition("/")
        reason = _authority_reason(authority)
        if reason:
            return reason
        rest = slash + path
    return f"invalid URL escape {quote(_bad_escape(rest) or _bad_escape(fragment))}"


def _authority_reason(authority: str) -> str | None:
    user, at, host = authority.rpartition("@")
    reason = _host_reason(host)
    if reason or not at:
        return reason
    if re.fullmatch(r"[A-Za-z0-9\-._:~!$&'()*+,;=%@]*", user):
        return f"invalid URL escape {quote(_bad_escape(user))}" if _bad_escape(user) else None
    return "net/url: invalid userinfo"


def _host_reason(host: str) -> str | None:
    if host.startswith("["):
        name, bracket, port = host.rpartition("]")
        if not bracket:
            return "missing ']' in host"
    else:
        name, colon, port = host.rpartition(":")
        name, port = (name, colon + port) if colon else (host, "")
    if not re.fullmatch(r"(?::[0-9]*)?", port):
        return f"invalid port {quote(port)} after host"
    if _bad_escape(host):
        return f"invalid URL escape {quote(_bad_escape(host))}"
    escape = re.search(r"%(?!25)[0-7][0-9A-Fa-f]", name)
    if escape:
        return f"invalid URL escape {quote(escape[0])}"
    bad = next((char for char in name if not _HOST_OK.match(char)), None)
    return f"invalid character {quote(bad)} in host name" if bad else None


def _bad_escape(text: str) -> str:
    match = re.search(r"%(?![0-9A-Fa-f]{2})", text)
    return text[match.start() : match.start() + 3] if match else ""

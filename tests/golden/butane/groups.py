"""The text form of golden cases: inputs, and what butane 0.29.0 printed for them, so that a change reads as a diff."""

from __future__ import annotations

import codecs
import gzip
import json
import re
from dataclasses import dataclass
from pathlib import Path

from provision.firstboot.butane.compiler import Compiled, compile_butane, failed_yaml
from provision.firstboot.butane.dropin import output, render_findings
from provision.firstboot.butane.tree import YamlError, decode_bytes
from provision.firstboot.files import Files
from provision.firstboot.ignition import dataurl

GROUPS_FOLDER = Path(__file__).parent / "cases"
RULE = "#" * 20
_CASE = re.compile(rf"^{RULE} (?P<name>\S+)(?P<words>.*)\n(?P<input>(?:.*\n)*?){RULE}>\n", re.MULTILINE)
_PACKED = re.compile(r"data:;base64,(H4sI[A-Za-z0-9+/=]+)")


@dataclass(frozen=True, slots=True)
class Case:
    """One input. `words` are ``files`` (local files may be used), ``raw``, ``framed`` (show the framed findings too),
    ``ours`` (not as the drop-in), ``escaped`` (the input is written as a Python string).
    """

    name: str
    words: frozenset[str]
    data: bytes


def read(path: Path) -> list[Case]:
    """Return the cases of a group."""
    cases = []
    for match in _CASE.finditer(path.read_bytes().decode()):
        words = frozenset(match["words"].split())
        text = match["input"].encode()
        data = codecs.escape_decode(text.rstrip(b"\n"))[0] if "escaped" in words else text
        cases.append(Case(match["name"], words, data))
    return cases


def render(cases: list[Case]) -> str:
    """Return a group's text: each case with what it gives now."""
    return "".join(_render(case) for case in cases)


def _render(case: Case) -> str:
    text = codecs.escape_encode(case.data)[0].decode() + "\n" if "escaped" in case.words else case.data.decode()
    words = "".join(f" {word}" for word in sorted(case.words))
    return f"{RULE} {case.name}{words}\n{text}{RULE}>\n{_result(case)}\n"


def _result(case: Case) -> str:
    compiled, text = _compile(case)
    file = f"{case.name}.bu"
    if "ours" in case.words:
        findings = "".join(f"{_told(finding)}\n" for finding in compiled.report)
    else:
        findings = render_findings(compiled, text, file, raw=True)
    if "framed" in case.words:
        findings += "\n" + render_findings(compiled, text, file, raw=False)
    if compiled.failure is not None:
        return f"{findings}{compiled.failure}\n"
    return findings + unpacked(output(compiled, pretty=True))


def _compile(case: Case) -> tuple[Compiled, str]:
    ours = "ours" in case.words
    files = Files("files", follow=not ours) if "files" in case.words else None
    file = f"{case.name}.bu"
    try:
        text = decode_bytes(case.data)
    except YamlError as error:
        return failed_yaml(error, "", file), ""
    return compile_butane(text, file, files, drop_in=not ours, raw="raw" in case.words), text


def _told(finding: object) -> str:
    return f"{finding.severity} {finding.code} {finding.span}: {finding.message} ({finding.hint})"  # type: ignore[attr-defined]


def unpacked(text: str) -> str:
    """Write gzipped contents as what they hold: Go's deflate and zlib's pack them into other bytes."""
    return _PACKED.sub(lambda m: "gzip of " + dataurl.escaped(_gunzip(m[1])), text)


def _gunzip(text: str) -> bytes:
    return gzip.decompress(codecs.decode(text.encode(), "base64"))


def compact(text: str) -> str:
    """Return pretty JSON as butane writes it without ``--pretty``."""
    return json.dumps(json.loads(text), separators=(",", ":"), ensure_ascii=False)

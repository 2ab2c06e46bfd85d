"""The pages for people, cut into their fenced blocks.

A comment right above a block says more of it: ``<!-- file: web.bu -->`` names the file that the block is, and
``<!-- run -->`` says that its commands are executed, one after the other, on the fake cloud.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
FENCE = re.compile(r"^(?P<indent> *)```(?P<language>\w+)\n(?P<body>.*?)^(?P=indent)```$", re.MULTILINE | re.DOTALL)
ABOVE = re.compile(r"<!-- (?P<what>run|file: (?P<name>\S+)) -->\s*\Z")

REDIRECTED = re.compile(r"[\d&]?>+(&\d| *\S+)")


@dataclass(frozen=True)
class Block:
    """One fenced block; `line` is that of its first line of text."""

    page: Path
    line: int
    language: str
    text: str
    file: str = ""
    runs: bool = False

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"

    @property
    def is_spec(self) -> bool:
        return self.language == "yaml" and self.text.startswith("version: 1\n")

    @property
    def is_butane(self) -> bool:
        return self.language == "yaml" and self.text.startswith("variant:")

    def commands(self) -> Iterator[list[str]]:
        """Yield each call of provision, as words."""
        if self.language not in {"console", "sh"}:
            return
        text = self.text.replace("\\\n", " ")
        for row in text.splitlines():
            if self.language == "console" and not row.startswith("$ "):
                continue
            lexer = shlex.shlex(REDIRECTED.sub("", row.removeprefix("$ ")), posix=True, punctuation_chars=True)
            lexer.whitespace_split = True
            words: list[str] = []
            for word in [*lexer, ";"]:
                if set(word) <= set(";&|()"):
                    if words and words[0] == "provision":
                        yield words[1:]
                    words = []
                else:
                    words.append(word)


def pages() -> list[Path]:
    return [
        ROOT / "README.md",
        ROOT / "ARCHITECTURE.md",
        ROOT / "CONTRIBUTING.md",
        *sorted((ROOT / "docs").rglob("*.md")),
    ]


def blocks(page: Path) -> list[Block]:
    text = page.read_text("utf-8")
    found = []
    for match in FENCE.finditer(text):
        above = ABOVE.search(text[: match.start()])
        indent = len(match["indent"])
        body = "".join(row[indent:] for row in match["body"].splitlines(keepends=True))
        line = text.count("\n", 0, match.start()) + 2
        runs = above is not None and above["what"] == "run"
        found.append(Block(page, line, match["language"], body, (above and above["name"]) or "", runs))
    return found


ALL = [block for page in pages() for block in blocks(page)]

"""The README's two halves, English and Chinese, for the tests that hold it against the program.

Owns where the one ends and what its sections are. It must not judge what they say.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
ENGLISH, _marker, CHINESE = README.partition("\n<!-- zh -->\n")

_FENCED = re.compile(r"^( *)```\w*\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
_INDENTED = re.compile(r"(?<=\n\n)(?: {4}.*\n)+")
_HEADING = re.compile(r"^(#{1,3}) (.*)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Section:
    """A heading with what stands below it, up to the next heading.

    :ivar prose: the text without its blocks of code.
    :ivar blocks: what stands in its fenced blocks.
    """

    level: int
    title: str
    prose: str
    blocks: tuple[str, ...]

    @property
    def anchor(self) -> str:
        """What GitHub makes of the heading, to be linked to."""
        return re.sub(r"[^\w\- ]", "", self.title.lower()).replace(" ", "-")

    def spans(self) -> set[str]:
        """What the text sets in code, whatever lines it is broken over."""
        return {" ".join(span.split()) for span in re.findall(r"`([^`]+)`", self.prose)}


def sections(half: str) -> list[Section]:
    blocks: list[str] = []

    def kept(match: re.Match[str]) -> str:
        blocks.append(match[2])
        return f"```{len(blocks) - 1}```"

    pieces = _HEADING.split(_FENCED.sub(kept, half))[1:]
    found = []
    for marks, title, text in zip(pieces[::3], pieces[1::3], pieces[2::3], strict=True):
        own = tuple(blocks[int(number)] for number in re.findall(r"^```(\d+)```$", text, re.MULTILINE))
        prose = _INDENTED.sub("", re.sub(r"^```\d+```$", "", text, flags=re.MULTILINE))
        found.append(Section(len(marks), title, prose, own))
    return found

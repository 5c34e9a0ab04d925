"""A reader of systemd units, written from systemd.syntax(7) and systemd.service(5).

Owns the rules of reading; it shares nothing with what writes units. What systemd refuses, or understands in
another way than a writer can mean, is an assertion.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator

_ONE_CHARACTER = re.compile(r"\[([*?[])\]")
"""How a pattern has a character that means others otherwise."""


class Unit:
    """:ivar values: of each section's directives, in order."""

    def __init__(self, text: str) -> None:
        self.values: dict[tuple[str, str], list[str]] = {}
        section = ""
        for line in text.split("\n"):
            line = line.strip(" \t\r")
            if not line or line[0] in "#;":
                continue
            assert not line.endswith("\\"), "goes on in the next line"
            if line.startswith("["):
                section = line[1:-1]
                continue
            name, _, value = line.partition("=")
            self.values.setdefault((section, name.rstrip()), []).append(value.lstrip())

    def one(self, name: str, section: str = "Service") -> str:
        (value,) = self.values[section, name]
        return value

    @property
    def command(self) -> list[str]:
        """The words of ``ExecStart=``, as the program gets them."""
        first, *others = words(self.one("ExecStart"))
        assert first.startswith("/"), "a prefix with a meaning"
        assert ";" not in raw_words(self.one("ExecStart")), "a second command"
        return [specified(first), *(substituted(specified(word)) for word in others)]

    @property
    def variables(self) -> dict[str, str]:
        found = {}
        for line in self.values.get(("Service", "Environment"), []):
            for word in words(line):
                name, _, value = specified(word).partition("=")
                found[name] = value
        return found

    @property
    def environment_file(self) -> str:
        pattern = specified(self.one("EnvironmentFile").removeprefix("-"))
        assert not set("*?[") & set(_ONE_CHARACTER.sub("", pattern)), "a pattern that means other files"
        return _ONE_CHARACTER.sub(r"\1", pattern)

    @property
    def directory(self) -> str:
        return specified(self.one("WorkingDirectory"))


def specified(text: str) -> str:
    """Specifiers: only the one for the percent sign is ours."""
    parts = text.split("%%")
    assert not any("%" in part for part in parts), "a specifier"
    return "%".join(parts)


def substituted(word: str) -> str:
    """Variables: only what stands for a dollar sign is ours."""
    parts = word.split("$$")
    assert not any("$" in part for part in parts), "a variable"
    return "$".join(parts)


def raw_words(line: str) -> list[str]:
    return line.split()


def words(line: str) -> Iterator[str]:
    """Split at blanks, with quotes taken off and C escapes decoded, in quotes and out of them."""
    at, word, quote = 0, None, ""
    while at < len(line):
        character = line[at]
        at += 1
        if character == "\\":
            decoded, at = _unescaped(line, at)
            word = (word or "") + decoded
        elif quote:
            if character == quote:
                quote = ""
            else:
                word = (word or "") + character
        elif character in "\"'":
            quote, word = character, word or ""
        elif character in " \t\n\r":
            if word is not None:
                yield word
            word = None
        else:
            word = (word or "") + character
    assert not quote, "a quote that does not end"
    if word is not None:
        yield word


def _unescaped(line: str, at: int) -> tuple[str, int]:
    kind = line[at]
    if kind == "x":
        value = codecs.decode(line[at + 1 : at + 3], "hex")
        assert value != b"\0"
        return value.decode("ascii"), at + 3
    return {"n": "\n", "t": "\t", "r": "\r", "s": " ", "\\": "\\", '"': '"', "'": "'"}[kind], at + 1

"""``--help`` as a manual page, and completion in a shell: the same for each of our commands.

Owns the layout of the help and the option ``--print-completion``. It must not know what a command does.
"""

from __future__ import annotations

import argparse
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

SHELLS = ("bash", "zsh", "fish", "tcsh", "powershell")
"""Those that ``shtab`` writes completions for."""

COMPLETION = "--print-completion"

_WIDTH = 79
_INDENT = "  "
_COLUMN = 24

Rows = Mapping[str, str]


def describe(
    parser: argparse.ArgumentParser,
    *,
    about: str,
    examples: Rows,
    files: Rows,
    environment: Rows,
    exit_status: Rows,
) -> None:
    """Give a parser its help: what the command is for, and behind the options what a manual page has.

    :param about: paragraphs, with an empty line between two.
    :param examples: what each call does, by the call; in order, as all of them.
    """
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.description = "\n\n".join(_filled(paragraph, "") for paragraph in about.split("\n\n"))
    sections = {
        "EXAMPLES": _example_lines(examples),
        "FILES": _definition_lines(files),
        "ENVIRONMENT": _definition_lines(environment),
        "EXIT STATUS": _definition_lines(exit_status),
    }
    parser.epilog = "\n\n".join("\n".join([title, *lines]) for title, lines in sections.items() if lines)


def _filled(text: str, indent: str) -> str:
    # A path or an option is not broken: it is to be copied.
    return textwrap.fill(
        text,
        _WIDTH,
        initial_indent=indent,
        subsequent_indent=indent,
        break_on_hyphens=False,
        break_long_words=False,
    )


def _example_lines(examples: Rows) -> list[str]:
    lines = []
    for call, meaning in examples.items():
        lines += [f"{_INDENT}{call}", _filled(meaning, _INDENT * 3)]
    return lines


def _definition_lines(rows: Rows) -> list[str]:
    lines = []
    for name, meaning in rows.items():
        body = _filled(meaning, " " * _COLUMN)
        if len(_INDENT) + len(name) + 2 <= _COLUMN:
            lines.append(f"{_INDENT}{name}".ljust(_COLUMN) + body[_COLUMN:])
        else:
            lines += [f"{_INDENT}{name}", body]
    return lines


def add_completion(
    parser: argparse.ArgumentParser, *, files: Sequence[str] = (), directories: Sequence[str] = ()
) -> None:
    """Give a parser the option that prints a completion script for a shell.

    :param files: options whose value is a file, as ``--log``.
    :param directories: options whose value is a directory.
    """
    parser.add_argument(
        COMPLETION,
        action=_PrintCompletion,
        choices=SHELLS,
        default=argparse.SUPPRESS,
        metavar="SHELL",
        help=f"print a completion script for {', '.join(SHELLS[:-1])} or {SHELLS[-1]}, and end",
        paths={"FILE": frozenset(files), "DIRECTORY": frozenset(directories)},
    )


class _PrintCompletion(argparse.Action):
    """:param paths: the options that take a path, by the name that the library has for its kind."""

    def __init__(self, *arguments: Any, paths: Mapping[str, frozenset[str]], **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self._paths = paths

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        _namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        _option: str | None = None,
    ) -> None:
        # Here, not above: it takes as long as a fifth of a start, and is hardly ever needed.
        import shtab

        for action in parser._actions:
            for kind, options in self._paths.items():
                if options & set(action.option_strings):
                    action.complete = getattr(shtab, kind)  # type: ignore[attr-defined]
        print(shtab.complete(parser, str(values)))
        parser.exit()

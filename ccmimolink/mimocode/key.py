"""The provider's key: where it comes from, and whether it can be one.

Owns the order of its sources. A key is never an argument, and no message repeats it.
"""

from __future__ import annotations

from ccmimolink.mimocode.errors import Code, Source, blocked
from ccmimolink.mimocode.provider import Provider
from ccmimolink.mimocode.settings import Settings
from ccmimolink.mimocode.terminal import Terminal

_BYTE_ORDER_MARK = "\ufeff"
"""What some shells put in front of what they pipe."""


def take_key(provider: Provider, settings: Settings, terminal: Terminal, *, from_stdin: bool) -> str:
    """The key from stdin if that was asked for, else from the environment, else from a person.

    :raises SetupError: there is none, or it can be none.
    """
    question = f"{provider.name} API key (not shown): "
    if from_stdin:
        # Whoever types it on stdin after all must not see it there.
        text = terminal.ask_hidden(question) if terminal.stdin.isatty() else terminal.read_all()
        return _checked(text, provider, "on stdin")
    if settings.key is not None:
        return _checked(settings.key, provider, f"in {provider.key_variable}")
    if not terminal.is_interactive:
        raise blocked(
            Code.NON_INTERACTIVE_SECRET_REQUIRED,
            Source.CLI,
            f"There is no terminal to ask for the {provider.name} key. Pass it on stdin with "
            f"--api-key-stdin, or in {provider.key_variable}.",
        )
    return _checked(terminal.ask_hidden(question), provider, "given")


def _checked(text: str, provider: Provider, where: str) -> str:
    key = text.removeprefix(_BYTE_ORDER_MARK).strip()
    if not key:
        raise blocked(
            Code.MISSING_API_KEY,
            Source.SECRET,
            f"There is no {provider.name} key {where}. Give one, and run this again.",
        )
    if not provider.key_pattern.fullmatch(key):
        raise blocked(
            Code.INVALID_API_KEY,
            Source.SECRET,
            f"What is {where} is no {provider.name} key (it is not shown). A key is gp- and then letters, "
            "digits, - and _, on one line. Copy it once more.",
        )
    return key

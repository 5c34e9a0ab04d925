"""What the text of a setting can mean.

Owns the parsers of the settings table: each takes the text of a variable and gives its value, or raises
``ValueError`` with the rest of a sentence that begins with the variable's name: the reason, then the way out.
They must not read the environment, and those of secrets must not repeat what they were given.
"""

from __future__ import annotations

import os
import re
import ssl
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

_HIGHEST = 10**12
"""Far above any sensible value (31 years in milliseconds, a terabyte in bytes), and safe to compute with."""
_VISIBLE_ASCII = re.compile(r"[!-~]+")
_WHOLE_NUMBER = re.compile(r"-?[0-9]{1,20}")
_BOOLEANS = dict.fromkeys(("1", "true", "yes", "on"), True) | dict.fromkeys(
    ("0", "false", "no", "off"), False
)
IF_NO_KEY = "if-no-key"


def whole(lowest: int = 0, highest: int = _HIGHEST) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not _WHOLE_NUMBER.fullmatch(text):
            raise ValueError(f"is not a whole number: {text[:40]!r}. Give one from {lowest} to {highest}.")
        value = int(text)
        if not lowest <= value <= highest:
            raise ValueError(f"is out of range: {value}. Give a whole number from {lowest} to {highest}.")
        return value

    return parse


def milliseconds(lowest: int = 0) -> Callable[[str], float]:
    """Reads milliseconds, gives seconds: the unit of ``IReactorTime``."""
    number = whole(lowest)
    return lambda text: number(text) / 1000


def boolean(text: str) -> bool:
    try:
        return _BOOLEANS[text.lower()]
    except KeyError:
        raise ValueError(
            f"is neither true nor false: {text[:40]!r}. Give one of {', '.join(_BOOLEANS)}."
        ) from None


def word(text: str) -> str:
    if text and not _VISIBLE_ASCII.fullmatch(text):
        raise ValueError(f"holds a blank or a character outside ASCII: {text[:80]!r}. Take it out.")
    return text


def secret(text: str) -> str:
    if text and not _VISIBLE_ASCII.fullmatch(text):
        raise ValueError(
            "holds a blank or a character outside ASCII (the value is not shown). Copy it once more."
        )
    return text


def base_url(text: str) -> str:
    """The value is never repeated in an error: a key may have been pasted into it."""
    example = "Give something like https://token-plan-cn.xiaomimimo.com/v1."
    try:
        if not _VISIBLE_ASCII.fullmatch(text):  # urlsplit would pass over tabs and line ends
            raise ValueError("blank or non-ASCII character")
        parts = urlsplit(text)
        port = parts.port
        (parts.hostname or "").encode("idna")  # a label is too long, or there is none between two dots
    except ValueError:
        raise ValueError(f"is not a URL. {example}") from None
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
        raise ValueError(f"is not an http or https URL with a host. {example}")
    if "@" in parts.netloc:
        raise ValueError("holds credentials. Take them out of the URL and set MIMO_API_KEY.")
    if "?" in text or "#" in text:
        raise ValueError(
            "has a query or a fragment, and paths are appended to it. Take everything from '?' or '#' off."
        )
    return text.rstrip("/")


def path(text: str) -> Path:
    expanded = os.path.expanduser(text)
    if expanded.startswith("~"):
        raise ValueError(
            f"begins with a home directory that is not known: {text[:80]!r}. Give the whole path."
        )
    if "\0" in expanded:
        raise ValueError("holds a zero byte. Take it out.")
    return Path(expanded)


def optional_path(text: str) -> Path | None:
    return path(text) if text else None


def authorities(text: str) -> Path | None:
    """A file of certificates. It is looked into here: whoever starts a daemon is told before it leaves."""
    file = optional_path(text)
    if file is None:
        return None
    hint = "Give a file of certificates in PEM, as -----BEGIN CERTIFICATE----- begins one."
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.load_verify_locations(file)
    except ssl.SSLError:
        raise ValueError(f"holds something that is no certificate, or none: {text[:80]!r}. {hint}") from None
    except OSError as error:
        raise ValueError(f"cannot be read: {text[:80]!r}: {error.strerror}. {hint}") from None
    if not context.cert_store_stats()["x509"]:
        raise ValueError(f"holds no certificate: {text[:80]!r}. {hint}")
    return file


def paths(text: str) -> tuple[Path, ...]:
    return tuple(path(part) for part in text.split(os.pathsep) if part)


def names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def demo(text: str) -> bool | str:
    if text.lower() == IF_NO_KEY:
        return IF_NO_KEY
    try:
        return boolean(text)
    except ValueError as error:
        raise ValueError(f"{str(error)[:-1]}, {IF_NO_KEY}.") from None

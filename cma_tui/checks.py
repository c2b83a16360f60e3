"""The checks of one setting's value.

Each takes a value as a flag, a variable or TOML gives it, and returns it in the setting's type. Owns what a
value may be. Invariant: a refusal is one clause that completes the setting's name, and repeats no secret.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from math import isfinite
from pathlib import Path

_HIDDEN = "***"


class Secret:
    """A value that shows itself to nobody who did not ask by `reveal`."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the value itself."""
        return self._value

    def __repr__(self) -> str:
        return _HIDDEN

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)


Check = Callable[[object], object]

_ON = {"1", "true", "yes", "on"}
_OFF = {"0", "false", "no", "off"}


class UnfitError(Exception):
    """Why a value is refused. Completes the sentence "<setting> …" and repeats no secret."""


def string(value: object) -> str:
    """A text, without the spaces around it."""
    if not isinstance(value, str):
        raise UnfitError(f"must be a text, not {value!r}")
    return value.strip()


def word(value: object) -> str:
    """A text that is not empty and fits on a line."""
    text = string(value)
    if not text or not text.isprintable():
        raise UnfitError(f"must be a text without control characters, not {text!r}")
    return text


def secret(value: object) -> Secret:
    """A key."""
    if isinstance(value, Secret):
        return value
    text = value.strip() if isinstance(value, str) else ""
    if not text or not text.isascii() or not text.isprintable() or " " in text:
        raise UnfitError("must be a key of printable ASCII characters without spaces")
    return Secret(text)


def one_of(*choices: str) -> Check:
    """A check for one of these words."""

    def check(value: object) -> str:
        if value not in choices:
            raise UnfitError(f"must be {', '.join(choices[:-1])} or {choices[-1]}, not {value!r}")
        return str(value)

    return check


def some_of(*choices: str) -> Check:
    """A check for some of these words, or none: an array, or a text with commas."""

    def check(value: object) -> tuple[str, ...]:
        parts = value if isinstance(value, list | tuple) else string(value).split(",")
        words = [string(part) for part in parts]
        for word in words:
            if word not in (*choices, "none", ""):
                raise UnfitError(f"must be some of {', '.join(choices)}, or none, not {word!r}")
        return tuple(choice for choice in choices if choice in words)

    return check


def command(value: object) -> str:
    """A command line."""
    import shlex

    text = word(value)
    try:
        shlex.split(text)
    except ValueError as error:
        raise UnfitError(f"must be a command: {error}") from None
    return text


def switch(value: object) -> bool:
    """A yes or a no."""
    if isinstance(value, bool):
        return value
    said = string(value).lower()
    if said not in _ON | _OFF:
        raise UnfitError(f"must be true or false, not {value!r}")
    return said in _ON


def folder(value: object) -> Path:
    """An absolute path."""
    if not isinstance(value, str | Path) or not str(value) or "\0" in str(value):
        raise UnfitError(f"must be a folder, not {value!r}")
    try:
        path = Path(value).expanduser()
    except RuntimeError:
        raise UnfitError(f"names a home folder that cannot be found: {value!r}") from None
    if not path.is_absolute():
        raise UnfitError(f"must be an absolute path, not {value!r}")
    return path


def url(value: object) -> str:
    """An address that a key may be sent to: https, or http on this machine."""
    import ipaddress
    from urllib.parse import urlsplit

    text = string(value)
    if re.search("[@?#]", text):  # before anything that repeats the value
        raise UnfitError("must hold no user name, password, query or fragment")
    wrong = UnfitError(f"must be an https URL (or http on this machine), not {text!r}")
    if not text.isascii() or re.search(r"[\x00-\x20\x7f\\]", text):
        raise wrong
    try:
        parts = urlsplit(text)
        host, _port = parts.hostname, parts.port
    except ValueError:
        raise wrong from None
    if not host or parts.scheme not in {"https", "http"}:
        raise wrong
    if parts.scheme == "http" and host != "localhost":
        try:
            here = ipaddress.ip_address(host).is_loopback
        except ValueError:
            here = False
        if not here:
            raise wrong
    return text.rstrip("/")


def headers(value: object) -> Mapping[str, Secret]:
    """Read `name: value` lines, or the table of a TOML file."""
    if isinstance(value, str):
        pairs: list[tuple[str, object]] = []
        for number, line in enumerate(value.splitlines(), 1):
            name, colon, rest = line.partition(":")
            if colon:
                pairs.append((name.strip(), rest.strip()))
            elif line.strip():
                raise UnfitError(f"must hold lines of the form name: value; line {number} does not")
    elif isinstance(value, Mapping):
        pairs = list(value.items())
    else:
        raise UnfitError(f"must be a table of names and values, not {type(value).__name__}")
    found = {}
    for name, content in pairs:
        if not re.fullmatch(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+", name):
            raise UnfitError(f"holds a name that is no header name: {name!r}")
        if not isinstance(content, str | Secret):
            raise UnfitError(f"must give {name} a text")
        plain = content.reveal() if isinstance(content, Secret) else content
        if not plain.isascii() or (plain and not plain.isprintable()):
            raise UnfitError(f"must give {name} a text of printable ASCII characters")
        found[name] = Secret(plain)
    return found


def share(value: object) -> float:
    """A number from 0 to 1."""
    try:
        found = float(value) if isinstance(value, str | int | float) else float("nan")
    except (ValueError, OverflowError):
        found = float("nan")
    if isinstance(value, bool) or not isfinite(found) or not 0 <= found <= 1:
        raise UnfitError(f"must be a number from 0 to 1, not {value!r}")
    return found


def texts(value: object) -> Mapping[str, str]:
    """The table of a TOML file, or `name = text` lines."""
    if isinstance(value, Mapping):
        return {str(name): string(text) for name, text in value.items()}
    pairs = (line.partition("=") for line in string(value).splitlines() if line.strip())
    return {name.strip(): text.strip() for name, _, text in pairs}


def lines(value: object) -> tuple[str, ...]:
    """Texts, one a line, or the array of a TOML file."""
    if isinstance(value, list | tuple):
        return tuple(string(part) for part in value)
    return tuple(line for line in string(value).splitlines() if line.strip())

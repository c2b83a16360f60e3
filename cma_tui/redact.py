"""What must not leave: secrets, media, and more text than anybody reads.

Owns what counts as a secret: for spans, exports and whatever else is shared. Invariants: the time it takes
is linear in the length of the text, whatever the text, and long text is cut before it is looked at; what is
masked is counted, by kind; the result is valid Unicode and ordinary JSON.

The patterns begin at a place that cannot be entered twice and repeat without going back (`++`), so no text
makes them slow.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

MASK: Final = "[masked]"
FIELD: Final = 65_536
"""Characters of one text that are kept, unless the caller says otherwise."""
WHOLE: Final = 524_288
"""Characters of all texts of one value, unless the caller says otherwise."""
_MARGIN = 8192
"""Looked at beyond what is kept, so that a secret at the cut is recognised whole."""
_TAIL = 4096
_DEPTH = 40
_PARTS = 2000
_PIECE = 2000
_LITERAL = 8
"""A value shorter than that is no key, and would be found all over the text."""
_REMEMBERED = 1 << 20
"""Characters of texts that are remembered to be harmless, each counted with an entry's worth."""
_ENTRY = 100
_NAMES = 4096
"""Names of fields that are remembered."""
_NAME_LENGTH = 200
"""Characters of a field's name that are kept."""

_MARK = r"[A-Za-z0-9_-]"
_TOKENS: Final = tuple(
    (needle, re.compile(pattern))
    for needle, pattern in (
        ("sk-", rf"(?<![A-Za-z])sk-{_MARK}{{16,}}+"),
        ("sk-ant-", rf"sk-ant-{_MARK}{{8,}}+"),
        ("gh", r"gh[pousr]_[A-Za-z0-9]{20,}+"),
        ("github_pat_", r"github_pat_[A-Za-z0-9_]{20,}+"),
        ("glpat-", rf"glpat-{_MARK}{{16,}}+"),
        ("xox", rf"xox[a-z]-{_MARK}{{10,}}+"),
        ("AKIA", r"AKIA[A-Z0-9]{16}"),
        ("ASIA", r"ASIA[A-Z0-9]{16}"),
        ("AIza", rf"AIza{_MARK}{{35}}"),
        ("_live_", r"[rsp]k_live_[A-Za-z0-9]{10,}+"),
        ("npm_", r"npm_[A-Za-z0-9]{36}"),
        ("eyJ", rf"(?<!{_MARK})eyJ{_MARK}{{8,}}+\.{_MARK}{{8,}}+(?:\.{_MARK}*+)*+"),
        ("://", r"(?<=://)[^\s/@\"'<>]{1,512}+(?=@)"),
    )
)
_BEARER = re.compile(r"\b(bearer[ \t]{1,8}+)([A-Za-z0-9._~+/=-]{16,}+)", re.IGNORECASE)
_NAMED = (
    r"(?:api[_-]?key|secret|passw(?:or)?d|passphrase|pwd|token(?!s|iz)|credential|private[_-]?key"
    r"|access[_-]?key|authorization|auth[_-]key|cookie)"
)
_PAIR = re.compile(
    rf"""({_NAMED}[A-Za-z_-]{{0,16}}+\\?["']?\s{{0,4}}+[:=]>?\s{{0,4}}+"""
    r"""(?:(?:basic|bearer|token)[ ])?)"""
    r"""(?:\\?"([^"\\\n]{4,1024}+)|\\?'([^'\\\n]{4,1024}+)|([^\s"'\\,;&<>(){}\[\]$]{6,}+))""",
    re.IGNORECASE,
)
_PAIR_HINTS = (
    "key",
    "secret",
    "passw",
    "passphrase",
    "pwd",
    "token",
    "credential",
    "authorization",
    "cookie",
)
_NAME = re.compile(
    r"(?:^|[_-])(?:api[_-]?key|secret|passw(?:or)?d|passphrase|pwd|token|credentials?|private[_-]?key|access[_-]?key"
    r"|secret[_-]?access[_-]?key|authorization|cookie)$",
    re.IGNORECASE,
)
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_KEY_BEGIN = re.compile(r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY-----")
_KEY_END = re.compile(r"-----END [A-Z0-9 ]{0,40}PRIVATE KEY-----")
_BASE64_RUN = re.compile(r"(?<![A-Za-z0-9+/=_-])[A-Za-z0-9+/=_-]{1024,}+")


class PatternError(Exception):
    """A pattern of the user's cannot be used. Its message is one line."""


class Redactor:
    """Masks what is secret: what looks like it, known values, and what the user's patterns find."""

    def __init__(self, secrets: Iterable[str] = (), patterns: Iterable[str] = ()) -> None:
        """Prepare.

        Args:
            secrets: values that are masked wherever they stand, our own keys above all.
            patterns: regular expressions of the user's, each tried within single lines.

        Raises:
            PatternError: one of them is no regular expression, or could take for ever.
        """
        known = {value for value in secrets if len(value) >= _LITERAL}
        known |= {value.strip() for value in known if len(value.strip()) >= _LITERAL}
        ordered = sorted(known, key=len, reverse=True)
        self._literal = re.compile("|".join(map(re.escape, ordered))) if ordered else None
        self._own = [_checked(pattern) for pattern in patterns]
        self.kinds: Counter[str] = Counter()
        """How many places were masked so far, by what was there."""
        self._harmless: set[str] = set()
        """Texts that were looked at last and stay as they are: what was said stands in several rows."""
        self._harmless_size = 0
        self._names: dict[str, bool] = {}
        """Names of fields that stay as they are, and whether they hold a secret."""

    @property
    def masked(self) -> int:
        """How many places were masked so far."""
        return self.kinds.total()

    def text(self, text: str, cap: int = FIELD) -> str:
        """A text without its secrets, in at most about `cap` characters, and valid Unicode."""
        length = len(text)
        if length <= cap and text in self._harmless:
            return text
        cut = length > cap + _MARGIN
        if cut:
            text = text[: cap + _MARGIN]
        clean = self._mask(_valid(text))
        if clean == text and length <= cap:
            self._remember(clean)
            return clean
        text = clean
        if cut:
            text = text[:-_TAIL]  # a secret that was cut in two is in there
        if len(text) > cap or cut:
            text = f"{text[:cap]}… [cut: {length:,} characters in all]"
        return text

    def value(self, value: Any, cap: int = FIELD, whole: int = WHOLE) -> Any:  # noqa: ANN401 - JSON is any
        """A JSON value without its secrets, its texts in at most about `whole` characters, each in `cap`."""
        return _Walk(self, cap, whole).value(value)

    def name(self, name: str) -> tuple[str, bool]:
        """A field's name without its secrets, and whether it holds one, whatever that looks like."""
        secret = self._names.get(name)
        if secret is None:
            clean, secret = self.text(name, cap=_NAME_LENGTH), self.secret_name(name)
            if clean != name:
                return clean, secret
            if len(self._names) >= _NAMES:
                self._names.clear()
            self._names[name] = secret
        return name, secret

    def secret_name(self, name: str) -> bool:
        """Whether a field of that name holds a secret, whatever it looks like."""
        return len(name) <= 100 and _NAME.search(_CAMEL.sub("_", name)) is not None

    def _remember(self, text: str) -> None:
        """It stays as it is wherever else it stands."""
        if len(text) > _REMEMBERED // 8:
            return
        self._harmless_size += len(text) + _ENTRY
        if self._harmless_size > _REMEMBERED:
            self._harmless, self._harmless_size = set(), len(text) + _ENTRY
        self._harmless.add(text)

    def _mask(self, text: str) -> str:
        if len(text) < 4:
            return text
        if self._literal is not None:
            text = self._literal.sub(self._masker("known key"), text)
        if "-----BEGIN " in text:
            text = self._keys(text)
        for needle, pattern in _TOKENS:
            if needle in text:
                kind = "login in a URL" if needle == "://" else "key or token"
                text = pattern.sub(self._masker(kind), text)
        lower = text.lower()
        if "bearer" in lower:
            text = _BEARER.sub(self._second, text)
        for hint in _PAIR_HINTS:
            if hint in lower:
                text = _PAIR.sub(self._value, text)
                break
        if len(text) >= 1024:
            text = _BASE64_RUN.sub(_stub, text)
        for own in self._own:
            text = "".join(own.sub(self._masker("your pattern"), piece) for piece in _pieces(text))
        return text

    def _keys(self, text: str) -> str:
        """Mask private keys to their last line; to the end of the text where that is missing."""
        parts, place = [], 0
        while (begin := _KEY_BEGIN.search(text, place)) is not None:
            end = _KEY_END.search(text, begin.end())
            self.kinds["private key"] += 1
            parts += [text[place : begin.start()], MASK]
            place = len(text) if end is None else end.end()
        return "".join([*parts, text[place:]])

    def _masker(self, kind: str) -> Callable[[re.Match[str]], str]:
        """What masks a match, and counts it as one of that kind."""

        def masked(match: re.Match[str]) -> str:
            if match[0] == MASK or not match[0]:
                return match[0]
            self.kinds[kind] += 1
            return MASK

        return masked

    def _second(self, match: re.Match[str]) -> str:
        self.kinds["bearer token"] += 1
        return match[1] + MASK

    def _value(self, match: re.Match[str]) -> str:
        group = next(number for number in (2, 3, 4) if match[number] is not None)
        value = match[group]
        if value.startswith(MASK) or value.lower() in _NO_SECRET:
            return match[0]
        self.kinds["value named as secret"] += 1
        return match.string[match.start() : match.start(group)] + MASK


_NO_SECRET = frozenset(
    {
        "basic",
        "bearer",
        "boolean",
        "false",
        "none",
        "null",
        "number",
        "object",
        "required",
        "string",
        "token",
        "true",
    }
)
"""What stands where a secret would in schemas, in examples, and before a value that is masked already."""


class _Walk:
    """One value, part by part, within its share of the size."""

    def __init__(self, redactor: Redactor, cap: int, whole: int) -> None:
        self._redactor = redactor
        self._cap = cap
        self._left = whole

    def value(self, value: Any, depth: int = 0) -> Any:  # noqa: ANN401 - JSON is any
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, bool) or value is None:
            return value
        if isinstance(value, int):
            return value if -(2**63) <= value < 2**63 else self._text(f"{value:e}")
        if isinstance(value, float):
            return value if value - value == 0 else None
        if depth >= _DEPTH:
            return "[nested too deeply]"
        if isinstance(value, dict):
            return self._object(value, depth)
        if isinstance(value, list | tuple):
            items = [self.value(item, depth + 1) for item in value[:_PARTS]]
            return items if len(value) <= _PARTS else [*items, f"[cut: {len(value):,} parts in all]"]
        return self._object(value, depth) if isinstance(value, Mapping) else self._text(str(value))

    def _object(self, value: Mapping[str, Any], depth: int) -> dict[str, Any]:
        if value.get("type") == "base64" and isinstance(value.get("data"), str):
            value = {**value, "data": f"[base64, about {len(value['data']) * 3 // 4:,} bytes]"}
        clean: dict[str, Any] = {}
        for name, inner in value.items():
            if len(clean) >= _PARTS:
                clean["…"] = f"[cut: {len(value):,} fields in all]"
                break
            key, secret = self._redactor.name(name)
            if secret and inner and isinstance(inner, str | int | float):
                self._redactor.kinds["value named as secret"] += 1
                clean[key] = MASK
            elif isinstance(inner, str):
                clean[key] = self._text(inner)
            else:
                clean[key] = self.value(inner, depth + 1)
        return clean

    def _text(self, text: str) -> str:
        cap, left = self._cap, self._left
        if left < cap:
            if left <= 0:
                return f"[cut: {len(text):,} characters]" if len(text) > 40 else self._redactor.text(text)
            cap = min(cap, max(left, 1000))
        clean = self._redactor.text(text, cap)
        self._left = left - len(clean)
        return clean


def _valid(text: str) -> str:
    """Valid Unicode without NUL, which the server's database does not take."""
    if "\0" in text:
        text = text.replace("\0", "\ufffd")
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode(errors="surrogatepass").decode(errors="replace")
    return text


def _stub(match: re.Match[str]) -> str:
    return f"[base64, about {len(match[0]) * 3 // 4:,} bytes]"


def _pieces(text: str) -> Iterable[str]:
    """The lines, in pieces a user's pattern may look at from everywhere; a long one is cut at a space."""
    for line in text.splitlines(keepends=True):
        place = 0
        while len(line) - place > _PIECE:
            space = line.rfind(" ", place, place + _PIECE)
            end = space if space > place else place + _PIECE
            yield line[place:end]
            place = end
        yield line[place:]


def _checked(pattern: str) -> re.Pattern[str]:
    """A user's pattern, unless some text could make it slow: one repeat without limit is enough for a key."""
    if len(pattern) > 500:
        raise PatternError("a pattern for what to mask is over 500 characters long")
    try:
        compiled = re.compile(pattern)
    except (re.error, RecursionError, OverflowError) as error:
        raise PatternError(f"a pattern for what to mask is no regular expression: {error}") from None
    if _slow(pattern):
        raise PatternError(f"a pattern for what to mask repeats too much, it could be slow: {pattern!r}")
    return compiled


def _slow(pattern: str) -> bool:
    """Whether a group that repeats holds a repeat or alternatives, or more than one repeat has no limit."""
    plain = re.sub(r"\[\^?\]?(?:\\.|[^\]\\])*\]", "a", pattern)
    plain = re.sub(r"\\.", "a", plain)
    plain = re.sub(r"\{\d{1,3}(?:,\d{1,2})?\}", "#", plain)  # a limit that is low enough
    groups: list[bool] = []
    for place, sign in enumerate(plain):
        if sign == "(":
            groups.append(False)
        elif sign in "*+{#|":
            groups = [True] * len(groups)
        elif sign == ")" and groups and groups.pop() and plain[place + 1 : place + 2] in ("*", "+", "{", "#"):
            return True
    return sum(plain.count(sign) for sign in "*+{") > 1 or plain.count("#") > 6

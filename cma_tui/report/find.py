"""What is looked for, and the text it is looked for in.

Owns `Pattern`, the text of an item as a person reads it in its row and its detail, and the quick test
that leaves most items unread. Invariants: what is searched is printable text, whole, shown or not; the
quick test never says no to an item whose text holds what is looked for.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from cma_tui.content import as_dict, as_text, compact_json, plain_text
from cma_tui.report.rows import row
from cma_tui.report.words import result_text
from cma_tui.session.model import Evaluation, Item, ModelRequest, Session, ToolUse
from cma_tui.text import printable

WHOLE = 1 << 40
"""A cap that caps nothing: what is searched is never cut."""
_LEAVES = 100_000
"""Strings and names of one JSON value that are looked through."""
_BEFORE = 20
"""Characters before a hit that are shown with it."""
PATIENCE = 0.05
"""Seconds an expression of the user's may take on one text: some would take years."""


class PatternError(ValueError):
    """What is looked for makes no sense; `position` is where, in what was written."""

    def __init__(self, message: str, position: int) -> None:
        super().__init__(message)
        self.position = position


class TooSlowError(Exception):
    """The expression takes too long on some text. Looking further would freeze the screen."""


_Finder = Callable[[str, int], re.Match[str] | None]


class Pattern:
    """Plain text, or a regular expression where it is written `/so/`.

    Small letters stand for both cases; one capital letter, and case counts.
    """

    def __init__(self, source: str, *, plain: bool = False) -> None:
        """Prepare to look, for plain text even between slashes when `plain`.

        Raises:
            PatternError: it is empty, or an expression that cannot be read.
        """
        if not source:
            raise PatternError("nothing to look for", 0)
        self.source = source
        expression = None if plain or len(source) < 3 or not source[0] == source[-1] == "/" else source[1:-1]
        letters = source if expression is None else re.sub(r"\\.", "", expression)
        flags = re.IGNORECASE if letters == letters.lower() else 0
        self._token = b""
        """What an item's JSON must hold; empty when that cannot be told."""
        if expression is None:
            self._find: _Finder = re.compile(re.escape(source), flags).search
            self._token = quick_token(source).encode().lower()
        else:
            self._find = _expression(expression, flags)

    def spans(self, text: str) -> Iterator[tuple[int, int]]:
        """Where it is in a text: places that do not overlap, none of them empty.

        Raises:
            TooSlowError: the expression takes too long on this text.
        """
        at = 0
        while at <= len(text) and (match := self._find(text, at)) is not None:
            if match.end() > match.start():
                yield match.span()
            at = max(match.end(), match.start() + 1)

    def holds(self, text: str) -> bool:
        """Whether a text has it.

        Raises:
            TooSlowError: the expression takes too long on this text.
        """
        return next(self.spans(text), None) is not None

    def matches(self, session: Session, index: int) -> bool:
        """Whether an item's text has it.

        Raises:
            TooSlowError: the expression takes too long on this text.
        """
        return self._may_match(session, index) and any(map(self.holds, texts(session, index)))

    def context(self, session: Session, index: int) -> str:
        """One line around the first place in the item's text that is not its row's line; empty without one.

        Raises:
            TooSlowError: the expression takes too long on this text.
        """
        for text in texts(session, index):
            for start, end in self.spans(text):
                line = text.rfind("\n", 0, start) + 1
                begin = max(line, start - _BEFORE)
                stop = text.find("\n", end)
                stop = min(stop if stop >= 0 else len(text), end + 200)
                return ("…" if begin > line else "") + text[begin:stop].strip().replace("\n", "⏎")
        return ""

    def _may_match(self, session: Session, index: int) -> bool:
        """The quick test, on the JSON of the item's events."""
        item = session.items[index]
        if not self._token or _borrows(item):
            return True
        return any(_may_hold(session.events[n].raw, self._token) for n in ordinals(item))


def _expression(source: str, flags: int) -> _Finder:
    import regex

    try:
        compiled = regex.compile(source, (regex.IGNORECASE if flags else 0) | regex.MULTILINE)
    except regex.error as error:
        where = getattr(error, "pos", None) or 0
        raise PatternError(str(getattr(error, "msg", error)), 1 + min(where, len(source))) from None

    def find(text: str, at: int) -> Any:  # noqa: ANN401 - a match of another library, in the same words
        try:
            return compiled.search(text, at, timeout=PATIENCE)
        except TimeoutError:
            raise TooSlowError from None

    return find


# ------------------------------------------------------------------------------------------ the quick test
#
# An item's text is made of the strings in its events' JSON and of words of ours. A run of ASCII letters,
# digits and underscores stands in JSON as it stands in the text, unless a character of it is written as
# an escape (`\u0041`), or unless it is not part of a string at all: numbers are written anew, sizes and
# times are ours, invisible characters read as `<U+202E>`. So the longest run of what is looked for that
# cannot be any of these is looked for in the raw bytes, where no `\u` is in them; everything else is read.

_RUN = re.compile(r"[A-Za-z0-9_]+")
_OURS = tuple(
    """
    ok failed denied unfinished running needs your answer waits for host worker working no end seen gave up
    retrying terminal unknown queued refused turn after retries budget reached terminated deleted primary
    interrupted the server will go on by itself satisfied revision evaluating iteration interrupt everything
    outcome compacted earlier conversation was summarised list cost updated workflow created status phase
    started ended idle error connected connection lost reason given not event answer unseen call rows
    cached nothing read first token from agent more characters character infinity marks redacted image
    document bytes nested too deeply show see raw event unexpected rescheduling
    write to it and tries again raise with budget then go on ask differently same words are has in new session
    none title
    """.split()  # noqa: SIM905 - a text is easier to read than a list
)


def quick_token(text: str) -> str:
    """The longest part of a text that an item's JSON must hold for the item's text to hold it; or nothing."""
    if any(odd in text for odd in _ODD_LETTERS):
        return ""
    found = [run for run in _RUN.findall(text) if _is_telling(run.lower())]
    return max(found, key=len, default="")


def _is_telling(run: str) -> bool:
    """Whether a run can only be a part of a string: no number, no size or time of ours, no word of ours."""
    rare = sum(letter in "ghijklmnopqrstuvwxyz" for letter in run)
    telling = rare >= 3 or (rare > 0 and len(run) >= 4 and run.isalpha())
    return telling and not any(run in word for word in _OURS)


def _may_hold(raw: bytes, token: bytes) -> bool:
    if token in raw.lower() or b"\\u" in raw:
        return True
    return not raw.isascii() and any(odd in raw for odd in _ODD)


_ODD_LETTERS = "\u0130\u0131\u017f\u212a"  # dotted I, dotless i, long s, Kelvin
_ODD = tuple(letter.encode() for letter in _ODD_LETTERS)
"""Letters beyond ASCII that are the same as one of ASCII when case does not count."""


def _borrows(item: Item) -> bool:
    """Whether the item's words are also those of events that are not its own, or no JSON at all."""
    return item.thread is not None or item.type.startswith(
        ("local.", "session.thread_", "user.define_outcome", "workflow_run.")
    )


def ordinals(item: Item) -> list[int]:
    """The events of an item, in the log's order."""
    found = [item.event]
    match item:
        case ToolUse():
            found += [item.confirmed, item.result]
        case ModelRequest() | Evaluation():
            found += [item.end]
    return sorted({n for n in found if n >= 0})


# ------------------------------------------------------------------------------------------ an item's text


def texts(session: Session, index: int) -> Iterator[str]:
    """The printable texts of an item, those of its row first; none for an item that shows nothing."""
    shown = row(session, index)
    if shown is None:
        return
    item = session.items[index]
    event = session.events[item.event]
    lone = " ".join(part for part in (shown.name, "" if shown.prose else shown.text, shown.outcome) if part)
    yield lone
    if shown.aside:
        yield shown.aside
    if isinstance(item, ToolUse):
        for text in leaves(event.data.get("input")):
            yield uncut(text)
        yield uncut(result_text(session, item))
        if item.confirmed >= 0:
            yield uncut(as_text(session.events[item.confirmed].data.get("deny_message")) or "")
    elif shown.prose:
        yield uncut(plain_text(event.content)) or shown.text
    elif len(event.content):
        yield uncut(plain_text(event.content))
    elif isinstance(item, Evaluation) and item.end >= 0:
        yield uncut(as_text(session.events[item.end].data.get("explanation")) or "")
    yield printable(event.key, strict=True)


def holds(session: Session, ordinal: int, pattern: Pattern) -> bool:
    """Whether a text came with an event: with the last event of an item all of the item's is there.

    Raises:
        TooSlowError: the expression takes too long on this text.
    """
    item = session.owners[ordinal] if ordinal >= 0 else -1
    if item < 0 or ordinals(session.items[item])[-1] != ordinal:
        return False
    return pattern.matches(session, item)


def leaves(value: object) -> Iterator[str]:
    """Every string and name of a JSON value, in order; other values as JSON. Takes any depth."""
    waiting, limit = [value], _LEAVES
    while waiting and limit:
        limit -= 1
        match waiting.pop():
            case str() as text:
                yield text
            case dict() as fields:
                for name, inner in reversed(as_dict(fields).items()):
                    waiting += [inner, name]
            case list() as parts:
                waiting.extend(reversed(parts))
            case None:
                pass
            case other:
                yield compact_json(other)


def uncut(text: str) -> str:
    """All of a text, made printable."""
    return printable(text, lines=True, cap=WHOLE)

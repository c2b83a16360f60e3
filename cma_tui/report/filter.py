"""A small language that says which rows: `tool:bash error`, `!kind:model`, `thread:analyst or >5s`.

Owns the language. Invariants: what is written is read whole or refused with the place where it goes
wrong; a term that names nothing is no error, it matches nothing; only terms of text read any text.

    kind:tool  tool:bash  server:exa  thread:name  type:session.error  id:sevt_…  turn:3  turn:3-5
    error  wait  >5s  <200ms  waited>1m  tokens>10k
    word   "some words"   /expression/
    !term  not term       term term   term and term   term or term   ( … )

A value is a part of the name, or with `*` and `?` the whole of it; case does not count. Terms beside each
other must all hold; `or` binds less than that.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from fnmatch import fnmatchcase

from cma_tui.report.find import Pattern, PatternError
from cma_tui.report.rows import is_wrong
from cma_tui.session.model import Evaluation, Failure, Item, ModelRequest, Session, StatusChange, ToolUse

Test = Callable[[Session, int], bool]


class FilterError(ValueError):
    """What was written is no filter; `position` is the character where it goes wrong."""

    def __init__(self, message: str, position: int) -> None:
        super().__init__(message)
        self.position = position


class Filter:
    """Which items are wanted. Made by `parse`."""

    def __init__(self, source: str, test: Test) -> None:
        self.source = source
        """What was written."""
        self._test = test

    def matches(self, session: Session, index: int) -> bool:
        """Whether the item is wanted. Never for an item that shows nothing.

        Raises:
            TooSlowError: an expression in it takes too long on this item's text.
        """
        item = session.items[index]
        return session.owners[item.event] == index and self._test(session, index)


def parse(text: str) -> Filter:
    """Read a filter; an empty one matches everything.

    Raises:
        FilterError: it cannot be read.
    """
    reader = _Reader(text)
    test = reader.either() if reader.word else _everything
    if reader.word:
        raise FilterError(f"{reader.word!r} is not expected here", reader.at)
    return Filter(text.strip(), test)


_WORD = re.compile(
    r"""\s*(
        [()!]                       # grouping, inverse
      | "(?:[^"\\]|\\.)*"           # words
      | /(?:[^/\\]|\\.)+/(?=[\s)]|$)  # an expression
      | [a-z]*:"(?:[^"\\]|\\.)*"    # a key with words
      | [^\s()"]+                   # anything else
    )""",
    re.VERBOSE,
)
_COMPARED = re.compile(r"([a-z]*)(<=|>=|<|>)(.*)")
_KEYED = re.compile(r"([a-z]+):(.*)", re.DOTALL)


class _Reader:
    """Reads one word after the other."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._next = 0
        self.word = ""
        """The word to read now; empty at the end."""
        self.at = 0
        """Where it begins."""
        self._depth = 0
        self._advance()

    def _advance(self) -> None:
        if not self._text[self._next :].strip():
            self.word, self.at = "", len(self._text)
            return
        match = _WORD.match(self._text, self._next)
        if match is None:
            place = self._next + len(self._text[self._next :]) - len(self._text[self._next :].lstrip())
            raise FilterError("the closing quote is missing", place)
        self.word, self.at, self._next = match[1], match.start(1), match.end()

    def either(self) -> Test:
        """Terms with `or` between them."""
        tests = [self._all()]
        while self.word.lower() in ("or", "|", "||"):
            self._advance()
            tests.append(self._all())
        return tests[0] if len(tests) == 1 else lambda s, i: any(test(s, i) for test in tests)

    def _all(self) -> Test:
        tests = [self._one()]
        while self.word and self.word != ")" and self.word.lower() not in ("or", "|", "||"):
            if self.word.lower() in ("and", "&", "&&"):
                self._advance()
            tests.append(self._one())
        return tests[0] if len(tests) == 1 else lambda s, i: all(test(s, i) for test in tests)

    def _one(self) -> Test:
        word, at = self.word, self.at
        if word.lower() in ("", ")", "or", "and", "|", "||", "&", "&&"):
            raise FilterError(f"something is missing before {word!r}" if word else "something is missing", at)
        self._depth += 1
        if self._depth > _DEEPEST:
            raise FilterError("nested too deeply", at)
        self._advance()
        if word == "!" or word.lower() == "not":
            inner = self._one()
            test: Test = lambda s, i: not inner(s, i)  # noqa: E731
        elif word == "(":
            test = self.either()
            if self.word != ")":
                raise FilterError("the closing parenthesis is missing", at)
            self._advance()
        else:
            test = _term(word, at)
        self._depth -= 1
        return test


_DEEPEST = 100


def _everything(session: Session, index: int) -> bool:
    return True


def _term(word: str, at: int) -> Test:
    if word.lower() in _FLAGS:
        return _FLAGS[word.lower()]
    compared = _COMPARED.fullmatch(word)
    if compared is not None:
        name, sign, value = compared.groups()
        if name in _MEASURES:
            return _comparison(name, sign, value, at + compared.start(3))
    keyed = _KEYED.fullmatch(word)
    if keyed is not None and not keyed[2].startswith("//"):
        name, value = keyed[1], keyed[2] if keyed[1] == "text" else _unquoted(keyed[2])
        if name not in _KEYS:
            raise FilterError(f"no such key: {name} (there are {', '.join(sorted(_KEYS))})", at)
        if not value:
            raise FilterError(f"what {name} is meant?", at + len(name) + 1)
        return _KEYS[name](value, at + len(name) + 1)
    return _text(word, at)


def _unquoted(word: str) -> str:
    if len(word) > 1 and word[0] == word[-1] == '"':
        return re.sub(r"\\(.)", r"\1", word[1:-1])
    return word


def _text(value: str, at: int) -> Test:
    plain = _unquoted(value)
    try:
        return Pattern(plain, plain=plain != value).matches
    except PatternError as error:
        raise FilterError(str(error), at + error.position) from None


# ------------------------------------------------------------------------------------------------ names


def _named(value: str) -> Callable[[str | None], bool]:
    """Whether a name is meant: a part of it, or all of it where there are wildcards."""
    wanted = value.lower()
    if any(wild in wanted for wild in "*?"):
        pattern = wanted.replace("[", "[[]")
        return lambda name: name is not None and fnmatchcase(name.lower(), pattern)
    return lambda name: name is not None and wanted in name.lower()


def kind_of(item: Item) -> str:
    """The family of an item, in one word: what `kind:` names."""
    match item:
        case ToolUse():
            return "tool"
        case ModelRequest():
            return "model"
        case Failure():
            return "error"
        case Evaluation():
            return "outcome"
        case StatusChange():
            return "thread" if item.type.startswith("session.thread_") else "status"
    return _KINDS.get(item.type) or next((k for p, k in _FAMILIES if item.type.startswith(p)), "other")


_KINDS = {
    "user.message": "you",
    "user.interrupt": "you",
    "user.define_outcome": "you",
    "agent.message": "agent",
    "agent.thinking": "thinking",
    "agent.thread_context_compacted": "compaction",
    "local.bad_frame": "broken",
    "session.updated": "status",
    "session.usage": "usage",
    "system.message": "system",
}
_FAMILIES = (
    ("agent.thread_message", "thread"),
    ("local.", "stream"),
    ("workflow_run.", "workflow"),
    ("agent.", "tool"),
    ("user.", "tool"),
)
KINDS = frozenset(_KINDS.values()) | {
    "tool", "model", "error", "outcome", "thread", "status", "stream", "workflow", "other",
}  # fmt: skip
"""What `kind:` can name."""


def _kind(value: str, at: int) -> Test:
    wanted = frozenset(value.lower().split(","))
    for name in wanted:
        if name not in KINDS:
            raise FilterError(f"no such kind: {name} (there are {', '.join(sorted(KINDS))})", at)
    return lambda session, index: kind_of(session.items[index]) in wanted


def _tool(value: str, at: int) -> Test:
    named = _named(value)
    return lambda session, index: isinstance(item := session.items[index], ToolUse) and named(item.name)


def _server(value: str, at: int) -> Test:
    named = _named(value)
    return lambda session, index: isinstance(item := session.items[index], ToolUse) and named(item.server)


def _thread(value: str, at: int) -> Test:
    named = _named(value)

    def test(session: Session, index: int) -> bool:
        item = session.items[index]
        thread = item.subject if isinstance(item, StatusChange) and item.subject else item.thread
        if thread is None:
            return named("primary") or (session.primary is not None and value == session.primary)
        held = session.threads.get(thread)
        return named(held.agent_name if held is not None else None) or value == thread

    return test


def _type(value: str, at: int) -> Test:
    named = _named(value)
    return lambda session, index: named(session.items[index].type)


def _id(value: str, at: int) -> Test:
    def test(session: Session, index: int) -> bool:
        item = session.items[index]
        return session.events[item.event].key.startswith(value)

    return test


def _turn(value: str, at: int) -> Test:
    numbers = re.fullmatch(r"(\d{1,9})(?:-(\d{1,9}))?", value)
    if numbers is None:
        raise FilterError("a turn is a number, or two with a dash: turn:3, turn:3-5", at)
    first = int(numbers[1]) - 1
    last = int(numbers[2]) - 1 if numbers[2] else first
    return lambda session, index: first <= session.items[index].turn <= last


_KEYS: dict[str, Callable[[str, int], Test]] = {
    "id": _id,
    "kind": _kind,
    "re": lambda value, at: _text(f"/{value}/", at - 1),
    "server": _server,
    "text": _text,
    "thread": _thread,
    "tool": _tool,
    "turn": _turn,
    "type": _type,
}


# --------------------------------------------------------------------------------------- flags and measures


def waited(session: Session, index: int) -> bool:
    """Whether the item is a tool use that waits, or waited, for an answer."""
    item = session.items[index]
    return isinstance(item, ToolUse) and (item.awaited is not None or item.confirmation is not None)


_FLAGS: dict[str, Test] = {
    "err": is_wrong,
    "error": is_wrong,
    "errors": is_wrong,
    "wait": waited,
    "waits": waited,
}


def took(item: Item) -> float | None:
    """Seconds an item took, where that can be told."""
    match item:
        case ToolUse():
            return item.duration
        case ModelRequest() | Evaluation():
            return None if item.at is None or item.ended_at is None else max(0.0, item.ended_at - item.at)
    return None


def _waiting(item: Item) -> float | None:
    if isinstance(item, ToolUse) and item.at is not None and item.confirmed_at is not None:
        return max(0.0, item.confirmed_at - item.at)
    return None


def _tokens(item: Item) -> float | None:
    usage = item.usage if isinstance(item, ModelRequest | Evaluation) else None
    if usage is None:
        return None
    read = usage.input_tokens + usage.cache_read_input_tokens + usage.cache_creation_input_tokens
    return read + usage.output_tokens


_SECONDS = {"ms": 0.001, "s": 1.0, "": 1.0, "m": 60.0, "h": 3600.0}
_COUNTS = {"": 1.0, "k": 1e3, "m": 1e6}
_MEASURES: dict[str, tuple[Callable[[Item], float | None], dict[str, float], str]] = {
    "": (took, _SECONDS, "a time, as 5s, 200ms or 2m"),
    "took": (took, _SECONDS, "a time, as 5s, 200ms or 2m"),
    "waited": (_waiting, _SECONDS, "a time, as 5s, 200ms or 2m"),
    "tokens": (_tokens, _COUNTS, "a number, as 800 or 10k"),
}
_SIGNS: dict[str, Callable[[float, float], bool]] = {
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}


def _comparison(name: str, sign: str, value: str, at: int) -> Test:
    measure, units, wanted = _MEASURES[name]
    number = re.fullmatch(r"(\d{1,12}(?:\.\d{1,6})?)([a-z]*)", value.lower())
    if number is None or number[2] not in units:
        raise FilterError(f"{wanted} is meant after {name}{sign}", at)
    limit, compare = float(number[1]) * units[number[2]], _SIGNS[sign]

    def test(session: Session, index: int) -> bool:
        measured = measure(session.items[index])
        return measured is not None and compare(measured, limit)

    return test

"""The user's rules: which tool uses are denied and which are allowed without asking.

Owns their form and their meaning. Invariants: what a deny rule matches is never allowed; whatever is not
certain (an expression that takes too long, an input that is too large or is no object) is left to a person;
what is matched is the input that the tool would be given, never a text made for a screen.

An allow rule matches a whole value and a deny rule any part of one; an allow rule names every field of the
input and a deny rule the ones that matter; an allow rule without a server is for tools of no server, a deny
rule for all. So a rule that is written carelessly asks or denies once too often.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import translate
from time import monotonic
from typing import Any, Literal, NamedTuple

from cma_tui.checks import UnfitError

Verdict = Literal["allow", "deny"]
LARGEST = 200_000
"""Characters of an input that rules look at; a larger one is left to a person."""
PATIENCE = 0.2
"""Seconds that the rules may look at one tool use."""
_REASON = 10_000
_KEYS = {"deny": ("tool", "server", "input", "reason"), "allow": ("tool", "server", "input")}


class Decision(NamedTuple):
    """What the rules say of one tool use."""

    verdict: Verdict
    rule: str
    """Which one, as the user finds it: `allow 2` is the second of that list."""
    reason: str = ""
    """What the agent is told of a no."""


class _TooLongError(Exception):
    """It cannot be said in time whether a rule matches."""


@dataclass(frozen=True)
class Pattern:
    """A pattern on a text: a glob, or a regular expression between slashes."""

    source: str
    whole: bool
    """Whether all of the text is to match, or a part of it is enough."""

    def check(self) -> None:
        """Refuse what is no pattern.

        Raises:
            UnfitError: it is none.
        """
        if not self.source:
            raise UnfitError("holds an empty pattern")
        if self._expression is not None:
            import regex

            try:
                regex.compile(self._expression)
            except regex.error as error:
                raise UnfitError(f"holds {self.source!r}, which is no expression: {error}") from None

    def matches(self, text: str, deadline: float) -> bool:
        """Whether it matches, said before the deadline.

        Raises:
            _TooLongError: it cannot be said in time.
        """
        left = deadline - monotonic()
        if left <= 0:
            raise _TooLongError
        if self._expression is None:
            glob = self.source if self.whole else f"*{self.source}*"
            return re.match(translate(glob), text) is not None  # globs are made so that they cannot explode
        import regex

        compiled = regex.compile(self._expression)
        find = compiled.fullmatch if self.whole else compiled.search
        try:
            return find(text, timeout=left) is not None
        except TimeoutError:
            raise _TooLongError from None

    @property
    def _expression(self) -> str | None:
        source = self.source
        return source[1:-1] if len(source) > 2 and source[0] == source[-1] == "/" else None


@dataclass(frozen=True)
class Rule:
    """One rule."""

    verdict: Verdict
    tool: Pattern
    server: Pattern | None = None
    """The MCP server; None says what the module's docstring says."""
    input: Pattern | Mapping[str, Pattern] | None = None
    """On the input as JSON, or on its fields by name."""
    reason: str = ""

    def matches(self, tool: str, server: str | None, arguments: Mapping[str, Any], deadline: float) -> bool:
        """Whether it is for this use of this tool.

        Raises:
            _TooLongError: it cannot be said in time.
        """
        if not self.tool.matches(tool, deadline):
            return False
        if self.server is not None:
            if server is None or not self.server.matches(server, deadline):
                return False
        elif server is not None and self.verdict == "allow":
            return False
        wanted = self.input
        if wanted is None:
            return True
        if isinstance(wanted, Pattern):
            texts = [_json(arguments)] if wanted.whole else [_json(arguments), *_strings(arguments)]
            return any(wanted.matches(text, deadline) for text in texts)
        if self.verdict == "allow" and wanted.keys() != arguments.keys():
            return False
        return wanted.keys() <= arguments.keys() and all(
            pattern.matches(_text(arguments[name]), deadline) for name, pattern in wanted.items()
        )


@dataclass(frozen=True)
class Rules:
    """All of the user's rules."""

    deny: Sequence[Rule] = ()
    allow: Sequence[Rule] = ()

    def __bool__(self) -> bool:
        return bool(self.deny or self.allow)

    def __str__(self) -> str:
        return f"{len(self.deny)} deny, {len(self.allow)} allow" if self else "none"

    def decide(self, tool: str | None, server: str | None, arguments: object) -> Decision | None:
        """What is to be answered, deny before allow; None leaves it to a person."""
        if not tool or not isinstance(arguments, Mapping) or len(_json(arguments)) > LARGEST:
            return None
        deadline = monotonic() + PATIENCE
        try:
            for rules in (self.deny, self.allow):
                for number, rule in enumerate(rules, 1):
                    if rule.matches(tool, server, arguments, deadline):
                        return Decision(rule.verdict, f"{rule.verdict} {number}", rule.reason)
        except _TooLongError:
            return None
        return None


NONE = Rules()


def from_table(value: object) -> Rules:
    """The table of a TOML file: `deny` and `allow`, each an array of tables.

    Raises:
        UnfitError: it is none; says which rule.
    """
    if isinstance(value, Rules):
        return value
    table = _table(value, ("deny", "allow"))
    found: dict[Verdict, list[Rule]] = {"deny": [], "allow": []}
    for verdict, made in found.items():
        listed = table.get(verdict, [])
        if not isinstance(listed, list):
            raise UnfitError(f"must give {verdict} an array of tables")
        for number, one in enumerate(listed, 1):
            try:
                made.append(_rule(verdict, one))
            except UnfitError as error:
                raise UnfitError(f"in {verdict} {number} {error}") from None
    return Rules(tuple(found["deny"]), tuple(found["allow"]))


def _rule(verdict: Verdict, value: object) -> Rule:
    table = _table(value, _KEYS[verdict])
    if "tool" not in table:
        raise UnfitError("must name a tool")
    server = table.get("server")
    reason = table.get("reason", "")
    if not isinstance(reason, str) or len(reason) > _REASON:
        raise UnfitError(f"must give reason a text of at most {_REASON:,} characters")
    return Rule(
        verdict,
        _pattern(table["tool"], whole=True),
        None if server is None else _pattern(server, whole=True),
        _on_input(table["input"], verdict) if "input" in table else None,
        reason.strip(),
    )


def _on_input(value: object, verdict: Verdict) -> Pattern | Mapping[str, Pattern]:
    whole = verdict == "allow"
    if isinstance(value, Mapping):
        if not value:
            raise UnfitError("must name a field of the input")
        return {str(name): _pattern(one, whole=whole) for name, one in value.items()}
    return _pattern(value, whole=whole)


def _pattern(value: object, *, whole: bool) -> Pattern:
    if not isinstance(value, str):
        raise UnfitError(f"must hold patterns that are texts, not {value!r}")
    pattern = Pattern(value, whole)
    pattern.check()
    return pattern


def _table(value: object, keys: Sequence[str]) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise UnfitError(f"must be a table of {', '.join(keys)}, not {value!r}")
    for key in value:
        if key not in keys:
            raise UnfitError(f"holds an unknown key {key!r}; there are {', '.join(keys)}")
    return value


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _text(value: object) -> str:
    return value if isinstance(value, str) else _json(value)


def _strings(value: object) -> Iterator[str]:
    """Every text in a value, names of fields too: in JSON some of their characters are written otherwise."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, str):
            yield one
        elif isinstance(one, Mapping):
            waiting += [*one.keys(), *one.values()]
        elif isinstance(one, list):
            waiting += one

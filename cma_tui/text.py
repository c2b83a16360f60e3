"""Outside text made safe to show, and how numbers are written.

Owns the one definition of the code points that never reach a terminal. `printable` shows them as visible
marks where outside text becomes something to draw; `DANGEROUS` is the same set for the filter that guards the
terminal itself (`cma_tui.ui.guard`). The invariant: nothing that `printable` returns matches `DANGEROUS`,
apart from the line feeds asked for.

Every number format takes None, NaN and infinities, and writes them as "n/a".
Widths in terminal cells are the screen's business: nothing here knows them.
"""

import functools
import math
import re
import time
import unicodedata

CAP = 65_536
"""How many characters of one field are shown unless the caller says otherwise."""

NOT_KNOWN = "n/a"

# ---------------------------------------------------------------------------------------------- code points

_Ranges = tuple[tuple[int, int], ...]

_LINE_FEED: _Ranges = ((0x0A, 0x0A),)
_CONTROLS: _Ranges = ((0x00, 0x09), (0x0B, 0x1F), (0x7F, 0x9F))  # all but the line feed

# What is drawn as nothing and may re-order, hide or carry what the reader does not see: the default
# ignorable code points, the bidirectional controls and the line separators. Joiners and the emoji selectors
# are left out.
_INVISIBLE: _Ranges = (
    (0x00AD, 0x00AD),
    (0x034F, 0x034F),
    (0x061C, 0x061C),
    (0x115F, 0x1160),
    (0x17B4, 0x17B5),
    (0x180B, 0x180F),
    (0x200B, 0x200B),
    (0x200E, 0x200F),
    (0x2028, 0x202E),
    (0x2060, 0x206F),
    (0x3164, 0x3164),
    (0xFE00, 0xFE0D),
    (0xFEFF, 0xFEFF),
    (0xFFA0, 0xFFA0),
    (0xFFF0, 0xFFFB),
    (0x1BCA0, 0x1BCA3),
    (0x1D173, 0x1D17A),
    (0xE0000, 0xE0FFF),
)
_SURROGATES: _Ranges = ((0xD800, 0xDFFF),)
_NONCHARACTERS: _Ranges = (
    (0xFDD0, 0xFDEF),
    *((plane + 0xFFFE, plane + 0xFFFF) for plane in range(0, 0x110000, 0x10000)),
)

# Harmless in prose, misleading in a command or an identifier: joiners, emoji selectors, private use, and
# every space that is not the ASCII one.
_MISLEADING: _Ranges = (
    (0x00A0, 0x00A0),
    (0x1680, 0x1680),
    (0x2000, 0x200A),
    (0x200C, 0x200D),
    (0x202F, 0x202F),
    (0x205F, 0x205F),
    (0x2800, 0x2800),
    (0x3000, 0x3000),
    (0xE000, 0xF8FF),
    (0xFE0E, 0xFE0F),
    (0xF0000, 0xFFFFD),
    (0x100000, 0x10FFFD),
)

# What takes no cell of its own, beside the marks of the Unicode tables: joiners, Hangul vowels and finals.
_STACKING: _Ranges = ((0x1161, 0x11FF), (0x200C, 0x200D), (0xD7B0, 0xD7C6), (0xD7CB, 0xD7FB))
_MARKS_IN_A_ROW = 3

# Beyond the first plane a pattern compares range by range, so the quick search takes all of it for suspect
# but the block of the emoji, which holds nothing that is.
_RARE: _Ranges = ((0x10000, 0x1EFFF), (0x1FFFE, 0x10FFFF))


def _members(ranges: _Ranges) -> str:
    """Return the inside of a character class that holds these ranges."""
    return "".join(f"\\U{first:08x}-\\U{last:08x}" for first, last in ranges)


_DANGEROUS_BUT_LINE_FEED: _Ranges = (*_CONTROLS, *_INVISIBLE, *_SURROGATES, *_NONCHARACTERS)

DANGEROUS = re.compile(f"[{_members(_DANGEROUS_BUT_LINE_FEED + _LINE_FEED)}]")
"""Every code point that may not reach the terminal inside a line; TAB and LF are among them."""

_NOT_ASCII_TEXT = {False: re.compile("[^ -~]"), True: re.compile("[^\n -~]")}
_SGR = re.compile("\x1b\\[[0-9;:]*m")


@functools.cache
def _marks() -> _Ranges:
    """The code points that stack on the one before them. Walking the tables takes some ten milliseconds."""
    ranges: list[tuple[int, int]] = []
    for point in (*range(0x300, 0x1F000), *range(0xE0100, 0xE01F0)):
        if unicodedata.category(chr(point)) in {"Mn", "Me"}:
            if ranges and ranges[-1][1] == point - 1:
                ranges[-1] = (ranges[-1][0], point)
            else:
                ranges.append((point, point))
    return (*ranges, *_STACKING)


_MARK_BLOCKS: _Ranges = (
    (0x0300, 0x036F),
    (0x0483, 0x0489),
    (0x0591, 0x1DFF),
    (0x200C, 0x200D),
    (0x20D0, 0x20FF),
    (0x2CEF, 0x2CF1),
    (0x2D7F, 0x2DFF),
    (0x302A, 0x302F),
    (0x3099, 0x309A),
    (0xA66F, 0xABFF),
    (0xD7B0, 0xD7FB),
    (0xFB1E, 0xFB1E),
    (0xFE00, 0xFE2F),
)
"""Where the marks of the first plane are, coarsely: quick to compile, and most text holds none of them."""


@functools.cache
def _too_many_marks() -> re.Pattern[str]:
    """Return what finds a run over the limit. It begins with a class, not a repeat: that is searched fast."""
    mark = f"[{_members(_marks())}]"
    return re.compile(mark * _MARKS_IN_A_ROW + mark + "+")


def _replaced_ranges(lines: bool, strict: bool) -> _Ranges:
    return _DANGEROUS_BUT_LINE_FEED + (() if lines else _LINE_FEED) + (_MISLEADING if strict else ())


@functools.cache
def _replaced(lines: bool, strict: bool) -> re.Pattern[str]:
    return re.compile(f"[{_members(_replaced_ranges(lines, strict))}]")


@functools.cache
def _suspect(lines: bool, strict: bool) -> re.Pattern[str]:
    """Return what text that is not ASCII must hold to need more than one look. It may find too much."""
    ranges = _replaced_ranges(lines, strict) + _MARK_BLOCKS
    first_plane = tuple(pair for pair in ranges if pair[1] < 0x10000)
    return re.compile(f"[{_members(first_plane + _RARE)}]")


def printable(text: str, *, lines: bool = False, strict: bool = False, cap: int = CAP) -> str:
    """Return `text` with everything a terminal could obey, hide or re-order turned into visible marks.

    Takes any string and never raises; a second call changes nothing. Text is never normalised.

    Args:
        text: Text from outside.
        lines: Keep line feeds; without it they become ⏎, for fields of one line.
        strict: For identifiers and for what waits for an approval: also show joiners, emoji selectors,
            private-use characters and unusual spaces, and show colour sequences instead of dropping them.
        cap: The most characters returned. A text cut there ends in "…".
    """
    cut = len(text) > cap
    if cut:
        text = text[: max(cap, 0)]
    text = _shown(text, lines=lines, strict=strict)
    # Marks are longer than what they stand for, so the result can be over the cap although the text was not.
    if cut or len(text) > cap:
        text = text[: cap - 1] + "…" if cap > 0 else ""
    return text


def _shown(text: str, *, lines: bool, strict: bool) -> str:
    ascii_only = text.isascii()
    suspect = _NOT_ASCII_TEXT[lines] if ascii_only else _suspect(lines, strict)
    if suspect.search(text) is None:
        return text
    if not strict:
        text = _SGR.sub("", text)
    text = text.replace("\r\n", "\n").replace("\t", "    ")
    if not lines:
        text = text.replace("\n", "⏎")
    text = _replaced(lines, strict).sub(_visible, text)
    return text if ascii_only or text.isascii() else _too_many_marks().sub(_counted, text)


def _visible(match: re.Match[str]) -> str:
    point = ord(match[0])
    if point < 0x20:
        return chr(0x2400 + point)
    if point == 0x7F:
        return "\u2421"
    if 0xD800 <= point <= 0xDFFF:
        return "\ufffd"
    return f"<U+{point:04X}>"


def _counted(match: re.Match[str]) -> str:
    marks = match[0]
    return f"{marks[:_MARKS_IN_A_ROW]}<+{len(marks) - _MARKS_IN_A_ROW} marks>"


def first_line(text: str, limit: int) -> str:
    """Return the first line of `text` that shows anything, printable, in at most `limit` characters.

    A line cut at the limit ends in "…". Only the part of the text that `CAP` covers is looked at.
    """
    for line in text[:CAP].split("\n"):
        if line and not line.isspace():
            shown = printable(line.removesuffix("\r")).strip()
            if shown:
                return printable(shown, cap=limit)
    return ""


# ---------------------------------------------------------------------------------------------- numbers


def _finite(value: float | None) -> float | None:
    """Return the value as a float, or None where it is not a number that can be written."""
    if value is None:
        return None
    try:
        number = float(value)
    except OverflowError:  # an integer beyond what a float holds
        return None
    return number if math.isfinite(number) else None


def _scaled(value: float, units: tuple[str, ...], places: tuple[int, int, int]) -> str:
    """Write a value of 1000 or more with the first unit of a thousand that leaves less than 1000.

    Args:
        value: What to write.
        units: The suffixes for 10³, 10⁶ and so on.
        places: The decimals below 10, below 100 and below 1000 of a unit.
    """
    for unit in units:
        value /= 1000
        for decimals, limit in zip(places, (10, 100, 1000), strict=True):
            if round(value, decimals) < limit:
                return f"{value:.{decimals}f}{unit}"
    return f">999{units[-1]}"


def duration(seconds: float | None) -> str:
    """Write a length of time given in seconds: 0.42s, 9.4s, 42s, 2m08s, 1h04m, 3d02h.

    Rounded to the last digit shown up to an hour, and cut to it from there on.
    """
    value = _finite(seconds)
    if value is None:
        return NOT_KNOWN
    sign, value = ("-" if value < 0 else ""), abs(value)
    whole = round(value)
    if value < 0.995:
        shown = f"{value:.2f}s"
    elif value < 9.95:
        shown = f"{value:.1f}s"
    elif whole < 60:
        shown = f"{whole}s"
    elif whole < 3600:
        shown = f"{whole // 60}m{whole % 60:02d}s"
    elif whole < 86_400:
        shown = f"{whole // 3600}h{whole % 3600 // 60:02d}m"
    elif whole < 10_000 * 86_400:
        shown = f"{whole // 86_400}d{whole % 86_400 // 3600:02d}h"
    else:
        shown = ">9999d"
    return sign + shown


def offset(seconds: float | None) -> str:
    """Write a place on a timeline, in seconds after its start, to the tenth: 00.4, 1:02.4, 1:04:02.4."""
    value = _finite(seconds)
    if value is None:
        return NOT_KNOWN
    if abs(value) >= 10_000 * 3600:
        return ">9999h" if value > 0 else "->9999h"
    tenths = round(abs(value) * 10)
    sign = "-" if value < 0 and tenths else ""
    minutes, tenths = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    within = f"{tenths // 10:02d}.{tenths % 10}"
    if hours:
        return f"{sign}{hours}:{minutes:02d}:{within}"
    return f"{sign}{minutes}:{within}" if minutes else sign + within


def count(number: float | None) -> str:
    """Write how many there are, to three digits from a thousand on: 412, 4.1k, 18.2k, 182k, 1.20M."""
    value = _finite(number)
    if value is None:
        return NOT_KNOWN
    sign, value = ("-" if round(value) < 0 else ""), abs(value)
    if round(value) < 1000:
        return f"{sign}{round(value)}"
    if round(value / 1000) < 1000:
        return sign + _scaled(value, ("k",), (1, 1, 0))
    return sign + _scaled(value / 1000, ("M", "G", "T"), (2, 1, 0))


def size(length: float | None) -> str:
    """Write a number of bytes in decimal units: 412 B, 1.1 kB, 182 kB, 1.1 MB."""
    value = _finite(length)
    if value is None:
        return NOT_KNOWN
    sign, value = ("-" if round(value) < 0 else ""), abs(value)
    if round(value) < 1000:
        return f"{sign}{round(value)} B"
    return sign + _scaled(value, (" kB", " MB", " GB", " TB"), (1, 1, 0))


def money(usd: float | None, exact: bool = True) -> str:
    """Write an amount of US dollars: $0.31, $12.40, <$0.01; an estimate (not `exact`) as ~$0.31."""
    value = _finite(usd)
    if value is None:
        return NOT_KNOWN
    about = "" if exact else "~"
    if value and round(value, 2) == 0:
        return f"{about}<$0.01"
    sign, value = ("-" if value < 0 else ""), abs(value)
    shown = f"{value:,.2f}" if round(value, 2) < 1_000_000 else count(value)
    return f"{about}{sign}${shown}"


def ago(seconds: float | None) -> str:
    """Write how long ago something was, in seconds: now, 3s ago, 4 min ago, 5 h ago, 3 d ago.

    What clocks that disagree put into the future reads "in 4 min".
    """
    value = _finite(seconds)
    if value is None:
        return NOT_KNOWN
    whole = int(abs(value))
    if whole == 0:
        return "now"
    if whole < 60:
        shown = f"{whole}s"
    elif whole < 3600:
        shown = f"{whole // 60} min"
    elif whole < 2 * 86_400:
        shown = f"{whole // 3600} h"
    else:
        days = whole // 86_400
        shown = f"{days} d" if days < 10_000 else ">9999 d"
    return f"in {shown}" if value < 0 else f"{shown} ago"


def clock(epoch_seconds: float | None) -> str:
    """Write a moment, in seconds since 1970 UTC, as local HH:MM:SS."""
    value = _finite(epoch_seconds)
    if value is None:
        return NOT_KNOWN
    try:
        moment = time.localtime(value)
    except (OverflowError, OSError, ValueError):  # beyond the calendar of this system
        return NOT_KNOWN
    return time.strftime("%H:%M:%S", moment)

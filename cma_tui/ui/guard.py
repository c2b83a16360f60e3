"""The last filter in front of the terminal.

Owns what may leave the screen as bytes: no code point of `cma_tui.text.DANGEROUS`, no hyperlink, and no
action that a click on text would run. The invariant holds for every widget, since Textual passes each line of
each widget through the filters of the app. Text should be made printable long before; what is deleted here
had slipped.
"""

import re
from functools import lru_cache

from rich.cells import get_character_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.filter import LineFilter

from cma_tui.text import DANGEROUS

# The actions that Textual's own scroll bars hang on their segments. Any other could come from outside text.
_SCROLL_BAR_ACTIONS = ("grab", "scroll_up", "scroll_down")


class TerminalGuard(LineFilter):
    """Deletes what a terminal could obey from every segment, and links and click actions from every style.

    An app keeps one instance and returns it last from `get_line_filters`: lines are cached by filter.
    """

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """Return the segments with nothing dangerous in them: the same list where nothing was."""
        for segment in segments:
            if not _is_clean(segment):
                return [_cleaned(segment) for segment in segments]
        return segments


def _is_clean(segment: Segment) -> bool:
    text, style, control = segment
    return (
        control is None
        and ((text.isascii() and text.isprintable()) or DANGEROUS.search(text) is None)
        and (style is None or _is_inert(style))
    )


def _cleaned(segment: Segment) -> Segment:
    text, style, _control = segment
    return Segment(DANGEROUS.sub(_blank, text), style if style is None or _is_inert(style) else _inert(style))


def _blank(match: re.Match[str]) -> str:
    """Return as many spaces as the layout counted for the deleted character, so that nothing shifts."""
    return " " * get_character_cell_size(match[0])


@lru_cache(8192)
def _is_inert(style: Style) -> bool:
    """Whether the style has neither a link nor an action. Cached, because rich unpickles `meta` each time."""
    return style.link is None and all(_is_harmless(name, value) for name, value in style.meta.items())


def _inert(style: Style) -> Style:
    """Return the style without its link and its actions."""
    kept = {name: value for name, value in style.meta.items() if _is_harmless(name, value)}
    bare = style.clear_meta_and_links()
    return bare + Style.from_meta(kept) if kept else bare


def _is_harmless(name: str, value: object) -> bool:
    return not name.startswith("@") or (name == "@mouse.down" and value in _SCROLL_BAR_ACTIONS)

"""Colours: two themes of our own beside Textual's.

Owns no style of a widget, only the palettes the widgets' styles name. Invariant: every foreground
reads on its background at 4.5 : 1 or better.
"""

from __future__ import annotations

from textual.theme import Theme

DARK = Theme(
    name="cma-dark",
    dark=True,
    primary="#7aa2c9",
    secondary="#9a8fd0",
    accent="#e0a15a",
    foreground="#d6d3cc",
    background="#16181c",
    surface="#1d2025",
    panel="#262a31",
    success="#86b886",
    warning="#e0a15a",
    error="#e07a72",
    variables={
        "footer-key-foreground": "#e0a15a",
        "cma-you": "#e0a15a",
        "cma-agent": "#d6d3cc",
        "cma-tool": "#7fb5c2",
        "cma-model": "#8a8f99",
        "cma-thread": "#a99bdc",
        "cma-quiet": "#8a8f99",
        "cma-cursor": "#2b313a",
        "cma-on-mark": "#16181c",
    },
)

LIGHT = Theme(
    name="cma-light",
    dark=False,
    primary="#2f5d8a",
    secondary="#5b4aa0",
    accent="#9a5a10",
    foreground="#26282c",
    background="#faf8f4",
    surface="#f1eee8",
    panel="#e6e2da",
    success="#2f6b34",
    warning="#8a5200",
    error="#a8322a",
    variables={
        "footer-key-foreground": "#9a5a10",
        "cma-you": "#8a5200",
        "cma-agent": "#26282c",
        "cma-tool": "#1f6273",
        "cma-model": "#666a72",
        "cma-thread": "#5b4aa0",
        "cma-quiet": "#666a72",
        "cma-cursor": "#dfe5ea",
        "cma-on-mark": "#faf8f4",
    },
)

THEMES = (DARK, LIGHT)

FALLBACKS = {
    "cma-you": "accent",
    "cma-agent": "foreground",
    "cma-tool": "primary",
    "cma-model": "foreground-muted",
    "cma-thread": "secondary",
    "cma-quiet": "foreground-muted",
    "cma-cursor": "panel",
    "cma-on-mark": "background",
}
"""Which of Textual's colours stand in for ours in themes that do not define them."""

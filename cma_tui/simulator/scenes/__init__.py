"""Owns which scene answers which message: the repertoire of the incident-responder.

Invariant: every message gets a scene. A keyword in it chooses; the first message without one starts the
investigation, and any later one is answered from what the agent knows by then.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from cma_tui.simulator.scenes import incident, situations, talk
from cma_tui.simulator.scenes.situations import outcome
from cma_tui.simulator.script import Scene, Turn

__all__ = ["choose", "outcome"]

# The first row with a word that the message has wins. A long word also matches what begins with it.
_REPERTOIRE: list[tuple[str, Callable[[Turn], Scene]]] = [
    ("help", talk.help_),
    ("hostile escape", situations.hostile),
    ("exploit attack", situations.refusal),
    ("budget", situations.budget),
    ("overload", situations.overload),
    ("terminate crash", situations.crash),
    ("compact", situations.compaction),
    ("workflow", situations.workflow),
    ("delegate subagent", situations.delegation),
    ("search runbook", incident.search),
    ("postmortem post-mortem", incident.postmortem),
    ("rollback roll revert undo fix", incident.rollback),
    ("investigat incident p99 latency debug slow", incident.investigate),
    ("hi hello hey thanks thank", talk.greet),
]

_WHOLE_WORD_LENGTH = 3


def choose(turn: Turn) -> Scene:
    """The scene for a user's message."""
    for words, scene in _REPERTOIRE:
        if any(re.search(_pattern(word), turn.text, re.IGNORECASE) for word in words.split()):
            return scene(turn)
    return incident.investigate(turn) if turn.number == 1 else talk.answer(turn)


def _pattern(word: str) -> str:
    return rf"\b{re.escape(word)}" + (r"\b" if len(word) <= _WHOLE_WORD_LENGTH else "")

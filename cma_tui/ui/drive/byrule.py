"""Answers by the user's rules, in a session that is on the screen.

Owns which uses were looked at, what was answered, and the switch. Invariants: a use is answered by rule once
at most, and only while the rules are on and the session is known as it is now: everything folded, the line
up, the log looked at less than a minute ago, nothing of the past on the screen; all that is checked again
right before sending, after the log of such answers has its line; each answer is told on the screen.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from cma_tui.rules import Decision, Rules
from cma_tui.ruling import asks, confirmation, note, ruling
from cma_tui.session.model import ToolUse
from cma_tui.text import printable
from cma_tui.ui.drive.answers import Answering
from cma_tui.ui.drive.asked import Asked, asked_of, still_asked, tool_name, waiting_uses


class ByRule:
    """The rules at work."""

    def __init__(self, panel: Answering, rules: Rules, folder: Path) -> None:
        self._panel = panel
        self._rules = rules
        self._folder = folder
        self._looked: dict[str, bytes] = {}
        """What waits and the rules were asked about, as it stood: they are asked once."""
        self._answered = {"allow": 0, "deny": 0}
        self.on = True
        """Whether anything is answered: the user may switch it off for this session."""

    def words(self) -> str:
        """How many rules there are, and what they did here."""
        done = {"allow": "allowed", "deny": "denied"}
        said = [f"{number} {done[verdict]}" for verdict, number in self._answered.items() if number]
        return f"rules {'on' if self.on else 'off'} ({', '.join(said) or self._rules})"

    def step(self) -> None:
        """Answer what waits now, as far as the rules say how."""
        session = self._panel.feed.session
        for gone in self._looked.keys() - session.pending.keys():
            del self._looked[gone]
        if not session.pending or not self._fresh():
            return
        for use in waiting_uses(session)[0]:
            asked = asked_of(session, use)
            if not asks(session, use) or self._looked.get(use.key) == asked.raw:
                continue
            self._looked[use.key] = asked.raw
            decision = ruling(session, use, self._rules)
            if decision is not None and not self._panel.approval.is_sent(use.key):
                self._panel.run_worker(self._answer(use, asked, decision))

    def _fresh(self) -> bool:
        return self.on and self._panel.is_known() and not self._panel.away

    async def _answer(self, use: ToolUse, asked: Asked, decision: Decision) -> None:
        panel = self._panel
        name = printable(tool_name(use), strict=True, cap=80)
        try:
            await self._note(use, asked, decision, "sending")
        except OSError as error:
            panel.say(f"{name} is not answered by rule, the log cannot be written: {error}", "$error")
            return
        if not self._still(asked):
            self._looked.pop(use.key, None)  # to be looked at again, should it still wait
            what = "not sent: what was known is out of date"
        else:
            panel.approval.sending([use.key])
            sent = await panel.send_answer(asked, confirmation(use.key, decision))
            what = "sent" if sent else "not sent: see the session's log"
            if sent:
                self._answered[decision.verdict] += 1
                said = f"{name} {'allowed' if decision.verdict == 'allow' else 'denied'}"
                panel.app.notify(f"{said} by rule: {decision.rule}", markup=False, timeout=10)
        try:
            await self._note(use, asked, decision, what)
        except OSError as error:
            panel.say(f"the log of answers cannot be written: {error}", "$error")

    def _still(self, asked: Asked) -> bool:
        """Whether it asks as it did, and nobody else has answered."""
        session = self._panel.feed.session
        if not self._fresh() or self._panel.approval.is_sent(asked.key) or not still_asked(session, asked):
            return False
        use = session.items[session.pending[asked.key]]
        return isinstance(use, ToolUse) and asks(session, use)

    async def _note(self, use: ToolUse, asked: Asked, decision: Decision, what: str) -> None:
        session = self._panel.feed.session.id or ""
        await asyncio.to_thread(note, self._folder, session, use, asked.raw, decision, what)

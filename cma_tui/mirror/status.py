"""How the mirror stands, for the header and for the end.

Owns the words for it. Invariant: a status is a value; showing it asks nobody.
"""

from __future__ import annotations

import msgspec


class Status(msgspec.Struct, frozen=True):
    """How the mirror stands. Turns of this session, unless it says otherwise."""

    on: bool
    sent: int = 0
    """The server has them."""
    waiting: int = 0
    """They are on disk or about to be."""
    open: int = 0
    """1 while a turn runs."""
    failed: int = 0
    """The server refuses some row of them."""
    elsewhere: int = 0
    """Turns of other sessions that wait."""
    lost: int = 0
    """Turns of any session that were dropped because too much waited."""
    masked: int = 0
    """Places where a secret was masked."""
    problem: str = ""
    """Why it does not go on, in one line."""

    @property
    def words(self) -> str:
        """It in the words of the header; empty when the mirror is off."""
        if not self.on:
            return ""
        parts = [f"{self.sent} sent"]
        for number, word in (
            (self.waiting, "waiting"),
            (self.open, "open"),
            (self.failed, "failed"),
            (self.lost, "lost"),
        ):
            if number:
                parts.append(f"{number} {word}")
        return f"braintrust {', '.join(parts)}"

    @property
    def farewell(self) -> str:
        """What there is to say when the screen is gone: one line, or nothing."""
        left = self.waiting + self.elsewhere
        parts = []
        if left:
            turns = "1 turn waits" if left == 1 else f"{left} turns wait"
            parts.append(
                f"{turns} for Braintrust: cma-top trace sends what waits, as does the next traced session"
            )
        if self.failed:
            parts.append(f"Braintrust refused rows of {self.failed} turn{'s' if self.failed > 1 else ''}")
        if parts and self.problem:
            parts.append(self.problem)
        return "; ".join(parts)

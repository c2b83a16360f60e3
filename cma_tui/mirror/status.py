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
    damage: str = ""
    """What became of an outbox that could not be read, in one line."""

    @property
    def words(self) -> str:
        """It in words; empty when the mirror is off."""
        return f"braintrust {', '.join([f'{self.sent} sent', *self._rest])}" if self.on else ""

    @property
    def short(self) -> str:
        """It where there is little room: what keeps it from going on stands for what was sent."""
        return ", ".join([self.problem, *self._rest]) if self.on and self.problem else self.words

    @property
    def told(self) -> str:
        """It in a line of its own."""
        return ", ".join([f"{turns_of(self.sent)} in Braintrust", *self._rest])

    @property
    def _rest(self) -> list[str]:
        counts = {
            "waiting": self.waiting,
            "open": self.open,
            "failed": self.failed,
            "lost": self.lost,
        }
        return [f"{number} {word}" for word, number in counts.items() if number]

    @property
    def farewell(self) -> str:
        """What there is to say at the end: one line, or nothing."""
        return "; ".join(filter(None, [self.damage, self.unsent]))

    @property
    def unsent(self) -> str:
        """What is not in Braintrust, and why: one line, or nothing."""
        left = self.waiting + self.elsewhere
        parts = []
        if left:
            parts.append(
                f"{turns_of(left)} wait{'s' if left == 1 else ''} for Braintrust: "
                "cma-top trace sends what waits, as does the next traced session"
            )
        if self.failed:
            parts.append(f"Braintrust refused rows of {turns_of(self.failed)}")
        if parts and self.problem:
            parts.append(self.problem)
        return "; ".join(parts)


def turns_of(number: int) -> str:
    """So many turns, in words."""
    return "1 turn" if number == 1 else f"{number} turns"

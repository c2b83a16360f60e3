"""The bar of what waits for an answer: a yes or a no, or a result.

Owns the safety of answering. Invariants: it never takes the focus by itself; an answer needs two
different keys, one to come here and one to decide, and neither is Enter or Space; keys are ignored for
a moment after what is asked has appeared or changed, and a key that does not come alone decides nothing;
nothing is allowed that was not wholly on the screen; the answer names the tool use that was shown;
nothing stands to the right of the text that is approved.
"""

from __future__ import annotations

from collections.abc import Callable

from textual import events
from textual.content import Content
from textual.errors import NoWidget
from textual.message import Message
from textual.widgets import Static, TextArea

from cma_tui.keys import of_section
from cma_tui.report.words import agent_name, policy_words
from cma_tui.session.model import Session, ToolUse
from cma_tui.text import count, printable
from cma_tui.ui.drive.arming import Guard
from cma_tui.ui.drive.asked import (
    LONGEST,
    Asked,
    asked_of,
    awaited_use,
    payload_lines,
    still_asked,
    tool_name,
    waiting_uses,
)
from cma_tui.ui.keys import Hint, hint_content, keymap_of, pressed

_LINES = 8
PATIENCE = 3.0
"""Seconds that a tool's result may take before a person is asked for it: a program answers sooner."""


class Approval(Static, can_focus=True):
    """What a waiting tool use wants to do, in full words."""

    DEFAULT_CSS = """
    Approval { height: auto; width: 1fr; padding: 0 1; display: none; background: $surface;
               border-top: solid $warning; }
    Approval.-asking { display: block; }
    Approval:focus { background: $panel; border-top: heavy $warning; }
    """

    KEYS = (*of_section("approval"), *of_section("move"))
    """All are looked at here, in the order in which they come: none is a binding, which comes later."""

    class Decided(Message):
        """The user answered what was asked."""

        def __init__(self, asked: list[Asked], verdict: str) -> None:
            self.asked = asked
            self.verdict = verdict
            super().__init__()

    class Wanted(Message):
        """The user wants to write: a `reason` for a no, or a `result`."""

        def __init__(self, asked: list[Asked], kind: str) -> None:
            self.asked = asked
            self.kind = kind
            super().__init__()

    class Summary(Message):
        """The user wants to decide several at once: they are to be listed first."""

        def __init__(self, asked: list[Asked], verdict: str) -> None:
            self.asked = asked
            self.verdict = verdict
            super().__init__()

    class Left(Message):
        """The user goes back to the timeline."""

    def __init__(self) -> None:
        super().__init__(markup=False)
        self.asked: Asked | None = None
        """The tool use on the screen, as it was drawn."""
        self.guard = Guard(self)
        self.hosted: Callable[[ToolUse], bool] = lambda _: False
        """Whether a use's result comes from a program that runs here."""
        self._session = Session()
        self._sent: set[str] = set()
        self._marked: dict[str, Asked] = {}
        self._top = 0
        self._seen = 0
        """Lines of the payload that have been on the screen."""
        self._length = 0
        self._first_seen: dict[str, float] = {}
        self._note = ""

    # -- what is shown ---------------------------------------------------------------------------------

    def show(self, session: Session) -> None:
        """Draw what waits now; anything new disarms the keys for a moment."""
        self._session = session
        waiting = self._waiting()
        self.set_class(bool(waiting), "-asking")
        self._marked = {k: a for k, a in self._marked.items() if still_asked(session, a)}
        if not waiting:
            self.asked, self._note = None, ""
            if self.has_focus:
                self.post_message(self.Left())
            return
        keys = [use.key for use in waiting]
        at = keys.index(self.asked.key) if self.asked is not None and self.asked.key in keys else 0
        asked = asked_of(session, waiting[at])
        if asked != self.asked:
            self._turn_to(asked)
        self.update(self._words(waiting, at))

    def look_out(self, text: str) -> None:
        """Be there for what is not known yet."""
        self.add_class("-asking")
        self.update(Content.styled(printable(text), "$warning"))

    def _waiting(self) -> list[ToolUse]:
        """What a person can answer: confirmations first, then results that nobody seems to give."""
        confirmations, results = waiting_uses(self._session)
        patient = []
        for gone in self._first_seen.keys() - self._session.pending.keys():
            del self._first_seen[gone]
        for use in results:
            if self.hosted(use):
                continue
            if use.key not in self._first_seen:
                self._first_seen[use.key] = self.guard.clock()
                self.set_timer(PATIENCE, lambda: self.show(self._session))
            if self.guard.clock() - self._first_seen[use.key] >= PATIENCE:
                patient.append(use)
        return confirmations + patient

    @property
    def several(self) -> bool:
        """Whether there are others to go to."""
        return len(self._waiting()) > 1

    def _turn_to(self, asked: Asked | None) -> None:
        self.asked, self._note = asked, ""
        self._top = self._seen = 0
        self.guard.disarm()

    def _words(self, waiting: list[ToolUse], at: int) -> Content:
        session, use = self._session, waiting[at]
        event = session.events[use.event]
        thread = f" in {agent_name(session, use.thread)}" if use.thread else ""
        what = "approve" if use.awaited == "confirmation" else "result"
        marked = f"   {len(self._marked)} marked" if self._marked else ""
        marked += ", this too" if use.key in self._marked else ""
        head = Content.assemble(
            Content.styled(f"{what} {at + 1} of {len(waiting)}  ", "$warning bold"),
            Content.styled(printable(tool_name(use) + thread, strict=True, cap=200), "bold"),
            Content.styled(marked, "$warning"),
        )
        lines = payload_lines(event, max(20, self.screen.size.width - 4))
        room = self._room()
        self._length = len(lines)
        self._top = max(0, min(self._top, len(lines) - room))
        if self._top <= self._seen:
            self._seen = max(self._seen, self._top + room)
        how = policy_words(event)
        policy = f"policy: {how}" if how else ""
        parts = [head, *([Content.styled(policy, "$cma-quiet")] if policy else [])]
        parts.append(Content("\n".join(lines[self._top : self._top + room])))
        below = len(lines) - self._top - room
        if below > 0 or self._top:
            hint = keymap_of(self).hint
            how = (
                hint("scroll", "move.down", "move.up")
                if self.has_focus
                else f"read on after {keymap_of(self).of('session.answer')[0]}"
            )
            parts.append(
                Content.styled(f"… {count(below)} more lines ({count(self._top)} above): {how}", "$warning")
            )
        return Content("\n").join([*parts, self._hint(use, len(waiting))])

    def _room(self) -> int:
        """Lines of the payload that are shown: more while the bar has the keys, never all of the screen."""
        height = self.screen.size.height
        return max(4, height // 2 - 5) if self.has_focus else max(3, min(_LINES, height // 3))

    def _hint(self, use: ToolUse, waiting: int) -> Content:
        if use.key in self._sent:
            return Content.styled("sent, waiting for the server", "$cma-quiet")
        if self._note:
            return Content.styled(self._note, "$error")
        hint = keymap_of(self).hint
        if not self.has_focus:
            leave = (
                f"{keymap_of(self).of('composer.leave')[0]}, then "
                if isinstance(self.screen.focused, TextArea)
                else ""
            )
            return Content.styled(f"{leave}{hint('to answer', 'session.answer')}", "$warning bold")
        said: list[Hint] = [("write its result", "approval.result")]
        if use.awaited == "confirmation":
            why = "with a reason" if waiting > 1 else "deny with a reason"
            said = [("allow", "approval.allow"), ("deny", "approval.deny"), (why, "approval.deny-reason")]
        if waiting > 1:
            said += [("others", "approval.next", "approval.previous"), ("mark", "approval.mark")]
        if self._marked:
            said.append(("marked", "approval.allow-marked", "approval.deny-marked"))
        keys = [(keymap_of(self).keys(*ids), does) for does, *ids in [*said, ("back", "approval.leave")]]
        return hint_content(keys, "$warning bold", "$foreground")

    def say(self, text: str) -> None:
        """Say on the bar why nothing was sent, until something changes."""
        self._note = printable(text)
        self.show(self._session)

    # -- keys ------------------------------------------------------------------------------------------

    def on_focus(self) -> None:
        """Coming here arms the keys after a moment."""
        self.guard.disarm()

    def on_paste(self, event: events.Paste) -> None:
        """A paste is no answer."""
        event.stop()
        self.guard.other()

    def on_key(self, event: events.Key) -> None:
        """Few keys decide, and only while armed."""
        meant = pressed(self, event, self.KEYS)
        if meant == "approval.leave":
            event.stop()
            self.guard.disarm()
            self.post_message(self.Left())
            return
        asked = self.asked
        if asked is None:
            self.guard.other()
            if event.is_printable:
                event.stop()
            return
        deeds = {
            "approval.allow": lambda: self._decide(asked, "allow"),
            "approval.deny": lambda: self._decide(asked, "deny"),
            "approval.deny-reason": lambda: self._want(asked, "reason"),
            "approval.result": lambda: self._want(asked, "result"),
            "approval.allow-marked": lambda: self._summarise("allow"),
            "approval.deny-marked": lambda: self._summarise("deny"),
        }
        moves = {
            "move.down": 1, "move.up": -1, "move.page-down": self._room(), "move.page-up": -self._room(),
            "move.first": -self._length, "move.last": self._length,
        }  # fmt: skip
        if meant in deeds:
            event.stop()
            if self._fits(asked, meant):
                self.guard.press(deeds[meant])
            return
        self.guard.other()
        if meant in moves:
            event.stop()
            # Never past a line that was not on the screen: what is allowed has been passed by the eye.
            self._top = max(0, min(self._top + moves[meant], self._seen))
            self.show(self._session)
        elif meant in ("approval.next", "approval.previous"):
            event.stop()
            self._next(1 if meant == "approval.next" else -1)
        elif meant == "approval.mark":
            event.stop()
            self._mark(asked)
        elif event.character is not None and event.character.isalpha():
            event.stop()  # what is typed here by mistake opens nothing

    def _fits(self, asked: Asked, meant: str) -> bool:
        """Whether the key means something for what is asked."""
        use = awaited_use(self._session, asked.key)
        if meant in ("approval.allow-marked", "approval.deny-marked"):
            return bool(self._marked)
        if asked.key in self._sent:
            return False
        if use is None:  # it has gone, and that is not drawn yet: whoever sends will say so
            return True
        return (use.awaited == "confirmation") == (meant != "approval.result")

    def _decide(self, asked: Asked, verdict: str) -> None:
        if asked != self.asked or asked.key in self._sent:
            return
        if verdict == "allow" and (self._seen < self._length or self._too_long(asked)):
            moves = ", ".join(keymap_of(self).of(name)[0] for name in ("move.down", "move.page-down"))
            self.say(f"not sent: read it to its end first ({moves})")
            return
        if verdict == "allow" and not self._whole():
            self.say("not sent: there is not room for all of it")
            return
        self._sent.add(asked.key)
        self.post_message(self.Decided([asked], verdict))

    def _whole(self) -> bool:
        """Whether all of the bar is on the screen: on a very small one its end is below the edge."""
        try:
            place = self.screen.find_widget(self)
        except NoWidget:
            return False
        return place.visible_region.size == self.outer_size

    def _want(self, asked: Asked, kind: str) -> None:
        self.post_message(self.Wanted([asked], kind))

    def _too_long(self, asked: Asked) -> bool:
        return len(asked.raw) > LONGEST

    def _summarise(self, verdict: str) -> None:
        self.post_message(self.Summary(list(self._marked.values()), verdict))

    def _next(self, by: int) -> None:
        waiting = self._waiting()
        keys = [use.key for use in waiting]
        if self.asked is not None and self.asked.key in keys:
            use = waiting[(keys.index(self.asked.key) + by) % len(keys)]
            if use.key != self.asked.key:
                self._turn_to(asked_of(self._session, use))
            self.show(self._session)

    def _mark(self, asked: Asked) -> None:
        use = awaited_use(self._session, asked.key)
        if use is not None and use.awaited == "confirmation" and asked.key not in self._sent:
            if self._marked.pop(asked.key, None) is None:
                self._marked[asked.key] = asked
            self.show(self._session)

    # -- what became of answers -------------------------------------------------------------------------

    def sending(self, keys: list[str]) -> None:
        """Answers that were decided elsewhere are on their way."""
        self._sent.update(keys)
        for key in keys:
            self._marked.pop(key, None)
        self.show(self._session)

    def is_sent(self, key: str) -> bool:
        """Whether an answer is on its way."""
        return key in self._sent

    def failed(self, key: str) -> None:
        """The answer was not accepted: it may be given again, but not by a key that is still held down."""
        self._sent.discard(key)
        self.guard.disarm()

# ruff: noqa: C408, RUF007
"""The figures of a log, worked out the slow and simple way, from its JSON alone.

This shares no code with cma_tui, so that a mistake there is not repeated here: it walks over the whole log
for every figure. Times are whole microseconds, money is billionths of a dollar.
"""

from datetime import UTC, datetime, timedelta

INPUTS = ("user.message", "user.define_outcome")
USES = ("agent.tool_use", "agent.mcp_tool_use", "agent.custom_tool_use")
RESULTS = {
    "agent.tool_result": "tool_use_id",
    "agent.mcp_tool_result": "mcp_tool_use_id",
    "user.custom_tool_result": "custom_tool_use_id",
    "user.tool_result": "tool_use_id",
}
WORK = (
    "agent.message",
    "agent.thinking",
    "agent.thread_message_received",
    "agent.thread_message_sent",
    "span.model_request_start",
    "span.outcome_evaluation_start",
    *USES,
)
SESSION_ONLY = (
    "session.status",
    "session.updated",
    "session.usage",
    "user.define",
    "user.interrupt",
    "user.message",
)
QUEUED = ("user.message", "user.interrupt", "system.message")
TIMES = ("model", "tools", "answer", "you", "other", "idle")
TOKENS = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens")
KINDS = {
    "timeout": "timeouts",
    "api": "api_errors",
    "tool": "tool_failures",
    "sandbox": "sandbox_errors",
    "unknown": "unknown_errors",
}
ADDED = (
    *("model_requests", "model_errors", "tool_uses", "tool_errors", "denied", "confirmations"),
    *("errors", "retrying", "rescheduled", "interrupts", "compactions", "evaluations"),
    *(*TOKENS, "grader_tokens", "model_us", "tool_us", "approvals", "approval_us", "estimate", "saved"),
    *("unmetered", "timed_tokens", "timed_us", "priced", "unpriced", "queued", "queue_us"),
    *(*KINDS.values(), "silent_errors"),
)
ALL = object()
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def micros(stamp):
    return None if stamp is None else (datetime.fromisoformat(stamp) - EPOCH) // timedelta(microseconds=1)


class E:
    """One event of the log: its JSON, the child's stream it is from, its time."""

    def __init__(self, data, stream, received=None):
        self.data, self.stream, self.at = data, stream, micros(data.get("processed_at"))
        self.received, self.wait = received, None
        self.type, self.id = data["type"], data.get("id")
        self.turn = -1

    def __getitem__(self, key):
        return self.data.get(key)


def order(log):
    """Each event once, in its place: a message in the queue has none yet."""
    events, queue, stamped, heard, primary, known = [], [], False, False, None, set()
    previews = []

    def take(e):
        nonlocal heard
        heard = heard or not e.type.startswith("local.")
        events.append(e)

    for data, stream, received in log:
        e = E(data, stream, received)
        subject = data.get("session_thread_id")
        if e.type == "session.thread_created":
            known.add(subject)
        elif e.type.startswith("session.thread_status") and primary is None and subject not in known:
            primary = subject
        if e.stream is not None and e.stream == primary:
            e.stream = None
        if e.type in ("event_start", "event_delta"):
            previews.append((len(events), e))
            continue
        before = next((x for x in events if x.id is not None and x.id == e.id), None)
        if before is not None:
            if before.stream != e.stream:
                if e.stream is not None:
                    before.both = True
                    before.data, before.at, before.stream_of_copy = e.data, e.at, e.stream
            elif e.at is not None and (before.at is None or e.at > before.at):
                before.data, before.at = e.data, e.at
            continue
        if e.at is not None:
            stamped = True
        elif e.type in QUEUED and (stamped or not heard):
            if all(q.id != e.id for q in queue):
                queue.append(e)
            continue
        for q in queue:
            if q.id == e.id and q.received is not None and e.received is not None:
                e.wait = round(1_000_000 * max(0, e.received - q.received))
        queue = [q for q in queue if q.id != e.id]
        if queue and not stamped and not e.type.startswith(("user.", "local.")):
            for q in queue:
                take(q)
            queue = []
        elif queue and e.type == "span.model_request_start" and e.stream is None:
            since = [x for x in events if x.stream is None]
            ends = [i for i, x in enumerate(since) if ends_turn(x)]
            inside = since[ends[-1] + 1 :] if ends else since
            if not any(x.type in INPUTS for x in inside):
                for q in [q for q in queue if q.type != "user.interrupt"]:
                    take(q)
                    queue.remove(q)
        take(e)
    return events, primary, previews


def ends_turn(e):
    if e.type in ("session.status_terminated", "session.deleted"):
        return True
    return e.type == "session.status_idle" and reason(e) != "requires_action"


def reason(e):
    said = e["stop_reason"]
    return said.get("type") if isinstance(said, dict) else said


class Use:
    def __init__(self, e, thread, request):
        self.e, self.thread, self.request = e, thread, request
        self.result = self.confirmation = None
        self.host = False


class Naive:
    def __init__(self, log, price=None):
        self.price = price
        self.events, self.primary, self.previews = order(log)
        self.walk()

    def walk(self):
        """Turns, requests, uses: one walk over the log, with everything that is open at hand."""
        self.turns, self.requests, self.uses, self.grades, self.snaps = [], [], [], [], []
        self.failures, self.others, self.begun, self.measured = [], [], {}, 0
        open_by_stream = {}
        turn = None
        has_status = False
        gone = set()
        for number, e in enumerate(self.events):
            self.measure(number, open_by_stream)
            mine = e.stream is None
            if not mine and e.type.startswith(SESSION_ONLY) and not e.type.startswith("session.thread"):
                e.turn = len(self.turns) - 1
                continue
            if e.type in INPUTS and turn and not has_status and turn["worked"]:
                waits = any(self.awaits(u) for u in self.uses)
                if not waits and not open_by_stream:
                    turn.update(ended=True, end=turn["last"])
                    turn = None
            ends_alone = e.type == "span.model_request_end" and not self.start_of(e)
            ends_alone = ends_alone or (e.type == "span.outcome_evaluation_end" and not self.grade_of(e))
            works = e.type in WORK or ends_alone
            if mine and (works or e.type in INPUTS or e.type == "session.status_running") and turn is None:
                turn = dict(start=e.at, last=e.at, end=None, ended=False, worked=False, legs=[], inputs=[])
                turn.update(snaps=len(self.snaps), interrupts=0, first=e)
                self.turns.append(turn)
            e.turn = len(self.turns) - 1
            if mine and (works or (e.type == "session.error" and turn is not None)):
                turn["worked"] = True
            if e.type.startswith("session.status") or e.type == "session.deleted":
                has_status = True
            self.note(e, turn, open_by_stream, gone)
            if mine and turn is not None and e.at is not None:
                turn["start"] = e.at if turn["start"] is None else turn["start"]
                turn["last"] = max(e.at, turn["last"] or e.at)
            if ends_turn(e):
                open_by_stream.clear()
                for u in self.uses:
                    u.dead = True
                if turn is not None:
                    self.stand(turn, e, "end")
                    turn.update(ended=True, end=e.at)
                    turn = None
        self.measure(len(self.events), open_by_stream)
        self.open = open_by_stream
        self.gone = gone

    def measure(self, number, open_by_stream):
        """The previews that came before that event: the first text of a request that we saw begin."""
        if number:
            e = self.events[number - 1]
            self.begun.pop(e.id, None)
            if e.type.startswith("local."):
                self.begun = {k: s for k, s in self.begun.items() if s != e["thread"]}
            if e.type == "span.model_request_end":
                self.begun = {k: s for k, s in self.begun.items() if s != e.stream}
        while self.measured < len(self.previews) and self.previews[self.measured][0] <= number:
            e = self.previews[self.measured][1]
            self.measured += 1
            key = e["event"]["id"] if e.type == "event_start" else e["event_id"]
            if any(x.id == key for x in self.events[:number]):
                continue
            if e.type == "event_start":
                self.begun[key] = e.stream
                continue
            request = open_by_stream.get(e.stream)
            if key not in self.begun or request is None or request["token"] is not None:
                continue
            if e.received is not None and request["start"].received is not None:
                request["token"] = max(0, e.received - request["start"].received)

    def note(self, e, turn, open_by_stream, gone):
        own = e.stream
        match e.type:
            case t if t in INPUTS:
                turn["inputs"].append(e)
            case "session.status_running":
                if not turn["legs"] or turn["legs"][-1][2]:
                    turn["legs"].append([e.at, None, None, None])
            case "session.status_idle" if reason(e) == "requires_action":
                listed = e["stop_reason"].get("event_ids", []) if isinstance(e["stop_reason"], dict) else []
                unanswered = [key for key in listed if not self.answered(key)]
                for u in self.uses:
                    if u.e.id in unanswered and not self.awaits(u):
                        u.host = True
                if (unanswered or not listed) and turn is not None:
                    self.stand(turn, e, "requires_action")
            case "session.status_rescheduled":
                open_by_stream.pop(None, None)
                self.others.append(e)
            case "span.model_request_start":
                if own is None and turn["legs"] and turn["legs"][-1][2]:
                    turn["legs"].append([e.at, None, None, None])
                request = dict(start=e, end=None, own=own, turn=e.turn, block=None, token=None)
                self.requests.append(request)
                open_by_stream[own] = request
            case "span.model_request_end":
                request = self.start_of(e)
                if request is None:
                    request = dict(start=None, end=None, own=own, turn=e.turn, block=None, token=None)
                    self.requests.append(request)
                request["end"] = e
                if open_by_stream.get(own) is request:
                    del open_by_stream[own]
            case t if t in USES:
                about = e["session_thread_id"]
                thread = own or (about if about != self.primary else None)
                self.uses.append(Use(e, thread, open_by_stream.get(thread)))
            case t if t in RESULTS:
                pass
            case "session.error":
                self.failures.append(e)
            case "session.usage":
                self.snaps.append(e)
            case "span.outcome_evaluation_start":
                self.grades.append(dict(start=e, end=None, own=own, turn=e.turn))
            case "span.outcome_evaluation_end":
                grade = self.grade_of(e)
                if grade is None:
                    grade = dict(start=None, end=None, own=own, turn=e.turn)
                    self.grades.append(grade)
                if grade["end"] is None:
                    grade["end"] = e
            case "user.interrupt" | "agent.thread_context_compacted":
                self.others.append(e)
        if e.type.startswith("session.thread_status"):
            word = e.type.rsplit("_", 1)[1]
            if word in ("idle", "terminated", "rescheduled") and reason(e) != "requires_action":
                about = e["session_thread_id"]
                open_by_stream.pop(None if about == self.primary else about, None)
                if word == "terminated":
                    gone.add(about)
        if e.type in WORK and not e.type.startswith("span.") and e.at is not None:
            about = e["session_thread_id"]
            crossed = about not in (None, self.primary) and own is None
            request = open_by_stream.get(own)
            if request and not crossed and request["block"] is None:
                request["block"] = e.at
        uses = [self.uses[-1]] if e.type in USES else self.uses
        for x in self.events[: self.place(e) + 1] if e.type in USES else [e]:  # answers may come early
            if x.type not in RESULTS and x.type != "user.tool_confirmation":
                continue
            for u in uses:
                names = (u.e.id, u.e["tool_use_id"])
                if x.type in RESULTS:
                    if u.result is None and x[RESULTS[x.type]] in names:
                        u.result = x
                elif u.confirmation is None and x["tool_use_id"] in names:
                    u.confirmation = x if x["result"] in ("allow", "deny") else None

    def place(self, x):
        if not hasattr(self, "places"):
            self.places = {id(y): n for n, y in enumerate(self.events)}
        return self.places[id(x)]

    def stand(self, turn, e, why):
        if not turn["legs"]:
            turn["legs"].append([turn["start"], None, None, None])
        if turn["legs"][-1][2] is None:
            turn["legs"][-1][1:] = [e.at, why, e]

    def start_of(self, e):
        for r in self.requests:
            if r["start"] is not None and r["start"].id == e["model_request_start_id"] and r["end"] is None:
                return r
        return None

    def grade_of(self, e):
        for g in self.grades:
            if g["start"] is not None and g["start"].id == (e["outcome_evaluation_start_id"] or "-"):
                return g
        same = [
            g for g in self.grades if g["start"] is not None and g["start"]["outcome_id"] == e["outcome_id"]
        ]
        if same and (same[-1]["start"]["iteration"] or 0) == (e["iteration"] or 0):
            return same[-1]
        return None

    def answered(self, key):
        for u in self.uses:
            if key in (u.e.id, u.e["tool_use_id"]):
                return u.result is not None or u.confirmation is not None
        return False

    def awaits(self, u):
        if u.result is not None or u.confirmation is not None or getattr(u, "dead", False):
            return False
        asked = u.e.type != "agent.custom_tool_use" and u.e["evaluated_permission"] not in (
            None,
            "allow",
            "deny",
        )
        return asked or u.e.type == "agent.custom_tool_use" or u.host

    # -- figures -----------------------------------------------------------------------------------

    def starts(self):
        """Each turn's start, or the start of the one before it."""
        starts, highest = [], None
        for turn in self.turns:
            if turn["start"] is not None:
                highest = turn["start"] if highest is None else max(highest, turn["start"])
            starts.append(highest)
        return starts

    def home(self, thread, turn, at):
        if thread is None:
            return turn
        if not self.turns:
            return -1
        starts = self.starts()
        if at is None:
            return 0
        inside = [i for i, s in enumerate(starts) if s is None or s <= at]
        return max(inside, default=0)

    def sums(self, index=None, thread=ALL):
        """What adds up: of one turn, of one thread, or of the whole session."""
        out = dict.fromkeys(ADDED, 0)

        def here(own, turn, at):
            if thread is not ALL:
                return own == thread
            return index is None or self.home(own, turn, at) == index

        def spend(fields, r):
            out["priced" if self.price else "unpriced"] += 1
            if self.price:
                model = self.asked(r)
                out["estimate"] += self.price(*fields, model)
                out["saved"] += self.price(fields[0] + fields[2] + fields[3], fields[1], 0, 0, model)
                out["saved"] -= self.price(*fields, model)

        for r in self.requests:
            at = r["start"].at if r["start"] else None
            if r["end"] is None or not here(r["own"], r["turn"], at):
                continue
            out["model_requests"] += 1
            out["model_errors"] += bool(r["end"]["is_error"])
            length = self.length(r)
            out["model_us"] += length or 0
            usage = r["end"]["model_usage"]
            if usage is None:
                out["unmetered"] += not r["end"]["is_error"]
                out["unpriced"] += not r["end"]["is_error"]
                continue
            fields = tokens(usage)
            for name, number in zip(TOKENS, fields, strict=True):
                out[name] += number
            if length is not None and length >= 1000:
                out["timed_tokens"] += fields[1]
                out["timed_us"] += length
            spend(fields, r)
        for g in self.grades:
            at = g["start"].at if g["start"] else None
            if g["end"] is None or not here(g["own"], g["turn"], at):
                continue
            out["evaluations"] += 1
            fields = tokens(g["end"]["usage"] or {})
            out["grader_tokens"] += sum(fields)
            if sum(fields):
                spend(fields, g)
            else:
                out["unpriced"] += 1
        for u in self.uses:
            if not here(u.thread, u.e.turn, u.e.at):
                continue
            out["tool_uses"] += 1
            if u.e.type == "agent.tool_use" and u.e["name"] == "web_search":
                out["estimate"] += 10_000_000
            if u.confirmation is not None:
                out["confirmations"] += 1
                if u.e.at is not None and u.confirmation.at is not None:
                    out["approvals"] += 1
                    out["approval_us"] += max(0, u.confirmation.at - u.e.at)
            out["tool_us"] += self.took(u) or 0
            if u.result is not None and u.result["is_error"]:
                out["tool_errors"] += 1
                if self.forbidden(u):
                    out["denied"] += 1
                else:
                    out[KINDS[kind_of_text(said(u.result["content"]))]] += 1
        for e in self.failures:
            if here(e.stream, e.turn, e.at):
                out["errors"] += 1
                error = e["error"] if isinstance(e["error"], dict) else {}
                out["retrying"] += (error.get("retry_status") or {}).get("type") == "retrying"
                message = e["error"] if isinstance(e["error"], str) else error.get("message") or ""
                out[KINDS[kind_of_error(error.get("type") or "unknown_error", message)]] += 1
        names = {
            "session.status_rescheduled": "rescheduled",
            "user.interrupt": "interrupts",
            "agent.thread_context_compacted": "compactions",
        }
        for e in self.others:
            if here(e.stream, e.turn, e.at):
                out[names[e.type]] += 1
        for e in self.events:
            if e.wait is not None and here(e.stream, e.turn, e.at):
                out["queued"] += 1
                out["queue_us"] += e.wait
        if thread is ALL and index is not None:
            out["silent_errors"] = 0 if out["errors"] else out["model_errors"]
        elif thread is ALL:
            out["silent_errors"] = sum(self.sums(n)["silent_errors"] for n in range(len(self.turns)))
        return out

    def length(self, r):
        """How long a request took."""
        if r["start"] is None or r["end"] is None or r["start"].at is None or r["end"].at is None:
            return None
        return max(0, r["end"].at - r["start"].at)

    def took(self, u):
        """How long a tool took, from its approval where it had one."""
        begun = u.confirmation.at if u.confirmation is not None and u.confirmation.at is not None else u.e.at
        if u.result is None or begun is None or u.result.at is None:
            return None
        return max(0, u.result.at - begun)

    def forbidden(self, u):
        no = u.confirmation is not None and u.confirmation["result"] == "deny"
        return no or u.e["evaluated_permission"] == "deny"

    def rows(self):
        """Every request: thread, turn, how it ended, length, first token, first block, tokens, price."""
        out = []
        for r in self.requests:
            at = r["start"].at if r["start"] else None
            state = "lost"
            if r["end"] is not None:
                state = "failed" if r["end"]["is_error"] else "done"
            elif any(o is r for o in self.open.values()):
                state = "running"
            usage = r["end"]["model_usage"] if r["end"] is not None else None
            block = None if r["block"] is None or at is None else max(0, r["block"] - at)
            fields = tokens(usage or {})
            price = self.price(*fields, self.asked(r)) if usage is not None and self.price else None
            turn = self.home(r["own"], r["turn"], at)
            out.append((r["own"], turn, state, self.length(r), r["token"], block, *fields, price))
        return out

    def one_turn(self, index):
        """Prompt and the most it was, first token and first block: of the primary's requests in it."""
        rows = [r for r in self.rows() if r[0] is None and r[1] == index]
        ended = [r for r in rows if r[2] in ("done", "failed")]
        prompts = [r[6] + r[8] + r[9] for r in ended]
        filled = [p for p in prompts if p]
        token = next((r[4] for r in rows if r[4] is not None), None)
        block = next((r[5] for r in ended if r[5] is not None), None)
        return filled[-1] if filled else 0, max(prompts, default=0), token, block

    def asked(self, r):
        """The model of a request or a grader: its thread's where it is told, else the agent's at its time."""
        threads = [t for e in self.events if e.type == "local.threads" for t in e["threads"]]
        for told in reversed(threads):
            if r["own"] is not None and told["id"] == r["own"]:
                return told["agent"]["model"]["id"]
        first = r["start"] or r["end"]
        changes = [e for e in self.events if e.type == "session.updated" and e["agent"]]
        before = [e for e in changes if self.place(e) < self.place(first)]
        if before:
            return before[-1]["agent"]["model"]["id"]
        return None if not changes else changes[-1]["agent"]["model"]["id"]

    def tool_costs(self):
        """Each tool's part of the requests that called it: equal parts, what is left over to the first."""
        out = {}
        for r in self.requests:
            usage = r["end"]["model_usage"] if r["end"] is not None else None
            if usage is None or self.price is None:
                continue
            end = self.place(r["end"])
            called = [u for u in self.uses if u.request is r and self.place(u.e) <= end]
            cost = self.price(*tokens(usage), self.asked(r))
            for n, u in enumerate(called):
                part = cost // len(called) + (n < cost % len(called))
                out[self.tool(u)] = out.get(self.tool(u), 0) + part
        return out

    def tool(self, u):
        kinds = dict(zip(USES, ("builtin", "mcp", "custom"), strict=True))
        return (u.e["name"] or "unnamed", u.e["mcp_server_name"], kinds[u.e.type])

    def gaps(self):
        """How often the stream broke, and for how long there was none."""
        times, length, lost = 0, 0, None
        for e in self.events:
            if e.type == "local.disconnected":
                times, lost = times + 1, e.received
            elif e.type == "local.connected":
                if lost is not None and e.received is not None:
                    length += max(0, round(e.received * 1e6) - round(lost * 1e6))
                lost = None
        return times, length

    def wall(self, index):
        turn = self.turns[index]
        end = turn["end"] if turn["ended"] and turn["end"] is not None else turn["last"]
        if not turn["legs"]:
            return None if turn["start"] is None or end is None else max(0, end - turn["start"])
        known = [(a, b or turn["last"]) for a, b, _, _ in turn["legs"]]
        known = [max(0, b - a) for a, b in known if a is not None and b is not None]
        return sum(known) if known else None

    def charged(self, count):
        """The most that the first so many snapshots tell, in billionths."""
        told = [dollars(e["usage"]) for e in self.snaps[:count]]
        return max((x for x in told if x is not None), default=None)

    def cost(self, index):
        """By the server: the difference of what was told before the turn, and before the next."""
        first = self.turns[index]["snaps"] if index else 0
        last = self.turns[index + 1]["snaps"] if index + 1 < len(self.turns) else len(self.snaps)
        if all(dollars(e["usage"]) is None for e in self.snaps[first:last]):
            return None
        return (self.charged(last) or 0) - (self.charged(first) or 0)

    def intervals(self):
        """Everything that went on, as (kind, start, end); None for an end that has not come."""
        found = []
        last = len(self.turns) - 1
        live = bool(self.turns) and not self.turns[-1]["ended"]
        for r in [*self.requests, *self.grades]:
            at = r["start"].at if r["start"] else None
            if r["end"] is not None:
                found.append((0, at, r["end"].at))
            elif live and r["turn"] == last and (r in self.grades or r in self.open.values()):
                found.append((0, at, "now"))
        for u in self.uses:
            asked, begun = u.e.at, u.e.at
            if u.confirmation is not None and u.confirmation.at is not None:
                begun = u.confirmation.at
                found.append((3, asked, begun))
            if u.result is not None:
                outside = u.e.type == "agent.custom_tool_use"
                if u.e.type == "agent.tool_use" and u.confirmation is None and u.e.turn >= 0:
                    stood = any(leg[2] == "requires_action" for leg in self.turns[u.e.turn]["legs"])
                    outside = stood and u.result.type == "user.tool_result"
                found.append((2 if outside else 1, begun, u.result.at))
            elif live and u.e.turn == last and u.thread not in self.gone:
                if not self.awaits(u):
                    found.append((1, begun, "now"))
                else:
                    custom = u.e.type == "agent.custom_tool_use" or u.host
                    found.append((2 if custom else 3, asked, "now"))
        if live and self.turns[-1]["legs"] and self.turns[-1]["legs"][-1][2] == "requires_action":
            leg = self.turns[-1]["legs"][-1]
            found.append((self.whose(leg), leg[1], "now"))
        for turn in self.turns:
            for before, after in zip(turn["legs"], turn["legs"][1:], strict=False):
                found.append((self.whose(before), before[1], after[0]))
        return found

    def whose(self, leg):
        """Whose answer the session stood still for: a program's where all that was named is a program's."""
        said = leg[3]["stop_reason"] if leg[3] is not None else None
        listed = (said.get("event_ids") if isinstance(said, dict) else None) or []
        found = [[u for u in self.uses if key in (u.e.id, u.e["tool_use_id"])] for key in listed]
        outside = [
            us
            and (
                us[0].e.type == "agent.custom_tool_use" or us[0].e["evaluated_permission"] in (None, "allow")
            )
            for us in found
        ]
        return 2 if outside and all(outside) else 3

    def split(self, index):
        """The turn's time by what went on: cut at every moment at which something begins or ends."""
        starts = self.starts()
        stamps = [e.at for e in self.events if e.at is not None]
        if not stamps or starts[index] is None:
            return None
        last = index == len(self.turns) - 1
        start, end = starts[index], max(stamps) if last else starts[index + 1]
        end = max(start, end)
        turn = self.turns[index]
        stop = end
        over = turn["end"] if turn["end"] is not None else turn["last"]
        if turn["ended"] and over is not None:
            stop = min(end, max(start, over))
        spans = [(k, a, end if b == "now" and last else b) for k, a, b in self.intervals()]
        spans = [(k, a, b) for k, a, b in spans if a is not None and b not in (None, "now") and b > a]
        cuts = sorted({start, stop, end, *(x for _, a, b in spans for x in (a, b) if start < x < end)})
        out = dict.fromkeys(TIMES, 0)
        for a, b in zip(cuts, cuts[1:], strict=False):
            kinds = [k for k, s, t in spans if s <= a and b <= t]
            out[TIMES[min(kinds)] if kinds else "other" if b <= stop else "idle"] += b - a
        return out

    def elapsed(self):
        stamps = [e.at for e in self.events if e.at is not None]
        return max(stamps) - min(stamps) if stamps else None

    def tools(self):
        """By name, server and kind: uses, errors, forbidden, price, approval waits, durations in order."""
        out, costs = {}, self.tool_costs()
        for u in self.uses:
            row = out.setdefault(self.tool(u), [0, 0, 0, costs.get(self.tool(u), 0), [], []])
            row[0] += 1
            if u.result is None:
                continue
            row[1] += bool(u.result["is_error"])
            row[2] += bool(u.result["is_error"] and self.forbidden(u))
            if u.confirmation is not None and u.confirmation.at is not None and u.e.at is not None:
                row[4].append(max(0, u.confirmation.at - u.e.at))
            if self.took(u) is not None:
                row[5].append(self.took(u))
        return {key: (*row[:4], sorted(row[4]), sorted(row[5])) for key, row in out.items()}

    def servers(self):
        """By server, the same of all its tools."""
        out = {}
        for (_, server, _), row in self.tools().items():
            if server is not None:
                held = out.setdefault(server, [0, 0, 0, 0, [], []])
                out[server] = [a + b for a, b in zip(held, row, strict=True)]
        return {key: (*row[:4], sorted(row[4]), sorted(row[5])) for key, row in out.items()}


def said(content):
    if isinstance(content, str):
        return content
    blocks = [b for b in content or [] if isinstance(b, dict) and isinstance(b.get("text"), str)]
    return "\n".join(b["text"] for b in blocks)


def slow(text):
    head = text[:2000].lower()
    return any(word in head for word in ("timed out", "timeout", "deadline exceeded", "time limit"))


def kind_of_text(text):
    head = text[:2000].lower()
    if slow(text):
        return "timeout"
    lost = ("sandbox", "container", "no space left on device", "environment is not")
    return "sandbox" if any(word in head for word in lost) else "tool"


def kind_of_error(code, message):
    if "timeout" in code or slow(message):
        return "timeout"
    for kind, beginnings in {
        "sandbox": ("repository_", "environment_", "container_", "sandbox_"),
        "tool": ("mcp_", "credential_", "tool_"),
        "api": (
            "model_",
            "billing_",
            "compaction_",
            "api_",
            "rate_limit",
            "overloaded",
            "authentication_",
            "invalid_",
        ),
    }.items():
        if code.startswith(beginnings):
            return kind
    return "unknown"


def tokens(usage):
    names = ("input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
    return [usage.get(name) or 0 for name in names]


def dollars(usage):
    """Billionths of a dollar: cents, or dollars where there is a point."""
    money = (usage or {}).get("list_cost")
    if not money:
        return None
    amount = money["amount"]
    return round(float(amount) * (1_000_000_000 if "." in amount else 10_000_000))

"""`export`: live and of files, what is masked, what is written where, and what other programs read back."""

import csv
import io
import json
import re
import stat
from html.parser import HTMLParser

import pyte
import pytest

from cma_tui.report.export import FORMATS, format_of
from cma_tui.report.export.page import SCRIPT
from tests.log.test_together import by_stream
from tests.stories.recordings import FOLDER
from tests.stories.write import Log
from tests.ui.test_threads import delegation

RECORDING = str(FOLDER / "langsmith-sdk/mcp_tools/events.jsonl")
KEY = "sk-ant-api03-AbCdEfGhIj_KlMnOpQrStUv-WxYz0123"
AWS = "AKIAIOSFODNN7EXAMPLE"
OWN = "own-value-0123456789"
HOSTILE = (
    "</script><script>alert(1)</script><img src=x onerror=alert(1)>\n![p](https://evil.example/p.png)\n"
    "[good](javascript:alert(1)) [bank](https://evil.example/) \x1b]0;title\x07 \u202egnp\n"
    "```\n</pre></details><script>alert(2)</script>\n```\n## 9 · a turn that is none\n"
)


@pytest.fixture
def live(service):
    session = service.session(title="Pool <exhausted>")
    service.say(session, "investigate")
    service.say(session, "delegate to a subagent")
    return session


@pytest.fixture
def written(tmp_path):
    """A function that writes a log and returns its path."""

    def writing(log, name="log.jsonl"):
        path = tmp_path / name
        path.write_bytes(b"".join(event.raw + b"\n" for event in log.events))
        return str(path)

    return writing


def story(said=HOSTILE):
    log = Log()
    log.running()
    log.user(said)
    request = log.start()
    log.wait(1.5)
    log.message(said)
    use = log.tool("bash", input={"command": said})
    log.end(request)
    log.wait(2)
    log.result(use, said, is_error=True)
    log.idle()
    log.wait(60)
    log.running()
    log.user("And now?")
    log.message("Done.")
    log.idle()
    return log


class Page(HTMLParser):
    """What a browser would make of a page: its elements, and that they nest."""

    VOID = frozenset({"meta", "input", "br", "hr", "link", "img"})

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.open, self.tags, self.attributes, self.text, self.scripts = [], [], [], "", []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes.append((tag, dict(attrs)))
        if tag == "script":
            self.scripts.append("")
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] == "script":
            self.scripts[-1] += data
        else:
            self.text += data


@pytest.mark.parametrize("name", FORMATS)
def test_a_session_in_every_format(run, live, name):
    code, out, err = run("export", live, "--format", name)
    assert code == 0, err
    assert "look at it before you share it" in err
    assert "investigate" in out or name == "perfetto"
    if name not in ("md", "html", "text", "csv", "jsonl", "asciicast"):
        json.loads(out)


def test_html_is_whole_and_inert(run, written):
    _, out, _ = run("export", written(story()), "--format", "html")
    page = Page(out)
    assert page.scripts[-1] == SCRIPT
    figures = json.loads(page.scripts[0])
    assert set(re.findall(r'data-[tu]="(\d+)"', out)) == set(map(str, range(len(figures["times"]))))
    assert page.tags.count("script") == 2
    assert not {"img", "link", "iframe", "object", "embed", "form", "base"} & set(page.tags)
    for tag, attributes in page.attributes:
        assert not [name for name in attributes if name.startswith("on") or name in ("src", "style")], tag
        assert attributes.get("href", "#").startswith(("#", "https://evil.example/"))
    assert "default-src 'none'" in page.attributes[3][1]["content"]
    assert "(https://evil.example/)" in page.text, "a link says where it goes"
    assert "\x1b" not in out
    assert "\u202e" not in out
    assert page.text.count("alert(1)") >= 6, "what was said can be read"


class AtStep(Page):
    """The text that is seen after so many steps of the replay."""

    def __init__(self, text, step):
        self.step, self.unseen = step, []
        super().__init__(text)

    def handle_starttag(self, tag, attrs):
        super().handle_starttag(tag, attrs)
        held = dict(attrs)
        late = int(held.get("data-t", -1)) >= self.step
        early = "data-u" in held and int(held["data-u"]) < self.step
        if tag not in self.VOID:
            self.unseen.append(late or early)

    def handle_endtag(self, tag):
        super().handle_endtag(tag)
        self.unseen.pop()

    def handle_data(self, data):
        if not any(self.unseen):
            super().handle_data(data)


def test_the_replay_shows_nothing_before_it_was_known(run, written):
    log = Log()
    log.running()
    log.user("a question")
    request = log.start()
    log.wait(1)
    use = log.tool("bash", permission="ask", input={"command": "make"})
    log.end(request, fresh=100, out=10)
    log.wait(2)
    log.result(use, "no rule to make it", is_error=True)
    log.message("an answer")
    log.idle()
    _, out, _ = run("export", written(log), "--format", "html")
    figures = json.loads(Page(out).scripts[0])
    seen = [AtStep(out, step).text for step in range(len(figures["times"]) + 1)]

    def since(words):
        first = next(step for step, text in enumerate(seen) if words in text)
        assert all(words in text for text in seen[first:])
        return first

    order = [since(words) for words in ("45% cached", "no rule to make it", "an answer")]
    assert order == sorted(set(order))
    called = next(step for step, text in enumerate(seen) if "running" in text)
    assert [step for step, text in enumerate(seen) if "running" in text] == list(range(called, order[1]))
    assert figures["failed"] == [0] * (order[1] - 1) + [1, 1]
    assert figures["tools"][-1] == figures["turns"][-1] == 1
    assert figures["times"] == sorted(figures["times"])
    assert sorted(figures["marks"]) == [[1, 0], [called, 2], [order[1], 1]]
    assert figures["written"][-1] > 0


def test_threads_of_a_session_file_are_replayed_when_they_worked(run, tmp_path):
    streams = by_stream(delegation())
    threads = [
        {"id": name, "parent_thread_id": "sthr_primary", "events": [json.loads(raw) for raw in held]}
        for name, held in streams.items()
        if name is not None
    ]
    path = tmp_path / "session.json"
    path.write_text(json.dumps({"events": [json.loads(raw) for raw in streams[None]], "threads": threads}))
    _, out, _ = run("export", str(path), "--format", "html")
    seen = [AtStep(out, step).text for step in range(out.count("data-t="))]
    first = next(n for n, text in enumerate(seen) if "I have read it" in text)
    assert "The analyst knows" not in seen[first], "what the primary said when they had answered"
    assert any("The analyst knows" in text for text in seen)


def test_markdown_stays_in_its_quotes(run, written):
    from markdown_it import MarkdownIt

    _, out, _ = run("export", written(story()))
    tokens = MarkdownIt("commonmark").parse(out)
    inner = [token for block in tokens for token in (block, *(block.children or ()))]
    depth = 0
    headings = []
    for before, token in zip([None, *tokens], tokens, strict=False):
        depth += token.nesting if token.type.startswith("blockquote") else 0
        if token.type == "inline" and before.type == "heading_open" and not depth:
            headings.append(token.content)
    assert [text.split(" ")[0] for text in headings] == ["A", "1", "2"]
    assert not [token for token in inner if token.type == "image"]
    html = "".join(token.content for token in inner if token.type.startswith("html"))
    assert set(re.findall(r"<\s*/?(\w+)", html)) == {"details", "summary"}
    assert "\x1b" not in out


@pytest.mark.parametrize("name", FORMATS)
def test_no_secret_is_in_any_format(run, written, monkeypatch, name):
    monkeypatch.setenv("DEPLOY_TOKEN", OWN)
    log = story(f"use {KEY} and {AWS} and {OWN}, password: hunter22")
    log.add("session.error", error={"type": "x_error", "message": f"bad key {KEY}"})
    log.add("session.strange", **{f"name {KEY}": {"api_key": "0123abcd"}})
    path = written(log)
    code, out, err = run("export", path, "--format", name)
    assert code == 0
    for secret in (KEY, AWS, OWN, "hunter22", "0123abcd"):
        assert secret not in out
    assert "[masked]" in out
    found = re.search(r"masked (\d+): (.*); look", err)
    assert sum(map(int, re.findall(r"(\d+) ×", found[2]))) == int(found[1])
    assert "known key" in found[2]
    code, out, err = run("export", path, "--format", name, "--no-redact")
    assert KEY in out
    assert "nothing was masked" in err


def test_patterns_of_ones_own_are_masked(run, written, monkeypatch):
    monkeypatch.setenv("CMA_TOP_TRACE_MASK", r"INT-\d+")
    _, out, err = run("export", written(story("see INT-4711")))
    assert "4711" not in out
    assert "your pattern" in err


def test_the_document_is_read_back_whole(run, live, tmp_path):
    path = tmp_path / "session.json"
    assert run("export", live, "-o", str(path))[0] == 0
    told = json.loads(path.read_text())["stats"]
    again = json.loads(run("stats", str(path), "--json")[1])
    for figures in (told, again):
        del figures["totals"]["longest_silence_s"]  # between neighbours in the log: threads stand apart here
        figures["requests"].sort(key=json.dumps)
    assert again == told
    assert told["threads"][0]["model_requests"] > 0


def test_lines_are_read_back(run, live, service, tmp_path):
    path = tmp_path / "session.jsonl"
    assert run("export", live, "-o", str(path))[0] == 0
    ids = [json.loads(line)["id"] for line in path.read_text().splitlines()]
    log = service.log(live)
    assert sorted(ids) == sorted(event["id"] for event in log)
    # What a thread's stream shows as well has a stamp on each of them: it stands where the thread has it.
    own = [event["id"] for event in log if "session_thread_id" not in event]
    assert [name for name in ids if name in own] == own


def test_a_part(run, written):
    path = written(story())
    assert [row["index"] for row in table(run("export", path, "--format", "csv", "--turns", "2")[1])] == ["2"]
    _, out, _ = run("export", path, "--format", "jsonl", "--turns", "2-")
    assert {json.loads(line)["processed_at"][:16] for line in out.splitlines()} == {"2026-08-17T16:01"}
    _, out, _ = run("export", path, "--format", "text", "--until", "2026-08-17T16:00:30+00:00")
    assert "And now?" not in out
    _, out, _ = run("export", path, "--format", "text", "--since", "2026-08-17T16:00:30+00:00")
    assert out.count(" you ") == 1
    for options in (["--turns", "9"], ["--turns", "x"], ["--turns", "-"], ["--until", "soon"]):
        code, out, err = run("export", path, *options)
        assert (code, out) == (2, "")
        assert err.count("\n") == 1


def test_a_terminal_recording_plays_and_obeys_nobody(run, written):
    _, out, _ = run("export", written(story(HOSTILE + "宽" * 300)), "--format", "asciicast")
    header, *events = map(json.loads, out.splitlines())
    assert (header["version"], header["idle_time_limit"]) == (2, 2.0)
    assert [at for at, _, _ in events] == sorted(at for at, _, _ in events)
    assert [text for _, kind, text in events if kind == "m"] == ["turn 1", "error", "turn 2"]
    terminal = pyte.Screen(header["width"], 400)
    stream = pyte.Stream(terminal)
    for _, kind, text in events:
        plain = re.sub(r"\x1b\[[0-9;]*m", "", text)
        assert not set(re.findall(r"[\x00-\x1f\x7f-\x9f]", plain)) - {"\r", "\n"}
        if kind == "o":
            stream.feed(text)
    lines = [line.rstrip() for line in terminal.display]
    assert terminal.title == ""
    assert "you       </script><script>alert(1)</script><img src=x onerror=alert(1)>" in lines
    assert any(line.startswith("tool      bash") for line in lines)
    assert any("failed" in line and "2.0s" in line for line in lines)
    assert max(len(line) for line in lines) < header["width"], "nothing is wrapped by the terminal"
    told = [(at, text) for at, kind, text in events if kind == "o" and "Done." in text]
    assert told[0][0] >= 63


def test_a_thread(run, live):
    threads = json.loads(run("stats", live, "--json")[1])["threads"]
    name = threads[0]["id"]
    _, out, _ = run("export", live, "--thread", name)
    assert re.findall(r"^## (\w+)", out, re.M) == ["thread"]
    assert run("export", live, "--thread", "sthr_none")[0] == 2


def table(text):
    return list(csv.DictReader(io.StringIO(text)))


def test_the_table_has_the_figures_of_stats_and_no_formulas(run, written):
    path = written(story("=HYPERLINK(1)"))
    first, second = table(run("export", path, "--format", "csv")[1])
    turns = json.loads(run("stats", path, "--json")[1])["turns"]
    assert first["input"] == "'=HYPERLINK(1)"
    for row, turn in zip((first, second), turns, strict=True):
        for name in ("id", "wall_s", "tool_uses", "tool_errors", "started_at", "stop_reason"):
            assert row[name] == str(turn[name])


def test_a_trace_nests(run, live):
    trace = json.loads(run("export", live, "--format", "perfetto")[1])["traceEvents"]
    names = {event["tid"]: event["args"]["name"] for event in trace if event["name"] == "thread_name"}
    assert {"primary · turns", "primary · model", "primary · tools"} <= set(names.values())
    ends = {}
    for event in trace:
        if event["ph"] == "X":
            assert event["ts"] >= ends.get(event["tid"], 0), "slices of a track do not overlap"
            ends[event["tid"]] = event["ts"] + event["dur"]
            assert event["tid"] in names


def test_spans_hang_together(run, live):
    (resource,) = json.loads(run("export", live, "--format", "otlp-json")[1])["resourceSpans"]
    spans = resource["scopeSpans"][0]["spans"]
    ids = {span["spanId"] for span in spans}
    assert len(ids) == len(spans)
    assert [span["name"].split(" ")[0] for span in spans if "parentSpanId" not in span] == ["session"]
    facts = []
    for span in spans:
        assert span.get("parentSpanId", spans[0]["spanId"]) in ids
        assert re.fullmatch(r"[0-9a-f]{32}", span["traceId"])
        assert re.fullmatch(r"[0-9a-f]{16}", span["spanId"])
        assert int(span["startTimeUnixNano"]) <= int(span["endTimeUnixNano"])
        facts.append({held["key"]: next(iter(held["value"].values())) for held in span["attributes"]})
    kinds = {fact["gen_ai.operation.name"] for fact in facts}
    assert {"session", "invoke_agent", "chat", "execute_tool"} <= kinds
    chats = [fact for fact in facts if fact["gen_ai.operation.name"] == "chat"]
    totals = json.loads(run("stats", live, "--json")[1])["totals"]
    assert sum(int(fact["gen_ai.usage.output_tokens"]) for fact in chats) >= totals["output_tokens"] > 0
    tool = next(fact for fact in facts if fact["gen_ai.operation.name"] == "execute_tool")
    assert tool["gen_ai.tool.call.id"]
    assert json.loads(tool["gen_ai.tool.call.arguments"])


def test_files_are_private_and_never_replaced_unasked(run, tmp_path):
    path = tmp_path / "page.html"
    assert run("export", RECORDING, "-o", str(path))[0] == 0
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_text().startswith("<!doctype html>")
    path.write_text("mine")
    code, _, err = run("export", RECORDING, "-o", str(path))
    assert (code, path.read_text()) == (2, "mine")
    assert "--force" in err
    assert run("export", RECORDING, "-o", str(path), "--force")[0] == 0
    assert "mine" not in path.read_text()
    assert [file.name for file in tmp_path.iterdir()] == ["page.html"]
    assert run("export", RECORDING, "-o", "-")[:2] == run("export", RECORDING)[:2]
    link = tmp_path / "link.md"
    link.symlink_to(tmp_path / "elsewhere")
    assert run("export", RECORDING, "-o", str(link))[0] == 1
    assert run("export", RECORDING, "-o", str(tmp_path / "none" / "x.md"))[0] == 1
    assert run("export", str(tmp_path / "nothing.jsonl"))[0] == 2


def test_the_format_follows_the_name():
    names = {"a.HTML": "html", "a.json": "json", "a.otlp.json": "otlp-json", "a.trace.json": "perfetto"}
    assert {name: format_of(name) for name in names} == names
    assert format_of("a.docx") is None


def test_the_help_lists_the_formats_line_by_line(run):
    _, out, _ = run("export", "--help")
    assert re.search(r"^  md, html +a transcript.*\n  json, jsonl", out, re.M)

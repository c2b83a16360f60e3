"""Every command in the README and in docs/ is one that there is, and is run where it is no screen."""

import io
import re
import shlex
from pathlib import Path

import click
import pytest

from cma_tui import cli
from tests.cli.conftest import *  # noqa: F403 - its fixtures
from tests.stories.write import Log


def four_turns():
    """A saved log."""
    log = Log()
    for question in ("Hi", "Who is on call?", "Debug my incident", "Thanks"):
        log.begin(question)
        log.answer("Done.")
        log.rest()
    return b"".join(event.raw + b"\n" for event in log.events)


ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
LOG = four_turns()
NOT_RUN = {"chat", "replay", "trace"}
"""Commands that need a screen or Braintrust; what they do is tested where those are."""


def commands(text):
    """The lines of a page's fenced blocks that begin with cma-top, each as its words."""
    for block in re.findall(r"^```(?:sh|console|bash)\n(.*?)^```", text, re.M | re.S):
        for line in block.replace("\\\n", " ").splitlines():
            found = re.match(r"(?:\$ )?(?:[A-Z_]+=\S+ )*cma-top\b(.*)", line)
            if found:
                words = shlex.split(found[1], comments=True)
                ends = [place for place, word in enumerate(words) if re.fullmatch(r"[|>&;]+|\d?>\S*|<", word)]
                yield words[: ends[0]] if ends else words


ALL = [(page.name, words) for page in PAGES for words in commands(page.read_text("utf-8"))]


def parsed(words):
    """What the command line makes of the words, without running anything."""
    context = cli.front.make_context("cma-top", list(words), resilient_parsing=False)
    rest = [*context._protected_args, *context.args]
    if not rest:
        return context
    name, command, rest = cli.front.resolve_command(context, rest)
    return command.make_context(name, rest, parent=context)


@pytest.fixture
def there(tmp_path, monkeypatch):
    """A folder in which the files that the pages name are."""
    monkeypatch.chdir(tmp_path)
    for words in (words for _, words in ALL):
        for word in words:
            if re.fullmatch(r"[\w-]+\.(jsonl|json|py|pdf|csv)", word):
                (tmp_path / word).write_bytes(LOG)
    return tmp_path


def test_there_are_commands_in_the_pages():
    assert {name for name, _ in ALL} >= {"README.md", "export.md"}
    assert len(ALL) > 15


@pytest.mark.parametrize(("page", "words"), ALL, ids=[f"{page} {' '.join(words)}" for page, words in ALL])
def test_a_command_of_the_pages(page, words, there, monkeypatch):
    named = [re.sub(r"^sesn_.*", "sesn_0123", word).replace("…", "x") for word in words]
    monkeypatch.setattr(cli, "target", lambda word: word)
    try:
        assert parsed(named)
    except click.UsageError as error:
        pytest.fail(f"{page}: cma-top {' '.join(words)}: {error.format_message()}")


@pytest.mark.parametrize("page", sorted({page for page, _ in ALL}))
def test_the_commands_of_a_page_are_run(page, there, service, sim, run, monkeypatch):
    """Where something is sent on a session that rests, else on one that has ended: following it ends."""
    monkeypatch.setattr("sys.stdin", io.StringIO())
    rests, ended = service.session(), service.session()
    for session in (rests, ended):
        service.say(session, "hello")
    service.server.call(lambda: sim.archive(sim.sessions[ended]))
    agent, environment = next(iter(sim.agents)), next(iter(sim.environments))
    (there / "notify.sh").write_text("#!/bin/sh\n")
    (there / "notify.sh").chmod(0o700)
    for words in (words for name, words in ALL if name == page and not NOT_RUN & {*words[:1]}):
        for output in re.findall(r"-o (\S+)", " ".join(words)):
            (there / output).unlink(missing_ok=True)
        session = rests if words[:1] == ["send"] else ended
        meant = {"sesn_": session, "agent_": agent, "env_": environment}
        named = [next((meant[key] for key in meant if word.startswith(key)), word) for word in words]
        code, _, err = run(*named)
        assert code == 0, (named, err)


def test_every_command_and_every_page_is_listed():
    listed = (ROOT / "docs/commands.md").read_text("utf-8")
    index = (ROOT / "docs/README.md").read_text("utf-8")
    for name in cli.COMMANDS:
        assert f"`cma-top {name}" in listed, name
    for page in PAGES[1:]:
        assert page.name == "README.md" or f"]({page.name})" in index, page.name


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\((?!https?:)([^)#\s]+)", page.read_text("utf-8")):
        assert (page.parent / target).exists(), target


def test_the_architecture_names_what_is_there():
    text = (ROOT / "docs/architecture.md").read_text("utf-8")
    for name in re.findall(r"`((?:[a-z]+/)+(?:[a-z]+\.py)?|[a-z]+\.py)`", text):
        folder = ROOT / "cma_tui"
        assert (folder / name).exists() or list(folder.glob(f"*/{name}")) or name == "drafts/", name

"""`approve` and `answer`: what waits for a yes, a no or a result, from a script.

Owns what a script must name. Invariants: nothing is approved that was not named by its id or is allowed by
a rule of the user's; right before the answer it is checked that it still waits.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cma_tui.commands.choosing import session_argument, session_of
from cma_tui.commands.completion import sessions
from cma_tui.commands.exits import CommandError, Exit
from cma_tui.commands.options import Common, common
from cma_tui.commands.output import written
from cma_tui.commands.send import as_json, blocks_of, delivered, file_option, standing, tell_sent, words_of
from cma_tui.commands.targets import session_only
from cma_tui.session.model import Session
from cma_tui.text import printable

if TYPE_CHECKING:
    from cma_tui.event import Event
    from cma_tui.settings import Settings

_REASON = 10_000


def _list(name: str, session: Session, *, as_json: bool) -> int:
    """Print what waits. Returns 3 when anything does."""
    rows = _rows(session)
    with written():
        if as_json:
            click.echo(json.dumps({"version": 1, "session_id": name, "waiting": rows}))
        else:
            _tell(rows)
    return Exit.NEEDS_ANSWER if rows else Exit.DONE


def _rows(session: Session) -> list[dict[str, Any]]:
    rows = []
    for use in session.asks:
        event = session.events[use.event].data
        rows.append(
            {
                "id": use.key,
                "name": use.name,
                "server": use.server,
                "thread": use.thread,
                "awaited": use.awaited,
                "input": event.get("input"),
                "evaluation": event.get("evaluation"),
            }
        )
    return rows


def _tell(rows: list[dict[str, Any]]) -> None:
    for row in rows:
        text = json.dumps(row["input"], ensure_ascii=False)
        what = "confirmation" if row["awaited"] == "confirmation" else "result"
        head = f"{row['id']}  {what:12}  {row['name']}"
        click.echo(f"{printable(head, strict=True)}  {printable(text, strict=True, cap=200_000)}")


def _by_rule(name: str, settings: Settings, *, as_json: bool) -> int:
    """Answer what the rules answer, and print that and what is left. Returns 3 when anything is."""
    from cma_tui.ruling import asks, confirmation, note, ruling

    if not settings.rules:
        raise CommandError("there are no rules: they belong into config.toml, below [rules]", Exit.USAGE)
    folder = settings.state_dir
    done: list[dict[str, str]] = []
    looked: set[str] = set()
    while True:  # the log is read anew right before each answer
        now = standing(settings, name)
        use = next((one for one in now.asks if one.key not in looked and asks(now, one)), None)
        if use is None:
            break
        looked.add(use.key)
        decision = ruling(now, use, settings.rules)
        if decision is None:
            continue
        raw = now.events[use.event].raw
        try:
            note(folder, name, use, raw, decision, "sending")
            _send(settings, name, confirmation(use.key, decision))
            note(folder, name, use, raw, decision, "sent")
        except OSError as error:
            raise CommandError(f"the log of answers cannot be written: {error}") from error
        except CommandError as error:
            note(folder, name, use, raw, decision, f"not sent: {error}")
            raise
        done.append({"id": use.key, "name": use.name, "result": decision.verdict, "rule": decision.rule})
        if not as_json:
            with written():
                line = f"{use.key}  {decision.verdict:12}  {use.name}  by rule: {decision.rule}"
                click.echo(printable(line, strict=True))
    rows = _rows(now)
    with written():
        if as_json:
            click.echo(json.dumps({"version": 1, "session_id": name, "answered": done, "waiting": rows}))
        else:
            _tell(rows)
    return Exit.NEEDS_ANSWER if rows else Exit.DONE


def _still(session: Session, key: str, awaited: str) -> None:
    use = next((one for one in session.asks if one.key == key), None)
    if use is None:
        raise CommandError(f"not sent: {key} does not wait for an answer")
    if use.awaited != awaited:
        raise CommandError(f"not sent: {key} waits for {use.awaited}", Exit.USAGE)


def _send(settings: Settings, name: str, event: dict[str, Any]) -> list[Event]:
    """Send a yes or a no.

    Raises:
        CommandError: it was refused, it is unclear, or somebody else said otherwise.
    """
    found = delivered(settings, name, [event])
    if found and found[0].data.get("result") not in (event["result"], None):
        said = printable(str(found[0].data["result"]))
        raise CommandError(f"{event['tool_use_id']} was answered by somebody else: {said}")
    return found


@click.command()
@session_argument
@click.argument("ids", nargs=-1, metavar="[ID]...")
@click.option("--deny", is_flag=True, help="Say no.")
@click.option("--reason", metavar="TEXT", help="With --deny: why.")
@click.option("--rules", "by_rule", is_flag=True, help="Allow and deny what the rules of config.toml say.")
@as_json
@common
def approve_command(
    options: Common,
    session: str | None,
    ids: tuple[str, ...],
    deny: bool,
    reason: str | None,
    by_rule: bool,
    as_json: bool,
) -> int:
    """Allow or deny the tool uses of these ids; without any, list what waits (exit code 3)."""
    name, settings = session_of(options, session), options.settings()
    if reason is not None and not (deny and 0 < len(reason.strip()) <= _REASON):
        raise CommandError(f"--reason goes with --deny, and has 1 to {_REASON:,} characters", Exit.USAGE)
    if by_rule and (ids or deny):
        raise CommandError("--rules decides by itself: no ID and no --deny go with it", Exit.USAGE)
    if by_rule:
        return _by_rule(name, settings, as_json=as_json)
    now = standing(settings, name)
    if not ids:
        return _list(name, now, as_json=as_json)
    for key in ids:
        _still(now, key, "confirmation")
    verdict = "deny" if deny else "allow"
    sent = []
    for key in ids:  # a request each: one that is refused does not refuse the others
        event = {"type": "user.tool_confirmation", "tool_use_id": key, "result": verdict}
        sent += _send(settings, name, {**event, "deny_message": reason} if reason else event)
    tell_sent(name, sent, as_json=as_json, words=f"{verdict}: {', '.join(ids)}")
    return Exit.DONE


@click.command()
@click.argument("session", shell_complete=sessions)
@click.argument("key", metavar="ID")
@click.argument("text", required=False)
@file_option
@click.option("--error", "is_error", is_flag=True, help="The tool failed; TEXT says why.")
@as_json
@common
def answer_command(
    options: Common,
    session: str,
    key: str,
    text: str | None,
    files: tuple[Path, ...],
    is_error: bool,
    as_json: bool,
) -> int:
    """Give the result of a custom tool use; without TEXT and files, what standard input holds."""
    name, settings = session_only(session), options.settings()
    content = blocks_of(
        text if text is not None and text != "-" else None if files else words_of(text), files
    )
    _still(standing(settings, name), key, "custom_result")
    event = {"type": "user.custom_tool_result", "custom_tool_use_id": key}
    sent = delivered(settings, name, [{**event, "content": content, "is_error": is_error}])
    tell_sent(name, sent, as_json=as_json, words=f"answered {key}")
    return Exit.DONE

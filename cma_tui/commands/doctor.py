"""`doctor`: whether everything that cma-top needs is there, one line each.

Owns the checks. Invariants: no key is ever shown, only where it came from; each check says what it found and
what to do, and one that fails keeps no other from being made; nothing is changed anywhere.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

import click

from cma_tui.commands.exits import Exit
from cma_tui.commands.options import Common, common
from cma_tui.commands.output import Output
from cma_tui.text import printable

if TYPE_CHECKING:
    from cma_tui.settings import Settings

_PATIENCE = 10.0
"""Seconds that one server has to answer."""
_FAILING = {
    ("anthropic", "0.93.0"): "its stream of session events yields nothing",
}
"""Versions of packages, and what goes wrong with them."""


class Finding(NamedTuple):
    """What a check found."""

    check: str
    state: Literal["ok", "note", "bad"]
    text: str


def examine(settings: Settings, *, network: bool = True) -> Iterator[Finding]:
    """Make every check, one after the other."""
    yield _versions()
    yield from _unfit_versions()
    yield _key(settings)
    yield Finding("base URL", "ok", f"{settings.base_url} ({_origin(settings, 'base_url')})")
    if network:
        yield _api(settings)
        yield _braintrust(settings)
    yield from _terminal()
    yield from _folders(settings)
    for warning in settings.warnings:
        yield Finding("settings", "note", warning)


def _versions() -> Finding:
    from importlib.metadata import version

    from cma_tui import __version__

    python = ".".join(map(str, sys.version_info[:3]))
    parts = [f"cma-top {__version__}", f"Python {python}"]
    parts += [f"{name} {version(name)}" for name in ("anthropic", "textual", "braintrust")]
    return Finding("versions", "ok", ", ".join(parts))


def _unfit_versions() -> Iterator[Finding]:
    """Packages whose version cma-top was not made for, or that are known to fail with it."""
    from importlib.metadata import PackageNotFoundError, requires, version

    for line in requires("cma-top") or ():
        found = re.match(r"([\w.-]+)\s*([<>=!~0-9.,\s]*)$", line)
        if found is None:  # for some systems only
            continue
        name, wanted = found[1], found[2].strip()
        try:
            there = version(name)
        except PackageNotFoundError:
            yield Finding(name, "bad", f"is not installed; cma-top needs {name}{wanted}")
            continue
        known = _FAILING.get((name, there))
        if known is not None:
            yield Finding(name, "bad", f"{there} is known to fail: {known}; cma-top needs {wanted}")
        elif not _fits(there, wanted):
            yield Finding(name, "bad", f"{there} is installed; cma-top needs {wanted}")


def _fits(there: str, wanted: str) -> bool:
    """Whether a version is in a range such as `>=2.11,<3`, by its numbers."""
    for part in filter(None, (one.strip() for one in wanted.split(","))):
        sign = re.match(r">=|<", part)
        if sign is not None and (_numbers(there) >= _numbers(part)) != (sign[0] == ">="):
            return False
    return True


def _numbers(version: str) -> tuple[int, ...]:
    numbers = [int(number) for number in re.findall(r"\d+", version)[:4]]
    return (*numbers, *(0,) * (4 - len(numbers)))


def _key(settings: Settings) -> Finding:
    for name, word in (("api_key", "API key"), ("auth_token", "auth token")):
        if getattr(settings, name) is not None:
            return Finding("key", "ok", f"an {word}, from {_origin(settings, name)}")
    if settings.extra_headers:
        return Finding("key", "note", f"none, but headers from {_origin(settings, 'extra_headers')}")
    return Finding("key", "note", "none set: left to the SDK's own profiles (set ANTHROPIC_API_KEY)")


def _origin(settings: Settings, name: str) -> str:
    return settings.origins.get(name, "the default")


def _api(settings: Settings) -> Finding:
    """One page of the list of sessions: reach, key and beta header in one request."""
    import asyncio

    from cma_tui.commands.live import client_of
    from cma_tui.source import SourceError
    from cma_tui.source.overview import Workspace

    async def look() -> int:
        client = client_of(settings)
        try:
            async with asyncio.timeout(_PATIENCE):
                return await Workspace(client).reach()
        finally:
            await client.close()

    try:
        found = asyncio.run(look())
    except SourceError as error:
        return Finding("API", "bad", str(error))
    except TimeoutError:
        return Finding("API", "bad", f"no answer within {_PATIENCE:.0f}s")
    return Finding("API", "ok", f"answers and takes the key; {'sessions' if found else 'no session'} to see")


def _braintrust(settings: Settings) -> Finding:
    if settings.braintrust_api_key is None:
        return Finding("Braintrust", "ok", "off: BRAINTRUST_API_KEY is not set")
    from urllib.error import HTTPError, URLError
    from urllib.request import Request, urlopen

    url = (settings.braintrust_api_url or "https://api.braintrust.dev").rstrip("/")
    key = settings.braintrust_api_key.reveal()
    request = Request(f"{url}/v1/project?limit=1", headers={"authorization": f"Bearer {key}"})  # noqa: S310
    try:
        with urlopen(request, timeout=_PATIENCE):  # noqa: S310 - checked above
            return Finding("Braintrust", "ok", f"{url} answers and takes the key")
    except HTTPError as error:
        return Finding("Braintrust", "bad", f"{url} refused the key ({error.code})")
    except (URLError, OSError, ValueError) as error:
        return Finding("Braintrust", "bad", f"{url}: {getattr(error, 'reason', error)}")


def _terminal() -> Iterator[Finding]:
    from cma_tui.commands.output import no_screen

    reason = no_screen()
    if reason is not None:
        yield Finding("screen", "note", f"{reason}: lines are printed instead")
    else:
        size = os.get_terminal_size(sys.stdout.fileno())
        colours = (
            "true colour" if os.environ.get("COLORTERM") in ("truecolor", "24bit") else "256 colours or less"
        )
        yield Finding("screen", "ok", f"{os.environ.get('TERM', '')}, {size.columns}x{size.lines}, {colours}")
    encoding = getattr(sys.stdout, "encoding", None) or "none"
    utf8 = encoding.lower().replace("-", "") == "utf8"
    yield Finding(
        "encoding", "ok" if utf8 else "note", encoding if utf8 else f"{encoding}: signs beyond it become ?"
    )
    within = [
        name
        for name, variable in (("tmux", "TMUX"), ("ssh", "SSH_TTY"), ("screen", "STY"))
        if variable in os.environ
    ]
    if within:
        hint = "; copies need: set -g set-clipboard on" if "tmux" in within else ""
        yield Finding("within", "ok", f"{', '.join(within)}{hint}")
    yield _clipboard()


def _clipboard() -> Finding:
    """The way that `y` takes on the screen: the first tool that is there, else the terminal itself."""
    from cma_tui.ui.clipboard import tools

    wanted = [command[0] for command in tools(os.environ)]
    there = [name for name in wanted if shutil.which(name) is not None]
    if there:
        return Finding("clipboard", "ok", f"with {there[0]}")
    through = " through tmux" if "TMUX" in os.environ else " through screen" if "STY" in os.environ else ""
    none = f" (not installed: {', '.join(wanted)})" if wanted else ""
    return Finding(
        "clipboard", "note", f"by the terminal{through} (OSC 52), which never says whether it took it{none}"
    )


def _folders(settings: Settings) -> Iterator[Finding]:
    for name in ("config_dir", "state_dir", "cache_dir"):
        path: Path = getattr(settings, name)
        label = name.replace("_dir", " folder")
        nearest = next(p for p in (path, *path.parents) if p.exists())
        if path.exists() and not path.is_dir():
            yield Finding(label, "bad", f"{path} is no folder")
        elif not os.access(nearest, os.W_OK | os.X_OK):
            state: Literal["note", "bad"] = "note" if name == "config_dir" else "bad"
            yield Finding(label, state, f"{nearest} cannot be written to")
        elif name == "state_dir" and path.exists() and os.name == "posix" and _open_to_others(path):
            yield Finding(label, "note", f"{path} can be read by other users; run: chmod 700 on it")
        else:
            yield Finding(label, "ok", f"{path}{'' if path.exists() else ' (made when needed)'}")


def _open_to_others(path: Path) -> bool:
    return bool(stat.S_IMODE(path.stat().st_mode) & 0o077)


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.option("--offline", is_flag=True, help="Ask no server.")
@common
def doctor_command(options: Common, as_json: bool, offline: bool) -> int:
    """Check what cma-top needs: key, API, terminal, folders. The key itself is never shown.

    The exit code is 0 when nothing is bad, 1 otherwise.
    """
    import msgspec

    output = Output()
    findings = []
    for finding in examine(options.settings(), network=not offline):
        clean = finding._replace(text=printable(finding.text, cap=500))
        findings.append(clean)
        if not as_json:
            line = f"{clean.state:<4}  {clean.check:<13}  {clean.text}"
            output.write([line.encode(output.encoding, "replace")])
    bad = any(finding.state == "bad" for finding in findings)
    if as_json:
        output.write([msgspec.json.encode({"ok": not bad, "checks": [f._asdict() for f in findings]})])
    return Exit.FAILED if bad else Exit.DONE

"""What the user chose, and where each choice came from.

Owns the names, the defaults and the checks of every setting, and the precedence: flag, then environment, then
the `.env` file that the user named, then the configuration file, then the default. The invariant: a
`Settings` made by `load` holds only checked values, at most one of the two Anthropic credentials, and no
secret outside a `Secret`. Without either credential the SDK looks for its own (profile, workload identity),
so a missing key is no error here.
"""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple, get_args

from cma_tui import checks, keymap
from cma_tui.checks import Check, Secret, UnfitError
from cma_tui.keymap import DEFAULT as DEFAULT_KEYS
from cma_tui.keymap import Keymap
from cma_tui.redact import Redactor
from cma_tui.rules import NONE, Rules, from_table
from cma_tui.text import printable

__all__ = [
    "Secret",
    "Settings",
    "SettingsError",
    "describe",
    "known_secrets",
    "load",
    "redactor_of",
    "variables",
]

APP = "cma-top"
DEFAULT_BASE_URL: Final = "https://api.anthropic.com"
DEFAULT_APP_URL: Final = "https://www.braintrust.dev"
TraceMode = Literal["batch", "realtime", "metadata", "off"]
TRACE_MODES: Final = get_args(TraceMode)
"""How turns are traced: as they end, as they happen, without what was said, or not at all."""
NOTICES: Final = ("answer", "done", "failed", "stalled")
_FILE_LIMIT = 1_000_000


class SettingsError(Exception):
    """A value that cannot be used. Its message is one line and says where the value came from."""


# ------------------------------------------------------------------------------------ the settings


def _platform_folder(kind: str) -> Path:
    import platformdirs

    path: Path = getattr(platformdirs, f"user_{kind}_path")(APP, appauthor=False)
    return path


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Every setting of one run."""

    api_key: Secret | None = None
    auth_token: Secret | None = None
    base_url: str = DEFAULT_BASE_URL
    extra_headers: Mapping[str, Secret] = field(default_factory=dict)
    """Sent with each API request. The values are secret: compatible servers take their keys here."""
    braintrust_api_key: Secret | None = None
    braintrust_project: str | None = None
    braintrust_project_id: str | None = None
    braintrust_org_name: str | None = None
    braintrust_api_url: str | None = None
    braintrust_app_url: str = DEFAULT_APP_URL
    trace_parent: str | None = None
    """What traced sessions hang below: an exported span, or a project or experiment."""
    trace: TraceMode = "batch"
    trace_sample: float = 1.0
    """Share of the sessions that is traced."""
    trace_mask: tuple[str, ...] = ()
    """Regular expressions for more of what to mask."""
    agent: str | None = None
    """Id of the agent that a new session runs."""
    environment: str | None = None
    """Id of the environment that a new session runs in."""
    record: str = "never"
    theme: str | None = None
    """Name of a theme; the screen knows which exist, and its own default."""
    density: str = "normal"
    beside: bool = True
    """Whether turns, threads and time stand beside the timeline where there is room."""
    time: str = "offset"
    """What stands in the time column of the timeline."""
    filters: Mapping[str, str] = field(default_factory=dict)
    """Filters of the timeline by name, offered where one is written."""
    rules: Rules = NONE
    """Which tool uses are answered without asking; only a configuration file can state them."""
    keys: Keymap = DEFAULT_KEYS
    """The keys of the screen; only a configuration file can change them."""
    motion: bool = True
    notify: tuple[str, ...] = ("title", "bell", "desktop")
    """The ways in which the screen tells that a session needs somebody, has ended or stands still."""
    notify_on: tuple[str, ...] = NOTICES
    """What is told so."""
    notify_command: str | None = None
    """What is run for each notice."""
    state_dir: Path = field(default_factory=lambda: _platform_folder("state"))
    """Recordings, logs and what waits for upload."""
    cache_dir: Path = field(default_factory=lambda: _platform_folder("cache"))
    config_dir: Path = field(default_factory=lambda: _platform_folder("config"))
    """Where `config.toml` is looked for."""
    warnings: tuple[str, ...] = ()
    """What the user should know about how the settings were given, one line each."""
    origins: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)
    """Where each setting that is not the default came from."""


class _Rule(NamedTuple):
    variable: str
    check: Check
    in_file: bool = True
    """Whether the configuration file may hold it."""


_RULES = {
    "api_key": _Rule("ANTHROPIC_API_KEY", checks.secret),
    "auth_token": _Rule("ANTHROPIC_AUTH_TOKEN", checks.secret),
    "base_url": _Rule("ANTHROPIC_BASE_URL", checks.url),
    "extra_headers": _Rule("ANTHROPIC_CUSTOM_HEADERS", checks.headers),
    "braintrust_api_key": _Rule("BRAINTRUST_API_KEY", checks.secret),
    "braintrust_project": _Rule("BRAINTRUST_PROJECT", checks.word),
    "braintrust_project_id": _Rule("BRAINTRUST_PROJECT_ID", checks.word),
    "braintrust_org_name": _Rule("BRAINTRUST_ORG_NAME", checks.word),
    "braintrust_api_url": _Rule("BRAINTRUST_API_URL", checks.url),
    "braintrust_app_url": _Rule("BRAINTRUST_APP_URL", checks.url),
    "trace_parent": _Rule("BRAINTRUST_PARENT", checks.word),
    "trace": _Rule("CMA_TOP_TRACE", checks.one_of(*TRACE_MODES)),
    "trace_sample": _Rule("CMA_TOP_TRACE_SAMPLE", checks.share),
    "trace_mask": _Rule("CMA_TOP_TRACE_MASK", checks.lines),
    "agent": _Rule("CMA_TOP_AGENT", checks.word),
    "environment": _Rule("CMA_TOP_ENVIRONMENT", checks.word),
    "record": _Rule("CMA_TOP_RECORD", checks.one_of("never", "always")),
    "theme": _Rule("CMA_TOP_THEME", checks.word),
    "density": _Rule("CMA_TOP_DENSITY", checks.one_of("quiet", "normal", "full")),
    "beside": _Rule("CMA_TOP_BESIDE", checks.switch),
    "time": _Rule("CMA_TOP_TIME", checks.one_of("offset", "relative", "clock", "off")),
    "filters": _Rule("CMA_TOP_FILTERS", checks.texts),
    "rules": _Rule("", from_table),
    "keys": _Rule("", keymap.from_table),
    "motion": _Rule("CMA_TOP_MOTION", checks.switch),
    "notify": _Rule("CMA_TOP_NOTIFY", checks.some_of("title", "bell", "desktop", "osc9", "osc777")),
    "notify_on": _Rule("CMA_TOP_NOTIFY_ON", checks.some_of(*NOTICES)),
    "notify_command": _Rule("CMA_TOP_NOTIFY_COMMAND", checks.command),
    "state_dir": _Rule("CMA_TOP_STATE_DIR", checks.folder),
    "cache_dir": _Rule("CMA_TOP_CACHE_DIR", checks.folder),
    "config_dir": _Rule("CMA_TOP_CONFIG_DIR", checks.folder, in_file=False),
}


def load(
    flags: Mapping[str, object],
    env: Mapping[str, str],
    env_file: Path | None,
    config_file: Path | None = None,
) -> Settings:
    """Gather the settings of one run.

    Args:
        flags: Values from the command line by setting name; None is a flag not given.
        env: The environment. An empty variable counts as not set.
        env_file: A `.env` file that the user named; none is looked for.
        config_file: A configuration file that the user named, instead of `config.toml` in the config folder.

    Raises:
        SettingsError: A value or a file cannot be used.
    """
    if unknown := flags.keys() - _RULES.keys():
        raise TypeError(f"no such setting: {', '.join(sorted(unknown))}")
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    warnings: list[str] = []

    def take(name: str, value: object, origin: str) -> None:
        if name not in values:
            values[name] = _checked(name, value, origin)
            origins[name] = origin

    for name, given in flags.items():
        if given is not None:
            take(name, given, "flag")
    for name, variable, text in _from_variables(env):
        take(name, text, f"environment variable {variable}")
    if env_file is not None:
        entries, exposed = _env_file(env_file)
        ours = list(_from_variables(entries))
        warnings += _warning(env_file, exposed, [name for name, _, _ in ours])
        for name, variable, text in ours:
            take(name, text, f"{variable} in {_shown(env_file)}")
    path = config_file or values.get("config_dir", _platform_folder("config")) / "config.toml"
    table, exposed = _config_file(path, required=config_file is not None)
    warnings += _warning(path, exposed, list(table))
    for name, value in table.items():
        take(name, value, _shown(path))
    _keep_one_credential(values, origins)
    return Settings(**values, warnings=tuple(warnings), origins=origins)


def describe(settings: Settings) -> list[tuple[str, str, str]]:
    """Return name, value and origin of every setting, fit to show: no secret among them."""
    return [(name, _shown(getattr(settings, name)), settings.origins.get(name, "default")) for name in _RULES]


def variables() -> list[str]:
    """Return the names of the environment variables that are read."""
    return [rule.variable for rule in _RULES.values() if rule.variable]


def _checked(name: str, value: object, origin: str) -> object:
    try:
        return _RULES[name].check(value)
    except UnfitError as error:
        raise SettingsError(_shown(f"{name} {error} (from {origin})")) from None


def _keep_one_credential(values: dict[str, Any], origins: dict[str, str]) -> None:
    """Drop the credential of lower precedence: the SDK refuses two. From the same place the key wins."""
    given = [name for name in values if name in {"api_key", "auth_token"}]
    for name in given[1:]:
        del values[name], origins[name]


def _shown(value: object) -> str:
    """Return a value on one line, fit for a terminal."""
    if value is None:
        return "not set"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        value = ", ".join(f"{name}: {content}" for name, content in value.items()) or "none"
    elif isinstance(value, tuple):
        value = ", ".join(value) or "none"
    return printable(str(value), strict=True, cap=500)


# ------------------------------------------------------------------------------------ where values come from


def _from_variables(env: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    """Yield setting, variable and text of each variable that is ours and not empty."""
    for name, rule in _RULES.items():
        if text := env.get(rule.variable, "").strip():
            yield name, rule.variable, text


def _env_file(path: Path) -> tuple[dict[str, str], bool]:
    """Return the variables of a `.env` file, and whether other users can read it."""
    import io

    from dotenv.parser import parse_stream

    text, exposed = _read(path)
    entries = {}
    for binding in parse_stream(io.StringIO(text)):
        if binding.error:
            line = binding.original.line
            raise SettingsError(f"{_shown(path)}: line {line} is not of the form NAME=value")
        if binding.key is not None and binding.value is not None:
            entries[binding.key] = binding.value
    return entries, exposed


def _config_file(path: Path, *, required: bool) -> tuple[dict[str, object], bool]:
    """Return the settings of a configuration file, and whether other users can read it."""
    text, exposed = _read(path, required=required)
    if not text:
        return {}, exposed
    import tomllib

    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(_shown(f"{path}: {error}")) from None
    valid = [name for name, rule in _RULES.items() if rule.in_file]
    for key in table:
        if key not in valid:
            nearest = _nearest(key, valid)
            raise SettingsError(_shown(f"{path}: unknown setting {key!r}; the nearest is {nearest}"))
    return table, exposed


def _nearest(key: str, valid: list[str]) -> str:
    import difflib

    return difflib.get_close_matches(key.lower().replace("-", "_"), valid, n=1, cutoff=0.0)[0]


def _read(path: Path, *, required: bool = True) -> tuple[str, bool]:
    """Return a file's text, and whether other users can read it. A file not required may be absent."""
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            data = file.read(_FILE_LIMIT + 1)
    except FileNotFoundError:
        if not required:
            return "", False
        raise SettingsError(f"{_shown(path)}: no such file") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise SettingsError(_shown(f"{path}: cannot be read: {reason}")) from None
    if len(data) > _FILE_LIMIT:
        raise SettingsError(f"{_shown(path)}: is over {_FILE_LIMIT:,} bytes, too large for a settings file")
    try:
        return data.decode("utf-8-sig"), os.name == "posix" and bool(mode & 0o044)
    except UnicodeDecodeError:
        raise SettingsError(f"{_shown(path)}: is not UTF-8 text") from None


def _warning(path: Path, exposed: bool, names: list[str]) -> list[str]:
    if exposed and any(_RULES[name].check in (checks.secret, checks.headers) for name in names):
        return [f"{_shown(path)} holds a key, and other users can read it; run: chmod 600 on it"]
    return []


def known_secrets(settings: Settings, env: Mapping[str, str]) -> list[str]:
    """The values of our own keys, and of whatever else in the environment has a secret's name."""
    from cma_tui.redact import Redactor

    own = [
        settings.api_key,
        settings.auth_token,
        settings.braintrust_api_key,
        *settings.extra_headers.values(),
    ]
    named = Redactor().secret_name
    return [secret.reveal() for secret in own if secret is not None] + [
        value for name, value in env.items() if named(name)
    ]


def redactor_of(settings: Settings, env: Mapping[str, str]) -> Redactor:
    """What masks a document: what looks secret, the values that are known to be, the user's patterns.

    Raises:
        PatternError: one of the patterns cannot be used.
    """
    return Redactor(known_secrets(settings, env), settings.trace_mask)

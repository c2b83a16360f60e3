"""What the user chose, and where each choice came from.

Owns the names, the defaults and the checks of every setting, and the precedence: flag, then environment, then
the `.env` file that the user named, then the configuration file, then the default. The invariant: a
`Settings` made by `load` holds only checked values, at most one of the two Anthropic credentials, and no
secret outside a `Secret`. Without either credential the SDK looks for its own (profile, workload identity),
so a missing key is no error here.
"""

import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple

from cma_tui.text import printable

APP = "cma-top"
DEFAULT_BASE_URL: Final = "https://api.anthropic.com"
_FILE_LIMIT = 1_000_000
_HIDDEN = "***"


class SettingsError(Exception):
    """A value that cannot be used. Its message is one line and says where the value came from."""


class Secret:
    """A value that shows itself to nobody who did not ask by `reveal`."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the value itself."""
        return self._value

    def __repr__(self) -> str:
        return _HIDDEN

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)


# ------------------------------------------------------------------------------------ checks of one value
#
# Each takes a value as a flag, a variable or TOML gives it, and returns it in the setting's type.

_Check = Callable[[object], object]

_ON = {"1", "true", "yes", "on"}
_OFF = {"0", "false", "no", "off"}


class _UnfitError(Exception):
    """Why a value is refused. Completes the sentence "<setting> …" and repeats no secret."""


def _string(value: object) -> str:
    if not isinstance(value, str):
        raise _UnfitError(f"must be a text, not {value!r}")
    return value.strip()


def _word(value: object) -> str:
    text = _string(value)
    if not text or not text.isprintable():
        raise _UnfitError(f"must be a text without control characters, not {text!r}")
    return text


def _secret(value: object) -> Secret:
    if isinstance(value, Secret):
        return value
    text = value.strip() if isinstance(value, str) else ""
    if not text or not text.isascii() or not text.isprintable() or " " in text:
        raise _UnfitError("must be a key of printable ASCII characters without spaces")
    return Secret(text)


def _one_of(*choices: str) -> _Check:
    def check(value: object) -> str:
        if value not in choices:
            raise _UnfitError(f"must be {', '.join(choices[:-1])} or {choices[-1]}, not {value!r}")
        return str(value)

    return check


def _switch(value: object) -> bool:
    if isinstance(value, bool):
        return value
    word = _string(value).lower()
    if word not in _ON | _OFF:
        raise _UnfitError(f"must be true or false, not {value!r}")
    return word in _ON


def _folder(value: object) -> Path:
    if not isinstance(value, str | Path) or not str(value) or "\0" in str(value):
        raise _UnfitError(f"must be a folder, not {value!r}")
    try:
        path = Path(value).expanduser()
    except RuntimeError:
        raise _UnfitError(f"names a home folder that cannot be found: {value!r}") from None
    if not path.is_absolute():
        raise _UnfitError(f"must be an absolute path, not {value!r}")
    return path


def _base_url(value: object) -> str:
    import ipaddress
    from urllib.parse import urlsplit

    text = _string(value)
    if re.search("[@?#]", text):  # before anything that repeats the value
        raise _UnfitError("must hold no user name, password, query or fragment")
    wrong = _UnfitError(f"must be an https URL (or http on this machine), not {text!r}")
    if not text.isascii() or re.search(r"[\x00-\x20\x7f\\]", text):
        raise wrong
    try:
        parts = urlsplit(text)
        host, _port = parts.hostname, parts.port
    except ValueError:
        raise wrong from None
    if not host or parts.scheme not in {"https", "http"}:
        raise wrong
    if parts.scheme == "http" and host != "localhost":
        try:
            here = ipaddress.ip_address(host).is_loopback
        except ValueError:
            here = False
        if not here:
            raise wrong
    return text.rstrip("/")


def _headers(value: object) -> Mapping[str, Secret]:
    """Read `name: value` lines, or the table of a TOML file."""
    if isinstance(value, str):
        pairs: list[tuple[str, object]] = []
        for number, line in enumerate(value.splitlines(), 1):
            name, colon, rest = line.partition(":")
            if colon:
                pairs.append((name.strip(), rest.strip()))
            elif line.strip():
                raise _UnfitError(f"must hold lines of the form name: value; line {number} does not")
    elif isinstance(value, Mapping):
        pairs = list(value.items())
    else:
        raise _UnfitError(f"must be a table of names and values, not {type(value).__name__}")
    headers = {}
    for name, content in pairs:
        if not re.fullmatch(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+", name):
            raise _UnfitError(f"holds a name that is no header name: {name!r}")
        if not isinstance(content, str | Secret):
            raise _UnfitError(f"must give {name} a text")
        plain = content.reveal() if isinstance(content, Secret) else content
        if not plain.isascii() or (plain and not plain.isprintable()):
            raise _UnfitError(f"must give {name} a text of printable ASCII characters")
        headers[name] = Secret(plain)
    return headers


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
    agent: str | None = None
    """Id of the agent that a new session runs."""
    environment: str | None = None
    """Id of the environment that a new session runs in."""
    record: str = "never"
    theme: str | None = None
    """Name of a theme; the screen knows which exist, and its own default."""
    density: str = "normal"
    time: str = "offset"
    """What stands in the time column of the timeline."""
    motion: bool = True
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
    check: _Check
    in_file: bool = True
    """Whether the configuration file may hold it."""


_RULES = {
    "api_key": _Rule("ANTHROPIC_API_KEY", _secret),
    "auth_token": _Rule("ANTHROPIC_AUTH_TOKEN", _secret),
    "base_url": _Rule("ANTHROPIC_BASE_URL", _base_url),
    "extra_headers": _Rule("ANTHROPIC_CUSTOM_HEADERS", _headers),
    "braintrust_api_key": _Rule("BRAINTRUST_API_KEY", _secret),
    "agent": _Rule("CMA_TOP_AGENT", _word),
    "environment": _Rule("CMA_TOP_ENVIRONMENT", _word),
    "record": _Rule("CMA_TOP_RECORD", _one_of("never", "always")),
    "theme": _Rule("CMA_TOP_THEME", _word),
    "density": _Rule("CMA_TOP_DENSITY", _one_of("quiet", "normal", "full")),
    "time": _Rule("CMA_TOP_TIME", _one_of("offset", "relative", "clock", "off")),
    "motion": _Rule("CMA_TOP_MOTION", _switch),
    "state_dir": _Rule("CMA_TOP_STATE_DIR", _folder),
    "cache_dir": _Rule("CMA_TOP_CACHE_DIR", _folder),
    "config_dir": _Rule("CMA_TOP_CONFIG_DIR", _folder, in_file=False),
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
    return [rule.variable for rule in _RULES.values()]


def _checked(name: str, value: object, origin: str) -> object:
    try:
        return _RULES[name].check(value)
    except _UnfitError as error:
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
    import tomllib

    text, exposed = _read(path, required=required)
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
    if exposed and any(_RULES[name].check in (_secret, _headers) for name in names):
        return [f"{_shown(path)} holds a key, and other users can read it; run: chmod 600 on it"]
    return []

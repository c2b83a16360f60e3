import copy
import dataclasses
import os
import subprocess
import sys
from pathlib import Path

import pytest

from cma_tui import settings
from cma_tui.settings import Secret, Settings, SettingsError, describe, load

KEY = "sk-ant-test-0123456789"
ROOT = Path(__file__).parents[1]


@pytest.fixture
def env(tmp_path):
    """An environment in which nothing of the user's own can be found."""
    return {f"CMA_TOP_{kind}_DIR": str(tmp_path / kind.lower()) for kind in ("CONFIG", "STATE", "CACHE")}


@pytest.fixture
def write(tmp_path):
    def write_file(text, name="config/config.toml", mode=0o600):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        path.chmod(mode)
        return path

    return write_file


def refused(*args, **kwargs):
    """Return the message of the refusal, which must be one line without control characters."""
    with pytest.raises(SettingsError) as caught:
        load(*args, **kwargs)
    message = str(caught.value)
    assert message.isprintable()
    assert KEY not in message
    return message


# ---------------------------------------------------------------------------------------- precedence


def test_defaults(env):
    got = load({}, env, None)
    assert got.base_url == "https://api.anthropic.com"
    assert (got.density, got.time, got.record, got.motion) == ("normal", "offset", "never", True)
    assert (got.api_key, got.auth_token, got.braintrust_api_key) == (None, None, None)
    assert (got.theme, got.agent, got.environment) == (None, None, None)
    assert got.extra_headers == {}
    assert got.warnings == ()


def test_each_source_gives_way_to_the_one_before(env, write):
    write('theme = "file"\ndensity = "full"\ntime = "clock"\nagent = "from-file"\nmotion = false\n')
    env_file = write("CMA_TOP_THEME=dotenv\nCMA_TOP_DENSITY=normal\nCMA_TOP_TIME=off\n", ".env")
    env |= {"CMA_TOP_THEME": "env", "CMA_TOP_DENSITY": "quiet"}
    got = load({"theme": "flag", "density": None}, env, env_file)
    assert (got.theme, got.density, got.time, got.agent, got.motion) == (
        "flag",
        "quiet",
        "off",
        "from-file",
        False,
    )
    origin = {name: where for name, _, where in describe(got)}
    assert origin["theme"] == "flag"
    assert origin["density"] == "environment variable CMA_TOP_DENSITY"
    assert origin["time"] == f"CMA_TOP_TIME in {env_file}"
    assert origin["agent"].endswith("config.toml")
    assert origin["record"] == "default"


def test_a_dotenv_file_is_read_only_when_named(env, write, monkeypatch):
    env_file = write("CMA_TOP_THEME=dotenv\n", ".env")
    monkeypatch.chdir(env_file.parent)
    assert load({}, env, None).theme is None


def test_an_empty_variable_is_not_set(env):
    assert load({}, env | {"ANTHROPIC_API_KEY": "  ", "CMA_TOP_DENSITY": ""}, None).api_key is None


def test_folders_are_the_systems_unless_given(env, tmp_path, monkeypatch):
    assert load({}, env, None).state_dir == tmp_path / "state"
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("XDG_STATE_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    got = load({}, {}, None)
    for folder in (got.state_dir, got.cache_dir, got.config_dir):
        assert folder.is_relative_to(tmp_path)
        assert "cma-top" in folder.parts
        assert not folder.exists()


def test_home_is_expanded(env, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert load({}, env | {"CMA_TOP_STATE_DIR": "~/state"}, None).state_dir == tmp_path / "state"


def test_a_config_file_may_be_named(env, write):
    assert load({}, env, None, write('theme = "named"', "other.toml")).theme == "named"


def test_an_unknown_flag_is_a_mistake_of_the_program(env):
    with pytest.raises(TypeError, match="colour"):
        load({"colour": "red"}, env, None)


# ---------------------------------------------------------------------------------------- credentials


def test_of_two_credentials_the_one_given_nearer_to_the_command_wins(env, write):
    write(f'api_key = "{KEY}"')
    got = load({}, env | {"ANTHROPIC_AUTH_TOKEN": "token"}, None)
    assert (got.api_key, got.auth_token) == (None, Secret("token"))
    both = env | {"ANTHROPIC_AUTH_TOKEN": "token", "ANTHROPIC_API_KEY": KEY}
    got = load({}, both, None)
    assert (got.api_key, got.auth_token) == (Secret(KEY), None)
    assert ("auth_token", "not set", "default") in describe(got)


def test_a_secret_shows_itself_only_on_request(env):
    env |= {
        "ANTHROPIC_API_KEY": f" {KEY}\n",
        "BRAINTRUST_API_KEY": KEY,
        "ANTHROPIC_CUSTOM_HEADERS": f"x-api-key: {KEY}",
    }
    got = load({}, env, None)
    assert got.api_key.reveal() == KEY
    assert got.extra_headers["x-api-key"].reveal() == KEY
    for shown in (
        repr(got),
        str(got),
        f"{got.api_key} {got.api_key!r}",
        str(describe(got)),
        str(got.origins),
    ):
        assert KEY not in shown
    assert str(got.api_key) == "***"
    assert {name: shown for name, shown, _ in describe(got)}["extra_headers"] == "x-api-key: ***"


def test_secrets_compare_by_value():
    assert Secret("a") == Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert len({Secret("a"), Secret("a")}) == 1
    assert copy.copy(Secret("a")) == Secret("a")


@pytest.mark.parametrize("bad", ["two words", "line\nbreak", "ünïcode", "\x1b[31m", 7])
def test_a_key_that_cannot_be_one_is_refused_and_not_repeated(env, bad):
    message = refused({"api_key": bad}, env, None)
    assert message == "api_key must be a key of printable ASCII characters without spaces (from flag)"


def test_settings_cannot_be_changed(env):
    with pytest.raises(dataclasses.FrozenInstanceError):
        load({}, env, None).theme = "other"


# ---------------------------------------------------------------------------------------- values


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://api.example.com", "https://api.example.com"),
        ("https://example.com:8443/base/", "https://example.com:8443/base"),
        ("http://localhost:8080", "http://localhost:8080"),
        ("http://127.0.0.1:9", "http://127.0.0.1:9"),
        ("http://127.1.2.3", "http://127.1.2.3"),
        ("http://[::1]:8080", "http://[::1]:8080"),
    ],
)
def test_base_urls_that_are_safe(env, url, kept):
    assert load({}, env | {"ANTHROPIC_BASE_URL": url}, None).base_url == kept


@pytest.mark.parametrize(
    "url",
    [
        "http://api.example.com",
        "http://10.0.0.1",
        "http://localhost.example.com",
        "http://127.0.0.1.example.com",
        "http://[::2]",
        "ftp://example.com",
        "file:///etc/passwd",
        "example.com",
        "//example.com",
        "https://",
        "https://exa mple.com",
        "https://example.com\n.evil",
        "https://example.com:port",
        "https://example.com:99999",
        "https://[::1",
        "https:\\\\example.com",
        "https://exämple.com",
        "\x1b[2J",
    ],
)
def test_base_urls_that_are_refused(env, url):
    message = refused({}, env | {"ANTHROPIC_BASE_URL": url}, None)
    assert message.startswith("base_url must be an https URL")
    assert message.endswith("(from environment variable ANTHROPIC_BASE_URL)")


@pytest.mark.parametrize(
    "url",
    [f"https://user:{KEY}@example.com", f"https://example.com/?key={KEY}", "http://localhost\\@example.com"],
)
def test_a_base_url_with_more_than_an_address_is_refused_and_not_repeated(env, url):
    assert "must hold no user name" in refused({"base_url": url}, env, None)


@pytest.mark.parametrize(
    ("name", "variable", "good", "bad"),
    [
        ("density", "CMA_TOP_DENSITY", ["quiet", "normal", "full"], "loud"),
        ("time", "CMA_TOP_TIME", ["offset", "relative", "clock", "off"], "never"),
        ("record", "CMA_TOP_RECORD", ["never", "always"], "sometimes"),
    ],
)
def test_choices(env, name, variable, good, bad):
    for value in good:
        assert getattr(load({}, env | {variable: value}, None), name) == value
    message = refused({}, env | {variable: bad}, None)
    choices = f"{', '.join(good[:-1])} or {good[-1]}"
    assert message == f"{name} must be {choices}, not '{bad}' (from environment variable {variable})"


def test_filters_are_texts_by_name(env, write):
    write('[filters]\nslow = "kind:tool >10s"\n')
    assert load({}, env, None).filters == {"slow": "kind:tool >10s"}
    assert load({}, env | {"CMA_TOP_FILTERS": "a = error\nb=wait"}, None).filters == {
        "a": "error",
        "b": "wait",
    }


def test_notices_are_words_of_a_list(env, write):
    assert load({}, env, None).notify == ("title", "bell", "desktop")
    write('notify = ["bell"]\nnotify_on = []\nnotify_command = "notify-send cma-top"\n')
    got = load({}, env, None)
    assert (got.notify, got.notify_on, got.notify_command) == (("bell",), (), "notify-send cma-top")
    got = load({}, env | {"CMA_TOP_NOTIFY": "osc9, title", "CMA_TOP_NOTIFY_ON": "none"}, None)
    assert (got.notify, got.notify_on) == (("title", "osc9"), ())
    assert "must be some of answer" in refused({}, env | {"CMA_TOP_NOTIFY_ON": "always"}, None)
    assert "must be a command" in refused({}, env | {"CMA_TOP_NOTIFY_COMMAND": "say 'it"}, None)


@pytest.mark.parametrize(("word", "motion"), [("1", True), ("Yes", True), ("off", False), ("FALSE", False)])
def test_switches(env, word, motion):
    assert load({}, env | {"CMA_TOP_MOTION": word}, None).motion is motion


@pytest.mark.parametrize(
    ("variable", "bad"),
    [
        ("CMA_TOP_MOTION", "perhaps"),
        ("CMA_TOP_THEME", "dark\x1b]2;x\x07"),
        ("CMA_TOP_AGENT", "agent\u202eid"),
        ("CMA_TOP_STATE_DIR", "relative/path"),
        ("CMA_TOP_STATE_DIR", "/with\0nul"),
    ],
)
def test_other_bad_values_name_their_variable(env, variable, bad):
    assert variable in refused({}, env | {variable: bad}, None)


def test_headers_come_one_to_a_line(env):
    env["ANTHROPIC_CUSTOM_HEADERS"] = "X-One: 1\r\n\n x-two :a: b\nx-empty:"
    got = load({}, env, None).extra_headers
    assert {name: value.reveal() for name, value in got.items()} == {
        "X-One": "1",
        "x-two": "a: b",
        "x-empty": "",
    }


@pytest.mark.parametrize("bad", [f"good: 1\n{KEY}", ": 1", "bad name: 1", "x: \x1b[31m", "x: ü"])
def test_headers_that_are_refused(env, bad):
    assert "extra_headers" in refused({}, env | {"ANTHROPIC_CUSTOM_HEADERS": bad}, None)


# ---------------------------------------------------------------------------------------- files


def test_the_config_file_takes_tables_and_switches(env, write):
    write(f'motion = false\n[extra_headers]\nx-api-key = "{KEY}"\n')
    got = load({}, env, None)
    assert got.motion is False
    assert got.extra_headers == {"x-api-key": Secret(KEY)}


@pytest.mark.parametrize(
    ("key", "nearest"),
    [
        ("densty", "density"),
        ("base-url", "base_url"),
        ("API_KEY", "api_key"),
        ("apikey", "api_key"),
        ("config_dir", "cache_dir"),
    ],
)
def test_an_unknown_key_names_the_nearest(env, write, key, nearest):
    path = write(f'{key} = "x"')
    assert refused({}, env, None) == f"{path}: unknown setting '{key}'; the nearest is {nearest}"


@pytest.mark.parametrize(
    "text",
    [
        "theme = ",
        "theme = 3",
        "density = ['quiet']",
        'extra_headers = "no colon"',
        "extra_headers = {x = 1}",
        "extra_headers = 3",
        "base_url = {}",
        "state_dir = 3",
        "state_dir = ''",
        "api_key = 3",
        '"\\u001b[2J" = 1',
    ],
)
def test_a_bad_config_file_is_named(env, write, text):
    del env["CMA_TOP_STATE_DIR"]
    assert str(write(text)) in refused({}, env, None)


def test_a_value_that_gives_way_is_not_checked(env, write):
    write("density = 'loud'")
    assert load({"density": "full"}, env, None).density == "full"


def test_a_file_that_cannot_be_read_is_named(env, tmp_path, write):
    assert refused({}, env, tmp_path / "none") == f"{tmp_path / 'none'}: no such file"
    assert refused({}, env, None, tmp_path / "none") == f"{tmp_path / 'none'}: no such file"
    assert "cannot be read" in refused({}, env, tmp_path)
    write("x").write_bytes(b"\xff\xfe")
    assert "not UTF-8" in refused({}, env, None)
    write("#" * 1_000_001)
    assert "too large" in refused({}, env, None)


def test_a_byte_order_mark_is_no_part_of_a_file(env, write):
    write("\ufefftheme = 'x'")
    assert load({}, env, None).theme == "x"


def test_an_env_file_is_taken_literally(env, write):
    path = write(
        '# note\nexport CMA_TOP_THEME="a $HOME b"\nOTHER=1\nCMA_TOP_AGENT\nCMA_TOP_RECORD=always # yes\n', "e"
    )
    got = load({}, env, path)
    assert (got.theme, got.agent, got.record) == ("a $HOME b", None, "always")


def test_a_bad_line_of_an_env_file_is_named(env, write):
    path = write(f"A=1\nANTHROPIC_API_KEY='{KEY}\n", "e")
    assert refused({}, env, path) == f"{path}: line 2 is not of the form NAME=value"


@pytest.mark.skipif(os.name != "posix", reason="file modes")
@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o600])
def test_a_readable_file_with_a_key_gives_a_warning(env, write, mode):
    path = write(f"BRAINTRUST_API_KEY={KEY}", "e", mode)
    config = write(f'[extra_headers]\nx = "{KEY}"', mode=mode)
    warnings = load({}, env, path).warnings
    if mode == 0o600:
        assert warnings == ()
    else:
        assert [str(path) in warnings[0], str(config) in warnings[1]] == [True, True]
        assert KEY not in str(warnings)


def test_a_readable_file_without_a_key_gives_none(env, write):
    write("theme = 'x'", mode=0o644)
    assert load({}, env, write("CMA_TOP_AGENT=a\nOTHER_KEY=b", "e", 0o644)).warnings == ()


# ---------------------------------------------------------------------------------------- the module


def test_every_setting_is_described_and_has_its_variable():
    fields = [field.name for field in dataclasses.fields(Settings)]
    assert [*(name for name, _, _ in describe(Settings())), "warnings", "origins"] == fields
    assert len(set(settings.variables())) == len(fields) - 4


def test_the_example_file_names_every_variable_and_gives_no_value():
    lines = (ROOT / ".env.example").read_text(encoding="utf-8").splitlines()
    named = [line.removeprefix("#").removesuffix("=") for line in lines if line.endswith("=")]
    assert named == settings.variables()
    assert all(line.startswith("#") or not line for line in lines)


def test_importing_and_loading_needs_no_heavy_module(tmp_path):
    code = (
        "import sys\n"
        "import cma_tui.settings\n"
        "early = {'platformdirs', 'dotenv', 'tomllib', 'anthropic'} & set(sys.modules)\n"
        "assert not early, early\n"
        "cma_tui.settings.load({}, {}, None)\n"
        "late = {'anthropic', 'httpx', 'httpx2', 'braintrust', 'textual', 'dotenv'} & set(sys.modules)\n"
        "assert not late, late\n"
    )
    env = {"HOME": str(tmp_path), "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-c", code], check=True, env=env)

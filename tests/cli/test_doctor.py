"""`doctor`: what is there, what is not, and never the key."""

import json

import pytest

KEY = "sk-very-secret-key"


def checks(out):
    return {check["check"]: check for check in json.loads(out)["checks"]}


def test_all_is_well(run, service, sim, tmp_path, monkeypatch):
    monkeypatch.setenv("CMA_TOP_STATE_DIR", str(tmp_path / "state"))
    code, out, _ = run("doctor", "--json")
    found = checks(out)
    assert (code, json.loads(out)["ok"]) == (0, True)
    assert found["API"]["text"].startswith("answers and takes the key")
    assert found["key"]["text"] == "an API key, from environment variable ANTHROPIC_API_KEY"
    assert sim.api_key not in out
    code, out, _ = run("doctor")
    assert (code, out.count("\n") > 6, sim.api_key in out) == (0, True, False)


def test_a_key_that_is_refused_is_not_shown(run, service, monkeypatch):
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    code, out, err = run("doctor", "--json")
    assert code == 1
    assert checks(out)["API"]["state"] == "bad"
    assert KEY not in out + err


def test_no_server(run, service, monkeypatch):
    monkeypatch.setenv("ANTHROPIC_BASE_URL", "http://127.0.0.1:9")
    code, out, _ = run("doctor")
    assert (code, "bad   API" in out) == (1, True)
    assert run("doctor", "--offline")[0] == 0


def test_folders(run, service, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    (tmp_path / "open").mkdir(mode=0o755)
    monkeypatch.setenv("CMA_TOP_CACHE_DIR", str(tmp_path / "file"))
    monkeypatch.setenv("CMA_TOP_STATE_DIR", str(tmp_path / "open"))
    code, out, _ = run("doctor", "--json", "--offline")
    found = checks(out)
    assert (code, found["cache folder"]["state"]) == (1, "bad")
    assert "chmod 700" in found["state folder"]["text"]


@pytest.mark.parametrize("arguments", [["--json", "--offline"], ["--offline"]])
def test_a_braintrust_key_is_not_shown(run, service, monkeypatch, arguments):
    monkeypatch.setenv("BRAINTRUST_API_KEY", KEY)
    _, out, err = run("doctor", *arguments)
    assert KEY not in out + err


def test_the_settings_are_shown_and_no_key(run, service, sim):
    code, out, err = run("--print-config")
    assert (code, err) == (0, "")
    assert "api_key = ***  (environment variable ANTHROPIC_API_KEY)" in out
    assert "density = normal  (default)" in out
    assert sim.api_key not in out


def test_commands_and_options_complete(capfd, monkeypatch):
    from cma_tui import cli

    monkeypatch.setenv("_CMA_TOP_COMPLETE", "bash_complete")
    for words, found in [("cma-top wa", "plain,wait"), ("cma-top wait --un", "plain,--until")]:
        monkeypatch.setenv("COMP_WORDS", words)
        monkeypatch.setenv("COMP_CWORD", str(words.count(" ")))
        with pytest.raises(SystemExit):
            cli.main([])
        assert capfd.readouterr().out == f"{found}\n"


def test_the_way_of_copies_is_named(run, service, monkeypatch, tmp_path):
    for name in ("TMUX", "STY", "SSH_CONNECTION", "SSH_TTY", "WAYLAND_DISPLAY", "DISPLAY", "WSL_DISTRO_NAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("sys.platform", "linux")

    def clipboard():
        return checks(run("doctor", "--json", "--offline")[1])["clipboard"]

    assert clipboard()["text"].startswith("by the terminal (OSC 52)")
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "not installed: xclip, xsel" in clipboard()["text"]
    (tmp_path / "xsel").write_text("#!/bin/sh\n")
    (tmp_path / "xsel").chmod(0o755)
    assert (clipboard()["state"], clipboard()["text"]) == ("ok", "with xsel")
    monkeypatch.setenv("TMUX", "/tmp/tmux,1,0")
    monkeypatch.setenv("SSH_TTY", "/dev/pts/1")
    assert clipboard()["text"].startswith("by the terminal through tmux (OSC 52)")


@pytest.mark.parametrize(
    ("there", "said"),
    [
        ("0.93.0", "0.93.0 is known to fail: its stream of session events yields nothing"),
        ("2.10.9", "2.10.9 is installed; cma-top needs"),
        ("3.0.0", "3.0.0 is installed; cma-top needs"),
        ("2.11.0", None),
        ("2.99", None),
    ],
)
def test_a_version_that_fails_is_told(run, service, monkeypatch, there, said):
    import importlib.metadata as metadata

    installed = metadata.version
    monkeypatch.setattr(metadata, "version", lambda name: there if name == "anthropic" else installed(name))
    code, out, _ = run("doctor", "--json", "--offline")
    found = checks(out).get("anthropic")
    assert (code, found is not None) == (1 if said else 0, bool(said))
    if said:
        assert said in found["text"]

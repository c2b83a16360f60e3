"""A whole run with a key that can be told: it is in nothing that was written."""

KEY = "sk-ant-" + "api03-" + "Q7" * 40


def test_the_key_is_in_nothing_that_was_written(run, service, sim, monkeypatch, tmp_path):
    monkeypatch.setattr(sim, "api_key", KEY)
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    monkeypatch.setenv("CMA_TOP_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("CMA_TOP_CACHE_DIR", str(tmp_path / "cache"))
    session = service.session()
    service.say(session, "roll it back")
    said = []
    recording = tmp_path / "saved.jsonl"
    for arguments in (
        ["save", session, "-o", str(recording)],
        ["tail", session, "--json", "--no-follow"],
        ["stats", session, "--json"],
        ["sessions"],
        ["sessions", "--json"],
        ["files", session],
        ["approve", session],
        ["doctor", "--json"],
        ["doctor"],
        ["wait", session, "--timeout", "1"],
        ["--print-config"],
        ["tail", "sesn_unknown"],
        ["stats", str(recording)],
    ):
        said += run(*arguments)[1:]
    assert any(said)
    assert recording.exists()
    wrong = KEY + "x"
    monkeypatch.setenv("ANTHROPIC_API_KEY", wrong)
    said += run("tail", session)[1:]
    assert not [text for text in said if KEY in text]
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert written
    assert not [path for path in written if KEY.encode() in path.read_bytes()]

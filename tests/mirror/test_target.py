"""Which destination the environment names, and which addresses the key may go to."""

import pytest

from cma_tui.mirror import Target, TargetError, mirror_for, target_from
from cma_tui.mirror.mirror import sampled
from cma_tui.mirror.target import checked_url
from cma_tui.settings import Secret, Settings, SettingsError, load
from tests.mirror.fake import KEY

ENV = {"BRAINTRUST_API_KEY": KEY}


def settings(env, **flags):
    return load(flags, env, None)


def test_without_a_key_there_is_no_destination():
    assert target_from(settings({})) is None
    assert target_from(settings({"BRAINTRUST_API_KEY": "  "})) is None


def test_the_documented_variables_are_read():
    given = settings(
        ENV
        | {
            "BRAINTRUST_PROJECT": "p",
            "BRAINTRUST_PROJECT_ID": "id",
            "BRAINTRUST_ORG_NAME": "o",
            "BRAINTRUST_API_URL": "https://api-eu.braintrust.dev/",
            "BRAINTRUST_APP_URL": "http://127.0.0.1:1234",
        }
    )
    target = target_from(given)
    assert target.api_key.reveal() == KEY
    assert (target.project, target.project_id, target.org) == ("p", "id", "o")
    assert (target.api_url, target.app_url) == ("https://api-eu.braintrust.dev", "http://127.0.0.1:1234")
    assert KEY not in repr(target)
    assert KEY not in target.name


@pytest.mark.parametrize(
    ("parent", "fields"),
    [
        ("project_name:x", {"project": "x"}),
        ("project_id:x", {"project_id": "x"}),
        ("experiment_id:x", {"experiment_id": "x"}),
        ("BAEBAg==", {"parent": "BAEBAg=="}),
    ],
)
def test_a_parent_is_a_place_or_an_exported_span(parent, fields):
    target = target_from(settings(ENV, trace_parent=parent))
    assert target == target_from(settings(ENV | {"BRAINTRUST_PARENT": parent}))
    assert {name: getattr(target, name) for name in fields} == fields
    with pytest.raises(TargetError):
        target_from(settings(ENV, trace_parent="dataset:x"))


@pytest.mark.parametrize(
    "url", ["http://example.com", "ftp://x", "nonsense", "https://u:p@host", "https://h/?a", "https://[x"]
)
def test_the_key_goes_to_https_or_to_this_machine(url):
    with pytest.raises(SettingsError) as caught:
        settings(ENV | {"BRAINTRUST_APP_URL": url})
    assert "u:p" not in str(caught.value)
    with pytest.raises(TargetError) as told:
        checked_url(url, "the address that Braintrust gave")
    assert "u:p" not in str(told.value)


def test_a_place_has_one_name_whatever_the_key():
    one, other = Target(api_key=Secret("a" * 20), project="p"), Target(api_key=Secret("b" * 20), project="p")
    assert one.name == other.name != Target(api_key=Secret("a" * 20), project="q").name


def test_the_mirror_is_off_without_a_key_and_says_so(tmp_path):
    off = mirror_for(Settings(state_dir=tmp_path), {})
    assert (off.mode, off.note) == (
        "off",
        "turns are not sent to Braintrust: BRAINTRUST_API_KEY is not set",
    )
    assert not off.status.on
    assert list(tmp_path.iterdir()) == []


def test_mode_share_and_patterns_are_settings_like_all_others(tmp_path):
    file = tmp_path / "config.toml"
    file.write_text('trace = "metadata"\ntrace_sample = 0.5\ntrace_mask = ["acme-.{4}"]\n')

    def made(env, **flags):
        return mirror_for(load(flags, ENV | {"CMA_TOP_STATE_DIR": str(tmp_path)} | env, None, file), {})

    assert made({}).mode == "metadata"
    assert made({"CMA_TOP_TRACE": "realtime"}).mode == "realtime"
    assert made({"CMA_TOP_TRACE": "realtime"}, trace="off").mode == "off"
    assert made({"CMA_TOP_TRACE_SAMPLE": "0"}).mode == "off"
    for wrong in (
        {"CMA_TOP_TRACE": "always"},
        {"CMA_TOP_TRACE_SAMPLE": "2"},
        {"CMA_TOP_TRACE_SAMPLE": "much"},
        {"CMA_TOP_TRACE_MASK": "(a+)+"},
    ):
        with pytest.raises((TargetError, SettingsError)):
            made(wrong)


def test_a_session_is_in_the_sample_always_or_never():
    ids = [f"sesn_{number}" for number in range(2000)]
    some, more = {i for i in ids if sampled(i, 0.1)}, {i for i in ids if sampled(i, 0.5)}
    assert some < more
    assert 120 < len(some) < 280
    assert not any(sampled(i, 0) for i in ids)
    assert all(sampled(i, 1) for i in ids)

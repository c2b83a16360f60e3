"""Which destination the environment names, and which addresses the key may go to."""

import pytest

from cma_tui.mirror import Target, TargetError, mirror_for, target_from
from cma_tui.mirror.mirror import sampled
from cma_tui.settings import Secret, Settings
from tests.mirror.fake import KEY

ENV = {"BRAINTRUST_API_KEY": KEY}


def test_without_a_key_there_is_no_destination():
    assert target_from({}) is None
    assert target_from({"BRAINTRUST_API_KEY": "  "}) is None


def test_the_documented_variables_are_read():
    target = target_from(
        ENV
        | {
            "BRAINTRUST_PROJECT": "p",
            "BRAINTRUST_PROJECT_ID": "id",
            "BRAINTRUST_ORG_NAME": "o",
            "BRAINTRUST_API_URL": "https://api-eu.braintrust.dev/",
            "BRAINTRUST_APP_URL": "http://127.0.0.1:1234",
        }
    )
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
    assert target_from(ENV, parent=parent) == target_from(ENV | {"BRAINTRUST_PARENT": parent})
    target = target_from(ENV, parent=parent)
    assert {name: getattr(target, name) for name in fields} == fields
    with pytest.raises(TargetError):
        target_from(ENV, parent="dataset:x")


@pytest.mark.parametrize(
    "url", ["http://example.com", "ftp://x", "nonsense", "https://u:p@host", "https://h/?a", "https://[x"]
)
def test_the_key_goes_to_https_or_to_this_machine(url):
    with pytest.raises(TargetError) as caught:
        target_from(ENV | {"BRAINTRUST_APP_URL": url})
    assert "u:p" not in str(caught.value)


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


def test_the_environment_sets_mode_and_share(tmp_path):
    settings = Settings(state_dir=tmp_path, braintrust_api_key=Secret(KEY))
    assert mirror_for(settings, {}).mode == "batch"
    assert mirror_for(settings, {"CMA_TOP_TRACE": "realtime"}).mode == "realtime"
    assert mirror_for(settings, {"CMA_TOP_TRACE": "realtime"}, mode="off").mode == "off"
    assert mirror_for(settings, {"CMA_TOP_TRACE_SAMPLE": "0"}).mode == "off"
    for wrong in (
        {"CMA_TOP_TRACE": "always"},
        {"CMA_TOP_TRACE_SAMPLE": "2"},
        {"CMA_TOP_TRACE_SAMPLE": "much"},
        {"CMA_TOP_TRACE_MASK": "(a+)+"},
    ):
        with pytest.raises(TargetError):
            mirror_for(settings, wrong)


def test_a_session_is_in_the_sample_always_or_never():
    ids = [f"sesn_{number}" for number in range(2000)]
    some, more = {i for i in ids if sampled(i, 0.1)}, {i for i in ids if sampled(i, 0.5)}
    assert some < more
    assert 120 < len(some) < 280
    assert not any(sampled(i, 0) for i in ids)
    assert all(sampled(i, 1) for i in ids)

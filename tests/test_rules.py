"""The user's rules: their form, their meaning, and that a deny rule always wins."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cma_tui.checks import UnfitError
from cma_tui.rules import LARGEST, from_table
from cma_tui.settings import SettingsError, describe, load


def made(*, deny=(), allow=()):
    return from_table({"deny": list(deny), "allow": list(allow)})


def verdict(found, tool="bash", server=None, **arguments):
    decision = found.decide(tool, server, arguments)
    return decision and decision.verdict


def test_without_rules_a_person_is_asked():
    assert not from_table({})
    assert verdict(from_table({}), command="ls") is None


def test_an_allow_rule_matches_the_whole_value():
    found = made(allow=[{"tool": "bash", "input": {"command": "git status"}}])
    assert verdict(found, command="git status") == "allow"
    for other in ("git status; rm -rf /", " git status", "git status\n", "GIT STATUS", ["git status"]):
        assert verdict(found, command=other) is None
    slashes = made(allow=[{"tool": "bash", "input": {"command": "/git (status|log)/"}}])
    assert verdict(slashes, command="git log") == "allow"
    assert verdict(slashes, command="git log; rm -rf /") is None
    assert verdict(slashes, command="git log\nrm -rf /") is None


def test_an_allow_rule_names_every_field():
    found = made(allow=[{"tool": "bash", "input": {"command": "ls"}}])
    assert verdict(found, command="ls", sudo=True) is None
    assert verdict(found) is None
    named = made(allow=[{"tool": "bash", "input": {"command": "ls", "sudo": "false"}}])
    assert verdict(named, command="ls", sudo=False) == "allow"
    assert verdict(named, command="ls", sudo=True) is None


def test_a_deny_rule_finds_it_anywhere():
    found = made(
        deny=[
            {"tool": "*", "input": 'say "no"', "reason": "never"},
            {"tool": "bash", "input": {"to": "prod"}},
        ],
        allow=[{"tool": "*"}],
    )
    assert verdict(found, command="ls") == "allow"
    assert found.decide("bash", None, {"a": [{"b": 'well, say "no"!'}]}) == ("deny", "deny 1", "never")
    assert verdict(found, **{'say "no"': 1}) == "deny"
    assert verdict(found, to="the prod cluster", more=1) == "deny"
    assert verdict(found, to=["a", "prod"]) == "deny"


def test_a_tool_of_a_server_is_allowed_only_by_a_rule_that_names_the_server():
    assert verdict(made(allow=[{"tool": "bash"}]), server="evil") is None
    assert verdict(made(allow=[{"tool": "bash", "server": "good"}]), server="good") == "allow"
    assert verdict(made(allow=[{"tool": "bash", "server": "good"}])) is None
    assert verdict(made(deny=[{"tool": "bash"}]), server="evil") == "deny"


def test_what_is_not_certain_is_left_to_a_person():
    slow = made(deny=[{"tool": "*", "input": "/(a|aa|aaa)+$/"}], allow=[{"tool": "*"}])
    assert verdict(slow, command="a" * 5000 + "b") is None
    everything = made(allow=[{"tool": "*"}])
    assert verdict(everything, command="x" * LARGEST) is None
    for arguments in (None, "ls", ["ls"], 1):
        assert everything.decide("bash", None, arguments) is None
    assert everything.decide("", None, {}) is None
    assert everything.decide(None, None, {}) is None


WORDS = st.text('ab;/"\\\n*? é', max_size=6)
VALUES = st.recursive(
    WORDS | st.booleans() | st.integers(),
    lambda v: st.lists(v, max_size=2) | st.dictionaries(WORDS, v, max_size=2),
)
GLOBS = st.text('ab;"\\\n*? é', min_size=1, max_size=4)
TABLES = st.fixed_dictionaries(
    {"tool": st.sampled_from(["*", "bash", "ba*"])},
    optional={"input": GLOBS | st.dictionaries(st.sampled_from(["a", "b"]), GLOBS, min_size=1)},
)


@given(
    st.lists(TABLES, min_size=1, max_size=2),
    st.lists(TABLES, max_size=2),
    st.dictionaries(st.sampled_from(["a", "b", "c"]), VALUES, max_size=3),
)
def test_nothing_is_allowed_that_a_deny_rule_matches(deny, allow, arguments):
    denied = made(deny=deny).decide("bash", None, arguments)
    both = made(deny=deny, allow=[*allow, {"tool": "*"}]).decide("bash", None, arguments)
    assert both is not None
    assert (both.verdict == "deny") == (denied is not None)


@given(TABLES, st.dictionaries(st.sampled_from(["a", "b", "c"]), VALUES, max_size=3))
def test_what_a_rule_would_allow_the_same_rule_would_deny(table, arguments):
    if made(allow=[table]).decide("bash", None, arguments) is not None:
        assert made(deny=[table]).decide("bash", None, arguments) is not None


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"alow": []}, "unknown key 'alow'; there are deny, allow"),
        ({"allow": {"tool": "bash"}}, "must give allow an array of tables"),
        ({"allow": [{"tool": "bash"}, {"tol": "bash"}]}, "in allow 2 holds an unknown key 'tol'"),
        ({"allow": [{"input": "x"}]}, "in allow 1 must name a tool"),
        ({"allow": [{"tool": "bash", "reason": "x"}]}, "in allow 1 holds an unknown key 'reason'"),
        ({"deny": [{"tool": "bash", "input": "/(/"}]}, "in deny 1 holds '/(/', which is no expression"),
        ({"deny": [{"tool": ""}]}, "in deny 1 holds an empty pattern"),
        ({"deny": [{"tool": "bash", "input": {}}]}, "in deny 1 must name a field"),
        ({"deny": [{"tool": "bash", "input": {"a": 1}}]}, "in deny 1 must hold patterns that are texts"),
        ({"deny": ["bash"]}, "in deny 1 must be a table"),
        ([], "must be a table of deny, allow"),
    ],
)
def test_what_is_no_rule_is_refused_with_its_place(table, said):
    with pytest.raises(UnfitError) as caught:
        from_table(table)
    assert said in str(caught.value)


def test_rules_are_a_setting_of_the_configuration_file_alone(tmp_path):
    path = tmp_path / "config.toml"
    path.write_text('[[rules.allow]]\ntool = "bash"\ninput.command = "ls"\n[[rules.deny]]\ntool = "rm*"\n')
    found = load({}, {"CMA_TOP_RULES": "x"}, None, path)
    assert verdict(found.rules, command="ls") == "allow"
    assert ("rules", "1 deny, 1 allow", str(path)) in describe(found)
    path.write_text('[[rules.allow]]\ntol = "bash"\n')
    with pytest.raises(SettingsError, match=r"rules in allow 1 .*'tol'.* \(from .*config.toml\)"):
        load({}, {}, None, path)

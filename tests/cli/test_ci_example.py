"""`examples/ci.sh`: a build that runs an agent's turn, against the simulator."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def build(service, sim, tmp_path):
    """Run the script: its code, what it printed, its reasons."""
    cma_top = tmp_path / "cma-top"
    cma_top.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m cma_tui "$@"\n')
    cma_top.chmod(0o755)

    def building(task, **environment):
        env = {
            **os.environ,
            "PATH": f"{tmp_path}:{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "CMA_TOP_STATE_DIR": str(tmp_path / "state"),
            "CMA_TOP_AGENT": sim.agent_id,
            "CMA_TOP_ENVIRONMENT": sim.environment_id,
            "CI_TIMEOUT": "120",
            **environment,
        }
        done = subprocess.run(
            [str(ROOT / "examples/ci.sh"), task],
            env=env,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=240,
        )
        (session,) = sim.sessions
        answers = [e for e in service.log(session) if e["type"] == "user.tool_confirmation"]
        return done.returncode, done.stdout, done.stderr, answers

    return building


def test_what_the_rule_allows_is_allowed_and_the_build_goes_on(build):
    code, out, err, answers = build("roll it back")
    assert code == 0, err
    assert {answer["result"] for answer in answers} == {"allow"}
    assert "you       roll it back" in out


def test_what_no_rule_allows_is_denied_with_the_reason_and_the_build_goes_on(build, tmp_path):
    rules = tmp_path / "rules.toml"
    rules.write_text('[[rules.allow]]\ntool = "bash"\ninput.command = "kubectl get *"\n')
    code, _, err, answers = build("roll it back", CI_RULES=str(rules))
    assert code == 0, err
    assert {(answer["result"], answer["deny_message"]) for answer in answers} == {
        ("deny", "no rule of this build allows it")
    }


def test_a_bad_end_fails_the_build(build):
    code, _, err, answers = build("overload")
    assert (code, answers) == (4, [])
    assert "gave up after retries" in err

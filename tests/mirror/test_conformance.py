"""The fake is right: the real package's own logging works against it, and leaves what it should."""

import math
import os
import subprocess
import sys

import pytest

from tests.mirror.fake import KEY

braintrust = pytest.importorskip("braintrust")


LOGGING = """
import braintrust
logger = braintrust.init_logger(project="real")
with logger.start_span(name="root", type="task", input={"q": 1}) as root:
    root.log(output="a", metadata={"k": {"a": 1}}, metrics={"tokens": 3}, tags=["x"])
    with root.start_span(name="call", type="llm", input=[{"role": "user", "content": "hi"}]) as call:
        call.log(output="there", metrics={"prompt_tokens": 2})
        call.log(metadata={"k": {"b": 2}}, scores={"good": 0.5})
logger.flush()
logger.update_span(call.id, output="late", metadata={"k": {"c": 3}})
logger.flush()
"""


def test_the_package_s_own_spans_arrive_and_its_updates_are_merges(fake):
    env = {**os.environ, "BRAINTRUST_API_KEY": KEY, "BRAINTRUST_APP_URL": fake.url}
    done = subprocess.run([sys.executable, "-c", LOGGING], env=env, capture_output=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    above, below = fake.row("root"), fake.row("call")
    assert above["output"] == "a"
    assert below["span_parents"] == [above["span_id"]]
    assert below["root_span_id"] == above["root_span_id"]
    assert below["input"] == [{"role": "user", "content": "hi"}]
    assert below["output"] == "late"
    assert below["metadata"]["k"] == {"b": 2, "c": 3}
    assert below["scores"] == {"good": 0.5}
    assert math.isfinite(above["metrics"]["start"])
    assert above["metrics"]["end"] >= below["metrics"]["end"]
    assert len(fake.rows) == 2
    fake.check_trees()


def test_the_package_s_client_works_end_to_end(fake):
    from braintrust.api import BraintrustClient, BraintrustHTTPError, RequestTarget, RetryMode

    with BraintrustClient(api_key=KEY, app_url=fake.url) as client:
        assert client.auth.login().organization.name == "acme"
        project = client.openapi.projects.post_project(body={"name": "p"})
        assert client.openapi.projects.post_project(body={"name": "p"})["id"] == project["id"]

        def insert(**row):
            return client.transport.request_json(
                "POST",
                client.router.resolve(RequestTarget.API, f"/v1/project_logs/{project['id']}/insert"),
                json={"events": [row]},
                headers={"Authorization": f"Bearer {KEY}"},
                retry_mode=RetryMode.NONE,
            )

        assert insert(id="r1", input="a", metadata={"m": {"x": 1}}) == {"row_ids": ["r1"]}
        insert(id="r1", _is_merge=True, metadata={"m": {"y": 2}})
        (row,) = fake.spans
        assert row["input"] == "a"
        assert row["metadata"] == {"m": {"x": 1, "y": 2}}
        insert(id="r1", _is_merge=True, _merge_paths=[["metadata", "m"]], metadata={"m": {"z": 3}})
        assert row["metadata"] == {"m": {"z": 3}}
        insert(id="r1", output="only")
        (row,) = fake.spans
        assert "input" not in row
        for wrong in (
            {"metrics": {"tokens": "3"}},
            {"metrics": {"tokens": True}},
            {"scores": {"s": 2}},
        ):
            with pytest.raises(BraintrustHTTPError):
                insert(id="r2", **wrong)
        with pytest.raises(BraintrustHTTPError):
            insert(input="no id")


def test_importing_it_has_no_effects_the_screen_could_see(fake):
    """No thread, no handler on the root logger: what the mirror relies on when it imports it late."""
    code = (
        "import threading, logging, braintrust.api\n"
        "assert threading.active_count() == 1\n"
        "assert not logging.getLogger().handlers\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")

"""A Braintrust for each test, and the promise that nothing is ever printed."""

import pytest

from tests.mirror.fake import Fake


@pytest.fixture
def fake():
    with Fake() as served:
        yield served


@pytest.fixture(autouse=True)
def silent(capfd):
    yield
    said = capfd.readouterr()
    assert (said.out, said.err) == ("", "")

"""What holds for the whole run."""

import pytest

from cma_tui.simulator import Simulator
from tests.mirror.fake import KEY

WRITTEN_ON_PURPOSE = "key"
"""The name of the file that a test puts a key into, to be read from there."""


@pytest.fixture(scope="session", autouse=True)
def no_key_in_anything_that_was_written(tmp_path_factory):
    """After the last test: neither key is in any file that any of them has left."""
    yield
    keys = [Simulator().api_key.encode(), KEY.encode()]
    found = []
    for path in tmp_path_factory.getbasetemp().rglob("*"):
        if path.is_file() and not path.is_symlink() and path.name != WRITTEN_ON_PURPOSE:
            content = path.read_bytes()
            found += [path for key in keys if key in content]
    assert found == []

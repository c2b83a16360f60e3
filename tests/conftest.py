"""What holds for the whole run."""

import os
import sys

import pytest
from hypothesis import HealthCheck, settings

from cma_tui.simulator import Simulator
from tests.mirror.fake import KEY

# Hundreds of processes would compile the same modules anew.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

LONGEST = ("test_benchmarks.py", "cli", "mirror", "ui", "source", "session")
"""Where the tests are that take longest: they come first, so that in the end no core waits for another."""
SOAK = {f"CMA_TOP_{word}" for word in ("SEEDS", "MACHINES", "HOURS", "SESSIONS", "KILLS", "RECORDER_KILLS")}
"""What `make soak` sets."""
WRITTEN_ON_PURPOSE = "key"
"""The name of the file that a test puts a key into, to be read from there."""


# Examples are drawn anew in `make soak` alone: here one commit has one answer, however busy the machine is.
settings.register_profile("soak", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("test", settings.get_profile("soak"), derandomize=True, database=None)
settings.load_profile("soak" if SOAK & os.environ.keys() else "test")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers():
    """Half as many again as there are cores: a good part of the tests waits for a process or a thread."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return cores * 3 // 2


def pytest_collection_modifyitems(config, items):
    def place(item):
        first = item.path.relative_to(config.rootpath / "tests").parts[0]
        return LONGEST.index(first) if first in LONGEST else len(LONGEST)

    items.sort(key=place)


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

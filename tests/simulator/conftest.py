"""A simulator, and a client connected to it."""

import pytest
from simulator_client import connect

from cma_tui.simulator import Simulator


@pytest.fixture
def sim():
    return Simulator()


@pytest.fixture
async def api(sim):
    async with connect(sim) as connected:
        yield connected


@pytest.fixture
def connected():
    """For tests that need a simulator with settings of their own."""
    return connect

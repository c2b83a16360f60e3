"""A session that is followed for long takes little memory, whatever it says."""

import tracemalloc

import pytest

from cma_tui.commands.tail import How, tail_session
from cma_tui.log.aside import Aside
from cma_tui.session.model import Session
from cma_tui.source import Batch
from tests.stories.write import Log
from tests.ui.play import opening


class Long:
    """A session that says 10 kB five thousand times."""

    name, live, line, controls = "sesn_long", True, None, None

    async def batches(self):
        for number in range(100):
            log = Log()
            for one in range(50):
                log.message("x" * 10_000, id=f"m{number}.{one}")
            yield Batch(log.events)


@pytest.mark.parametrize("how", [How(as_json=True), How()], ids=["json", "plain"])
def test_following_for_long_takes_little_memory(how, tmp_path, capfdbinary):
    session = Session(events=Aside(tmp_path))
    tracemalloc.start()
    try:
        assert tail_session(opening(Long()), "sesn_long", how, session) == 0
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    out = capfdbinary.readouterr().out
    assert out.count(b"x" * 10_000) == 5000
    assert most < 20_000_000, "of 50 MB that came"

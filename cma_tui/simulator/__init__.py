"""A CMA-compatible service in memory, with a scripted incident-responder as its agent.

`cma-top demo` and the tests run on it:

    sim = Simulator()
    async with serving(sim) as base_url:
        client = AsyncAnthropic(api_key=sim.api_key, base_url=base_url)
        session_id = sim.create_session()
        await client.beta.sessions.events.send(session_id, events=[…])
        await sim.until_idle(session_id)
        assert sim.log(session_id)[-1]["stop_reason"] == {"type": "end_turn"}

Owns everything below it; imports nothing of cma_tui but this package. A request meets `api`, `checks` and
`faults`; a session lives in `store`, is listed by `paging` and streamed by `stream`; its turns are written in
`scenes`, in the language of `script`, chosen by `agent` and played by `performer`. `serve` puts it on a port,
and is imported when first asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cma_tui.simulator.faults import Faults
from cma_tui.simulator.simulator import Simulator

if TYPE_CHECKING:
    from cma_tui.simulator.serve import ServerThread, serving

__all__ = ["Faults", "ServerThread", "Simulator", "serving"]


def __getattr__(name: str) -> object:
    """Import the server, and Uvicorn with it, only when somebody serves."""
    if name in ("ServerThread", "serving"):
        from cma_tui.simulator import serve

        return getattr(serve, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

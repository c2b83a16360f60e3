"""`demo`: the whole product on a built-in agent.

Owns the server that it runs on. Invariant: it reaches nothing but that server, on loopback.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from cma_tui.commands.options import Common, common, number
from cma_tui.commands.output import need_screen

if TYPE_CHECKING:
    from cma_tui.simulator import ServerThread, Simulator
    from cma_tui.source import Source
    from cma_tui.source.overview import Workspace


@click.command()
@click.option(
    "--pace",
    type=click.FloatRange(0, 100),
    default=1.0,
    callback=number,
    help="How slowly the agent works: 0.5 is twice as fast, 0 without waiting [1].",
)
@click.option("--scene", metavar="TEXT", help="Say this first; what it can do is said by: help")
@click.option(
    "--sessions",
    type=click.IntRange(1, 20_000),
    metavar="N",
    help="The overview of a workspace with so many sessions, a tenth of them at work.",
)
@common
def demo_command(options: Common, pace: float, scene: str | None, sessions: int | None) -> int:
    """Talk to a built-in agent: no account, no key and no network needed."""
    from cma_tui.commands.screens import show

    need_screen("demo")
    settings = options.settings()
    with ExitStack() as stack:
        ours = settings

        def serve() -> tuple[ServerThread, Simulator]:
            nonlocal ours
            from cma_tui.settings import Secret
            from cma_tui.simulator import ServerThread, Simulator

            sim = Simulator(pace=pace, host_answers=True)
            server = ServerThread(sim)
            ours = replace(
                settings,
                api_key=Secret(sim.api_key),
                auth_token=None,
                extra_headers={},
                base_url=stack.enter_context(server),
                origins={**settings.origins, "base_url": "demo"},
            )
            return server, sim

        async def open_source() -> Source:
            from cma_tui.commands.live import conversation_opener

            server, sim = serve()
            session = server.call(lambda: sim.create_session(title="demo"))
            return await conversation_opener(ours, session, message=scene)()

        async def open_workspace() -> Workspace:
            from cma_tui.commands.overview import workspace_opener
            from cma_tui.simulator.crowd import Crowd

            server, sim = serve()
            server.call(lambda: Crowd(sim, sessions or 1).start())
            return await workspace_opener(ours)()

        if sessions is not None:
            from cma_tui.commands.overview import run_list

            return run_list(open_workspace, settings, lambda: ours)
        return show(open_source, "demo", "demo", settings)

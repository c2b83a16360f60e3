"""Counts over the things of a turn or a thread, for the rows that sum them up.

Owns `Tally`. Invariant: every count is a sum over items, so what is sent for a turn adds up to its calls.
"""

from __future__ import annotations

import msgspec

from cma_tui.event import ModelUsage


class Tally(msgspec.Struct, gc=False):
    """Counts and tokens that add up."""

    model_requests: int = 0
    tool_uses: int = 0
    tool_errors: int = 0
    confirmations: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0

    def add_usage(self, usage: ModelUsage) -> None:
        """Count the tokens of one model request."""
        self.input_tokens += usage.input_tokens
        self.output_tokens += usage.output_tokens
        self.cache_read_tokens += usage.cache_read_input_tokens
        self.cache_write_tokens += usage.cache_creation_input_tokens

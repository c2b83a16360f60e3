"""The figures of many turns, in little memory.

Owns `TurnRows`: the turns that are being counted as they are, all others packed, for a long session has very
many. Invariants: whoever looks at a turn gets what was counted, whoever changes one gets it from `opened`;
what is packed adds up without being unpacked.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Final, overload

import msgspec

from cma_tui.session.figures import TurnFigures
from cma_tui.session.sums import Sums

_pack: Final = msgspec.msgpack.Encoder().encode
_unpack: Final = msgspec.msgpack.Decoder(TurnFigures).decode
_UNTOUCHED: Final = b""
"""Stands for a turn of which nothing has been counted."""


class TurnRows(Sequence[TurnFigures]):
    """The figures of each turn of a session, in order."""

    def __init__(self) -> None:
        self._packed: list[bytes] = []
        self._open: dict[int, TurnFigures] = {}
        """What stands in place of the packed ones."""
        self._sums = Sums()
        """What all that are not open add up to."""

    def begin(self) -> None:
        """One more turn."""
        self._packed.append(_UNTOUCHED)

    def opened(self, index: int) -> TurnFigures:
        """The figures of a turn, to be changed."""
        held = self._open.get(index)
        if held is None:
            held = self._open[index] = self._read(index)
            if self._packed[index]:
                self._sums.leave_out(held)
                self._packed[index] = _UNTOUCHED
        return held

    def pack(self) -> None:
        """Pack all but the last, which grows."""
        last = len(self._packed) - 1
        for index in [index for index in self._open if index != last]:
            with suppress(OverflowError):  # a server may tell numbers of any size: these stay as they are
                self._packed[index] = _pack(self._open[index])
                self._sums.take_in(self._open.pop(index))

    def sums(self) -> Sums:
        """What all turns add up to."""
        whole = Sums()
        whole.take_in(self._sums)
        for held in self._open.values():
            whole.take_in(held)
        return whole

    def __len__(self) -> int:
        return len(self._packed)

    @overload
    def __getitem__(self, index: int) -> TurnFigures: ...
    @overload
    def __getitem__(self, index: slice) -> list[TurnFigures]: ...
    def __getitem__(self, index: int | slice) -> TurnFigures | list[TurnFigures]:
        if isinstance(index, slice):
            return [self[at] for at in range(*index.indices(len(self._packed)))]
        at = index if index >= 0 else index + len(self._packed)
        if not 0 <= at < len(self._packed):
            raise IndexError(index)
        return self._open.get(at) or self._read(at)

    def __iter__(self) -> Iterator[TurnFigures]:
        return map(self.__getitem__, range(len(self._packed)))

    def _read(self, index: int) -> TurnFigures:
        packed = self._packed[index]
        return _unpack(packed) if packed else TurnFigures(index=index)

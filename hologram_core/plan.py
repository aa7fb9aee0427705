"""Plan: what an executor did while it was captured, to be run again as a whole."""

from __future__ import annotations

from . import _runtime
from .buffer import flat
from .errors import InvalidType, InvalidValue, shown
from .plan_text import lines


class Plan(_runtime.Plan):
    """`with executor.capture(*arguments) as plan:` records one; `plan.run(*others)` runs it again.

    What stands in the `with` statement runs as ever, and is written down: kernels, in the order in which they ran, and their memory.
    A run does the same work without Python between the ops, and allocates nothing.

    Memory. Arguments are said anew in each run. Buffers that were there before, and buffers that were made and are still held
    afterwards, stay what they are: each run reads and writes them where they lie, and the plan holds them. Buffers that came and
    went share memory of the plan's own.

    Random ops keep their seeds; `offset` is added to their offsets.
    """

    __slots__ = ()

    def __enter__(self) -> "Plan":
        self._begin()
        return self

    def __exit__(self, kind, *_) -> None:
        if kind is None:
            self._end()
        else:
            self._drop()

    def run(self, *buffers, offset: int = 0) -> None:
        """Runs it on these buffers in the place of the captured arguments, after everything that its executor has recorded.

        Args:
            buffers: as many as were captured, each of the same number of elements and the same type. Contiguous tensors and arrays
                of other libraries serve too.
            offset: added to the offset of each random op: other random numbers in each run.

        Raises:
            InvalidValue: the buffers do not fit, or overlap each other or memory of the plan's, and one of both is written.
            InvalidState: nothing was captured, or the executor was cleaned up.
        """
        if not isinstance(offset, int):
            raise InvalidType(f"hologram.Plan.run: the offset is an integer, not {type(offset).__name__}.")
        if not 0 <= offset < 1 << 63:
            raise InvalidValue(f"hologram.Plan.run: the offset {shown(offset)} is not within [0, 2**63).")
        self._run(arguments(self._executor, "hologram.Plan.run", buffers), offset)

    def explain(self) -> str:
        """Its nodes, a line each: what it is, what it reads, and after `>` what it writes."""
        return "\n".join(lines(self.program()))

    def __repr__(self) -> str:
        return f"Plan(nodes={self.nodes}, launches={self.launches}, bytes={self.bytes}, runs={self.runs})"


def arguments(executor, who: str, given) -> list[_runtime.Buffer]:
    """Buffers over the memory of what was given."""
    buffers = [flat(executor, value, True) for value in given]
    for i, buffer in enumerate(buffers):
        if not isinstance(buffer, _runtime.Buffer):
            raise InvalidType(f"{who}: argument {i} is a {type(buffer).__name__}. Give buffers, tensors or arrays.")
    return buffers

"""Maximum pooling as elementwise ops over strided views: one view of the input per place in the window.

A window's places are visited in row-major order. NaN is larger than every number and of several NaNs the last one counts;
of equal numbers the first one wins: as in PyTorch.
"""

from __future__ import annotations

from ..table import PROMOTE, Elementwise

_R = Elementwise


def _origin(b, width, row_step, column_step):
    row = b.index() / width
    return row * row_step + (b.index() - row * width) * column_step


def _max(b, best, place, x, other):
    better = x > best
    if x.dtype.is_float:
        better = better | b.isnan(x)
    return b.select(better, x, best), b.select(better, other, place)


ROWS = [
    _R("pool_origin", 3, _origin, PROMOTE, "i", kinds="iii", cost=0.5,
       doc="Number of a window's first place in the plane: element (r, c) of `width` columns gives r * row_step + c * column_step."),
    _R("pool_max", 4, _max, PROMOTE, "if", kinds="vivi", results=2, result_types=("T", "i64"), cost=0.3,
       doc="best so far, its place, candidate, its place."),
    _R("pool_max_backward", 4, lambda b, grad, place, origin, offset: b.select(place.eq(origin + offset), grad + 0, b.like(grad, 0)),
       PROMOTE, "f", kinds="viii", cost=0.3, doc="What flows to the place `offset` behind the window's origin."),
]

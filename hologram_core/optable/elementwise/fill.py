"""Rows that move, choose or create elements: copies and casts, where, masks, fills, sequences, triangles."""

from __future__ import annotations

from ...dtypes import F64
from ..table import PROMOTE, Aten, Elementwise

_R = Elementwise


def _arange(b, start, step):
    """In f64 whatever the result, as PyTorch accumulates."""
    return start + step * b.cast(b.index(), F64)


def _linspace(b, start, end, steps):
    """From both ends towards the middle, so that first and last element are exact. `steps` is an i64 scalar. One rounding per
    element: integers are cut off and would show a second."""
    i = b.index()
    dtype = start.dtype
    last = steps - 1
    step = (end - start) / b.cast(b.select(last < 1, b.like(last, 1), last), dtype)
    up, down = b.fma(step, b.cast(i, dtype), start), b.fma(-step, b.cast(last - i, dtype), end)
    return b.select(i < (steps >> 1), up, b.select(steps.eq(1), start, down))


_FILLS = ("converts", "overlaps")

ROWS = [
    _R("copy", 1, lambda b, x: x, PROMOTE, "bif", cost=0.1,
       doc="Conversion included: the node's result dtype is the destination's."),
    _R("fill", 1, lambda b, value: value, PROMOTE, "bif",
       (Aten("fill.Scalar", "i", ("value",), flags=_FILLS), Aten("fill.Tensor", "i", ("value",), flags=(*_FILLS, "point")),
        Aten("zero", "i", ("=0",), flags=_FILLS)), "p", cost=0.1),
    _R("where", 3, lambda b, cond, x, y: b.select(cond, x, y), PROMOTE, "bif",
       (Aten("where.self", "fo", ("condition", "self", "other")),), "bvv", cost=0.1),
    _R("masked_fill", 3, lambda b, x, mask, value: b.select(mask, value, x), PROMOTE, "bif",
       (Aten("masked_fill.Scalar", args=("self", "mask", "value"), flags=_FILLS),
        Aten("masked_fill.Tensor", args=("self", "mask", "value"), flags=(*_FILLS, "point"))),
       "vbp", cost=0.1),
    _R("arange", 2, _arange, PROMOTE, "f", kinds="dd", cost=0.1, doc="start + step * i; floating results."),
    _R("arange_int", 2, lambda b, start, step: start + step * b.index(), PROMOTE, "i", kinds="ii", cost=0.1),
    _R("linspace", 3, _linspace, PROMOTE, "f", kinds="ppi", cost=0.15, doc="start, end, steps."),
    _R("linspace_int", 3, _linspace, PROMOTE, "i", kinds="ddi", cost=0.3, doc="Computed in f64, truncated."),
    _R("eye", 2, lambda b, row, col: row.eq(col), PROMOTE, "bif", kinds="ii", cost=0.1,
       doc="row, col: i64 operands holding the element's coordinates, broadcast."),
    _R("tril", 4, lambda b, x, row, col, k: b.select(col - row <= k, x, b.like(x, 0)), PROMOTE, "bif", kinds="viii", cost=0.1),
    _R("triu", 4, lambda b, x, row, col, k: b.select(col - row >= k, x, b.like(x, 0)), PROMOTE, "bif", kinds="viii", cost=0.1),
]

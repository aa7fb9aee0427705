"""Reductions and scans along the row: one row each.

The accumulator starts at the identity of `combine`. f16 and bf16 accumulate in f32; who wants integers to accumulate in
i64 says so by the compute dtype.
"""

from __future__ import annotations

from .table import Reduction

ROWS = [
    Reduction("sum", init=lambda b, t: (b.const(0, t),), step=lambda b, a, x, i: (a[0] + x,),
              combine=lambda b, a, c: (a[0] + c[0],)),
]

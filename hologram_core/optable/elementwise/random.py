"""Random rows: the element's own Philox block, from two of its scalars, seed and offset.

Their aten ops check parameters and reserve counters in csrc/torch/aten/ops/random.cpp.
"""

from __future__ import annotations

from ..mathlib import random as r
from ..table import PROMOTE, Elementwise

_R = Elementwise


def _dropout(b, x, seed, offset, keep, scale):
    """(x * mask * scale, mask): a dropped infinity or NaN gives NaN, as in PyTorch."""
    mask = r.bernoulli(b, seed, offset, keep)
    return x * b.cast(mask, x.dtype) * scale, mask


ROWS = [
    _R("uniform", 4, r.uniform, PROMOTE, "f", kinds="iipp", seed=0, cost=2.0),
    _R("normal", 4, r.normal, PROMOTE, "f", kinds="iipp", seed=0, cost=3.0),
    _R("log_normal", 4, r.log_normal, PROMOTE, "f", kinds="iipp", seed=0, cost=3.5),
    _R("exponential", 3, r.exponential, PROMOTE, "f", kinds="iip", seed=0, cost=2.5),
    _R("cauchy", 4, r.cauchy, PROMOTE, "f", kinds="iipp", seed=0, cost=3.0),
    _R("geometric", 3, r.geometric, PROMOTE, "f", kinds="iip", seed=0, cost=3.0),
    _R("bernoulli", 3, r.bernoulli, PROMOTE, "f", kinds="iip", seed=0, cost=2.0, sample=(0.0, 1.0)),
    _R("random_int", 4, r.integer, PROMOTE, "i", kinds="iiii", seed=0, cost=2.5, doc="from, count; 0 stands for 2^64."),
    _R("native_dropout", 5, _dropout, PROMOTE, "f", kinds="viipp", seed=1, results=2, result_types=("T", "bool"), cost=2.0),
]

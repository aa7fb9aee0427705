"""Reductions and scans along the row: one row each.

`init` is the identity of `combine`. Node arguments beyond `arity` do not vary along the row and are passed on: `step(b, acc,
*inputs, index, *extras)`, `finish(b, acc, count, *extras)`; `count` is the row's length, an i64 scalar. f16 and bf16
accumulate in f32; callers that want integers to accumulate in i64 say so by the compute type.

NaN is larger than every number for the maximum and smaller for the minimum, and the first of equals wins, as in PyTorch.
"""

from __future__ import annotations

from ..dtypes import BOOL, F64, I64
from . import mathlib as m
from .table import Aten, Reduction, Scan

INF = float("inf")


# ---- shared pieces ----


def _lowest(dtype):
    return -INF if dtype.is_float else 0 if dtype.kind in "bu" else -(1 << (dtype.bits - 1))


def _highest(dtype):
    if dtype.kind == "b":
        return True
    return INF if dtype.is_float else (1 << (dtype.bits - (dtype.kind == "i"))) - 1


def _max(b, x, y):
    return x | y if x.dtype is BOOL else b.maximum(x, y)


def _min(b, x, y):
    return x & y if x.dtype is BOOL else b.minimum(x, y)


def _nonzero(b, x):
    return b.cast(x, BOOL)


def _fold(name, start, join, each=lambda b, x: x, finish=lambda b, a, n: a[0], **more):
    """A reduction with one component: join(acc, each(x))."""
    return Reduction(name, init=lambda b, t: (b.const(start(t) if callable(start) else start, t),),
                     step=lambda b, a, x, i: (join(b, a[0], each(b, x)),),
                     combine=lambda b, a, c: (join(b, a[0], c[0]),), finish=finish, **more)


def _counted(name, init, step, finish, join, component, **more):
    """A reduction whose accumulator has another type than its input."""
    return Reduction(name, init=lambda b, t: (init(b, t),), step=lambda b, a, x, i: (join(b, a[0], step(b, x)),),
                     combine=lambda b, a, c: (join(b, a[0], c[0]),), finish=finish, components=(component,), **more)


def _add(b, x, y):
    return x + y


def _overloads(*names):
    return tuple(Aten(name) for name in names)


# ---- extrema with their places ----


def _beats(b, x, best, greater):
    """Is x strictly better than best? NaN is better than every number."""
    better = x > best if greater else x < best
    if x.dtype is BOOL:
        better = x & ~best if greater else best & ~x
    return better | (b.isnan(x) & ~b.isnan(best)) if x.dtype.is_float else better


def _ties(b, x, y):
    return x.eq(y) | (b.isnan(x) & b.isnan(y)) if x.dtype.is_float else x.eq(y)


def _place(name, greater, values, **more):
    """argmax, argmin and the pair of value and index.

    The initial index 0 is right: an accumulator keeps it only where no element beats the initial value, and if no
    element of the whole row does, all are equal to it and the first wins.
    """
    def init(b, t):
        return b.const(_lowest(t) if greater else _highest(t), t), b.const(0, I64)

    def step(b, a, x, index):
        better = _beats(b, x, a[0], greater)
        return b.select(better, x, a[0]), b.select(better, index, a[1])

    def combine(b, a, c):
        better = _beats(b, c[0], a[0], greater) | (_ties(b, c[0], a[0]) & (c[1] < a[1]))
        return b.select(better, c[0], a[0]), b.select(better, c[1], a[1])

    if values:
        return Reduction(name, init, step, combine, lambda b, a, n: a, ("T", "i64"), 2, ("T", "i64"), "bif", indexed=True,
                         chooses=True, **more)
    return Reduction(name, init, step, combine, lambda b, a, n: a[1], ("T", "i64"), 1, ("i64",), "bif", indexed=True,
                     chooses=True, **more)


# ---- variance: mean, sum of squared deviations, count (Welford; combined by Chan's formula) ----


def _welford_step(b, a, x, i, correction):
    mean, squares, n = a
    n = n + 1
    delta = x - mean
    mean = mean + delta / n
    return mean, squares + delta * (x - mean), n


def _welford_combine(b, a, c):
    n = a[2] + c[2]
    delta = c[0] - a[0]
    share = b.select(n.eq(0), b.like(n, 0), c[2] / n)
    return a[0] + delta * share, a[1] + c[1] + delta * delta * a[2] * share, n


def _variance(b, a, count, correction):
    degrees = b.cast(count, a[1].dtype) - correction
    # A negative number of degrees of freedom counts as none: 0/0 is NaN, x/0 infinite.
    value = a[1] / b.select(degrees < 0, b.like(degrees, 0), degrees)
    return b.select(b.cast(count, BOOL), value, b.like(value, float("nan")))


def _moments(name, root, mean):
    def finish(b, a, count, correction):
        spread = _variance(b, a, count, correction)
        spread = b.sqrt(spread) if root else spread
        centre = b.select(b.cast(count, BOOL), a[0], b.like(a[0], float("nan")))
        return (spread, centre) if mean else spread

    return Reduction(name, lambda b, t: tuple(b.const(0, t) for _ in range(3)), _welford_step, _welford_combine, finish,
                     ("T", "T", "T"), 2 if mean else 1, ("T", "T")[:1 + mean], "f", cost=0.3,
                     doc="args: input, correction")


# ---- norms ----


def _power_norm():
    """(sum |x|^p)^(1/p); the exponent is the second argument."""
    return Reduction("norm_p", lambda b, t: (b.const(0, t),),
                     lambda b, a, x, i, p: (a[0] + m.pow(b, b.abs(x), p),),
                     lambda b, a, c: (a[0] + c[0],),
                     lambda b, a, n, p: m.pow(b, a[0], 1 / p), dtypes="f", cost=2.0, doc="args: input, p")


# ---- log-sum-exp: the largest exponent so far, and the sum relative to it ----


def _lse_join(b, big, total, x, amount):
    """Adds amount * exp(x) to total * exp(big) with a single exponential."""
    delta = b.select(x.eq(big), b.like(x, 0), x - big)        # equal infinities count as equal
    e = m.exp(b, -b.abs(delta))
    return b.maximum(big, x), b.select(delta > 0, total * e + amount, total + amount * e)


def _lse_init(b, t):
    return b.const(-INF, t), b.const(0, t)


# ---- scans ----


def _wide(dtype):
    """What running sums and products of floats are kept in, as PyTorch does."""
    return F64 if dtype.is_float else dtype


def _running_total(name, start, join):
    def step(b, a, x, i):
        total = join(a[0], b.cast(x, _wide(x.dtype)))
        return (total,), b.cast(total, x.dtype)

    return Scan(name, lambda b, t: (b.const(start, _wide(t)),), step, lambda b, a, c: (join(a[0], c[0]),))


def _running(name, greater):
    """cummax, cummin: of equals the last wins here, as in PyTorch."""
    def combine(b, a, c):
        better = ~_beats(b, a[0], c[0], greater)
        if c[0].dtype.is_float:
            better = better & ~(b.isnan(a[0]) & ~b.isnan(c[0]))
        return b.settled(better, c, a)

    def step(b, a, x, index):
        state = combine(b, a, (x, index))
        return state, state

    return Scan(name, lambda b, t: (b.const(_lowest(t) if greater else _highest(t), t), b.const(0, I64)), step, combine,
                ("T", "i64"), 2, ("T", "i64"), "bif")


def _logcumsumexp(b, a, x, i):
    state = _lse_join(b, a[0], a[1], x, b.like(x, 1))
    return state, m.log(b, state[1]) + state[0]


# The largest element, NaN left out: where a NaN meets it in a sum afterwards, it need not be found twice.
TOP = Reduction("top", lambda b, t: (b.const(-INF, t),), lambda b, a, x, i: (b.select(x > a[0], x, a[0]),),
                lambda b, a, c: (b.select(c[0] > a[0], c[0], a[0]),), dtypes="f")


def _whole_logsumexp(c, x):
    """A pass for the maximum and one for the sum take less time than a fold that corrects its sum whenever it meets a larger number.
    An infinite maximum is not subtracted."""
    x = c.cast(x, c.dtype)
    top = c.fold(TOP, x)
    top = c.select(top.eq(INF) | top.eq(-INF), 0, top)
    return c.apply(m.log, c.sum(c.apply(m.exp, x - top))) + top


_KEEPS_EMPTY = ("keeps_empty_dims",)

ROWS = [
    _fold("sum", 0, _add, dtypes="if", aten=_overloads("sum.dim_IntList"), accumulate="result"),
    _fold("prod", 1, lambda b, x, y: x * y, dtypes="if", aten=_overloads("prod.dim_int"), accumulate="result"),
    _fold("mean", 0, _add, finish=lambda b, a, n: a[0] / b.cast(n, a[0].dtype), dtypes="f", aten=_overloads("mean.dim"),
          accumulate="result"),
    _fold("nansum", 0, _add, lambda b, x: b.select(b.isnan(x), b.like(x, 0), x) if x.dtype.is_float else x, dtypes="if"),
    _fold("amax", _lowest, _max, aten=_overloads("amax"), chooses=True),
    _fold("amin", _highest, _min, aten=_overloads("amin"), chooses=True),
    _place("argmax", True, False, aten=_overloads("argmax"), accumulate="number"),
    _place("argmin", False, False, aten=_overloads("argmin"), accumulate="number"),
    _place("max_index", True, True, aten=_overloads("max.dim")),
    _place("min_index", False, True, aten=_overloads("min.dim")),
    _counted("any", lambda b, t: b.const(False, BOOL), _nonzero, lambda b, a, n: a[0], lambda b, x, y: x | y, "bool",
             result_types=("bool",), aten=(*_overloads("any", "any.dim"), Aten("any.dims", flags=_KEEPS_EMPTY)), accumulate="bool"),
    _counted("all", lambda b, t: b.const(True, BOOL), _nonzero, lambda b, a, n: a[0], lambda b, x, y: x & y, "bool",
             result_types=("bool",), aten=(*_overloads("all", "all.dim"), Aten("all.dims", flags=_KEEPS_EMPTY)), accumulate="bool"),
    _counted("count_nonzero", lambda b, t: b.const(0, I64), lambda b, x: b.cast(_nonzero(b, x), I64),
             lambda b, a, n: a[0], _add, "i64", result_types=("i64",)),
    _moments("var", False, False),
    _moments("std", True, False),
    _moments("var_mean", False, True),
    _moments("std_mean", True, True),
    _fold("norm0", 0, _add, lambda b, x: b.cast(x.ne(0), x.dtype), dtypes="f"),
    _fold("norm1", 0, _add, lambda b, x: b.abs(x), dtypes="f"),
    _fold("norm2", 0, _add, lambda b, x: x * x, lambda b, a, n: b.sqrt(a[0]), dtypes="f"),
    _fold("norm_inf", 0, _max, lambda b, x: b.abs(x), dtypes="f"),
    _fold("norm_neg_inf", INF, _min, lambda b, x: b.abs(x), dtypes="f"),
    _power_norm(),
    Reduction("dot", lambda b, t: (b.const(0, t),), lambda b, a, x, y, i: (a[0] + x * y,),
              lambda b, a, c: (a[0] + c[0],), arity=2, dtypes="if"),
    Reduction("logsumexp", _lse_init, lambda b, a, x, i: _lse_join(b, a[0], a[1], x, b.like(x, 1)),
              lambda b, a, c: _lse_join(b, a[0], a[1], c[0], c[1]), lambda b, a, n: m.log(b, a[1]) + a[0],
              ("T", "T"), dtypes="f", whole=_whole_logsumexp, cost=0.6),
    _running_total("cumsum", 0, lambda x, y: x + y),
    _running_total("cumprod", 1, lambda x, y: x * y),
    _running("cummax", True),
    _running("cummin", False),
    Scan("logcumsumexp", _lse_init, _logcumsumexp, lambda b, a, c: _lse_join(b, a[0], a[1], c[0], c[1]), ("T", "T"), dtypes="f",
         cost=3.0),
]

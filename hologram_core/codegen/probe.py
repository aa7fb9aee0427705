"""What an elementwise expression asks for, found by evaluating it on types alone."""

from __future__ import annotations

from ..dtypes import BOOL, F32, I64
from .builder import Builder, Value


def reads_index(row) -> bool:
    """Does an elementwise row's result depend on the number of the element?"""
    dtype = F32 if "f" in row.dtypes else I64 if "i" in row.dtypes else BOOL
    of_kind = {"b": BOOL, "i": I64}
    probe = Probe()
    args = [Value(probe, of_kind.get(row.kinds[n] if row.kinds else "v", dtype), None) for n in range(row.arity)]
    try:
        row.expr(probe, *args)
    except (NotImplementedError, AttributeError):
        return True     # written in terms this probe does not know: keeping the order is always right
    return probe.indexed


class Probe(Builder):
    """Evaluates an expression on types alone and notes whether it asks for the element's number."""

    def __init__(self):
        self.indexed = False

    def _same(self, x, *rest):
        return Value(self, x.dtype, None)

    def _bool(self, *args):
        return Value(self, BOOL, None)

    def _typed(self, x, *rest):
        return Value(self, rest[-1], None)

    add = sub = mul = div = rem = neg = abs = fma = sqrt = floor = ceil = trunc = rint = copysign = _same
    and_ = or_ = xor = not_ = shl = shr = _same
    lt = le = gt = ge = eq = ne = _bool
    const = cast = bitcast = table = _typed

    def select(self, cond, x, y):
        return Value(self, x.dtype, None)

    def index(self):
        self.indexed = True
        return Value(self, I64, None)

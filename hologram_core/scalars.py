"""Numbers as kernels take them."""

from __future__ import annotations

from . import dtypes
from .errors import InvalidValue, shown


def fitted(op: str, value, limit: dtypes.DType, advice: str = ""):
    """A number as kernels take it that compute in `limit`. Beyond its range it raises InvalidValue in the name of `op`, with advice."""
    if limit.is_float:
        try:
            return float(value)
        except OverflowError:
            raise InvalidValue(f"hologram.{op}: {shown(value)} is beyond the range of float64.") from None
    if limit is dtypes.BOOL:
        return int(value != 0)
    low, high = limit.range
    if not low <= value <= high:
        raise InvalidValue(f"hologram.{op}: {shown(value)} is not within [{low}, {high}], the range of {limit.torch}.{advice}")
    return int(value) - (1 << 64) if value >= 1 << 63 else int(value)       # a uint64 travels by its bits

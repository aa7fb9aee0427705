"""One row per elementwise op. `ROWS` holds them all; where several rows name one aten op, the first match wins."""

from . import arithmetic, compare, fill, losses

ROWS = [*arithmetic.ROWS, *compare.ROWS, *fill.ROWS, *losses.ROWS]

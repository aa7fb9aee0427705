"""One row per elementwise op. `ROWS` holds them all; where several rows name one aten op, the first match wins."""

from . import activations, arithmetic, compare, fill, functions, losses, pooling, random

ROWS = [*arithmetic.ROWS, *compare.ROWS, *fill.ROWS, *functions.ROWS, *activations.ROWS, *losses.ROWS, *pooling.ROWS, *random.ROWS]

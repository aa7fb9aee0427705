"""The op tables: `TABLE` holds every row, numbered in order."""

from .elementwise import ROWS as _elementwise
from .reduction import ROWS as _reductions
from .rowwise import ROWS as _row_kernels
from .table import OpTable

TABLE = OpTable()
TABLE.add(_elementwise)
TABLE.add(_reductions)
TABLE.add(_row_kernels)

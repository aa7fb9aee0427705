"""The op tables: `TABLE` holds every row, numbered in order. The ops themselves, on buffers, are here too (calls.py)."""

from .elementwise import ROWS as _elementwise
from .reduction import ROWS as _reductions
from .rowwise import ROWS as _row_kernels
from .table import OpTable

TABLE = OpTable()
TABLE.add(_elementwise)
TABLE.add(_reductions)
TABLE.add(_row_kernels)


def __getattr__(name: str):
    """`ops.vector_add`, `ops.softmax`, and every row by its name: loaded when first asked for."""
    if not name.startswith("_") and name not in ("calls", "describe"):     # `from . import` asks here first
        from importlib import import_module

        found = import_module(".calls", __name__).find(name)
        if found is not None:
            globals()[name] = found      # the next time Python finds it without us
            return found
    raise AttributeError(f"hologram_core.ops has no op {name!r}.")


def __dir__():
    from . import calls

    return sorted({*globals(), *calls.names()})

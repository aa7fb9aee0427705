"""Facts of rows that the runtime reads from the table that the build writes."""

from csrc.tablegen import tables
from hologram_core.codegen.builder import Value
from hologram_core.codegen.probe import Probe
from hologram_core.dtypes import BOOL, F32, I64
from hologram_core.op_signature import _seen, describe
from hologram_core.optable import TABLE
from hologram_core.optable.elementwise import ROWS
from hologram_core.optable.mathlib import random
from hologram_core.optable.table import RowKernel
from tests.core_modes import deferred

pytestmark = deferred      # the build knows no modes: once is enough


def fields(number):
    """{row: what stands there in its line of op_table.inc}"""
    lines = (line.removeprefix("HG_OP(").rstrip(")").split(", ") for line in tables.op_table().splitlines())
    return {line[0]: line[number] for line in lines}


def test_what_gathers():
    """A gathered element is read before its row may be stored."""
    found = {name for name, gathers in fields(6).items() if gathers == "true"}
    assert found == {name for name in fields(0) if isinstance(TABLE[name], RowKernel) and describe(name).gathers}
    assert found == {"nll_row", "cross_entropy_row", "cross_entropy_row_backward", "gather_row"}
    gathers, looks = (RowKernel("new", 2, expand) for expand in (lambda c, x, i: c.gather(x, c.cast(c.fixed(i), I64), c.constant(True, BOOL)) * 2,
                                                              lambda c, x, i: c.select(c.index().eq(c.fixed(i)), x, 0)))
    assert [_seen(row)[2:] for row in (gathers, looks)] == [(True, True), (True, False)]


def test_which_argument_is_the_seed(monkeypatch):
    """Graphs count a row's numbers from the arguments that it names: those that its formula draws with, the seed and the offset."""
    class Drawn(Exception):
        pass

    def draw(b, seed, offset, count):
        raise Drawn(seed.data, offset.data)

    stated = {name: int(number) for name, number in fields(8).items() if number != "-1"}
    monkeypatch.setattr(random, "draw", draw)
    found = {}
    for row in ROWS:
        kinds = {"b": BOOL, "i": I64}
        probe = Probe()
        try:
            row.expr(probe, *(Value(probe, kinds.get(row.kind(n), F32), n) for n in range(row.arity)))
        except Drawn as drawn:
            found[row.name] = drawn.args
        except (NotImplementedError, AttributeError):      # in terms that the probe does not know
            continue
    assert found == {name: (seed, seed + 1) for name, seed in stated.items()}
    assert len(found) == 9 and found["native_dropout"] == (1, 2) and found["uniform"] == (0, 1)

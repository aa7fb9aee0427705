"""From a circuit and its schedule to a loop nest.

Written against `Builder` plus structured loops, loads and stores; nothing here is LLVM text.

  map, column   lanes run along the innermost kept dimension. A segment of it is a main loop of several cursors (positions
                of L lanes) and a loop of single, masked cursors for the rest. A column kernel walks the row dimensions
                inside, one element at a time.
  row           one row after the other; lanes run along the innermost row dimension (see codegen/passes.py).
  tile          two-dimensional blocks of the two innermost dimensions, so that an operand that is contiguous along
                the other one finds its cache lines again.

How many cursors a loop evaluates is chosen from the size of the expression (the tree of a reduction is not: codegen/passes.py).
Nothing here depends on the machine, on the number of threads or on where the range [begin, end) was cut.
"""

from __future__ import annotations

from ...circuit.ir import CONTIGUOUS, MAP, ROW, STRIDED, TILE, Circuit, Ref, laned_nodes
from ...dtypes import I64
from ...optable.table import Scan
from ..evaluate import CostModel, Cursor, Evaluator
from ..llvm.builder import LLVMBuilder
from ..passes import CLAIM_AHEAD, HEAVY, TREE_LANES, Passes, unrolled

TILE_SIZE = 32               # elements per side; part of the kernel ABI (csrc/runtime/plan.cpp counts tiles)
HUGE = 400                   # instructions at one cursor from which the time to compile them counts
FETCH_AHEAD = 2048           # bytes; from the third cache, at the speed of the lightest body that asks for it
STREAM_BYTES = 32 << 20      # results of this size and more find no room in a share of the last cache
NS_PER_INSTRUCTION = 0.17    # of one vector
NS_PER_BYTE = 0.02           # between the second and the third cache


class Nest:
    """Emits the loops of one circuit into a builder."""

    def __init__(self, circuit: Circuit, b: LLVMBuilder, weights: dict):
        self.c, self.b = circuit, b
        self.ev = Evaluator(circuit, b)
        self.laned = [n.first for n in laned_nodes(circuit)]         # scalars are rare
        self.weight = sum(weights[n] for n in self.laned) + len(circuit.operands)
        self.passes = Passes(self.ev, weights)
        emitted = self.weight * max(1, len(self.passes.folds))       # every pass has its loops
        self.unroll = unrolled(emitted)
        if circuit.schedule == TILE:                                 # a row of a tile is whole vectors: the masked loop is for edges
            self.unroll = max(1, min(self.unroll, TILE_SIZE // b.lanes))
        self.heavy = b.lanes > 1 and emitted > HEAVY

    def emit(self) -> None:
        if self.c.kept_rank == 0:
            self._point([])
        elif self.c.schedule == TILE:
            self._tiles()
        elif self.c.schedule == ROW:
            self._rows()
        else:
            self._segments()

    # ---- the kept dimensions ----
    def _coordinates(self, number, dims):
        """Coordinates of a row-major number in `dims`: [(dim, coordinate)]."""
        b, coords = self.b, []
        for dim in reversed(dims):
            if dim == dims[0]:
                coords.append((dim, number))
            else:
                rest = b.emit("udiv {t} {0}, {1}", (number, self.ev.size(dim)), I64)
                coords.append((dim, b.sub(number, b.mul(rest, self.ev.size(dim)))))
                number = rest
        return coords[::-1]

    def _advance(self, coords):
        """The odometer: the coordinates after these (the outermost one just grows)."""
        b, result = self.b, []
        carry = b.const(1, I64)
        for dim, at in reversed(coords):
            at = b.add(at, carry)
            if dim != coords[0][0]:
                full = b.eq(at, self.ev.size(dim))
                carry = b.cast(full, I64)
                at = b.select(full, b.const(0, I64), at)
            result.append((dim, at))
        return result[::-1]

    def _rows(self) -> None:
        b, dims = self.b, list(range(self.c.kept_rank))
        if len(dims) == 1:
            with b.loop(b.begin(), b.end(), 1) as loop:
                self._point([(0, loop.index)])
            return
        start = self._coordinates(b.begin(), dims)
        with b.loop(b.begin(), b.end(), 1, [at for _, at in start]) as loop:
            coords = list(zip(dims, loop.values))
            self._point(coords)
            loop.next([at for _, at in self._advance(coords)])

    def _point(self, coords) -> None:
        """One scalar position of the kept space."""
        self.passes.run([Cursor(coords)])

    def _segments(self) -> None:
        """The kept dimensions as planes of the two innermost ones: an odometer steps from plane to plane, plain loops
        walk the rows of a plane and the elements of a row."""
        b, dims = self.b, list(range(self.c.kept_rank))
        if len(dims) == 1:
            return self._segment([], dims[0], b.begin(), b.end())
        if len(dims) == 2:
            return self._plane([], b.begin(), b.end())
        outer, size = dims[:-2], b.mul(self.ev.size(dims[-2]), self.ev.size(dims[-1]))
        plane = b.emit("udiv {t} {0}, {1}", (b.begin(), size), I64)
        start = [at for _, at in self._coordinates(plane, outer)]
        with b.loop(b.begin(), b.end(), 0, [b.sub(b.begin(), b.mul(plane, size)), *start]) as loop:
            first, *coords = loop.values
            count = self._least(b.sub(size, first), b.sub(b.end(), loop.index))
            coords = list(zip(outer, coords))
            self._plane(coords, first, b.add(first, count))
            loop.next([b.const(0, I64), *(at for _, at in self._advance(coords))], step=count)

    def _plane(self, outer, start, stop) -> None:
        """Elements [start, stop) of one plane."""
        b, (middle, inner) = self.b, range(self.c.kept_rank - 2, self.c.kept_rank)
        size, zero = self.ev.size(inner), b.const(0, I64)
        first = b.emit("udiv {t} {0}, {1}", (start, size), I64)
        after = b.emit("udiv {t} {0}, {1}", (b.add(stop, b.sub(size, b.const(1, I64))), size), I64)
        with b.loop(first, after, 1) as loop:
            before = b.mul(loop.index, size)
            low, high = b.sub(start, before), b.sub(stop, before)
            low = b.select(b.lt(low, zero), zero, low)
            self._segment([*outer, (middle, loop.index)], inner, low, self._least(high, size))

    def _least(self, x, y):
        return self.b.select(self.b.lt(x, y), x, y)

    def _segment(self, outer, inner, start, stop) -> None:
        """Elements [start, stop) of the innermost kept dimension. Beside a large body masks cost nothing that counts,
        so it is emitted once, for the masked loop."""
        b, lanes = self.b, self.b.lanes
        block = lanes * self.unroll
        main = start
        shared = self._shared(outer)
        if not self.heavy:
            main = b.sub(stop, b.and_(b.sub(stop, start), b.const(block - 1, I64)))
            if self._may_stream():
                start = self._streamed(inner, start, main, shared)
            self._whole(outer, inner, start, main, shared)
        if block > 1:
            with b.loop(main, stop, lanes) as loop:
                mask = b.lane_mask(b.sub(stop, loop.index), lanes)
                cursor = Cursor([*outer, (inner, loop.index)], lanes, mask=mask, values=shared)
                if self.heavy:
                    self._fetch_ahead([cursor])
                self.passes.run([cursor])

    def _shared(self, outer) -> dict:
        """The values that are one number for a whole segment, computed before its loops: {Ref: Value}. Instructions without
        branches would find their way there alone; a power has branches."""
        cursor = Cursor(outer)
        if self.c.row_rank == 0:
            for node in self.c.nodes:
                if node.first not in self.laned:
                    self.ev.value(Ref("value", node.first), cursor)
        return cursor.values

    def _whole(self, outer, inner, start, stop, shared, stream=False) -> None:
        with self.b.loop(start, stop, self.b.lanes * self.unroll) as loop:
            at = [*outer, (inner, loop.index)]
            cursors = [Cursor(at, self.b.lanes, u * self.b.lanes, values=shared) for u in range(self.unroll)]
            for cursor in cursors:
                cursor.stream = stream
            if not stream or self.unroll < 4:
                self._fetch_ahead(cursors)
            self.passes.run(cursors)

    def _fetch_ahead(self, cursors) -> None:
        """Larger bodies leave the processor no room to look far ahead: they ask for what they will read. Light ones wait
        for the lines they store to, and ask for those."""
        light = self.unroll == 4
        for number, operand in enumerate(self.c.operands):
            if self.c.schedule == MAP and operand.layout == CONTIGUOUS and operand.output == light:
                for cursor in cursors:
                    self.b.prefetch(self.ev.address(number, cursor), CLAIM_AHEAD if light else FETCH_AHEAD, light)

    # ---- streaming ----
    def _may_stream(self) -> bool:
        return self.c.schedule == MAP and self.c.rank == 1 and self.b.lanes > 1 and \
            all(o.layout == CONTIGUOUS for _, o in self.c.outputs())

    def _streamed(self, dim, start, stop, shared):
        """Huge results go past the caches, which they would only flush, and are not read from memory first: where they
        are aligned and lie over no input. Returns where the other loops begin."""
        b, outputs = self.b, [number for number, _ in self.c.outputs()]
        size = b.mul(self.ev.size(dim), b.const(min(self.c.operands[k].dtype.bytes for k in outputs), I64))
        wanted = b.ge(size, b.const(STREAM_BYTES, I64))
        for number in outputs:
            at = b.address_bits(self.ev.address(number, Cursor([(dim, start)])))
            wanted = b.and_(wanted, b.eq(b.and_(at, b.const(63, I64)), b.const(0, I64)))
            for other in range(len(self.c.operands)):
                if other not in outputs:
                    wanted = b.and_(wanted, b.ne(b.address_bits(b.operand(number)), b.address_bits(b.operand(other))))
        stop = b.select(wanted, stop, start)
        self._whole([], dim, start, stop, shared, stream=True)
        b.finish_streaming(wanted)
        return stop

    # ---- tiles ----
    def _tiles(self) -> None:
        b, ev = self.b, self.ev
        rows, columns = self.c.rank - 2, self.c.rank - 1
        side = b.const(TILE_SIZE, I64)
        with b.loop(b.begin(), b.end(), 1) as tiles:
            across = self._tile_count(columns)
            down = self._tile_count(rows)
            rest = b.emit("udiv {t} {0}, {1}", (tiles.index, across), I64)
            column = b.mul(b.sub(tiles.index, b.mul(rest, across)), side)
            outer_number = b.emit("udiv {t} {0}, {1}", (rest, down), I64)
            row = b.mul(b.sub(rest, b.mul(outer_number, down)), side)
            outer = self._coordinates(outer_number, list(range(rows))) if rows else []
            with b.loop(row, self._tile_end(row, ev.size(rows)), 1) as loop:
                self._segment([*outer, (rows, loop.index)], columns, column, self._tile_end(column, ev.size(columns)))

    def _tile_count(self, dim: int):
        b = self.b
        return b.shr(b.add(self.ev.size(dim), b.const(TILE_SIZE - 1, I64)), b.const(TILE_SIZE.bit_length() - 1, I64))

    def _tile_end(self, start, size):
        return self._least(self.b.add(start, self.b.const(TILE_SIZE, I64)), size)


def lanes_of(circuit: Circuit, costs: CostModel) -> int:
    """Vector width in elements: what the tree of a fold along the lanes says; elsewhere 64 bytes of the widest type of the
    circuit, 16 elements where types of 8 and fewer bytes mix or bytes lie apart. Wider types inside the expressions make vectors
    shorter, down to 16 or, where the body is huge, to what fits in a register: half as many instructions are emitted."""
    if circuit.rank == 0:
        return 1
    if circuit.schedule == ROW and any(n.folds and not n.exact for n in circuit.nodes):
        return TREE_LANES
    if circuit.schedule == ROW and any(isinstance(n.row, Scan) for n in circuit.nodes):
        return 1                                  # a scan runs along the row, element by element
    laned = laned_nodes(circuit)
    types = {t.math for n in laned for t in (n.compute, *n.result_types)}
    types |= {o.dtype.math for o in circuit.operands}
    sizes = {t.bytes for t in types if t.kind != "b"} or {1}
    if costs.widest == 8 and sum(costs.weights[n.first] for n in laned) > HUGE:
        return 8
    if 8 in sizes and len(sizes) > 1:
        return 16
    if circuit.schedule in (MAP, TILE) and any(o.layout == STRIDED and o.dtype.bytes <= 2 for o in circuit.operands):
        return 16                                 # they are moved one by one
    return min(64 // max(sizes), max(16, 64 // costs.widest))


def build(circuit: Circuit, features=frozenset()) -> tuple:
    """(builder with the kernel's body, estimated nanoseconds per element on one thread)."""
    costs = CostModel(circuit, LLVMBuilder)
    b = LLVMBuilder(lanes_of(circuit, costs), features)
    registers = max(1, b.lanes * costs.widest // 64)     # that hold one vector: as many instructions each becomes
    weights = {node: weight * registers for node, weight in costs.weights.items()}
    for node in circuit.nodes:
        if isinstance(node.row, Scan) and circuit.schedule == ROW:
            weights[node.first] *= b.lanes
    nest = Nest(circuit, b, weights)
    nest.emit()
    run = nest.weight - registers * sum(costs.rare[n] for n in nest.laned)
    return b, NS_PER_INSTRUCTION * run / b.lanes + NS_PER_BYTE * sum(o.dtype.bytes for o in circuit.operands)

"""From a circuit and its schedule to the kernel of a GPU: the grid loop nest, written once for PTX, MSL and the emulator.

`GridNest` is written against a `codegen.builder.Builder` of one lane per thread that also has

  thread() block() blocks()       number of the thread in its block, of the block, number of blocks: i64
  begin() end() arg() operand()   the kernel's record; advance, load, store, load_vector, store_vector: global memory
  loop() repeat() when()          structured control flow (text.Loop, text.Branch); divided(x, y): x // y of indices
  high_product(x, y)              the upper 32 bits of a product of u32; opaque(x): x itself (see nvptx.py)
  shared(slot, dtype, count)      an array of the block; shared_load, shared_store
  barrier() sync_warp()           all threads of the block, of the warp
  shuffle_down(x, d)              x of the lane d further, shuffle_up(x, d): of that d before (anything beyond the ends),
                                  lane(x, n): of lane n

What a thread computes:

  map       a thread takes every n-th element; where operands are contiguous and aligned, every n-th group of as many elements
            as 16 bytes hold
  row       a team per row: a warp, or where rows are long the block. Threads take every n-th group of four elements, several
            of them at a time; their folds meet in shuffles, those of warps in shared memory
  column    neighbouring threads take neighbouring kept elements, as many each as 16 bytes hold; where rows are long, the warps
            of a block share them
  tile      a block per tile; operands that lie across pass through shared memory
  scans     row: tile by tile, threads scan what the elements of a tile add up to; column: a thread per row

The tree of a reduction depends on the length of the row and on the circuit, not on the grid. Sizes are arguments, so what
depends on them is decided by uniform branches inside the kernel: are vectors aligned, is a row long, do offsets fit into 32 bits.
"""

from __future__ import annotations

from typing import NamedTuple

from ...circuit.ir import CONTIGUOUS, MAP, ROW, STRIDED, TILE, Circuit, Ref, laned_nodes
from ...dtypes import I32, I64, U32
from ...optable.table import Scan
from ..cpu.loops import TILE_SIZE
from ..evaluate import CostModel, Cursor, Evaluator
from ..llvm.builder import LLVMBuilder
from .rows import TeamPasses
from .teams import VECTOR_BYTES, WARP, Columns, Solo, Warps

THREADS = 256                # per block; a multiple of the warp
SPLIT_THREADS = 512          # chunks of long rows are few and long
VECTOR_WEIGHT = 800          # instructions of a vector's elements together, from which they compile slowly
RESIDENT = {THREADS: 3, SPLIT_THREADS: 2}     # blocks of a multiprocessor whose loads together keep memory busy; registers suffice
RESIDENT_WEIGHT = 30         # instructions at one element up to which a kernel is as fast as memory
SHARED_BYTES = 48 << 10      # that every GPU has


class Grid(NamedTuple):
    """How a kernel wants to be launched."""

    threads: int             # per block
    items: int               # that one block takes at a time
    words: int               # 64-bit words of a record


def build(circuit: Circuit, b) -> Grid:
    """Emits a prepared circuit's kernel into a builder."""
    weights = CostModel(circuit, LLVMBuilder).weights      # the same nest whatever the builder
    nest = GridNest(circuit, b, weights)
    nest.emit()
    return Grid(nest.threads, nest.items, 2 + len(circuit.operands) + circuit.args.total)


class GridNest:
    def __init__(self, circuit: Circuit, b, weights: dict):
        self.c, self.b, self.weights = circuit, b, weights
        b.operands = len(circuit.operands)
        self.ev = Evaluator(circuit, b)
        self.laned = {n.first for n in laned_nodes(circuit)}
        self.weight = sum(weights[n] for n in self.laned) + len(circuit.operands)
        self.threads = SPLIT_THREADS if circuit.split and circuit.schedule == ROW else THREADS
        self.items = 1

    def emit(self) -> None:
        if self.c.schedule == MAP:
            self._map()
        elif self.c.schedule == TILE:
            self._tiles()
        else:
            self._rows()

    def number(self, value: int):
        return self.b.const(value, I64)

    def coordinates(self, number, dims) -> list:
        """Coordinates of a row-major number in `dims`: [(dim, coordinate)]; the outermost one is not bounded."""
        b, coords = self.b, []
        for dim in reversed(dims):
            if dim == dims[0]:
                coords.append((dim, number))
            else:
                rest = b.divided(number, self.ev.size(dim))
                coords.append((dim, b.sub(number, b.mul(rest, self.ev.size(dim)))))
                number = rest
        return coords[::-1]

    # ---- elements ----
    def _map(self) -> None:
        b, width = self.b, self._vector_width()
        self.items = self.threads * width
        first = b.add(b.mul(b.block(), self.number(self.threads)), b.thread())
        stride = b.mul(b.blocks(), self.number(self.threads))
        start, end = b.begin(), b.end()
        shared = self._shared()
        if width > 1:
            groups = self._groups(width)
            with b.loop(first, groups, stride) as loop:
                self._elements(self._located(b.add(start, b.mul(loop.index, self.number(width))), width, shared))
            start = b.add(start, b.mul(groups, self.number(width)))
        with b.loop(b.add(start, first), end, stride) as loop:
            self._elements(self._located(loop.index, 1, shared))

    def _vector_width(self) -> int:
        """Elements that a thread takes at a time."""
        contiguous = [o.dtype.bytes for o in self.c.operands if o.layout == CONTIGUOUS]
        if not contiguous or self.c.rank == 0:
            return 1
        width = VECTOR_BYTES // max(contiguous)
        while width > 1 and width * self.weight > VECTOR_WEIGHT:
            width //= 2
        return width

    def _groups(self, width: int):
        """How many groups of `width` elements from `begin` on may be accessed as vectors: all or none. In several dimensions
        groups must not cross the end of the innermost one, and all its starts must be aligned."""
        b, ev, inner = self.b, self.ev, self.c.rank - 1
        remainders = self.number(0)         # of what must be divisible, or'ed together
        for number, operand in enumerate(self.c.operands):
            if operand.layout == CONTIGUOUS:
                size = operand.dtype.bytes * width
                parts = [b.address_bits(b.operand(number)), *(ev.stride(number, dim) for dim in range(inner))]
                for part in parts:
                    remainders = b.or_(remainders, b.and_(part, self.number(size - 1)))
        counts = [b.begin()] + ([ev.size(inner)] if inner else [])
        for count in counts:
            remainders = b.or_(remainders, b.and_(count, self.number(width - 1)))
        groups = b.shr(b.sub(b.end(), b.begin()), self.number(width.bit_length() - 1))
        return b.select(b.eq(remainders, self.number(0)), groups, self.number(0))

    def _located(self, number, count: int, known: dict) -> list:
        """Cursors of `count` elements from a row-major number on. In several dimensions the addresses are found in 32 bits
        where they fit, which is so for all of a kernel's elements or for none."""
        b, c = self.b, self.c
        coords = [(c.rank - 1, number)] if c.rank else []
        cursors = [Cursor(coords, shift=n, values=known) for n in range(count)]
        if c.rank < 2:
            return cursors
        operands = range(len(c.operands))
        parts = self._narrow_coordinates(b.opaque(b.cast(number, U32)))
        near = [b.cast(self._offset(k, parts, I32), I64) for k in operands]
        with b.when(self._wide()) as branch:
            parts = self.coordinates(number, list(range(c.rank)))
            far = [self._offset(k, parts, I64) for k in operands]
        places = {k: b.advance(b.operand(k), branch.join(far[k], near[k])) for k in operands}
        for cursor in cursors:
            cursor.places, cursor.number = places, number
        return cursors

    def _offset(self, operand: int, coords, dtype):
        """Bytes from an operand's start to an element, a number of type dtype as the coordinates are."""
        b, total = self.b, self.b.const(0, dtype)
        for dim, at in coords:
            if dim != self.c.lane_dim or self.c.operands[operand].layout == STRIDED:
                term = b.mul(at, b.cast(self.ev.stride(operand, dim), dtype))
            elif self.c.operands[operand].layout == CONTIGUOUS:
                term = b.mul(at, b.const(self.c.operands[operand].dtype.bytes, dtype))
            else:
                continue
            total = b.add(term, total)
        return total

    def _wide(self):
        """Does a number of elements, or one of bytes within an operand, need more than 31 bits?"""
        b, ev, c = self.b, self.ev, self.c
        numbers = b.end()                    # or'ed together; none is negative
        for dim in range(c.rank):
            numbers = b.or_(numbers, ev.size(dim))
        for k, operand in enumerate(c.operands):
            span = self.number(0)
            for dim in range(c.rank):
                inside = dim != c.lane_dim or operand.layout == STRIDED
                if not inside and operand.layout != CONTIGUOUS:
                    continue
                step = b.abs(ev.stride(k, dim)) if inside else self.number(operand.dtype.bytes)
                bytes_ = b.mul(step, ev.size(dim))
                span = b.add(bytes_, span)
                numbers = b.or_(numbers, b.or_(step, bytes_))     # of steps below 2**31 no product and no sum overflows
            numbers = b.or_(numbers, span)
        return b.ne(b.shr(numbers, self.number(31)), self.number(0))

    def _narrow_coordinates(self, number) -> list:
        """Coordinates of a number below 2**31, found without a division: with m = (2**32 - 1) div size, which is computed
        once, the high half of number * m is the quotient or one less."""
        b, coords = self.b, []
        for dim in range(self.c.rank - 1, 0, -1):
            size = b.cast(self.ev.size(dim), U32)
            quotient = b.high_product(number, b.div(b.const((1 << 32) - 1, U32), size))
            rest = b.sub(number, b.mul(quotient, size))
            less = b.ge(rest, size)
            coords.append((dim, b.select(less, b.sub(rest, size), rest)))
            number = b.add(quotient, b.cast(less, U32))
        return [(dim, b.bitcast(at, I32)) for dim, at in [*coords, (0, number)][::-1]]

    def _shared(self) -> dict:
        """The values that are one number for the whole kernel, computed before its loops: {Ref: Value}. Instructions without
        branches would find their way there alone; a power has branches."""
        cursor = Cursor([])
        if self.c.rank == 1:
            for node in self.c.nodes:
                if node.first not in self.laned:
                    self.ev.value(Ref("value", node.first), cursor)
        return cursor.values

    def _elements(self, cursors) -> None:
        """Loads, computes and stores these elements. Loads precede stores, which may lie over what is loaded."""
        b, ev, c, count = self.b, self.ev, self.c, len(cursors)
        for number, operand in enumerate(c.operands):
            if operand.output:
                continue
            ref = Ref("operand", number)
            if count > 1 and operand.layout == CONTIGUOUS:
                values = b.load_vector(ev.address(number, cursors[0]), operand.dtype, count)
                for cursor, value in zip(cursors, values):
                    cursor.values[ref] = value
            else:
                for cursor in cursors:
                    ev.value(ref, cursor)
        for cursor in cursors:
            for _, operand in c.outputs():
                ev.value(operand.source, cursor)
        for number, operand in c.outputs():
            if count > 1 and operand.layout == CONTIGUOUS:
                values = [b.cast(ev.value(operand.source, cursor), operand.dtype.math) for cursor in cursors]
                b.store_vector(values, ev.address(number, cursors[0]), operand.dtype)
            else:
                for cursor in cursors:
                    ev.store(number, operand.source, cursor)

    # ---- tiles ----
    def _tiles(self) -> None:
        b, ev = self.b, self.ev
        rows, columns = self.c.rank - 2, self.c.rank - 1
        across, along = b.and_(b.thread(), self.number(WARP - 1)), b.shr(b.thread(), self.number(5))
        arrays = self._crossing()
        with b.loop(b.add(b.begin(), b.block()), b.end(), b.blocks()) as tiles:
            tiles_across, tiles_down = self._tile_count(columns), self._tile_count(rows)
            rest = b.divided(tiles.index, tiles_across)
            column = b.mul(b.sub(tiles.index, b.mul(rest, tiles_across)), self.number(TILE_SIZE))
            outer_number = b.divided(rest, tiles_down)
            row = b.mul(b.sub(rest, b.mul(outer_number, tiles_down)), self.number(TILE_SIZE))
            outer = self.coordinates(outer_number, list(range(rows))) if rows else []

            def place(down, right):
                """(coordinates, are they inside?) of an element of the tile."""
                at_row, at_column = b.add(row, down), b.add(column, right)
                inside = b.and_(b.lt(at_row, ev.size(rows)), b.lt(at_column, ev.size(columns)))
                return [*outer, (rows, at_row), (columns, at_column)], inside

            if arrays:
                self._fill(arrays, [b.add(along, self.number(n)) for n in range(0, TILE_SIZE, self.threads // WARP)], across, place)
                b.barrier()
            with b.loop(0, TILE_SIZE, self.threads // WARP) as loop:
                down = b.add(loop.index, along)
                coords, inside = place(down, across)
                with b.when(inside):
                    known = {Ref("operand", number): b.shared_load(array, self._slot(across, down))
                             for number, array in arrays.items()}
                    self._elements([Cursor(coords, values=known)])
            if arrays:
                b.barrier()

    def _fill(self, arrays, columns, row, place) -> None:
        """Puts a thread's elements of a tile, neighbours of which lie in other rows, into shared memory. All loads come first."""
        b, found = self.b, []
        for number, array in arrays.items():
            for column in columns:
                coords, inside = place(row, column)
                with b.when(inside) as branch:
                    value = self.ev.load(number, Cursor(coords))
                found.append((array, column, branch.join(value, b.const(0, value.dtype))))
        for array, column, value in found:
            b.shared_store(array, self._slot(column, row), value)

    def _slot(self, column, row):
        """Place in a shared tile. One element of padding per column spreads a row over all banks."""
        return self.b.add(self.b.mul(column, self.number(TILE_SIZE + 1)), row)

    def _crossing(self) -> dict:
        """operand number -> shared array, for inputs that may lie across, as far as there is room."""
        arrays: dict = {}
        used = 0
        for number, operand in enumerate(self.c.operands):
            count = TILE_SIZE * (TILE_SIZE + 1)
            if not operand.output and operand.layout == STRIDED and used + count * operand.dtype.math.bytes <= SHARED_BYTES:
                used += count * operand.dtype.math.bytes
                arrays[number] = self.b.shared(len(arrays), operand.dtype.math, count)
        return arrays

    def _tile_count(self, dim: int):
        b = self.b
        return b.shr(b.add(self.ev.size(dim), self.number(TILE_SIZE - 1)), self.number(TILE_SIZE.bit_length() - 1))

    # ---- rows ----
    def _rows(self) -> None:
        scans = any(isinstance(n.row, Scan) for n in self.c.nodes)
        passes = TeamPasses(self)
        team = passes.team = Warps(self) if self.c.schedule == ROW else Solo(self) if scans else Columns(self, passes.folds)
        self.items = team.items
        if self.weight <= RESIDENT_WEIGHT and not scans:
            self.b.resident = RESIDENT[self.threads]
        passes.prepare()
        for spot in team.walk():
            passes.run_spot(spot)

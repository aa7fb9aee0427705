"""Evaluates the values of a circuit at one position of the iteration space, on demand.

A Cursor is such a position: one element per lane, all lanes at consecutive places of the lane dimension. It remembers
what has been computed there. Everything a cursor needs that does not vary along the row is computed at its `header`,
the cursor that stands for the whole row.
"""

from __future__ import annotations

from ..circuit.ir import BROADCAST, CONTIGUOUS, ROW, STRIDED, Circuit, Node, Ref, laned_nodes, varies, varying_values
from ..dtypes import BOOL, F64, I64
from ..optable.table import Elementwise, Scan
from .builder import Value
from .llvm.memory import memory_type


class Cursor:
    """`coords`: [(dimension, coordinate)] outermost loop first, coordinates i64 scalars (of lane 0 in the lane
    dimension). `shift`: lanes to add to the lane coordinate (a Python int: one of several unrolled cursors). `stream`: stores
    go past the caches. `places`: addresses of operands at shift 0 and `number`, the row-major number there, where they were
    found in another way than from the coordinates."""

    __slots__ = ("coords", "shift", "lanes", "mask", "header", "values", "scans", "stream", "places", "number")

    def __init__(self, coords, lanes=1, shift=0, mask=None, header=None, values=()):
        self.coords, self.lanes, self.shift, self.mask, self.header = coords, lanes, shift, mask, header
        self.values = dict(values)   # known so far
        self.scans: dict = {}        # scan node number -> accumulator so far
        self.stream = False
        self.places: dict = {}
        self.number = None


class Evaluator:
    def __init__(self, circuit: Circuit, b):
        self.c, self.b = circuit, b
        self.producers = circuit.producers()
        self.varying = varying_values(circuit)

    # ---- kernel arguments ----
    def size(self, dim: int) -> Value:
        return self.b.arg(self.c.args.size(dim))

    def stride(self, operand: int, dim: int) -> Value:
        return self.b.arg(self.c.args.stride(operand, dim))

    def extra(self, number: int) -> Value:
        return self.b.arg(self.c.args.extra(number))

    # ---- memory ----
    def address(self, number: int, cursor: Cursor) -> Value:
        """Address of an operand's element at the cursor (at its lane 0)."""
        b, operand, unit = self.b, self.c.operands[number], memory_type(self.c.operands[number].dtype)
        if number in cursor.places:
            at, shift = cursor.places[number], b.const(cursor.shift, I64)
            if operand.layout == STRIDED and cursor.shift:
                return b.advance(at, b.mul(self.stride(number, self.c.lane_dim), shift))
            return b.advance(at, shift, unit) if operand.layout == CONTIGUOUS else at
        at = b.operand(number)
        for dim, coordinate in cursor.coords:
            if dim != self.c.lane_dim:
                at = b.advance(at, b.mul(coordinate, self.stride(number, dim)))
            elif operand.layout == CONTIGUOUS:
                at = b.advance(b.advance(at, coordinate, unit), b.const(cursor.shift, I64), unit)
            elif operand.layout == STRIDED:
                at = b.advance(at, b.mul(b.add(coordinate, b.const(cursor.shift, I64)), self.stride(number, dim)))
        return at

    def _same_in_lanes(self, number: int, cursor: Cursor) -> bool:
        """Do all lanes of the cursor mean one element of the operand?"""
        return self.c.operands[number].layout == BROADCAST or all(dim != self.c.lane_dim for dim, _ in cursor.coords)

    def _addresses(self, number: int, cursor: Cursor) -> Value:
        """Where a vector of the operand lies: the first of consecutive elements, or one address per lane."""
        at = self.address(number, cursor)
        if self.c.operands[number].layout == STRIDED:
            return self.b.lanes_of(at, self.stride(number, self.c.lane_dim), cursor.lanes)
        return at

    def load(self, number: int, cursor: Cursor) -> Value:
        dtype = self.c.operands[number].dtype
        if self._same_in_lanes(number, cursor):
            # Along a row that may be empty, loads stay inside the loop; elsewhere they go as far out as they can.
            stay = self.c.row_rank > 0 and cursor.header is not None
            return self.b.load(self.address(number, cursor), dtype, 1, stay=stay)
        return self.b.load(self._addresses(number, cursor), dtype, cursor.lanes, cursor.mask)

    def store(self, number: int, ref: Ref, cursor: Cursor) -> None:
        """Stores a value into an output at the cursor."""
        b, dtype = self.b, self.c.operands[number].dtype
        value = b.cast(self.value(ref, cursor), dtype.math)
        if self._same_in_lanes(number, cursor):
            b.store(b.part(value, 0, 1), self.address(number, cursor), dtype)
        else:
            b.store(b.widen(value, cursor.lanes), self._addresses(number, cursor), dtype, cursor.mask, cursor.stream)

    # ---- values ----
    def varies(self, ref: Ref) -> bool:
        return varies(self.c, ref, self.varying)

    def value(self, ref: Ref, cursor: Cursor) -> Value:
        """The value of `ref` at the cursor, of type dtype.math."""
        if cursor.header is not None and not self.varies(ref):
            cursor = cursor.header
        found = cursor.values.get(ref)
        if found is None:
            if ref.kind == "operand":
                found = cursor.values[ref] = self.load(ref.n, cursor)
            elif ref.kind == "scalar":
                found = cursor.values[ref] = self.b.arg(ref.n, I64 if self.c.scalars[ref.n] else F64)
            elif ref.kind == "const":
                found = self.b.const(ref.n, self.c.dtype_of(ref))
            else:
                node, _ = self.producers[ref.n]
                self.set_results(node, self._compute(node, cursor), cursor)
                found = cursor.values[ref]
        return found

    def set_results(self, node: Node, results, cursor: Cursor) -> None:
        """Records a node's results, rounded to its result types."""
        results = results if isinstance(results, tuple) else (results,)
        for r, (value, dtype) in enumerate(zip(results, node.result_types)):
            value = self.b.round_to(self.b.cast(value, dtype.math), dtype)
            cursor.values[Ref("value", node.first + r)] = value

    def argument(self, node: Node, number: int, cursor: Cursor) -> Value:
        """An argument as the row's expression wants it."""
        ref = node.args[number]
        kinds = getattr(node.row, "kinds", "")
        kind = kinds[number] if number < len(kinds) else "v"
        if ref.kind == "const":
            return self.b.const(ref.n, {"b": BOOL, "i": I64, "d": F64}.get(kind, node.compute.math))
        value = self.value(ref, cursor)
        return value if kind == "i" else self.b.cast(value, {"b": BOOL, "d": F64}.get(kind, node.compute.math))

    def _compute(self, node: Node, cursor: Cursor):
        if node.name == "gather":
            return self._gather(node, cursor)
        args = [self.argument(node, n, cursor) for n in range(len(node.args))]
        if isinstance(node.row, Scan) and self.c.schedule == ROW and cursor.lanes > 1:
            return self._scan_lanes(node, cursor, args)
        if isinstance(node.row, Scan):
            state, result = node.row.step(self.b, cursor.scans[node.first], *args, self.row_index(cursor))
            cursor.scans[node.first] = state if isinstance(state, tuple) else (state,)
            return result
        local = getattr(node.row, "local_index", False)
        self.b.position = lambda: self.row_index(cursor) if local else self.index(cursor)
        return node.row.expr(self.b, *args)

    def _gather(self, node: Node, point: Cursor) -> Value:
        """The first argument at the position of the row that the second one says; 0 where there is none."""
        b, ref, dim = self.b, node.args[0], self.c.rank - 1
        position, valid = self.argument(node, 1, point), self.argument(node, 2, point)
        valid = b.and_(valid, b.and_(b.ge(position, b.const(0, I64)), b.lt(position, self.size(dim))))
        if not self.varies(ref):
            return node.row.expr(b, self.argument(node, 0, point), position, valid)
        for other in self.closure([ref])[1]:       # what does not vary is for everybody, not for the branch alone
            for arg in other.args:
                if not self.varies(arg):
                    self.value(arg, point)
        there = Cursor([*point.coords, (dim, b.select(valid, position, b.const(0, I64)))], header=point)
        return b.rarely(valid, lambda: self.argument(node, 0, there), b.const(0, node.compute.math))

    def _scan_lanes(self, node: Node, cursor: Cursor, args) -> tuple:
        """A scan where lanes run along the row: one lane after the other. A masked lane leaves the state alone."""
        b, columns = self.b, []
        state = tuple(b.part(v, 0, 1) for v in cursor.scans[node.first])
        for lane in range(cursor.lanes):
            new, result = node.row.step(b, state, *(b.part(v, lane, 1) for v in (*args, self.row_index(cursor))))
            new = new if isinstance(new, tuple) else (new,)
            if cursor.mask is not None:
                new = tuple(b.select(b.part(cursor.mask, lane, 1), n, old) for n, old in zip(new, state))
            state = new
            columns.append(result if isinstance(result, tuple) else (result,))
        cursor.scans[node.first] = state
        return tuple(map(b.stacked, zip(*columns)))

    # ---- positions ----
    def _number(self, cursor: Cursor, dims) -> Value:
        """Row-major number of the cursor within `dims`. The chunks of a split kernel number its outermost row dimension."""
        b, at = self.b, dict(cursor.coords)
        if cursor.number is not None:
            return b.add(cursor.number, b.const(cursor.shift, I64))
        number = b.const(0, I64)
        for dim in dims:
            chunked = self.c.split and dim == self.c.kept_rank
            if number.data.text != "0":
                number = b.mul(number, self.extra(1) if chunked else self.size(dim))
            if chunked:
                number = b.add(b.mul(at[0], self.extra(0)), number)
            number = b.add(at[dim], number) if dim in at else number
            if dim == self.c.lane_dim and dim in at and (cursor.lanes > 1 or cursor.shift):
                number = b.add(number, b.add(b.iota(I64, cursor.lanes), b.const(cursor.shift, I64)))
        return number

    def index(self, cursor: Cursor) -> Value:
        return self._number(cursor, range(1 if self.c.split else 0, self.c.rank))

    def row_index(self, cursor: Cursor) -> Value:
        return self._number(cursor, range(self.c.kept_rank, self.c.rank))

    # ---- what a set of values needs ----
    def closure(self, refs, given=()) -> tuple:
        """(operand numbers, nodes) needed to compute `refs` at a row cursor where the refs in `given` are known."""
        operands: dict = {}
        nodes: dict = {}
        stack = list(refs)
        while stack:
            ref = stack.pop()
            if not self.varies(ref) or ref in given:
                continue
            if ref.kind == "operand":
                operands[ref.n] = None
            else:
                node, _ = self.producers[ref.n]
                if node.first not in nodes:
                    nodes[node.first] = node
                    stack.extend(node.args)
        return sorted(operands), [nodes[k] for k in sorted(nodes)]

    def components(self, node: Node) -> list:
        """Types of a fold's or a scan's accumulator."""
        init = node.row.init(self.b, node.compute.math)
        return [v.dtype for v in (init if isinstance(init, tuple) else (init,))]


class CostModel:
    """What the expressions of a circuit are made of, found by emitting each of them once, with few lanes."""

    LANES = 2

    def __init__(self, circuit: Circuit, builder):
        """`builder`: makes an empty builder with a number of lanes."""
        self.c, self.ev = circuit, Evaluator(circuit, None)
        self.weights: dict = {}        # first result of a node -> instructions (for a fold or scan: of one step)
        self.rare: dict = {}           # of them, those that hardly ever run
        self.widest = 1                # bytes of the widest type that differs between lanes
        laned = {n.first for n in laned_nodes(circuit)}
        for node in circuit.nodes:
            b = builder(self.LANES)
            self._emit(node, b)
            self.weights[node.first] = sum(len(block.lines) for block in b.text.blocks)
            self.rare[node.first] = sum(len(block.lines) for block in b.text.blocks if block.rare)
            if node.first in laned:
                self.widest = max(self.widest, b.text.widest)

    def _emit(self, node: Node, b) -> None:
        ev, point = self.ev, Cursor([], self.LANES)
        ev.b = b
        names = (f"%x{n}" for n in range(1000))

        def unknown(dtype, lanes=self.LANES):
            return b.value(dtype.math, next(names), lanes, b.text.entry)

        for ref in node.args:
            if ref.kind != "const":
                point.values[ref] = unknown(self.c.dtype_of(ref), 1 if ref.kind == "scalar" else self.LANES)
        args = [ev.argument(node, n, point) for n in range(len(node.args))]
        b.position = lambda: unknown(I64)
        if isinstance(node.row, Elementwise):
            ev.set_results(node, node.row.expr(b, *args), point)
        elif not self.c.merge:
            acc, inputs = tuple(map(unknown, ev.components(node))), args[:node.row.arity]
            node.row.step(b, acc, *inputs, unknown(I64), *args[node.row.arity:])

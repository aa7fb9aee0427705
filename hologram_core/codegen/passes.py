"""Passes over the row: how the reductions, scans and stores of a row are ordered and folded.

Each reduction runs in the first pass in which its inputs are known; independent ones share a pass; values that vary
along the row are recomputed from the operands in every pass that needs them; what varies along the row is stored in
the last pass, so that an output may lie over an input. Values that do not vary are computed between passes. One expensive
value of an earlier pass may be kept in the memory of an output until the last pass replaces it (softmax's exponentials).

The tree of a reduction over a row of n elements is a function of n alone, whatever else the kernel computes:
  row schedule     with L = 16 lanes and U = 4 cursors, element i belongs to lane i mod L of cursor (i div L) mod U; a cursor
                   folds 64 elements per lane, then the cursors are combined pairwise and folded into a second level; 64
                   blocks of that into a third; the elements after the last whole L*U are folded into it in order; the lanes
                   are combined pairwise last.
  column schedule  every lane folds its own elements, in levels of 256.
Only integers and bools, for which every tree gives the same bits, may be folded by other numbers of lanes. The levels
keep the rounding error of long sums near that of pairwise summation.
"""

from __future__ import annotations

from typing import Any

from ..circuit.ir import CONTIGUOUS, ROW, Ref
from ..dtypes import I64
from ..optable.table import Scan, as_tuple
from .evaluate import Cursor, Evaluator

TREE_LANES = 16
TREE_CURSORS = 4
ROW_BLOCK = 64        # elements per lane and cursor before the next level (row schedule)
COLUMN_BLOCK = 256    # elements per lane before the next level (column schedule)
HEAVY = 120           # instructions beside which masks cost nothing that counts
CLAIM_AHEAD = 1024    # bytes to claim lines ahead that light bodies store to; from the second cache
ROW_BYTES = 256 << 10 # rows of an input up to which the next one is asked for while this one is in use
KEEP_WEIGHT = 10      # instructions that keeping a value must save: it costs a store and a load


def unrolled(weight: int) -> int:
    """How many cursors a loop evaluates per round, by the instructions at each."""
    return 4 if weight <= 24 else 2 if weight <= 90 else 1


class Passes:
    def __init__(self, ev: Evaluator, weights: dict):
        self.ev, self.b, self.c, self.weights = ev, ev.b, ev.c, weights
        self.lines = self.c.schedule == ROW            # lanes run along the row
        self.width = ev.b.lanes if self.lines else 1   # elements of the row a cursor covers
        self.depth: dict = self._depths()
        self.row_outputs: list = []
        self.point_outputs: list = []
        for number, operand in self.c.outputs():
            # A value that is the same all along the row may still be wanted at each of its elements.
            (self.point_outputs if operand.fixed or not self.c.row_rank else self.row_outputs).append(number)
        folds = [n for n in self.c.nodes if n.folds]
        last = max((self._depth(self.c.operands[k].source) for k in self.row_outputs), default=-1)
        count = max([last] + [self._fold_depth(n) for n in folds]) + 1
        self.folds = [[n for n in folds if self._fold_depth(n) == at] for at in range(count)]
        self.spilled_ref: Any
        self.spilled_in: Any
        self.spilled_ref, self.spilled_in = self._spilled_value() or (None, None)

    # ---- planning ----
    def inputs(self, node) -> tuple:
        """The arguments a reduce node folds; the others do not vary along the row."""
        return node.args[:len(self.ev.components(node)) if self.c.merge else node.row.arity]

    def _depth(self, ref: Ref) -> int:
        return self.depth.get(ref.n, 0) if ref.kind == "value" else 0

    def _fold_depth(self, node) -> int:
        return max((self._depth(a) for a in node.args), default=0)

    def _depths(self) -> dict:
        """value number -> number of passes that must be over before the value can be computed."""
        depth: dict = {}
        self.depth = depth
        for node in self.c.nodes:
            at = self._fold_depth(node) + (1 if node.folds else 0)
            depth.update((node.first + r, at) for r in range(node.results))
        return depth

    def _spilled_value(self):
        """(value worth keeping for the last pass, output whose memory keeps it), or None.

        No pass after the one that keeps it may read an operand along the row: it might lie under that output.
        """
        ev, last = self.ev, len(self.folds) - 1
        sources = [self.c.operands[k].source for k in self.row_outputs]
        for node in reversed(ev.closure(sources)[1]):
            ref, at = Ref("value", node.first), self.depth[node.first]
            if at >= last or node.results > 1 or node.result.math is not node.result:
                continue
            holders = [k for k in self.row_outputs if self.c.operands[k].layout == CONTIGUOUS
                       and self.c.operands[k].dtype is node.result]
            first = ev.closure([a for f in self.folds[at] for a in self.inputs(f)])[1]
            later = [a for folds in self.folds[at + 1:] for f in folds for a in self.inputs(f)]
            saved = sum(self.weights[n.first] for n in ev.closure([ref])[1])
            if holders and node in first and saved >= KEEP_WEIGHT and not ev.closure([*later, *sources], {ref})[0]:
                return ref, holders[0]
        return None

    # ---- running ----
    def run(self, points: list) -> None:
        """Everything for these positions of the kept space: one scalar position (row schedule), or the lanes of one
        or several cursors, which share the walk along the row."""
        plan = [self._planned(at) for at in range(len(self.folds) if self.c.row_rank else 0)]
        for at, (stores, given) in enumerate(plan):
            self._pass(points, self.folds[at], stores, given, self._fetched(plan, at))
        if not self.c.row_rank:
            for number in range(len(self.c.operands)):     # loads first: they overlap, and precede every store
                if not self.c.operands[number].output:
                    for point in points:
                        self.ev.value(Ref("operand", number), point)
        for point in points:
            for number in self.point_outputs:
                self.ev.value(self.c.operands[number].source, point)
        for number in self.point_outputs:
            for point in points:
                self.ev.store(number, self.c.operands[number].source, point)

    def _planned(self, at: int) -> tuple:
        """What pass number `at` stores [(output, value)], and the value that an earlier one has kept for it."""
        stores = [(k, self.c.operands[k].source) for k in self.row_outputs] if at == len(self.folds) - 1 else []
        if self.spilled_ref is None or at < self.depth[self.spilled_ref.n]:
            return stores, None
        return (stores, self.spilled_ref) if at > self.depth[self.spilled_ref.n] else ([(self.spilled_in, self.spilled_ref)], None)

    def _needs(self, at: int, stores, given) -> tuple:
        """(operands, nodes) of a pass."""
        return self.ev.closure([a for f in self.folds[at] for a in self.inputs(f)] + [ref for _, ref in stores], {given})

    def _fetched(self, plan, at: int) -> list:
        """The inputs that are contiguous and read by this pass for the last time: it asks for them in the next row. The
        first pass over a row waits for memory, the later ones have what they need."""
        if not self.lines or (at == 0 and len(plan) > 1):
            return []
        later = {k for n in range(at + 1, len(plan)) for k in self._needs(n, *plan[n])[0]}
        return [k for k in self._needs(at, *plan[at])[0] if k not in later and self.c.operands[k].layout == CONTIGUOUS]

    def size(self, dim, point):
        """Size of a row dimension; the outermost one of a split kernel is a chunk, the last chunk may be short."""
        if not (self.c.split and dim == self.c.kept_rank):
            return self.ev.size(dim)
        chunk, whole = self.ev.extra(0), self.ev.extra(1)
        left = self.b.sub(whole, self.b.mul(dict(point.coords)[0], chunk))
        return self.b.select(self.b.lt(left, chunk), left, chunk)

    def _pass(self, points, folds, stores, given, fetched) -> None:
        """One walk along the row. `stores`: (output, value); `given`: the value an earlier pass has kept; `fetched`: operands
        to ask for in the next row."""
        ev = self.ev
        roots = [a for f in folds for a in self.inputs(f)] + [ref for _, ref in stores]
        operands, nodes = ev.closure(roots, {given})
        weight = sum(self.weights[n.first] for n in (*nodes, *folds)) + len(operands)
        loads = [(Ref("operand", k), k) for k in operands] + ([(given, self.spilled_in)] if given else [])
        needed = [arg for node in (*nodes, *folds) for arg in node.args] + [ref for _, ref in stores]
        for ref in needed:                         # what does not vary is known before the loops start
            if not ev.varies(ref):
                for point in points:
                    ev.value(ref, point)
        loop = RowLoop(self, points, folds, [n for n in nodes if isinstance(n.row, Scan)], stores, loads, weight)
        if len(self.folds) > 1 or loop.round < TREE_CURSORS:       # a light pass is as fast as memory
            loop.fetched = [(k, self._next_row(k)) for k in fetched]
        for point, acc in zip(points, loop.walk()):
            for fold, state in zip(folds, acc):
                self._finish(fold, state, point)

    def _next_row(self, number: int):
        """Bytes from an element to the one below it; 0 where rows are too long to find room in the second cache."""
        b, row = self.b, self.b.mul(self._elements(), self.b.const(self.c.operands[number].dtype.bytes, I64))
        return b.select(b.lt(row, b.const(ROW_BYTES, I64)), self.ev.stride(number, self.c.kept_rank - 1), b.const(0, I64))

    def _finish(self, fold, acc, point) -> None:
        if self.lines:
            lanes = self.b.lanes
            while lanes > 1:
                lanes //= 2
                acc = fold.row.combine(self.b, tuple(self.b.part(v, 0, lanes) for v in acc),
                                       tuple(self.b.part(v, lanes, lanes) for v in acc))
        results = acc if fold.raw else fold.row.finish(self.b, acc, self._count(), *self.extras(fold, point))
        self.ev.set_results(fold, results, point)

    def extras(self, fold, point) -> list:
        """A reduce node's arguments beyond its inputs."""
        return [self.ev.argument(fold, n, point) for n in range(len(self.inputs(fold)), len(fold.args))]

    def _count(self):
        """Elements per row."""
        return self.ev.extra(0) if self.c.merge else self._elements()

    def _elements(self):
        count = self.ev.size(self.c.kept_rank)
        for dim in range(self.c.kept_rank + 1, self.c.rank):
            count = self.b.mul(count, self.ev.size(dim))
        return count


class State:
    """What a walk carries: per cursor the accumulators of the folds, per point those of the scans."""

    def __init__(self, accs, scans):
        self.accs, self.scans = accs, scans

    def flat(self) -> list:
        return [v for groups in (self.accs, self.scans) for group in groups for acc in group for v in acc]

    def like(self, values) -> "State":
        """The same shape with other values."""
        values = iter(values)
        return State(*([[tuple(next(values) for _ in acc) for acc in group] for group in groups]
                       for groups in (self.accs, self.scans)))


class RowLoop:
    """One pass: the loops over the row, for points that walk together.

    A round of the innermost loop evaluates as many cursors per point as are worth their code. Where the tree has more,
    the accumulators take turns: a round folds into the first ones and passes them to the end of the queue.
    """

    def __init__(self, passes: Passes, points, folds, scans, stores, loads, weight):
        self.p, self.ev, self.b, self.c = passes, passes.ev, passes.b, passes.c
        self.points, self.folds, self.scans, self.stores, self.loads = points, folds, scans, stores, loads
        self.lanes = self.b.lanes
        self.fetched: list = []                    # (operand, bytes to the next row)
        self.round = unrolled(weight) if passes.lines else 1
        self.cursors = TREE_CURSORS if passes.lines and folds else self.round
        self.masked_only = passes.lines and not folds and self.lanes > 1 and weight > HEAVY

    def _fresh(self, nodes) -> list:
        return [as_tuple(n.row.init(self.b, n.compute.math)) for n in nodes]

    def walk(self) -> list:
        """Emits the loops; returns the accumulators of the folds per point."""
        start = State([self._fresh(self.folds) for _ in self.points], [self._fresh(self.scans) for _ in self.points])
        return self._over(list(range(self.c.kept_rank, self.c.rank)), [], start).accs

    def _over(self, dims, coords, state: State) -> State:
        if len(dims) == 1:
            return self._innermost(dims[0], coords, state)
        with self.b.loop(0, self.p.size(dims[0], self.points[0]), 1, state.flat(), self.lanes) as loop:
            inside = self._over(dims[1:], [*coords, (dims[0], loop.index)], state.like(loop.values))
            loop.next(inside.flat())
        return state.like(loop.results)

    def _innermost(self, dim, coords, state: State) -> State:
        b, p = self.b, self.p
        step = p.width * self.cursors
        size = p.size(dim, self.points[0])
        main = zero = b.const(0, I64)
        if not self.masked_only:
            main = b.sub(size, b.and_(size, b.const(step - 1, I64)))
        if self.folds:
            block = ROW_BLOCK if p.lines else COLUMN_BLOCK
            state = self._levels(dim, coords, zero, main, [step * block * block, step * block], state)
        elif not self.masked_only:
            state = self._steps(dim, coords, zero, main, self.round, state)
        return self._steps(dim, coords, main, size, 1, state, masked=True) if step > 1 else state

    def _levels(self, dim, coords, start, stop, blocks, state: State) -> State:
        """Folds blocks of [start, stop) into accumulators of their own, and those into `state`."""
        b = self.b
        with b.loop(start, stop, blocks[0], state.flat(), self.lanes) as loop:
            above = state.like(loop.values)
            limit = b.add(loop.index, b.const(blocks[0], I64))
            limit = b.select(b.lt(limit, stop), limit, stop)
            if len(blocks) > 1:
                inside = State([self._fresh(self.folds) for _ in self.points], above.scans)
                inside = self._levels(dim, coords, loop.index, limit, blocks[1:], inside)
            else:
                inside = State([self._fresh(self.folds) for _ in range(self.cursors * len(self.points))], above.scans)
                inside = self._steps(dim, coords, loop.index, limit, self.round, inside)
            loop.next(State(self._joined(above.accs, inside.accs), inside.scans).flat())
        return state.like(loop.results)

    def _joined(self, above, accs) -> list:
        """Per point, the accumulators of its cursors combined in a tree and folded into those above."""
        share, result = len(accs) // len(above), []
        for point, old in enumerate(above):
            parts = accs[point * share:(point + 1) * share]
            while len(parts) > 1:
                parts = [self._combined(x, y) for x, y in zip(parts[::2], parts[1::2])]
            result.append(self._combined(old, parts[0]))
        return result

    def _combined(self, x, y) -> list:
        return [as_tuple(fold.row.combine(self.b, a, c)) for fold, a, c in zip(self.folds, x, y)]

    def _steps(self, dim, coords, start, stop, count, state: State, masked=False) -> State:
        """The loop that evaluates the pass at `count` cursors per point and round, from `start` to `stop`."""
        b, p = self.b, self.p
        share = len(state.accs) // len(self.points)       # accumulators per point: `count` or more
        with b.loop(start, stop, p.width * count, state.flat(), self.lanes) as loop:
            mask = b.lane_mask(b.sub(stop, loop.index), self.lanes) if masked and self.lanes > 1 else None
            before = state.like(loop.values)
            cursors = []
            for point, scans in zip(self.points, before.scans):
                running = {s.first: acc for s, acc in zip(self.scans, scans)}
                for u in range(count):
                    cursor = Cursor([*point.coords, *coords, (dim, loop.index)], self.lanes,
                                    u * self.lanes if p.lines else point.shift, mask if p.lines else point.mask, point)
                    cursor.scans = running       # one after the other, the cursors take the scans along
                    cursors.append(cursor)
            queues = [before.accs[n:n + share] for n in range(0, len(before.accs), share)]
            new = self._body(cursors, [acc for queue in queues for acc in queue[:count]])
            accs = [acc for n, queue in enumerate(queues) for acc in (*queue[count:], *new[n * count:][:count])]
            scans = [[cursors[n * count].scans[s.first] for s in self.scans] for n in range(len(self.points))]
            loop.next(State(accs, scans).flat())
        return state.like(loop.results)

    def _body(self, cursors, accs) -> list:
        ev = self.ev
        for ref, number in self.loads:       # loads first: they overlap, and precede every store
            for cursor in cursors:
                cursor.values[ref] = ev.load(number, cursor)
        for number, distance in self.fetched:
            for cursor in cursors:
                self.b.prefetch(self.b.advance(ev.address(number, cursor), distance), 0)
        if self.folds:
            accs = [[self._fold(fold, acc, cursor) for fold, acc in zip(self.folds, group)]
                    for group, cursor in zip(accs, cursors, strict=True)]
        if self.p.lines and self.round == 4:      # the lines that light bodies store to would be waited for
            for number, _ in self.stores:
                if self.c.operands[number].layout == CONTIGUOUS and number != self.p.spilled_in:
                    for cursor in cursors:
                        self.b.prefetch(ev.address(number, cursor), CLAIM_AHEAD, write=True)
        for cursor in cursors:
            for _, ref in self.stores:
                ev.value(ref, cursor)
        for number, ref in self.stores:
            for cursor in cursors:
                ev.store(number, ref, cursor)
        return accs

    def _fold(self, fold, old, cursor) -> tuple:
        """An accumulator with the element at the cursor folded in."""
        ev, b = self.ev, self.b
        inputs = self.p.inputs(fold)
        if self.c.merge:
            parts = tuple(b.cast(ev.value(a, cursor), t) for a, t in zip(inputs, ev.components(fold)))
            new = as_tuple(fold.row.combine(b, old, parts))
        else:
            args = [ev.argument(fold, n, cursor) for n in range(len(inputs))]
            index = ev.row_index(cursor) if fold.row.indexed else None
            new = as_tuple(fold.row.step(b, old, *args, index, *self.p.extras(fold, cursor.header)))
        if self.p.lines and cursor.mask is not None:
            new = tuple(b.select(cursor.mask, n, o) for n, o in zip(new, old))
        return new

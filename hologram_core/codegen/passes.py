"""Passes over the row: how the reductions, scans and stores of a row are ordered and folded.

Each reduction runs in the first pass in which its inputs are known; independent ones share a pass; values that vary
along the row are recomputed from the operands in every pass that needs them; what varies along the row is stored in
the last pass, so that an output may lie over an input. Values that do not vary are computed between passes. One expensive
value of an earlier pass may be kept in the memory of an output until the last pass replaces it (softmax's exponentials).

The tree of a reduction over a row of n elements, with L lanes and U cursors, is a function of n alone:
  row schedule     element i belongs to lane i mod L of cursor (i div L) mod U; a cursor folds 64 elements per lane, then
                   the cursors are combined pairwise and folded into a second accumulator; the elements after the last
                   whole L*U are folded into the second accumulator in order; the lanes are combined pairwise at the end.
  column schedule  every lane folds its own elements, 256 at a time, into a second accumulator.
Two levels keep the rounding error of long sums near that of pairwise summation.
"""

from __future__ import annotations

from ..circuit.ir import CONTIGUOUS, ROW, Ref
from ..dtypes import I64
from ..ops.table import Scan
from .evaluate import Cursor, Evaluator

ROW_BLOCK = 64        # elements per lane and cursor before the second level (row schedule)
COLUMN_BLOCK = 256    # elements per lane before the second level (column schedule)
KEEP_WEIGHT = 10      # instructions that keeping a value must save: it costs a store and a load


class Passes:
    def __init__(self, ev: Evaluator, unroll: int, weights: dict):
        self.ev, self.b, self.c = ev, ev.b, ev.c
        self.lines = self.c.schedule == ROW            # lanes run along the row
        self.unroll = unroll if self.lines else 1      # cursors per line and step
        self.width = ev.b.lanes if self.lines else 1   # elements of the row a cursor covers
        self.depth = self._depths()
        self.row_outputs, self.point_outputs = [], []
        for number, operand in self.c.outputs():
            (self.row_outputs if ev.varies(operand.source) else self.point_outputs).append(number)
        folds = [n for n in self.c.nodes if n.folds]
        last = max((self._depth(self.c.operands[k].source) for k in self.row_outputs), default=-1)
        count = max([last] + [self._fold_depth(n) for n in folds]) + 1
        self.folds = [[n for n in folds if self._fold_depth(n) == at] for at in range(count)]
        self.kept_ref, self.kept_in = self._keepsake(weights) or (None, None)

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
        self.depth = depth = {}
        for node in self.c.nodes:
            at = self._fold_depth(node) + (1 if node.folds else 0)
            depth.update((node.first + r, at) for r in range(node.row.results))
        return depth

    def _keepsake(self, weights: dict):
        """(value worth keeping for the last pass, output whose memory keeps it), or None.

        No pass after the one that keeps it may read an operand along the row: it might lie under that output.
        """
        ev, last = self.ev, len(self.folds) - 1
        sources = [self.c.operands[k].source for k in self.row_outputs]
        for node in reversed(ev.closure(sources)[1]):
            ref, at = Ref("value", node.first), self.depth[node.first]
            if at >= last or node.row.results > 1 or node.result.math is not node.result:
                continue
            holders = [k for k in self.row_outputs if self.c.operands[k].layout == CONTIGUOUS
                       and self.c.operands[k].dtype is node.result]
            first = ev.closure([a for f in self.folds[at] for a in self.inputs(f)])[1]
            later = [a for folds in self.folds[at + 1:] for f in folds for a in self.inputs(f)]
            saved = sum(weights[n.first] for n in ev.closure([ref])[1])
            if holders and node in first and saved >= KEEP_WEIGHT and not ev.closure([*later, *sources], {ref})[0]:
                return ref, holders[0]
        return None

    # ---- running ----
    def run(self, points: list) -> None:
        """Everything for these positions of the kept space: one scalar position (row schedule), or the lanes of one
        or several cursors, which share the walk along the row."""
        for at, folds in enumerate(self.folds if self.c.row_rank else []):
            stores = [(k, self.c.operands[k].source) for k in self.row_outputs] if at == len(self.folds) - 1 else []
            given = None
            if self.kept_ref is not None and at >= self.depth[self.kept_ref.n]:
                if at > self.depth[self.kept_ref.n]:
                    given = self.kept_ref
                else:
                    stores = [(self.kept_in, self.kept_ref)]
            self._pass(points, folds, stores, given)
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

    def _pass(self, points, folds, stores, given) -> None:
        """One walk along the row. `stores`: (output, value); `given`: the value an earlier pass has kept."""
        ev = self.ev
        roots = [a for f in folds for a in self.inputs(f)] + [ref for _, ref in stores]
        operands, nodes = ev.closure(roots, {given})
        loads = [(Ref("operand", k), k) for k in operands] + ([(given, self.kept_in)] if given else [])
        for node in (*nodes, *folds):              # what does not vary is known before the loops start
            for arg in node.args:
                if not ev.varies(arg):
                    for point in points:
                        ev.value(arg, point)
        step = Line(self, points, folds, [n for n in nodes if isinstance(n.row, Scan)], stores, loads)
        accs = step.walk()
        for point, acc in zip(points, accs):
            for fold, state in zip(folds, acc):
                self._finish(fold, state, point)

    def _finish(self, fold, acc, point) -> None:
        if self.lines:
            lanes = self.b.lanes
            while lanes > 1:
                lanes //= 2
                acc = fold.row.combine(self.b, tuple(self.b.part(v, 0, lanes) for v in acc),
                                       tuple(self.b.part(v, lanes, lanes) for v in acc))
        if self.c.split:           # the raw components are the outputs of stage one
            for number, component in enumerate(acc):
                point.values[Ref("value", fold.first + number)] = component
            return
        self.ev.set_results(fold, fold.row.finish(self.b, acc, self._count(), *self.extras(fold, point)), point)

    def extras(self, fold, point) -> list:
        """A reduce node's arguments beyond its inputs."""
        return [self.ev.argument(fold, n, point) for n in range(len(self.inputs(fold)), len(fold.args))]

    def _count(self):
        """Elements per row."""
        if self.c.merge:
            return self.ev.extra(0)
        count = self.ev.size(self.c.kept_rank)
        for dim in range(self.c.kept_rank + 1, self.c.rank):
            count = self.b.mul(count, self.ev.size(dim))
        return count


class Line:
    """One pass. The carried state is, per point, the accumulators of the folds and of the scans."""

    def __init__(self, passes: Passes, points, folds, scans, stores, loads):
        self.p, self.ev, self.b, self.c = passes, passes.ev, passes.b, passes.c
        self.points, self.folds, self.scans, self.stores, self.loads = points, folds, scans, stores, loads
        self.lanes = self.b.lanes

    # ---- state ----
    def _fresh(self, nodes) -> list:
        return [_tuple(n.row.init(self.b, n.compute.math)) for n in nodes]

    @staticmethod
    def _flat(state) -> list:
        return [v for group in state for acc in group for v in acc]

    def _shaped(self, flat, nodes, groups) -> list:
        flat = iter(flat)
        counts = [len(self.ev.components(n)) for n in nodes]
        return [[tuple(next(flat) for _ in range(n)) for n in counts] for _ in range(groups)]

    # ---- the walk ----
    def walk(self) -> list:
        """Emits the loops over the row; returns the folds' accumulators per point."""
        start = [self._fresh(self.folds) + self._fresh(self.scans) for _ in self.points]
        dims = list(range(self.c.kept_rank, self.c.rank))
        flat = self._over(dims, [], self._flat(start))
        return [group[:len(self.folds)] for group in self._shaped(flat, self.folds + self.scans, len(self.points))]

    def _over(self, dims, coords, carry) -> list:
        if len(dims) == 1:
            return self._innermost(dims[0], coords, carry)
        with self.b.loop(0, self._size(dims[0]), 1, carry, self.lanes) as loop:
            loop.next(self._over(dims[1:], [*coords, (dims[0], loop.index)], loop.values))
        return loop.results

    def _size(self, dim):
        """Size of a row dimension; the outermost one of a split kernel is a chunk, the last chunk may be short."""
        if not (self.c.split and dim == self.c.kept_rank):
            return self.ev.size(dim)
        chunk, whole = self.ev.extra(0), self.ev.extra(1)
        left = self.b.sub(whole, self.b.mul(dict(self.points[0].coords)[0], chunk))
        return self.b.select(self.b.lt(left, chunk), left, chunk)

    def _innermost(self, dim, coords, carry) -> list:
        b, p = self.b, self.p
        unroll = 1 if self.scans else p.unroll
        step = p.width * unroll
        size = self._size(dim)
        main = b.sub(size, b.and_(size, b.const(step - 1, I64)))
        nodes = self.folds + self.scans
        if self.folds:
            block = step * (ROW_BLOCK if p.lines else COLUMN_BLOCK)
            with b.loop(0, main, block, carry, self.lanes) as outer:
                limit = b.add(outer.index, b.const(block, I64))
                limit = b.select(b.lt(limit, main), limit, main)
                second = self._shaped(outer.values, nodes, len(self.points))
                inner = [self._fresh(self.folds) for _ in range(unroll * len(self.points))]
                scans = [group[len(self.folds):] for group in second]
                with b.loop(outer.index, limit, step, self._flat(inner) + self._flat(scans), self.lanes) as loop:
                    at = len(self._flat(inner))
                    accs = self._shaped(loop.values[:at], self.folds, unroll * len(self.points))
                    states = self._shaped(loop.values[at:], self.scans, len(self.points))
                    accs, states = self._body(dim, coords, loop.index, unroll, None, accs, states)
                    loop.next(self._flat(accs) + self._flat(states))
                accs = self._shaped(loop.results[:at], self.folds, unroll * len(self.points))
                states = self._shaped(loop.results[at:], self.scans, len(self.points))
                outer.next(self._flat([self._join(g, accs[k * unroll:(k + 1) * unroll]) + s
                                       for k, (g, s) in enumerate(zip(second, states))]))
            carry = outer.results
        else:
            carry = self._single(dim, coords, b.const(0, I64), main, step, unroll, carry)
        if step > 1:
            carry = self._single(dim, coords, main, size, p.width, 1, carry, masked=True)
        return carry

    def _join(self, second, accs) -> list:
        """The second-level accumulators of a point with its cursors' accumulators folded in."""
        result = []
        for number, fold in enumerate(self.folds):
            parts = [a[number] for a in accs]
            while len(parts) > 1:
                parts = [_tuple(fold.row.combine(self.b, x, y)) for x, y in zip(parts[::2], parts[1::2])]
            result.append(_tuple(fold.row.combine(self.b, second[number], parts[0])))
        return result

    def _single(self, dim, coords, start, stop, step, unroll, carry, masked=False) -> list:
        """A loop that folds straight into the carried state."""
        b, nodes, groups = self.b, self.folds + self.scans, len(self.points)
        with b.loop(start, stop, step, carry, self.lanes) as loop:
            state = self._shaped(loop.values, nodes, groups)
            mask = b.lane_mask(b.sub(stop, loop.index), self.lanes) if masked and self.lanes > 1 else None
            accs, scans = self._body(dim, coords, loop.index, unroll, mask, [g[:len(self.folds)] for g in state],
                                     [g[len(self.folds):] for g in state])
            loop.next(self._flat([a + s for a, s in zip(accs, scans)]))
        return loop.results

    # ---- one step ----
    def _body(self, dim, coords, index, unroll, mask, accs, states):
        """Evaluates the pass at `unroll` cursors per point. `accs`: per cursor; `states` (scans): per point."""
        ev, cursors = self.ev, []
        for point, state in zip(self.points, states):
            for u in range(unroll):
                at = [*point.coords, *coords, (dim, index)]
                lines = self.p.lines
                cursor = Cursor(at, self.lanes, u * self.lanes if lines else point.shift,
                                mask if lines else point.mask, header=point)
                cursor.scans = {s.first: acc for s, acc in zip(self.scans, state)}
                cursors.append(cursor)
        for ref, number in self.loads:       # loads first: they overlap, and precede every store
            for cursor in cursors:
                cursor.values[ref] = ev.load(number, cursor)
        accs = [self._step(cursor, acc) for cursor, acc in zip(cursors, accs)] if self.folds else accs
        for cursor in cursors:
            for _, ref in self.stores:
                ev.value(ref, cursor)
        for number, ref in self.stores:
            for cursor in cursors:
                ev.store(number, ref, cursor)
        states = [[cursors[g * unroll].scans[s.first] for s in self.scans] for g in range(len(self.points))]
        return accs, states

    def _step(self, cursor, acc) -> list:
        ev, b, result = self.ev, self.b, []
        for fold, old in zip(self.folds, acc):
            inputs = self.p.inputs(fold)
            if self.c.merge:
                parts = tuple(b.cast(ev.value(a, cursor), t) for a, t in zip(inputs, ev.components(fold)))
                new = fold.row.combine(b, old, parts)
            else:
                args = [ev.argument(fold, n, cursor) for n in range(len(inputs))]
                index = ev.row_index(cursor) if fold.row.indexed else None
                new = fold.row.step(b, old, *args, index, *self.p.extras(fold, cursor.header))
            new = _tuple(new)
            if self.p.lines and cursor.mask is not None:
                new = tuple(b.select(cursor.mask, n, o) for n, o in zip(new, old))
            result.append(new)
        return result


def _tuple(value) -> tuple:
    return value if isinstance(value, tuple) else (value,)

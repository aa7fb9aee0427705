"""Rows on a GPU: who walks them (teams of threads), and the passes of one row.

The tree of a reduction over n elements is a function of n alone, whatever else the kernel computes: a thread's elements go to
TREE accumulators in turn, these are combined pairwise, the elements after the last whole turn of all threads are folded in
one by one; then the lanes of a warp are combined (i with i + 16, i + 8 ...), and the warps.

What is computed in which pass is decided where the CPU decides it (passes.py); here a pass is a loop whose threads take
every n-th element, and a fold of their partial results.
"""

from __future__ import annotations

from ..circuit.ir import Ref
from ..dtypes import I64
from ..ops.table import Scan
from .evaluate import Cursor
from .passes import Passes, unrolled

WARP = 32
WIDE_ROW = 1024              # elements beyond which a block shares a row, not a warp
SHARED_BYTES = 10 << 10      # per type of accumulators: several types together must fit too
TREE = 4                     # accumulators of a thread
TALL_ROW = 32                # from which the warps of a block share the rows of a column kernel


def _tuple(value) -> tuple:
    return value if isinstance(value, tuple) else (value,)


class Team:
    """The threads that walk a row together: `member` is a thread's number among `width`, both i64 values; `leader` says who
    stores what is stored once per row."""

    items = 1                # that a block takes at a time

    def __init__(self, nest):
        self.nest, self.b, self.ev, self.c = nest, nest.b, nest.ev, nest.c
        self.threads = nest.threads

    def number(self, value: int):
        return self.b.const(value, I64)

    def walk(self):
        """Emits the loop over the kept elements [begin, end): yields (number of one, is there one for this thread?)."""
        raise NotImplementedError

    def reduced(self, folds, accs) -> list:
        """The accumulators of all members folded together, known to each of them; as many folds at a time as find room in
        shared memory."""
        results, at = [], 0
        while at < len(folds):
            count = 1
            while at + count < len(folds) and self._bytes(accs[at:at + count + 1]) <= SHARED_BYTES:
                count += 1
            results += self._reduced(folds[at:at + count], accs[at:at + count])
            at += count
        return results

    def _reduced(self, folds, accs) -> list:
        raise NotImplementedError

    def _bytes(self, accs) -> int:
        return self.threads * sum(v.dtype.bytes for acc in accs for v in acc)

    def settle(self) -> None:
        """Waits until every member has read what a leader may overwrite."""

    def row_length(self):
        """Elements of a row (of a split kernel: of a whole chunk)."""
        count = self.ev.size(self.c.kept_rank)
        for dim in range(self.c.kept_rank + 1, self.c.rank):
            count = self.b.mul(count, self.ev.size(dim))
        return count

    def _combined(self, folds, x, y) -> list:
        return [_tuple(fold.row.combine(self.b, a, c)) for fold, a, c in zip(folds, x, y)]      # of folds or scans

    def _arrays(self, accs, count: int) -> list:
        """Shared arrays, one per component of the accumulators."""
        used: dict = {}          # type -> arrays so far

        def array(dtype):
            used[dtype] = used.get(dtype, 0) + 1
            return self.b.shared(used[dtype] - 1, dtype, count)
        return [[array(v.dtype) for v in acc] for acc in accs]

    def _store(self, arrays, index, accs) -> None:
        for array, acc in zip(arrays, accs):
            for a, v in zip(array, acc):
                self.b.shared_store(a, index, v)

    def _load(self, arrays, index) -> list:
        return [tuple(self.b.shared_load(a, index) for a in array) for array in arrays]


def _joined(branch, accs, others) -> list:
    return [tuple(branch.join(v, o) for v, o in zip(acc, other)) for acc, other in zip(accs, others)]


class Solo(Team):
    """A thread per row: of scans across kept elements."""

    def __init__(self, nest):
        super().__init__(nest)
        self.items = self.threads
        self.member, self.width, self.leader = self.number(0), self.number(1), None

    def walk(self):
        b, threads = self.b, self.number(self.threads)
        first = b.add(b.begin(), b.add(b.mul(b.block(), threads), b.thread()))
        with b.loop(first, b.end(), b.mul(b.blocks(), threads)) as loop:
            yield loop.index, None

    def _reduced(self, folds, accs):
        return accs


class Warps(Team):
    """A warp per row, or the whole block where rows are long."""

    def __init__(self, nest):
        super().__init__(nest)
        b = self.b
        self.lane, self.warp = b.and_(b.thread(), self.number(WARP - 1)), b.shr(b.thread(), self.number(5))
        self.wide = b.gt(self.row_length(), self.number(WIDE_ROW))
        self.member = b.select(self.wide, b.thread(), self.lane)
        self.width = b.select(self.wide, self.number(self.threads), self.number(WARP))
        self.leader = b.eq(self.member, self.number(0))

    def walk(self):
        b, warps = self.b, self.number(self.threads // WARP)
        first = b.select(self.wide, b.block(), b.add(b.mul(b.block(), warps), self.warp))
        stride = b.select(self.wide, b.blocks(), b.mul(b.blocks(), warps))
        with b.loop(b.add(b.begin(), first), b.end(), stride) as loop:
            yield loop.index, None

    def _shuffled(self, folds, accs, lanes: int) -> list:
        """Lane 0 of the result has the accumulators of the first `lanes` lanes."""
        while lanes > 1:
            lanes //= 2
            accs = self._combined(folds, accs, [tuple(self.b.shuffle_down(v, lanes) for v in acc) for acc in accs])
        return accs

    def _spread(self, accs, lane: int = 0) -> list:
        return [tuple(self.b.lane(v, lane) for v in acc) for acc in accs]

    def _reduced(self, folds, accs):
        b, warps = self.b, self.threads // WARP
        own = self._shuffled(folds, accs, WARP)
        narrow = self._spread(own)
        arrays = self._arrays(accs, warps)
        with b.when(self.wide) as branch:
            with b.when(b.eq(self.lane, self.number(0))):
                self._store(arrays, self.warp, own)
            b.barrier()
            parts = self._load(arrays, b.and_(self.lane, self.number(warps - 1)))
            whole = self._spread(self._shuffled(folds, parts, warps))
            b.barrier()                      # before the arrays are used again
        return _joined(branch, whole, narrow)

    def scanned(self, scan, state, before) -> tuple:
        """(what the elements before a member's own add up to, what all do). `state`: of its own element; `before`: of what came
        before all of them."""
        b, warps, scans = self.b, self.threads // WARP, [scan]
        inside = self._scanned(scans, [state], WARP)
        last = self._spread(inside, WARP - 1)
        arrays = self._arrays(inside, warps)
        own = self._combined(scans, [before], [tuple(b.shuffle_up(v, 1) for v in inside[0])])
        own = self._chosen(b.eq(self.lane, self.number(0)), [before], own)
        whole = self._combined(scans, [before], last)
        with b.when(self.wide) as branch:
            with b.when(b.eq(self.lane, self.number(WARP - 1))):
                self._store(arrays, self.warp, inside)
            b.barrier()
            sums = self._scanned(scans, self._load(arrays, b.and_(self.lane, self.number(warps - 1))), warps)
            total = self._combined(scans, [before], self._spread(sums, warps - 1))
            self._store_sums(arrays, sums, warps)
            b.barrier()
            first = b.eq(self.warp, self.number(0))
            earlier = self._load(arrays, b.select(first, self.number(0), b.sub(self.warp, self.number(1))))
            earlier = self._chosen(first, [before], self._combined(scans, [before], earlier))
            part = self._combined(scans, earlier, [tuple(b.shuffle_up(v, 1) for v in inside[0])])
            part = self._chosen(b.eq(self.lane, self.number(0)), earlier, part)
            b.barrier()                      # before the arrays are used again
        return _joined(branch, part, own)[0], _joined(branch, total, whole)[0]

    def _store_sums(self, arrays, sums, warps: int) -> None:
        """Warp 0 puts the running sums of the warps where their sums were."""
        b = self.b
        b.barrier()                          # everybody has read those
        with b.when(b.lt(b.thread(), self.number(warps))):
            self._store(arrays, b.thread(), sums)

    def _scanned(self, scans, states, lanes: int) -> list:
        """Every lane's state combined with those of the lanes before it."""
        distance = 1
        while distance < lanes:
            moved = [tuple(self.b.shuffle_up(v, distance) for v in state) for state in states]
            further = self.b.ge(self.lane, self.number(distance))
            states = self._chosen(further, self._combined(scans, moved, states), states)
            distance *= 2
        return states

    def _chosen(self, condition, x, y) -> list:
        return [tuple(self.b.select(condition, v, o) for v, o in zip(a, c)) for a, c in zip(x, y)]

    def settle(self):
        self.b.sync_warp()
        with self.b.when(self.wide):
            self.b.barrier()


class Columns(Team):
    """Neighbouring threads on neighbouring rows; where rows are long, the warps of a block share 32 of them."""

    items = WARP

    def __init__(self, nest):
        super().__init__(nest)
        b, zero, one = self.b, self.number(0), self.number(1)
        self.warps = self.threads // WARP
        self.column, self.warp = b.and_(b.thread(), self.number(WARP - 1)), b.shr(b.thread(), self.number(5))
        self.tall = b.ge(self.row_length(), self.number(TALL_ROW))
        self.member = b.select(self.tall, self.warp, zero)
        self.width = b.select(self.tall, self.number(self.warps), one)
        self.leader = b.eq(self.member, zero)

    def walk(self):
        b, end = self.b, self.b.end()
        across = b.select(self.tall, self.number(WARP), self.number(self.threads))
        place = b.select(self.tall, self.column, b.thread())
        with b.loop(b.add(b.begin(), b.mul(b.block(), across)), end, b.mul(b.blocks(), across)) as loop:
            item = b.add(loop.index, place)
            valid = b.lt(item, end)
            yield b.select(valid, item, b.sub(end, self.number(1))), valid

    def _reduced(self, folds, accs):
        b = self.b
        arrays = self._arrays(accs, self.threads)
        with b.when(self.tall) as branch:
            self._store(arrays, b.thread(), accs)
            b.barrier()
            parts = [self._load(arrays, b.add(self.column, self.number(w * WARP))) for w in range(self.warps)]
            while len(parts) > 1:
                parts = [self._combined(folds, x, y) for x, y in zip(parts[::2], parts[1::2])]
            b.barrier()
        return _joined(branch, parts[0], accs)

    def settle(self):
        with self.b.when(self.tall):
            self.b.barrier()


class TeamPasses(Passes):
    """The passes over the row of one kept element, walked by a team."""

    def __init__(self, nest, team: Team):
        super().__init__(nest.ev, nest.weights)
        self.nest, self.team = nest, team

    def run_item(self, point: Cursor, valid) -> None:
        """Everything for one kept element. `valid`: whether this thread has one, or None where it has."""
        b, ev, c = self.b, self.ev, self.c
        for at, folds in enumerate(self.folds):
            stores = [(k, c.operands[k].source) for k in self.row_outputs] if at == len(self.folds) - 1 else []
            given = None
            if self.kept_ref is not None and at >= self.depth[self.kept_ref.n]:
                if at > self.depth[self.kept_ref.n]:
                    given = self.kept_ref
                else:
                    stores = [(self.kept_in, self.kept_ref)]
            self._walked(point, folds, stores, given, valid)
        if not self.point_outputs:
            return
        for number in self.point_outputs:
            ev.value(c.operands[number].source, point)
        if any(o.fixed and not o.output for o in c.operands):
            self.team.settle()
        chosen = [x for x in (self.team.leader, valid) if x is not None]
        if not chosen:
            return self._store_points(point)
        with b.when(chosen[0] if len(chosen) == 1 else b.and_(*chosen)):
            self._store_points(point)

    def _store_points(self, point) -> None:
        for number in self.point_outputs:
            self.ev.store(number, self.c.operands[number].source, point)

    def _walked(self, point, folds, stores, given, valid) -> None:
        """One walk along the row. `stores`: (output, value); `given`: the value an earlier pass has kept."""
        b, ev = self.b, self.ev
        roots = [a for f in folds for a in self.inputs(f)] + [ref for _, ref in stores]
        operands, nodes = ev.closure(roots, {given})
        loads = [(Ref("operand", k), k) for k in operands] + ([(given, self.kept_in)] if given else [])
        for ref in [arg for node in (*nodes, *folds) for arg in node.args] + [ref for _, ref in stores]:
            if not ev.varies(ref):                 # what does not vary is known before the loops start
                ev.value(ref, point)
        count = b.const(1, I64)
        for dim in range(self.c.kept_rank, self.c.rank):
            count = b.mul(self.size(dim, point), count)
        if valid is not None:
            count = b.select(valid, count, b.const(0, I64))
        weight = sum(self.weights[n.first] for n in (*nodes, *folds)) + len(operands)
        walk = Walk(self, point, folds, [n for n in nodes if isinstance(n.row, Scan)], stores, loads)
        accs = walk.over(count, unrolled(weight))
        if folds:
            for fold, acc in zip(folds, self.team.reduced(folds, accs)):
                results = acc if fold.raw else fold.row.finish(b, acc, self._count(), *self.extras(fold, point))
                ev.set_results(fold, results, point)


class Walk:
    """The loops of one pass."""

    def __init__(self, passes: TeamPasses, point, folds, scans, stores, loads):
        self.p, self.ev, self.b, self.team = passes, passes.ev, passes.b, passes.team
        self.point, self.folds, self.scans, self.stores, self.loads = point, folds, scans, stores, loads

    def _fresh(self, nodes) -> list:
        return [_tuple(n.row.init(self.b, n.compute.math)) for n in nodes]

    def over(self, count, unroll: int) -> list:
        """Emits the loops over `count` elements; returns this thread's accumulators. `unroll`: elements per round. A fold
        has TREE accumulators whatever that is, which take turns; elements after the last whole turn follow in order."""
        b, team = self.b, self.team
        accs, scans, start = self._fresh(self.folds), self._fresh(self.scans), team.member
        if scans and isinstance(team, Warps):
            return self._tiles(count, accs, scans)
        turn = 1 if self.scans else TREE if self.folds else unroll
        if turn > 1:
            step = b.mul(team.width, b.const(turn, I64))
            main = b.sub(count, b.and_(count, b.sub(step, b.const(1, I64))))      # widths are powers of two
            parts, _ = self._steps(start, main, min(unroll, turn), [self._fresh(self.folds) for _ in range(turn)], [])
            while len(parts) > 1:
                parts = [team._combined(self.folds, x, y) for x, y in zip(parts[::2], parts[1::2])]
            accs, start = parts[0], b.add(main, start)
        (accs,), _ = self._steps(start, count, 1, [accs], scans)
        return accs

    def _steps(self, start, stop, count: int, groups, scans) -> tuple:
        """A loop that evaluates `count` elements per round, and folds them into the first of the groups of accumulators."""
        b, ev, width = self.b, self.ev, self.team.width
        shape = [*groups, scans]
        step = b.mul(width, b.const(count, I64))
        with b.loop(start, stop, step, [v for group in shape for acc in group for v in acc]) as loop:
            *accs, running = _like(shape, loop.values)
            state = {s.first: acc for s, acc in zip(self.scans, running)}
            cursors = []
            for n in range(count):
                at = b.add(loop.index, b.mul(width, b.const(n, I64))) if n else loop.index
                row = self.p.nest.coordinates(at, list(range(self.p.c.kept_rank, self.p.c.rank)))
                cursors.append(Cursor([*self.point.coords, *row], header=self.point))
                cursors[-1].scans = state
            for ref, number in self.loads:       # loads first: they overlap, and precede every store
                for cursor in cursors:
                    cursor.values[ref] = ev.load(number, cursor)
            new = [[self._folded(fold, acc, cursor) for fold, acc in zip(self.folds, group)]
                   for group, cursor in zip(accs, cursors)]
            for cursor in cursors:
                for _, ref in self.stores:
                    ev.value(ref, cursor)
            for number, ref in self.stores:
                for cursor in cursors:
                    ev.store(number, ref, cursor)
            after = [*accs[count:], *new, [state[s.first] for s in self.scans]]      # the first go to the end of the queue
            loop.next([v for group in after for acc in group for v in acc])
        *accs, running = _like(shape, loop.results)
        return accs, running

    def _tiles(self, count, accs, scans) -> list:
        """A loop in which every member takes one element per round, those after the last one too: they take the last element
        once more and neither fold nor store it, so that all take part in the shuffles."""
        b, ev, c = self.b, self.ev, self.p.c
        shape = [accs, scans]
        with b.loop(b.const(0, I64), count, self.team.width, [v for group in shape for acc in group for v in acc]) as loop:
            accs, before = _like(shape, loop.values)
            at = b.add(loop.index, self.team.member)
            valid = b.lt(at, count)
            at = b.select(valid, at, b.sub(count, b.const(1, I64)))
            row = self.p.nest.coordinates(at, list(range(c.kept_rank, c.rank)))
            cursor = Cursor([*self.point.coords, *row], header=self.point)
            for ref, number in self.loads:
                cursor.values[ref] = ev.load(number, cursor)
            after = []
            for scan, earlier in zip(self.scans, before):
                args = [ev.argument(scan, n, cursor) for n in range(len(scan.args))]
                index, empty = ev.row_index(cursor), self._fresh([scan])[0]
                own = _tuple(scan.row.step(b, empty, *args, index)[0])
                own = tuple(b.select(valid, v, e) for v, e in zip(own, empty))
                prefix, total = self.team.scanned(scan, own, earlier)
                ev.set_results(scan, scan.row.step(b, prefix, *args, index)[1], cursor)
                after.append(total)
            new = [tuple(b.select(valid, v, o) for v, o in zip(self._folded(fold, acc, cursor), acc))
                   for fold, acc in zip(self.folds, accs)]
            for _, ref in self.stores:
                ev.value(ref, cursor)
            with b.when(valid):
                for number, ref in self.stores:
                    ev.store(number, ref, cursor)
            loop.next([v for group in (new, after) for acc in group for v in acc])
        return _like(shape, loop.results)[0]

    def _folded(self, fold, old, cursor) -> tuple:
        """An accumulator with the element at the cursor folded in."""
        ev, b = self.ev, self.b
        inputs = self.p.inputs(fold)
        if self.p.c.merge:
            parts = tuple(b.cast(ev.value(a, cursor), t) for a, t in zip(inputs, ev.components(fold)))
            return _tuple(fold.row.combine(b, old, parts))
        args = [ev.argument(fold, n, cursor) for n in range(len(inputs))]
        index = ev.row_index(cursor) if fold.row.indexed else None
        return _tuple(fold.row.step(b, old, *args, index, *self.p.extras(fold, cursor.header)))


def _like(shape, values) -> list:
    """Values in the shape of groups of accumulators."""
    values = iter(values)
    return [[tuple(next(values) for _ in acc) for acc in group] for group in shape]

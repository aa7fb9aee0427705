"""The passes over the rows of a GPU kernel, walked by a team of threads (teams.py).

The tree of a reduction over n elements is a function of n alone, whatever else the kernel computes and however memory is read.
A walk has `width` members, a number that follows from n (the lanes of a warp, the threads of a block, the warps of a block).

  along rows      elements in groups of GROUP. Member m folds the groups m, m + width ...; element k of a group goes to the
                  member's accumulator k. These are combined pairwise, then member m folds in element m of the n mod GROUP that
                  are left. Members are combined last.
  across columns  member m folds the elements m, m + width ... into TREE accumulators in turn, which are combined pairwise; the
                  elements after the last whole turn of all members are folded in one by one. Members are combined last.

A group is read and written by accesses of up to 16 bytes where operands are contiguous and all of its places aligned, which
is decided once per kernel; elsewhere element by element. So are the neighbouring rows of a thread across columns.

What is computed in which pass is decided where the CPU decides it (codegen/passes.py).
"""

from __future__ import annotations

from typing import Any

from ...circuit.ir import CONTIGUOUS, ROW, Ref
from ...dtypes import I64
from ...optable.table import Scan, as_tuple
from ..evaluate import Cursor
from ..passes import Passes
from .memory import Memory, Place
from .teams import VECTOR_BYTES, Spot, Warps

GROUP = 4                    # neighbouring elements of a row that a thread takes: 16 bytes of f32
TREE = 4                     # accumulators of a thread across columns
GROUP_WEIGHT = 60            # instructions at one element from which elements are computed one by one
IN_FLIGHT = 16               # registers that loads of a round fill


class TeamPasses(Passes):
    """The passes over the rows of a kernel; `team` is to be set. `count`: elements that lie side by side and are read
    together; `aligned`: may they be, by vectors (None: no operand lies like that)?"""

    team: Any            # a gpu_teams.Team

    def __init__(self, nest):
        super().__init__(nest.ev, nest.weights)
        self.nest = nest
        self.scans = any(isinstance(n.row, Scan) for n in self.c.nodes)
        self.grouped = self.c.schedule == ROW and not self.scans
        if self.c.schedule == ROW and self.scans:      # the thread of an element differs between passes with and without them
            self.spilled_ref = self.spilled_in = None

    def prepare(self) -> None:
        """What holds for the whole kernel."""
        self.count = GROUP if self.grouped else self.team.points
        self.straight, self.aligned = None, None
        if self.count > 1:
            inner = self.c.rank - 1
            self.straight = self.c.schedule != ROW or self.c.row_rank == 1     # do all groups lie in one line?
            self.aligned = self._aligned([] if self.straight else [self.nest.ev.size(inner)])

    def _aligned(self, counts):
        """May contiguous operands be read `count` elements at a time? `counts`: what it must divide."""
        b, ev, c = self.b, self.ev, self.c
        remainders = b.const(0, I64)        # of what must be divisible, or'ed together
        for n in counts:
            remainders = b.or_(remainders, b.and_(n, b.const(self.count - 1, I64)))
        for number, operand in enumerate(c.operands):
            if operand.layout == CONTIGUOUS and not operand.fixed:       # those are accessed once per row
                size = min(VECTOR_BYTES, operand.dtype.bytes * self.count)
                dims = [d for d in range(c.rank) if d != c.lane_dim]
                for part in (b.address_bits(b.operand(number)), *(ev.stride(number, d) for d in dims)):
                    remainders = b.or_(remainders, b.and_(part, b.const(size - 1, I64)))
        return None if remainders.data.block is None else b.eq(remainders, b.const(0, I64))

    # ---- one spot ----
    def run_spot(self, spot: Spot) -> None:
        """Everything for the kept elements of a thread."""
        c = self.c
        points = [Cursor(spot.coords, shift=n) for n in range(self.team.points)]
        memory = Memory(self, spot.valid, spot.full)
        self._load_points(points, memory)
        for at, folds in enumerate(self.folds):
            stores, given = self._planned(at)
            self._walked(points, folds, stores, given, spot, memory)
        if not self.point_outputs:
            return
        for number in self.point_outputs:
            for point in points:
                self.ev.value(c.operands[number].source, point)
        if any(o.fixed and not o.output for o in c.operands):
            self.team.wait_for_readers()
        stores = [(number, c.operands[number].source) for number in self.point_outputs]
        chosen = [self.team.leader] if self.team.leader is not None else []
        if spot.valid is not None and len(points) == 1:
            chosen += spot.valid
        if not chosen:
            return memory.store(stores, [points])
        with self.b.when(chosen[0] if len(chosen) == 1 else self.b.and_(*chosen)):
            memory.store(stores, [points])

    def _load_points(self, points, memory) -> None:
        """The inputs with one element per row. Where a thread has several rows, or may have none, not all may be read."""
        if len(points) > 1:
            operands = [k for k, o in enumerate(self.c.operands) if o.fixed and not o.output]
            memory.load([(Ref("operand", k), k) for k in operands], [points])

    def _walked(self, points, folds, stores, given, spot, memory) -> None:
        """One walk along the rows. `stores`: (output, value); `given`: the value an earlier pass has kept."""
        b, ev = self.b, self.ev
        roots = [a for f in folds for a in self.inputs(f)] + [ref for _, ref in stores]
        operands, nodes = ev.closure(roots, {given})
        loads = [(Ref("operand", k), k) for k in operands] + ([(given, self.spilled_in)] if given else [])
        for ref in [arg for node in (*nodes, *folds) for arg in node.args] + [ref for _, ref in stores]:
            if not ev.varies(ref):                 # what does not vary is known before the loops start
                for point in points:
                    ev.value(ref, point)
        for number in [k for _, k in loads] + [k for k, _ in stores]:
            ev.address(number, points[0])          # where the row starts, too
        count = b.const(1, I64)
        for dim in range(self.c.kept_rank, self.c.rank):
            count = b.mul(self.size(dim, points[0]), count)
        if spot.valid is not None:
            some = spot.valid[0]
            for valid in spot.valid[1:]:
                some = b.or_(some, valid)
            count = b.select(some, count, b.const(0, I64))
        weight = sum(self.weights[n.first] for n in (*nodes, *folds)) + len(operands)
        walk = Walk(self, points, folds, [n for n in nodes if isinstance(n.row, Scan)], stores, loads, memory)
        accs = walk.over(count, weight)
        if folds:
            every = self.team.reduced(folds * len(points), [acc for group in accs for acc in group])
            for at, point in enumerate(points):
                for fold, acc in zip(folds, every[at * len(folds):]):
                    results = acc if fold.raw else fold.row.finish(b, acc, self._count(), *self.extras(fold, point))
                    ev.set_results(fold, results, point)


class Walk:
    """The loops of one pass."""

    def __init__(self, passes: TeamPasses, points, folds, scans, stores, loads, memory: Memory):
        self.p, self.ev, self.b, self.team, self.c = passes, passes.ev, passes.b, passes.team, passes.c
        self.points, self.folds, self.scans, self.stores, self.loads = points, folds, scans, stores, loads
        self.memory = memory

    def _fresh(self, nodes) -> list:
        return [as_tuple(n.row.init(self.b, n.compute.math)) for n in nodes]

    def number(self, value: int):
        return self.b.const(value, I64)

    # ---- cursors ----
    def cursor(self, at, point: Cursor, shift: int = 0) -> Place:
        """The element `shift` places after number `at` of the row."""
        return Place(self.p.nest, at, point, shift)

    def _group(self, number) -> list:
        """The elements of a group of the row."""
        first = self.b.mul(number, self.number(GROUP))
        return [self.cursor(first, self.points[0], n) for n in range(GROUP)]

    def _across(self, at) -> list:
        """One element of each of the thread's rows."""
        cursors = [self.cursor(at, point) for point in self.points]
        for n, cursor in enumerate(cursors):
            cursor.shift = n
        return cursors

    # ---- loops ----
    def over(self, count, weight: int) -> list:
        """Emits the loops over `count` elements; returns this thread's accumulators, per point. `weight`: instructions at one
        element."""
        if self.scans and isinstance(self.team, Warps):
            return [self._tiles(count, self._fresh(self.folds), self._fresh(self.scans))]
        return self._along(count, weight) if self.p.grouped else self._side_by_side(count, weight)

    def _along(self, count, weight: int) -> list:
        b, team, width = self.b, self.team, self.team.width
        groups = b.shr(count, self.number(GROUP.bit_length() - 1))
        whole = b.mul(groups, self.number(GROUP))
        slots = [self._fresh(self.folds) for _ in range(GROUP)]
        if weight > GROUP_WEIGHT:
            jump = b.sub(b.mul(width, self.number(GROUP)), self.number(GROUP - 1))
            last = self.number(GROUP - 1)
            step = lambda at: b.select(b.eq(b.and_(at, last), last), jump, self.number(1))
            slots, _ = self._steps(b.mul(team.member, self.number(GROUP)), whole, step,
                                   lambda at: [[self.cursor(at, self.points[0])]], slots, [])
        else:
            unroll, start = self._unroll(weight), team.member
            if unroll > 1:
                turn = b.mul(width, self.number(unroll))
                main = b.sub(groups, b.and_(groups, b.sub(turn, self.number(1))))      # widths are powers of two
                slots, _ = self._steps(start, main, lambda at: turn, lambda at: [
                    self._group(b.add(at, b.mul(width, self.number(n))) if n else at) for n in range(unroll)], slots, [])
                start = b.add(main, start)
            slots, _ = self._steps(start, groups, lambda at: width, lambda at: [self._group(at)], slots, [])
        accs, _ = self._steps(b.add(whole, team.member), count, lambda at: width,
                              lambda at: [[self.cursor(at, self.points[0])]], self._met(slots, 1), [])
        return accs

    def _unroll(self, weight: int) -> int:
        """Groups of a round: a power of two, by what their loads and instructions take."""
        registers = GROUP * sum(max(4, self.c.operands[k].dtype.math.bytes) // 4 for _, k in self.loads)
        unroll = 1 if weight > GROUP_WEIGHT // 4 else 2 if weight > GROUP_WEIGHT // 8 else 4
        while unroll > 1 and unroll * registers > IN_FLIGHT:
            unroll //= 2
        return unroll

    def _side_by_side(self, count, weight: int) -> list:
        b, width, start = self.b, self.team.width, self.team.member
        slots, scans = [self._fresh(self.folds) for _ in self.points], self._fresh(self.scans)
        unroll = 1 if weight * len(self.points) > 90 else 2 if weight * len(self.points) > 24 else TREE
        turn = 1 if self.scans else TREE if self.folds else unroll
        if turn > 1:
            step = b.mul(width, self.number(turn))
            main = b.sub(count, b.and_(count, b.sub(step, self.number(1))))      # widths are powers of two
            rows = min(unroll, turn)
            wide = [self._fresh(self.folds) for _ in range(turn * len(self.points))]
            wide, _ = self._steps(start, main, lambda at: b.mul(width, self.number(rows)), lambda at: [
                self._across(b.add(at, b.mul(width, self.number(n))) if n else at) for n in range(rows)], wide, [])
            slots, start = self._met(wide, len(self.points)), b.add(main, start)
        accs, _ = self._steps(start, count, lambda at: width, lambda at: [self._across(at)], slots, scans)
        return accs

    def _met(self, slots, left: int) -> list:
        """Slots combined pairwise until `left` are."""
        parts = [slots[n:n + left] for n in range(0, len(slots), left)]
        while len(parts) > 1:
            parts = [[self.team._combined(self.folds, x, y) for x, y in zip(*pair)] for pair in zip(parts[::2], parts[1::2])]
        return parts[0]

    def _steps(self, start, stop, step, bundles, slots, scans) -> tuple:
        """A loop over numbers of elements or groups; a round computes the elements of `bundles(number)` and folds them into
        the slots in turn. `step(number)`: to the next."""
        b, ev = self.b, self.ev
        shape = [*slots, scans]
        with b.loop(start, stop, self.number(1), [v for slot in shape for acc in slot for v in acc]) as loop:
            *slots, running = _like(shape, loop.values)
            state = {s.first: acc for s, acc in zip(self.scans, running)}
            found = bundles(loop.index)
            cursors = [cursor for bundle in found for cursor in bundle]
            for cursor in cursors:
                cursor.scans = state
            self.memory.load(self.loads, found)       # loads first: they overlap, and precede every store
            for n, cursor in enumerate(cursors):
                at = n % len(slots)
                slots[at] = [self._folded(fold, acc, cursor) for fold, acc in zip(self.folds, slots[at])]
            if self.stores:
                for cursor in cursors:
                    for _, ref in self.stores:
                        ev.value(ref, cursor)
                self.memory.store(self.stores, found)
            turned = len(cursors) % len(slots)
            after = [*slots[turned:], *slots[:turned], [state[s.first] for s in self.scans]]
            loop.next([v for slot in after for acc in slot for v in acc], step=step(loop.index))
        *slots, running = _like(shape, loop.results)
        return slots, running

    def _tiles(self, count, accs, scans) -> list:
        """A loop in which every member takes one element per round, those after the last one too: they take the last element
        once more and neither fold nor store it, so that all take part in the shuffles."""
        b, ev, c = self.b, self.ev, self.c
        shape = [accs, scans]
        with b.loop(b.const(0, I64), count, self.team.width, [v for group in shape for acc in group for v in acc]) as loop:
            accs, before = _like(shape, loop.values)
            at = b.add(loop.index, self.team.member)
            valid = b.lt(at, count)
            at = b.select(valid, at, b.sub(count, b.const(1, I64)))
            row = self.p.nest.coordinates(at, list(range(c.kept_rank, c.rank)))
            cursor = Cursor([*self.points[0].coords, *row], header=self.points[0])
            for ref, number in self.loads:
                cursor.values[ref] = ev.load(number, cursor)
            after = []
            for scan, earlier in zip(self.scans, before):
                args = [ev.argument(scan, n, cursor) for n in range(len(scan.args))]
                index, empty = ev.row_index(cursor), self._fresh([scan])[0]
                own = as_tuple(scan.row.step(b, empty, *args, index)[0])
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
        if self.c.merge:
            parts = tuple(b.cast(ev.value(a, cursor), t) for a, t in zip(inputs, ev.components(fold)))
            return as_tuple(fold.row.combine(b, old, parts))
        args = [ev.argument(fold, n, cursor) for n in range(len(inputs))]
        index = ev.row_index(cursor) if fold.row.indexed else None
        return as_tuple(fold.row.step(b, old, *args, index, *self.p.extras(fold, cursor.header)))


def _like(shape, values) -> list:
    """Values in the shape of groups of accumulators."""
    values = iter(values)
    return [[tuple(next(values) for _ in acc) for acc in group] for group in shape]

"""Teams of threads that walk the rows of a GPU kernel, and how their partial results meet.

A team is a warp or a block (`Warps`), a thread (`Solo`), or the warps of a block side by side (`Columns`). It says which thread takes
each kept element, and combines the accumulators of its members: the lanes of a warp by shuffles (i with i + 16, i + 8 ...),
the warps in shared memory.
"""

from __future__ import annotations

from typing import NamedTuple

from ...circuit.ir import CONTIGUOUS
from ...dtypes import I64
from ...optable.table import as_tuple
from ..builder import Value

WARP = 32
WIDE_ROW = 1024              # elements beyond which a block shares a row, not a warp
SHARED_BYTES = 10 << 10      # per type of accumulators: several types together must fit too
TALL_ROW = 32                # from which the warps of a block share the rows of a column kernel
VECTOR_BYTES = 16            # of one access
MOST_POINTS = 4              # neighbouring rows of a column kernel that a thread takes
POINTS_WEIGHT = 120          # instructions at all of them together
POINTS_BYTES = 24            # of all their accumulators, in one of the turns


class Spot(NamedTuple):
    """The kept elements of a thread: `coords` are those of the first, the others follow along the innermost kept dimension.
    `valid`: is there one (per element)? `full`: are all there? None: yes, always."""

    coords: list
    valid: list | None = None
    full: Value | None = None


class Team:
    """The threads that walk a row together: `member` is a thread's number among `width`, both i64 values; `leader` says which one
    stores what is stored once per row."""

    items = 1                # that a block takes at a time
    points = 1               # that a thread takes at a time

    def __init__(self, nest):
        self.nest, self.b, self.ev, self.c = nest, nest.b, nest.ev, nest.c
        self.threads = nest.threads

    def number(self, value: int):
        return self.b.const(value, I64)

    def walk(self):
        """Emits the loop over the kept elements [begin, end): yields Spots."""
        raise NotImplementedError

    def spot(self, item) -> Spot:
        return Spot(self.nest.coordinates(item, list(range(self.c.kept_rank))) if self.c.kept_rank else [])

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

    def wait_for_readers(self) -> None:
        """Waits until every member has read what a leader may overwrite."""

    def row_length(self):
        """Elements of a row (of a split kernel: of a whole chunk)."""
        count = self.ev.size(self.c.kept_rank)
        for dim in range(self.c.kept_rank + 1, self.c.rank):
            count = self.b.mul(count, self.ev.size(dim))
        return count

    def _combined(self, folds, x, y) -> list:
        return [as_tuple(fold.row.combine(self.b, a, c)) for fold, a, c in zip(folds, x, y)]      # of folds or scans

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
            yield self.spot(loop.index)

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
            yield self.spot(loop.index)

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

    def wait_for_readers(self):
        self.b.sync_warp()
        with self.b.when(self.wide):
            self.b.barrier()


class Columns(Team):
    """Neighbouring threads on neighbouring rows; where rows are long, the warps of a block share those of 32 threads. A thread
    takes as many neighbouring rows as 16 bytes hold, if their accumulators find room in registers. The fold of a row is the
    same whatever that number is."""

    def __init__(self, nest, passes):
        """`passes`: the folds of each."""
        super().__init__(nest)
        b, zero, one = self.b, self.number(0), self.number(1)
        self.warps = self.threads // WARP
        self.points = self._points(passes)
        self.items = WARP * self.points
        self.column, self.warp = b.and_(b.thread(), self.number(WARP - 1)), b.shr(b.thread(), self.number(5))
        self.tall = b.ge(self.row_length(), self.number(TALL_ROW))
        self.member = b.select(self.tall, self.warp, zero)
        self.width = b.select(self.tall, self.number(self.warps), one)
        self.leader = b.eq(self.member, zero)

    def _points(self, passes) -> int:
        sizes = [o.dtype.bytes for o in self.c.operands if o.layout == CONTIGUOUS and not o.fixed]
        if not sizes or not self.c.kept_rank:
            return 1
        folded = max((sum(t.bytes for fold in folds for t in self.ev.components(fold)) for folds in passes), default=0)
        points = min(MOST_POINTS, VECTOR_BYTES // max(sizes))
        while points > 1 and (points * self.nest.weight > POINTS_WEIGHT or points * folded > POINTS_BYTES):
            points //= 2
        return points

    def walk(self):
        """Groups of neighbours start at multiples of their size from the start of the innermost kept dimension."""
        b, inner = self.b, self.c.kept_rank - 1
        across = b.select(self.tall, self.number(WARP), self.number(self.threads))
        place = b.select(self.tall, self.column, b.thread())
        low, high = b.begin(), b.end()
        shift, more = self.number(self.points.bit_length() - 1), self.number(self.points - 1)
        if self.points > 1 and inner:
            size = self.ev.size(inner)
            self.line = b.shr(b.add(size, more), shift)           # groups of one line
            low = b.mul(b.divided(low, size), self.line)
            high = b.mul(b.divided(b.add(high, b.sub(size, self.number(1))), size), self.line)
        elif self.points > 1:
            low, high = b.shr(low, shift), b.shr(b.add(high, more), shift)
        with b.loop(b.add(low, b.mul(b.block(), across)), high, b.mul(b.blocks(), across)) as loop:
            at = b.add(loop.index, place)
            inside = b.lt(at, high)
            at = b.select(inside, at, b.sub(high, self.number(1)))
            yield self._neighbours(at, inside) if self.points > 1 else self.spot(at)._replace(valid=[inside])

    def _neighbours(self, group, inside) -> Spot:
        b, inner, count = self.b, self.c.kept_rank - 1, self.number(self.points)
        if inner:
            line = b.divided(group, self.line)
            column = b.mul(b.sub(group, b.mul(line, self.line)), count)
            first = b.add(column, b.mul(line, self.ev.size(inner)))
        else:
            first = column = b.mul(group, count)
        valid = []
        for n in map(self.number, range(self.points)):
            there = b.and_(b.and_(inside, b.ge(b.add(first, n), b.begin())), b.lt(b.add(first, n), b.end()))
            valid.append(b.and_(there, b.lt(b.add(column, n), self.ev.size(inner))) if inner else there)
        outer = self.nest.coordinates(line, list(range(inner))) if inner else []
        return Spot([*outer, (inner, column)], valid, b.and_(valid[0], valid[-1]))

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

    def wait_for_readers(self):
        with self.b.when(self.tall):
            self.b.barrier()

"""How the row kernels of a GPU read and write elements that lie side by side.

A bundle is a list of cursors: neighbouring elements of a row, or neighbouring rows' elements. Where all bundles are aligned
and in one line, which is decided by a branch, an operand that is contiguous is accessed by up to 16 bytes at a time. The loads
of a round stand together in that branch, so that all of them are in flight before the first is used.
"""

from __future__ import annotations

from ...circuit.ir import CONTIGUOUS
from ..evaluate import Cursor
from .teams import VECTOR_BYTES


class Place(Cursor):
    """The element `shift` places after number `at` of a point's row."""

    __slots__ = ("nest", "at")

    def __init__(self, nest, at, point: Cursor, shift: int = 0):
        c = nest.c
        row = nest.coordinates(at, list(range(c.kept_rank, c.rank)))
        super().__init__([*point.coords, *row], shift=shift, header=point)
        self.nest, self.at = nest, at

    def alone(self) -> "Place":
        """The same with coordinates of its own, knowing what this one knows."""
        place = Place(self.nest, self.nest.b.add(self.at, self.nest.number(self.shift)), self.header)
        place.values = self.values
        return place


class Memory:
    """Reads and writes of bundles: cursors of elements that lie side by side, of a row or of several rows. `valid`, `full`: those
    of the Spot whose elements a bundle has, across columns."""

    def __init__(self, passes, valid, full):
        self.p, self.ev, self.b, self.c = passes, passes.ev, passes.b, passes.c
        self.valid = valid if passes.team.points > 1 else None
        self.together = passes.aligned
        if self.valid is not None:
            self.together = full if self.together is None else self.b.and_(self.together, full)

    def _vectors(self, number: int, bundle) -> bool:
        operand = self.c.operands[number]
        return len(bundle) > 1 and operand.layout == CONTIGUOUS and not operand.fixed

    def _pieces(self, number: int, bundle) -> list:
        """The bundle as parts of one access."""
        count = min(len(bundle), VECTOR_BYTES // self.c.operands[number].dtype.bytes)
        return [bundle[n:n + count] for n in range(0, len(bundle), count)]

    def _one(self, number: int, bundle) -> bool:
        """Do all cursors mean one element of the operand, wherever they are?"""
        return len(bundle) > 1 and self.ev._same_in_lanes(number, bundle[0]) and (self.p.straight or self.c.operands[number].fixed)

    # ---- loads ----
    def load(self, loads, bundles) -> None:
        """Puts operands into the cursors' values. `loads`: (what it is, operand)."""
        b, alone = self.b, self.together is None
        split = []
        for ref, number in loads:
            for bundle in bundles:
                if len(bundle) == 1 or self._one(number, bundle) or alone:
                    self._load_each(ref, number, bundle)
                else:
                    split.append((ref, number, bundle))
        if not split:
            return
        zeros = [b.const(0, self.c.operands[number].dtype.math) for _, number, _ in split]
        with b.when(self.together) as branch:
            found = [self._together(number, bundle) for _, number, bundle in split]
        found = [[branch.join(v, zero) for v in values] for values, zero in zip(found, zeros)]
        with b.when(b.not_(self.together)) as branch:
            apart: list = [[] for _ in split]
            for k in range(self.p.count):
                for values, value in zip(apart, self._load_apart(split, zeros, k)):
                    values.append(value)
        for values, others, (ref, _, bundle) in zip(apart, found, split):
            for cursor, value, other in zip(bundle, values, others):
                cursor.values[ref] = branch.join(value, other)

    def _load_apart(self, split, zeros, k: int) -> list:
        """Element number k of every bundle, as far as it is there."""
        load = lambda: [self.ev.load(number, self._apart(bundle[k])) for _, number, bundle in split]
        if self.valid is None:
            return load()
        with self.b.when(self.valid[k]) as branch:
            values = load()
        return [branch.join(value, zero) for value, zero in zip(values, zeros)]

    def _load_each(self, ref, number, bundle) -> None:
        value = None
        for cursor in bundle:
            if value is None or not self._one(number, bundle):
                value = self.ev.load(number, cursor)
            cursor.values[ref] = value

    def _together(self, number, bundle) -> list:
        """The elements of a bundle that is whole and lies in one line."""
        if self._vectors(number, bundle):
            dtype = self.c.operands[number].dtype
            return [v for part in self._pieces(number, bundle)
                    for v in self.b.load_vector(self.ev.address(number, part[0]), dtype, len(part))]
        if self.ev._same_in_lanes(number, bundle[0]):
            return [self.ev.load(number, bundle[0])] * len(bundle)
        return [self.ev.load(number, cursor) for cursor in bundle]

    def _apart(self, cursor) -> Cursor:
        """With coordinates of its own: a bundle may go beyond the end of a line."""
        return cursor if self.p.straight else cursor.alone()

    # ---- stores ----
    def store(self, stores, bundles) -> None:
        """`stores`: (output, value)."""
        b = self.b
        values = {(ref, n, k): self.ev.value(ref, cursor) for _, ref in stores
                  for n, bundle in enumerate(bundles) for k, cursor in enumerate(bundle)}
        if self.together is None or all(len(bundle) == 1 for bundle in bundles):
            return self._store_apart(stores, bundles)
        with b.when(self.together):
            for number, ref in stores:
                for n, bundle in enumerate(bundles):
                    if self._vectors(number, bundle):
                        dtype = self.c.operands[number].dtype
                        mine = [b.cast(values[ref, n, k], dtype.math) for k in range(len(bundle))]
                        for part in self._pieces(number, bundle):
                            b.store_vector(mine[:len(part)], self.ev.address(number, part[0]), dtype)
                            mine = mine[len(part):]
                    else:
                        for cursor in bundle:
                            self.ev.store(number, ref, cursor)
        with b.when(b.not_(self.together)):
            if self.valid is None:
                return self._store_apart(stores, [[self._apart(cursor) for cursor in bundle] for bundle in bundles])
            for k, valid in enumerate(self.valid):
                with b.when(valid):
                    self._store_apart(stores, [bundle[k:k + 1] for bundle in bundles])

    def _store_apart(self, stores, bundles) -> None:
        for number, ref in stores:
            for bundle in bundles:
                for cursor in bundle:
                    self.ev.store(number, ref, cursor)

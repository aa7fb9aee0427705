"""The grid emulator: runs a recorded kernel on the CPU, all threads of all blocks in lockstep, on NumPy arrays.

It proves the loop nests without a GPU and refuses what a GPU would not forgive: accesses outside of the operands' memory,
misaligned vectors, two threads that write one place, barriers that not all threads of a block reach, shuffles in a warp
that has diverged, shared memory read or overwritten in the interval between barriers in which another thread writes it.
"""

from __future__ import annotations

import ctypes
from collections import Counter
from typing import Any

import numpy as np

from ..codegen.builder import Value
from ..codegen.gpu.program import Check, LoopItem, Recorder, WhenItem
from .interpreter import pack, unpack
from .numpy_builder import NumpyBuilder

WARP = 32


class GridError(AssertionError):
    """A kernel does what a GPU would not forgive."""


def record(circuit) -> tuple:
    """(recorded kernel of a prepared circuit, its gpu.Grid)."""
    from ..codegen.gpu.kernel import build

    recorder = Recorder()
    return recorder, build(circuit, recorder)


class Memory:
    """The memory that a kernel may access: that of these arrays."""

    def __init__(self, arrays):
        spans = sorted({np.lib.array_utils.byte_bounds(a) for a in arrays if a.size})
        self.regions: list = []    # (first address, end, bytes, which thread wrote each byte)
        for low, high in spans:
            if self.regions and low < self.regions[-1][1]:
                first, end = self.regions.pop()[:2]
                low, high = first, max(end, high)
            memory: Any = (ctypes.c_uint8 * (high - low)).from_address(low)
            data = np.frombuffer(memory, np.uint8)
            self.regions.append((low, high, data, np.full(high - low, -1, np.int32)))
        self.arrays = arrays       # keeps them alive

    def places(self, addresses, size: int):
        """(bytes, writers, offsets[n, size]) of n elements, which lie in one region."""
        if not len(addresses):
            return None
        for low, high, data, writers in self.regions:
            if low <= addresses[0] < high:
                if addresses.min() < low or addresses.max() + size > high:
                    break
                return data, writers, (addresses - low)[:, None] + np.arange(size)
        raise GridError(f"access outside of the operands: {size} bytes at {[hex(a) for a in addresses[:4]]}")


class Emulator:
    """One launch. `record`: (begin, end, operand addresses, args as int64)."""

    def __init__(self, recorder: Recorder, grid, blocks: int, begin: int, end: int, operands, args, memory: Memory):
        self.recorder, self.blocks, self.threads, self.memory = recorder, blocks, grid.threads, memory
        self.size = blocks * grid.threads
        self.begin, self.end, self.operands, self.args = begin, end, operands, args
        self.b = NumpyBuilder()
        self.values: dict = {}
        self.epoch = np.zeros(blocks, np.int64)       # barriers passed
        self.counts: Counter = Counter()              # instructions that were executed, by op
        self.shared = {key: _Shared(key[1], count, blocks) for key, count in recorder.arrays.items()}
        self.number = np.arange(self.size)
        self.owner = self.number // grid.threads      # block of each thread

    def run(self) -> None:
        with np.errstate(all="ignore"):
            self._scope(self.recorder.program, np.ones(self.size, bool))

    # ---- structure ----
    def _scope(self, scope, active) -> np.ndarray:
        """Runs the items of a scope; returns which threads are still active (a Check may end some)."""
        for item in scope.items:
            if isinstance(item, LoopItem):
                self._loop(item, active)
            elif isinstance(item, WhenItem):
                self._when(item, active)
            elif isinstance(item, Check):
                active = active & self._full(self._get(item.condition))
                if not active.any():
                    return active
            else:
                self._let(item, active)
        return active

    def _loop(self, item: LoopItem, active) -> None:
        for carry, initial in zip(item.carry, item.initial):
            self.values[carry.data.text] = self._full(self._get(initial)).copy()
        while True:
            active = self._scope(item.body, active)
            if not active.any():
                return
            new = [self._full(self._get(v)) for v in item.next]
            for carry, value in zip(item.carry, new):
                self.values[carry.data.text] = np.where(active, value, self.values[carry.data.text])

    def _when(self, item: WhenItem, active) -> None:
        inside = active & self._full(self._get(item.condition))
        others = [self._get(other) for _, _, other in item.joins]
        if inside.any():
            self._scope(item.body, inside)
        for (result, value, _), other in zip(item.joins, others):
            taken = self._get(value) if inside.any() else other
            self.values[result.data.text] = np.where(inside, taken, other)

    def _full(self, array):
        return np.broadcast_to(array, (self.size,))

    def _get(self, value: Value):
        name = value.data
        if name.block is None:
            return self.b.const(name.constant, value.dtype).data
        return self.values[name.text]

    # ---- instructions ----
    def _let(self, item, active) -> None:
        self.counts[item.op] += 1
        args = [self._get(a) for a in item.args]
        method = getattr(self, f"_op_{item.op}", None)
        if method is not None:
            results = method(item, args, active)
        else:
            values = [Value(self.b, a.dtype, np.asarray(x)) for a, x in zip(item.args, args)]
            if item.op in ("cast", "bitcast"):
                values.append(item.results[0].dtype)
            elif item.op == "table":
                values = [item.facts, Value(self.b, values[0].dtype, np.clip(values[0].data, 0, len(item.facts) - 1)),
                          item.results[0].dtype]
            results = getattr(self.b, item.op)(*values).data
        if len(item.results) == 1:
            results = [results]
        for result, array in zip(item.results, results or []):
            self.values[result.data.text] = array

    def _op_thread(self, *_): return self.number % self.threads
    def _op_block(self, *_): return self.owner
    def _op_blocks(self, *_): return np.int64(self.blocks)
    def _op_begin(self, *_): return np.int64(self.begin)
    def _op_end(self, *_): return np.int64(self.end)
    def _op_operand(self, item, *_): return np.int64(self.operands[item.facts[0]])
    def _op_advance(self, item, args, _): return args[0] + args[1] * item.facts[0]
    def _op_address_bits(self, item, args, _): return args[0]

    def _op_arg(self, item, *_):
        return np.asarray(self.args[item.facts[0]], np.int64).view(item.results[0].dtype.numpy)

    def _op_divided(self, item, args, active):
        x, y = self._full(args[0]), self._full(args[1])
        if (x[active] < 0).any():
            raise GridError("a negative index is divided")
        return x // np.where(y == 0, 1, y)

    def _op_high_product(self, item, args, _):
        return (np.asarray(args[0], np.uint64) * np.asarray(args[1], np.uint64) >> np.uint64(32)).astype(np.uint32)

    def _op_round(self, item, args, _):
        return unpack(pack(args[0], item.facts[0]), item.facts[0])

    # ---- global memory ----
    def _op_load(self, item, args, active):
        return self._loaded(item, args, active, 1)[0]

    def _op_load_vector(self, item, args, active):
        return self._loaded(item, args, active, len(item.results))

    def _loaded(self, item, args, active, count):
        dtype = item.facts[0]
        addresses = self._full(args[0])[active]
        self._aligned(addresses, count * dtype.bytes)
        results = [np.zeros(self.size, dtype.math.numpy) for _ in range(count)]
        places = self.memory.places(addresses, count * dtype.bytes)
        if places:
            data, _, at = places
            elements = np.ascontiguousarray(data[at]).view(dtype.numpy)
            for n, result in enumerate(results):
                result[active] = unpack(elements[:, n], dtype)
        return results

    def _op_store(self, item, args, active):
        self._stored(item, args, active)

    def _op_store_vector(self, item, args, active):
        self._stored(item, args, active)

    def _stored(self, item, args, active) -> None:
        dtype, count = item.facts[0], len(args) - 1
        addresses = self._full(args[0])[active]
        self._aligned(addresses, count * dtype.bytes)
        places = self.memory.places(addresses, count * dtype.bytes)
        if not places:
            return
        data, writers, at = places
        elements = np.stack([pack(self._full(x)[active], dtype) for x in args[1:]], 1)
        who = np.broadcast_to(self.number[active][:, None], at.shape)
        if len(np.unique(at)) != at.size or ((writers[at] != -1) & (writers[at] != who)).any():
            raise GridError(f"two threads store to one place ({item.op} of {dtype})")
        writers[at] = who
        data[at] = np.ascontiguousarray(elements).view(np.uint8).reshape(at.shape)

    @staticmethod
    def _aligned(addresses, size: int) -> None:
        power = size & -size
        if (addresses % power).any():
            raise GridError(f"misaligned access of {size} bytes")

    # ---- shared memory ----
    def _op_shared_load(self, item, args, active):
        return self.shared[item.facts].load(self, self._full(args[0]), active)

    def _op_shared_store(self, item, args, active):
        self.shared[item.facts].store(self, self._full(args[0]), self._full(args[1]), active)

    # ---- threads together ----
    def _op_barrier(self, item, args, active):
        blocks = active.reshape(self.blocks, self.threads)
        if (blocks.any(1) != blocks.all(1)).any():
            raise GridError("a barrier that not all threads of a block reach")
        self.epoch += blocks.all(1)

    def _op_sync_warp(self, item, args, active):
        self._whole_warps(active)

    def _whole_warps(self, active) -> None:
        warps = active.reshape(-1, WARP)
        if (warps.any(1) != warps.all(1)).any():
            raise GridError("a shuffle in a warp that has diverged")

    def _op_shuffle_down(self, item, args, active):
        self._whole_warps(active)
        distance, lanes = item.facts[0], self._full(args[0]).reshape(-1, WARP)
        moved = lanes.copy()
        moved[:, :WARP - distance] = lanes[:, distance:]
        return moved.reshape(-1)

    def _op_shuffle_up(self, item, args, active):
        self._whole_warps(active)
        distance, lanes = item.facts[0], self._full(args[0]).reshape(-1, WARP)
        moved = lanes.copy()
        moved[:, distance:] = lanes[:, :WARP - distance]
        return moved.reshape(-1)

    def _op_lane(self, item, args, active):
        self._whole_warps(active)
        return np.repeat(self._full(args[0]).reshape(-1, WARP)[:, item.facts[0]], WARP)


class _Shared:
    """A shared array of every block, with the thread that touched each element, and since which barrier."""

    def __init__(self, dtype, count: int, blocks: int):
        self.count = count
        self.data = np.zeros(blocks * count, dtype.numpy)
        self.written, self.read = (np.full(blocks * count, -1, np.int64) for _ in range(2))     # epochs
        self.writer, self.reader = (np.full(blocks * count, -1, np.int64) for _ in range(2))    # threads; -2: several

    def _at(self, run: Emulator, index, active):
        if active.any() and (index[active].min() < 0 or index[active].max() >= self.count):
            raise GridError(f"shared element {index[active].max()} of {self.count}")
        at, who = (run.owner * self.count + index)[active], run.number[active]
        epoch = run.epoch[run.owner[active]]
        if ((self.written[at] == epoch) & (self.writer[at] != who)).any():
            raise GridError("shared memory that another thread writes in the same interval")
        return at, who, epoch

    def load(self, run: Emulator, index, active):
        at, who, epoch = self._at(run, index, active)
        fresh = self.read[at] != epoch
        self.reader[at] = np.where(fresh | (self.reader[at] == who), who, -2)
        order, counts = np.unique(at, return_counts=True)
        self.reader[order[counts > 1]] = -2
        self.read[at] = epoch
        result = np.zeros(run.size, self.data.dtype)
        result[active] = self.data[at]
        return result

    def store(self, run: Emulator, index, values, active):
        at, who, epoch = self._at(run, index, active)
        if ((self.read[at] == epoch) & (self.reader[at] != who)).any() or len(np.unique(at)) != len(at):
            raise GridError("shared memory that another thread touches in the same interval")
        self.written[at], self.writer[at] = epoch, who
        self.data[at] = values[active]

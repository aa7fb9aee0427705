"""Calls everything that hologram_core exports with arguments that make no sense, and says for each call what came of it.

    python tests/sdk/wrong_arguments.py SEED CALLS LOG

Each call is written to the file LOG before it is made, so that the last line names what ended the process. Prints a line per exception that
is no clear answer: one that Python raised somewhere inside.
"""

import copy
import inspect
import itertools
import pickle
import random
import sys

import numpy as np

import hologram_core as hg
from hologram_core import _runtime as rt
from hologram_core import buffer, classes, ffi
from hologram_core import ops as calls

# They take addresses, or replace parts of the runtime; a wrong one is not theirs to find.
TRUSTED = {"set_compiler", "set_device_compiler", "configure", "set_launch_log", "clear_all_registries", "pause_recording", "resume_recording",
           "set_num_threads", "add_operand", "add_output"}
OBJECTS = ("__new__", "__init_subclass__", "__subclasshook__", "__class__", "__del__", "__getattribute__", "__delattr__", "__setattr__", "_apply")
# SystemError, RecursionError, AttributeError, NameError ... say that nobody looked at the argument.
CLEAR = (hg.HologramError, TypeError, ValueError, OverflowError, BufferError, MemoryError, ZeroDivisionError)


def uninitialised():
    class Python(hg.Buffer):
        def __init__(self):
            pass

    class Other(hg.Executor):
        def __init__(self):
            pass

    class Both(hg.Buffer, rt.Executor):
        def __init__(self):
            pass
    made = [cls.__new__(cls) for cls in (rt.Block, rt.Buffer, rt.Executor, rt.Op, rt.Circuit, hg.Buffer, hg.Executor)]
    for cls in (Python, Other, Both):
        made.append(cls.__new__(cls))
        try:
            made.append(cls())
        except TypeError:
            pass
    return made


def pool():
    e, closed = hg.Executor(), hg.Executor()
    dead = closed.allocate(3)
    closed.cleanup()
    freed = e.allocate(3)
    freed.free()
    good = [e.allocate(4).fill(1), e.from_numpy(np.arange(4)), e.from_numpy(np.arange(4, dtype=np.uint8)), e.allocate(0), e.allocate(4, "bfloat16").fill(1),
            e.allocate(4, "bool").fill(1), e.allocate(100_000).fill(2)]
    handle = ffi.new_executor()
    b = ffi.executor_allocate_buffer(handle, 12)
    ffi.buffer_fill(handle, b, 1.0, 12)
    tensor = ffi.tensor_from_buffer(b, "[3, 4]")
    circuit = hg.Circuit()
    circuit.output(circuit.input() * 2)
    native = rt.Circuit([4], 0)
    capsule = good[0].__dlpack__()
    taken = good[1].__dlpack__()
    hg.HologramTensor.from_dlpack(taken)
    values = [None, True, 0, 1, 2, 3, 4, 12, -1, 255, 300, 2 ** 31, 2 ** 32, 2 ** 62, 2 ** 63 - 1, 2 ** 63, 2 ** 64, 10 ** 30, 10 ** 5000, -2 ** 31,
              -2 ** 63, -2 ** 64, 1.5, 0.0, -0.0, float("nan"), float("inf"), 1e300, 1j, "", "x", "cpu", "float32", "[1, 2]", "[3, 4]", "[[1]]",
              "[1e999]", "[" * 100_000, "[-1, 4611686018427387904]", "[0, 9223372036854775808]", "{}", b"", b"12345678", bytes(48), [], [1, 2],
              [2 ** 62, 2 ** 62], [-1], [None], (4,), {}, {1: 2}, {"a": 1}, object(), int, np.float32, np.dtype("f4"), np.dtype("O"), lambda *a: a,
              np.arange(4, dtype="f4"), np.array(["a"]), np.array(object()), np.zeros((2, 2))[:, 0], np.float32(1), np.int64(3), slice(1), iter([1]),
              range(3), memoryview(b"abcd"), Ellipsis, sys, e, closed, dead, freed, *good, handle, b, tensor, ffi.tensor_of(tensor), circuit, native,
              capsule, taken, hg.compile(lambda x: x * 2), hg.BackendType.CPU]
    nested = []
    for _ in range(5000):
        nested = [nested]
    return [*values, nested, *uninitialised()], e, good


def targets(values):
    for module in (rt, ffi, classes):
        for name, item in sorted(vars(module).items()):
            if inspect.isroutine(item) and (module is rt or not name.startswith("_")) and name not in TRUSTED:
                yield f"{module.__name__}.{name}", item
    for item in (hg.Buffer, hg.Executor, hg.HologramTensor, hg.HologramTensor.from_dlpack, hg.Circuit, hg.compile, hg.validate_backend,
                 rt.Block, rt.Buffer, rt.Executor, rt.Circuit, rt.Op, buffer.dtype_of):
        yield item.__qualname__, item
    for name in calls.names():
        yield f"ops.{name}", calls.find(name)
    for value in values:
        if type(value).__module__.startswith(("hologram_core", "pybind11", "__main__")) and not isinstance(value, hg.BackendType):
            for name in dir(type(value)):
                if name in TRUSTED or name in OBJECTS or name.startswith("_") and not name.startswith("__") and not isinstance(value, rt.Buffer):
                    continue
                yield f"{type(value).__name__}.{name}", lambda *args, v=value, n=name: call(getattr(v, n), args)
    for function in (memoryview, np.asarray, len, repr, hash, copy.copy, copy.deepcopy, pickle.dumps, bytes, list, bool, iter):
        yield function.__name__, lambda item, f=function: f(item)


def call(found, args):
    return found(*args) if callable(found) else found


def shown(value) -> str:
    try:
        return f"{type(value).__name__} {value!r}"[:60]
    except Exception:
        return type(value).__name__


def main(seed: int, number: int, log) -> None:
    draw = random.Random(seed)
    values, executor, good = pool()
    all_targets = list(targets(values))
    draw.shuffle(all_targets)
    unclear: dict = {}
    for n, (name, function) in enumerate(itertools.islice(itertools.cycle(all_targets), number)):
        try:
            count = len(inspect.signature(function).parameters)
        except (ValueError, TypeError):
            count = 2
        if name.startswith(("ops", "hologram_core.ffi")) and n % 2:      # nearly right
            args = [executor, *(draw.choice([*good, draw.choice(values)]) for _ in range(draw.randrange(1, 6)))]
        else:
            args = [draw.choice(values) for _ in range(draw.choice([count, count, draw.randrange(5)]))]
        log.seek(0)
        log.truncate()
        log.write(f"{name}({', '.join(map(shown, args))})")
        log.flush()
        try:
            function(*args)
        except CLEAR:
            pass
        except Exception as error:
            unclear.setdefault((name, type(error).__name__), f"{log_text(log)}: {error!r}"[:300])
        values[-len(uninitialised()):] = uninitialised()
    for item in good:
        try:
            item.run_recorded()
        except hg.HologramError:
            pass
    for line in unclear.values():
        print(line)


def log_text(log) -> str:
    log.seek(0)
    return log.read()


if __name__ == "__main__":
    with open(sys.argv[3], "w+") as file:
        main(int(sys.argv[1]), int(sys.argv[2]), file)

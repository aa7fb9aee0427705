"""hologram_core without torch: the cost of a call, of looking at memory, and ops against NumPy.

    python -m benchmarks.core [--quick]
"""

import argparse
import json
import timeit

import numpy as np

import hologram_core as hg
from benchmarks.harness import alternate, calls_per_batch

EXPRESSIONS = {
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "tanh": np.tanh,
    "gelu": lambda x: 0.5 * x * (1 + np.tanh(0.7978845608 * (x + 0.044715 * x ** 3))),
    "softmax": lambda x: (e := np.exp(x - x.max())) / e.sum(),
}


def best(statement, names, rounds=30):
    """Nanoseconds per call, the least of many short rounds."""
    timer = timeit.Timer(statement, globals=names)
    calls = calls_per_batch(timer)
    return 1e9 * min(timer.timeit(calls) for _ in range(rounds)) / calls


def calls(executor):
    """(what, nanoseconds, at most)"""
    n = 1024
    a, b, c = (executor.allocate(n).fill(1) for _ in range(3))
    add, names = hg.ops.row("add"), {"ops": hg.ops, "e": executor, "a": a, "b": b, "c": c, "add": hg.ops.vector_add}
    executor.synchronize()
    waiting = min(add.time(20_000, executor, c, b, c) for _ in range(10))
    view = c.to_numpy(), a.to_numpy(), b.to_numpy()
    at_once = min(add.time(20_000, executor, a, b, c) for _ in range(10))
    from_python_at_once = best("add(e, a, b, c)", names)
    del view
    return [("vector_add of 1,024 from C++, recorded and run in a chain", waiting, 150),
            ("vector_add of 1,024 from C++, at once", at_once, 150),
            ("vector_add of 1,024 from Python, recorded and run in a chain", best("add(e, c, b, c)", names), 1200),
            ("vector_add of 1,024 from Python, at once", from_python_at_once, 1200)]


def looks(executor):
    """(what, elements, nanoseconds, at most)"""
    rows = []
    for n in (1_000, 100_000):
        a = executor.allocate(n).fill(1)
        tensor = hg.HologramTensor(executor, a, (n,))
        executor.synchronize()
        names = {"a": a, "t": tensor, "x": np.ones(n, np.float32), "hg": hg, "e": executor, "rt": hg.ops.row}
        numpys = best("x.__dlpack__(max_version=(1, 0))", names)
        rows += [("to_numpy", n, best("a.to_numpy()", names), 1000),
                 ("export: __dlpack__", n, best("t.__dlpack__()", names), 1000),
                 ("import: from_dlpack without NumPy's share", n, best("hg.HologramTensor.from_dlpack(x, e)", names) - numpys, 1000)]
    return rows


def ops(executor, seconds):
    """(op, elements, comparison, wanted ratio): NumPy against an op that runs when it is called."""
    rows = []
    for n in (1_024, 3_072, 10_000):
        x, y, z = (np.random.default_rng(k).standard_normal(n).astype(np.float32) for k in range(3))
        a, b, c = executor.from_numpy(x), executor.from_numpy(y), executor.allocate(n)
        view = c.to_numpy()        # somebody looks: every op runs when it is called
        names = {"np": np, "x": x, "y": y, "z": z, "e": executor, "a": a, "b": b, "c": c, "add": hg.ops.vector_add}
        rows.append(("add", n, alternate(timeit.Timer("np.add(x, y, out=z)", globals=names), timeit.Timer("add(e, a, b, c)", globals=names),
                                         seconds), 1.0 if n > 1_024 else None))
        for name, expression in EXPRESSIONS.items() if n == 10_000 else ():
            names.update(f=expression, op=getattr(hg.ops, name))
            rows.append((name, n, alternate(timeit.Timer("f(x)", globals=names), timeit.Timer("op(e, a, c)", globals=names), seconds), 3.0))
        del view
    return rows


def pairs(executor):
    """(elements, microseconds of the JSON pair, of the bytes pair), in and out."""
    rows = []
    for n in (1_000, 10_000, 100_000):
        x = np.random.default_rng(0).standard_normal(n).astype(np.float32)
        buffer = executor.allocate(n)
        names = {"hg": hg, "json": json, "e": executor, "b": buffer, "x": x, "values": x.tolist(), "np": np}
        slow = best("hg.buffer_copy_from_slice(e, b, json.dumps(values)); json.loads(hg.buffer_to_vec(e, b))", names, 7)
        fast = best("hg.buffer_copy_from_bytes(e, b, x); np.frombuffer(hg.buffer_to_bytes(e, b), np.float32)", names)
        rows.append((n, slow / 1000, fast / 1000))
    return rows


def mark(value, limit, less=True):
    return "" if limit is None else "yes" if (value <= limit) == less else "NO"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true")
    seconds = 0.2 if parser.parse_args().quick else 1.0
    with hg.Executor() as executor:
        print("| call | ns | at most | met |\n|---|---|---|---|")
        for what, ns, limit in calls(executor):
            print(f"| {what} | {ns:.0f} | {limit} | {mark(ns, limit)} |")
        print("\n| memory | elements | ns | at most | met |\n|---|---|---|---|---|")
        for what, n, ns, limit in looks(executor):
            print(f"| {what} | {n:,} | {ns:.0f} | {limit or ''} | {mark(ns, limit)} |")
        print("\n| op | elements | NumPy us | hologram us | ratio | wanted | met |\n|---|---|---|---|---|---|---|")
        for what, n, c, wanted in ops(executor, seconds):
            print(f"| {what} | {n:,} | {1e6 * c.cpu:.2f} | {1e6 * c.hologram:.2f} | {c.ratio:.2f} | {wanted or ''} | "
                  f"{mark(c.ratio, wanted, less=False)} |")
        print("\n| elements in and out | JSON pair us | bytes pair us | ratio |\n|---|---|---|---|")
        for n, slow, fast in pairs(executor):
            print(f"| {n:,} | {slow:.0f} | {fast:.2f} | {slow / fast:.0f} |")


if __name__ == "__main__":
    main()

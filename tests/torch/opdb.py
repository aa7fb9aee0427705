"""Runs PyTorch's own op_db on the device, entry by entry, against the CPU.

    python -m tests.torch.opdb                          float32 forward, a table and build/opdb.json
    python -m tests.torch.opdb --backward --filter conv --dtype float64

Entries run in child processes: a crash is recorded and the rest still runs.
"""

import argparse
import contextlib
import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
import warnings
from collections import Counter
from pathlib import Path
from unittest import mock

import torch
from torch.testing._internal.common_device_type import toleranceOverride
from torch.testing._internal.common_methods_invocations import op_db
from torch.utils._pytree import tree_leaves, tree_map

DEVICE = "hologram"
# The suites whose tolerances are about results computed two ways (by another device, or in another layout).
SUITES = ("TestCommon", "TestConsistency")
# Results without defined values: only shape, type and device are compared.
UNDEFINED = {"empty", "empty_like", "empty_permuted", "empty_strided", "new_empty", "new_empty_strided"}
# torch's CPU kernel is further from the exact result than the tolerance: the CPU's float64 result stands for it.
INACCURATE_ON_CPU = {"special.log_ndtr"}
# Their tensor of indices lies on the CPU, whatever the device.
INDICES_ON_CPU = {"tensor_split"}


def entries(dtype=torch.float32, backward=False):
    """{unique name: OpInfo} of the entries that support `dtype` on the CPU."""
    def supports(op):
        if backward:
            return op.supports_autograd and dtype in op.supported_backward_dtypes("cpu")
        return dtype in op.supported_dtypes("cpu")

    return {op.full_name: op for op in op_db if supports(op)}


def tolerance(op, dtype):
    """(rtol, atol): the type's defaults, widened where the entry itself says so."""
    rtol, atol = torch.testing._comparison.default_tolerances(dtype)
    for decorator in op.decorators:
        if getattr(decorator, "cls_name", None) not in SUITES or getattr(decorator, "device_type", None) == "cuda":
            continue
        for inner in decorator.decorators:
            if isinstance(inner, toleranceOverride) and dtype in inner.d:
                rtol, atol = max(rtol, inner.d[dtype].rtol), max(atol, inner.d[dtype].atol)
    return rtol, atol


def moved(value, device):
    """A tensor's copy with the same strides, offset and storage size; device names become `device`; the rest stays."""
    if isinstance(value, torch.Tensor):
        copy = value.detach()
        if value.layout is not torch.strided or value.is_conj() or value.is_neg():
            copy = copy.clone().to(device)
        else:
            storage = torch.empty(0, dtype=value.dtype).set_(value.untyped_storage())
            copy = storage.clone().to(device).as_strided(value.shape, value.stride(), value.storage_offset())
        return copy.requires_grad_(value.requires_grad)
    if isinstance(value, torch.device) or (isinstance(value, str) and value == "cpu"):
        return device
    return value


def run(op, arguments, process=None):
    """The results of a call or, given a `process` of results, the gradients of a fixed weighting of what it returns."""
    result = op(arguments[0], *arguments[1], **arguments[2])
    if process is None:
        return result
    outputs = [t for t in tree_leaves(process(result)) if isinstance(t, torch.Tensor) and t.requires_grad]
    inputs = [t for t in tree_leaves(arguments) if isinstance(t, torch.Tensor) and t.requires_grad]
    if not outputs:
        return []
    weights = [torch.linspace(0.5, 1.5, t.numel(),
                              dtype=torch.float64).reshape(t.shape).to(t.dtype).to(t.device) for t in outputs]
    return torch.autograd.grad(outputs, inputs, weights, allow_unused=True)


def fixed(value):
    """The values of a result at this moment, on the CPU."""
    return tree_map(lambda t: t.detach().cpu().clone() if isinstance(t, torch.Tensor) else t, value)


@contextlib.contextmanager
def seeded(offset):
    """Random numbers depend on `offset`, even in entries that call torch.manual_seed. Yields a list: not empty after a
    run that used such numbers."""
    original, used = torch.manual_seed, []
    original(offset)
    before = torch.get_rng_state()
    with mock.patch.object(torch, "manual_seed", lambda seed: used.append(seed) or original(seed + offset)):
        yield used
    if not torch.equal(before, torch.get_rng_state()):
        used.append(offset)


def differs_by_seed(op, arguments, process, expected):
    """Do other seeds give other results? Several, because few random bits may agree by chance."""
    for offset in range(2, 12):
        with seeded(offset):
            if not same(fixed(run(op, tree_map(lambda v: moved(v, "cpu"), arguments), process)), expected):
                return True
    return False


def same(actual, expected):
    try:
        torch.testing.assert_close(actual, expected, rtol=0, atol=0, equal_nan=True)
        return True
    except AssertionError:
        return False


def check(op, dtype=torch.float32, backward=False, limit=None):
    """Runs the entry's samples on both devices; raises at the first difference. Returns how many samples ran."""
    rtol, atol = tolerance(op, dtype)
    samples = list(itertools.islice(op.sample_inputs("cpu", dtype, requires_grad=backward), limit))
    for number, sample in enumerate(samples):
        arguments = (sample.input, sample.args, sample.kwargs)
        process = sample.output_process_fn_grad if backward else None
        there, again = (tree_map(lambda v: moved(v, device), arguments) for device in (DEVICE, "cpu"))
        if op.name in INDICES_ON_CPU:
            there = (there[0], arguments[1], there[2])
        with seeded(1) as used:
            expected = reference(op, arguments, process, dtype)
        random = bool(used) and differs_by_seed(op, again, process, expected)
        # A factory that is not told a device makes its tensor on the default one.
        factory = not any(isinstance(v, torch.Tensor) for v in tree_leaves(arguments)) and "device" not in sample.kwargs
        try:
            with torch.device(DEVICE) if factory else contextlib.nullcontext():
                actual = run(op, there, process)
            for a, e in zip(tree_leaves(actual), tree_leaves(expected), strict=True):
                if isinstance(e, torch.Tensor):
                    assert isinstance(a, torch.Tensor), f"{type(a)} instead of a tensor"
                    assert a.device.type == DEVICE, f"the result is on {a.device}"
                    got, wanted = ((t.shape, t.dtype, t.layout) for t in (a, e))
                    assert got == wanted, f"{got} instead of {wanted}"
            if not random and op.name not in UNDEFINED:
                torch.testing.assert_close(fixed(actual), expected, rtol=rtol, atol=atol, equal_nan=True,
                                           check_device=False)
        except Exception as error:
            where = f"sample {number} of {op.full_name}"
            raise AssertionError(f"{where}: {type(error).__name__}: {error}\n{describe(sample)}") from error
    return len(samples)


def reference(op, arguments, process, dtype):
    """What the device has to come close to."""
    if op.name not in INACCURATE_ON_CPU:
        return fixed(run(op, arguments, process))
    exact = tree_map(lambda v: v.detach().double().requires_grad_(v.requires_grad)
                     if isinstance(v, torch.Tensor) and v.is_floating_point() else v, arguments)
    return tree_map(lambda v: v.to(dtype) if isinstance(v, torch.Tensor) and v.is_floating_point() else v,
                    fixed(run(op, exact, process)))


def describe(sample):
    shape = lambda v: f"{str(v.dtype)[6:]}{tuple(v.shape)}" if isinstance(v, torch.Tensor) else v
    inputs, args, kwargs = (tree_map(shape, part) for part in (sample.input, sample.args, sample.kwargs))
    return f"input {inputs}, args {args}, kwargs {kwargs}"


def worker(options):
    """Runs the entries named on stdin and reports each on a line of the file given by --report."""
    import hologram_torch  # noqa: F401

    warnings.simplefilter("ignore")
    dtype = getattr(torch, options.dtype)
    table = entries(dtype, options.backward)
    with open(options.report, "a", buffering=1) as report:
        for name in json.load(sys.stdin):
            report.write(json.dumps({"name": name, "status": "started"}) + "\n")
            before, start = delegated(), time.perf_counter()
            row = {"name": name, "status": "passed", "samples": 0, "message": ""}
            try:
                row["samples"] = check(table[name], dtype, options.backward, options.limit)
            except Exception as error:
                row.update(status="failed", message=str(error)[:2000])
            row["seconds"] = round(time.perf_counter() - start, 3)
            row["delegated"] = sorted(op for op, count in delegated().items() if count > before.get(op, 0))
            report.write(json.dumps(row) + "\n")


def delegated():
    """{aten op: calls that PyTorch's own CPU kernel served}."""
    return {name: counts["delegated"] for name, counts in torch.hologram.op_report().items() if counts["delegated"]}


def run_all(names, options):
    """Rows of all entries; a worker that dies or hangs costs only the entry it was running."""
    rows, waiting = {}, list(names)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [os.getcwd(),
                                                                             os.environ.get("PYTHONPATH")]))}
    command = [sys.executable, "-m", "tests.torch.opdb", "--worker", "--dtype", options.dtype]
    command += ["--backward"] if options.backward else []
    command += ["--limit", str(options.limit)] if options.limit else []
    while waiting:
        chunk = waiting[:100]
        with tempfile.NamedTemporaryFile("r", suffix=".jsonl") as report:
            child = subprocess.Popen([*command, "--report", report.name], stdin=subprocess.PIPE, stderr=subprocess.PIPE,
                                     text=True, env=environment)
            try:
                errors = child.communicate(json.dumps(chunk), timeout=options.timeout * 10)[1]
                reason = f"exit status {child.returncode}"
            except subprocess.TimeoutExpired:
                child.kill()
                errors, reason = child.communicate()[1], f"no answer within {options.timeout * 10} s"
            for line in report:
                row = json.loads(line)
                rows[row["name"]] = row
        stuck = [name for name in chunk if rows.get(name, {}).get("status") == "started"]
        for name in stuck:
            rows[name] = {"name": name, "status": "crashed", "message": f"{reason}; {errors[-500:]}", "delegated": [],
                          "samples": 0}
        done = [name for name in chunk if name in rows]
        if not done:
            raise RuntimeError(f"the worker ran nothing: {errors[-2000:]}")
        waiting = [name for name in waiting if name not in rows]
        print(f"{len(rows)}/{len(names)} entries, {Counter(r['status'] for r in rows.values())}", file=sys.stderr)
    return [rows[name] for name in names]


def table(rows):
    counts = Counter(row["status"] for row in rows)
    used = Counter(op for row in rows for op in row["delegated"])
    alone = sum(row["status"] == "passed" and not row["delegated"] for row in rows)
    lines = ["| entries | passed | failed | crashed | passed without delegation |", "|---|---|---|---|---|",
             f"| {len(rows)} | {counts['passed']} | {counts['failed']} | {counts['crashed']} | {alone} |", ""]
    lines += [f"- {row['status']}: `{row['name']}`: {' '.join(row['message'].split())[:200]}"
              for row in rows if row["status"] != "passed"]
    lines += ["", f"{len(used)} aten ops were delegated: " + ", ".join(f"{op} ({count})" for op,
                                                                       count in used.most_common())]
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dtype", default="float32")
    parser.add_argument("--backward", action="store_true", help="compare gradients instead of results")
    parser.add_argument("--filter", default="", help="only entries whose name contains this")
    parser.add_argument("--limit", type=int, help="at most this many samples per entry")
    parser.add_argument("--timeout", type=float, default=60, help="seconds an average entry may take")
    parser.add_argument("--json", type=Path, default=Path("build/opdb.json"))
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--report", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        return worker(options)
    from tests.torch.opdb_ledger import NOT_APPLICABLE

    names = [name for name in entries(getattr(torch, options.dtype),
                                      options.backward) if options.filter in name and name not in NOT_APPLICABLE]
    rows = run_all(names, options)
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(rows, indent=1))
    print(table(rows))


if __name__ == "__main__":
    main()

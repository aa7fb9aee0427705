"""Every op of PyTorch's own database against stock PyTorch on the CPU: one thread, CPU time, alternating in one process.

    python -m benchmarks.sweep [--quick] [--part 1/4] [--filter cumsum] [--file build/sweep.jsonl] [--below 0.9]

A case is an entry of the database, an element type, a size and a layout. The tensors of the entry's largest sample are tiled until the
largest tensor has about that many elements: values stay in the op's domain, and shapes that must agree still do. Where the tiled sample is
no valid call on the CPU (sizes that are arguments, matrices that must have an inverse), the case is left out, and counted as such.

Each result is a line of the file as soon as it is there; a case that the file has is not timed again, so a run can be stopped and
taken up, and parts can run one after the other. At the end: how many cases there are, and those below `--below`.
"""

import json
import time
import warnings
from pathlib import Path
from statistics import median

SIZES, BATCH_SECONDS, LIMIT_SECONDS = (16, 10_000, 1_000_000), 0.003, 0.5
LAYOUTS = ("contiguous", "strided")
REFUSALS = (RuntimeError, TypeError, ValueError, IndexError)      # what a tiled sample may meet


def largest_of(sample):
    """The largest tensor among the arguments of a sample; None without one."""
    import torch
    from torch.utils._pytree import tree_leaves

    tensors = [t for t in tree_leaves((sample.input, sample.args, sample.kwargs)) if isinstance(t, torch.Tensor)]
    return max(tensors, key=torch.Tensor.numel, default=None)


def elements(sample):
    """How many elements its largest tensor has."""
    largest = largest_of(sample)
    return 0 if largest is None else largest.numel()


def tiled(sample, size):
    """The arguments (input, args, kwargs) of a sample with about `size` elements in the largest tensor."""
    import torch
    from torch.utils._pytree import tree_map

    call, largest = (sample.input, sample.args, sample.kwargs), largest_of(sample)
    dims = sum(n > 1 for n in largest.shape)
    factor = max(1, round((size / largest.numel()) ** (1 / dims))) if dims else 1

    def tile(t):
        if not isinstance(t, torch.Tensor) or t.layout != torch.strided:
            return t
        return t.detach().repeat([factor if n > 1 else 1 for n in t.shape]) if t.dim() else t.detach()
    return tree_map(tile, call)


def strided(call):
    """The same arguments with a gap behind each element of the tensors."""
    import torch
    from torch.testing._internal.common_utils import noncontiguous_like
    from torch.utils._pytree import tree_map

    return tree_map(lambda t: noncontiguous_like(t) if isinstance(t, torch.Tensor) and t.numel() > 1 else t, call)


def seconds(op, call, rounds, together, wait):
    """CPU seconds of a call. In each round `together` results are kept until all are asked for, and then they are waited for: as in
    a program, small ops do not wait for each other, and none is left out."""
    given, args, kwargs = call
    start = time.process_time()
    for _ in range(rounds):
        results = [op(given, *args, **kwargs) for _ in range(together)]
        wait()
    del results
    return (time.process_time() - start) / (rounds * together)


def ratio_of(op, call, rounds, together):
    """(stock us, our us, how many times faster we are): medians over alternating batches. Raises what the call raises."""
    import torch
    from torch.utils._pytree import tree_map

    ours = tree_map(lambda t: t.to("hologram") if isinstance(t, torch.Tensor) else t, call)
    sides = ((call, lambda: None), (ours, torch.hologram.synchronize))
    one = [min(seconds(op, side, 1, together, wait) for _ in range(3)) for side, wait in sides]      # compiled on the way
    if max(one) > LIMIT_SECONDS:
        rounds = 1
    counts = [max(1, min(200, round(BATCH_SECONDS / max(t * together, 1e-7)))) for t in one]
    pairs = [[seconds(op, side, count, together, wait) for (side, wait), count in zip(sides, counts)] for _ in range(rounds)]
    return 1e6 * median(a for a, _ in pairs), 1e6 * median(b for _, b in pairs), median(a / max(b, 1e-9) for a, b in pairs)


def cases(only=""):
    """(key, OpInfo, dtype, size, layout) of everything there is to time."""
    import torch
    from torch.testing._internal.common_methods_invocations import op_db

    for op in op_db:
        for dtype in (torch.float32, torch.bfloat16, torch.int64):
            if only in op.full_name and dtype in op.supported_dtypes("cpu"):
                for size in SIZES:
                    for layout in LAYOUTS:
                        yield f"{op.full_name} {str(dtype).removeprefix('torch.')} {size} {layout}", op, dtype, size, layout


def measure(op, dtype, size, layout, rounds):
    """A result as it is written down: {"stock_us", "ours_us", "ratio"}, or {"left_out": why}."""
    import torch

    torch.manual_seed(0)
    sample = max(op.sample_inputs("cpu", dtype), key=elements, default=None)
    if sample is None or not elements(sample):
        return {"left_out": "no sample with a tensor"}
    call = tiled(sample, size)
    call = strided(call) if layout == "strided" else call
    try:
        op.op(call[0], *call[1], **call[2])
    except REFUSALS as error:
        return {"left_out": f"{type(error).__name__} on the CPU"}
    try:
        stock, ours, ratio = ratio_of(op.op, call, rounds, 8 if size <= 10_000 else 1)
    except REFUSALS as error:
        return {"left_out": f"{type(error).__name__}: {error}"[:120]}
    return {"stock_us": stock, "ours_us": ours, "ratio": ratio}


def known(file):
    """{case: result} of what a file has."""
    if not file.exists():
        return {}
    return {row.pop("case"): row for row in map(json.loads, file.read_text().splitlines())}


def run(file, rounds, only="", part=1, parts=1):
    """Times what the file does not have yet of a part of the cases; {case: result} of everything in it."""
    results = known(file)
    with file.open("a") as lines:
        for number, (case, *what) in enumerate(cases(only)):
            if number % parts == part - 1 and case not in results:
                results[case] = measure(*what, rounds)
                print(json.dumps({"case": case, **results[case]}), file=lines, flush=True)
    return results


def markdown(results, below):
    """The cases below a ratio, slowest first, and a line that counts all of them."""
    timed = {case: r for case, r in results.items() if "ratio" in r}
    slow = sorted((r["ratio"], case, r) for case, r in timed.items() if r["ratio"] < below)
    lines = [f"{len(timed)} cases timed, {len(results) - len(timed)} left out, {len(slow)} below {below:.2f}", "",
             "| op, type, elements, layout | torch CPU, us | hologram, us | speed |", "|---|--:|--:|--:|"]
    return "\n".join(lines + [f"| {case} | {r['stock_us']:,.1f} | {r['ours_us']:,.1f} | {ratio:.2f}x |" for ratio, case, r in slow])


def main():
    from benchmarks.harness import ONLY, options

    chosen = options(__doc__, ONLY, ("--part", {"default": "1/1", "help": "n/m: each m-th case from the n-th on"}),
                     ("--file", {"type": Path, "default": Path("build/sweep.jsonl")}), ("--below", {"type": float, "default": 0.9}))
    import torch

    import hologram_torch  # noqa: F401

    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    part, parts = map(int, chosen.part.split("/"))
    chosen.file.parent.mkdir(parents=True, exist_ok=True)
    results = run(chosen.file, 3 if chosen.quick else 9, chosen.filter, part, parts)
    print(markdown({case: r for case, r in results.items() if chosen.filter in case}, chosen.below))


if __name__ == "__main__":
    main()

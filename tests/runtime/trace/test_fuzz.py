"""Random programs: recorded, at once and on the CPU (fuzz.py); and the fuzzer itself."""

import pytest
import torch

from tests.core_modes import share
from tests.modes import deferred
from tests.runtime.trace import fuzz

pytestmark = pytest.mark.filterwarnings("ignore")     # of broadcasts and resized results: that is what programs do
PROGRAMS = 500
BATCH = 50


@pytest.mark.parametrize("first", share(range(0, PROGRAMS, BATCH), 3))
def test_programs_agree(first):
    failures = [text for seed in range(first, first + BATCH) if (text := fuzz.failure(seed))]
    assert not failures, "\n".join(failures)


def test_programs_agree_in_threads():
    failures = [text for seed in range(0, 40, 4) if (text := fuzz.failure_in_threads(range(seed, seed + 4)))]
    assert not failures, "\n".join(failures)


# ---- the fuzzer ----

@deferred
def test_programs_join_ops_alias_and_fail():
    """What is compared is worth comparing: ops are joined, views are written through, and errors happen on the way."""
    torch.hologram.reset_counters()
    results = [fuzz.run(fuzz.program(seed), "recorded") for seed in range(40)]
    stats = torch.hologram.circuit_stats()
    assert stats["recorded"] > 500 and stats["reduction"] > 0.3
    errors = [read for result in results for read in result.reads if isinstance(read, type)]
    assert {RuntimeError, IndexError, AttributeError} <= {*errors} and len(errors) < 200


def test_every_line_is_taken():
    """A line that fails on the CPU each time would be no test."""
    unused = {template for lines, _, _ in fuzz.KINDS for template in lines}

    class Noting(fuzz.Generator):
        def step(self, template):
            before = len(self.lines)
            super().step(template)
            if len(self.lines) > before:
                unused.discard(template)

    for seed in range(300):
        Noting(seed).generate(30)
    assert not unused


def test_a_wrong_result_is_found_and_shrunk():
    planted = ["bad = make((4,), 'float32', 1)", "t0 = bad + (way == 'recorded') * 1e-7"]
    lines = [*fuzz.program(3), *planted, *(line for line in fuzz.program(4) if "t0" not in line)]
    assert fuzz.check(lines).startswith("recorded differs from at once in t0")
    short = fuzz.shrink(lines, lambda less: fuzz.check(less).startswith("recorded"))
    assert short == planted
    names = {}
    exec(fuzz.script(short, 0).replace("print(", "result = ("), names)
    assert names["result"].startswith("recorded differs")


@pytest.mark.parametrize("line", ["t1 = t0 * (1 if way == 'cpu' else 1.01)", "t0.add_(1) if way == 'cpu' else t0.add_(1.01)",
                                  "read(t0 if way == 'cpu' else -t0)", "item(t0[0] + (way == 'cpu'))", "0 / (way == 'cpu')"])
def test_other_results_than_the_cpus_are_found(line):
    assert fuzz.check(["t0 = make((4,), 'float32', 1)", line]).startswith("cpu differs")

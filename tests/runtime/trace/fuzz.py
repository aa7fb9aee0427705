"""Random programs over a pool of tensors that alias, die early and are written through views.

A program is a list of lines of Python over tensors t0, t1, ... It runs three ways: recorded, at once (`no_fusion`), and on the
CPU. Recorded and at once must agree bit for bit in everything that is read on the way and in all tensors that are left; both
agree with the CPU within the rounding of their type. A program that does not is shrunk to a script.

    python -m tests.runtime.trace.fuzz --programs 10000 --seed 0 [--threads]
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import faulthandler
import itertools
import random
import re
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F

from tests.modes import FLOAT64, HOST_MEMORY

# Lines by what they do. {a} {b} {c}: tensors that are read; {t}: one that is written; {d}: a dimension; {k}: keepdim; {s}: a
# number. A line without {t} that is no read makes a new tensor.
#
# What EXACT lines make has the same bits on every machine; ROUNDED ones (below) are rounded differently by torch. JUMPS turn
# the last bit of an operand into another result: their operands must come from exact lines alone.
EXACT = ["{a} + {b}", "{a} * {b}", "{a} - {b}", "({a} - {b}) * 0.5", "torch.maximum({a}, {b})", "torch.minimum({a}, {b})", "-{a}",
         "{a}.abs()", "{a}.relu()", "{a} * {s}", "1 - {a}", "{a} + {s}", "{a}.clamp(-1, 1)", "{a}.clone()", "{a}.float()",
         *["{a}.double()"] * FLOAT64, "{a}.half()", "{a}.bfloat16()", "{a}.contiguous()", "torch.zeros_like({a})",
         "torch.full_like({a}, {s})", "{a}.amax({d}, keepdim={k})", "{a}.amin({d})"]
SMOOTH = ["{a}.tanh()", "{a}.sigmoid()", "{a}.sin()", "{a}.cos() * {b}", "{a}.clamp(max=1).exp() * 0.25", "{a}.abs().log1p()",
          "F.gelu({a})", "F.silu({a})", "F.softplus({a})", "({a} * {a} + 1).rsqrt()", "{a} / ({b}.abs() + 1)",
          "torch.lerp({a}, {b}, 0.25)", "torch.add({a}, {b}, alpha=0.5)", "torch.addcmul({a}, {b}, {c}, value=0.5)", "{a}.erf()",
          "({a} ** 2 + 0.5).sqrt()", "F.mse_loss({a}, {b}, reduction='none')"]
JUMPS = ["{a} > {b}", "{a} <= {s}", "{a} == {b}", "torch.where({a} > 0, {b}, {c})", "{a}.masked_fill({b} > 0, {s})", "{a}.sign()",
         "{a}.floor()", "({a} * 4).round()", "{a}.long()", "({a} * 8).int()", "{a} != 0", "({a} > 0) & ({b} > 0)", "~({a} > 0)",
         "{a}.argmax({d})", "{a}.argmin({d}, {k})", "({a} > 0).any({d})", "({a} > 0).all()", "({a} > 0).sum({d})"]
IN_PLACE = ["{t}.add_({a})", "{t}.mul_({a})", "{t}.sub_({a})", "{t}.copy_({a})", "{t}[:] = {a}", "{t}.clamp_(-1, 1)", "{t}.neg_()",
            "{t}.mul_({s})", "{t}.add_({s})", "{t}.zero_()", "{t}.fill_({s})", "{t}.relu_()", "torch.add({a}, {b}, out={t})",
            "torch.mul({a}, {b}, out={t})", "torch.maximum({a}, {b}, out={t})", "torch.neg({a}, out={t})", "{t}[0] = {s}",
            "{t}[..., 0] = {s}", "{t}[-1] = {s}", "{t}[..., 1] = {s}", "{t}[..., 1:3] *= {s}", "{t}[1:] = {t}[:-1] * 0.5"]
IN_PLACE_SMOOTH = ["{t}.tanh_()", "{t}.sigmoid_()", "{t}.add_({a}, alpha=0.5)", "{t}.addcmul_({a}, {b}, value=0.5)",
                   "{t}.lerp_({a}, 0.25)", "torch.tanh({a}, out={t})", "torch.sum({a}, {d}, out={t})"]
VIEWS = ["{a}[1:]", "{a}[:-1]", "{a}[..., ::2]", "{a}.transpose(0, -1)", "{a}.t()", "{a}[0]", "{a}.select(-1, 0)", "{a}.squeeze()",
         "{a}.unsqueeze({d})", "{a}.expand(3, *{a}.shape)", "{a}.expand(-1, 5)", "{a}.reshape(-1)", "{a}.view(-1)", "{a}.diagonal()",
         "{a}.as_strided((2, 3), (3, 1))", "{a}.as_strided((2, 2), (1, 2), 1)", "{a}.view_as({b})", "{a}.detach()",
         "{a}.movedim(0, -1)", "{a}.narrow({d}, 1, 2)", "{a}[:, None]", "{a}.unfold(-1, 2, 2)"]
FOLDS = ["{a}.sum({d}, keepdim={k})", "{a}.mean({d}, keepdim={k})", "{a}.var({d}, keepdim={k})", "{a}.mean()",
         "{a}.sum((0, -1)) * 0.125", "F.mse_loss({a}, {b}) + 0.5", "{a}.float().norm() * 0.125", "{a}.logsumexp({d})",
         "{a}.square().mean({d}, keepdim=True)"]
ROWS = ["{a}.softmax({d})", "{a}.log_softmax({d})", "F.layer_norm({a}, {a}.shape[-1:], eps=0.1)", "{a}.cumsum({d}) * 0.125",
        "F.rms_norm({a}, {a}.shape[-1:], eps=0.1)", "({a}.float().cumsum({d}) * 0.01).cos()"]
LIBRARY = ["{a} @ {b} * 0.25", "{a} @ {b}.transpose(-1, -2) * 0.25", "torch.cat([{a}, {b}], {d})", "torch.stack([{a}, {a}])",
           "{a}[[0, 1, 0]]", "{a}.flip(0)", "{a}.index_select(-1, torch.tensor([1, 0], device={a}.device))", "{a}.roll(1, {d})"]
RANDOM = ["drawn(lambda: torch.rand_like({a}))", "drawn(lambda: {t}.uniform_(-1, 1))", "drawn(lambda: F.dropout({a}, 0.5))",
          "drawn(lambda: torch.randn({a}.shape, device={a}.device).clamp(-2, 2))", "drawn(lambda: {t}.bernoulli_(0.5))"]
READS = ["read({a})", "item({a}.sum())", "item({a}.reshape(-1)[0])", "listed({a})", "peek({a})", "poke({t})", "{a}.data_ptr()",
         "sync()", "read({a} + {b})"]
MISTAKES = ["{a} + torch.ones(7, 13, device={a}.device)", "{t}.add_(torch.ones(7, 13, device={t}.device))", "{a}.view(7, 13)",
            "torch.tanh({a}, out={a}.long())", "{a}.sum(9)", "{a}.no_such_method()"]

# Lines, how often they come, and how many of them one program uses: few, so that programs share kernels.
KINDS = [(EXACT, 9, 7), (SMOOTH, 8, 5), (JUMPS, 5, 4), (IN_PLACE, 10, 7), (IN_PLACE_SMOOTH, 4, 3), (VIEWS, 10, 7), (FOLDS, 5, 4),
         (ROWS, 2, 2), (LIBRARY, 2, 2), (RANDOM, 2, 2), (READS, 3, 4), (MISTAKES, 1, 2)]
ROUNDED = {*SMOOTH, *IN_PLACE_SMOOTH, *FOLDS, *ROWS, *LIBRARY}
GRADIENTS = [line for line in SMOOTH + ROWS + FOLDS if not re.search(r"abs|clamp|norm\(\)", line)]   # whose gradient does not jump
DTYPES = ["float32"] * 4 + ["float64"] * FLOAT64 + ["float16", "bfloat16", "int64", "int32", "bool"]
SHAPES = [(3, 4, 6)] * 12 + [(2, 5, 33)] * 2 + [(2, 3, 40000), (3, 300, 64)]   # the last ones: folds in two stages
LARGEST = 2     # floats beyond are clamped: differences in rounding must not grow along a chain
MOST = 1 << 19  # elements of a tensor
REFUSED = 20    # a line whose result is larger is not taken


# ---- running a program ----

@dataclass
class Result:
    reads: list = field(default_factory=list)      # values, and classes of exceptions, in order
    tensors: dict = field(default_factory=dict)    # what is left at the end
    drawn: list = field(default_factory=list)      # random numbers


def make(shape, dtype, seed):
    """Multiples of 1/8 in [-1, 1], which every floating type holds; or small integers."""
    values, dtype = torch.randint(-8, 9, shape, generator=torch.Generator().manual_seed(seed)), getattr(torch, dtype)
    return (values / 8 if dtype.is_floating_point else values).to(dtype)


def memory(t):
    """The bytes of the first element, as they lie at its address."""
    if t.numel() == 0:
        raise IndexError("no elements")
    address = t.data_ptr()
    if t.device.type == "hologram" and not HOST_MEMORY:      # nobody here sees what lies there: somebody else's ops do
        return t.detach()[(0,) * t.dim()].view(1)
    return (ctypes.c_uint8 * t.element_size()).from_address(address)


def peek(t):
    first = memory(t)
    if isinstance(first, torch.Tensor):
        return snapshot(first)
    return torch.frombuffer(bytearray(first), dtype=t.dtype)


def poke(t):
    first = memory(t)
    if isinstance(first, torch.Tensor):
        first.zero_()
    else:
        ctypes.memset(first, 0, t.element_size())


def environment(way: str, result: Result, numbers=()) -> dict:
    """The names that a program uses. The CPU takes the random numbers that the device drew."""
    device = "cpu" if way == "cpu" else "hologram"
    numbers = iter(numbers)

    def drawn(draw):
        value = draw()
        if way == "at once":
            result.drawn.append(snapshot(value))
        elif way == "cpu":
            value.copy_(next(numbers, value))
        return value

    def keep(value, dtype):
        result.reads.append(torch.tensor(value, dtype=dtype))

    return {"torch": torch, "F": F, "way": way, "drawn": drawn, "make": lambda *args: make(*args).to(device),
            "read": lambda t: result.reads.append(snapshot(t)),
            "item": lambda t: keep(t.item(), t.dtype), "listed": lambda t: keep(t.tolist(), t.dtype),
            "peek": lambda t: result.reads.append(peek(t)), "poke": poke,
            "sync": torch.hologram.synchronize if device == "hologram" else lambda: None}


def tensors_of(names: dict) -> dict[str, torch.Tensor]:
    return {name: t for name, t in names.items() if re.fullmatch(r"t\d+", name) and isinstance(t, torch.Tensor)}


def snapshot(t) -> torch.Tensor:
    return t.detach().to("cpu", copy=True)


def run(lines: list[str], way: str, numbers=()) -> Result:
    result = Result()
    names = environment(way, result, numbers)
    with contextlib.ExitStack() as stack:
        if way == "at once":
            stack.enter_context(torch.hologram.no_fusion())
            stack.enter_context(torch.autograd.set_multithreading_enabled(False))   # no_fusion is per thread
        for line in lines:
            try:
                exec(line, names)
            except Exception as error:
                result.reads.append(type(error))
        result.tensors = {name: snapshot(t) for name, t in tensors_of(names).items()}
    return result


# ---- comparing ----

BITS = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}


def tolerance(lines: list[str]) -> float:
    """Of values up to LARGEST: some rounding errors of the coarsest type in the program. One that all elements of a row share
    grows with the row's length when they are summed."""
    text = "".join(lines)
    longest = max((int(size) for shape in re.findall(r"make\(\((.*?)\)", text) for size in re.findall(r"\d+", shape)), default=1)
    coarsest = torch.bfloat16 if "bfloat16" in text else torch.float16 if re.search("float16|half", text) else torch.float32
    return (16 + 4 * longest) * torch.finfo(coarsest).eps


def steps(t) -> list[int]:
    """The strides that matter."""
    return [stride for stride, size in zip(t.stride(), t.shape) if size > 1]


def same(a, b, allowed: float) -> bool:
    """Equal bit for bit if nothing is allowed."""
    if not isinstance(a, torch.Tensor) or not isinstance(b, torch.Tensor):
        return a is b
    if (a.dtype, a.shape, steps(a)) != (b.dtype, b.shape, steps(b)):
        return False
    if allowed and a.is_floating_point():
        return torch.allclose(a.double(), b.double(), rtol=allowed, atol=allowed, equal_nan=True)
    return torch.equal(*(t.contiguous().view(BITS[t.element_size()]) for t in (a, b)))


def brief(value) -> str:
    text = str(value)
    return text if len(text) < 600 else text[:600] + " ..."


def difference(one: Result, other: Result, allowed: float) -> str:
    """What differs first; empty if nothing does."""
    pairs = [(f"read {n}", a, b) for n, (a, b) in enumerate(itertools.zip_longest(one.reads, other.reads))]
    pairs += [(name, one.tensors.get(name), other.tensors.get(name)) for name in {**one.tensors, **other.tensors}]
    return next((f"{name}:\n{brief(a)}\nand\n{brief(b)}" for name, a, b in pairs if not same(a, b, allowed)), "")


def check(lines: list[str], seed: int = 0) -> str:
    """How the three ways of running a program differ; empty if they agree."""
    results = {}
    for way in ("at once", "recorded", "cpu"):
        torch.manual_seed(seed)
        results[way] = run(lines, way, results["at once"].drawn if way == "cpu" else ())
    for way, allowed in (("recorded", 0), ("cpu", tolerance(lines))):
        if text := difference(results[way], results["at once"], allowed):
            return f"{way} differs from at once in {text}"
    return ""


# ---- making a program ----

def places(t) -> torch.Tensor:
    """Where in their storage the elements of `t` lie."""
    size = t.untyped_storage().nbytes() // t.element_size()
    return torch.arange(size).as_strided(t.shape, t.stride(), t.storage_offset()).flatten()


def address(t) -> int:
    return t.untyped_storage().data_ptr()


def broadcast(tensors) -> torch.Size | None:
    try:
        return torch.Size(torch.broadcast_shapes(*(t.shape for t in tensors)))
    except RuntimeError:
        return None


def writable(target, read, elementwise: bool) -> bool:
    """Does torch define what writing `target` means, if `read` are read on the way?"""
    here = places(target)
    if here.unique().numel() != here.numel():
        return False
    elementwise = elementwise and broadcast([target, *read]) == target.shape     # else it is resized first
    for t in read:
        in_place = elementwise and (t.shape, t.stride(), t.data_ptr()) == (target.shape, target.stride(), target.data_ptr())
        if address(t) == address(target) and not in_place and (not elementwise or torch.isin(places(t), here).any()):
            return False
    return True


def too_large(line: str, tensors) -> bool:
    """Would the result, or what is made on the way, be much larger than the tensors?"""
    shape = broadcast(tensors)
    return shape is not None and shape.numel() > MOST or "@" in line and any(t.numel() > 1000 for t in tensors)


def largest(t) -> float:
    return t.double().abs().max().item() if t.numel() else 0.0


class Generator:
    """Makes a program by running it on the CPU. A line that fails there, or whose result is undefined, is not taken; mistakes
    are, which are meant to fail."""

    def __init__(self, seed: int, kinds=KINDS):
        self.random = random.Random(seed)
        torch.manual_seed(seed)
        self.lines: list[str] = []
        self.made = 0
        self.names = environment("cpu", Result())
        self.inexact: set[int] = set()      # addresses of storages whose last bits may not be torch's
        self.kinds = [self.random.sample(lines, count) for lines, _, count in kinds]
        self.weights = [weight for _, weight, _ in kinds]
        shape = self.random.choice(SHAPES)
        self.shapes = [shape, shape[1:], shape[2:], (shape[1], 1), (1, shape[2])]
        self.dtypes = self.random.sample(DTYPES, 2) if shape[2] < 40 else ["float32"]

    def generate(self, steps: int) -> list[str]:
        for _ in range(4):
            self.make()
        while len(self.lines) < steps:
            draw = self.random.random()
            if draw < 0.05:
                self.make()
            elif draw < 0.1 and len(self.tensors()) > 3:
                self.take([f"del {self.random.choice(self.tensors())}"])
            elif draw < 0.13:
                self.gradient()
            else:
                self.step(self.random.choice(self.random.choices(self.kinds, self.weights)[0]))
        return self.lines

    def tensors(self) -> list[str]:
        return [*tensors_of(self.names)]

    def new_name(self) -> str:
        """Sometimes an old one: its tensor dies."""
        if len(self.tensors()) > 8 or self.tensors() and self.random.random() < 0.2:
            return self.random.choice(self.tensors())
        self.made += 1
        return f"t{self.made - 1}"

    def make(self):
        name, shape, dtype = self.new_name(), self.random.choice(self.shapes), self.random.choice(self.dtypes)
        self.take([f"{name} = make({shape}, {dtype!r}, {self.random.randrange(99)})"], name)

    def take(self, lines: list[str], new: str = "", exact: bool = True) -> bool:
        """Runs the lines, and keeps them if nothing fails and the tensor `new`, which they make, can be compared."""
        names = dict(self.names)
        try:
            for line in lines:
                exec(line, names)
        except Exception:
            return False
        if new:
            if not isinstance(names[new], torch.Tensor) or not largest(names[new]) <= REFUSED:    # NaN is not
                return False
            if address(names[new]) not in {address(t) for t in tensors_of(self.names).values()}:
                self.inexact.discard(address(names[new]))
        self.names = names
        self.lines += lines
        if new:
            self.evaluate(new, exact)
        return True

    def evaluate(self, name: str, exact: bool):
        """Notes what is known of a tensor that was written, and keeps it small."""
        t = self.names[name]
        if not exact and t.is_floating_point():
            self.inexact.add(address(t))
        if not largest(t) <= (LARGEST if t.is_floating_point() else REFUSED):
            self.take([f"{name}.clamp_(-1, 1)"])

    def fill(self, line: str, **words) -> tuple[str, dict]:
        tensors = dict(zip("abct", self.random.choices(self.tensors(), k=4)))
        words = {**tensors, "d": self.random.choice([0, -1]), "k": self.random.choice([True, False]),
                 "s": self.random.choice([0.5, -1, 2, 0.25]), **words}
        return line.format(**words), words

    def step(self, template: str):
        line, words = self.fill(template)
        read = [self.names[words[x]] for x in "abc" if f"{{{x}}}" in template]
        target = self.names[words["t"]] if "{t}" in template else None
        exact = not any(address(t) in self.inexact for t in read)
        jumps = template in JUMPS or target is not None and not target.is_floating_point()
        if too_large(line, read) or jumps and not exact or target is not None and not writable(target, read, "sum" not in template):
            return
        exact = exact and template not in ROUNDED
        if template in MISTAKES:
            with contextlib.suppress(Exception):
                exec(line, self.names)
            self.lines.append(line)
        elif target is not None:
            if self.take([line]):
                self.evaluate(words["t"], exact)
        elif template in READS:
            self.take([line])
        else:
            name = self.new_name()
            self.take([f"{name} = {line}"], name, exact)

    def gradient(self):
        source, name, expression = self.random.choice(self.tensors()), self.new_name(), "w"
        read = {source}
        for line in self.random.choices(GRADIENTS, k=self.random.randint(1, 3)):
            expression, words = self.fill(line, a=f"({expression})")
            read |= {words["b"], words["c"]}
        operands = [self.names[name] for name in read]
        # Large integers and long sums make numbers whose rounding errors are as large as gradients.
        if not all(t.is_floating_point() and t.numel() < 5000 for t in operands) or too_large(expression, operands):
            return
        lines = [f"w = {source}.detach().clone().requires_grad_()", f"loss = ({expression}).sum()", "loss.backward()"]
        if self.random.random() < 0.5:
            lines += ["with torch.no_grad(): w.sub_(w.grad, alpha=0.1)", "read(w)"]
        self.take([*lines, f"{name} = w.grad"], name, exact=False)


def program(seed: int, kinds=KINDS) -> list[str]:
    return Generator(seed, kinds).generate(steps=random.Random(seed).randint(6, 30))


# ---- failures ----

def shrink(lines: list[str], fails) -> list[str]:
    """Drops lines as long as the program still fails."""
    size = len(lines) // 2
    while size:
        at = 0
        while at < len(lines):
            less = lines[:at] + lines[at + size:]
            if fails(less):
                lines = less
            else:
                at += size
        size //= 2
    return lines


def script(lines: list[str], seed: int) -> str:
    body = "".join(f"    {line!r},\n" for line in lines)
    return f"from tests.runtime.trace.fuzz import check\n\nprint(check([\n{body}], {seed}))\n"


def failure(seed: int) -> str:
    """What is wrong with the program of this seed, and a script that shows it; empty if nothing is."""
    lines = program(seed)
    text = check(lines, seed)
    if not text:
        return ""
    kind = text.split(" differs")[0]
    lines = shrink(lines, lambda less: check(less, seed).startswith(kind))
    return f"seed {seed}: {check(lines, seed)}\n\n{script(lines, seed)}\n"


def failure_in_threads(seeds) -> str:
    """The same for several programs at a time, each in its own thread. Random numbers would depend on the order: there are none."""
    programs = [program(seed, [kind for kind in KINDS if kind[0] is not RANDOM]) for seed in seeds]
    expected = [run(lines, "at once") for lines in programs]
    with ThreadPoolExecutor(len(programs)) as pool:
        actual = list(pool.map(run, programs, ["recorded"] * len(programs)))
    for seed, lines, a, e in zip(seeds, programs, actual, expected):
        if text := difference(a, e, 0):
            return f"threads {list(seeds)}: seed {seed} differs in {text}\n\n" + "\n".join(lines) + "\n"
    return ""


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--programs", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", action="store_true", help="four programs at a time")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    failures, step = 0, 4 if options.threads else 1
    for done in range(0, options.programs, step):
        seed = options.seed + done
        faulthandler.dump_traceback_later(300, exit=True)      # nothing takes that long: a deadlock
        if text := failure_in_threads(range(seed, seed + step)) if options.threads else failure(seed):
            failures += 1
            print(text, flush=True)
        if (done + step) % 500 < step or done + step >= options.programs:
            print(f"{done + step} programs, {failures} failures, {torch.hologram.circuit_stats()}", flush=True)
    sys.exit(failures > 0)


if __name__ == "__main__":
    main()

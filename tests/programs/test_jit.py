"""Captured steps: bit for bit what the function gives."""

import gc
import importlib.util
import os
import subprocess
import sys
import textwrap
import threading

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import hologram_torch
from benchmarks import plan_programs
from tests.compare import DEVICE
from tests.core_modes import LONG
from tests.pages import ROOT
from tests.programs.captured import MODELS, assert_replayed, assert_same, floats, labels, mlp

pytestmark = pytest.mark.skipif(hologram_torch.get_backend() != "cpu", reason="graphs are captured on the cpu backend only")


OPTIMIZERS = {
    "SGD": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9), "Adam": lambda p: torch.optim.Adam(p, lr=0.01),
    "AdamW": lambda p: torch.optim.AdamW(p, lr=torch.tensor(0.01, device=DEVICE)), "RMSprop": lambda p: torch.optim.RMSprop(p, lr=0.01, capturable=True),
}


def trained(model, optimizer, jit, steps=12, end=False, clip=None, autocast=False):
    """(losses, parameters, buffers, gradients, state of the generator, the function) after some steps."""
    make, inputs, count, classes = MODELS[model]
    torch.manual_seed(3)
    net = make().to(DEVICE)
    opt = OPTIMIZERS[optimizer](net.parameters())

    def step(x, y):
        if not end:
            opt.zero_grad()
        with torch.autocast(DEVICE, dtype=torch.bfloat16, enabled=autocast):
            loss = F.cross_entropy(net(x).float(), y)
        loss.backward()
        if clip:
            nn.utils.clip_grad_norm_(net.parameters(), clip)
        opt.step()
        if end:
            opt.zero_grad()
        return loss

    function = torch.hologram.jit(step, strict=True) if jit else step
    torch.manual_seed(11)
    losses = [function(inputs(i), labels(count, classes)(i)).detach() for i in range(steps)]
    gradients = [None if p.grad is None else p.grad.cpu() for p in net.parameters()]
    return ([loss.cpu() for loss in losses], [p.detach().cpu() for p in net.parameters()], [b.cpu() for b in net.buffers()], gradients,
            torch.hologram.get_rng_state(), function)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_training_steps(model, optimizer):
    expected, actual = (trained(model, optimizer, jit) for jit in (False, True))
    assert_same(actual, expected)
    assert_replayed(actual[5], 8)


@pytest.mark.parametrize("options", [{"end": True}, {"clip": 0.5}, {"autocast": True}], ids=str)
@pytest.mark.parametrize("model", ["mlp", "gpt", "cnn"])
def test_steps_of_other_forms(model, options):
    expected, actual = (trained(model, "Adam", jit, **options) for jit in (False, True))
    assert_same(actual, expected)
    assert_replayed(actual[5], 8)


def test_results_are_new_tensors_each_time():
    function = torch.hologram.jit(lambda x: (x * 2, {"sum": x.sum(), "view": (x + 1)[1:]}), strict=True)
    kept = []
    for i in range(8):
        x = floats(4, 3)(i)
        product, rest = function(x)
        kept.append((x, product, rest["sum"], rest["view"]))
    for x, product, total, view in kept:
        assert torch.equal(product, x * 2) and torch.equal(total, x.sum()) and torch.equal(view, (x + 1)[1:])
        assert view.storage_offset() == 3
    assert_replayed(function, 5)


def test_each_kind_of_arguments_has_its_plan():
    function = torch.hologram.jit(lambda x, scale: x.relu() * scale, strict=True)
    for i in range(6):
        for shape in ((4,), (2, 3), (5, 1, 2)):
            for scale in (2, 0.5):
                x = floats(*shape)(i)
                assert torch.equal(function(x, scale), x.relu() * scale)
        x = floats(4, 3)(i).T
        assert torch.equal(function(x, 3), x.relu() * 3) and function(x, 3).stride() == (x.relu() * 3).stride()
    assert len([row for row in function.plans() if row.get("runs", 0) > 0]) == 7


def test_arguments_on_the_cpu():
    function = torch.hologram.jit(lambda x, number: x.to(DEVICE) * number.to(DEVICE), strict=True)
    for i in range(12):
        x, number = floats(40, 30)(i).cpu(), torch.tensor(float(i // 4))
        assert torch.equal(function(x, number).cpu(), x * number)
    assert_replayed(function, 1)


def test_arguments_that_are_written():
    def update(x, y):
        x.add_(y).mul_(0.5)
        return x

    function = torch.hologram.jit(update, strict=True)
    x, expected = floats(4, 3)(0), floats(4, 3)(0)
    for i in range(8):
        y = floats(4, 3)(i)
        result = function(x, y)
        update(expected, y)
        assert torch.equal(x, expected) and result.data_ptr() == x.data_ptr() and result is x
        x, expected = x.clone(), expected.clone()
    assert_replayed(function, 4)


def test_random_numbers_go_on():
    def noise(x):
        return x + torch.randn_like(x) * torch.rand_like(x), F.dropout(x, 0.5), torch.randint_like(x, 9), torch.bernoulli(x.abs().clamp(max=1)), torch.multinomial(x.abs() + 1, 2)

    function = torch.hologram.jit(noise, strict=True)
    x = floats(3, 5)(0)
    for seed in (1, 1, 5, 1):
        torch.manual_seed(seed)
        expected = [noise(x) for _ in range(3)] + [torch.randn(3, device=DEVICE)]
        torch.manual_seed(seed)
        actual = [function(x) for _ in range(3)] + [torch.randn(3, device=DEVICE)]
        for a, e in zip(actual, expected, strict=True):
            for one, other in zip(a, e, strict=True):
                assert torch.equal(one, other)
    assert_replayed(function, 8)


def test_gradients_that_others_hold_stay():
    net = mlp()

    def backward(x):
        net.zero_grad()
        net(x).square().sum().backward()

    function = torch.hologram.jit(backward, strict=True)
    held = []
    for i in range(8):
        function(floats(6, 8)(i))
        held.append([p.grad for p in net.parameters()])
    for i, gradients in enumerate(held):
        backward(floats(6, 8)(i))
        assert all(torch.equal(p.grad, g) for p, g in zip(net.parameters(), gradients, strict=True))
    assert_replayed(function, 5)


def test_gradients_that_add_up():
    def summed(jit):
        torch.manual_seed(0)
        net = mlp()

        def backward(x):
            net(x).square().sum().backward()

        function = torch.hologram.jit(backward, strict=True) if jit else backward
        found = []
        for i in range(12):
            if i == 8:
                net.zero_grad()
            function(floats(6, 8)(i))
            found.append([p.grad.cpu() for p in net.parameters()])
        return found, function

    (actual, function), (expected, _) = summed(True), summed(False)
    for a, e in zip(actual, expected, strict=True):
        assert all(torch.equal(x, y) for x, y in zip(a, e, strict=True))
    assert_replayed(function, 3)


def test_an_error_in_the_function_leaves_the_device_usable():
    fail = False

    def f(x):
        y = x * 2
        if fail:
            raise KeyError("ours")
        return y

    function = torch.hologram.jit(f)
    x = floats(4)(0)
    function(x)
    fail = True
    for _ in range(3):
        with pytest.raises(KeyError, match="ours"):
            function(x)
    fail = False
    for i in range(6):
        assert torch.equal(function(floats(4)(i)), floats(4)(i) * 2)


def test_a_replay_allocates_only_its_results():
    function = torch.hologram.jit(lambda x: ((x @ x).relu() @ x).softmax(0) * 3, strict=True)
    x = floats(64, 64)(0)
    for _ in range(5):
        result = function(x)
    before = torch.hologram.memory_stats()["allocation.all.allocated"]
    for _ in range(10):
        result = function(x)
    assert torch.hologram.memory_stats()["allocation.all.allocated"] - before == 10
    assert torch.equal(result, ((x @ x).relu() @ x).softmax(0) * 3)


def test_temporaries_share_memory():
    def f(x):
        for _ in range(20):
            x = (x @ x).tanh()
        return x.sum()

    function = torch.hologram.jit(f, strict=True)
    for i in range(6):
        x = floats(32, 32)(i)
        assert torch.equal(function(x), f(x))
    [row] = function.plans()
    assert row["bytes"] <= 3 * 32 * 32 * 4 + 256 and row["nodes"] >= 40


def test_memory_comes_back():
    gc.collect()
    before = torch.hologram.memory_allocated()
    function = torch.hologram.jit(lambda x: (x @ x).tanh() @ x, strict=True)
    for _ in range(5):
        function(floats(64, 64)(0))
    assert torch.hologram.memory_allocated() > before
    function.clear()
    gc.collect()
    assert torch.hologram.memory_allocated() == before


# ---- products are those that torch's kernels make ----

def test_products_of_all_layouts():
    sizes = [(1, 5, 7), (4, 1, 7), (4, 5, 1), (1, 1, 7), (4, 1, 1), (1, 5, 1), (1, 1, 1), (4, 5, 7), (64, 33, 65)]
    layouts = {"rows": lambda t: t, "columns": lambda t: t.t().contiguous().t(), "wide": lambda t: F.pad(t, (0, 3))[:, : t.shape[1]],
               "tall": lambda t: F.pad(t.t(), (0, 2))[:, : t.shape[0]].t()}
    for m, n, k in sizes:
        for left in layouts.values():
            for right in layouts.values():
                a, b, bias = left(floats(m, k)(1)), right(floats(k, n)(2)), floats(n)(3)
                function = torch.hologram.jit(lambda a, b, bias: (a @ b, torch.addmm(bias, a, b, beta=0.5, alpha=2), a.double() @ b.double()), strict=True)
                for _ in range(4):
                    actual = function(a, b, bias)
                expected = a @ b, torch.addmm(bias, a, b, beta=0.5, alpha=2), a.double() @ b.double()
                assert all(torch.equal(x, y) for x, y in zip(actual, expected, strict=True)), (m, n, k)
                assert_replayed(function, 1)


# ---- looking at plans ----

def test_a_plan_is_described_and_drawn(tmp_path):
    net = mlp()
    function = torch.hologram.jit(torch.no_grad()(lambda x: net(x).softmax(-1)), strict=True)
    assert "nothing was captured yet" in function.explain()
    for i in range(5):
        function(floats(6, 8)(i))
    text = function.explain(graph=str(tmp_path / "plan.dot"))
    assert text.count("addmm") == 3 and "relu: temporary" in text and "exp_nonpositive" in text
    drawn = (tmp_path / "plan.dot").read_text()
    assert drawn.startswith("digraph plan {") and drawn.count("[shape=box, style=rounded") == text.count("addmm") + text.count("copy")
    assert drawn.count("fillcolor=lightblue") == 1 and drawn.count("fillcolor=gray92") == 7     # the result; x, weights and biases


def run_file(folder, text, **environment):
    """What a program prints; from a file, as programs are."""
    path = folder / "program.py"
    path.write_text(textwrap.dedent(text))
    done = subprocess.run([sys.executable, str(path)], env={**os.environ, **environment}, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def test_replays_are_checked_on_demand(tmp_path):
    program = """
        import itertools, torch
        numbers = itertools.count()     # no one sees what it will give
        @torch.hologram.jit
        def f(x):
            return x * (next(numbers) // 5)
        x = torch.ones(3, device="hologram")
        g = torch.hologram.jit(lambda x: x.add_(torch.rand_like(x)))
        for _ in range(5):
            g(x)
        assert g.plans()[0]["runs"] > 0
        try:
            for _ in range(9):
                f(x)
        except RuntimeError as error:
            print(error)
    """
    done = run_file(tmp_path, program, HOLOGRAM_JIT="check")
    assert "a replay of f gives something else than the function: result 0. The first to differ is node 0, mul" in done
    assert "Its plan:\nmul:" in done
    program = """
        import torch
        f = torch.hologram.jit(lambda x: x * 2)
        for _ in range(9):
            f(torch.ones(3, device="hologram"))
        print(f.plans())
    """
    assert run_file(tmp_path, program, HOLOGRAM_JIT="off") == "[]\n" and "'runs': 6" in run_file(tmp_path, program)


def test_everything_here_holds_when_replays_are_checked():
    if os.environ.get("HOLOGRAM_JIT") == "check":
        return
    arguments = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", __file__, "-k", "training or forms or arguments or random or gradients"]
    done = subprocess.run(arguments, env={**os.environ, "HOLOGRAM_JIT": "check"}, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout[-3000:]


def test_the_example_learns_the_same_with_and_without():
    spec = importlib.util.spec_from_file_location("example", ROOT / "examples/07_jit_rl.py")
    example = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)
    curves = [example.learn(seed=1, jit=jit, updates=3)[0] for jit in (True, False)]
    assert curves[0] == curves[1] and len(curves[0]) == 3 and curves[0][-1] > 15


# ---- what may be decorated, and from where it may be called ----

class Decorated(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer, self.scale = nn.Linear(8, 4).to(DEVICE), 2.0

    @torch.hologram.jit
    def forward(self, x):
        with torch.no_grad():
            return self.layer(x) * self.scale


@pytest.mark.filterwarnings("ignore:hologram.jit")
def test_methods_and_modules():
    one, other = Decorated(), Decorated()
    net = mlp()
    whole = torch.no_grad()(torch.hologram.jit(net))
    for i in range(12):
        x = floats(6, 8)(i)
        if i == 8:
            one.scale = 3.0
        for module in (one, other):
            assert torch.equal(module(x), module.layer(x) * module.scale)
        with torch.no_grad():
            assert torch.equal(whole(x), net(x))
    assert_replayed(Decorated.forward, 12)
    assert torch.hologram.jit(net).__doc__ == net.__doc__ and torch.hologram.jit(net)._name == "Sequential"


@pytest.mark.filterwarnings("ignore:hologram.jit")
def test_threads():
    torch.manual_seed(0)
    net = mlp((8, 64, 64, 4))

    def deep(x):
        with torch.no_grad():
            for _ in range(30):
                x = x + net(x).sum(-1, keepdim=True) * 0.01
            return x

    function = torch.hologram.jit(deep)
    inputs = [floats(6, 8)(i) for i in range(8)]
    expected = [deep(x) for x in inputs]
    for x in inputs[:4]:
        function(x)
    wrong = []

    def work(k):
        for i in range(200):
            x = (i + k) % 8
            if not torch.equal(function(inputs[x]), expected[x]):
                wrong.append((k, i))

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert_replayed(function, 600)


def test_bad_options():
    with pytest.raises(TypeError, match=r"hologram.jit: a function is needed, not int"):
        torch.hologram.jit(3)
    with pytest.raises(ValueError, match=r"hologram.jit: max_plans is 0"):
        torch.hologram.jit(abs, max_plans=0)


def test_many_nodes_replay_and_allocate_nothing():
    def long(x):
        for _ in range(5000):
            x = (x @ x) * 0.5
        return x

    function = torch.hologram.jit(long, strict=True)
    x = torch.eye(4, device=DEVICE)
    for _ in range(4):
        result = function(x)
    assert function.plans()[0]["nodes"] == 10_000 and torch.equal(result, long(x))
    before = torch.hologram.memory_stats()["allocation.all.allocated"]
    for _ in range(100):
        function(x)
    assert torch.hologram.memory_stats()["allocation.all.allocated"] - before == 100      # the results


# ---- the programs that benchmarks.plans times ----

@pytest.mark.parametrize("name", plan_programs.PROGRAMS)
def test_the_benchmarks_programs(name):
    found, steps = [], 200 if LONG else 40
    for jit in (False, True):
        step, arguments = plan_programs.program(name, DEVICE)
        function = torch.hologram.jit(step, strict=True) if jit else step
        results = [function(*arguments) for _ in range(steps)]
        found.append(torch.stack([r.cpu() for r in results]))
    assert torch.equal(*found)
    trains = any(word in name for word in ("Adam", "PPO"))
    assert (len(set(found[0].flatten().tolist())) > steps // 2) if trains else torch.equal(found[0][0], found[0][-1])
    assert_replayed(function, steps - 3)


def test_tensors_without_elements():
    function = torch.hologram.jit(lambda x, y: (x + 1, y * 2, x.sum(), x[:, :0]), strict=True)
    x, y = torch.empty(0, 3, device=DEVICE), torch.ones(3, device=DEVICE)
    for _ in range(6):
        none, two, total, view = function(x, y)
        assert none.shape == (0, 3) and torch.equal(two, y * 2) and total == 0 and view.shape == (0, 0)
    assert_replayed(function, 3)


def test_a_replay_that_writes_an_argument_counts_as_a_write():
    function = torch.hologram.jit(lambda x: x.mul_(2), strict=True)
    x = floats(3)(1)
    for _ in range(5):
        function(x)
    w = torch.ones(3, device=DEVICE, requires_grad=True)
    product = (w * x).sum()
    version = x._version
    function(x)
    assert x._version > version
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        product.backward()
    assert_replayed(function, 3)


def test_gradients_that_are_zeros_without_memory():
    def gradient(x):
        x = x.detach().clone().requires_grad_()
        return torch.autograd.grad(torch.sgn(x).sum() + x.round().sum() + (x * 2).sum(), [x])[0], torch.autograd.grad(torch.sgn(x).sum(), [x])[0]

    function = torch.hologram.jit(gradient, strict=True)
    for i in range(6):
        x = floats(3)(i)
        assert all(torch.equal(a, b) for a, b in zip(function(x), gradient(x), strict=True))
    assert_replayed(function, 3)

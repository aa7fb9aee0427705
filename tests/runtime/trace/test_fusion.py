"""Decisions of the recorder: what joins one kernel, what is never stored or never run, and why a window ran.

Values are compared with those of ops that run at once (`no_fusion`), bit for bit.
"""

import ctypes
import sys
import threading
from contextlib import nullcontext

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import hologram_torch
from hologram_core import _runtime
from tests.compare import DEVICE, launches
from tests.device.test_memory import MIB, allocated, resident
from tests.device.test_threads import script
from tests.modes import FLOAT64, HOST_MEMORY, deferred, host_only, since

pytestmark = deferred
hologram = torch.hologram


def given(*shape, dtype=torch.float32, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed)).to(dtype).to(DEVICE)


class Seen:
    """What the ops of a call became; its results are kept."""

    def __init__(self, call):
        hologram.reset_counters()
        last = hologram.explain(1).circuits
        self.kept = call()
        self.stats = hologram.circuit_stats()
        self.circuits = [c for c in hologram.explain(512) if not last or c.window > last[0].window]
        self.summaries = [c.summary() for c in self.circuits]
        for name in ("recorded", "launched", "dropped", "compiled", "bytes_recorded", "bytes_moved"):
            setattr(self, name, self.stats[name])


def check_values(call):
    """The same bits recorded and at once."""
    results = []
    for way in (nullcontext, hologram.no_fusion):
        with way():
            result = call()
            results.append([t.cpu() for t in (result if isinstance(result, (tuple, list)) else [result])])
    assert all(torch.equal(a, b) for a, b in zip(*results, strict=True))


X, Y, WIDE, BIAS = given(64, 32, seed=1), given(64, 32, seed=2), given(6, 64, 32, seed=3), given(32, seed=4)


# ---- what is one kernel ----

def softmax_by_hand(x):
    e = (x - x.amax(-1, keepdim=True)).exp()
    return e / e.sum(-1, keepdim=True)


def layer_norm_by_hand(x):
    centred = x - x.mean(-1, keepdim=True)
    return centred * torch.rsqrt((centred * centred).mean(-1, keepdim=True) + 1e-5) * BIAS + BIAS


def in_place_chain():
    t = X + 1
    t.mul_(2).add_(Y).tanh_()
    return t


def branches_in_place():
    a, b = X.exp(), Y.tanh()
    return b.add_(a), b * 2


def through_linear_views():
    t = X + 1
    return t.view(-1)[:] * 2, t.view(32, 64) - 1, t


ONE_KERNEL = {
    "seven ops": (7, lambda: ((X * Y + X).tanh() * 0.5 + Y).relu() - X),
    "several results": (3, lambda: (X + 1, (X * Y), (X - Y))),
    "mixed types": (3, lambda: (X.half() * 2).to(torch.float64 if FLOAT64 else torch.float32)),
    "comparison": (3, lambda: torch.where(X > 0, Y, X * Y)),
    "broadcast": (2, lambda: (X + BIAS) * X[:, :1]),
    "in place": (4, in_place_chain),
    "linear views": (3, through_linear_views),
    "transposed alike": (2, lambda: (X.t() + Y.t()).tanh()),
    "mse": (3, lambda: ((X - Y) ** 2).mean()),
    "sum of columns": (2, lambda: (X * Y).sum(0)),
    "fold and what follows": (3, lambda: (X * 2).sum(-1).tanh()),
    "softmax between ops": (3, lambda: (X * 2).softmax(-1) * Y),
    "rms norm by hand": (6, lambda: X * torch.rsqrt(X.pow(2).mean(-1, keepdim=True) + 1e-6) * BIAS),
    "layer norm by hand": (9, lambda: layer_norm_by_hand(X)),
    "softmax by hand": (5, lambda: softmax_by_hand(X)),
    "two branches": (3, lambda: X.exp() + Y.tanh()),
    "a tree": (7, lambda: (X.exp() * Y.tanh()) + (X.neg() - Y.abs()) * 2),
    "a branch with a fold": (3, lambda: X.exp() - Y.sum(-1, keepdim=True)),
    "branches into a fold": (4, lambda: (X.exp() * Y.tanh()).sum(-1)),
    "a fold and a branch": (3, lambda: X.sum(-1) * Y[:, 0].tanh()),
    "branches in place": (4, branches_in_place),
    "gelu by hand": (4, lambda: 0.5 * X * (1 + torch.erf(X * 0.7071))),
}


@pytest.mark.parametrize("name", ONE_KERNEL)
def test_one_kernel(name):
    ops, call = ONE_KERNEL[name]
    seen = Seen(call)
    assert seen.recorded >= ops and seen.launched == 1, seen.summaries
    check_values(call)


def copied():
    t = X + 1
    return t.t().contiguous(), t[1:] * 2, t


def written_elsewhere():
    t = BIAS + 1
    product = X * t
    t[:4].zero_()
    return product, t


def overlapping_windows():
    t = X.flatten() + 1
    t[1:].copy_(t[:-1].clone())
    return t


def written_in_place_under_a_view():
    """tanh of another tensor has the kernel of the write, which must not run with it: before it a row is read."""
    t = X.clone()
    hologram.synchronize()
    other = BIAS.tanh()
    mean = t.mean(-1)
    t.view(-1)[:6].tanh_()
    return other, mean, t


def branch_that_is_read():
    branch = X.exp()
    turned = branch.t().contiguous()     # needs the branch in memory before the other one comes
    return branch + Y.tanh(), turned


def branch_whose_input_changes():
    t = X.clone()
    hologram.synchronize()
    branch = t.exp()
    t.view(-1)[:6].tanh_()
    return branch + Y.neg(), t


def test_foreach_ops_of_an_optimizer_are_one_launch():
    """The average of gradients and that of their squares have nothing in common until the parameter needs both."""
    params, grads, averages, squares = ([torch.rand(50, device=DEVICE) for _ in range(4)] for _ in range(4))

    def step():
        torch._foreach_lerp_(averages, grads, 0.1)
        torch._foreach_mul_(squares, 0.999)
        torch._foreach_addcmul_(squares, grads, grads, 0.001)
        roots = torch._foreach_sqrt(squares)
        torch._foreach_add_(roots, 1e-8)
        torch._foreach_addcdiv_(params, averages, roots, [-0.1] * 4)

    seen = Seen(step)
    assert (seen.recorded, seen.launched) == (24, 1), seen.summaries


@pytest.mark.parametrize("fill", [lambda t: t.uniform_(), lambda t: t.normal_(), lambda t: t.exponential_(), lambda t: t.cauchy_(),
                                  lambda t: t.log_normal_(), lambda t: t.geometric_(0.5), lambda t: t.random_(), lambda t: t.random_(5),
                                  lambda t: t.random_(2, 5), lambda t: t.bernoulli_(0.5), lambda t: t.bernoulli_(torch.full_like(t, 0.5)),
                                  lambda t: t.fill_(2), lambda t: t.zero_(), lambda t: t.copy_(BIAS), lambda t: torch.rand(5, out=t)])
def test_filled_tensors_take_part_in_recording(fill):
    t = torch.empty_like(BIAS)
    fill(t)
    hologram.synchronize()
    assert Seen(lambda: (t * 2 + 1).tanh()).launched == 1


def picked_and_overwritten():
    """What is picked from a row must be read before the row is stored."""
    t = X.clone()
    hologram.synchronize()
    first = t.gather(1, PLACES)
    t.exp_()
    t.mul_(2)
    second = t.gather(1, PLACES)
    return first, second, t


PLACES = (torch.arange(64, device=DEVICE) % 32)[:, None]
# Without the host's memory nobody checks the positions of gather but a library, which no circuit is made for.
SEVERAL_KERNELS = {"picked and overwritten": (3 if HOST_MEMORY else 2, picked_and_overwritten),
                   "branch that is read": (3, branch_that_is_read), "branch whose input changes": (3, branch_whose_input_changes),
                   "other geometry": (3, copied), "write after a read": (3, written_elsewhere),
                   "shifted copy": (3, overlapping_windows), "write in place after a read": (3, written_in_place_under_a_view)}


@pytest.mark.parametrize("name", SEVERAL_KERNELS)
def test_what_does_not_fit_runs_in_order(name):
    kernels, call = SEVERAL_KERNELS[name]
    assert len(Seen(call).circuits) >= kernels
    check_values(call)


def test_independent_ops_of_one_kernel_are_one_launch():
    many = [given(n, seed=n) for n in (1, 3, 100, 5000)]
    for call in (lambda: [t * 0.5 for t in many], lambda: torch._foreach_mul(many, 0.5)):
        seen = Seen(call)
        assert (seen.recorded, len(seen.circuits), seen.launched) == (4, 4, 1)
        check_values(call)


def test_an_optimizer_step_is_few_launches():
    parameters = [nn.Parameter(given(8, n, seed=n)) for n in range(3, 23)]
    for p in parameters:
        p.grad = torch.ones_like(p)
    optimizer = torch.optim.SGD(parameters, lr=0.1, momentum=0.9)
    optimizer.step()
    seen = Seen(optimizer.step)
    assert seen.recorded >= 40 and seen.launched <= 3, seen.summaries


# ---- the same bits, whatever a fold is joined with ----

MAPS = {"tanh": torch.tanh, "sigmoid": torch.sigmoid, "double": torch.Tensor.double, "scaled": lambda x: x * 0.3, "gelu": F.gelu,
        "half": torch.Tensor.half, "long chain": lambda x: x.sin().exp().log1p().erf().cos()}


@pytest.mark.parametrize("name", MAPS)
@pytest.mark.parametrize("shape", [(5, 32), (1000,), (3, 70, 11), (2, 33000)], ids=str)
def test_a_sum_has_one_tree(shape, name):
    x = given(*shape)
    check_values(lambda: (lambda y: (y, y.sum(), y.sum(-1), y.sum(0), y.float().var(-1), y.float().logsumexp(-1)))(MAPS[name](x)))
    check_values(lambda: (lambda y: (y, y.float().softmax(-1), F.layer_norm(y.float(), y.shape[-1:])))(MAPS[name](x)))


@pytest.mark.parametrize("dims", [0, 1, 2, (0, 1), (0, 2), (1, 2)], ids=str)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.float64])
def test_updates_in_place_follow_a_fold(dims, dtype):
    x = given(6, 64, 32)
    target = x.sum(dims).to(dtype)

    def update():
        t = target.clone()
        hologram.synchronize()
        t.sub_(x.amax(dims))
        return t
    check_values(update)
    assert torch.equal(update().cpu(), (target.cpu() - x.cpu().amax(dims)).to(dtype))


@pytest.mark.parametrize("call", [lambda x: x.softmax(0), lambda x: x.log_softmax(0), lambda x: F.layer_norm(x.t(), (3,)),
                                  lambda x: x.cumsum(0), lambda x: x - x.mean(0, keepdim=True)])
def test_rows_that_are_broadcast(call):
    x = torch.randn(1, 6, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(call(x.to(DEVICE).expand(3, 6)).cpu(), call(x.expand(3, 6)))


# ---- what nobody sees ----

def test_dead_values_are_not_stored():
    seen = Seen(lambda: ((X + 1) * Y).tanh())
    assert seen.bytes_recorded == 7 * X.nbytes and seen.bytes_moved == 3 * X.nbytes
    seen = Seen(lambda: ((X - Y) ** 2).mean())
    assert seen.bytes_recorded == 6 * X.nbytes + 4 and seen.bytes_moved == 2 * X.nbytes + 4
    seen = Seen(lambda: X + BIAS)
    assert seen.bytes_recorded == seen.bytes_moved == 2 * X.nbytes + BIAS.nbytes


@pytest.mark.parametrize("fold", [torch.sum, lambda t: t.sum(0), lambda t: t.amax(0), lambda t: t.var(-1), lambda t: t.argmax(), lambda t: t.softmax(-1),
                                  lambda t: t.cumsum(0), lambda t: t.max(0)], ids="sum columns amax var argmax softmax cumsum max".split())
@pytest.mark.parametrize("shape", [(40000,), (4000, 100), (3, 50000), (8, 8)])
def test_a_dead_fold_leaves_what_was_fused_before_it(shape, fold):
    """Folds of many elements would have run as two launches: what is left runs as one."""
    x = torch.linspace(-2, 2, torch.Size(shape).numel(), device=DEVICE).view(shape)

    def call():
        y = F.softplus(x) * 2
        fold(y.abs() + 1)      # the result is not kept
        return y

    assert launches(call) == 1
    value = call()
    with hologram.no_fusion():
        assert torch.equal(F.softplus(x) * 2, value)


def test_dead_ops_do_not_run():
    seen = Seen(lambda: (Y.exp().sum(), X.sin())[1])
    assert (seen.recorded, seen.dropped, seen.launched) == (3, 2, 1)
    assert sorted(seen.summaries) == ["nothing (no result could be seen)", "sin"]


def test_a_value_that_is_written_over_is_not_stored():
    def call():
        t = torch.empty_like(X)
        for n in range(5):
            t.fill_(n)
        return t
    seen = Seen(call)
    assert seen.launched == 1 and seen.bytes_moved == X.nbytes and bool((seen.kept == 4).all())


# ---- why windows run ----

def full():
    t = X
    for n in range(1000):
        t = t + n
    return t


def dead_memory():
    t = torch.zeros(4 * MIB, device=DEVICE)
    for _ in range(8):
        t = t.cumsum(0)
    return t


REASONS = {
    "read": lambda: (X + 1).sum().item(),
    "library": lambda: (X + 1) @ Y.t(),
    "pointer": lambda: (X + 1).data_ptr(),
    "full": full,
    "memory": dead_memory,
    "synchronize": lambda: (X + 1, hologram.synchronize()),
}


TOLD_OF_ADDRESSES = since(2, 13, "news of an address that is taken, without which nothing runs for it")


@pytest.mark.parametrize("reason", [pytest.param(reason, marks=TOLD_OF_ADDRESSES if reason == "pointer" else ()) for reason in REASONS])
def test_reasons(reason):
    seen = Seen(REASONS[reason])
    assert seen.circuits[0].reason == reason
    assert reason in hologram_torch.fusion.REASONS


def test_what_was_recorded_runs_before_what_runs_at_once():
    t = X + 1
    with hologram.no_fusion():
        assert (t * 2).sum().item() == ((X + 1) * 2).sum().item()
    # A thread of its own: recorded here, read there.
    t = X + 3
    results = []

    def other():
        with hologram.no_fusion():
            results.append((t * 1).cpu())
    thread = threading.Thread(target=other)
    thread.start()
    thread.join()
    assert torch.equal(results[0], X.cpu() + 3)


# ---- kernels are found again ----

def test_sizes_and_numbers_compile_nothing():
    def step(batch, length, rate):
        x = given(batch, length, 48, seed=batch)
        y = layer_norm_by_hand(x[..., :32]) * rate
        return y, (y - rate).clamp(min=-rate), y.softmax(-1).sum((0, 1)), ((y - 0.5 * rate) ** 2).mean()
    Seen(lambda: step(4, 20, 0.1))
    for shape in ((5, 20, 0.1), (4, 33, 0.1), (4, 20, 1e-3), (7, 100, 3.0)):
        assert Seen(lambda: step(*shape)).compiled == 0, shape


@pytest.mark.parametrize("ops", [1, 2, 3, 5, 7])
def test_a_loop_reaches_a_steady_state(ops):
    """However windows and groups cut the loop, the kernels come again."""
    body = [lambda t: t * 0.5, lambda t: t + X, lambda t: t.tanh(), lambda t: t - Y, lambda t: t.abs(), lambda t: t * Y,
            lambda t: t.relu()]

    def loop(rounds=700):
        t = X
        for _ in range(rounds):
            for op in body[:ops]:
                t = op(t)
        return t
    first = Seen(loop)
    assert first.compiled <= 2 * ops + 8
    assert Seen(loop).compiled == 0 and first.launched < first.recorded / 20


# ---- addresses that leave the device ----

def launched_at_once(call):
    """Has the call launched a kernel when it returns? (Counters of torch.hologram would run what waits.)"""
    before = _runtime.counters()["launched"]
    kept = call()
    return _runtime.counters()["launched"] > before, kept


def test_ops_wait():
    hologram.synchronize()
    assert launched_at_once(lambda: X + 1)[0] is False


@host_only("what is written to exposed memory from outside")
@pytest.mark.parametrize("expose", [lambda t: t.data_ptr(), lambda t: t.untyped_storage().data_ptr(), lambda t: t.__dlpack__(),
                                    lambda t: t[1:].data_ptr()])
def test_ops_on_exposed_memory_run_at_once(expose):
    t = torch.zeros(8, device=DEVICE)
    handle = expose(t)
    seen = (ctypes.c_float * 8).from_address(t.data_ptr())
    for n in range(1, 4):
        assert launched_at_once(lambda: t.add_(1))[0] and list(seen) == [n] * 8
    seen[0] = 9
    waiting = t * 2                      # reads what was written from outside, and is a tensor of its own
    seen[0] = 0
    assert waiting.tolist() == [18] + [6] * 7
    assert launched_at_once(lambda: waiting + 1)[0] is False
    del handle


# ---- switching it off ----

def test_no_fusion_nests_and_is_per_thread():
    def other():
        waits.append(not launched_at_once(lambda: X - 1)[0])
    waits = []
    with hologram.no_fusion():
        with hologram.no_fusion():
            assert launched_at_once(lambda: X + 1)[0]
        assert launched_at_once(lambda: X + 1)[0]
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
        with pytest.raises(ZeroDivisionError), hologram.no_fusion():
            1 / 0
        assert launched_at_once(lambda: X + 1)[0]
    assert waits == [True] and launched_at_once(lambda: X + 1)[0] is False


CHAIN = """
import torch, hologram_torch
from hologram_core import _runtime
x = torch.ones(100, device='hologram')
torch.hologram.reset_counters()
y = ((x * 2 + 1).tanh() * 3).sum()
print(_runtime.counters()['launched'], y.item(), *torch.hologram.explain(1).reasons())
"""


@pytest.mark.parametrize("switch, launched, reasons", [("HOLOGRAM_SYNC", 5, ["immediate"]), ("HOLOGRAM_FUSION", 5, []),
                                                       ("HOLOGRAM_LOG", 0, ["read"])])
def test_switches(monkeypatch, switch, launched, reasons):
    monkeypatch.setenv(switch, {"HOLOGRAM_SYNC": "1"}.get(switch, "0"))
    status, output = script(CHAIN)
    assert status == 0, output
    words = output.split()
    assert int(words[0]) == launched and words[2:] == reasons
    assert float(words[1]) == ((X[0, :1] * 0 + 3).tanh() * 3).expand(100).sum().item()


# ---- what it says ----

def test_explain_in_words(monkeypatch):
    monkeypatch.delitem(sys.modules, "hologram_torch.compile.region", raising=False)      # graphs that other tests compiled
    seen = Seen(lambda: ((X * Y).sum().item(), X + 1))
    text = str(hologram.explain(2))
    lines = text.splitlines()
    assert lines[0] == f"window {seen.circuits[0].window}: ran because the host read a value"
    assert "2 ops" in lines[1] and "2,048 elements" in lines[1] and lines[1].endswith("mul > sum")
    assert lines[2].endswith("asked for it") and "1 op " in lines[3] and lines[3].endswith("add")
    assert lines[-1] == "3 ops in 2 circuits, 2 kernels" and len(lines) == 5
    explanation = hologram.explain(2)
    assert len(explanation) == 2 and explanation.reasons() == {"read": 1, "synchronize": 1}
    assert [c.cache_hit for c in Seen(lambda: X + 1).circuits] == [True]
    assert (explanation.circuits[0].bytes_before, explanation.circuits[0].bytes_after) == (4 * X.nbytes + 4, 2 * X.nbytes + 4)


# ---- memory ----

CHAINS = {"one op": lambda t, n: t * 0.99, "scans": lambda t, n: t.cumsum(0) if n % 9 == 8 else t.tanh(),
          "rows": lambda t, n: t.view(-1, 64).softmax(-1).view(-1) if n % 4 == 3 else t + 1}


@pytest.mark.parametrize("name", CHAINS)
def test_a_chain_needs_two_tensors(name):
    """The one that is read and the one that is written: by the statistics, and resident."""
    def chain():
        t = torch.ones(4 * MIB, device=DEVICE)      # 16.8 MB
        for n in range(50):
            t = CHAINS[name](t, n)
        return t
    chain()
    hologram.empty_cache()
    hologram.reset_peak_memory_stats()
    base, process = hologram.memory_allocated(), resident()
    kept = chain()
    hologram.synchronize()
    assert hologram.max_memory_allocated() - base <= 2.5 * kept.nbytes
    assert resident() - process <= 2.5 * kept.nbytes


def test_training_for_a_long_time_leaks_nothing():
    model = nn.Sequential(nn.Linear(8, 16), nn.Tanh(), nn.Linear(16, 1)).to(DEVICE)
    optimizer = torch.optim.Adam(model.parameters())

    def train(steps):
        for _ in range(steps):
            optimizer.zero_grad()
            F.mse_loss(model(X[:, :8]), Y[:, :1]).backward()
            optimizer.step()
    train(200)
    statistics, process = allocated(), resident()
    hologram.reset_counters()
    train(2000)
    assert allocated() == statistics and resident() - process < 4 * MIB
    assert hologram.circuit_stats()["compiled"] == 0


def test_a_copy_joins_its_neighbours():
    x = torch.randn(1000, device=DEVICE)
    assert launches(lambda: x.clone().mul_(2).tanh()) == 1


def test_no_fusion_reaches_backward():
    x = torch.randn(1000, device=DEVICE, requires_grad=True)
    before = torch.hologram.counters()["circuits"]
    with torch.hologram.no_fusion():
        x.exp().tanh().sum().backward()
    assert torch.hologram.counters()["circuits"] == before and x.grad.isfinite().all()


def test_windows_of_all_streams_have_numbers_of_their_own():
    import hologram_core

    with hologram_core.Executor() as executor:
        a = executor.allocate(X.numel())
        a.fill(1.0)
        for _ in range(3):
            hologram_core.ops.scalar_mul(executor, a, a, 2.0)
            executor.synchronize()
            (X + 1).cpu()
        numbers = [c.window for c in torch.hologram.explain(6)]
    assert len(set(numbers)) == 6 and numbers == sorted(numbers)

"""torch.compile and torch.export: what the program gives, by plans that are replayed, and Inductor left to others."""

import copy
import gc
import io
import logging
import os
import subprocess
import sys
import textwrap
import weakref
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import hologram_torch
from hologram_torch import _patches
from tests.compare import DEVICE
from tests.programs.captured import MODELS, Block
from tests.programs.regions import new_graphs, regions, runs  # noqa: F401  a fixture

pytestmark = pytest.mark.skipif(hologram_torch.get_backend() != "cpu", reason="graphs are captured on the cpu backend only")

DEFAULT = {}
NAMED = {"backend": "hologram"}
OURS = [DEFAULT, NAMED]
BACKENDS = [{"backend": "eager"}, {"backend": "aot_eager"}, NAMED, DEFAULT]
name_of = lambda options: options.get("backend", "default")


def compiled(function, **options):
    return torch.compile(function, **options)


def bits(*tensors):
    return [t.detach().cpu() for t in tensors]


def same(a, b):
    torch.testing.assert_close(a, b, rtol=0, atol=0, equal_nan=True)


def check(function, *calls, options=DEFAULT, expected_runs=None):
    """The compiled function gives for each of the calls what the function gives, bit for bit; arguments are left alike."""
    run = compiled(function, **options)
    for arguments in calls:
        ours = copy.deepcopy(arguments)
        torch.manual_seed(1)
        expected = function(*arguments)
        torch.manual_seed(1)
        same(run(*ours), expected)
        same(ours, arguments)
    if expected_runs is not None:
        assert runs() == expected_runs
    return run


def R(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)).to(DEVICE)


# ---- training ----

def train(name, wrap, steps=5):
    make, inputs, count, classes = MODELS[name]
    torch.manual_seed(3)
    model = make().to(DEVICE)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    run, losses = wrap(model), []
    for i in range(steps):
        optimizer.zero_grad()
        loss = F.cross_entropy(run(inputs(i)), ((torch.arange(count) * 7 + i) % classes).to(DEVICE))
        loss.backward()
        optimizer.step()
        losses.append(loss)
    return bits(*losses, *model.state_dict().values()), torch.hologram.get_rng_state()


@pytest.mark.parametrize("options, name", [(BACKENDS[0], "gpt"), (BACKENDS[1], "gpt"), (BACKENDS[1], "dropout"), (NAMED, "mlp"),
                                           *((DEFAULT, name) for name in ("mlp", "gpt", "cnn", "dropout", "norms"))],
                         ids=lambda v: v if isinstance(v, str) else name_of(v))
def test_training(options, name):
    same(train(name, lambda model: compiled(model, **options)), train(name, lambda model: model))
    if options in OURS:
        assert runs() == [2, 2]        # forward and backward, after a plain run and two that are captured


def test_a_whole_step():
    def train(wrap):
        torch.manual_seed(3)
        model = nn.Sequential(nn.Linear(8, 16), nn.GELU(), nn.LayerNorm(16), nn.Linear(16, 4)).to(DEVICE)
        optimizer = torch.optim.Adam(model.parameters(), lr=0.01)

        def step(x, y):
            optimizer.zero_grad()
            loss = F.cross_entropy(model(x), y)
            loss.backward()
            optimizer.step()
            return loss.detach()

        run = wrap(step)
        losses = [run(R(6, 8, seed=i), (torch.arange(6) % 4).to(DEVICE)) for i in range(7)]
        return bits(*losses, *model.parameters())

    same(train(compiled), train(lambda step: step))
    assert len(runs()) == 3 and min(runs()) >= 3


def breaks(device, optimizer_of, options):
    torch._dynamo.reset()
    torch._dynamo.utils.counters.clear()
    model = nn.Linear(4, 4).to(device)
    optimizer = optimizer_of(model.parameters(), lr=0.1)

    @torch.compile(**options)
    def step(x):
        optimizer.zero_grad()
        loss = model(x).square().mean()
        loss.backward()
        optimizer.step()
        return loss

    for _ in range(3):
        step(torch.ones(2, 4, device=device))
    return sum(torch._dynamo.utils.counters["graph_break"].values())


@pytest.mark.parametrize("optimizer", [torch.optim.Adam, torch.optim.SGD])
def test_breaks_of_a_step_are_those_of_the_cpu(optimizer):
    assert breaks(DEVICE, optimizer, DEFAULT) == breaks("cpu", optimizer, {"backend": "eager"})


def test_fused_adam_is_left_out_for_other_backends():
    assert breaks(DEVICE, torch.optim.Adam, {"backend": "aot_eager"}) > breaks(DEVICE, torch.optim.Adam, DEFAULT)


def test_synchronize_is_traced():
    def function(x):
        y = x.sin()
        torch.hologram.synchronize()
        return y + 1

    check(function, (R(4),), options={"fullgraph": True})


@pytest.mark.parametrize("options", [BACKENDS[1], DEFAULT], ids=name_of)
def test_checkpoints_with_dropout(options):
    from torch.utils.checkpoint import checkpoint

    torch.manual_seed(0)
    block = nn.Sequential(nn.Linear(8, 16), nn.Dropout(0.4), nn.GELU(), nn.Linear(16, 8)).to(DEVICE)

    def gradients(run):
        torch.manual_seed(5)
        results = []
        for i in range(4):
            block.zero_grad()
            loss = run(R(6, 8, seed=i)).square().sum()
            loss.backward()
            results += [loss.detach(), *(p.grad.clone() for p in block.parameters())]
        return bits(*results), torch.hologram.get_rng_state()

    function = lambda x: checkpoint(block, x, use_reentrant=False)
    same(gradients(compiled(function, **options)), gradients(function))


def test_gradients_of_attention_without_the_fused_kernel():
    q = R(2, 3, 5, 8)
    mask = R(5, 5).requires_grad_()

    def function(q, mask):
        return F.scaled_dot_product_attention(q, q, q, attn_mask=mask)

    expected = torch.autograd.grad(function(q, mask).sin().sum(), mask)
    run = compiled(function)
    for _ in range(4):
        result = torch.autograd.grad(run(q, mask).sin().sum(), mask)
    torch.testing.assert_close(result, expected)
    assert runs() == [1, 1]


# ---- graphs without gradients ----

def test_sizes_have_plans_of_their_own():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3)).to(DEVICE)
    sizes = [5, 5, 7, 7, 6, 6, 7, 6, 7, 6]
    with torch.no_grad():
        check(model, *((R(n, 8, seed=n),) for n in sizes), options={"dynamic": True})
    assert [r.describe()["plans"] for r in regions()] == [2] and runs() == [4]


def test_training_with_other_batches():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(8, 16), nn.BatchNorm1d(16), nn.GELU(), nn.Linear(16, 3)).to(DEVICE)
    other = copy.deepcopy(model)
    run = compiled(model, dynamic=True)
    for n in (5, 5, 7, 7, 7, 6, 6, 6, 5, 7, 6):
        for module in (run, other):
            module(R(n, 8, seed=n)).square().mean().backward()
    same(bits(*(p.grad for p in model.parameters()), *model.buffers()), bits(*(p.grad for p in other.parameters()), *other.buffers()))
    assert len(runs()) == 2 and min(runs()) > 3


def test_modes():
    x = R(4, 4)
    for mode in ("default", "reduce-overhead", "max-autotune", "max-autotune-no-cudagraphs"):
        for options in OURS:
            torch._dynamo.reset()
            check(lambda x: x @ x + 1, *[(x,)] * 3, options={**options, "mode": mode, "fullgraph": True})
    torch._dynamo.reset()
    check(lambda x: x + 1, (x,), options={**NAMED, "options": {"anything": 1}})
    with pytest.raises(Exception, match="there is no mode 'fastest'. Use one of 'default', 'reduce-overhead'"):
        torch._dynamo.reset()
        compiled(lambda x: x + 1, **NAMED, mode="fastest")(x)


def mutates(x, y):
    x.add_(y)
    x[0] = 7
    return x * 2


def views(x, y):
    z = x + y
    return x.t(), z, z[1:], x[0], x


def state(x, y):
    return x.mul_(2).t(), y.copy_(x) + 1


def rand(x, y):
    return F.dropout(x, 0.5) + torch.rand_like(y), torch.randn(3, device=DEVICE)


def transforms(x, y):
    loss = lambda w: (w * y).tanh().sum()
    return torch.func.grad(loss)(x), torch.func.vmap(torch.dot)(x, y), torch.func.jvp(torch.sin, (x,), (y,))[1]


def half(x, y):
    with torch.autocast(DEVICE, dtype=torch.bfloat16):
        return x @ y


def constants(x, y):
    return x * torch.tensor(3.0, device=DEVICE) + torch.arange(4, device=DEVICE) + torch.tensor([1.0, 2.0, 3.0, 4.0], device=DEVICE) + torch.pi


def empties(x, y):
    return x[:0] * 2, (x[:0], y.sum())


@pytest.mark.parametrize("function", [mutates, views, state, rand, transforms, half, constants, empties], ids=lambda f: f.__name__)
def test_graphs(function):
    check(function, *((R(4, 4, seed=i), R(4, 4, seed=i + 9)) for i in range(5)), expected_runs=[2])


def test_results_share_memory_as_they_did():
    run = compiled(lambda x: (x[1:], x.exp()))
    for i in range(5):
        x = R(4, 4, seed=i)
        version = x._version
        part, other = run(x)
        part.zero_()
        assert x[1:].eq(0).all() and part._version == x._version == version + 1
        other.zero_()
        assert x._version == version + 1
    assert runs() == [2]


def test_versions_of_what_is_written():
    run = compiled(lambda x: x.add_(1).sum())
    for _ in range(5):
        x = R(4)
        version = x._version
        run(x)
        assert x._version > version
    assert runs() == [2]


def test_arguments_that_share_memory():
    def function(x, y):
        x.add_(1)
        return y * 2

    run = compiled(function, dynamic=False)
    for i in range(4):
        x, y = R(4, seed=i), R(4, seed=i + 5)
        same(run(x, y), y * 2)
    x = R(4)
    expected = (x + 1) * 2
    same(run(x, x.view(4)), expected)
    base = R(8)
    left, right = base[:4], base[2:6]
    moved = base.clone()
    moved[:4] += 1
    same(run(left, right), moved[2:6] * 2)
    same(base, moved)


def test_numbers():
    check(lambda x, a: x * a + 1, *((R(4), a) for a in (0.5, 0.5, 0.25, 0.25, 0.25, -0.0, 0.5, 2)))
    torch._dynamo.reset()
    scale = [torch.tensor(v) for v in (2.0, 2.0, 2.0, 2.0, 3.0, 3.0, 3.0)]
    check(lambda x, a: x * a, *((R(4), a) for a in scale))
    torch._dynamo.reset()
    check(lambda x, a: x + a.to(DEVICE), *((R(4), torch.arange(4.0) * i) for i in range(5)))


def test_a_number_that_never_comes_again_ends_the_plans():
    run = compiled(lambda x, a: x * a, dynamic=False)
    x = R(4)
    for i in range(80):
        same(run(x, torch.tensor(float(i))), x * float(i))
    assert "others in each call" in regions()[0].reason


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_inference(mode):
    torch.manual_seed(0)
    block = Block().to(DEVICE).eval()
    run = compiled(block)
    with mode():
        for i in range(5):
            x = R(2, 8, 16, seed=i)
            result = run(x)
            same(result, block(x))
            assert not result.requires_grad and result.is_inference() == (mode is torch.inference_mode)
    assert runs() == [2]
    x = R(2, 8, 16)
    assert run(x).grad_fn is not None      # another graph
    same(run(x), block(x))


def test_tensor_subclasses():
    from torch.testing._internal.two_tensor import TwoTensor

    def gradient(run, i):
        x = TwoTensor(R(3, 4, seed=i), R(3, 4, seed=i + 9)).requires_grad_()
        result = run(x)
        result.sum().backward()
        return bits(result.a, result.b, x.grad.a, x.grad.b)

    function = lambda x: (x * 2).tanh()
    run = compiled(function)
    for i in range(5):
        same(gradient(run, i), gradient(function, i))
    assert min(runs()) >= 2


def test_inside_of_jit():
    run = compiled(lambda x: x.sin() + 1)
    outer = torch.hologram.jit(lambda x: run(x) * 2)
    for i in range(6):
        x = R(4, seed=i)
        same(outer(x), (x.sin() + 1) * 2)


# ---- what is not captured ----

def test_what_depends_on_data_runs_as_it_is_and_says_so():
    from hologram_torch.compile import region

    class Heard(logging.Handler):
        messages = []

        def emit(self, record):
            self.messages.append(record.getMessage())

    with torch._dynamo.config.patch(capture_dynamic_output_shape_ops=True):
        torch._logging.set_logs(perf_hints=True)
        region.log.addHandler(heard := Heard())
        try:
            check(lambda x: x[x > 0] * 2, *((R(5, seed=i),) for i in range(4)), options={"fullgraph": True})
        finally:
            region.log.removeHandler(heard)
            torch._logging.set_logs()
    reason = regions()[0].reason
    assert heard.messages == [f"hologram: the graph 0/0 runs op by op: {reason}"] and "index.Tensor" in reason
    assert f"op by op: {reason}" in str(torch.hologram.explain())


def test_what_computes_on_the_cpu_runs_as_it_is():
    def function(x, y):
        y.add_(1)
        return x * y.sum()

    check(function, *((R(4), torch.arange(3.0) + i) for i in range(4)))
    assert "computes on the CPU" in regions()[0].reason


def test_ops_of_users_are_called():
    calls = []

    @torch.library.custom_op("hologram_tests::counted", mutates_args=())
    def counted(x: torch.Tensor) -> torch.Tensor:
        calls.append(1)
        return x * 3

    counted.register_fake(lambda x: torch.empty_like(x))
    run = compiled(lambda x: counted(x) + 1, fullgraph=True)
    for i in range(5):
        same(run(R(4, seed=i)), R(4, seed=i) * 3 + 1)
    assert len(calls) == 5 and "hologram_tests" in regions()[0].reason


def test_setting_a_generator_is_not_captured():
    @torch.hologram.jit
    def function(x):
        torch.hologram.manual_seed(3)
        return x + torch.rand_like(x)

    with pytest.warns(RuntimeWarning, match="it sets the seed or the state of a generator"):
        results = [function(R(4)) for _ in range(4)]
    for result in results:
        same(result, results[0])


def test_plans_give_their_memory_back():
    function = lambda x: (x * 2).exp()
    run = compiled(function)
    for _ in range(4):
        run(R(4))
    kept = weakref.ref(regions()[0])
    del run, function
    torch._dynamo.reset()
    gc.collect()
    assert kept() is None


# ---- others ----

def test_inductor_is_for_other_devices(monkeypatch):
    import torch._inductor.compile_fx as inductor

    class Reached(Exception):
        pass

    def reached(*args, **kwargs):
        raise Reached

    graph = lambda: torch.fx.symbolic_trace(lambda x: x + 1)
    with pytest.raises(Reached):
        inductor.compile_fx(graph(), [torch.ones(2)], inner_compile=reached)
    same(inductor.compile_fx(graph(), [R(2)], inner_compile=reached)(R(2)), R(2) + 1)
    monkeypatch.setattr(inductor, "_compile_fx_main", reached)      # what Inductor does, whatever called it
    with pytest.raises(Exception, match="Reached"):
        torch.compile(lambda x: x + 1)(torch.ones(2))
    torch._dynamo.reset()
    check(lambda x: x + 1, *[(R(2),)] * 4, expected_runs=[1])


def test_no_compiler_and_no_import_before_use(tmp_path):
    program = """
        import sys, torch
        loaded = lambda name: any(m == name or m.startswith(name + ".") for m in sys.modules)
        assert torch.zeros(1, device="hologram").is_hologram and not loaded("torch._dynamo") and not loaded("torch._inductor")
        model = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 2)).to("hologram")
        run = torch.compile(model)
        for _ in range(5):
            run(torch.ones(3, 4, device="hologram")).sum().backward()
        assert "hologram" in torch._dynamo.list_backends()
        print(torch.hologram.explain())
    """
    environment = {**os.environ, "PATH": str(tmp_path), "CXX": "", "TORCHINDUCTOR_CACHE_DIR": str(tmp_path)}
    root = Path(hologram_torch.__file__).parents[1]
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, [str(root), os.environ.get("PYTHONPATH")]))
    done = subprocess.run([sys.executable, "-c", "import hologram_torch" + textwrap.dedent(program)], capture_output=True, text=True,
                          env=environment)
    assert done.returncode == 0, done.stderr
    assert "forward graph 0/0 of torch.compile: 2 runs of 1 plans" in done.stdout


def test_export():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(8, 16), nn.GELU(), Block()).to(DEVICE).eval()
    batch = torch.export.Dim("batch", min=2, max=64)
    program = torch.export.export(model, (R(3, 8, 8),), dynamic_shapes=({0: batch},))
    assert not any("linear_backward" in str(node.target) for node in program.graph.nodes)
    file = io.BytesIO()
    torch.export.save(program.run_decompositions(), file)
    file.seek(0)
    loaded = torch.export.load(file).module()
    assert next(loaded.parameters()).device.type == DEVICE
    for n in (3, 5):
        torch.testing.assert_close(loaded(R(n, 8, 8)), model(R(n, 8, 8)))


def test_tracers_see_what_linear_is_made_of():
    from torch.fx.experimental.proxy_tensor import make_fx

    def targets(device):
        function = lambda x, w, b: torch.autograd.grad(F.linear(x, w, b).sum(), (w, b))
        inputs = [torch.ones(shape, device=device).requires_grad_() for shape in ((3, 4), (2, 4), (2,))]
        return [str(node.target) for node in make_fx(function)(*inputs).graph.nodes if node.op == "call_function"]

    assert "aten.addmm.default" in targets(DEVICE) and targets(DEVICE) == targets("cpu")


# ---- corrections of torch that it still needs ----

def test_corrections_are_needed():
    from torch._inductor.codegen.common import get_device_op_overrides

    with pytest.raises(KeyError, match=DEVICE):
        get_device_op_overrides(DEVICE)
    x = R(4)
    from torch._prims.rng_prims import run_and_save_rng_state

    with pytest.raises(AssertionError, match="Backend not supported for hologram"):
        _patches.originals["run_and_save_rng_state.select"](torch.ops.aten.bernoulli.default, x.abs().clamp(max=1))
    state, drawn = run_and_save_rng_state(torch.ops.aten.bernoulli.default, x.abs().clamp(max=1))
    assert state.device.type == "cpu" and drawn.device.type == DEVICE

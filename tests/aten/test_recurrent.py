"""LSTM, GRU and RNN layers and cells: values and gradients against the CPU's in float64, and that a layer is one op."""

import copy
import itertools

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence
from torch.utils.checkpoint import checkpoint

from tests.compare import DEVICE, launches, outcome
from tests.modes import host_only

pytestmark = [host_only("recurrent layers as one op; elsewhere they are torch's composites (test_library.py)"),
              pytest.mark.filterwarnings("ignore:LSTM with projections is not supported", "ignore:TF32 acceleration",
                                         "ignore:There is a performance drop")]
LAYERS = {
    "lstm": lambda *a, **kw: nn.LSTM(*a, **kw), "projected": lambda *a, **kw: nn.LSTM(*a, proj_size=3, **kw), "gru": lambda *a, **kw: nn.GRU(*a, **kw),
    "tanh": lambda *a, **kw: nn.RNN(*a, **kw), "relu": lambda *a, **kw: nn.RNN(*a, nonlinearity="relu", **kw),
}
CELLS = {"lstm": nn.LSTMCell, "gru": nn.GRUCell, "tanh": nn.RNNCell, "relu": lambda *a, **kw: nn.RNNCell(*a, nonlinearity="relu", **kw)}
OPS = {"lstm": "lstm", "projected": "lstm", "gru": "gru", "tanh": "rnn_tanh", "relu": "rnn_relu"}


def values(*shape, scale=1.3):
    return (torch.linspace(-3, 4, torch.Size(shape).numel(), dtype=torch.float64).mul(7).sin() * scale).reshape(shape)


def module_of(make, *args, **options):
    torch.manual_seed(0)
    return make(*args, **options).double()


def tensors(results):
    return [results] if isinstance(results, torch.Tensor) else [t for r in results for t in tensors(r)]


def pass_of(module, device, dtype, x, state=(), lengths=None, loss=lambda outputs: sum((o * o.detach().cos() + o * o).sum() for o in outputs)):
    """The results, and the gradients of all inputs and parameters."""
    module = copy.deepcopy(module).to(device, dtype)
    leaves = [t.detach().clone().to(device, dtype).requires_grad_() for t in (x, *state)]
    state = () if not state else (tuple(leaves[1:]),) if len(state) == 2 else (leaves[1],)
    inputs = leaves[0] if lengths is None else pack_padded_sequence(leaves[0], lengths, batch_first=module.batch_first, enforce_sorted=False)
    results = module(inputs, *state)
    if lengths is not None:
        results = (results[0].data, results[1])
    results = tensors(results)
    loss(results).backward()
    return [t.detach().cpu() for t in results] + [t.grad.cpu() for t in (*leaves, *module.parameters())]


def states_of(layer, batch):
    count = layer.num_layers * (1 + layer.bidirectional)
    shapes = [(count, batch, layer.proj_size or layer.hidden_size)] + [(count, batch, layer.hidden_size)] * isinstance(layer, nn.LSTM)
    return [values(*shape) for shape in shapes]


def check(actual, expected, rtol=1e-4, atol=1e-5):
    for number, (a, e) in enumerate(zip(actual, expected, strict=True)):
        torch.testing.assert_close(a.double(), e.double(), rtol=rtol, atol=atol, msg=lambda text: f"number {number}: {text}")


def served(name):
    return torch.hologram.op_report().get(name, {}).get("compiled", 0)


@pytest.mark.parametrize("packed", [False, True], ids=["padded", "packed"])
@pytest.mark.parametrize("name", LAYERS)
def test_values_and_gradients(name, packed):
    """All options of a layer with each other."""
    lengths = torch.tensor([2, 6, 4]) if packed else None
    before, count = served(f"{OPS[name]}.{'data' if packed else 'input'}"), 0
    for layers, both_ways, bias, batch_first, given in itertools.product((1, 2), *[(False, True)] * 4):
        layer = module_of(LAYERS[name], 4, 5, num_layers=layers, bidirectional=both_ways, bias=bias, batch_first=batch_first)
        x = values(3, 6, 4) if batch_first else values(6, 3, 4)
        state = states_of(layer, 3) if given else ()
        actual, expected = (pass_of(layer, device, dtype, x, state, lengths) for device, dtype in ((DEVICE, torch.float32), ("cpu", torch.float64)))
        check(actual, expected)
        count += 1
    assert served(f"{OPS[name]}.{'data' if packed else 'input'}") == before + count


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("name", LAYERS)
def test_other_types_are_as_exact_as_on_the_cpu(name, dtype):
    layer = module_of(LAYERS[name], 6, 8, num_layers=2, bidirectional=True).to(dtype).double()
    x, state = values(9, 4, 6).to(dtype).double(), [t.to(dtype).double() for t in states_of(layer, 4)]
    loss = lambda outputs: sum((o * torch.linspace(-1, 1, o.numel(), device=o.device, dtype=o.dtype).reshape(o.shape)).sum() for o in outputs)
    exact = pass_of(layer, "cpu", torch.float64, x, state, loss=loss)
    ours, stock = (pass_of(layer, device, dtype, x, state, loss=loss) for device in (DEVICE, "cpu"))
    few = {torch.float64: 10, torch.float16: 0.5, torch.bfloat16: 0.5}[dtype] * torch.finfo(dtype).eps     # stock's float64 is the oracle
    for a, c, e in zip(ours, stock, exact, strict=True):
        assert a.dtype == dtype
        assert (a.double() - e).norm() <= 1.1 * (c.double() - e).norm() + few * e.norm()


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("name", CELLS)
def test_cells(name, bias):
    cell = module_of(CELLS[name], 4, 5, bias=bias)
    state = [values(3, 5)] + [values(3, 5) / 2] * (name == "lstm")
    before = served(f"{OPS[name]}_cell")
    actual, expected = (pass_of(cell, device, dtype, values(3, 4), state) for device, dtype in ((DEVICE, torch.float32), ("cpu", torch.float64)))
    check(actual, expected)
    assert served(f"{OPS[name]}_cell") == before + 1


def nodes_of(t):
    seen, queue = set(), [t.grad_fn]
    while queue:
        if (node := queue.pop()) is not None and node not in seen:
            seen.add(node)
            queue += [edge for edge, _ in node.next_functions]
    return len(seen)


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_is_one_node_and_a_step_is_one_kernel(name):
    layer = LAYERS[name](4, 5).to(DEVICE)
    short, long = (torch.randn(n, 3, 4, device=DEVICE) for n in (6, 16))
    kernels = 2 if name == "projected" else 1
    with torch.no_grad():
        assert launches(lambda: layer(long)) - launches(lambda: layer(short)) == 10 * kernels
    assert nodes_of(layer(long)[0]) == nodes_of(layer(short)[0]) == 1 + len(list(layer.parameters()))

    def gradients(x):
        return torch.autograd.grad(layer(x)[0].sum(), list(layer.parameters()))
    assert launches(lambda: gradients(long)) - launches(lambda: gradients(short)) == 20 * kernels


@pytest.mark.parametrize("name", LAYERS)
def test_some_results_and_some_gradients(name):
    """What is not asked for changes nothing, and a graph may be used twice."""
    layer = module_of(LAYERS[name], 4, 5, num_layers=2, bidirectional=True)
    x, state = values(6, 3, 4), states_of(layer, 3)

    def some(device, dtype):
        module = copy.deepcopy(layer).to(device, dtype)
        leaves = [t.detach().clone().to(device, dtype).requires_grad_() for t in (x, *state)]
        parameters = dict(module.named_parameters())
        given = []
        for which in range(len(state) + 1):
            results = tensors(module(leaves[0], tuple(leaves[1:]) if len(state) == 2 else leaves[1]))
            for wanted in (leaves[:1], leaves[1:], list(parameters.values())[1:3], [*leaves, *parameters.values()]):
                gradients = torch.autograd.grad(results[which].square().sum(), wanted, retain_graph=True, allow_unused=True)
                given += [torch.zeros_like(t).cpu() if g is None else g.cpu() for g, t in zip(gradients, wanted)]
        for p in list(parameters.values())[:5]:
            p.requires_grad_(False)
        results = tensors(module(leaves[0].detach()))
        return given + [g.cpu() for g in torch.autograd.grad(results[0].square().sum(), [p for p in parameters.values() if p.requires_grad])]
    check(some(DEVICE, torch.float32), some("cpu", torch.float64))


@pytest.mark.parametrize("name", LAYERS)
def test_gradients_of_gradients(name):
    layer = module_of(LAYERS[name], 2, 4, bidirectional=True).to(DEVICE)
    x, state = values(3, 2, 2).to(DEVICE).requires_grad_(), [t.to(DEVICE).requires_grad_() for t in states_of(layer, 2)]
    names = [n for n, _ in layer.named_parameters()]

    def of(x, *rest):
        hidden = rest[:len(state)]
        return tensors(torch.func.functional_call(layer, dict(zip(names, rest[len(state):])), (x, hidden if len(state) == 2 else hidden[0])))
    inputs = (x, *state, *(p.detach().clone().requires_grad_() for p in layer.parameters()))
    assert torch.autograd.gradcheck(of, inputs, fast_mode=True)
    assert torch.autograd.gradgradcheck(of, inputs, fast_mode=True)


@pytest.mark.parametrize("name", CELLS)
def test_gradients_of_gradients_of_cells(name):
    cell = module_of(CELLS[name], 2, 3).to(DEVICE)
    state = [values(2, 3).to(DEVICE).requires_grad_() for _ in range(1 + (name == "lstm"))]
    of = lambda x, *hidden: tensors(cell(x, hidden if name == "lstm" else hidden[0]))
    assert torch.autograd.gradgradcheck(of, (values(2, 2).to(DEVICE).requires_grad_(), *state), fast_mode=True)


def test_gradients_of_gradients_of_one_tensor_in_two_places():
    def twice(device):
        w, x = values(8, 2).to(device).requires_grad_(), values(3, 2, 2).to(device).requires_grad_()
        packed = pack_padded_sequence(x, torch.tensor([3, 1]))
        out, hy, _ = torch.lstm(packed.data, packed.batch_sizes, [torch.zeros(1, 2, 2, device=device).double()] * 2, [w, w], False, 1, 0.0, True, False)
        first = torch.autograd.grad((out * out).sum() + hy.sum(), (w, x), create_graph=True)
        return [t.cpu() for t in (*first, *torch.autograd.grad(sum(g.square().sum() for g in first), (w, x)))]
    check(twice(DEVICE), twice("cpu"), 1e-9, 1e-9)


def test_dropout_between_layers():
    for p in (0.0, 1.0):
        layer = module_of(LAYERS["gru"], 4, 5, num_layers=3, dropout=p)
        check(*(pass_of(layer, device, dtype, values(6, 3, 4)) for device, dtype in ((DEVICE, torch.float32), ("cpu", torch.float64))))
    layer = LAYERS["lstm"](4, 64, num_layers=2, dropout=0.5).to(DEVICE)
    x = torch.randn(6, 8, 4, device=DEVICE)
    assert not torch.equal(layer(x)[0], layer(x)[0])
    layer.eval()
    assert torch.equal(layer(x)[0], layer(x)[0])


@pytest.mark.parametrize("name", LAYERS)
def test_bits_do_not_depend_on_recording(name):
    layer = module_of(LAYERS[name], 4, 5, num_layers=2, bidirectional=True)
    recorded = pass_of(layer, DEVICE, torch.float32, values(6, 3, 4) + 1, loss=lambda outputs: outputs[0].sum())
    with torch.hologram.no_fusion():
        alone = pass_of(layer, DEVICE, torch.float32, values(6, 3, 4) + 1, loss=lambda outputs: outputs[0].sum())
    assert all(torch.equal(a, b) for a, b in zip(recorded, alone, strict=True))


@pytest.mark.parametrize("name", LAYERS)
def test_layouts(name):
    """Inputs, states and weights that are views: strided, expanded, transposed."""
    def results(device, dtype):
        layer = module_of(LAYERS[name], 4, 5, bidirectional=True).to(device, dtype)
        flat = [nn.Parameter(p.detach().repeat_interleave(2, -1)[..., ::2] if i % 2 else p.detach().mT.contiguous().mT if p.dim() == 2 else p.detach())
                for i, p in enumerate(layer.parameters())]
        for n, p in zip([n for n, _ in layer.named_parameters()], flat):
            setattr(layer, n, p)
        x = values(3, 12, 8).to(device, dtype).transpose(0, 1)[::2, :, ::2].requires_grad_()
        state = [t[:1].to(device, dtype).expand_as(t).requires_grad_() for t in states_of(layer, 3)]
        outputs = tensors(layer(x, tuple(state) if len(state) == 2 else state[0]))
        return [t.detach().cpu() for t in (*outputs, *torch.autograd.grad(sum(o.square().sum() for o in outputs), [x, *state, *flat]))]
    check(results(DEVICE, torch.float32), results("cpu", torch.float64))


def test_autocast():
    layer, x = LAYERS["lstm"](4, 8, num_layers=2).to(DEVICE), torch.randn(5, 3, 4, device=DEVICE)
    with torch.autocast(DEVICE, torch.bfloat16):
        out, (h, c) = layer(x)
        packed = layer(pack_padded_sequence(x, torch.tensor([5, 2, 1])))[0].data
    assert {t.dtype for t in (out, h, c, packed)} == {torch.bfloat16}
    out.float().sum().backward()
    assert {p.grad.dtype for p in layer.parameters()} == {torch.float32}
    torch.testing.assert_close(out.float(), layer(x)[0], rtol=0.05, atol=0.02)


def test_hooks_of_saved_tensors():
    layer, x = LAYERS["gru"](4, 5).to(DEVICE), torch.randn(6, 3, 4, device=DEVICE)
    parameters = list(layer.parameters())
    expected = torch.autograd.grad(layer(x)[0].square().sum(), parameters)
    with torch.autograd.graph.save_on_cpu():
        offloaded = torch.autograd.grad(layer(x)[0].square().sum(), parameters)
    again = torch.autograd.grad(checkpoint(lambda x: layer(x)[0], x, use_reentrant=False).square().sum(), parameters)
    for gradients in (offloaded, again):
        assert all(torch.equal(a, e) for a, e in zip(gradients, expected, strict=True))
    for wrong in (lambda t: t[:1], lambda t: t.cpu(), lambda t: t.double()):
        with torch.autograd.graph.saved_tensors_hooks(lambda t: t, wrong):
            out = layer(x)[0]
        with pytest.raises(RuntimeError):
            out.sum().backward()


def test_inference_keeps_nothing():
    layer, x = LAYERS["lstm"](8, 64).to(DEVICE), torch.randn(64, 16, 8, device=DEVICE)
    with torch.no_grad():
        expected = layer(x)[0]
    assert torch.equal(layer(x)[0], expected) and expected.grad_fn is None
    with torch.inference_mode():
        assert torch.equal(layer(x)[0], expected) and served("lstm.input") > 0


WRONG = {
    "no steps": lambda d: nn.LSTM(3, 4).to(d)(torch.zeros(0, 2, 3, device=d)),
    "no sequences": lambda d: nn.GRU(3, 4).to(d)(torch.zeros(5, 0, 3, device=d))[0].shape,
    "one state": lambda d: torch.lstm(torch.zeros(5, 2, 3, device=d), [torch.zeros(1, 2, 4, device=d)], [], False, 1, 0.0, True, False, False),
    "few weights": lambda d: torch.gru(torch.zeros(5, 2, 3, device=d), torch.zeros(1, 2, 4, device=d), [torch.zeros(12, 3, device=d)], True, 1, 0.0, True,
                                       False, False),
    "few states": lambda d: torch.lstm(torch.zeros(5, 2, 3, device=d), [torch.zeros(2, 2, 4, device=d)] * 2, [torch.zeros(16, 3, device=d)] * 2, False, 1,
                                       0.0, True, False, False),
    "another width": lambda d: torch.gru_cell(torch.zeros(2, 3, device=d), torch.zeros(2, 4, device=d), torch.zeros(12, 5, device=d),
                                              torch.zeros(12, 4, device=d)),
    "another batch": lambda d: torch.lstm_cell(torch.zeros(2, 3, device=d), [torch.zeros(3, 4, device=d)] * 2, torch.zeros(16, 3, device=d),
                                               torch.zeros(16, 4, device=d)),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_calls_are_refused_as_on_the_cpu(case):
    with torch.backends.mkldnn.flags(enabled=False):
        assert outcome(lambda: WRONG[case](DEVICE)) == outcome(lambda: WRONG[case]("cpu"))


def test_torch_func():
    def results(device):
        layer = module_of(LAYERS["lstm"], 3, 4).to(device)
        x, parameters = values(5, 2, 3).to(device), dict(layer.named_parameters())
        of = lambda p, x: torch.func.functional_call(layer, p, (x,))[0].square().sum()
        return [t.cpu() for t in (*torch.func.grad(of)(parameters, x).values(), torch.func.jacrev(of, 1)(parameters, x))]
    check(results(DEVICE), results("cpu"), 1e-9, 1e-9)


@pytest.mark.parametrize("name", LAYERS)
def test_captured_and_replayed(name):
    layer = module_of(LAYERS[name], 4, 5, num_layers=2, bidirectional=True).to(DEVICE, torch.float32)
    lengths = torch.tensor([6, 4, 1])

    def step(x):
        for p in layer.parameters():
            p.grad = None
        loss = layer(x)[0].square().sum() + layer(pack_padded_sequence(x, lengths))[0].data.sum()
        loss.backward()
        return loss.detach()

    def done(step, x):
        return [step(x).clone()] + [p.grad.clone() for p in layer.parameters()]
    captured = torch.hologram.jit(step)
    for i in range(4):
        x = values(6, 3, 4, scale=i + 1).to(DEVICE, torch.float32)
        assert all(torch.equal(a, e) for a, e in zip(done(captured, x), done(step, x), strict=True))
    assert captured.plans()[0]["runs"] >= 1


def test_a_replay_is_for_the_lengths_it_was_captured_with():
    layer, x = LAYERS["lstm"](4, 5).to(DEVICE), torch.randn(6, 3, 4, device=DEVICE)
    of = lambda packed: layer(packed)[0].data.square()
    captured = torch.hologram.jit(of)
    for lengths in ([6, 4, 1], [6, 4, 1], [6, 4, 1], [6, 3, 2], [5, 5, 1], [6, 4, 1]):
        packed = pack_padded_sequence(x, torch.tensor(lengths))
        with torch.no_grad():
            assert torch.equal(captured(packed), of(packed)), lengths
    assert any(plan["runs"] for plan in captured.plans())


def test_tracers_see_what_they_see_on_the_cpu():
    from torch._dispatch.python import enable_python_dispatcher
    from torch.fx.experimental.proxy_tensor import make_fx

    def ops(device):
        layer = nn.GRU(3, 4).to(device)
        names = [n for n, _ in layer.named_parameters()]
        of = lambda x, *p: torch.func.functional_call(layer, dict(zip(names, p)), (x,))[0]
        with enable_python_dispatcher():
            graph = make_fx(of, tracing_mode="fake")(torch.randn(5, 2, 3, device=device), *layer.parameters())
        return [str(node.target) for node in graph.graph.nodes]
    assert ops(DEVICE) == ops("cpu")

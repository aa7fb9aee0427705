"""Exporters, tracers and ops of users: each sees the device as torch's own devices are seen."""

import importlib.util
import io

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from hologram_torch import _patches
from tests.compare import DEVICE


def R(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)).to(DEVICE)


def close(a, b):
    torch.testing.assert_close(a, b)


# ---- ops of users ----

CHECKS = {"test_schema", "test_autograd_registration", "test_faketensor", "test_aot_dispatch_dynamic"}


def checked(op, *args):
    assert torch.library.opcheck(op, args) == dict.fromkeys(CHECKS, "SUCCESS")


@torch.library.custom_op("hologram_tests::cube", mutates_args=())
def cube(x: torch.Tensor, factor: float) -> torch.Tensor:
    return x * x * x * factor


@cube.register_fake
def _(x, factor):
    return torch.empty_like(x)


def cube_backward(ctx, gradient):
    return gradient * 3 * ctx.saved_tensors[0].square() * ctx.factor, None


def cube_saves(ctx, inputs, output):
    ctx.save_for_backward(inputs[0])
    ctx.factor = inputs[1]


cube.register_autograd(cube_backward, setup_context=cube_saves)


@torch.library.custom_op("hologram_tests::twice", mutates_args=(), device_types="cpu")
def twice(x: torch.Tensor) -> torch.Tensor:
    return torch.from_numpy(x.detach().numpy() * 2)


@twice.register_fake
def _(x):
    return torch.empty_like(x)


@torch.library.custom_op("hologram_tests::count_up", mutates_args={"x"}, device_types="cpu")
def count_up(x: torch.Tensor) -> None:
    x.numpy()[:] += 1


def test_an_op_with_a_gradient():
    x = R(5).requires_grad_()
    checked(cube, x, 2.0)
    close(torch.autograd.grad(cube(x, 2.0).sum(), x)[0], 6 * x.detach().square())
    run = torch.compile(lambda x: cube(x, 2.0) + 1, fullgraph=True)
    close(torch.autograd.grad(run(x).sum(), x)[0], 6 * x.detach().square())


def test_an_op_with_a_kernel_for_the_cpu_only():
    x = R(5)
    checked(twice, x)
    assert twice(x).device == x.device
    close(twice(x), x * 2)
    version = x._version
    count_up(x)
    close(x, R(5) + 1)
    assert x._version == version + 1
    checked(count_up, x)


def test_an_op_with_a_kernel_for_the_device():
    @torch.library.custom_op("hologram_tests::either", mutates_args=(), device_types="cpu")
    def either(x: torch.Tensor) -> torch.Tensor:
        return x * 2

    either.register_kernel(DEVICE)(lambda x: x * 3)
    either.register_fake(torch.empty_like)
    assert either(torch.ones(3)).tolist() == [2, 2, 2] and either(torch.ones(3, device=DEVICE)).tolist() == [3, 3, 3]
    checked(either, R(5))


def test_an_op_of_a_library():
    library = torch.library.Library("hologram_tests_of_a_library", "DEF")
    try:
        library.define("plus(Tensor x) -> Tensor")
        library.impl("plus", lambda x: x + 1, "PrivateUse1")
        library.impl("plus", lambda x: x + 2, "CPU")
        assert torch.ops.hologram_tests_of_a_library.plus(torch.zeros(2, device=DEVICE)).tolist() == [1, 1]
    finally:
        library._destroy()


def test_an_op_whose_gradient_stands_in_the_wrong_place():
    class Square(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * x

        @staticmethod
        def backward(ctx, gradient):
            return gradient

    library = torch.library.Library("hologram_tests_wrong", "DEF")
    try:
        library.define("square(Tensor x) -> Tensor")
        library.impl("square", Square.apply, "PrivateUse1")
        op = torch.ops.hologram_tests_wrong.square.default
        with pytest.raises(Exception, match="a result requires a gradient, and the op has no autograd kernel"):
            torch.library.opcheck(op, (R(3).requires_grad_(),), test_utils="test_autograd_registration")
        library.impl("square", Square.apply, "AutogradPrivateUse1")
        torch.library.opcheck(op, (R(3).requires_grad_(),), test_utils="test_autograd_registration")
    finally:
        library._destroy()
    with pytest.raises(NotImplementedError, match="NYI devices other than CPU/CUDA/XPU"):
        _patches.originals["autograd_registration_check"](torch.ops.aten.sin.default, (R(3).requires_grad_(),), {})


# ---- attention that is written in Python ----

@pytest.mark.parametrize("wrap", [lambda f: f, torch.compile], ids=["eager", "compiled"])
@pytest.mark.filterwarnings("ignore:flex_attention called without torch.compile")
def test_flex_attention(wrap):
    from torch.nn.attention.flex_attention import create_block_mask, flex_attention

    torch._dynamo.reset()
    mask = create_block_mask(lambda b, h, i, j: i >= j, 1, 1, 16, 16, device=DEVICE, BLOCK_SIZE=16)
    assert mask.kv_num_blocks.device.type == DEVICE
    run = wrap(lambda q, k, v: flex_attention(q, k, v, score_mod=lambda s, b, h, i, j: s + (i - j) * 0.1, block_mask=mask))
    bias = torch.arange(16.0)[:, None].sub(torch.arange(16.0)).mul(0.1).masked_fill(torch.ones(16, 16).triu(1).bool(), -torch.inf)
    for seed in range(4):
        q, k, v = (R(1, 2, 16, 8, seed=seed + i).requires_grad_() for i in range(3))
        expected = F.scaled_dot_product_attention(q, k, v, attn_mask=bias.to(DEVICE))
        result = run(q, k, v)
        close(result, expected)
        for got, known in zip(torch.autograd.grad(result.sum(), (q, k, v)), torch.autograd.grad(expected.sum(), (q, k, v))):
            close(got, known)


def test_flex_attention_needs_its_correction():
    from torch.nn.attention import flex_attention  # noqa: F401

    with pytest.raises(ValueError, match="FlexAttention is only supported on"):
        _patches.originals["_validate_device"](R(1, 1, 2, 2), R(1, 1, 2, 2), R(1, 1, 2, 2))
    with pytest.raises(NotImplementedError, match="backward on CPU"):       # as ever
        torch.nn.attention.flex_attention.flex_attention(*(torch.ones(1, 1, 2, 2, requires_grad=True) for _ in range(3)))


# ---- TorchScript ----

def net():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Tanh(), nn.Linear(8, 2)).to(DEVICE)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_script_and_trace():
    model, x = net().eval(), R(3, 4)
    script = torch.jit.script(model)
    file = io.BytesIO()
    torch.jit.save(script, file)
    ways = [script, torch.jit.trace(model, x), torch.jit.freeze(script), torch.jit.optimize_for_inference(torch.jit.script(model)),
            torch.jit.load(io.BytesIO(file.getvalue()))]
    for way in ways:
        for i in range(3):          # the profiling executor specialises in the second
            close(way(R(3, 4, seed=i)), model(R(3, 4, seed=i)))
    elsewhere = torch.jit.load(io.BytesIO(file.getvalue()), map_location="cpu")
    close(elsewhere(x.cpu()), model(x).cpu())
    assert next(ways[-1].parameters()).device.type == DEVICE


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_script_trains():
    model, script = net(), torch.jit.script(net())
    for i in range(4):
        for module in (model, script):
            module(R(3, 4, seed=i)).square().sum().backward()
    for a, b in zip(model.parameters(), script.parameters()):
        close(b.grad, a.grad)


# ---- make_fx, export ----

def test_make_fx_with_sizes_and_with_fake_tensors():
    from torch.fx.experimental.proxy_tensor import make_fx

    def function(x):
        return (x @ x.t()).softmax(-1).sum(0) + x.shape[0]

    for mode in ("real", "fake", "symbolic"):
        graph = make_fx(function, tracing_mode=mode)(R(3, 4))
        close(graph(R(3, 4, seed=1)), function(R(3, 4, seed=1)))
    close(graph(R(5, 4)), function(R(5, 4)))     # the last one asks for sizes


def test_export_of_a_training_graph_and_for_other_sizes():
    class Loss(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = net()

        def forward(self, x):
            return self.net(x).square().mean()

    module = Loss().train()
    program = torch.export.export(module, (R(3, 4),), dynamic_shapes=({0: torch.export.Dim("batch", min=2)},), strict=True)
    buffers = {name: t.clone() for name, t in module.state_dict().items()}
    close(program.module()(R(6, 4)), module(R(6, 4)))
    module.load_state_dict(buffers)
    with pytest.raises(Exception, match="batch|size|shape|Guard"):
        program.module()(R(6, 3))


@pytest.mark.skipif(not importlib.util.find_spec("onnxscript"), reason="onnx and onnxscript are not installed")
def test_onnx():
    import numpy
    import onnx
    from onnx.reference import ReferenceEvaluator

    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(144, 5), nn.GELU(),
                          nn.LayerNorm(5)).to(DEVICE).eval()
    x = R(2, 3, 8, 8)
    written = torch.onnx.export(model, (x,), dynamo=True, verbose=False).model_proto
    onnx.checker.check_model(written)
    [result] = ReferenceEvaluator(written).run(None, {written.graph.input[0].name: x.cpu().numpy()})
    numpy.testing.assert_allclose(result, model(x).detach().cpu().numpy(), rtol=1e-4, atol=1e-5)

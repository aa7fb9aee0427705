"""Function transforms, forward-mode differentiation, checks of gradients, hooks, checkpoints, export and fake tensors: the
device does what the CPU does."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.func import functional_call, grad, grad_and_value, hessian, jacfwd, jacrev, jvp, linearize, vjp, vmap
from torch.utils.checkpoint import checkpoint, checkpoint_sequential

from hologram_torch.torch_release import RELEASE
from tests.compare import DEVICE, assert_same, check_program, outcome


def tensors(device, *shapes, dtype=torch.float32):
    return [torch.linspace(-1, 1.3, max(1, torch.Size(s).numel()), dtype=dtype).reshape(s).sin().to(device) for s in shapes]


def net():
    torch.manual_seed(3)
    return nn.Sequential(nn.Linear(4, 6), nn.LayerNorm(6), nn.GELU(), nn.Linear(6, 3))


# Functions of a vector of 6; the result is a vector or a number.
FUNCTIONS = {
    "pointwise": lambda x: x.tanh() * x.exp() + torch.where(x > 0, x, x.sigmoid()),
    "reductions": lambda x: x.softmax(0) * x.var() + x.logsumexp(0) + x.norm(),
    "scans": lambda x: x.cumsum(0) + x.exp().cumprod(0) + x.logcumsumexp(0),
    "matmul": lambda x: (x.reshape(2, 3) @ x.reshape(3, 2)).flatten() * x[:4],
    "indexing": lambda x: torch.cat([x[x.argsort()], x[1:4].flip(0), x.gather(0, torch.tensor([5, 0], device=x.device))]),
    "normalisation": lambda x: F.layer_norm(x.reshape(2, 3), (3,)).flatten() * F.silu(x),
    "loss": lambda x: F.mse_loss(x.sigmoid(), x.roll(1)) + F.cross_entropy(x.reshape(2, 3), torch.tensor([2, 0], device=x.device)),
    "linalg": lambda x: torch.linalg.inv(x.reshape(2, 3) @ x.reshape(2, 3).T + torch.eye(2, device=x.device)).flatten(),
    "convolution": lambda x: F.conv1d(x.reshape(1, 1, 6), x[:3].reshape(1, 1, 3), padding=1).flatten(),
}
TRANSFORMS = {
    "vmap": lambda f, x, v: vmap(f)(torch.stack([x, v, x * v])),
    "vmap of vmap": lambda f, x, v: vmap(vmap(f))(torch.stack([x, v, x * v, x + v]).reshape(2, 2, 6)),
    "vmap over the last dimension": lambda f, x, v: vmap(f, in_dims=1, out_dims=-1)(torch.stack([x, v], 1)),
    "grad": lambda f, x, v: grad(lambda y: f(y).sum())(x),
    "grad_and_value": lambda f, x, v: list(grad_and_value(lambda y: f(y).sum())(x)),
    "grad of grad": lambda f, x, v: grad(lambda y: grad(lambda z: f(z).sum())(y).square().sum())(x),
    "jvp": lambda f, x, v: list(jvp(f, (x,), (v,))),
    "vjp": lambda f, x, v: (lambda out, pull: [out, pull(torch.ones_like(out))[0]])(*vjp(f, x)),
    "jacrev": lambda f, x, v: jacrev(f)(x),
    "jacfwd": lambda f, x, v: jacfwd(f)(x),
    "hessian": lambda f, x, v: hessian(lambda y: f(y).sum())(x),
    "vmap of grad": lambda f, x, v: vmap(grad(lambda y: f(y).sum()))(torch.stack([x, v])),
    "vmap of jvp": lambda f, x, v: vmap(lambda t: jvp(f, (x,), (t,))[1])(torch.stack([x, v])),
    "jvp of grad": lambda f, x, v: jvp(grad(lambda y: f(y).sum()), (x,), (v,))[1],
    "linearize": lambda f, x, v: (lambda out, push: [out, push(v)])(*linearize(f, x)),
}
# vmap cannot take a mask of data-dependent size or sort order into account: nothing of the sort is in FUNCTIONS.


@pytest.mark.parametrize("transform", TRANSFORMS)
@pytest.mark.parametrize("function", FUNCTIONS)
def test_transforms(function, transform):
    def program(device):
        x, v = tensors(device, (6,), (6,))
        return TRANSFORMS[transform](FUNCTIONS[function], x, v.cos())

    check_program(program, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("randomness", ["same", "different"])
def test_random_numbers_under_vmap(randomness):
    x = torch.ones(4, 1000, device=DEVICE)
    rows = [vmap(lambda row: F.dropout(row, 0.5), randomness=randomness)(x) for _ in range(2)
            if torch.manual_seed(5) is not None]
    assert torch.equal(*rows) and rows[0].device.type == DEVICE
    assert (rows[0] == 0).float().mean().item() == pytest.approx(0.5, abs=0.05)
    assert all(torch.equal(rows[0][0], row) for row in rows[0]) == (randomness == "same")
    with pytest.raises(RuntimeError, match="randomness"):
        vmap(lambda row: F.dropout(row, 0.5))(x)


def test_gradients_of_each_sample():
    def program(device):
        model = net().to(device)
        parameters = {name: p.detach() for name, p in model.named_parameters()}
        x, y = tensors(device, (5, 4), (5, 3))

        def loss(parameters, x, y):
            return F.mse_loss(functional_call(model, parameters, (x,)), y)

        return vmap(grad(loss), in_dims=(None, 0, 0))(parameters, x, y)

    check_program(program)


def test_an_ensemble_of_models():
    def program(device):
        models = [net().to(device) for _ in range(3)]
        with torch.no_grad():
            for k, model in enumerate(models):
                for p in model.parameters():
                    p.mul_(1 + k)
        parameters, buffers = torch.func.stack_module_state(models)
        return vmap(lambda p, b, x: functional_call(models[0], (p, b), (x,)), in_dims=(0, 0, None))(
            parameters, buffers, tensors(device, (5, 4))[0]).detach()

    check_program(program)


def test_functionalize_and_make_fx():
    from torch.fx.experimental.proxy_tensor import make_fx

    def function(x):
        y = x.clone()
        y[0].add_(1)
        return y.mul_(2).t()

    x, = tensors(DEVICE, (2, 3))
    graph = make_fx(torch.func.functionalize(function))(x)
    assert_same(graph(x).cpu(), function(x).cpu())
    assert not any(str(node.target).endswith("_.Tensor") for node in graph.graph.nodes)


# ---- forward mode, double backward, checks ----

def test_dual_numbers():
    def program(device):
        x, t = tensors(device, (3, 4), (3, 4))
        with torch.autograd.forward_ad.dual_level():
            dual = torch.autograd.forward_ad.make_dual(x, t)
            results = [F.softplus(dual).sum(1), dual @ dual.T, F.layer_norm(dual, (4,)), dual[:, 1].clone().mul_(dual[:, 2])]
            model = net().to(device)
            results.append(model(dual))
            return [part.detach() for r in results for part in torch.autograd.forward_ad.unpack_dual(r)]

    check_program(program, rtol=1e-4, atol=1e-5)


def test_forward_over_backward():
    def program(device):
        x, t = tensors(device, (4,), (4,))
        with torch.autograd.forward_ad.dual_level():
            dual = torch.autograd.forward_ad.make_dual(x.requires_grad_(), t)
            gradient, = torch.autograd.grad((dual.exp() * dual.cumsum(0)).sum(), dual, create_graph=True)
            return torch.autograd.forward_ad.unpack_dual(gradient).tangent.detach()

    check_program(program)


def test_double_backward_through_a_network():
    def program(device):
        model, (x,) = net().to(device), tensors(device, (5, 4))
        x.requires_grad_()
        first, = torch.autograd.grad(model(x).square().sum(), x, create_graph=True)
        penalty = (first.norm(dim=1) - 1).square().mean()          # the gradient penalty of a WGAN
        penalty.backward()
        return [first.detach(), penalty.detach(), x.grad, *(p.grad for p in model.parameters() if p.grad is not None)]

    check_program(program, rtol=1e-4, atol=1e-5)


CHECKED = {
    "linear": lambda x, w: F.linear(x, w).tanh(),
    "attention": lambda x, w: F.scaled_dot_product_attention(x[None], w[None], w[None] * 2),
    "convolution": lambda x, w: F.conv1d(x[:, None], w[:2, None, :3]),
    "layer_norm": lambda x, w: F.layer_norm(x, (4,), w[0], w[1]),
    "group_norm": lambda x, w: F.group_norm(x[None].transpose(1, 2), 2, w[0], w[1]),
    "pooling": lambda x, w: F.avg_pool1d(x[None], 2) * w.sum(),
    "embedding": lambda x, w: F.embedding(torch.tensor([0, 2, 0], device=x.device), x) @ w.T,
    "scatter": lambda x, w: x.scatter_add(0, torch.zeros_like(x[:2], dtype=torch.int64), w[:2]),
    "index_put": lambda x, w: x.index_put((torch.tensor([1, 1], device=x.device),), w[:2], accumulate=True),
    "losses": lambda x, w: torch.stack([F.huber_loss(x, w), F.kl_div(x.log_softmax(1), w.softmax(1), reduction="batchmean"),
                                        F.binary_cross_entropy(x.sigmoid(), w.sigmoid())]),
    "special functions": lambda x, w: torch.special.i1e(x) + torch.erfinv(x / 4) + torch.lgamma(w.abs() + 1),
    "interpolation": lambda x, w: F.interpolate(x[None, None], scale_factor=2, mode="bilinear") * w.mean(),
    "svd": lambda x, w: torch.linalg.svdvals(x + 2 * torch.eye(3, 4, dtype=x.dtype, device=x.device)) * w.sum(),
    "complex": lambda x, w: torch.fft.rfft(x).abs() + torch.view_as_real(torch.complex(x, w)).sum(2)[:, :3],
}


# torch's own attention on the CPU does not pass these checks any more.
REFUSED = {"attention"} if RELEASE >= (2, 14) else set()


def check_gradients(name, device):
    x, w = (t.requires_grad_() for t in tensors(device, (3, 4), (3, 4), dtype=torch.float64))
    w = (w.detach() * 0.7 + 0.2).requires_grad_()
    assert torch.autograd.gradcheck(CHECKED[name], (x, w), check_forward_ad=True, check_batched_grad=True)
    assert torch.autograd.gradgradcheck(CHECKED[name], (x, w))


@pytest.mark.parametrize("name", CHECKED)
def test_gradcheck(name):
    if name not in REFUSED:
        return check_gradients(name, DEVICE)
    (expected, _), (actual, text) = outcome(lambda: check_gradients(name, "cpu")), outcome(lambda: check_gradients(name, DEVICE))
    assert expected is not None and actual is expected, text


def test_a_custom_function_with_every_mode():
    class Cube(torch.autograd.Function):
        generate_vmap_rule = True

        @staticmethod
        def forward(x):
            return x ** 3

        @staticmethod
        def setup_context(ctx, inputs, output):
            ctx.save_for_backward(inputs[0])
            ctx.save_for_forward(inputs[0])

        @staticmethod
        def backward(ctx, g):
            return 3 * ctx.saved_tensors[0] ** 2 * g

        @staticmethod
        def jvp(ctx, t):
            return 3 * ctx.saved_tensors[0] ** 2 * t

    def program(device):
        x, t = tensors(device, (4,), (4,))
        return [vmap(Cube.apply)(x), hessian(lambda y: Cube.apply(y).sum())(x), jvp(Cube.apply, (x,), (t,))[1],
                vmap(grad(lambda y: Cube.apply(y)))(x)]

    check_program(program)
    x, = tensors(DEVICE, (4,), dtype=torch.float64)
    assert torch.autograd.gradcheck(Cube.apply, (x.requires_grad_(),))


# ---- hooks ----

def test_hooks_of_tensors_and_nodes():
    def program(device):
        x, = tensors(device, (3,))
        x.requires_grad_()
        seen = []
        y = x * 2
        y.retain_grad()
        y.register_hook(lambda g: seen.append(g.clone()) or g * 3)
        y.grad_fn.register_prehook(lambda grads: seen.append(grads[0].clone()))
        y.grad_fn.register_hook(lambda inputs, outputs: seen.append(inputs[0].clone()))
        x.register_post_accumulate_grad_hook(lambda p: seen.append(p.grad.clone()))
        y.exp().sum().backward()
        return [*seen, y.grad, x.grad]

    check_program(program)


def test_hooks_of_modules():
    def program(device):
        model, (x,) = net().to(device), tensors(device, (5, 4))
        seen = []
        model[0].register_forward_pre_hook(lambda m, args: (args[0] * 2,))
        model[0].register_forward_hook(lambda m, args, out: seen.append(out.detach().clone()) or out + 1)
        model[1].register_full_backward_pre_hook(lambda m, g: (g[0] * 2,))
        model[1].register_full_backward_hook(lambda m, gi, go: seen.append(gi[0].clone()))
        model.register_state_dict_post_hook(lambda m, state, prefix, meta: seen.append(len(state)))
        model(x).sum().backward()
        model.state_dict()
        return [*seen, *(p.grad for p in model.parameters())]

    check_program(program, rtol=1e-4, atol=1e-5)


def test_saved_tensors_packed_by_hooks():
    def program(device):
        x, = tensors(device, (3, 4))
        x.requires_grad_()
        packed = []
        with torch.autograd.graph.saved_tensors_hooks(lambda t: packed.append(t.device.type) or t.cpu(), lambda t: t.to(device)):
            y = (x.exp() * x.sigmoid()).softmax(1).square().sum()
        y.backward()
        assert len(packed) >= 3 and set(packed) == {torch.device(device).type}
        with torch.autograd.graph.save_on_cpu():
            z = (x.exp() * x).sum()
        z.backward()
        return [y.detach(), x.grad]

    check_program(program)


def test_a_hook_that_fails_leaves_the_device_usable():
    x, = tensors(DEVICE, (3,))
    x.requires_grad_()
    y = x.exp()
    y.register_hook(lambda g: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        y.sum().backward()
    assert x.grad is None
    (x * 2).sum().backward()
    assert x.grad.tolist() == [2, 2, 2]


# ---- checkpoints ----

@pytest.mark.parametrize("reentrant", [False, True])
def test_checkpoints_recompute_the_same_numbers(reentrant):
    """Dropout inside: the device's generator is put back for the second run."""
    def program(device):
        torch.manual_seed(11)
        block = nn.Sequential(nn.Linear(4, 4), nn.Dropout(0.4), nn.Tanh()).to(device)
        x, = tensors(device, (8, 4))
        results = []
        for run in (lambda t: block(t), lambda t: checkpoint(block, t, use_reentrant=reentrant),
                    lambda t: checkpoint_sequential(block, 2, t, use_reentrant=reentrant)):
            torch.manual_seed(12)
            for p in (*block.parameters(), x):
                p.grad = None
            y = run(x.requires_grad_())
            y.square().sum().backward()
            results.append([y.detach(), x.grad, *(p.grad for p in block.parameters())])
        return results

    plain, once, parts = program(DEVICE)
    for other in (once, parts):
        assert all(torch.equal(a, b) for a, b in zip(other, plain, strict=True))


def test_selective_checkpoints():
    from torch.utils.checkpoint import CheckpointPolicy, create_selective_checkpoint_contexts

    counted = []

    def policy(ctx, op, *args, **kwargs):
        counted.append(str(op))
        return CheckpointPolicy.MUST_SAVE if op is torch.ops.aten.mm.default else CheckpointPolicy.PREFER_RECOMPUTE

    def program(device):
        x, w = (t.requires_grad_() for t in tensors(device, (4, 4), (4, 4)))
        y = checkpoint(lambda a, b: (a @ b).sigmoid().exp().sum(), x, w, use_reentrant=False,
                       context_fn=lambda: create_selective_checkpoint_contexts(policy))
        y.backward()
        return [y.detach(), x.grad, w.grad]

    check_program(program)
    assert "aten.mm.default" in counted


# ---- export, fake tensors, meta ----

class Branches(nn.Module):
    def __init__(self):
        super().__init__()
        self.body, self.scale = net(), nn.Parameter(torch.tensor(0.5))
        self.register_buffer("steps", torch.zeros((), dtype=torch.int64))

    def forward(self, x):
        y = self.body(x) * self.scale
        y = y.masked_fill(x.sum(1, keepdim=True) > 3, 0)
        return {"y": y, "rows": y.shape[0], "top": y.topk(2, dim=-1)[1]}


def test_export():
    def program(device):
        model, (x,) = Branches().to(device).eval(), tensors(device, (5, 4))
        batch = torch.export.Dim("batch", min=2, max=64)
        exported = torch.export.export(model, (x,), dynamic_shapes={"x": {0: batch}})
        wider, = tensors(device, (9, 4))
        with torch.no_grad():
            result = exported.module()(wider)
        assert result["rows"] == 9
        return [result["y"], result["top"]]

    check_program(program)


def test_an_exported_program_moves_and_saves(tmp_path):
    model, (x,) = Branches().eval(), tensors("cpu", (5, 4))
    exported = torch.export.export(model, (x,))
    torch.export.save(exported, tmp_path / "model.pt2")
    from torch.export.passes import move_to_device_pass

    moved = move_to_device_pass(torch.export.load(tmp_path / "model.pt2"), DEVICE)
    with torch.no_grad():
        result = moved.module()(x.to(DEVICE))
        assert_same([result["y"], result["top"]], [model(x)["y"].detach(), model(x)["top"]], device=DEVICE)


def test_fake_tensors():
    from torch._subclasses.fake_tensor import FakeTensorMode

    launched = torch.hologram.counters()["launched"]
    with FakeTensorMode(), torch.device(DEVICE):
        x = torch.empty(3, 4, requires_grad=True)
        model = net()
        y = model(x)
        y.sum().backward()
        results = [y, x.grad, x.sum(0), x @ x.T, x.topk(2)[1], torch.cat([x, x]), torch.arange(5, device=DEVICE),
                   F.conv1d(x[None], torch.empty(2, 3, 3, device=DEVICE)), x.new_zeros(2)]
    assert all(r.device == torch.device(DEVICE, 0) for r in results)
    assert [tuple(r.shape) for r in results] == [(3, 3), (3, 4), (4,), (3, 3), (3, 2), (6, 4), (5,), (1, 2, 2), (2,)]
    assert torch.hologram.counters()["launched"] == launched


def test_fake_tensors_of_real_ones_and_errors():
    from torch._subclasses.fake_tensor import FakeTensorMode

    mode = FakeTensorMode()
    x = mode.from_tensor(torch.ones(2, 3, device=DEVICE))
    with mode:
        assert (x + 1).device.type == DEVICE and x.t().stride() == (1, 3)
        with pytest.raises(RuntimeError):
            x + torch.empty(2, 3)
        with pytest.raises(RuntimeError):
            x @ x


def test_meta():
    with torch.device("meta"):
        model = net()
    assert all(p.is_meta for p in model.parameters())
    there = model.to_empty(device=DEVICE)
    there.load_state_dict(net().state_dict())
    x, = tensors("cpu", (5, 4))
    assert_same(there(x.to(DEVICE)).detach(), net()(x).detach(), device=DEVICE)
    y = torch.ones(2, 3, device=DEVICE)
    assert y.to("meta").shape == (2, 3) and torch.empty_like(y, device="meta").is_meta
    with pytest.raises(NotImplementedError, match="meta"):
        y.copy_(torch.empty(2, 3, device="meta"))
    fresh = net().to("meta")
    fresh.load_state_dict(there.state_dict(), assign=True)
    assert all(p.device.type == DEVICE for p in fresh.parameters())


def test_a_dispatch_mode_and_a_subclass_see_the_device():
    from torch.utils._python_dispatch import TorchDispatchMode

    class Log(TorchDispatchMode):
        def __init__(self):
            super().__init__()
            self.ops = []

        def __torch_dispatch__(self, op, types, args=(), kwargs=None):
            self.ops.append(str(op))
            return op(*args, **(kwargs or {}))

    x, = tensors(DEVICE, (3,))
    with Log() as log:
        y = (x.requires_grad_() * 2).exp().sum()
        y.backward()
    assert [op for op in log.ops if "detach" not in op][:3] == ["aten.mul.Tensor", "aten.exp.default", "aten.sum.default"]

    class Named(torch.Tensor):
        pass

    z = torch.ones(3, device=DEVICE).as_subclass(Named)
    assert type(z + 1) is Named and (z + 1).device.type == DEVICE

"""Small neural-network programs as users write them, forward and backward, on the CPU and on the device."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.func import functional_call, grad, jacrev, vmap

from tests.compare import check_program
from tests.modes import WIDEST

PROGRAMS = []


def program(function):
    PROGRAMS.append(function)
    return function


def gradients(loss, *tensors):
    return list(torch.autograd.grad(loss, tensors))


def leaf(dev, *shape):
    """A random leaf on `dev` with the same values on every device."""
    return torch.randn(*shape).to(dev).requires_grad_()


def parameters_and_gradients(model, loss):
    loss.backward()
    return [loss, [p.grad for p in model.parameters()]]


@program
def customer_quick_start(dev):
    x, y = torch.randn(10, 10).to(dev), torch.randn(10, 10).to(dev)
    z = x + y
    loss = z.sum()
    x.requires_grad = True
    loss2 = (x * y).sum()
    loss2.backward()
    return [z, loss, loss2, x.grad]


@program
def customer_training_loop(dev):
    model = nn.Sequential(nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10)).to(dev)
    optimizer = torch.optim.Adam(model.parameters())
    losses = []
    for _ in range(10):
        data = torch.randn(32, 784).to(dev)
        target = torch.randint(0, 10, (32,)).to(dev)
        output = model(data)
        loss = nn.CrossEntropyLoss()(output, target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


@program
def grad_accumulates(dev):
    x = leaf(dev, 5)
    for _ in range(3):
        (x.sigmoid() * x).sum().backward()
    first = x.grad.clone()
    x.grad = None
    x.exp().sum().backward()
    return [first, x.grad]


@program
def higher_order_gradients(dev):
    x = leaf(dev, 4)
    y = (x.tanh() * x ** 3).sum()
    (g,) = torch.autograd.grad(y, x, create_graph=True)
    (h,) = torch.autograd.grad(g.pow(2).sum(), x, create_graph=True)
    return [g, h, gradients(h.sum(), x), torch.autograd.functional.hessian(lambda v: (v.exp() * v).sum(), x.detach())]


@program
def custom_function_and_hooks(dev):
    class Cube(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x ** 3

        @staticmethod
        def backward(ctx, grad_output):
            (x,) = ctx.saved_tensors
            return 3 * x * x * grad_output

    x = leaf(dev, 3)
    seen = []
    x.register_hook(lambda g: seen.append(g.clone()) or g * 2)
    Cube.apply(x).sum().backward()
    return [x.grad, seen]


@program
def autograd_modes(dev):
    x = leaf(dev, 3)
    with torch.no_grad():
        a = x * 2
    with torch.inference_mode():
        b = x + 1
    c = x.detach() * 3
    with torch.autograd.set_detect_anomaly(True, check_nan=True):
        g = gradients((x * x).sum(), x)
    return [a, b.clone(), c, g, a.requires_grad, b.is_inference()]


@program
def func_transforms(dev):
    w, x = torch.randn(3).to(dev), torch.randn(5, 3).to(dev)
    model = nn.Linear(3, 2).to(dev)
    params = {k: v.detach() for k, v in model.named_parameters()}
    loss = lambda p, v: functional_call(model, p, (v,)).pow(2).sum()
    return [vmap(torch.dot, in_dims=(None, 0))(w, x), grad(lambda v: (v ** 2).sum())(w),
            vmap(grad(lambda v: v.sin().sum()))(x),
            jacrev(lambda v: v.tanh() * v)(w), vmap(grad(loss), in_dims=(None, 0))(params, x),
            torch.func.jvp(torch.exp, (w,), (torch.ones_like(w),))]


@program
def activations(dev):
    x = leaf(dev, 4, 8)
    outputs = [f(x) for f in (F.relu, F.gelu, F.silu, F.elu, F.selu, F.celu, F.leaky_relu, F.softplus, F.mish,
                              F.hardswish, F.hardsigmoid, F.hardtanh, F.logsigmoid, F.tanhshrink,
                              F.softsign, F.relu6, torch.sigmoid, torch.tanh, F.softshrink, F.hardshrink, F.glu)]
    outputs += [F.gelu(x, approximate="tanh"), F.softmax(x, 1), F.log_softmax(x, 0), F.softmin(x, 1),
                F.threshold(x, 0.1, 5), F.prelu(x, torch.full((8,), 0.2, device=dev)), F.normalize(x)]
    weights = [torch.linspace(1, 2, o.numel(), device=dev).view_as(o) for o in outputs]
    return [outputs, gradients(sum((o * w).sum() for o, w in zip(outputs, weights)), x)]


@program
def losses(dev):
    x, y = leaf(dev, 6, 5), torch.rand(6, 5).to(dev)
    t = torch.randint(0, 5, (6,)).to(dev)
    t2 = torch.where(torch.arange(6, device=dev) == 2, -100, t)
    weight = torch.rand(5).to(dev)
    values = [F.mse_loss(x, y), F.l1_loss(x, y), F.smooth_l1_loss(x, y), F.huber_loss(x, y, delta=0.5),
              F.cross_entropy(x, t), F.cross_entropy(x, t2, weight=weight, label_smoothing=0.1),
              F.cross_entropy(x, y.softmax(1)), F.nll_loss(x.log_softmax(1), t, reduction="sum"),
              F.binary_cross_entropy(x.sigmoid(), y), F.binary_cross_entropy_with_logits(x, y, pos_weight=weight),
              F.kl_div(x.log_softmax(1), y.softmax(1), reduction="batchmean"), F.poisson_nll_loss(x, y),
              F.soft_margin_loss(x, y.sign()), F.multi_margin_loss(x, t),
              F.cosine_embedding_loss(x, y, torch.ones(6, device=dev)),
              F.triplet_margin_loss(x, y, x.flip(0)), F.gaussian_nll_loss(x, y, y + 0.1),
              F.hinge_embedding_loss(x, y.sign()), F.margin_ranking_loss(x[:, 0], x[:, 1], y[:, 0].sign()),
              F.mse_loss(x, y, reduction="none").mean(),
              F.multilabel_soft_margin_loss(x, y.round())]
    return [values, gradients(sum(values), x)]


@program
def normalization(dev):
    x = leaf(dev, 4, 6, 5)
    layers = [nn.LayerNorm(5), nn.LayerNorm((6, 5)), nn.BatchNorm1d(6), nn.GroupNorm(3, 6),
              nn.InstanceNorm1d(6, affine=True), nn.RMSNorm(5), nn.LocalResponseNorm(2)]
    layers = [layer.to(dev) for layer in layers]
    outputs = [layer(x) for layer in layers]
    batch = layers[2]
    batch.eval()
    return [outputs, gradients(sum(o.pow(3).sum() for o in outputs), x), list(batch.buffers()), batch(x),
            F.layer_norm(x, (5,))]


@program
def conv_net(dev):
    model = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2),
                          nn.Conv2d(8, 8, 3, groups=2, stride=2, bias=False), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
                          nn.Linear(8, 4)).to(dev)
    x = leaf(dev, 2, 3, 16, 16)
    loss = F.cross_entropy(model(x), torch.tensor([1, 3], device=dev))
    return parameters_and_gradients(model, loss) + [x.grad]


@program
def convolutions(dev):
    x, y, z = leaf(dev, 2, 4, 12), leaf(dev, 1, 4, 7, 7), leaf(dev, 1, 2, 4, 5, 5)
    outputs = [F.conv1d(x, torch.randn(6, 4, 3).to(dev), dilation=2), F.conv2d(y, torch.randn(8, 2, 3, 3).to(dev),
                                                                               torch.randn(8).to(dev), groups=2,
                                                                               padding="same"),
               F.conv3d(z, torch.randn(3, 2, 2, 2, 2).to(dev)),
               F.conv_transpose2d(y, torch.randn(4, 3, 3, 3).to(dev), stride=2, output_padding=1),
               F.conv_transpose1d(x, torch.randn(4, 2, 3).to(dev)),
               F.unfold(y, 3), F.fold(F.unfold(y, 3), (7, 7), 3), F.conv2d(y.to(memory_format=torch.channels_last),
                                                                           torch.ones(2, 4, 1, 1, device=dev))]
    return [outputs, gradients(sum(o.pow(2).sum() for o in outputs), x, y, z)]


@program
def pooling_and_resizing(dev):
    x = leaf(dev, 2, 3, 8, 8)
    outputs = [F.max_pool2d(x, 2), F.avg_pool2d(x, 3, 2, 1), F.adaptive_max_pool2d(x, 3),
               F.adaptive_avg_pool2d(x, (2, 5)), F.lp_pool2d(x.abs(), 2, 2), F.interpolate(x, scale_factor=2),
               F.interpolate(x, size=5, mode="bilinear"),
               F.interpolate(x, scale_factor=0.5, mode="bicubic", align_corners=True),
               F.pixel_shuffle(x.view(2, 12, 4, 4), 2), F.pad(x, (1, 1, 2, 0), mode="reflect"),
               F.pad(x, (1, 2, 0, 1), mode="circular"),
               F.max_unpool2d(*F.max_pool2d(x, 2, return_indices=True), 2),
               F.grid_sample(x, F.affine_grid(torch.eye(2, 3).expand(2, 2, 3).to(dev) * 0.8, (2, 3, 4, 4),
                                              align_corners=False), align_corners=False)]
    return [outputs, gradients(sum((o * o).sum() for o in outputs), x)]


@program
def embeddings(dev):
    table = leaf(dev, 10, 4)
    tokens = torch.randint(0, 10, (3, 5)).to(dev)
    outputs = [F.embedding(tokens, table, padding_idx=1), F.embedding_bag(tokens, table, mode="mean"),
               F.one_hot(tokens, 10).float() @ table, table[tokens]]
    return [outputs, gradients(sum(o.pow(2).sum() for o in outputs), table)]


@program
def attention(dev):
    q, k, v = (leaf(dev, 2, 3, 7, 8) for _ in range(3))
    mask = torch.rand(7, 7).to(dev) > 0.3
    bias = torch.randn(7, 7).to(dev)
    mask = mask | torch.eye(7, dtype=torch.bool, device=dev)
    outputs = [F.scaled_dot_product_attention(q, k, v), F.scaled_dot_product_attention(q, k, v, is_causal=True),
               F.scaled_dot_product_attention(q, k, v, attn_mask=mask),
               F.scaled_dot_product_attention(q, k, v, attn_mask=bias, scale=0.2),
               F.scaled_dot_product_attention(q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2))]
    return [outputs, gradients(sum(o.pow(2).sum() for o in outputs), q, k, v)]


@program
def multihead_attention(dev):
    layer = nn.MultiheadAttention(16, 4, batch_first=True).to(dev)
    x = leaf(dev, 2, 5, 16)
    out, weights = layer(x, x, x, attn_mask=nn.Transformer.generate_square_subsequent_mask(5).to(dev))
    result = parameters_and_gradients(layer, out.pow(2).sum())
    layer.eval()
    with torch.no_grad():
        return result + [weights, x.grad, layer(x, x, x, need_weights=False)[0]]


@program
def transformer_encoder(dev):
    layer = nn.TransformerEncoderLayer(16, 4, 32, dropout=0.0, batch_first=True)
    model = nn.TransformerEncoder(layer, 2).to(dev)
    x = torch.randn(3, 6, 16).to(dev)
    padding = torch.arange(6, device=dev)[None] >= torch.tensor([6, 4, 2], device=dev)[:, None]
    result = parameters_and_gradients(model, model(x, src_key_padding_mask=padding)[~padding].pow(2).mean())
    model.eval()
    with torch.no_grad():
        return result + [model(x), model(x, src_key_padding_mask=padding)[~padding]]


@program
def recurrent_nets(dev):
    x = leaf(dev, 7, 3, 4)
    results = []
    for layer in (nn.LSTM(4, 5, num_layers=2, bidirectional=True), nn.GRU(4, 5), nn.RNN(4, 5, nonlinearity="relu"),
                  nn.LSTM(4, 5, proj_size=2)):
        layer = layer.to(dev)
        output, state = layer(x)
        results += [output, state] + parameters_and_gradients(layer, output.pow(2).sum())
    packed = nn.utils.rnn.pack_padded_sequence(x, torch.tensor([7, 5, 2]))
    output, lengths = nn.utils.rnn.pad_packed_sequence(layer(packed)[0])
    cell, gru = nn.LSTMCell(4, 5).to(dev), nn.GRUCell(4, 5).to(dev)
    return results + [x.grad, output, lengths.tolist(), cell(x[0]), gru(x[0])]


@program
def dropout_statistics(dev):
    x = torch.ones(200, 100, device=dev, requires_grad=True)
    y = F.dropout(x, 0.25)
    y.sum().backward()
    kept = (y != 0).float().mean().item()
    layer = nn.Dropout(0.5).to(dev).eval()
    return [abs(kept - 0.75) < 0.02, y.max(), torch.equal(x.grad != 0, y.detach() != 0), layer(x.detach()),
            F.dropout(x.detach(), 0.0), F.dropout(x.detach(), 1.0),
            F.dropout2d(torch.ones(2, 3, 4, 4, device=dev), 0.5).shape]


@program
def module_surgery(dev):
    model = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4)).to(dev)
    before = {k: v.clone() for k, v in model.state_dict().items()}
    model.half().float().to(WIDEST)
    x = torch.randn(5, 4, dtype=WIDEST).to(dev)
    total = sum(p.numel() for p in model.parameters())
    model.requires_grad_(False)
    return [before, model(x), total, [n for n, _ in model.named_buffers()], model[0].weight.is_leaf,
            model.cpu()[0].weight.device.type]


@program
def initialisers(dev):
    w = torch.empty(200, 300, device=dev)
    checks = []
    for init, low, high in ((nn.init.xavier_uniform_, 0.05, 0.075), (nn.init.kaiming_normal_, 0.07, 0.09),
                            (nn.init.normal_, 0.98, 1.02), (nn.init.trunc_normal_, 0.85, 0.92),
                            (nn.init.uniform_, 0.27, 0.31)):
        init(w)
        checks.append(low < w.std().item() < high)
    nn.init.orthogonal_(w)
    return checks + [torch.allclose(w @ w.T, torch.eye(200, device=dev), atol=1e-4), nn.init.constant_(w[:2, :2], 3.0),
                     nn.init.eye_(w[:3, :3])]


@program
def weight_and_spectral_norm(dev):
    layer = nn.utils.parametrizations.weight_norm(nn.Linear(4, 3)).to(dev)
    x = torch.randn(2, 4).to(dev)
    return [layer(x)] + parameters_and_gradients(layer, layer(x).pow(2).sum())


@program
def clip_and_flatten(dev):
    model = nn.Linear(6, 4).to(dev)
    model(torch.randn(8, 6).to(dev)).pow(2).sum().backward()
    norm = nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    clipped = [p.grad.clone() for p in model.parameters()]
    nn.utils.clip_grad_value_(model.parameters(), 0.01)
    vector = nn.utils.parameters_to_vector(model.parameters())
    nn.utils.vector_to_parameters(vector * 2, model.parameters())
    return [norm, clipped, [p.grad for p in model.parameters()], vector.detach(), model.weight.detach()]


@program
def activation_checkpointing(dev):
    from torch.utils.checkpoint import checkpoint
    model = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 1)).to(dev)
    x = leaf(dev, 5, 4)
    return parameters_and_gradients(model, checkpoint(model, x, use_reentrant=False).sum()) + [x.grad]


@program
def autocast(dev):
    model = nn.Sequential(nn.Linear(16, 16), nn.ReLU(), nn.LayerNorm(16), nn.Linear(16, 2)).to(dev)
    x = torch.randn(4, 16).to(dev)
    with torch.autocast(dev, dtype=torch.bfloat16):
        y = model(x)
        half = x @ x.T
    return [y.dtype, half.dtype, half.shape, bool(((y.float() - model(x)).abs() < 0.1).all())]


@program
def gradcheck(dev):
    x, w = (torch.randn(shape, dtype=torch.float64).to(dev).requires_grad_() for shape in ((3, 4), (4,)))
    return [torch.autograd.gradcheck(lambda a, b: (F.layer_norm(a, (4,), b).softmax(1) * a.exp()).sum(0), (x, w)),
            torch.autograd.gradgradcheck(lambda a: (a.tanh() * w).sum(1), (x,))]


@program
def data_loading(dev):
    data = torch.utils.data.TensorDataset(torch.arange(20.0).view(10, 2), torch.arange(10))
    total, labels = torch.zeros(2, device=dev), []
    for x, y in torch.utils.data.DataLoader(data, batch_size=4):
        total += x.to(dev, non_blocking=True).sum(0)
        labels += y.to(dev).tolist()
    return [total, labels]


@program
def jit_trace_and_fake(dev):
    model = nn.Sequential(nn.Linear(3, 3), nn.ReLU()).to(dev)
    x = torch.randn(2, 3).to(dev)
    traced = torch.jit.trace(model, x)
    exported = torch.export.export(model, (x,))
    return [traced(x * 2).detach(), exported.module()(x).detach()]


@pytest.mark.parametrize("function", PROGRAMS, ids=lambda f: f.__name__)
def test_program(function):
    check_program(function)


def test_the_customers_quick_start_as_it_stands():
    x = torch.randn(10, 10, device="hologram")
    y = torch.randn(10, 10, device="hologram")
    z = x + y
    loss = z.sum()
    torch.testing.assert_close(loss.cpu(), (x.cpu() + y.cpu()).sum(), rtol=1e-5, atol=1e-4)
    x.requires_grad = True
    loss = (x * y).sum()
    loss.backward()
    assert x.grad.device.type == "hologram"
    assert torch.equal(x.grad.cpu(), y.cpu())
    assert "device='hologram:0'" in repr(x.grad)


def test_the_customers_training_example_as_it_stands():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10)).to("hologram")
    optimizer = torch.optim.Adam(model.parameters())
    losses = []
    for _ in range(10):
        data = torch.randn(32, 784, device="hologram")
        target = torch.randint(0, 10, (32,), device="hologram")
        output = model(data)
        loss = nn.CrossEntropyLoss()(output, target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert all(1.5 < value < 4.0 for value in losses), losses   # fresh noise each epoch: near ln(10), never divergent
    assert all(p.device.type == "hologram" and p.grad.device.type == "hologram" for p in model.parameters())


def test_the_customers_backend_management():
    import hologram_torch

    assert "cpu" in hologram_torch.list_available_backends()
    before = hologram_torch.get_backend()
    try:
        hologram_torch.set_backend("cpu")
        assert hologram_torch.get_backend() == "cpu"
    finally:
        hologram_torch.set_backend(before)
    with pytest.raises((ValueError, RuntimeError), match="metal|cuda|unknown|available"):
        hologram_torch.set_backend("tpu")

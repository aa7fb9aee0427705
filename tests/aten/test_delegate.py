"""Ops that run in PyTorch's CPU kernels on the device's memory: no copies, right aliases, right device, right numbers."""

import subprocess
import sys
import warnings

import pytest
import torch

import hologram_torch  # noqa: F401
from hologram_torch import _C

DEVICE = "hologram"


def on_device(t):
    return t.detach().to(DEVICE).requires_grad_(t.requires_grad)


def same(actual, expected, **tolerance):
    assert actual.device.type == DEVICE
    torch.testing.assert_close(actual.detach().cpu(), expected.detach(), equal_nan=True, **tolerance)


def delegated(name):
    return _C.op_report().get(name, {}).get("delegated", 0)


@pytest.fixture
def fallback():
    """Sets the fallback mode for one test."""
    before = _C.fallback_mode()
    yield _C.set_fallback_mode
    _C.set_fallback_mode(before)


# The two ways to torch's kernels: called with its types, and boxed.
WAYS = pytest.mark.parametrize("op", [torch.special.zeta, torch._add_relu], ids=["library", "delegated"])


# ---- memory ----

@WAYS
def test_results_come_back_without_a_copy_and_from_the_pool(op):
    x = torch.rand(1 << 16, device=DEVICE) + 1.5
    before = torch.hologram.memory_allocated()
    y = op(x, x)
    assert torch.hologram.memory_allocated() - before >= y.nbytes
    address = y.data_ptr()
    del y
    assert op(x, x).data_ptr() == address   # the freed block serves the next result


def test_memory_outlives_the_tensor_it_came_from():
    x = torch.randn(100)
    h = x.to(DEVICE)
    views = torch.ops.aten.split_with_sizes(h, [40, 60])
    del h
    torch.rand(100, device=DEVICE)
    same(views[1], x[40:])


@WAYS
def test_cpu_tensors_are_untouched_by_the_pool(op):
    x = torch.randn(1000)
    op(x.to(DEVICE), x.to(DEVICE))
    before = torch.hologram.memory_allocated()
    y = [op(x, x) for _ in range(3)]
    assert torch.hologram.memory_allocated() == before
    assert all(t.device.type == "cpu" for t in y)


@pytest.mark.parametrize("make_view", [
    lambda t: torch.ops.aten.diagonal(t), lambda t: t.unfold(0, 2, 1), lambda t: t.t()[1:], lambda t: t.view(torch.int32),
    lambda t: torch.ops.aten.unbind(t)[1], lambda t: t.expand(3, 4, 4)[0],
])
def test_views_alias(make_view):
    base = torch.randn(4, 4)
    h = base.to(DEVICE)
    make_view(h).zero_()
    make_view(base).zero_()
    same(h, base)


def test_complex_views_alias_and_keep_conjugation():
    z = torch.randn(3, dtype=torch.complex64)
    h = z.to(DEVICE)
    h.imag.fill_(2.0)
    z.imag.fill_(2.0)
    same(h, z)
    assert h.conj().is_conj()
    same(h.conj() @ h, z.conj() @ z)
    same(torch.fft.hfft(h), torch.fft.hfft(z))
    same(torch._neg_view(h).exp(), torch._neg_view(z).exp())


# ---- written arguments ----

def test_out_is_written_and_returned():
    x = torch.randn(4, 5)
    values, indices = torch.empty(4, 5, device=DEVICE), torch.empty(4, 5, dtype=torch.long, device=DEVICE)
    result = torch.sort(x.to(DEVICE), out=(values, indices))
    assert result[0] is values and result[1] is indices
    same(values, x.sort().values)


@WAYS
def test_out_is_resized_with_torchs_warning(op):
    x = torch.rand(4, 5)
    out = torch.empty(2, 3, device=DEVICE)
    with pytest.warns(UserWarning, match="resized"):
        op(x.to(DEVICE) + 1, x.to(DEVICE) + 1, out=out)
    same(out, op(x + 1, x + 1))
    empty = torch.empty(0, device=DEVICE)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        op(x.to(DEVICE) + 1, x.to(DEVICE) + 1, out=empty)
    assert empty.shape == (4, 5) and empty.untyped_storage().nbytes() >= empty.nbytes


@WAYS
def test_out_may_be_a_strided_view(op):
    x = torch.rand(4, 5) + 1
    base = torch.zeros(10, 10, device=DEVICE)
    op(x.to(DEVICE), x.to(DEVICE), out=base[2:6, 1:10:2])
    expected = torch.zeros(10, 10)
    op(x, x, out=expected[2:6, 1:10:2])
    same(base, expected)


def test_in_place_on_a_view_writes_the_base():
    base = torch.rand(6, 6)
    h = base.to(DEVICE)
    assert h[:, ::2].polygamma_(1).data_ptr() == h.data_ptr()
    base[:, ::2].polygamma_(1)
    same(h, base)


def test_overlapping_out_is_refused():
    x = torch.rand(20, device=DEVICE)
    with pytest.raises(RuntimeError, match="overlap|single memory location"):
        torch.special.zeta(x[:10], x[:10], out=x[5:15])


# ---- devices ----

def test_a_number_first_still_means_the_device():
    x = torch.rand(3) + 1
    same(torch.special.zeta(2.0, x.to(DEVICE)), torch.special.zeta(2.0, x))


def test_a_number_to_a_float_power():
    x = torch.rand(3) + 1
    same(torch.float_power(2, x.to(DEVICE)), torch.float_power(2, x))


def test_zero_dimensional_cpu_tensors_may_stand_beside_device_tensors():
    x = torch.rand(3) + 1
    same(torch.special.zeta(x.to(DEVICE), torch.tensor(2.0)), torch.special.zeta(x, torch.tensor(2.0)))


@pytest.mark.parametrize("call", [
    lambda x, h: torch.gather(h, 0, torch.zeros(3, 3, dtype=torch.long)),
    lambda x, h: h @ x, lambda x, h: x @ h, lambda x, h: torch.addmm(x, h, h), lambda x, h: torch.cat([x, h]),
    lambda x, h: torch.special.zeta(h, x), lambda x, h: torch.special.zeta(h, h, out=x),
    lambda x, h: torch.special.zeta(h, h, out=torch.tensor(0.0)),
    lambda x, h: torch.nn.functional.conv2d(h[None, None], x[None, None]),
    lambda x, h: torch.nn.functional.embedding(torch.zeros(2, dtype=torch.long), h),
    lambda x, h: torch.nn.functional.linear(h, x),
])
def test_mixed_devices_raise_torchs_error(call):
    x = torch.rand(3, 3)
    with pytest.raises(RuntimeError, match="same device|same type|should be the same"):
        call(x, x.to(DEVICE))


def test_cpu_indices_are_welcome():
    x, index = torch.randn(5, 4), torch.tensor([3, 0, -1])
    h = x.to(DEVICE)
    same(h[index], x[index])
    same(h[:, index[:2]], x[:, index[:2]])
    same(h[x > 0], x[x > 0])
    h[index] = 1.0
    x[index] = 1.0
    same(h, x)


def test_factories_take_the_device_argument():
    same(torch.tril_indices(3, 3, device=DEVICE), torch.tril_indices(3, 3))
    same(torch.logspace(0, 1, 5, device=DEVICE), torch.logspace(0, 1, 5))


def test_lists_of_tensors():
    xs = [torch.rand(3), torch.rand(2, 2)]
    for a, b in zip(torch._foreach_lgamma([x.to(DEVICE) for x in xs]), torch._foreach_lgamma(xs)):
        same(a, b)
    hs = [x.to(DEVICE) for x in xs]
    torch._foreach_erfc_(hs)
    torch._foreach_erfc_(xs)
    for a, b in zip(hs, xs):
        same(a, b)


# ---- random numbers ----

def draw_poisson(generator=None):
    return torch.poisson(torch.full((50,), 4.0, device=DEVICE), generator=generator).cpu()


@pytest.mark.parametrize("seed", [torch.manual_seed, lambda s: torch.hologram.manual_seed(s)])
def test_seeding_the_device_seeds_delegated_draws(seed):
    seed(7)
    first, second = draw_poisson(), draw_poisson()
    seed(7)
    assert torch.equal(draw_poisson(), first)
    assert not torch.equal(first, second)


def test_delegated_draws_use_the_given_generator():
    generator = torch.Generator(DEVICE).manual_seed(3)
    state = torch.hologram.get_rng_state()
    first = draw_poisson(generator)
    assert torch.equal(draw_poisson(generator.manual_seed(3)), first)
    assert torch.equal(torch.hologram.get_rng_state(), state)
    with pytest.raises(RuntimeError, match="hologram"):
        draw_poisson(torch.Generator())


def test_the_cpu_generator_is_left_alone():
    state = torch.get_rng_state()
    draw_poisson()
    torch.multinomial(torch.ones(10, device=DEVICE), 3)
    assert torch.equal(torch.get_rng_state(), state)


# ---- layouts ----

def test_sparse_tensors_live_on_the_device():
    s = torch.sparse_coo_tensor(torch.tensor([[0, 1, 1], [2, 0, 0]]), torch.tensor([3.0, 4.0, 5.0]), (2, 3))
    h = s.to(DEVICE)
    assert h.is_sparse and h.device.type == DEVICE
    same(h.to_dense(), s.to_dense())
    same(h.coalesce().values(), s.coalesce().values())
    dense = torch.randn(3, 4)
    same(torch.sparse.mm(h, dense.to(DEVICE)), torch.sparse.mm(s, dense))
    h.mul_(2)
    same(h.to_dense(), s.to_dense() * 2)
    assert torch.equal(h.cpu().to_dense(), s.to_dense() * 2)
    csr = torch.eye(3, device=DEVICE).to_sparse_csr()
    same(csr @ dense.to(DEVICE), dense)
    repr(h), repr(csr)


def test_sparse_gradients():
    layer = torch.nn.Embedding(10, 3, sparse=True)
    twin = torch.nn.Embedding(10, 3, sparse=True).to(DEVICE)
    twin.load_state_dict(layer.state_dict())
    for module, index in ((layer, torch.tensor([1, 1, 2])), (twin, torch.tensor([1, 1, 2], device=DEVICE))):
        optimizer = torch.optim.SGD(module.parameters(), lr=0.1)
        module(index).pow(2).sum().backward()
        assert module.weight.grad.is_sparse
        optimizer.step()
    same(twin.weight, layer.weight)


@pytest.mark.parametrize("make", [
    lambda: torch.quantize_per_tensor(torch.randn(3, device=DEVICE), 0.1, 0, torch.quint8),
    lambda: torch._empty_affine_quantized([3], scale=0.1, zero_point=0, dtype=torch.quint8, device=DEVICE),
    lambda: torch.randn(3, device=DEVICE).to_mkldnn(),
])
@pytest.mark.filterwarnings("ignore")
def test_other_layouts_are_refused_in_words(make):
    with pytest.raises(NotImplementedError, match="hologram"):
        make()


def test_sparse_products_keep_what_their_gradient_needs():
    """torch's kernel notes the winners of a maximum only where a gradient will be asked for; its gradient reads past the
    end of notes that are not there."""
    matrix, dense = torch.tensor([[0.0, 2, 1], [0, 0, 0], [3, 0, 4]]), torch.randn(3, 5)
    for reduce in ("sum", "mean", "amax", "amin"):
        grads = {}
        for dev in ("cpu", DEVICE):
            a, b = matrix.to_sparse_csr().to(dev).requires_grad_(), dense.to(dev).clone().requires_grad_()
            torch.sparse.mm(a, b, reduce).sum().backward()
            grads[dev] = a.grad.values().cpu(), b.grad.cpu()
        for actual, expected in zip(grads[DEVICE], grads["cpu"]):
            torch.testing.assert_close(actual, expected)


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors")
def test_nested_tensors():
    parts = [torch.randn(2, 4), torch.randn(3, 4)]
    cpu = torch.nested.nested_tensor(parts)
    moved, made = cpu.to(DEVICE), torch.nested.nested_tensor([p.to(DEVICE) for p in parts])
    assert moved.is_nested and moved.device.type == made.device.type == DEVICE
    weight = torch.randn(6, 4)
    for nested in (moved, made):
        for call in (lambda t: t, torch.relu, lambda t: t * 2 + t, lambda t: t.transpose(1, 2), lambda t: t[1], lambda t: t.clone(),
                     lambda t: torch.nn.functional.linear(t, weight.to(t.device)), lambda t: t.to_padded_tensor(-1.0),
                     lambda t: torch.nn.functional.layer_norm(t, (4,), *weight[:2].to(t.device)), lambda t: torch.softmax(t, -1), lambda t: t.half()):
            actual, expected = call(nested), call(cpu)
            assert actual.device.type == DEVICE and actual.is_nested == expected.is_nested
            for a, e in zip(actual.unbind(), expected.unbind(), strict=True):
                torch.testing.assert_close(a.cpu(), e)
        for a, e in zip(nested.cpu().unbind(), parts, strict=True):
            assert a.device.type == "cpu" and torch.equal(a, e)
    assert torch.equal(moved.unbind()[1].cpu(), parts[1])
    moved.mul_(2)
    assert torch.equal(moved.unbind()[1].cpu(), parts[1] * 2)
    leaf = made.detach().requires_grad_()
    (leaf * leaf).to_padded_tensor(0.0).sum().backward()
    for a, e in zip(leaf.grad.unbind(), parts, strict=True):
        torch.testing.assert_close(a.cpu(), 2 * e)
    with pytest.raises(RuntimeError, match="device"):
        moved + cpu


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors")
def test_nested_tensors_of_dense_ones():
    """Their sizes are the CPU's, their memory is the dense tensor's."""
    x = torch.randn(3, 2, 4)
    sizes = torch.tensor([[1, 4], [2, 4], [2, 3]])
    results = []
    for device in ("cpu", DEVICE):
        leaf = x.clone().to(device).requires_grad_()
        nested = torch.nested.as_nested_tensor(leaf)
        (nested * nested).to_padded_tensor(0.0).sum().backward()
        with torch.no_grad():
            view = torch.nested.as_nested_tensor(leaf)
            leaf[1].zero_()
            assert not view.unbind()[1].any() and view.unbind()[0].all()
        cut = torch.ops.aten._nested_from_padded(x.to(device), sizes)
        results.append([leaf.grad, *cut.unbind()])
    for actual, expected in zip(results[1], results[0], strict=True):
        same(actual, expected)


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors")
def test_nested_views_in_inference_mode():
    parts = [torch.randn(2, 4), torch.randn(3, 4)]

    def made():
        return torch.nested.nested_tensor([p.to(DEVICE) for p in parts])

    outside = made()
    with torch.inference_mode():
        for nested, inference in ((outside, False), (made(), True)):
            view = nested.transpose(1, 2)
            assert view.is_inference() == inference
            for a, e in zip(view.unbind(), parts, strict=True):
                same(a, e.t())
            assert torch.relu(nested).is_inference()


def test_zero_tensors():
    zero, x = torch._efficientzerotensor(3, device=DEVICE), torch.ones(3, device=DEVICE)
    assert zero._is_zerotensor() and zero.device.type == DEVICE
    same(zero + x, torch.ones(3))
    same(zero.clone(), torch.zeros(3))
    assert torch.equal(zero.cpu(), torch.zeros(3))


# ---- the report and the modes ----

def test_the_report_counts():
    x = torch.rand(3, device=DEVICE) + 1
    before = delegated("_add_relu.Tensor")
    torch._add_relu(x, x)
    assert delegated("_add_relu.Tensor") == before + 1


def test_error_mode_names_the_op_and_its_arguments(fallback):
    x = torch.rand(3, 2, device=DEVICE)
    fallback("error")
    with pytest.raises(RuntimeError, match=r"hologram\._add_relu.*Float \[3, 2\]"):
        torch._add_relu(x, x)


def test_warn_mode_warns_once_per_op(fallback):
    x = torch.rand(3, device=DEVICE) + 1
    _C.reset_op_report()
    fallback("warn")
    with pytest.warns(UserWarning, match=r"hologram\._add_relu"):
        torch._add_relu(x, x)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        torch._add_relu(x, x)


def test_unknown_modes_are_refused():
    with pytest.raises(ValueError, match="allow, warn or error"):
        _C.set_fallback_mode("loud")


@pytest.mark.parametrize("mode, answer", [("allow", "allow ran"), ("warn", "warn ran"), ("error", "error refused True")])
def test_the_mode_comes_from_the_environment(mode, answer):
    code = ("import torch, hologram_torch\n"
            "x = torch.ones(3, device='hologram')\n"
            "print(torch.hologram.get_fallback_mode(), end=' ')\n"
            "try: torch._add_relu(x, x); print('ran')\n"
            "except RuntimeError as e: print('refused', '_add_relu' in str(e))\n")
    import os
    run = subprocess.run([sys.executable, "-c", code], env={**os.environ, "HOLOGRAM_FALLBACK": mode},
                         capture_output=True, text=True, timeout=120)
    assert run.stdout.strip() == answer, run.stderr


def test_ops_without_any_kernel_say_so():
    x = torch.rand(2, 2, device=DEVICE)
    with pytest.raises(NotImplementedError, match="hologram|CPU"):
        torch.ops.aten._cudnn_rnn_flatten_weight([x], 1, 1, 0, 1, 0, 1, False, False)


def test_errors_of_the_kernel_keep_their_type():
    x = torch.rand(2, 3, device=DEVICE)
    with pytest.raises(torch.linalg.LinAlgError):
        torch.linalg.inv(torch.zeros(2, 2, device=DEVICE))
    with pytest.raises(IndexError):
        torch.special.zeta(x, x).sort(5)
    with pytest.raises(RuntimeError, match="must match|shape"):
        torch.special.zeta(x, torch.rand(4, device=DEVICE))


def test_no_registration_dangles():
    """torch takes kernels for overloads that do not exist without a word: a misspelled name, or one of another version."""
    assert torch._C._dispatch_find_dangling_impls() == []

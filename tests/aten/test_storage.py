"""Memory and views: creation, copies of every kind, resize_, set_, overlap, lazy conjugation and negation."""

import itertools

import pytest
import torch

from tests.compare import DEVICE, outcome

DTYPES = [torch.bool, torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64, torch.float16, torch.bfloat16, torch.float32,
          torch.float64, torch.complex64, torch.complex128, torch.uint16, torch.uint32, torch.uint64]
name_of = lambda value: str(value).replace("torch.", "")


def values(dtype, *shape):
    x = torch.arange(torch.Size(shape).numel()).reshape(shape) % 120
    return (x % 2 == 1) if dtype == torch.bool else x.to(dtype)


LAYOUTS = {
    "contiguous": lambda x: x, "transposed": lambda x: x.transpose(0, -1), "strided": lambda x: x[:, ::2], "offset": lambda x: x[1:, 1:],
    "expanded": lambda x: x[:, :1].expand_as(x), "permuted": lambda x: x.permute(2, 0, 1), "diagonal": lambda x: x.diagonal(0, 0, 1),
    "windows": lambda x: x.unfold(1, 3, 2), "zero_dim": lambda x: x[0, 0, 0], "empty": lambda x: x[:0],
    "as_strided": lambda x: x.as_strided((3, 4), (1, 5), 2), "channels_last": lambda x: x[None].contiguous(memory_format=torch.channels_last),
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", DTYPES, ids=name_of)
def test_views_alias_and_copies_arrive(dtype, layout):
    x = values(dtype, 6, 7, 8)
    h = x.to(DEVICE)
    expected, view = LAYOUTS[layout](x), LAYOUTS[layout](h)
    assert view.stride() == expected.stride() and view.shape == expected.shape
    if layout != "channels_last":
        assert view.untyped_storage().data_ptr() == h.untyped_storage().data_ptr()
    for copy in (view.cpu(), view.clone().cpu(), expected.to(DEVICE).cpu()):
        assert torch.equal(copy, expected) and copy.stride() == expected.clone().stride()
    assert torch.equal(view.contiguous().cpu(), expected) and view.contiguous().is_contiguous()
    target = torch.zeros(expected.shape, dtype=dtype)
    target.copy_(view)
    assert torch.equal(target, expected)
    if layout not in ("expanded", "windows", "as_strided", "channels_last"):
        source = values(dtype, *expected.shape).flip(0) if expected.dim() else values(dtype, 1)[0]
        expected.copy_(source)
        view.copy_(source)              # from the CPU, into strided device memory
        assert torch.equal(h.cpu(), x)
        view.copy_(source.to(DEVICE))
        assert torch.equal(h.cpu(), x)


@pytest.mark.parametrize("source, target", list(itertools.product(DTYPES, DTYPES)), ids=name_of)
def test_conversions(source, target):
    x = values(source, 5, 7)
    if source.is_complex and not target.is_complex:
        pytest.skip("warns about the discarded imaginary part: below")
    if source.is_floating_point:
        x = torch.cat([x, torch.tensor([[0.5, 1.5, 2.5, 0.0, 7.75, 0.1, 100.9]], dtype=source)])
    if source in (torch.int8, torch.int16, torch.int32, torch.int64):
        x = torch.cat([x, -x])
    if source in (torch.float32, torch.float64, torch.float16, torch.bfloat16) and target.is_floating_point:
        x = torch.cat([x, torch.tensor([[-0.0, float("inf"), -float("inf"), float("nan"), 1e-7, 65519.0, 3e38]], dtype=source)])
    expected = x.to(target)
    for view, of in ((x, expected), (x.t(), expected.t()), (x[:, ::2], expected[:, ::2])):
        actual = view.to(DEVICE).to(target)
        assert actual.dtype == target and actual.stride() == view.clone().stride()
        torch.testing.assert_close(actual.cpu(), of, rtol=0, atol=0, equal_nan=True)
        torch.testing.assert_close(view.to(DEVICE, target).cpu(), of, rtol=0, atol=0, equal_nan=True)
        torch.testing.assert_close(view.to(DEVICE).to("cpu", target), of, rtol=0, atol=0, equal_nan=True)


def test_complex_to_real_warns_as_on_the_cpu():
    x = torch.tensor([1 + 2j, 3 - 4j])
    with pytest.warns(UserWarning, match="discards the imaginary part"):
        assert x.to(DEVICE).to(torch.float32).tolist() == [1.0, 3.0]


@pytest.mark.parametrize("bits", [torch.float8_e4m3fn, torch.float8_e5m2], ids=name_of)
def test_types_without_kernels_are_copied_as_bits(bits):
    x = torch.randn(4, 6).to(bits)
    h = x.to(DEVICE)
    assert torch.equal(h.t().contiguous().cpu().view(torch.uint8), x.t().contiguous().view(torch.uint8))
    assert torch.equal(h.to(torch.float32).cpu(), x.to(torch.float32))


def test_large_copies():
    x = torch.randn(1500, 1700)
    h = x.to(DEVICE)
    assert torch.equal(h.cpu(), x) and torch.equal(h.t().contiguous().cpu(), x.t()) and torch.equal(h.clone().cpu(), x)
    assert torch.equal(h.t().cpu(), x.t()) and torch.equal(h.double().cpu(), x.double())
    assert torch.equal(x.t().to(DEVICE).contiguous().cpu(), x.t())


@pytest.mark.parametrize("dtype", [torch.uint8, torch.bool, torch.bfloat16, torch.float32, torch.int64, torch.complex64], ids=str)
def test_channels_change_places(dtype):
    """Images between planes and interleaved channels: copied, computed with, sliced, reversed."""
    for channels in (1, 2, 3, 4, 7, 8, 15, 16, 33):
        x = (torch.arange(2 * channels * 36 * 25) % 251).reshape(2, channels, 36, 25).to(dtype)
        h = x.to(DEVICE)
        for view in (lambda t: t.permute(0, 2, 3, 1), lambda t: t[:, :, ::2, 1:].permute(0, 2, 3, 1), lambda t: t.flip(1).permute(0, 2, 3, 1)[:, 3:]):
            assert torch.equal(view(h).contiguous().cpu(), view(x).contiguous())
            assert torch.equal((view(h).contiguous() + view(h)).cpu(), view(x) + view(x))
        h, x = h.to(memory_format=torch.channels_last), x.to(memory_format=torch.channels_last)
        assert h.stride() == x.stride() and torch.equal(h.cpu(), x) and torch.equal(h.contiguous().cpu(), x.contiguous())


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float16, torch.float32, torch.float64, torch.complex128], ids=str)
def test_columns_side_by_side(dtype):
    for widths in ((1, 1), (1, 2, 3), (4, 6, 8), (12, 16, 24, 32), (5, 1, 64), (0, 3), (1,) * 17):
        for rows in (1, 7, 3000):
            xs = [torch.arange(rows * w).reshape(rows, w).to(dtype) + k for k, w in enumerate(widths)]
            hs = [x.to(DEVICE) for x in xs]
            assert torch.equal(torch.cat(hs, 1).cpu(), torch.cat(xs, 1))
            assert torch.equal(torch.stack([h[:, 0] for h in hs if h.size(1)], -1).cpu(), torch.stack([x[:, 0] for x in xs if x.size(1)], -1))


def test_many_dimensions():
    x = torch.arange(2.0**16).reshape([2] * 16)
    order = list(range(16))[::-1]
    assert torch.equal(x.to(DEVICE).permute(order).contiguous().cpu(), x.permute(order))


def test_broadcasting_copies():
    h = torch.zeros(3, 4, device=DEVICE)
    h.copy_(torch.arange(4.))
    assert torch.equal(h.cpu(), torch.arange(4.).expand(3, 4))
    h.copy_(torch.tensor([[1.], [2.], [3.]]).to(DEVICE))
    assert h[:, 2].tolist() == [1, 2, 3]
    h[1:] = 7
    assert h[2, 3].item() == 7
    h[:, 1] = torch.tensor([5., 6., 7.])
    assert h[:, 1].tolist() == [5, 6, 7]


# ---- the same mistakes as on the CPU ----

MISTAKES = {
    "copy_shape": lambda d: torch.zeros(2, device=d).copy_(torch.zeros(3, device=d)),
    "copy_larger": lambda d: torch.zeros(3, device=d).copy_(torch.zeros(2, 3, device=d)),
    "copy_to_expanded": lambda d: torch.zeros(1, device=d).expand(3).copy_(torch.zeros(3, device=d)),
    "copy_partial_overlap": lambda d: (lambda x: x[1:].copy_(x[:-1]))(torch.zeros(5, device=d)),
    "copy_from_meta": lambda d: torch.zeros(3, device=d).copy_(torch.zeros(3, device="meta")),
    "negative_size": lambda d: torch.empty(-1, device=d),
    "negative_size_strided": lambda d: torch.empty_strided((2, -3), (1, 1), device=d),
    "size_overflow": lambda d: torch.empty(2**40, 2**40, device=d),
    "strides_mismatch": lambda d: torch.empty_strided((2, 3), (1,), device=d),
    "as_strided_outside": lambda d: torch.zeros(3, device=d).as_strided((4,), (1,)),
    "as_strided_negative": lambda d: torch.zeros(3, device=d).as_strided((2,), (-1,)),
    "view_incompatible": lambda d: torch.zeros(2, 3, device=d).t().view(6),
    "view_size": lambda d: torch.zeros(2, 3, device=d).view(7),
    "unfold_size": lambda d: torch.zeros(3, device=d).unfold(0, 4, 1),
    "view_as_complex_shape": lambda d: torch.view_as_complex(torch.zeros(3, 3, device=d)),
    "view_as_real_of_real": lambda d: torch.view_as_real(torch.zeros(3, device=d)),
    "view_dtype": lambda d: torch.zeros(3, device=d).view(torch.float64),
    "set_outside": lambda d: torch.zeros(0, device=d).set_(torch.zeros(3, device=d).untyped_storage(), -1, (3,), (1,)),
    "set_other_dtype": lambda d: torch.zeros(3, device=d).set_(torch.zeros(3, device=d, dtype=torch.int32)),
    "resize_of_view_storage": lambda d: torch.zeros(2, requires_grad=True, device=d).resize_(4),
    "item_of_many": lambda d: torch.zeros(2, device=d).item(),
    "memory_format": lambda d: torch.empty(2, 3, device=d, memory_format=torch.channels_last),
    "memory_format_preserve": lambda d: torch.empty(2, 3, device=d, memory_format=torch.preserve_format),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes(name):
    expected, text = outcome(lambda: MISTAKES[name]("cpu"))
    actual, actual_text = outcome(lambda: MISTAKES[name](DEVICE))
    assert expected is not None and actual is expected, (actual, actual_text, expected, text)


def test_out_of_memory():
    before = torch.hologram.memory_allocated()
    for call in (lambda: torch.empty(1 << 50, device=DEVICE), lambda: torch.empty_strided((1 << 48, 2), (2, 1), device=DEVICE),
                 lambda: torch.empty(1, device=DEVICE).resize_(1 << 50),
                 lambda: torch.UntypedStorage(1 << 50, device=DEVICE)):
        with pytest.raises(torch.OutOfMemoryError, match=r"\d"):
            call()
    assert torch.hologram.memory_allocated() == before
    assert torch.ones(3, device=DEVICE).sum().item() == 3


# ---- creation ----

def test_creation():
    x = torch.empty(2, 3, 4, 5, device=DEVICE, memory_format=torch.channels_last, dtype=torch.int16)
    assert x.is_contiguous(memory_format=torch.channels_last) and x.dtype == torch.int16
    assert torch.empty((), device=DEVICE).dim() == 0 and torch.empty(0, 3, device=DEVICE).untyped_storage().nbytes() == 0
    x = torch.empty_strided((2, 3), (4, 1), device=DEVICE)
    assert x.stride() == (4, 1) and x.untyped_storage().nbytes() == 7 * 4
    assert torch.empty_strided((0, 3), (4, 1), device=DEVICE).numel() == 0
    assert torch.empty(3, device=DEVICE).data_ptr() % 64 == 0
    assert torch.empty_like(torch.empty(2, 3).t(), device=DEVICE).stride() == (1, 3)
    assert torch.empty(3, device=DEVICE).new_empty(2).is_hologram
    with torch.inference_mode():
        assert torch.empty(3, device=DEVICE).is_inference()


def test_deterministic_fill():
    torch.use_deterministic_algorithms(True)
    try:
        assert torch.empty(100, device=DEVICE).isnan().all().item()
        assert (torch.empty(10, device=DEVICE, dtype=torch.int32) == torch.iinfo(torch.int32).max).all().item()
        assert torch.zeros(2, device=DEVICE).resize_(10)[2:].isnan().all().item()
    finally:
        torch.use_deterministic_algorithms(False)


# ---- resize_ and set_ ----

def test_resize():
    x = torch.arange(6.).to(DEVICE)
    address = x.data_ptr()
    x.resize_(2, 2)
    assert x.data_ptr() == address and x.tolist() == [[0, 1], [2, 3]]
    x.resize_(100)
    assert x.untyped_storage().nbytes() == 400 and x[:6].tolist() == list(range(6))
    x.resize_(0)
    assert x.numel() == 0 and x.untyped_storage().nbytes() == 400
    x.resize_(1, 2, 3, 4, memory_format=torch.channels_last)
    assert x.is_contiguous(memory_format=torch.channels_last)
    view = torch.arange(10.).to(DEVICE)[4:]
    view.resize_(20)
    assert view.storage_offset() == 4 and view[:6].tolist() == list(range(4, 10))
    assert torch.empty(0, device=DEVICE).resize_as_(torch.empty(3, 2, device=DEVICE)).shape == (3, 2)


def test_set():
    a, b = torch.arange(6.).to(DEVICE), torch.empty(0, device=DEVICE)
    b.set_(a)
    assert b.is_set_to(a) and not b.is_set_to(a[1:])
    b.set_(a.untyped_storage(), 1, (2, 2), (2, 1))
    assert b.tolist() == [[1, 2], [3, 4]]
    b.set_(a.untyped_storage())
    assert b.shape == (6,)
    b.set_()
    assert b.numel() == 0 and b.is_hologram
    with pytest.raises(RuntimeError, match="device"):
        b.set_(torch.zeros(3).untyped_storage())
    with pytest.raises(RuntimeError, match="device"):
        torch.zeros(3).set_(a.untyped_storage())


# ---- lazy conjugation and negation ----

LAZY = {
    "conj": lambda x: x.conj(), "conj_clone": lambda x: x.conj().clone(), "resolve": lambda x: x.conj().resolve_conj(),
    "neg_view": lambda x: torch._neg_view(x), "neg_resolve": lambda x: torch._neg_view(x).resolve_neg(), "imag": lambda x: x.conj().imag,
    "imag_clone": lambda x: x.conj().imag.clone(), "widen": lambda x: x.conj().to(torch.complex128), "add": lambda x: x.conj() + 1,
    "matmul": lambda x: x.conj() @ x, "both": lambda x: torch._neg_view(x.conj()), "transposed": lambda x: x.conj().t().contiguous(),
    "real_view": lambda x: torch.view_as_real(x), "complex_view": lambda x: torch.view_as_complex(torch.view_as_real(x)),
    "adjoint": lambda x: x.mH @ x, "item": lambda x: torch.tensor(x.conj()[0, 0].item()), "hfft": lambda x: torch.fft.hfft(x),
    "assign": lambda x: x.clone().conj().copy_(x), "assign_real": lambda x: x.clone().conj().imag.copy_(x.real),
    "index": lambda x: x.conj()[1:, 0], "sum": lambda x: x.conj().sum(), "real_of_neg": lambda x: torch._neg_view(x.real).to(torch.float64),
}


@pytest.mark.parametrize("name", LAZY)
@pytest.mark.parametrize("dtype", [torch.complex64, torch.complex128], ids=name_of)
def test_lazy_views(name, dtype):
    x = torch.randn(3, 3, dtype=dtype, generator=torch.Generator().manual_seed(1))
    expected, actual = LAZY[name](x), LAZY[name](x.to(DEVICE))
    assert actual.is_conj() == expected.is_conj() and actual.is_neg() == expected.is_neg()
    torch.testing.assert_close(actual.cpu(), expected)
    assert "tensor(" in repr(actual)


# ---- autograd through views and copies ----

def test_autograd_through_copies():
    x = torch.randn(3, 4, requires_grad=True)
    h = x.to(DEVICE)
    (h.t()[1:3].double().cpu() * 2).sum().backward()
    expected = torch.zeros(3, 4)
    expected[:, 1:3] = 2
    assert torch.equal(x.grad, expected)
    y = torch.zeros(4, device=DEVICE, requires_grad=True)
    z = y * 1
    z[1:3].copy_(torch.ones(2, device=DEVICE))
    z.sum().backward()
    assert y.grad.tolist() == [1, 0, 0, 1]


@pytest.mark.parametrize("floating, bits", [(torch.float16, torch.int16), (torch.bfloat16, torch.int16),
                                            (torch.float32, torch.int32), (torch.float64, torch.int64)])
def test_copies_keep_every_bit(floating, bits):
    pattern = torch.randint(torch.iinfo(bits).min, torch.iinfo(bits).max, (3, 4099), dtype=bits)   # NaNs of all kinds among them
    x = pattern.to(DEVICE).view(floating)
    for copy in (x.clone(), x.t().contiguous().t(), x[:, 1:].clone()):
        assert torch.equal(copy.view(bits).cpu() if copy.is_contiguous() else copy.contiguous().view(bits).cpu(),
                           pattern[:, -copy.shape[1]:])

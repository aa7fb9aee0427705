"""Inputs on two devices, results that stay as they are, and comparison by PyTorch's own rules."""

import copy

import torch
from torch.testing._internal.common_device_type import precisionOverride, toleranceOverride
from torch.utils._pytree import tree_leaves, tree_map

DEVICE = "hologram"
# The suites whose tolerances are about results computed two ways (by another device, or in another layout).
SUITES = ("TestCommon", "TestConsistency", "TestModule", "TestModuleMPS", "TestOptimRenewed")
HALVES = (torch.float16, torch.bfloat16, torch.complex32)
SCALARS = {bool: torch.bool, int: torch.int64, float: torch.float64, complex: torch.complex128}
PRECISE = {torch.float16: torch.float64, torch.bfloat16: torch.float64, torch.float32: torch.float64,
           torch.float64: torch.float64, torch.complex32: torch.complex128, torch.complex64: torch.complex128,
           torch.complex128: torch.complex128}


def tolerance(info, dtype):
    """(rtol, atol) that the entry of the database asks for; 0 where the defaults of the results' types are to hold."""
    rtol, atol = 0.0, 0.0
    for decorator in info.decorators:
        if getattr(decorator, "cls_name", None) not in SUITES or getattr(decorator, "device_type", None) == "cuda":
            continue
        for inner in decorator.decorators:
            if isinstance(inner, toleranceOverride) and dtype in inner.d:
                rtol, atol = max(rtol, inner.d[dtype].rtol), max(atol, inner.d[dtype].atol)
            if isinstance(inner, precisionOverride) and dtype in inner.d:
                atol = max(atol, inner.d[dtype])
    return rtol, atol


def is_tensor(value):
    return isinstance(value, torch.Tensor)


def all_moved(nest, device):
    """A copy of a nest. Tensors keep their strides, offsets, and the memory they share; modules are copied; device names
    become `device`; the rest stays."""
    storages, tensors = {}, {}

    def storage(t):
        key = t.untyped_storage()._cdata
        if key not in storages:
            flat = torch.empty(0, dtype=torch.uint8).set_(t.untyped_storage())
            storages[key] = flat.clone().to(device).untyped_storage(), t      # the tensor stays: another would get its address
        return storages[key][0]

    def moved(t):
        if t.layout is not torch.strided or t.is_meta:
            return t.clone().to("meta" if t.is_meta else device)
        if t.is_conj():
            return moved(t.conj()).conj()
        if t.is_neg():
            return torch._neg_view(moved(torch._neg_view(t)))
        return torch.empty(0, dtype=t.dtype, device=device).set_(storage(t), t.storage_offset(), t.shape, t.stride())

    def member(value):
        if is_tensor(value):                # a tensor that is given twice stays one
            if id(value) not in tensors:
                tensors[id(value)] = moved(value.detach()).requires_grad_(value.requires_grad)
            return tensors[id(value)]
        if isinstance(value, torch.nn.Module):
            return copy.deepcopy(value).to(device)
        if isinstance(value, torch.device) or (isinstance(value, str) and value == "cpu"):
            return device
        return value

    return tree_map(member, nest)


def fixed(nest):
    """The values of a result at this moment, on the CPU."""
    return tree_map(lambda t: t.detach().cpu().clone() if is_tensor(t) else t, nest)


def precise(nest):
    """The nest with tensors, modules and type arguments in the widest type of their kind."""
    def widened(v):
        if is_tensor(v) and v.dtype in PRECISE:
            return v.detach().to(PRECISE[v.dtype]).requires_grad_(v.requires_grad)
        if isinstance(v, torch.nn.Module):
            return copy.deepcopy(v).double()
        return PRECISE[v] if isinstance(v, torch.dtype) and v in PRECISE else v

    return tree_map(widened, nest)


def same(actual, expected):
    """Equal numbers, NaN with NaN."""
    try:
        torch.testing.assert_close(actual, expected, rtol=0, atol=0, equal_nan=True)
        return True
    except AssertionError:
        return False


def assert_values(actual, expected, rtol, atol):
    """`expected`: a nest of CPU tensors and Python values. The tolerances of a result's type hold where they are wider; for
    bit-equality use same()."""
    for a, e in zip(tree_leaves(actual), tree_leaves(expected), strict=True):
        if is_tensor(e) or isinstance(e, (bool, int, float, complex)):
            default = torch.testing._comparison.default_tolerances(e if is_tensor(e) else SCALARS[type(e)])
            torch.testing.assert_close(a, e, rtol=max(rtol, default[0]), atol=max(atol, default[1]), equal_nan=True,
                                       check_device=False)
        else:
            assert a == e, f"{a!r} instead of {e!r}"


def assert_metadata(actual, expected):
    """Results lie on the device and have the shapes, types and layouts the CPU gives."""
    for a, e in zip(tree_leaves(actual), tree_leaves(expected), strict=True):
        if is_tensor(e):
            assert is_tensor(a), f"{type(a)} instead of a tensor"
            assert a.device.type == DEVICE, f"the result is on {a.device}"
            got, wanted = ((t.shape, t.dtype, t.layout, t.requires_grad) for t in (a, e))
            assert got == wanted, f"{got} instead of {wanted}"


def rms_error(tensor, exact):
    """The root mean square of errors; infinite where a number is missing."""
    tensor = tensor.detach().cpu().to(exact.dtype)
    equal = (tensor == exact) | (tensor.isnan() & exact.isnan())
    error = torch.where(equal, 0.0, (tensor - exact).abs().to(torch.float64))
    return torch.nan_to_num(error, nan=torch.inf).square().mean().sqrt().item()


def assert_results(actual, expected, rtol, atol, exact):
    """`actual` is close to `expected`; or its error against the exact result, which `exact()` computes, is at most twice
    the CPU's, three times for 16-bit types. That is PyTorch's own rule for two implementations of one program
    (torch._dynamo.utils.same)."""
    try:
        return assert_values(actual, expected, rtol, atol)
    except AssertionError as error:
        failure = error
    try:
        leaves = tree_leaves(exact())
    except Exception:
        raise failure from None
    for a, e, x in zip(tree_leaves(actual), tree_leaves(expected), leaves, strict=True):
        if not is_tensor(e) or e.dtype not in PRECISE or not is_tensor(x) or x.dtype is not PRECISE[e.dtype]:
            assert_values(a, e, rtol, atol)
            continue
        ours, theirs = rms_error(a, x), rms_error(e, x)
        if not ours <= (3 if e.dtype in HALVES else 2) * theirs:
            try:
                assert_values(a, e, rtol, atol)
            except AssertionError as error:
                raise AssertionError(f"error {ours:.3g}, the CPU's {theirs:.3g}; {error}") from None


def describe(nest):
    def shape(v):
        if not is_tensor(v):
            return v
        return f"{str(v.dtype)[6:]}{tuple(v.shape)}" + ("" if v.layout is not torch.strided or v.is_contiguous()
                                                       else f" strides {v.stride()}")

    return tree_map(shape, nest)

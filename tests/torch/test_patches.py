"""Every correction of torch is still needed. A failure here means: torch has mended it, remove the correction."""

import threading

import pytest
import torch

from hologram_torch import _patches
from tests.torch.compare import DEVICE


def test_dlpack_device_needs_its_correction():
    x = torch.arange(3.).to(DEVICE)
    with pytest.raises(ValueError, match="Unknown device type hologram"):
        _patches.originals["__dlpack_device__"](x)
    assert x.__dlpack_device__() == (torch.utils.dlpack.DLDeviceType.kDLExtDev, 0)
    y = torch.from_dlpack(x)
    y[0] = 7
    assert y.is_hologram and x[0].item() == 7
    assert torch.zeros(2).__dlpack_device__()[0] == torch.utils.dlpack.DLDeviceType.kDLCPU


def test_share_memory_needs_its_correction():
    storage = torch.zeros(3).to(DEVICE).untyped_storage()
    assert _patches.originals["is_shared"](storage) is True
    _patches.originals["share_memory_"](storage)
    assert not storage.is_shared()


def test_backward_on_the_calling_thread_needs_its_correction(monkeypatch):
    threads = []

    def backward():
        x = torch.ones(3, device=DEVICE, requires_grad=True)
        x.register_hook(lambda grad: threads.append(threading.get_ident()))
        x.exp().sum().backward()
        return threads[-1]

    assert backward() == threading.get_ident() and torch._C._is_multithreading_enabled()
    with pytest.raises(ValueError, match="on the way"):
        x = torch.ones(3, device=DEVICE, requires_grad=True)
        x.register_hook(lambda grad: exec("raise ValueError('on the way')"))
        x.sum().backward()
    assert torch._C._is_multithreading_enabled()
    with torch.autograd.set_multithreading_enabled(False):
        backward()
        assert not torch._C._is_multithreading_enabled()     # the caller's choice stays
    monkeypatch.setattr(torch.autograd, "_engine_run_backward", _patches.originals["_engine_run_backward"])
    assert backward() != threading.get_ident()


def test_module_to_needs_the_compatibility_kernel():
    """torch's own rule (TensorImpl) calls the two devices incompatible; our kernel of the op says otherwise."""
    cpu, device = torch.zeros(1), torch.zeros(1).to(DEVICE)
    assert torch._has_compatible_shallow_copy_type(cpu, device) and torch._has_compatible_shallow_copy_type(device, cpu)
    assert not torch._has_compatible_shallow_copy_type(device, torch.zeros(1).to_sparse())
    assert not torch._has_compatible_shallow_copy_type(cpu, torch.zeros(1, device="meta"))


def test_applying_twice_changes_nothing():
    before = torch.Tensor.__dlpack_device__
    _patches.apply()
    assert torch.Tensor.__dlpack_device__ is before

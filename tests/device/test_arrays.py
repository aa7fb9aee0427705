"""Tensors as arrays of NumPy, JAX, matplotlib, pandas and scikit-learn: refused as a GPU's are, shared where the CPU is asked for."""

import importlib

import numpy as np
import pytest
import torch

from tests.compare import DEVICE, assert_same
from tests.modes import host_only

VALUES = torch.arange(1.0, 7.0).view(2, 3)


def tensor():
    return VALUES.to(DEVICE) * 2      # recorded


def plot(name):
    def call(x):
        matplotlib = importlib.import_module("matplotlib")
        matplotlib.use("agg")
        pyplot = importlib.import_module("matplotlib.pyplot")
        try:
            return getattr(pyplot, name)(x)
        finally:
            pyplot.close("all")
    return call


TAKERS = {
    "asarray": np.asarray, "array": np.array, "exp": np.exp, "concatenate": lambda x: np.concatenate([x, x]), "numpy": torch.Tensor.numpy,
    "plot": plot("plot"), "imshow": plot("imshow"), "hist": plot("hist"),
    "jax": lambda x: pytest.importorskip("jax.numpy").asarray(x),
    "frame": lambda x: pytest.importorskip("pandas").DataFrame(x), "series": lambda x: pytest.importorskip("pandas").Series(x[0]),
    "fit": lambda x: pytest.importorskip("sklearn.linear_model").LinearRegression().fit(x, [1, 2]),
}


@pytest.mark.parametrize("name", TAKERS)
def test_what_takes_arrays_refuses_it_as_a_gpus(name):
    with pytest.raises(TypeError, match="can't convert hologram:0 device type tensor to numpy. Use Tensor.cpu()"):
        TAKERS[name](tensor())


@pytest.mark.parametrize("name", TAKERS)
def test_what_takes_arrays_takes_its_copy(name):
    TAKERS[name](tensor().cpu())


def test_copies():
    x = tensor()
    for copy in (x.numpy(force=True), x.cpu().numpy(), np.array(x.tolist(), dtype=np.float32)):
        assert_same(torch.from_numpy(copy), VALUES * 2)
        copy[0, 0] = -1
    assert_same(x.cpu(), VALUES * 2)
    gradient = tensor().requires_grad_()
    assert_same(torch.from_numpy(gradient.numpy(force=True)), VALUES * 2)
    with pytest.raises(TypeError, match="BFloat16"):
        x.bfloat16().numpy(force=True)


@host_only("one memory of the device and NumPy")
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.float64, torch.int64, torch.uint8, torch.bool, torch.complex64], ids=str)
def test_one_memory_where_the_cpu_is_asked_for(dtype):
    x = tensor().to(dtype)
    array = np.from_dlpack(x, device="cpu")
    assert_same(torch.from_numpy(np.array(array)), (VALUES * 2).to(dtype))
    x.fill_(1)
    assert (array == np.ones((2, 3), array.dtype)).all()
    alias = torch.from_numpy(array)
    alias[0, 0] = 0
    assert x[0, 0].item() == 0 and array[0, 0] == 0
    copy = torch.from_dlpack(x, device="cpu")      # torch's rule between devices
    copy[0, 0] = 1
    assert copy.device.type == "cpu" and x[0, 0].item() == 0


@host_only("one memory of the device and NumPy")
def test_one_memory_of_views_and_after_the_tensor():
    x = tensor()
    column = np.from_dlpack(x[:, 1], device="cpu")
    assert column.strides == (12,) and column.tolist() == [4.0, 10.0]
    x.neg_()
    del x
    assert column.tolist() == [-4.0, -10.0]
    jnp = pytest.importorskip("jax.numpy")
    y = tensor()
    assert_same(torch.from_numpy(np.array(jnp.from_dlpack(np.from_dlpack(y, device="cpu")) + 1)), VALUES * 2 + 1)


@host_only("one memory of the device and NumPy")
def test_copies_by_dlpack():
    x = tensor()
    array = np.from_dlpack(x, device="cpu", copy=True)
    x.zero_()
    assert_same(torch.from_numpy(array), VALUES * 2)
    np.from_dlpack(x, device="cpu", copy=False)      # none is needed
    assert torch.from_dlpack(x).device.type == DEVICE


@host_only("one memory of the device and NumPy")
def test_what_is_refused_by_dlpack():
    x = tensor()
    with pytest.raises(Exception, match="[Uu]nsupported device"):
        np.from_dlpack(x)
    with pytest.raises(BufferError, match="gradient"):
        np.from_dlpack(x.requires_grad_(), device="cpu")
    with pytest.raises(BufferError, match="conjugate"):
        np.from_dlpack(torch.ones(2, dtype=torch.complex64, device=DEVICE).conj(), device="cpu")

"""safetensors on the device: every way to open a file, and what is written there."""

import importlib

import pytest
import torch

from hologram_torch import _patches_safetensors
from tests.compare import DEVICE, assert_same

safetensors = pytest.importorskip("safetensors")
st = importlib.import_module("safetensors.torch")

TENSORS = {"a": torch.rand(3, 4), "b": torch.arange(5), "h": torch.rand(6).bfloat16(), "empty": torch.zeros(0, 2), "flag": torch.tensor([True])}
PLACES = ["hologram", "hologram:0", torch.device("hologram"), torch.device("hologram", 0), 0]


def ordered(tensors):
    return dict(sorted(tensors.items()))      # files have an order of their own


@pytest.fixture
def path(tmp_path):
    st.save_file(TENSORS, tmp_path / "x.safetensors")
    return tmp_path / "x.safetensors"


@pytest.mark.parametrize("device", PLACES, ids=repr)
def test_files_are_opened_for_the_device(path, device):
    assert_same(ordered(st.load_file(path, device=device)), ordered(TENSORS), device=DEVICE)
    with safetensors.safe_open(path, "pt", device) as file:
        assert isinstance(file, safetensors.safe_open)
        assert_same(file.get_tensor("a"), TENSORS["a"], device=DEVICE)
        assert_same(file.get_slice("a")[1:, :2], TENSORS["a"][1:, :2], device=DEVICE)
        assert sorted(file.keys()) == sorted(TENSORS)
    with safetensors.safe_open(str(path), framework="pt", device=device, backend="pread") as file:
        assert_same(file.get_tensor("b"), TENSORS["b"], device=DEVICE)


def test_loaded_tensors_are_of_the_device_alone(path):
    """Their memory is the pool's, not the file's: they may be written."""
    loaded = st.load_file(path, device=DEVICE)
    loaded["a"] += 1
    assert_same(loaded["a"], TENSORS["a"] + 1, device=DEVICE)
    assert_same(st.load_file(path, device=DEVICE)["a"], TENSORS["a"], device=DEVICE)


def test_other_devices_are_opened_as_ever(path):
    assert_same(ordered(st.load_file(path)), ordered(TENSORS), device="cpu")
    with safetensors.safe_open(path, framework="np") as file:
        assert file.get_tensor("b").tolist() == list(range(5))
    with pytest.raises(safetensors.SafetensorError, match="device hologramm is invalid"):
        safetensors.safe_open(path, "pt", device="hologramm")
    with pytest.raises(TypeError, match="framework"):
        safetensors.safe_open(path)


def test_a_device_that_is_not_there_is_an_error(path):
    with pytest.raises(Exception, match="9"):
        st.load_file(path, device="hologram:9")


def test_what_is_recorded_is_written(tmp_path):
    x = torch.arange(12.0).view(3, 4).to(DEVICE)
    values = {"x": x.exp(), "same": x * 2 + 1, "half": x.to(torch.bfloat16)}
    expected = {"x": x.cpu().exp(), "same": x.cpu() * 2 + 1, "half": x.cpu().bfloat16()}
    st.save_file(values, tmp_path / "y.safetensors", metadata={"format": "pt"})
    assert_same(ordered(st.load_file(tmp_path / "y.safetensors")), ordered(expected))
    assert_same(st.load(st.save({"x": x.exp()})), {"x": expected["x"]})


def test_models_with_shared_weights(tmp_path):
    def model():
        layers = torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.Linear(4, 4))
        layers[1].weight = layers[0].weight
        return layers

    saved = model().to(DEVICE)
    st.save_model(saved, tmp_path / "m.safetensors")
    with pytest.raises(RuntimeError, match="share memory"):
        st.save_file(saved.state_dict(), tmp_path / "n.safetensors")
    for device in (DEVICE, "cpu"):
        loaded = model().to(device)
        assert st.load_model(loaded, tmp_path / "m.safetensors", device=device) == (set(), [])
        assert_same(loaded(torch.ones(2, 4, device=device)).detach().cpu(), saved(torch.ones(2, 4, device=DEVICE)).detach().cpu())


def test_safe_open_needs_its_correction(path):
    """Where this fails, safetensors knows the device: remove the correction, and its part of docs/upstream.md."""
    with pytest.raises(safetensors.SafetensorError, match="device hologram is invalid"):
        safetensors.safe_open.made(path, "pt", device=DEVICE)
    assert _patches_safetensors.number_of("hologram:0") == 0 and _patches_safetensors.number_of("cuda:1") == "cuda:1"

"""What torch's compilers ask of the device: its DeviceInterface, streams and devices in traced programs, Inductor asked for by name."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import torch
from torch import nn

import hologram_torch
from hologram_torch import _patches
from tests.compare import DEVICE
from tests.programs.regions import new_graphs, runs  # noqa: F401  a fixture

pytestmark = pytest.mark.skipif(hologram_torch.get_backend() != "cpu", reason="graphs are captured on the cpu backend only")


def R(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)).to(DEVICE)


def same(a, b):
    torch.testing.assert_close(a, b, rtol=0, atol=0)


# ---- the interface ----

def interface():
    from torch._dynamo.device_interface import get_interface_for_device

    return get_interface_for_device(DEVICE)


def test_the_interface_is_whole():
    from torch._dynamo.device_interface import DeviceInterface, get_registered_device_interfaces

    ours = interface()
    assert issubclass(ours, DeviceInterface) and (DEVICE, ours) in get_registered_device_interfaces()
    left = {name for name in vars(DeviceInterface) if not name.startswith("__") and getattr(ours, name) is getattr(DeviceInterface, name)}
    assert left == {"is_triton_capable"}     # the device has no Triton; what the base class makes of the others is bound to ours
    for name in ("set_device", "current_device", "get_device_properties"):
        assert getattr(ours.Worker, name) is not getattr(DeviceInterface.Worker, name)


def test_what_the_interface_says():
    ours, device = interface(), torch.hologram
    x = R(3)
    assert ours.is_available() and ours.device_count() == device.device_count() and ours.current_device() == 0
    assert ours.get_device_properties() == ours.Worker.get_device_properties(DEVICE) == device.get_device_properties(0)
    assert ours.exchange_device(0) == ours.maybe_exchange_device(-1) == 0
    ours.set_device(0)
    ours.Worker.set_device(0)
    assert ours.Worker.current_device() == 0
    side = device.Stream()
    with ours.device(0), ours.stream(side):
        assert ours.current_stream() == side and ours.get_raw_stream(0) == side.stream_id
    before = ours.current_stream()
    ours._set_stream_by_id(side.stream_id, side.device_index, side.device_type)
    assert ours.current_stream() == side
    ours.set_stream(before)
    assert ours.memory_allocated() >= x.nbytes and ours.is_bf16_supported() and ours.is_dtype_supported(torch.float64)
    assert ours.get_compute_capability() == "cpu" and not ours.is_triton_capable()
    with pytest.raises(RuntimeError, match="not capable of supporting Triton"):
        ours.raise_if_triton_unavailable()
    ours.synchronize()
    with pytest.raises(RuntimeError, match="invalid device index"):
        ours.set_device(999)


def test_programs_of_the_cpu_do_not_meet_it():
    program = """
        import sys, torch
        from hologram_torch import _C
        assert not any(name.startswith(("torch._dynamo", "hologram_torch.device_interface")) for name in sys.modules)
        run = torch.compile(lambda x: x.sin() + 1, backend="aot_eager")
        assert torch.equal(run(torch.ones(3)), torch.ones(3).sin() + 1)
        from torch._inductor.async_compile import caching_device_properties
        caching_device_properties()
        from torch._dynamo.device_interface import get_interface_for_device
        assert not get_interface_for_device("hologram").is_available()
        assert not _C.in_use() and "hologram_torch.compile" not in sys.modules
    """
    root = Path(hologram_torch.__file__).parents[1]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [str(root), os.environ.get("PYTHONPATH")]))}
    done = subprocess.run([sys.executable, "-c", "import hologram_torch" + textwrap.dedent(program)], capture_output=True, text=True,
                          env=environment)
    assert done.returncode == 0, done.stderr


# ---- devices and streams in traced programs ----

SIDE = torch.hologram.Stream()


def streams(x):
    here, there = torch.hologram.current_stream(), torch.hologram.Stream()
    there.wait_stream(here)
    with torch.hologram.stream(SIDE), torch.hologram.stream(None):
        y = x + 1
    event = torch.hologram.Event()
    event.record()
    here.wait_event(there.record_event())
    torch.hologram.current_stream(DEVICE).synchronize()
    return y * 2


def devices(x):
    with torch.hologram.device(0), torch.hologram.device_of(x), torch.hologram.device(DEVICE):
        y = x + torch.hologram.current_device()
    torch.hologram.set_device(0)
    if torch.hologram.is_available() and torch.hologram.is_bf16_supported():
        y = y * torch.hologram.device_count()
    name = torch.hologram.get_device_name()
    return y + torch.hologram.get_device_properties().multi_processor_count + len(name)


@pytest.mark.parametrize("options", [{"backend": "eager"}, {}], ids=str)
@pytest.mark.parametrize("function", [streams, devices], ids=lambda f: f.__name__)
def test_traced_without_a_break(function, options):
    run = torch.compile(function, fullgraph=True, **options)
    for i in range(4):
        same(run(R(4, seed=i)), function(R(4, seed=i)))


def test_a_wrong_device_is_an_error_in_a_traced_program():
    def function(x):
        torch.hologram.set_device(999)
        return x + 1

    with pytest.raises(RuntimeError, match="invalid device index"):
        torch.compile(function)(R(2))


# ---- Inductor by name ----

def total(x):
    return (x + 1).sum()


def test_inductor_by_name_is_the_device_s_backend():
    run = torch.compile(total, backend="inductor", options={"max_autotune": True})
    for i in range(4):
        same(run(R(4, seed=i)), total(R(4, seed=i)))
    assert runs() == [1]


def test_graphs_that_others_hand_to_inductor():
    from torch._dynamo.backends.common import aot_autograd
    from torch._inductor import compile_fx

    def backend(graph, inputs):
        return aot_autograd(fw_compiler=compile_fx.compile_fx_inner)(graph, inputs)

    run = torch.compile(total, backend=backend)
    for i in range(4):
        same(run(R(4, seed=i)), total(R(4, seed=i)))
    assert runs() == [1]
    torch._dynamo.reset()
    graph = torch.fx.symbolic_trace(lambda x: (x + 1,))
    with pytest.raises(NotImplementedError, match="Export the model on the CPU"):
        compile_fx.compile_fx_inner(graph, [R(2)], cpp_wrapper=True)


@pytest.mark.parametrize("options", [{}, {"backend": "hologram"}], ids=str)
def test_another_compiler_is_refused(options):
    with pytest.raises(Exception, match="there is no option 'hologram'.*Leave the option out, or compile model.cpu"):
        torch.compile(total, options={"hologram": "inductor"}, **options)(R(2))
    with pytest.raises(RuntimeError, match="Unexpected optimization option anything"):
        torch.compile(total, options={"anything": 1})


def test_aot_inductor_names_the_cpu():
    program = torch.export.export(nn.Linear(2, 2).to(DEVICE), (R(2, 2),))
    for aot in (lambda: torch._inductor.aoti_compile_and_package(program), lambda: torch._inductor.aot_compile(program.module(), (R(2, 2),)),
                lambda: torch.compile(total, options={"cpp_wrapper": True})(R(2))):
        with pytest.raises(Exception, match="Export the model on the CPU"):
            aot()


def test_corrections_are_needed():
    from torch._inductor import compile_fx  # noqa: F401
    from torch.fx.experimental.proxy_tensor import make_fx

    with pytest.raises(RuntimeError, match="Unexpected optimization option hologram"):
        _patches.originals["apply_options"](torch._TorchCompileInductorWrapper("default", None, False), {"hologram": "inductor"})
    with pytest.raises(Exception, match=r"hologram|assert"):
        _patches.originals["compile_fx_inner"](make_fx(lambda x: (x + 1,), tracing_mode="fake")(R(2)), [R(2)])

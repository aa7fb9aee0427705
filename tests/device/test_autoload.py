"""How the device gets into torch: by the entry point, explicitly, or not at all, and never at torch's expense."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# What torch's entry point does, without needing an installed package: import the module while torch is being imported,
# then call the function.
ENTRY_POINT = """
import torch, warnings
def autoload():
    torch.__spec__._initializing = True
    import hologram_torch
    torch.__spec__._initializing = False
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter('always')
        hologram_torch._autoload()
        hologram_torch._autoload()
    return [str(w.message) for w in caught]
def warnings_of(name):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter('always')
        __import__(name)
    return [str(w.message) for w in caught]
def works():
    try:
        return torch.ones(2, device='hologram').sum().item() == 2
    except RuntimeError:
        return False
"""


def run(code, path="", **env):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [path, str(ROOT), os.environ.get("PYTHONPATH")])),
                   "TORCH_DEVICE_BACKEND_AUTOLOAD": "0", "HOLOGRAM_AUTOLOAD": "1", **env}
    result = subprocess.run([sys.executable, "-W", "error", "-c", code], env=environment, capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@pytest.fixture
def installed(tmp_path):
    """A folder that announces the entry point, as an installed package does."""
    info = tmp_path / "hologram-0.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: hologram\nVersion: 0.0\n")
    (info / "entry_points.txt").write_text("[torch.backends]\nhologram = hologram_torch:_autoload\n")
    return str(tmp_path)


def test_import_torch_is_enough(installed):
    run("import torch; assert torch.ones(2, device='hologram').sum().item() == 2 and torch.hologram.is_available()",
        installed, TORCH_DEVICE_BACKEND_AUTOLOAD="1")


def test_either_package_may_come_first(installed):
    for first, second in (("torch", "hologram_torch"), ("hologram_torch", "torch")):
        for autoload in "01":
            run(f"import {first}, {second}; import torch; assert torch.ones(2, device='hologram').sum().item() == 2",
                installed, TORCH_DEVICE_BACKEND_AUTOLOAD=autoload)


def test_the_switch(installed):
    run("""
import torch, sys
try:
    torch.device('hologram')
    raise SystemExit('registered')
except RuntimeError:
    pass
assert not hasattr(torch, 'hologram') and 'hologram_core' not in sys.modules
import hologram_torch
assert torch.ones(2, device='hologram').sum().item() == 2
""", installed, TORCH_DEVICE_BACKEND_AUTOLOAD="1", HOLOGRAM_AUTOLOAD="0")


def test_another_device_is_left_alone():
    run(ENTRY_POINT + """
torch.utils.rename_privateuse1_backend('other')
messages = autoload()
assert len(messages) == 1 and "'other'" in messages[0] and 'HOLOGRAM_AUTOLOAD=0' in messages[0], messages
assert torch._C._get_privateuse1_backend_name() == 'other' and not hasattr(torch, 'hologram') and not works()
import hologram_torch
try:
    hologram_torch.get_backend()
    raise SystemExit('no error')
except RuntimeError as error:
    assert "'other'" in str(error)
""")


def test_an_explicit_import_says_why_it_cannot_work():
    run("""
import torch
torch.utils.rename_privateuse1_backend('other')
try:
    import hologram_torch
    raise SystemExit('no error')
except RuntimeError as error:
    assert "'other'" in str(error)
""")


@pytest.mark.parametrize("version", ["2.10.2", "1.13.0+cu117"])
def test_a_torch_that_is_too_old(version):
    run(ENTRY_POINT + f"""
torch.__version__ = {version!r}
messages = autoload()
assert len(messages) == 1 and {version!r} in messages[0], messages
assert not works()
""")


@pytest.mark.host_only("what the switch does where there is no GPU")
def test_backend_by_environment():
    for name in ("cpu", "auto", "CPU", ""):
        run("import hologram_torch; assert hologram_torch.get_backend() == 'cpu'", HOLOGRAM_BACKEND=name)
    run(ENTRY_POINT + """
messages = warnings_of('hologram_torch')
assert len(messages) == 1 and 'HOLOGRAM_BACKEND' in messages[0] and "'cuda'" in messages[0], messages
import hologram_torch
assert hologram_torch.get_backend() == 'cpu' and works()
""", HOLOGRAM_BACKEND="cuda")


BAD_SWITCHES = [("HOLOGRAM_FUSION", "maybe"), ("HOLOGRAM_SYNC", "2"), ("HOLOGRAM_LOG", "loud"), ("HOLOGRAM_LOG", "\u00b2"), ("HOLOGRAM_GUARD", "x"),
                ("HOLOGRAM_CACHE_DIR", "~nobody-of-that-name/x"), ("HOLOGRAM_MEMORY_LIMIT", "1e30"), ("HOLOGRAM_BACKEND", "nonsense"),
                ("HOLOGRAM_FALLBACK", "2"), ("HOLOGRAM_MPS", "-"), ("HOLOGRAM_AUTOLOAD", "maybe")]

# What uses the device, and what a program without it does.
USES = """
def bad(use):
    try:
        use()
    except ValueError as error:
        return str(error)
    raise SystemExit(f'no error: {use}')
def uses():
    import hologram_core
    device, cpu = torch.device('hologram'), torch.ones(2)
    return [lambda: torch.ones(2, device='hologram'), lambda: cpu.to(device), lambda: cpu.hologram(), lambda: torch.nn.Linear(2, 2).to(device),
            lambda: torch.ops.aten._to_copy(cpu, device=device), lambda: torch.ops.aten.empty.memory_format([2], device=device),
            lambda: torch.UntypedStorage(8, device=device), lambda: torch.nn.Linear(2, 2, device='meta').to_empty(device=device),
            hologram_core.Executor, hologram_core.new_executor]
def without_the_device():
    torch.manual_seed(0)
    w = torch.ones(2, requires_grad=True)
    w.sum().backward()
    torch.save(w, __import__('io').BytesIO())
    return w.grad.tolist() == [1, 1] and torch.accelerator.is_available() and torch.hologram.device_count() >= 1
"""


def test_a_bad_switch_is_named_when_the_device_is_used(installed):
    """`import torch` and an explicit import both go on, without a warning; so does a program without the device."""
    run("import torch" + USES + """
assert without_the_device()
messages = {bad(use) for use in uses()}
assert len(messages) == 1
for name in ('HOLOGRAM_BACKEND', 'HOLOGRAM_LOG', 'HOLOGRAM_AUTOLOAD'):
    assert messages.copy().pop().count(name + ': ') == 1, messages
""", installed, TORCH_DEVICE_BACKEND_AUTOLOAD="1", HOLOGRAM_BACKEND="nonsense", HOLOGRAM_LOG="loud", HOLOGRAM_AUTOLOAD="maybe")
    run("import hologram_torch, torch" + USES + """
assert without_the_device()
messages = {bad(use) for use in uses()}
assert len(messages) == 1 and messages.pop().startswith('HOLOGRAM_MEMORY_LIMIT: ')
""", HOLOGRAM_MEMORY_LIMIT="1e30")


@pytest.mark.parametrize("name, value", BAD_SWITCHES)
def test_a_bad_switch_has_its_default_until_then(name, value):
    from hologram_core import config

    assert config.read_all({}) == (config.read({}), "")
    assert config.read_all({name: value})[0] == config.read({})
    found, problem = config.read_all({name: value, "HOLOGRAM_LOG": "9", "HOLOGRAM_SYNC": "1"} | {name: value})
    assert problem.startswith("HOLOGRAM_") and name + ": " in problem and value in problem
    assert found.log == 0 and found.sync == (name != "HOLOGRAM_SYNC")


def test_other_spellings_of_the_switches(installed):
    for value in ("0", "false", "Off", " no "):
        run("import torch; assert not hasattr(torch, 'hologram')", installed, TORCH_DEVICE_BACKEND_AUTOLOAD="1", HOLOGRAM_AUTOLOAD=value)
    run("import torch; assert torch.hologram.get_fallback_mode() == 'error'", installed, TORCH_DEVICE_BACKEND_AUTOLOAD="1", HOLOGRAM_AUTOLOAD="on",
        HOLOGRAM_FALLBACK=" ERROR")


def test_a_user_without_a_home_folder():
    from hologram_core import config

    folder = config.read({"HOME": ""}).cache_dir
    assert folder.name == "hologram"
    run("""
import os, pathlib
def expanduser(self):
    raise RuntimeError('Could not determine home directory.')
pathlib.Path.expanduser = expanduser
import torch, hologram_torch
assert (torch.ones(2, device='hologram') + 1).tolist() == [2, 2] and not os.path.exists('~')
""", HOLOGRAM_CACHE_DIR="")


def test_loading_is_quick_and_light(tmp_path):
    """Time is the processor's, and a share of what torch itself takes: neither the machine nor its load matters. Python
    keeps what it compiled, as it does for an installed package, whatever this environment says about that."""
    code = """
import sys, time
start = time.process_time()
import torch
middle, before = time.process_time(), set(sys.modules)
import hologram_torch
end, new = time.process_time(), set(sys.modules) - before
print(middle - start, end - middle, *sorted(m for m in new if m.split('.')[0] in ('llvmlite', 'numpy') or m.startswith(('torch._dynamo', 'torch._inductor'))))
"""
    outputs = [run(code, PYTHONDONTWRITEBYTECODE="", PYTHONPYCACHEPREFIX=str(tmp_path)).split() for _ in range(12)]
    assert outputs[0][2:] == []
    torch, hologram = (min(float(o[n]) for o in outputs) for n in (0, 1))
    assert hologram < 0.025 * torch, (torch, hologram)


def test_the_core_does_not_need_torch():
    run("import sys, hologram_core, hologram_core._runtime; "
        "assert not {'torch', 'numpy', 'llvmlite'} & set(sys.modules), sorted(sys.modules)")


def test_registering_twice_is_harmless():
    run("import hologram_torch, torch; hologram_torch._load(); hologram_torch._autoload(); assert torch.ones(1).hologram().is_hologram")

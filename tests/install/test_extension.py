"""The extension is that of the torch that runs; where there is none, one sentence says so, and torch loads all the same."""

import os
import shutil
import subprocess
import sys
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import pytest
import torch

import hologram_torch
from hologram_core import installed, versions
from hologram_torch import _extension

ROOT = Path(__file__).resolve().parents[2]
RELEASE = "_".join(map(str, versions.release(torch.__version__)))
SUFFIX = EXTENSION_SUFFIXES[0]


def test_the_one_that_is_loaded_is_that_of_this_torch():
    assert hologram_torch._C is sys.modules["hologram_torch._C"] and hologram_torch._C.__name__ == "hologram_torch._C"
    assert Path(hologram_torch._C.__file__) == _extension.file(*versions.release(torch.__version__))
    assert _extension.obstacle(torch.__version__) == ""


def test_what_stands_in_the_way(tmp_path, monkeypatch):
    """Never a neighbour's: neither another torch's, nor another Python's. The sentence names what was found and a command."""
    monkeypatch.setattr(_extension, "FOLDER", tmp_path)
    monkeypatch.setattr(installed, "source", lambda: "/src")
    python = "{}.{}".format(*sys.version_info)
    rebuild = "`pip install --force-reinstall --no-deps /src`"
    assert _extension.obstacle("2.13.0") == (f"{tmp_path} has no extension for torch 2.13 and Python {python} (those it has: none). "
                                             f"Run {rebuild}, which builds it")
    (tmp_path / "_C_2_13.cpython-39-x86_64-linux-gnu.so").touch()
    assert "(those it has: _C_2_13.cpython-39-x86_64-linux-gnu.so)" in _extension.obstacle("2.13.0") and _extension.built_for() == []
    for release in ("2_9", "2_13", "2_14"):
        (tmp_path / f"_C_{release}{SUFFIX}").touch()
    assert _extension.built_for() == [(2, 9), (2, 13), (2, 14)]
    assert [_extension.obstacle(v) for v in ("2.9.0", "2.13.0+cpu", "2.14.1", "2.14.0.dev1")] == [""] * 4
    for version, release in (("2.1.0", "2.1"), ("2.15.0+cpu", "2.15"), ("3.13.0", "3.13"), ("2.12.1", "2.12")):
        assert _extension.obstacle(version) == (f"it was built for torch 2.9, 2.13, 2.14, and torch {version} is installed. Run {rebuild}, "
                                                f"which builds it for torch {release}, or `pip install 'torch==2.14.*'`")


def test_where_it_is_built_from_again(tmp_path, monkeypatch):
    assert installed.rebuild() == f"pip install --force-reinstall --no-deps {installed.source()}"
    monkeypatch.setattr(installed, "ROOT", tmp_path)
    info = tmp_path / "hologram-0.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: hologram\nVersion: 0.0\n")
    monkeypatch.syspath_prepend(tmp_path)
    for origin, source in (("", "SOURCE (the folder of its source)"),
                           ('{"url": "file:///a/hologram-0.1.0-cp311-cp311-linux_x86_64.whl", "archive_info": {}}', "SOURCE (the folder of its source)"),
                           ('{"url": "file:///a/hologram", "dir_info": {}}', "/a/hologram"),
                           ('{"url": "https://h/hologram.git", "vcs_info": {"vcs": "git", "commit_id": "0"}}', "git+https://h/hologram.git")):
        (info / "direct_url.json").write_text(origin)
        assert installed.source() == source


# ---- whole installations ----

@pytest.fixture
def installation(tmp_path):
    """A folder as pip leaves it: the packages, their libraries, and the entry point."""
    for package in ("hologram_core", "hologram_torch"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__", "_C*", "_C.*"))
    shutil.copy(hologram_torch._C.__file__, tmp_path / "hologram_torch")
    info = tmp_path / "hologram-0.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: hologram\nVersion: 0.0\n")
    (info / "entry_points.txt").write_text("[torch.backends]\nhologram = hologram_torch:_autoload\n")
    return tmp_path


def start(folder, *arguments):
    environment = {"PYTHONPATH": str(folder), "TORCH_DEVICE_BACKEND_AUTOLOAD": "1", "HOLOGRAM_CACHE_DIR": str(folder / "cache")}
    return subprocess.Popen([sys.executable, "-S", *arguments], env=environment, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def program(code):
    """Without the site's packages but torch's: the environment may have a hologram of its own."""
    site = str(Path(torch.__file__).resolve().parents[1])
    return f"""
import importlib.metadata, sys
sys.path.append({site!r})
found = importlib.metadata.entry_points
importlib.metadata.entry_points = lambda **asked: [e for e in found(**asked) if e.dist.locate_file('').samefile({'.'!r})]
{code}"""


# torch loads, the device does not; what asks for it then is told why.
USE = program("""
import torch
assert torch.ones(2).exp().sum() > 5
try:
    torch.ones(2, device='hologram')
    sys.exit('there is a device')
except RuntimeError:
    pass
for use in ('hologram_torch.get_backend()', 'import hologram_torch.functional'):
    try:
        exec('import hologram_torch; ' + use)
        sys.exit('no error')
    except (RuntimeError, ImportError) as error:
        print(error)
""")


def test_each_torch_has_its_own(installation):
    """The second release is the first one's file under another name, and a torch that says that it is of that release."""
    folder = installation / "hologram_torch"
    shutil.copy(folder / f"_C_{RELEASE}{SUFFIX}", folder / f"_C_9_8{SUFFIX}")
    as_another = program("""
import os
os.environ['TORCH_DEVICE_BACKEND_AUTOLOAD'] = '0'
import torch
torch.__version__ = '9.8.1'
import hologram_torch
print(hologram_torch._C.__file__, torch.ones(2, device='hologram').sum().item())
""")
    out, error = start(installation, "-c", as_another).communicate(timeout=300)
    assert out.split() == [str(folder / f"_C_9_8{SUFFIX}"), "2.0"], error


def neighbour(folder):
    (folder / f"hologram_torch/_C_{RELEASE}{SUFFIX}").rename(folder / f"hologram_torch/_C_9_8{SUFFIX}")


def missing(folder):
    (folder / f"hologram_torch/_C_{RELEASE}{SUFFIX}").unlink()


def broken(folder):
    (folder / f"hologram_torch/_C_{RELEASE}{SUFFIX}").write_bytes(b"\x7fELF, and no more")


def cut(library):
    """As a copy leaves it that was stopped: the head is there, and says that more follows. Linux's loader would map it."""
    os.truncate(library, library.stat().st_size // 3)


def cut_off(folder):
    cut(folder / f"hologram_torch/_C_{RELEASE}{SUFFIX}")


def cut_off_runtime(folder):
    cut(next((folder / "hologram_core").glob("libhologram_runtime.*")))


def cut_off_binding(folder):
    cut(folder / f"hologram_core/_runtime{SUFFIX}")


def without_the_runtime(folder):
    next((folder / "hologram_core").glob("libhologram_runtime.*")).unlink()


def without_the_core(folder):
    """As if it were not there: the site's packages may have one."""
    (folder / "hologram_core/__init__.py").write_text("raise ModuleNotFoundError(\"No module named 'hologram_core'\", name='hologram_core')\n")


HARMS = [(neighbour, "built for torch 9.8, and torch " + torch.__version__), (missing, "those it has: none"), (broken, "does not load"),
         (without_the_runtime, "libhologram_runtime"), (without_the_core, "hologram_core")]
if sys.platform.startswith("linux"):       # other loaders look at a library's length themselves
    HARMS += [(harm, "bytes are there). Run `pip install ") for harm in (cut_off, cut_off_runtime, cut_off_binding)]


@pytest.mark.parametrize("harm, words", HARMS)
def test_a_device_that_cannot_load_costs_torch_one_line(installation, harm, words):
    """Also where warnings are errors, which is tried here."""
    harm(installation)
    out, error = start(installation, "-W", "error", "-c", USE).communicate(timeout=300)
    told, = error.splitlines()
    assert told.startswith("hologram: torch.device('hologram') is not available: ") and words in told, told
    assert told.endswith(" Set HOLOGRAM_AUTOLOAD=0 to silence this.")
    explained = out.splitlines()
    assert len(explained) == 2 and all(words in line for line in explained), out


def test_the_line_is_a_warning(installation):
    missing(installation)
    out, error = start(installation, "-c", program("import torch; print(torch.ones(2).sum().item())")).communicate(timeout=300)
    assert out == "2.0\n" and len(error.splitlines()) == 1 and "RuntimeWarning: hologram: torch.device('hologram') is not available" in error


def test_the_core_says_what_it_lacks(installation):
    next((installation / "hologram_core").glob("_runtime.*")).unlink()
    process = start(installation, "-c", program("import hologram_core; hologram_core.Executor"))
    out, error = process.communicate(timeout=300)
    assert "hologram: its libraries for Python" in error.splitlines()[-1] and "pip install" in error.splitlines()[-1]

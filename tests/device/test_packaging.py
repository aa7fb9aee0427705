"""The installed package: complete, usable from anywhere, announced to torch."""

import importlib.metadata
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def test_every_folder_with_code_is_packaged():
    pytest.importorskip("setuptools", minversion="77", reason="reads the project file as setuptools does")
    from setuptools.config.pyprojecttoml import read_configuration

    packages = read_configuration(ROOT / "pyproject.toml")["tool"]["setuptools"]["packages"]
    folders = {path.parent.relative_to(ROOT) for top in ("hologram_core", "hologram_torch") for path in (ROOT / top).rglob("*.py")}
    names = {".".join(folder.parts).removeprefix("hologram_core.names.") for folder in folders}
    assert sorted(packages) == sorted(names) and {"hologram", "hologram.cli", "hologram_ffi"} <= names


def test_all_packages_say_that_they_are_typed():
    from setuptools.config.pyprojecttoml import read_configuration

    data = read_configuration(ROOT / "pyproject.toml")["tool"]["setuptools"]["package-data"]
    for folder in ("hologram_core", "hologram_torch", "hologram_core/names/hologram", "hologram_core/names/hologram_ffi"):
        assert "py.typed" in data[folder.split("/")[-1]] and (ROOT / folder / "py.typed").exists()


def test_the_version_stands_in_one_file():
    """What the build takes for the version is the literal of hologram_core, without importing it."""
    from setuptools.config.pyprojecttoml import read_configuration

    import hologram_core

    assert read_configuration(ROOT / "pyproject.toml")["project"]["version"] == hologram_core.__version__
    literal = f'"{hologram_core.__version__}"'
    sources = [ROOT / "pyproject.toml", ROOT / "setup.py", *(p for top in ("hologram_core", "hologram_torch") for p in (ROOT / top).rglob("*.py"))]
    assert [str(p.relative_to(ROOT)) for p in sources if literal in p.read_text()] == ["hologram_core/__init__.py"]


@pytest.fixture(scope="module")
def distribution():
    # Not what setuptools leaves in the checkout while it builds: that has no record of installed files.
    found = next((d for d in importlib.metadata.distributions(name="hologram") if d.read_text("RECORD")), None)
    if found is None:
        pytest.skip("the package is not installed in this environment: `make test` installs it")
    if not found.files or not any(str(f).startswith("hologram_torch/") for f in found.files):
        pytest.skip("an editable installation has no files of its own")
    return found


def test_it_announces_itself_to_torch(distribution):
    entry = [e for e in distribution.entry_points if e.group == "torch.backends"]
    assert [(e.name, e.value) for e in entry] == [("hologram", "hologram_torch:_autoload")]


def test_it_is_complete(distribution):
    files = {str(f) for f in distribution.files}
    for package in ("hologram", "hologram_ffi", "hologram_core", "hologram_core/optable", "hologram_core/circuit", "hologram_core/codegen/llvm", "hologram_core/backends",
                    "hologram_torch"):
        assert f"{package}/__init__.py" in files
    for library in ("hologram_core/libhologram_runtime.", "hologram_core/_runtime.", "hologram_torch/_C_"):
        assert any(f.startswith(library) for f in files), library
    tops = {f.split("/")[0] for f in files if not f.startswith("..")}
    assert tops <= {"hologram_core", "hologram_torch", "hologram", "hologram_ffi"} | {t for t in tops if t.endswith(".dist-info")}


def test_there_is_one_version(distribution):
    import hologram_core
    import hologram_torch

    assert distribution.version == hologram_core.__version__ == hologram_torch.__version__


def test_it_works_from_any_folder(distribution, tmp_path):
    code = """
import torch
x = torch.arange(6., device='hologram').view(2, 3)
assert (x * 2 + 1).sum().item() == 36
import hologram_torch, hologram_core
print(hologram_torch.__file__)
"""
    out = subprocess.run([sys.executable, "-I", "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert out.returncode == 0, out.stderr
    assert "site-packages" in out.stdout

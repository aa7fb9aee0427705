"""What the build backend decides before anything is compiled, and what it packs."""

import importlib.metadata
import json
import os
import re
import subprocess
import sys
import tarfile
import venv
import zipfile
from base64 import urlsafe_b64encode
from hashlib import sha256
from pathlib import Path

import pytest
import torch
from packaging.specifiers import SpecifierSet

from csrc.packaging import backend, find_torch, join_wheels, torch_interface
from hologram_core import versions
from hologram_torch import _extension

ROOT = Path(__file__).resolve().parents[2]
RELEASE = find_torch.release(torch.__version__)


def test_releases_and_requirements():
    texts = ("2.13.0+cpu", "2.9.1", "2.16.0.dev20261130+cu130", "3.0a0", "77")
    assert [versions.numbers(v) for v in texts] == [(2, 13, 0), (2, 9, 1), (2, 16, 0), (3, 0), (77,)]
    assert [versions.release(v) for v in texts] == [(2, 13), (2, 9), (2, 16), (3, 0), (77, 0)]
    with pytest.raises(ValueError, match="'main' is no version"):
        versions.release("main")
    assert [find_torch.release(v) for v in texts[:3]] == ["2.13", "2.9", "2.16"]
    assert f"torch=={find_torch.tested_release()}." in (ROOT / "requirements.txt").read_text()
    assert find_torch.requirement("2.13") == "torch==2.13.*"
    several = SpecifierSet(find_torch.requirement("2.9", "2.13", "2.14").removeprefix("torch"))
    assert [v for v in ("2.8.1", "2.9.0", "2.9.1+cpu", "2.10.0", "2.12.1", "2.13.0", "2.14.1", "2.15.0", "2.15.0rc1", "3.0") if v in several] == [
        "2.9.0", "2.9.1+cpu", "2.13.0", "2.14.1"]
    with pytest.raises(ValueError, match="torch 2 and 3"):
        find_torch.requirement("2.13", "3.0")


def test_build_requirements_that_are_absent_or_old(monkeypatch, capsys):
    assert backend.build_requirements()[0] == "setuptools>=77" and len(backend.build_requirements()) == 5
    backend.check_requirements()
    installed = {"setuptools": "65.5.0", "numpy": "2.0", "llvmlite": "0.45.0rc1", "ninja": "1.11"}

    def version(name):
        if name not in installed:
            raise importlib.metadata.PackageNotFoundError(name)
        return installed[name]

    monkeypatch.setattr(importlib.metadata, "version", version)
    for hook in (backend.build_wheel, backend.build_editable, backend.build_sdist, backend.prepare_metadata_for_build_wheel,
                 backend.prepare_metadata_for_build_editable):
        with pytest.raises(SystemExit) as stopped:
            hook("nowhere")
        assert "setuptools is 65.5.0, 77 or newer is needed; pybind11 is not installed. Run: pip install 'setuptools>=77' " in str(stopped.value)
        assert "\n" not in str(stopped.value)


def test_no_torch_is_a_sentence(monkeypatch):
    monkeypatch.delenv("HOLOGRAM_CORE_ONLY", raising=False)
    monkeypatch.setattr(find_torch, "make_importable", lambda: False)
    assert backend.get_requires_for_build_wheel() == backend.get_requires_for_build_editable() == [f"torch=={find_torch.tested_release()}.*"]
    assert backend.get_requires_for_build_sdist() == []
    with pytest.raises(SystemExit, match=r"no torch in .* Run: pip install 'torch==.*HOLOGRAM_CORE_ONLY=1"):
        backend.build_wheel("nowhere")
    monkeypatch.setenv("HOLOGRAM_CORE_ONLY", "1")
    assert backend.get_requires_for_build_wheel() == []


def test_a_torch_that_is_too_old_is_a_sentence():
    oldest = find_torch.oldest_release()
    assert backend.check_torch(f"{oldest}.1+cpu") == oldest and backend.check_torch(torch.__version__) == RELEASE
    for version in ("2.9.1", "1.13.0+cu117"):
        with pytest.raises(SystemExit, match=rf"torch {re.escape(version)} is older than {oldest}, .* Run: pip install 'torch=="):
            backend.check_torch(version)


# ---- the torch of the environment ----

def environment(folder, torch_version=None):
    """A virtual environment, with a package of torch's name where a version is given."""
    venv.create(folder, symlinks=True)
    site = next((folder / "lib").glob("python*")) / "site-packages"
    if torch_version:
        (site / "torch").mkdir()
        (site / "torch/__init__.py").write_text(f"__version__ = {torch_version!r}\n")
    return folder / "bin/python", site


def link_requirements(site):
    """The packages that a frontend installs for a build."""
    site.mkdir(exist_ok=True)
    for requirement in backend.build_requirements():
        distribution = importlib.metadata.distribution(requirement.partition(">=")[0])
        for top in {file.parts[0] for file in distribution.files} - {"..", "__pycache__"}:
            (site / top).symlink_to(distribution.locate_file(top))


ASK = """
import sys
sys.path.insert(0, {root!r})
from csrc.packaging import backend
needed = backend.get_requires_for_build_wheel()
if not needed:
    import torch
    needed = [torch.__version__, torch.__file__]
print(needed)
"""


def ask(python, **env):
    """What the backend finds, or requires, below a frontend that is no Python: a shell."""
    command = ["/bin/sh", "-c", '"$0" -c "$1" || exit 1', python, ASK.format(root=str(ROOT))]
    result = subprocess.run(command, cwd="/", env={"PATH": "", **env}, capture_output=True, text=True, timeout=300)   # here may be a .venv
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


@pytest.fixture
def pip(tmp_path):
    """The variables by which pip isolates a build: a path of its own, and a sitecustomize that takes the environment's off."""
    link_requirements(tmp_path / "overlay")
    (tmp_path / "site").mkdir()
    (tmp_path / "site/sitecustomize.py").write_text(
        f"import sys\nsys.path = [p for p in sys.path if 'site-packages' not in p] + [{str(tmp_path / 'overlay')!r}]\n")
    return {"PYTHONPATH": str(tmp_path / "site"), "PYTHONNOUSERSITE": "1"}


def test_pip_builds_for_the_torch_beside_it(tmp_path, pip):
    python, site = environment(tmp_path / "with", "2.14.1")
    assert ask(python, **pip) == str(["2.14.1", str(site / "torch/__init__.py")])
    python, _ = environment(tmp_path / "without")
    # An active environment is not the one that another environment's pip installs into.
    assert ask(python, **pip, VIRTUAL_ENV=str(tmp_path / "with")) == str([f"torch=={find_torch.tested_release()}.*"])


def test_other_frontends_build_for_the_torch_of_what_started_them(tmp_path):
    """`python -m build` and uv run the backend in a new environment. The frontend is the process above."""
    python, site = environment(tmp_path / "isolated")
    link_requirements(site)
    user, user_site = environment(tmp_path / "user's", "2.14.1")
    found, none = str(["2.14.1", str(user_site / "torch/__init__.py")]), str([f"torch=={find_torch.tested_release()}.*"])
    assert ask(python, VIRTUAL_ENV=str(tmp_path / "user's")) == found
    assert ask(python, VIRTUAL_ENV=str(tmp_path / "gone")) == none
    above = f"import subprocess; print(subprocess.run([{str(python)!r}, '-c', {ASK.format(root=str(ROOT))!r}], capture_output=True, text=True).stdout)"
    assert subprocess.run([user, "-c", above], env={"PATH": ""}, capture_output=True, text=True).stdout.strip() == found


def test_a_torch_of_another_python_is_not_taken(tmp_path):
    other = tmp_path / "python"
    other.write_text("#!/bin/sh\necho '[\"cpython-39\", [\"/lib/python3.9\"]]'\n")
    other.chmod(0o755)
    assert find_torch.site_of(other) == [] and find_torch.site_of(tmp_path / "none") == []
    other.write_text(f"#!/bin/sh\necho '[\"{sys.implementation.cache_tag}\", [\"/here\"]]'\n")
    assert find_torch.site_of(other) == ["/here"]


def test_what_a_frontend_names(tmp_path):
    """Its arguments come first, then itself, its environment, and the folder where uv keeps one."""
    for folder in ("a", "b", "c", "work/.venv", "work/d"):
        (tmp_path / folder / "bin").mkdir(parents=True)
        (tmp_path / folder / "bin/python").touch()
    process = tmp_path / "proc"
    process.mkdir()
    assert list(find_torch.of_process(process)) == []
    (process / "cwd").symlink_to(tmp_path / "work")
    (process / "environ").write_bytes(f"PATH=/bin\0VIRTUAL_ENV={tmp_path}/c\0".encode())

    def named(*words):
        (process / "cmdline").write_bytes("".join(f"{word}\0" for word in words).encode())
        return [str(path.relative_to(tmp_path)) for path in find_torch.of_process(process)]

    rest = ["c/bin/python", "work/.venv/bin/python"]
    assert named("uv", "pip", "install", ".", "--python", f"{tmp_path}/a/bin/python") == ["a/bin/python", *rest]
    assert named("uv", "pip", "install", f"--python={tmp_path}/b") == ["b/bin/python", *rest]
    assert named("uv", "pip", "install", "-p", "d") == ["work/d/bin/python", *rest]
    assert named(f"{tmp_path}/a/bin/python3", "-m", "build") == ["a/bin/python3", *rest]
    assert named("/usr/bin/uv") == rest


# ---- what is packed ----

HOOK = "import sys; from csrc.packaging import backend; print(getattr(backend, sys.argv[1])(sys.argv[2]))"


def hook(name, folder, source=ROOT, **env):
    result = subprocess.run([sys.executable, "-c", HOOK, name, str(folder)], env={**os.environ, "PYTHONPATH": "", **env}, cwd=source,
                            capture_output=True, text=True, timeout=600)
    assert result.returncode == 0, result.stdout + result.stderr
    return folder / result.stdout.splitlines()[-1]


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """The sdist, unpacked in a folder with nothing else."""
    folder = tmp_path_factory.mktemp("sdist")
    with tarfile.open(hook("build_sdist", folder)) as packed:
        packed.extractall(folder / "empty", filter="data")
    return next((folder / "empty").iterdir())


def test_the_sdist_is_the_checkout(source):
    """What the repository tracks is in it, and nothing that was built."""
    if not (ROOT / ".git").exists():
        pytest.skip("not a checkout: there is no list of its files")
    listed = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True)
    tracked = {name for name in listed.stdout.split("\0") if name and (ROOT / name).exists()}
    packed = {path.relative_to(source).as_posix() for path in source.rglob("*") if path.is_file()}
    assert tracked - packed == set()
    assert {name for name in packed - tracked if ".egg-info/" not in name} == {"PKG-INFO", "setup.cfg"}


def test_what_a_wheel_of_the_sdist_requires(source, tmp_path):
    """The release of torch that it is built for; without the device none, and then nothing is announced to torch."""
    def metadata(folder, **env):
        folder.mkdir()
        return importlib.metadata.Distribution.at(hook("prepare_metadata_for_build_wheel", folder, source, **env))

    whole, core = metadata(tmp_path / "whole"), metadata(tmp_path / "core", HOLOGRAM_CORE_ONLY="1")
    assert [r for r in whole.requires if "torch" in r] == [f"torch=={RELEASE}.*"] and [r for r in core.requires if "torch" in r] == []
    for name in ("numpy", "llvmlite"):
        assert any(r.startswith(name) for r in whole.requires) and any(r.startswith(name) for r in core.requires)
    assert [e.name for e in whole.entry_points if e.group == "torch.backends"] == ["hologram"]
    assert [e.name for e in core.entry_points if e.group == "torch.backends"] == []


def test_libraries_in_the_tree_are_not_packed(source, tmp_path):
    """Those of another torch or Python may lie there; a wheel has those that its own build makes."""
    others = [source / "hologram_core/libhologram_runtime.so", source / "hologram_torch/_C_9_8.cpython-311-x86_64-linux-gnu.so"]
    for library in others:
        library.touch()
    subprocess.run([sys.executable, "setup.py", "-q", "build_py", "--build-lib", str(tmp_path)], env={**os.environ, "HOLOGRAM_CORE_ONLY": "1"},
                   cwd=source, capture_output=True, check=True, timeout=300)
    for library in others:
        library.unlink()
    packed = {path.suffix for path in tmp_path.rglob("*") if path.is_file()}
    assert packed == {".py", ".typed"}


# ---- wheels for several releases ----

def wheel(folder, releases, runtime="same", version="1.0"):
    """A wheel as a build for some releases of torch makes it, but for its size."""
    folder.mkdir()
    info = f"hologram-{version}.dist-info"
    requires = f"Requires-Dist: numpy\nRequires-Dist: {find_torch.requirement(*releases)}\n" if releases else ""
    files = {f"{info}/METADATA": f"Metadata-Version: 2.1\nName: hologram\nVersion: {version}\n{requires}\n# hologram\n",
             f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: false\nTag: cp311-cp311-linux_x86_64\n",
             "hologram_torch/__init__.py": "", "hologram_core/libhologram_runtime.so": runtime}
    for release in releases:
        files["hologram_torch/_C_{}.cpython-311-x86_64-linux-gnu.so".format(release.replace(".", "_"))] = f"built for {release}"
    path = folder / f"hologram-{version}-cp311-cp311-linux_x86_64.whl"
    with zipfile.ZipFile(path, "w") as packed:
        for name, text in files.items():
            packed.writestr(name, text)
        hashes = {name: urlsafe_b64encode(sha256(text.encode()).digest()).decode().rstrip("=") for name, text in files.items()}
        packed.writestr(f"{info}/RECORD", "".join(f"{name},sha256={hashes[name]},{len(files[name])}\n" for name in files))
    return path


def test_wheels_are_joined(tmp_path):
    pytest.importorskip("wheel", reason="what joins them packs with it")
    a, b, c = wheel(tmp_path / "a", ["2.14"]), wheel(tmp_path / "b", ["2.9"]), wheel(tmp_path / "c", ["2.13"])
    join_wheels.main(str(tmp_path / "out"), str(a), str(b), str(c))
    joined, = (tmp_path / "out").iterdir()
    assert joined.name == a.name
    with zipfile.ZipFile(joined) as packed:
        names = set(packed.namelist())
        for release in ("2_9", "2_13", "2_14"):
            name = f"hologram_torch/_C_{release}.cpython-311-x86_64-linux-gnu.so"
            assert packed.read(name).decode() == f"built for {release.replace('_', '.')}" and name in packed.read("hologram-1.0.dist-info/RECORD").decode()
        text = packed.read("hologram-1.0.dist-info/METADATA").decode()
    assert len(names) == 8 and text.count("Requires-Dist: torch") == 1 and f"Requires-Dist: {find_torch.requirement('2.9', '2.13', '2.14')}\n" in text


def test_wheels_that_do_not_belong_together(tmp_path):
    pytest.importorskip("wheel", reason="what joins them packs with it")
    first = wheel(tmp_path / "a", ["2.13"])
    for other, words in ((wheel(tmp_path / "b", ["2.13"]), "another wheel is for torch 2.13"), (wheel(tmp_path / "c", []), "without the device"),
                         (wheel(tmp_path / "d", ["2.14"], runtime="another"), "hologram_core/libhologram_runtime.so differs")):
        with pytest.raises(SystemExit, match=words):
            join_wheels.main(str(tmp_path / "out"), str(first), str(other))
    assert list((tmp_path / "out").iterdir()) == []


def test_what_is_compared_between_releases(tmp_path):
    extension = _extension.file(*versions.release(torch.__version__))
    torch_interface.main(str(tmp_path), str(extension))
    schemas, symbols = ((tmp_path / f"{name}.txt").read_text().splitlines() for name in ("schemas", "symbols"))
    assert "aten::relu(Tensor self) -> Tensor" in schemas and schemas == sorted(set(schemas)) and len(schemas) > 3000
    assert len(symbols) > 500 and symbols == sorted(set(symbols)) and all("c10" in s or "torch" in s or "2at" in s or "Py" in s or "THP" in s or "Class" in s for s in symbols[:50])


# ---- what is configured ----

def test_the_pythons_of_the_wheels_are_those_that_are_promised():
    text = (ROOT / "pyproject.toml").read_text()
    built = re.findall(r"cp3(\d+)-\*", re.search(r"^build = \[.*\]", text, re.M)[0])
    oldest = re.search(r'requires-python = ">=3\.(\d+)"', text)[1]
    assert built == [str(minor) for minor in range(int(oldest), int(oldest) + len(built))]
    for workflow in ("ci", "wheels"):
        named = set(re.findall(r'"3\.(\d+)"', (ROOT / f".github/workflows/{workflow}.yml").read_text()))
        assert named <= set(built)
    assert json.loads(re.search(r"python: (\[.*\])", (ROOT / ".github/workflows/ci.yml").read_text())[1]) == [f"3.{minor}" for minor in built]


def test_the_cores_tests_are_collected_where_torch_is_absent():
    code = "import sys; sys.modules['torch'] = None; import pytest; sys.exit(pytest.main(['--collect-only', '-qq', '-p', 'no:cacheprovider', 'tests']))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout[-2000:]
    counts = dict(re.findall(r"^tests/(\S+): (\d+)$", done.stdout, re.M))
    assert len(counts) > 30 and sum(map(int, counts.values())) > 4000

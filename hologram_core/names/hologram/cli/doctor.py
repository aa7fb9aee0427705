"""`hologram doctor`: what is installed, what works, and what to do about the rest."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
import re
import sys
import sysconfig
import warnings
from pathlib import Path

import hologram_core
from hologram_core import _runtime, kernel_pack
from hologram_core.backends import cpu, disk_cache
from hologram_core.config import config, problem
from hologram_core.machine import processor

from . import selftest
from .report import sections, short, size


def run(options) -> dict:
    todo: list[str] = []
    found: dict = {"versions": _versions()}
    found["device"] = _device(todo)
    found["processor"] = _processor(todo)
    found["backends"] = {info.name: f"absent: {info.reason}" if info.reason else "available" for info in _runtime.backends()}
    found["kernel cache"] = _cache(todo)
    found["threads"] = _threads(todo)
    found["memory"] = _memory()
    found["switches"] = _switches(todo)
    found["self-test"] = selftest.run(todo, found["device"]["loaded"] == "yes")
    found["what to do"] = todo or ["nothing: all is well"]
    found["ok"] = found["self-test"]["result"] == "passed" and (not _installed("torch") or found["device"]["loaded"] == "yes")
    return found


text = sections


def _installed(package: str) -> bool:
    return importlib.util.find_spec(package) is not None


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def _versions() -> dict:
    return {"hologram": f"{hologram_core.__version__}, in {short(Path(hologram_core.__file__).parents[1])}",
            **{name: _version(name) for name in ("torch", "numpy", "llvmlite")},
            "python": f"{platform.python_version()} ({platform.python_implementation()}), {short(sys.executable)}",
            "system": f"{platform.platform()}, {' '.join(platform.libc_ver())}".strip(" ,")}


def _device(todo: list) -> dict:
    """torch.device('hologram'): what it was built for, and whether it loads."""
    spec = importlib.util.find_spec("hologram_torch")
    folder = Path(spec.origin).parent if spec and spec.origin else None
    files = sorted(path.name for pattern in ("_C*.so", "_C*.pyd") for path in folder.glob(pattern)) if folder else []
    found = {"built files": ", ".join(files) or "none: the package was built without the device",
             "built for": ", ".join(_releases(files)) or "the torch that it was built with",
             "this python": f"loads *{sysconfig.get_config_var('EXT_SUFFIX')}"}
    if not _installed("torch"):
        todo.append("torch is not installed. `import hologram` works without it; for torch.device('hologram') install torch, then "
                    "install hologram again, so that it is built for that torch.")
        return {**found, "loaded": "no: torch is not installed"}
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        try:
            import torch

            import hologram_torch
            found["backend in use"] = hologram_torch.get_backend()
            torch.empty(1, device="hologram")
            found["loaded"] = "yes"
        except Exception as error:      # noqa: BLE001  whatever it is, it belongs into the report
            found["loaded"] = f"no: {error}"
            todo.append(f"the device does not load. {error}")
    lines = [str(warning.message) for warning in told if "hologram" in str(warning.message)]
    return {**found, **({"warnings": "; ".join(lines)} if lines else {})}


def _releases(files: list[str]) -> list[str]:
    """The releases of torch that extensions name: _C_2_13.cpython-311-x86_64-linux-gnu.so."""
    return list(dict.fromkeys(f"torch {found[1]}.{found[2]}" for name in files if (found := re.match(r"_C_(\d+)_(\d+)\.", name))))


def _processor(todo: list) -> dict:
    found = {"name": processor(), "cores": f"{os.cpu_count()}, of which this process may use {_usable_cores()}"}
    try:
        host = cpu._host()
    except Exception as error:      # noqa: BLE001
        todo.append(f"kernels cannot be compiled. {error}")
        return {**found, "kernels": f"none: {error}"}
    levels = [level for level in cpu._ADDED if cpu._level_features(level) <= host.features]
    wanted = ("sse4.2", "avx", "avx2", "fma", "f16c", "avx512f", "avx512bw", "avx512bf16", "avx512fp16", "amx-bf16", "neon", "sve", "bf16")
    return {**found, "level": levels[-1] if levels else platform.machine(),
            "features": " ".join(name for name in wanted if name in host.features),
            "kernels for": f"{config.cpu} ({host.identity.decode().split()[2]}), LLVM {host.identity.decode().split()[0]}"}


def _usable_cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _cache(todo: list) -> dict:
    state = disk_cache.state()
    if state.objection:
        todo.append(f"the kernel cache is not used, and each process compiles its kernels anew: {state.objection}.")
    elif not state.kernels:
        todo.append("the kernel cache is empty: `hologram warm` fills it with what common programs need.")
    return {"kernels of the package": kernel_pack.find()[1], "folder": short(state.path),
            "state": f"not used: {state.objection}" if state.objection else "used",
            "holds": f"{state.kernels} kernels, {size(state.bytes)} of at most {size(state.limit)}"}


def _threads(todo: list) -> dict:
    found = {"of the runtime": _runtime.max_threads()}
    torch = sys.modules.get("torch")
    if torch is not None:
        found["of torch"] = torch.get_num_threads()
    found |= {name: os.environ[name] for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS") if name in os.environ}
    if _usable_cores() > 1 and 1 in (found["of the runtime"], found.get("of torch")):
        todo.append(f"one thread is used where there are {_usable_cores()} cores: look at OMP_NUM_THREADS and torch.set_num_threads.")
    return found


def _memory() -> dict:
    stats, boundary = _runtime.memory_stats(), _runtime.boundary_info()
    found = {"of the machine": _machine_memory(), "limit": size(config.memory_limit) if config.memory_limit else "none",
             "linear pool": f"{size(stats['reserved_bytes']['current'])} reserved, {size(stats['allocated_bytes']['current'])} in use, "
                            f"{stats['num_ooms']} times out of memory",
             "boundary pool": f"{boundary['free_classes']} of {boundary['classes']} classes free, {boundary['class_bytes']} bytes each"}
    if os.environ.get("LD_PRELOAD"):
        found["LD_PRELOAD"] = os.environ["LD_PRELOAD"]
    try:
        found["huge pages"] = Path("/sys/kernel/mm/transparent_hugepage/enabled").read_text().strip()
    except OSError:
        pass
    return found


def _machine_memory() -> str:
    try:
        values = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text().splitlines())
        total, free = (int(values[name].split()[0]) << 10 for name in ("MemTotal", "MemAvailable"))
    except (OSError, ValueError, KeyError):
        return "unknown"
    return f"{size(total)}, {size(free)} available"


def _switches(todo: list) -> dict:
    if problem():
        todo.append(f"a switch has a bad value and counts as its default. {problem()}")
    given = {name: value for name, value in sorted(os.environ.items()) if name.startswith("HOLOGRAM_")}
    slows = {"HOLOGRAM_GUARD": config.guard, "HOLOGRAM_SYNC": config.sync, "HOLOGRAM_FUSION": not config.fusion}
    slow = [name for name, set_so in slows.items() if set_so]
    if slow:
        todo.append(f"leave out {', '.join(slow)} where nothing is debugged: programs are slower with it.")
    return given or {"set": "none"}

"""Corrections of Hugging Face's Accelerate and transformers, made when a program imports them.

They choose a device by a list of names, and refuse mixed precision on devices that are not listed. Two ways lead to this one, and both are
asked for (docs/huggingface.md): a program names it (`device="hologram"`, `device_map="hologram"`, ACCELERATE_TORCH_DEVICE=hologram), or
HOLOGRAM_HF=1 makes it what is taken where the libraries find no GPU. Without them nothing here changes what they do.
"""

from __future__ import annotations

import functools
import os
import types
from pathlib import Path
from typing import Any

import torch

from hologram_core.config import config

NAME = "hologram"


def _here() -> torch.device:
    from .device import current_device

    return torch.device(NAME, current_device())


def _asked() -> bool:
    """Do the libraries train on this device, if it is left to them?"""
    return config.hf or os.environ.get("ACCELERATE_TORCH_DEVICE", "").split(":")[0] == NAME


def accelerate_takes_the_device(module: types.ModuleType) -> None:
    # The process's device is one of a list, or the CPU. In a process that torchrun started and that has no GPU nothing says that there are
    # others: it is one of several on the CPU, whose process group serves this device too.
    state = module.PartialState
    prepare, set_device = state._prepare_backend, state.set_device

    @functools.wraps(prepare)
    def _prepare_backend(self, cpu=False, *args, **kwargs):
        found = prepare(self, cpu, *args, **kwargs)
        return prepare(self, True, *args, **kwargs) if _asked() and not cpu and found[0] is None else found

    @functools.wraps(set_device)
    def to_this(self):
        set_device(self)
        if config.hf and not self._cpu and self.device.type == "cpu":
            self.device = _here()

    state._prepare_backend, state.set_device = _prepare_backend, to_this


class _Listed:
    """A device under a name that Accelerate has in its list, while it looks whether it is listed."""

    type = "cuda"


def accelerate_scales_float16(module: types.ModuleType) -> None:
    # "fp16 mixed precision requires a device in ('xpu', 'cuda', ...)". Where no other is found the scaler is CUDA's, and does nothing.
    accelerator = module.Accelerator
    init, device, get = accelerator.__init__, accelerator.device.fget, module.get_grad_scaler
    begun: set[int] = set()

    @functools.wraps(init)
    def __init__(self, *args, **kwargs):
        begun.add(id(self))
        try:
            init(self, *args, **kwargs)
        finally:
            begun.discard(id(self))

    def listed(self):
        found = device(self)
        return _Listed if id(self) in begun and found.type == NAME and self.state.mixed_precision == "fp16" else found

    @functools.wraps(get)
    def get_grad_scaler(distributed_type=None, **kwargs):
        if module.PartialState().device.type != NAME:
            return get(distributed_type, **kwargs)
        if distributed_type == module.DistributedType.FSDP:
            return get(distributed_type, device=NAME, **kwargs)
        return torch.amp.GradScaler(NAME, **kwargs)

    accelerator.__init__, accelerator.device = __init__, property(listed, doc=accelerator.device.__doc__)
    module.get_grad_scaler = get_grad_scaler


def accelerate_counts_its_memory(module: types.ModuleType) -> None:
    # device_map="auto" shares a model out by the memory of CUDA's devices, or of those of its list. Numbers are those of torch's
    # accelerator. Where the device's memory is the host's the CPU has none beside it.
    original = module.get_max_memory

    @functools.wraps(original)
    def get_max_memory(max_memory=None):
        found = original(max_memory)
        if not config.hf or max_memory is not None or set(found) - {"cpu"}:
            return found
        from . import _C, device

        free = {n: device.mem_get_info(n)[0] for n in range(device.device_count())}
        return free if _C.reads_host_memory() else {**free, **found}

    module.get_max_memory = get_max_memory


def _add_random_state(path: Path) -> None:
    states = torch.load(path, weights_only=False)      # the library has just written it
    states[NAME] = torch.hologram.get_rng_state_all()
    torch.save(states, path)


def _take_random_state(path: Path) -> None:
    if path.is_file():
        states = torch.load(path, weights_only=False).get(NAME, ())
        torch.hologram.set_rng_state_all(states[:torch.hologram.device_count()])


def accelerate_keeps_its_random_state(module: types.ModuleType) -> None:
    # Checkpoints hold the random states of listed devices: a run that is resumed would draw other numbers for dropout.
    save, load = module.save_accelerator_state, module.load_accelerator_state

    def path(folder: Any, index: int) -> Path:
        return Path(folder) / f"{module.RNG_STATE_NAME}_{index}.pkl"

    @functools.wraps(save)
    def save_accelerator_state(output_dir, model_states, optimizers, schedulers, dataloaders, process_index, *args, **kwargs):
        written = save(output_dir, model_states, optimizers, schedulers, dataloaders, process_index, *args, **kwargs)
        if module.PartialState().device.type == NAME:
            _add_random_state(path(output_dir, process_index))
        return written

    @functools.wraps(load)
    def load_accelerator_state(input_dir, models, optimizers, schedulers, dataloaders, process_index, *args, **kwargs):
        read = load(input_dir, models, optimizers, schedulers, dataloaders, process_index, *args, **kwargs)
        if module.PartialState().device.type == NAME:
            _take_random_state(path(input_dir, process_index))
        return read

    module.save_accelerator_state, module.load_accelerator_state = save_accelerator_state, load_accelerator_state


def trainers_take_the_device(module: types.ModuleType) -> None:
    # TrainingArguments looks for a GPU once more, beside Accelerate, and for one that has bfloat16.
    arguments = module.TrainingArguments
    setup = arguments.__dict__["_setup_devices"]
    find, has_bfloat16 = setup.func, module.is_torch_bf16_gpu_available

    @functools.wraps(find)
    def _setup_devices(self):
        found = find(self)
        return _here() if config.hf and found.type == "cpu" and not self.use_cpu else found

    @functools.wraps(has_bfloat16)
    def is_torch_bf16_gpu_available():
        return _asked() or has_bfloat16()

    setup.func = _setup_devices
    module.is_torch_bf16_gpu_available = is_torch_bf16_gpu_available


def trainers_keep_its_random_state(module: types.ModuleType) -> None:
    trainer = module.Trainer
    save, load = trainer._save_rng_state, trainer._load_rng_state

    def path(self, folder: str) -> Path:
        return Path(folder) / (f"rng_state_{self.args.process_index}.pth" if self.args.world_size > 1 else "rng_state.pth")

    @functools.wraps(save)
    def _save_rng_state(self, output_dir):
        save(self, output_dir)
        if self.args.device.type == NAME:
            _add_random_state(path(self, output_dir))

    @functools.wraps(load)
    def _load_rng_state(self, checkpoint):
        load(self, checkpoint)
        if checkpoint is not None and self.args.device.type == NAME:
            _take_random_state(path(self, checkpoint))

    trainer._save_rng_state, trainer._load_rng_state = _save_rng_state, _load_rng_state


def pipelines_take_the_device(module: types.ModuleType) -> None:
    # A number, and no device at all (which means 0), is a GPU of their list, or the CPU.
    pipeline = module.Pipeline
    init = pipeline.__init__

    @functools.wraps(init)
    def __init__(self, model, *args, device=None, **kwargs):
        left_to_it = device is None and getattr(model, "hf_device_map", None) is None
        if config.hf and (left_to_it or type(device) is int and device >= 0) and not _finds_a_gpu(module):
            device = torch.device(NAME, device or 0)
        init(self, model, *args, device=device, **kwargs)

    pipeline.__init__ = __init__


def _finds_a_gpu(module: types.ModuleType) -> bool:
    return any(getattr(module, f"is_torch_{name}_available", bool)() for name in ("cuda", "mps", "xpu", "npu", "hpu", "mlu", "musa"))

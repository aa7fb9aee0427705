"""Corrections of libraries that users of PyTorch have beside it, made when a program imports them.

Each keeps what the library does for every other device. docs/upstream.md says what would make it needless.
"""

from __future__ import annotations

import importlib
import types

from . import _imports

# {module of ours: {function there: modules that it corrects}}
CORRECTIONS: dict[str, dict[str, tuple[str, ...]]] = {
    "_patches_safetensors": {"opens_for_the_device": ("safetensors", "safetensors.torch")},
    "_patches_huggingface": {
        "accelerate_takes_the_device": ("accelerate.state",),
        "accelerate_scales_float16": ("accelerate.accelerator",),
        "accelerate_counts_its_memory": ("accelerate.utils.modeling",),
        "accelerate_keeps_its_random_state": ("accelerate.checkpointing",),
        "trainers_take_the_device": ("transformers.training_args",),
        "trainers_keep_its_random_state": ("transformers.trainer",),
        "pipelines_take_the_device": ("transformers.pipelines.base",),
    },
    "_patches_lightning": {      # Lightning and Fabric have two names each
        "register": ("lightning.fabric.accelerators", "lightning_fabric.accelerators", "lightning.pytorch.accelerators",
                     "pytorch_lightning.accelerators"),
        "connect": ("lightning.fabric.connector", "lightning_fabric.connector",
                    "lightning.pytorch.trainer.connectors.accelerator_connector",
                    "pytorch_lightning.trainer.connectors.accelerator_connector"),
        "without_cuda_streams": ("lightning.fabric.strategies.ddp", "lightning_fabric.strategies.ddp", "lightning.pytorch.strategies.ddp",
                                 "pytorch_lightning.strategies.ddp"),
    },
}


def apply() -> None:
    """Has every correction wait for its library."""
    for ours, functions in CORRECTIONS.items():
        for function, modules in functions.items():
            for module in modules:
                _imports.after(module, _correction(ours, function))


def _correction(ours: str, function: str):
    def correct(module: types.ModuleType) -> None:
        getattr(importlib.import_module(f".{ours}", __package__), function)(module)
    return correct

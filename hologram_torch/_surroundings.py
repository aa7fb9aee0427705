"""What a function uses beside its arguments: the variables, modules and optimizers around it."""

from __future__ import annotations

import contextlib
import functools
import types
from typing import Any

import torch
from torch.nn.modules.module import register_module_forward_pre_hook
from torch.optim.optimizer import register_optimizer_step_pre_hook

from . import NAME

PLAIN = (int, float, complex, bool, str, bytes, type(None), torch.dtype, torch.device, torch.Size)      # values that are compared
LIBRARIES = ("torch", "numpy", "builtins", "functools", "collections", "hologram_torch", "hologram_core", "typing")


def is_of_a_library(module: str | None) -> bool:
    return (module or "").split(".")[0] in LIBRARIES


class Surroundings:
    """What a function uses beside its arguments: places that must keep what they hold, tensors that must stay where they are."""

    MOST = 4000         # places; what is wider is not looked through

    def __init__(self) -> None:
        self.guards: list[tuple[Any, Any, Any]] = []
        self.tensors: dict[int, torch.Tensor] = {}
        self.modules: dict[int, torch.nn.Module] = {}
        self.optimizers: dict[int, torch.optim.Optimizer] = {}
        self.seen: dict[int, Any] = {}

    # ---- what is looked at ----

    def function(self, function: Any) -> None:
        if id(function) in self.seen or len(self.guards) > self.MOST:
            return
        self.seen[id(function)] = function
        if isinstance(function, functools.partial):
            self.value(function.func)
            self.value(function.args)
            self.value(function.keywords)
        elif isinstance(function, types.MethodType):
            self.value(function.__self__)
            self.function(function.__func__)
        elif isinstance(function, types.FunctionType) and not is_of_a_library(function.__module__):
            for cell in function.__closure__ or ():
                try:
                    self.guard(cell, None, cell.cell_contents)
                except ValueError:      # a cell that is still empty
                    pass
            for default in function.__defaults__ or ():
                self.value(default)
            self.names(function.__code__, function.__globals__)

    def names(self, code: types.CodeType, scope: dict[str, Any]) -> None:
        for name in code.co_names:
            if name in scope:
                self.guard(scope, name, scope[name])
        for constant in code.co_consts:
            if isinstance(constant, types.CodeType):
                self.names(constant, scope)

    def guard(self, place: Any, key: Any, value: Any) -> None:
        if isinstance(value, types.ModuleType) or len(self.guards) > self.MOST:
            return
        self.guards.append((place, key, value))
        self.value(value)

    def value(self, value: Any) -> None:
        if isinstance(value, (*PLAIN, type)) or id(value) in self.seen:
            return
        if isinstance(value, torch.Tensor):
            self.tensors[id(value)] = value
        elif isinstance(value, torch.nn.Module):
            self.module(value, whole=True)
        elif isinstance(value, torch.optim.Optimizer):
            self.optimizer(value)
        elif isinstance(value, (types.FunctionType, types.MethodType, functools.partial)):
            self.function(value)
        elif isinstance(value, dict):
            self.seen[id(value)] = value
            for key, item in list(value.items()):
                self.guard(value, key, item)
        elif isinstance(value, list):
            self.seen[id(value)] = value
            for i, item in enumerate(value):
                self.guard(value, i, item)
        elif isinstance(value, (tuple, set, frozenset)):
            self.seen[id(value)] = value
            for item in value:
                self.value(item)
        elif not is_of_a_library(type(value).__module__) and isinstance(getattr(value, "__dict__", None), dict):
            self.seen[id(value)] = value
            for key, item in list(value.__dict__.items()):
                self.guard(value.__dict__, key, item)

    def module(self, module: torch.nn.Module, whole: bool = False) -> None:
        if id(module) not in self.modules:
            self.modules[id(module)] = module
            self.guards.append((module.__dict__, "training", module.training))
            for places in (module._parameters, module._buffers):
                for name, tensor in places.items():
                    self.guards.append((places, name, tensor))
                    if tensor is not None:
                        self.tensors[id(tensor)] = tensor
            looked_at = PLAIN if is_of_a_library(type(module).__module__) else (*PLAIN, torch.Tensor, dict, list, tuple)
            for key, item in list(module.__dict__.items()):
                if not key.startswith("_") and key != "training" and isinstance(item, looked_at):
                    self.guard(module.__dict__, key, item)
        if whole:
            for name, child in module._modules.items():
                self.guards.append((module._modules, name, child))
                if child is not None and id(child) not in self.modules:
                    self.module(child, whole=True)

    def optimizer(self, optimizer: torch.optim.Optimizer) -> None:
        if id(optimizer) in self.optimizers:
            return
        self.optimizers[id(optimizer)] = optimizer
        for group in optimizer.param_groups:
            for key, value in group.items():
                if key != "params":
                    self.guard(group, key, value)
            for parameter in group["params"]:
                self.tensors[id(parameter)] = parameter

    @contextlib.contextmanager
    def watching(self):
        """Notes the modules that are called meanwhile, and the optimizers that step."""
        hooks = [register_module_forward_pre_hook(lambda module, _: self.module(module)),
                 register_optimizer_step_pre_hook(lambda optimizer, *_: self.optimizer(optimizer))]
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()

    # ---- after the function ran ----

    def states(self) -> list[torch.Tensor]:
        for optimizer in self.optimizers.values():
            for parameter, state in optimizer.state.items():
                if isinstance(state, dict):
                    self.guards.append((optimizer.state, parameter, state))
                    for key, value in state.items():
                        self.guards.append((state, key, value))
                        if isinstance(value, torch.Tensor):
                            self.tensors[id(value)] = value
        return [t for t in self.tensors.values() if t.device.type == NAME]

    def obstacle(self) -> str:
        """What runs Python code in the middle of a step, which a replay would leave out."""
        for module in self.modules.values():
            for hooks in (module._forward_hooks, module._forward_pre_hooks, module._backward_hooks, module._backward_pre_hooks):
                if any(not is_of_a_library(getattr(hook, "__module__", None) or type(hook).__module__) for hook in hooks.values()):
                    return f"a module ({type(module).__name__}) has a hook of yours"
        for tensor in self.tensors.values():
            if tensor.is_leaf and (tensor._backward_hooks or getattr(tensor, "_post_accumulate_grad_hooks", None)):
                return "a parameter has a hook of yours"
        return ""

    def parameters(self) -> list[torch.Tensor]:
        return [t for t in self.tensors.values() if t.device.type == NAME and t.requires_grad and t.is_leaf]

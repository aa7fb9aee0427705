"""What a function uses beside its arguments: the variables, objects, modules and optimizers around it.

Python does not tell what a call reads. So everything that it could reach is looked at: closures and globals that the code names,
attributes that some code within reach names, parameters and settings of modules, state of optimizers. Too much is watched rather
than too little: a place that changes costs a replay, one that is missed a wrong result.
"""

from __future__ import annotations

import contextlib
import functools
import sys
import types
from typing import Any

import torch
from torch.nn.modules import module as nn_module
from torch.optim.optimizer import register_optimizer_step_pre_hook

from . import _C, NAME

PLAIN = (int, float, complex, bool, str, bytes, type(None), torch.dtype, torch.device, torch.Size)      # values that are compared
LIBRARIES = ("torch", "numpy", "builtins", "functools", "collections", "hologram_torch", "hologram_core", "typing")
HOOKS_OF_ALL = (nn_module._global_forward_hooks, nn_module._global_forward_pre_hooks, nn_module._global_backward_hooks,
                nn_module._global_backward_pre_hooks)
LENGTH = _C.LENGTH   # in the place of a key: how many items a dict or a list holds
SMALL = 65536       # bytes of an array of the host that is compared before each replay


def is_of_a_library(module: str | None) -> bool:
    return (module or "").split(".")[0] in LIBRARIES


class Surroundings:
    """Places that must keep what they hold, and tensors that must stay where they are."""

    MOST = 4000         # places; what is wider is not looked through

    drew_on_the_host = False
    changed = ""        # by the function itself

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.roots = (function, *arguments)
        self.modules: dict[int, torch.nn.Module] = {}           # those that were called too
        self.optimizers: dict[int, torch.optim.Optimizer] = {}  # those that stepped too
        self.names: set[str] = set()    # what the code within reach calls attributes and keys
        self._look()

    # ---- what is looked at ----

    def _look(self) -> None:
        """Until no code is found that names anything new."""
        known = -1
        while known != len(self.names):
            known = len(self.names)
            self.guards: list[tuple[Any, Any, Any]] = []
            self.tensors: dict[int, torch.Tensor] = {}
            self.arrays: dict[int, Any] = {}
            self.seen: dict[int, Any] = {}
            self.guards += [(hooks, LENGTH, len(hooks)) for hooks in HOOKS_OF_ALL]
            for root in (*self.roots, *self.modules.values(), *self.optimizers.values()):
                self._value(root)

    def _function(self, function: Any) -> None:
        if id(function) in self.seen:
            return
        self.seen[id(function)] = function
        if isinstance(function, functools.partial):
            for part in (function.func, function.args, function.keywords):
                self._value(part)
        elif isinstance(function, types.MethodType):
            self._value(function.__self__)
            self._function(function.__func__)
        elif isinstance(function, types.FunctionType) and not is_of_a_library(function.__module__):
            for cell in function.__closure__ or ():
                with contextlib.suppress(ValueError):       # a cell that is still empty
                    self._guard(cell, None, cell.cell_contents)
            for default in (*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()):
                self._value(default)
            self._code(function.__code__, function.__globals__)

    def _code(self, code: types.CodeType, scope: dict[str, Any]) -> None:
        self.names.update(code.co_names)
        for name in code.co_names:
            if name in scope:
                self._guard(scope, name, scope[name])
        for constant in code.co_consts:
            if isinstance(constant, types.CodeType):
                self._code(constant, scope)
            elif isinstance(constant, str):
                self.names.add(constant)        # of getattr

    def _guard(self, place: Any, key: Any, value: Any) -> None:
        if isinstance(value, types.ModuleType) or len(self.guards) > self.MOST:
            return
        self.guards.append((place, key, value))
        self._value(value)

    def _value(self, value: Any) -> None:
        if isinstance(value, (*PLAIN, type)) or id(value) in self.seen:
            return
        if isinstance(value, (types.FunctionType, types.MethodType, functools.partial)):
            return self._function(value)
        self.seen[id(value)] = value
        if isinstance(value, torch.Tensor):
            self.tensors[id(value)] = value
        elif isinstance(value, torch.nn.Module):
            self._module(value)
        elif isinstance(value, torch.optim.Optimizer):
            self._optimizer(value)
        elif isinstance(value, dict):
            self.guards.append((value, LENGTH, len(value)))
            for key, item in list(value.items()):
                self._guard(value, key, item)
        elif isinstance(value, list):
            self.guards.append((value, LENGTH, len(value)))
            for i, item in enumerate(value):
                self._guard(value, i, item)
        elif isinstance(value, (tuple, set, frozenset)):
            for item in value:
                self._value(item)
        elif type(value).__module__ == "numpy" and hasattr(value, "nbytes"):
            self.arrays[id(value)] = value
        elif not is_of_a_library(type(value).__module__) and isinstance(getattr(value, "__dict__", None), dict):
            self._attributes(value)

    def _attributes(self, value: Any) -> None:
        """Those of an object of the program's, where some code names them; and its class's methods likewise."""
        for key, item in list(value.__dict__.items()):
            if key in self.names:
                self._guard(value.__dict__, key, item)
        for cls in type(value).__mro__:
            if not is_of_a_library(cls.__module__):
                for name, item in cls.__dict__.items():
                    if isinstance(item, property):
                        item = item.fget
                    if isinstance(item, types.FunctionType) and (name in self.names or name in ("__call__", "forward", "__getattr__")):
                        self._function(item)

    def _module(self, module: torch.nn.Module) -> None:
        self.seen[id(module)] = module
        self.guards.append((module.__dict__, "training", module.training))
        for hooks in (module._forward_hooks, module._forward_pre_hooks, module._backward_hooks, module._backward_pre_hooks):
            self.guards.append((hooks, LENGTH, len(hooks)))
        for places in (module._parameters, module._buffers):
            for name, tensor in places.items():
                self._guard(places, name, tensor)
        for key, item in list(module.__dict__.items()):     # settings such as dropout's p
            if not key.startswith("_") and key != "training" and isinstance(item, PLAIN):
                self.guards.append((module.__dict__, key, item))
        if not is_of_a_library(type(module).__module__):
            self._attributes(module)
        for name, child in module._modules.items():
            self._guard(module._modules, name, child)

    def _optimizer(self, optimizer: torch.optim.Optimizer) -> None:
        for hooks in (optimizer._optimizer_step_pre_hooks, optimizer._optimizer_step_post_hooks):
            self.guards.append((hooks, LENGTH, len(hooks)))
        for group in optimizer.param_groups:
            for key, value in group.items():
                if key != "params":
                    self._guard(group, key, value)
            for parameter in group["params"]:
                self._value(parameter)
        for parameter, state in optimizer.state.items():
            if isinstance(state, dict):
                self.guards.append((optimizer.state, parameter, state))
                for key, value in state.items():
                    self._guard(state, key, value)

    @contextlib.contextmanager
    def watching(self):
        """Notes the modules that are called meanwhile, the optimizers that step, and whether the host's random numbers were used."""
        def called(module, _):
            self.modules[id(module)] = module

        def stepped(optimizer, *_):
            self.optimizers[id(optimizer)] = optimizer

        hooks = [nn_module.register_module_forward_pre_hook(called), register_optimizer_step_pre_hook(stepped)]
        drawn, held = _host_generators(), {(id(place), key): (place, value) for place, key, value in self.guards}
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()
            self.drew_on_the_host = drawn != _host_generators()
            self._look()        # again: state that optimizers made, modules that were not in sight
            for place, key, value in self.guards:
                _, before = held.get((id(place), key), (place, value))
                if before is not value and not (type(before) is type(value) and isinstance(value, PLAIN) and before == value):
                    self.changed = "what is in a list or dict" if key is LENGTH else repr(key) if isinstance(key, str) else "a variable"

    # ---- what was found ----

    def states(self) -> list[torch.Tensor]:
        return [t for t in self.tensors.values() if t.device.type == NAME or (t.device.type == "cpu" and not _is_small(t))]

    def buffers(self) -> list[Any]:
        """Memory of the host that is compared before each replay."""
        tensors = [t.detach().view(torch.uint8).numpy() if t.dim() else t.detach().reshape(1).view(torch.uint8).numpy()
                   for t in self.tensors.values() if t.device.type == "cpu" and _is_small(t)]
        return [*(a for a in self.arrays.values() if a.nbytes <= SMALL and a.flags.c_contiguous), *tensors]

    def obstacle(self) -> str:
        """What a replay would leave out, or could not watch."""
        for module in self.modules.values():
            for hooks in (module._forward_hooks, module._forward_pre_hooks, module._backward_hooks, module._backward_pre_hooks):
                if any(not is_of_a_library(getattr(hook, "__module__", None) or type(hook).__module__) for hook in hooks.values()):
                    return f"a module ({type(module).__name__}) has a hook of yours"
        if any(hooks for hooks in HOOKS_OF_ALL):
            return "all modules have a hook of yours (torch.nn.modules.module.register_module_...)"
        if any(o._optimizer_step_pre_hooks or o._optimizer_step_post_hooks for o in self.optimizers.values()):
            return "an optimizer has a hook of yours"
        for tensor in self.tensors.values():
            if tensor.is_leaf and (tensor._backward_hooks or getattr(tensor, "_post_accumulate_grad_hooks", None)):
                return "a parameter has a hook of yours"
        if self.changed:
            return f"it changes {self.changed} around it, which a replay would not. Make it a tensor of the device, or change it outside"
        if self.drew_on_the_host:
            return "it draws random numbers on the host (random, numpy, torch's generator of the CPU). Draw them on the device, or before"
        return ""

    def large_array(self) -> str:
        """Why numbers that were copied from the host may change unseen; empty where they may not."""
        if any(a.nbytes > SMALL or not a.flags.c_contiguous for a in self.arrays.values()):
            return "a NumPy array that it may read is too large to be compared in each call. Pass what it reads as an argument"
        return ""

    def parameters(self) -> list[torch.Tensor]:
        return [t for t in self.tensors.values() if t.device.type == NAME and t.requires_grad and t.is_leaf]


def _is_small(tensor: torch.Tensor) -> bool:
    return (tensor.layout is torch.strided and tensor.is_contiguous() and not tensor.is_quantized and tensor.is_conj() is False
            and 0 < tensor.nbytes <= SMALL)


def _host_generators() -> list[Any]:
    """The states of the generators that a program draws from on the host."""
    states: list[Any] = [bytes(torch.default_generator.get_state().numpy())]
    if "random" in sys.modules:
        states.append(sys.modules["random"].getstate())
    if "numpy.random" in sys.modules:
        name, keys, *rest = sys.modules["numpy.random"].get_state(legacy=True)
        states.append((name, keys.tobytes(), *rest))
    return states

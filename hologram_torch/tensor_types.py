"""`torch.hologram.FloatTensor` and its like: the old names of tensor types, which `Tensor.type()` returns."""

from __future__ import annotations

from typing import Any

import torch

NAME = "hologram"
DTYPES = {"FloatTensor": torch.float32, "DoubleTensor": torch.float64, "HalfTensor": torch.float16, "BFloat16Tensor": torch.bfloat16,
          "ByteTensor": torch.uint8, "CharTensor": torch.int8, "ShortTensor": torch.int16, "IntTensor": torch.int32,
          "LongTensor": torch.int64, "BoolTensor": torch.bool}


FloatTensor: type[torch.Tensor]     # made when they are asked for
DoubleTensor: type[torch.Tensor]
HalfTensor: type[torch.Tensor]
BFloat16Tensor: type[torch.Tensor]
ByteTensor: type[torch.Tensor]
CharTensor: type[torch.Tensor]
ShortTensor: type[torch.Tensor]
IntTensor: type[torch.Tensor]
LongTensor: type[torch.Tensor]
BoolTensor: type[torch.Tensor]


class _TensorType(type):
    dtype: torch.dtype

    def __instancecheck__(cls, obj: Any) -> bool:
        return isinstance(obj, torch.Tensor) and obj.device.type == NAME and obj.dtype == cls.dtype


def _type(name: str) -> _TensorType:
    def __new__(cls, *args, device=NAME):
        """A tensor of the sizes given, uninitialised, or of the values of one sequence, as torch's types make them."""
        if torch.device(device).type != NAME:
            raise RuntimeError(f"hologram.{name}: makes tensors of the device, not of {device}. Use torch.tensor(..., device={device!r}).")
        if len(args) == 1 and not isinstance(args[0], (int, torch.Size)):
            return torch.as_tensor(args[0], dtype=cls.dtype, device=device).clone()
        return torch.empty(*(args or (0,)), dtype=cls.dtype, device=device)

    doc = f"Makes tensors of {DTYPES[name]} on the device; `isinstance` says whether a tensor is one of them."
    return _TensorType(name, (), {"__new__": __new__, "__doc__": doc, "dtype": DTYPES[name], "__module__": f"torch.{NAME}",
                                  "is_cuda": False})


def __getattr__(name: str):
    if name not in DTYPES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    made = globals()[name] = _type(name)
    return made

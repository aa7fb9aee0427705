"""`tensor[key]` and `tensor[key] = value`, by NumPy's rules.

Integers, slices, None and ... give views: nothing is copied, and what is written there is the tensor's. Masks and lists of indices
read copies, in NumPy, over the same memory.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from . import shaped_ops
from .buffer import Buffer, _refuse_while_tracing
from .errors import InvalidIndex, InvalidType, InvalidValue, shown

if TYPE_CHECKING:
    from .tensor import HologramTensor


def get(tensor: HologramTensor, key) -> HologramTensor:
    key, views = _key(tensor, key)
    if views:
        return _view(tensor, key)
    _refuse_while_tracing("tensor")
    return _like(tensor, _asked(tensor, key, lambda: tensor.to_numpy()[key]))


def put(tensor: HologramTensor, key, value) -> None:
    key, views = _key(tensor, key)
    if views:
        shaped_ops.assign(_view(tensor, key), value)
        return
    _refuse_while_tracing("tensor")
    shaped_ops._check_target(tensor, "copy")
    array = tensor.to_numpy()
    picked = _asked(tensor, key, lambda: array[key])
    part = _like(tensor, picked)              # converts and broadcasts
    shaped_ops.assign(part, value)
    array[key] = part.to_numpy()
    if not tensor.buffer.host_visible:        # what was changed is a copy
        whole = tensor.copy()
        whole.buffer.from_numpy(array)
        shaped_ops.assign(tensor, whole)


def _like(tensor: HologramTensor, array) -> HologramTensor:
    buffer = Buffer(tensor.executor, array.size, tensor.buffer.dtype_code).from_numpy(array)
    return type(tensor)(tensor.executor, buffer, array.shape)


def _asked(tensor, key, function):
    try:
        return np.asarray(function())
    except IndexError as error:
        raise InvalidIndex(f"hologram.tensor: [{shown(key)}] of the shape {tensor.shape}: {error}.") from None
    except (ValueError, TypeError) as error:
        raise InvalidValue(f"hologram.tensor: [{shown(key)}] of the shape {tensor.shape}: {error}.") from None


def _key(tensor, key) -> tuple[Any, bool]:
    """The key as a tuple, and whether it asks for a view."""
    parts, views = [], True
    for part in key if isinstance(key, tuple) else (key,):
        if isinstance(part, type(tensor)):
            part = part._array()
        if isinstance(part, np.ndarray) and part.ndim == 0 and part.dtype.kind in "iu":
            part = part.item()
        if isinstance(part, (bool, np.bool_, list, np.ndarray)):
            views = False
        elif not (part is None or part is Ellipsis or isinstance(part, slice)):
            try:
                part = part.__index__()
            except (AttributeError, TypeError):
                raise InvalidIndex(f"hologram.tensor: {shown(part)} is no index. Use integers, slices, ..., None, masks or lists of "
                                   "integers.") from None
        parts.append(part)
    return tuple(parts), views


def _view(tensor: HologramTensor, key: tuple) -> HologramTensor:
    asked = sum(part is not None and part is not Ellipsis for part in key)
    if asked > tensor.ndim:
        raise InvalidIndex(f"hologram.tensor: {asked} indices of a tensor with {tensor.ndim} dimensions.")
    places = [n for n, part in enumerate(key) if part is Ellipsis]
    if len(places) > 1:
        raise InvalidIndex("hologram.tensor: an index has one ellipsis ('...').")
    at = places[0] if places else len(key)
    key = (*key[:at], *[slice(None)] * (tensor.ndim - asked), *key[at + 1:])
    shape: list[int] = []
    strides: list[int] = []
    offset, dim = tensor.offset, 0
    for part in key:
        if part is None:
            shape.append(1)
            strides.append(0)
            continue
        size, stride = tensor.shape[dim], tensor.strides[dim]
        if isinstance(part, slice):
            try:
                first, stop, step = part.indices(size)
            except TypeError:
                raise InvalidType(f"hologram.tensor: {shown(part)}: start, stop and step are integers or None.") from None
            except ValueError:
                raise InvalidValue("hologram.tensor: the step of a slice is 0.") from None
            count = len(range(first, stop, step))
            shape.append(count)
            strides.append(stride * step)
            offset += first * stride if count else 0
        else:
            if not -size <= part < size:
                raise InvalidIndex(f"hologram.tensor: index {shown(part)} of dimension {dim}, whose size is {size}.")
            offset += part % size * stride
        dim += 1
    return tensor._with(shape, strides, offset)

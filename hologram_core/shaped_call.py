"""Calls of compiled functions, whose circuits know flat buffers, with tensors and arrays that have shapes."""

from __future__ import annotations

from . import _runtime
from .buffer import Buffer
from .errors import ExportError
from .executor import default_executor
from .shaped_ops import imported
from .shapes import broadcast_shapes
from .tensor import HologramTensor


def has_arrays(args) -> bool:
    return any(not isinstance(a, (int, float, _runtime.Buffer, _runtime.Executor)) and hasattr(a, "__dlpack__") for a in args)


class ShapedCall:
    """A call with tensors or arrays among its arguments. All are brought to one shape, by copies where that is needed; then their
    elements, in order, are what buffers hold. `flat`: the arguments as buffers; `copied`: the numbers of those that are copies;
    `tensors`: are results tensors? Beside buffers they are buffers."""

    def __init__(self, args):
        known = [a for a in args if isinstance(a, _runtime.Executor)] + [getattr(a, "executor", None) or a._executor for a in args
                                                                         if isinstance(a, (HologramTensor, _runtime.Buffer))]
        self.executor = known[0] if known else default_executor()
        self.tensors = not any(isinstance(a, _runtime.Buffer) for a in args)
        self.flat, self.copied = list(args), set()
        found = [self._tensor_of(n, a) for n, a in enumerate(args)]
        self.shape: tuple = ()
        for t in found:
            if t is not None:
                self.shape = broadcast_shapes(self.shape, t.shape)
        for n, t in enumerate(found):
            if t is None or isinstance(args[n], _runtime.Buffer) and t.shape == self.shape:
                continue
            if t.shape != self.shape or not t.is_contiguous():
                t = t.broadcast_to(self.shape).copy()
                self.copied.add(n)
            self.flat[n] = t.buffer.view(t.offset, t.numel)

    def _tensor_of(self, n: int, value) -> HologramTensor | None:
        if isinstance(value, HologramTensor):
            return value
        if isinstance(value, Buffer):
            return HologramTensor(self.executor, value, (value.length,))
        if not has_arrays((value,)):
            return None
        try:
            return HologramTensor.from_dlpack(value, self.executor, copy=False)
        except ExportError:      # its memory cannot be used
            self.copied.add(n)
            return imported(self.executor, value)

    def tensor(self, buffer, shape):
        return HologramTensor(self.executor, buffer, shape)

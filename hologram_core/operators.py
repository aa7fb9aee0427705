"""Operators and methods that buffers, tensors and the symbols of a circuit have in common.

Each is one op of the tables: `self._apply(row name, *arguments)`, self among them, gives a new value.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

_METHODS = ("abs", "neg", "exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "sqrt", "rsqrt", "reciprocal", "sin", "cos", "tan",
            "tanh", "sigmoid", "erf", "relu", "silu", "mish", "floor", "ceil", "round", "trunc", "sign", "softmax", "log_softmax",
            "sum", "prod", "mean", "amax", "amin", "maximum", "minimum", "clamp", "pow", "isnan", "cumsum")


class Arithmetic:
    __slots__ = ()
    _apply: Callable[..., Any]

    if TYPE_CHECKING:
        def __getattr__(self, name: str) -> Any: ...      # the methods that are made below

    def gelu(self, approximate: str = "none") -> Any:
        return self._apply("gelu_tanh" if approximate == "tanh" else "gelu", self)

    def eq(self, other) -> Any:
        """Element by element, also where `==` compares identities, as for any object."""
        return self._apply("eq", self, other)

    def ne(self, other) -> Any:
        return self._apply("ne", self, other)

    def where(self, x, y) -> Any:
        """x where this is true, else y."""
        return self._apply("where", self, x, y)

    # ---- operators ----
    def __add__(self, other) -> Any:
        return self._apply("add", self, other)

    def __radd__(self, other) -> Any:
        return self._apply("add", other, self)

    def __sub__(self, other) -> Any:
        return self._apply("sub", self, other)

    def __rsub__(self, other) -> Any:
        return self._apply("sub", other, self)

    def __mul__(self, other) -> Any:
        return self._apply("mul", self, other)

    def __rmul__(self, other) -> Any:
        return self._apply("mul", other, self)

    def __truediv__(self, other) -> Any:
        return self._apply("div", self, other)

    def __rtruediv__(self, other) -> Any:
        return self._apply("div", other, self)

    def __floordiv__(self, other) -> Any:
        return self._apply("div_floor", self, other)

    def __rfloordiv__(self, other) -> Any:
        return self._apply("div_floor", other, self)

    def __mod__(self, other) -> Any:
        return self._apply("remainder", self, other)

    def __rmod__(self, other) -> Any:
        return self._apply("remainder", other, self)

    def __pow__(self, other) -> Any:
        return self._apply("pow", self, other)

    def __rpow__(self, other) -> Any:
        return self._apply("pow", other, self)

    def __and__(self, other) -> Any:
        return self._apply("bitwise_and", self, other)

    def __rand__(self, other) -> Any:
        return self._apply("bitwise_and", other, self)

    def __or__(self, other) -> Any:
        return self._apply("bitwise_or", self, other)

    def __ror__(self, other) -> Any:
        return self._apply("bitwise_or", other, self)

    def __xor__(self, other) -> Any:
        return self._apply("bitwise_xor", self, other)

    def __rxor__(self, other) -> Any:
        return self._apply("bitwise_xor", other, self)

    def __lshift__(self, other) -> Any:
        return self._apply("bitwise_left_shift", self, other)

    def __rlshift__(self, other) -> Any:
        return self._apply("bitwise_left_shift", other, self)

    def __rshift__(self, other) -> Any:
        return self._apply("bitwise_right_shift", self, other)

    def __rrshift__(self, other) -> Any:
        return self._apply("bitwise_right_shift", other, self)

    def __lt__(self, other) -> Any:
        return self._apply("lt", self, other)

    def __le__(self, other) -> Any:
        return self._apply("le", self, other)

    def __gt__(self, other) -> Any:
        return self._apply("gt", self, other)

    def __ge__(self, other) -> Any:
        return self._apply("ge", self, other)

    def __neg__(self) -> Any:
        return self._apply("neg", self)

    def __pos__(self) -> Any:
        return self._apply("copy", self)

    def __abs__(self) -> Any:
        return self._apply("abs", self)

    def __invert__(self) -> Any:
        return self._apply("bitwise_not", self)

    def __divmod__(self, other) -> tuple[Any, Any]:
        return self // other, self % other

    def __rdivmod__(self, other) -> tuple[Any, Any]:
        return other // self, other % self


def _method(row: str):
    def method(self, *args):
        return self._apply(row, self, *args)
    method.__name__, method.__qualname__ = row, f"Arithmetic.{row}"
    return method


for _name in _METHODS:
    setattr(Arithmetic, _name, _method(_name))

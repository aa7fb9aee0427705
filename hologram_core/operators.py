"""Operators and methods that buffers, tensors and the symbols of a circuit have in common.

Each is one op of the tables: `self._apply(row name, *arguments)`, self among them, gives a new value.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

_METHODS = ("abs", "neg", "exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "sqrt", "rsqrt", "reciprocal", "sin", "cos", "tan",
            "tanh", "sigmoid", "erf", "relu", "silu", "mish", "floor", "ceil", "round", "trunc", "sign", "softmax", "log_softmax",
            "sum", "prod", "mean", "amax", "amin", "maximum", "minimum", "clamp", "pow", "isnan", "cumsum")
# Python's name of an operator -> row.
OPERATORS = {"add": "add", "sub": "sub", "mul": "mul", "truediv": "div", "floordiv": "div_floor", "mod": "remainder", "pow": "pow",
             "and": "bitwise_and", "or": "bitwise_or", "xor": "bitwise_xor", "lshift": "bitwise_left_shift",
             "rshift": "bitwise_right_shift"}
_UNARY = {"neg": "neg", "pos": "copy", "abs": "abs", "invert": "bitwise_not"}
_COMPARISONS = ("lt", "le", "gt", "ge")


class Arithmetic:
    __slots__ = ()
    _apply: Callable[..., Any]

    if TYPE_CHECKING:       # the methods and operators that are made below
        def __getattr__(self, name: str) -> Any: ...
        def __floordiv__(self, other: Any) -> Any: ...
        def __mod__(self, other: Any) -> Any: ...

    def gelu(self, approximate: str = "none"):
        return self._apply("gelu_tanh" if approximate == "tanh" else "gelu", self)

    def eq(self, other):
        """Element by element; `==` compares identities, as for any object."""
        return self._apply("eq", self, other)

    def ne(self, other):
        return self._apply("ne", self, other)

    def __divmod__(self, other):
        return self // other, self % other

    def __rdivmod__(self, other):
        return other // self, other % self

    def where(self, x, y):
        """x where this is true, else y."""
        return self._apply("where", self, x, y)


def _add(name: str, function) -> None:
    function.__name__ = name
    function.__qualname__ = f"Arithmetic.{name}"
    setattr(Arithmetic, name, function)


def _method(row):
    return lambda self, *args: self._apply(row, self, *args)


def _reflected(row):
    return lambda self, other: self._apply(row, other, self)


for _name in _METHODS:
    _add(_name, _method(_name))
for _name, _row in OPERATORS.items():
    _add(f"__{_name}__", _method(_row))
    _add(f"__r{_name}__", _reflected(_row))
for _name in _COMPARISONS:
    _add(f"__{_name}__", _method(_name))
for _name, _row in _UNARY.items():
    _add(f"__{_name}__", _method(_row))

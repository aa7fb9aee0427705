"""What a compiled function may depend on besides its buffers: numbers it is given, and values it finds around it.

A number that is an argument is *traced*: while it goes into ops, or through + - * / // % ** and abs, it may be another one in the
next call. Where the function asks for its value (a comparison, `int`, `math.exp`, an index ...) it is *pinned*: the trace serves
calls with that very value, told apart bit by bit (-0.0 is not 0.0, NaN is itself, 1 is neither 1.0 nor True).
"""

from __future__ import annotations

import math
import operator
import struct
import types


def exact(value):
    """A hashable stand-in that is equal for values that cannot be told apart."""
    kind = type(value)
    if kind is float:
        return kind, struct.pack("<d", value)
    if kind in (int, bool, str, bytes, type(None)):
        return kind, value
    if kind is tuple:
        return kind, tuple(exact(v) for v in value)
    return kind, id(value)       # the keeper of this keeps the object too


class Traced:
    """A number that is an argument, or is computed from such. `value`: in the call that is traced."""

    __slots__ = ("value", "sources", "_at", "_function", "_args", "_pinned")

    def __init__(self, value, pinned: set, at=None, function=None, args=()):
        self.value, self._pinned, self._at, self._function, self._args = value, pinned, at, function, args
        self.sources: set = {at} if function is None else set().union(*(a.sources for a in args if isinstance(a, Traced)))

    @property                    # type: ignore[misc]
    def __class__(self):         # for isinstance
        return type(self.value)

    def pin(self):
        """Its value, on which the trace depends from now on."""
        self._pinned |= self.sources
        return self.value

    def evaluate(self, given):
        """The same for other arguments. Raises TypeError where it becomes a number of another type."""
        if self._function is None:
            return given[self._at]
        value = self._function(*(evaluate(a, given) for a in self._args))
        if type(value) is not type(self.value):
            raise TypeError
        return value

    def _derived(self, function, *args):
        value = function(*(a.value if is_traced(a) else a for a in args))
        if type(value) not in (int, float):
            return function(*(pinned(a) for a in args))
        return Traced(value, self._pinned, None, function, args)

    def __array__(self, dtype=None, copy=None):
        import numpy as np

        return np.array(self.pin(), dtype)

    def __getattr__(self, name):          # .is_integer(), .real ...
        found = getattr(self.value, name)
        self.pin()
        return found


def is_traced(value) -> bool:
    return type(value) is Traced


def pinned(value):
    return value.pin() if is_traced(value) else value


def value_of(value):
    """Its value in the call that is traced, on which nothing depends."""
    return value.value if is_traced(value) else value


def evaluate(value, given):
    return value.evaluate(given) if is_traced(value) else value


def _define() -> None:
    def computed(function):
        def forward(self, other):
            return self._derived(function, self, other) if type(other) in (int, float, Traced) else NotImplemented

        def backward(self, other):
            return self._derived(function, other, self) if type(other) in (int, float, Traced) else NotImplemented
        return forward, backward

    def asked(function):
        return lambda self, *others: function(self.pin(), *(pinned(other) for other in others))

    for name in ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow"):
        forward, backward = computed(getattr(operator, name))
        setattr(Traced, f"__{name}__", forward)
        setattr(Traced, f"__r{name}__", backward)
    for name in ("neg", "pos", "abs"):
        function = getattr(operator, name)
        setattr(Traced, f"__{name}__", lambda self, function=function: self._derived(function, self))
    for name in ("lt", "le", "gt", "ge", "eq", "ne", "and_", "or_", "xor", "lshift", "rshift", "invert", "index"):
        setattr(Traced, f"__{name.rstrip('_')}__", asked(getattr(operator, name)))
    for name in ("and_", "or_", "xor", "lshift", "rshift"):
        function = getattr(operator, name)
        setattr(Traced, f"__r{name.rstrip('_')}__", lambda self, other, function=function: function(pinned(other), self.pin()))
    for function in (bool, int, float, complex, round, hash, str, repr, divmod, format):
        setattr(Traced, f"__{function.__name__}__", asked(function))
    for name in ("trunc", "floor", "ceil"):
        setattr(Traced, f"__{name}__", asked(getattr(math, name)))
    Traced.__rdivmod__ = lambda self, other: divmod(pinned(other), self.pin())    # type: ignore[attr-defined]


_define()


# ---- what lies around a function ----

class Surroundings:
    """The variables outside of a function that it reads: closures, globals, defaults, attributes of the object whose method it is;
    those of Python functions among them too. `now()` is equal as long as they are the same numbers, texts or objects."""

    def __init__(self, function):
        self._places = []          # calls that give a value
        self._seen = set()
        self._visit(function)

    def now(self) -> tuple:
        return tuple(exact(place()) for place in self._places)

    def values(self) -> list:
        return [place() for place in self._places]

    def _visit(self, function) -> None:
        if isinstance(function, types.MethodType):
            self._attributes(function.__self__, function.__func__)
            function = function.__func__
        elif not isinstance(function, types.FunctionType):
            function = getattr(function, "__wrapped__", None) or getattr(type(function), "__call__", None)   # noqa: B004
        if not isinstance(function, types.FunctionType) or id(function) in self._seen:
            return
        self._seen.add(id(function))
        places: list = [lambda c=cell: _contents(c) for cell in function.__closure__ or ()]
        variables = function.__globals__
        places += [lambda n=name: variables.get(n) for name in _names(function.__code__) if name in variables]
        places += [lambda: function.__defaults__, lambda: tuple((function.__kwdefaults__ or {}).items())]
        for place in places:
            value = place()
            if isinstance(value, types.ModuleType) or isinstance(value, type):
                continue
            self._places.append(place)
            if isinstance(value, (types.FunctionType, types.MethodType)) and len(self._seen) < 50:
                self._visit(value)

    def _attributes(self, owner, function) -> None:
        held = getattr(owner, "__dict__", {})
        self._places += [lambda n=name: held.get(n) for name in _names(function.__code__) if name in held]


def _contents(cell):
    try:
        return cell.cell_contents
    except ValueError:             # not yet assigned
        return None


def _names(code) -> list:
    """Names of globals and attributes in a function, and in the functions inside of it."""
    found = list(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            found += _names(constant)
    return found

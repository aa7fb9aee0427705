"""Circuits by hand, and Python functions over buffers as circuits.

A circuit here has one dimension, the elements of flat buffers. Where it folds (sums, softmax ...) that dimension is the row.
"""

from __future__ import annotations

import functools
import threading

import numpy as np

from . import _runtime, dtypes, traced
from .backend import infos
from .buffer import Buffer, dtype_of, tracing
from .errors import InvalidType, InvalidValue, NotSupported, shown
from .op_signature import describe
from .operators import Arithmetic
from .ops import result_types, row
from .optable import TABLE
from .optable.table import Elementwise
from .scalars import fitted
from .shaped_call import ShapedCall, has_arrays

_SHOWN_LENGTH = 1024        # for which kernels are shown where no length is given


class CircuitValue(Arithmetic):
    """A value of a circuit. `fixed`: one element, whatever the length."""

    __slots__ = ("circuit", "source", "element_type", "fixed", "length")
    __array_ufunc__ = None      # `array + value` asks the value, which refuses

    def __init__(self, circuit, source, element_type, fixed=False):
        self.circuit, self.source, self.element_type, self.fixed = circuit, source, element_type, fixed
        self.length = None      # so that code written for buffers finds the attribute

    @property
    def dtype(self):
        return self.element_type

    def _apply(self, name, *args):
        return self.circuit.op(name, *args)

    def __bool__(self):
        raise InvalidType("hologram.compile: a value of a circuit has no truth value. Use where(x, y).")

    def __repr__(self):
        return f"CircuitValue({self.element_type.torch})"


class Circuit:
    """A circuit built by hand:

        circuit = hg.Circuit()
        x, y = circuit.input(), circuit.input()
        circuit.output((x * y).tanh())
        circuit.run(executor, [x_buffer, y_buffer], [result_buffer])
    """

    def __init__(self):
        self._inputs, self._outputs, self._nodes = [], [], []
        self._numbers, self._limits = [], []   # numbers, and the types of integers that they must be (None: any number)
        self._constants = {}                   # numbers that are there, by value
        self._values = 0
        self._native = self._folds = None
        self._seen = lambda value: value       # what an argument of an op stands for

    # ---- building ----
    def input(self, dtype="float32", once: bool = False) -> CircuitValue:
        """A buffer that is read; `once`: its first element serves all."""
        self._changed()
        value = CircuitValue(self, ("input", len(self._inputs)), dtype_of(dtype), once)
        self._inputs.append(value)
        return value

    def number(self, value) -> CircuitValue:
        """A number that `run` may replace."""
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise InvalidType(f"hologram.Circuit: a number is an int or a float, not {type(value).__name__}.")
        return self._new_number(value, dtypes.I64 if isinstance(value, int) else None)

    def _new_number(self, value, limit) -> CircuitValue:
        self._changed()
        fitted = _fitted(traced.value_of(value), limit)
        self._numbers.append(value)
        self._limits.append(limit)
        return CircuitValue(self, ("number", len(self._numbers) - 1), dtypes.I64 if isinstance(fitted, int) else dtypes.F64, True)

    def op(self, name: str, *args):
        """Appends an op of the tables; its result, or a tuple of them."""
        self._changed()
        if not isinstance(name, str) or name not in TABLE.codes:
            raise InvalidValue(f"hologram.Circuit.op: no row of the op tables is named {shown(name)}.")
        d = describe(name)
        if len(args) != d.num_args:
            raise InvalidType(f"hologram.{name}: {d.num_args} arguments are needed, {len(args)} were given.")
        given: list = [self._seen(a) for a in args]
        arrays = [a for a in given if isinstance(a, CircuitValue) and a.source[0] != "number"]
        if any(a.circuit is not self for a in arrays):
            raise InvalidValue(f"hologram.{name}: an argument belongs to another circuit.")
        types = result_types(name, given)
        codes = [a.element_type.code if isinstance(a, CircuitValue) and a.source[0] != "number" else -1 for a in given]
        wanted = types[d.result_types.index("T")].code if "T" in d.result_types else -1
        try:
            compute = dtypes.ALL[row(name).compute_type(codes, wanted)]
        except InvalidValue as error:      # a circuit has values of types, not arrays
            raise InvalidType(str(error)) from None
        for a, kind in zip(given, d.kinds):
            if isinstance(a, CircuitValue) and a.source[0] == "number" and kind in "vp" and compute.is_int:
                self._narrow(a.source[1], compute)
        given = [a if isinstance(a, CircuitValue) else self._converted(a, kind, compute) for a, kind in zip(given, d.kinds)]
        shape = TABLE[name]
        stays = isinstance(shape, Elementwise) and all(a.fixed for a in arrays)
        first = self._values
        self._values += d.num_results
        self._nodes.append((d, compute, types[0], given))
        results = tuple(CircuitValue(self, ("value", first + k), t, stays or bool(d.fixed_results >> k & 1)) for k, t in enumerate(types))
        return results[0] if len(results) == 1 else results

    def _narrow(self, number: int, limit) -> None:
        """The number is also one of these integers."""
        before = self._limits[number]
        _fitted(self._numbers[number], limit)
        if before is None or before.range[0] < limit.range[0] or before.range[1] > limit.range[1]:
            self._limits[number] = limit

    def _converted(self, value, kind: str, compute) -> CircuitValue:
        """A number that is an argument of an op; the same one twice is one."""
        if not isinstance(value, (int, float, np.number, np.bool_)):
            raise InvalidType(f"hologram.Circuit: arguments are values of the circuit and numbers, not {type(value).__name__}.")
        if not traced.is_traced(value) and not isinstance(value, (int, float)):
            value = value.item()
        floating = kind == "d" or kind in "vp" and compute.is_float
        limit = dtypes.F64 if floating else dtypes.I64 if kind == "i" else dtypes.BOOL if kind == "b" else None if kind == "r" else compute
        key = (id(value) if traced.is_traced(value) else traced.exact(value), limit)
        if key not in self._constants:
            self._constants[key] = self._new_number(value, limit), value
        return self._constants[key][0]

    def output(self, value: CircuitValue) -> CircuitValue:
        """The value is written to a buffer."""
        self._changed()
        if not isinstance(value, CircuitValue) or value.circuit is not self:
            raise InvalidType("hologram.Circuit: an output is a value of this circuit.")
        if value.source[0] != "value":
            value = self.op("copy", value)
        self._outputs.append(value)
        return value

    def _changed(self) -> None:
        self._native = self._folds = None

    @property
    def folds(self) -> bool:
        if self._folds is None:
            self._folds = any(not isinstance(TABLE[d.name], Elementwise) for d, *_ in self._nodes)
        return self._folds

    def native(self, length: int = _SHOWN_LENGTH):
        """The runtime's record of it."""
        if not self._outputs:
            raise InvalidValue("hologram.Circuit: it has no output. Call output(value).")
        circuit = _runtime.Circuit([length], int(self.folds))
        refs = {}
        for value in self._inputs:
            refs[value.source] = circuit.add_operand(0, value.element_type.code, [_stride(value)])
        for n, value in enumerate(self._numbers):
            refs["number", n] = circuit.add_scalar(_fitted(traced.value_of(value), self._limits[n]))
        value = 0
        for d, compute, result, args in self._nodes:
            first = circuit.add_node(d.code, compute.code, result.code, [refs[a.source] for a in args])
            for k in range(d.num_results):
                refs["value", value] = first + k
                value += 1
        for value in self._outputs:
            if value.fixed and not self.folds:
                raise InvalidValue("hologram.Circuit: an output depends on numbers only. Make it depend on an input.")
            circuit.add_output(0, value.element_type.code, [_stride(value)], refs[value.source])
        return circuit

    # ---- looking at it ----
    def keys(self, length: int = _SHOWN_LENGTH) -> list:
        """The kernels that a run over `length` elements launches, by their keys."""
        return [key for key, _, _ in self.native(length).launches()]

    def verify(self) -> None:
        """Raises CompileError where the circuit breaks a rule of the compiler."""
        from .circuit import key, verify

        for k in self.keys():
            verify.verify(key.decode(k))

    def ir(self, length: int = _SHOWN_LENGTH) -> str:
        """As it was built."""
        from .circuit.key import decode

        return "\n".join(str(decode(k)) for k in self.keys(length))

    def canonical(self, length: int = _SHOWN_LENGTH) -> str:
        """After rewriting: what machine code is made from."""
        from .circuit.pipeline import prepare

        return "\n".join(str(prepare(k)) for k in self.keys(length))

    def text(self, backend: str, length: int = _SHOWN_LENGTH, **options) -> str:
        """What a backend's kernels are compiled from. `options`: those of `text` in hologram_core.backends.<backend>."""
        from importlib import import_module

        if backend not in infos():
            raise InvalidValue(f"hologram.Circuit.text: unknown backend {shown(backend)}. Known are {', '.join(map(repr, infos()))}.")
        write = import_module(f".backends.{backend}", __package__).text
        return "\n".join(write(k, **options) for k in self.keys(length))

    def llvm(self, length: int = _SHOWN_LENGTH) -> str:
        """For this machine's processor."""
        return self.text("cpu", length)

    def ptx(self, arch: int = 80) -> str:
        """For an NVIDIA GPU of compute capability `arch` (80 for 8.0)."""
        return self.text("cuda", arch=arch)

    def msl(self) -> str:
        """In Metal's language."""
        return self.text("metal")

    __str__ = ir

    # ---- running ----
    def run(self, executor, inputs, outputs, length=None, numbers=None) -> None:
        """Records it over these buffers. `length`: elements; without it, that of the buffers, which must agree."""
        if self._native is None:
            self._native = self.native()
        buffers = [*inputs, *outputs]
        if len(inputs) != len(self._inputs) or len(outputs) != len(self._outputs) or not all(isinstance(b, Buffer) for b in buffers):
            raise InvalidType(f"hologram.Circuit.run: {len(self._inputs)} input and {len(self._outputs)} output Buffers are needed.")
        if length is None:
            lengths = {b.length for b, s in zip(buffers, [*self._inputs, *self._outputs]) if not s.fixed}
            if len(lengths) != 1:
                raise InvalidValue(f"hologram.Circuit.run: buffers of {sorted(lengths)} elements. Pass the length.")
            length, = lengths
        numbers = self._numbers if numbers is None else list(numbers)
        if len(numbers) != len(self._numbers):
            raise InvalidValue(f"hologram.Circuit.run: {len(numbers)} numbers, the circuit has {len(self._numbers)}.")
        numbers = [_fitted(traced.value_of(value), limit) for value, limit in zip(numbers, self._limits)]
        if not self.folds:
            self._native.call(executor, buffers, numbers, length)
            return
        for n, b in enumerate(outputs):
            if any(b._overlaps(other, length) for other in outputs[:n]):
                raise InvalidValue(f"hologram.Circuit.run: output {n} overlaps another one. Give each a buffer of its own.")
        # A fold may read its row again after the first elements of a result are stored.
        clash = [n for n, b in enumerate(outputs) if any(b._overlaps(other, length) for other in inputs)]
        into = [Buffer(executor, b.length, b.dtype_code) if n in clash else b for n, b in enumerate(outputs)]
        self._native.call(executor, [*inputs, *into], numbers, length)
        for n in clash:
            row("copy")(executor, into[n], outputs[n], 1 if self._outputs[n].fixed else length)


def _fitted(value, limit):
    """A number as kernels take it that compute in `limit`. Raises where it is none of that type."""
    if limit is None:
        return value
    if isinstance(value, float) and not limit.is_float:
        raise InvalidValue(f"hologram.Circuit: {value!r} is a float where {limit.torch} takes an integer.")
    return fitted("Circuit", value, limit)


def _stride(value: CircuitValue) -> int:
    return 0 if value.fixed else value.element_type.bytes


# ---- functions ----

class Cell(CircuitValue):
    """What stands for a buffer while a function is traced: reading it makes an input, writing it changes what it stands for."""

    __slots__ = ("parameter", "written")

    def __init__(self, circuit, parameter, element_type):
        super().__init__(circuit, None, element_type)
        self.parameter, self.written = parameter, False


class Tracer:
    """Stands for the executor while a function is traced: ops called with it are appended to the circuit."""

    # What the call gave, once it has been traced: arguments it writes and reads, what it returns, the numbers that it depends on.
    written: list
    used: list
    returns: str | None
    pins: dict

    def __init__(self):
        self.circuit = Circuit()
        self.circuit._seen = self.read
        self.parameters = []          # of the circuit's inputs: argument numbers, or captured buffers
        self.cells = []
        self.captured = {}            # buffers that are no arguments, by key -> their cells
        self.length = None            # where an op was told; maybe a number that is an argument

    def cell(self, parameter, element_type) -> Cell:
        cell = Cell(self.circuit, parameter, element_type)
        self.cells.append(cell)
        return cell

    def read(self, value):
        if hasattr(value, "__dlpack__") and not isinstance(value, _runtime.Buffer):
            raise InvalidType(f"hologram.compile: the function uses a {type(value).__name__} that is none of its arguments. Pass it.")
        if isinstance(value, _runtime.Buffer):
            value = self._capture(value)
        if not isinstance(value, Cell):
            return value
        if value.source is None:
            if value.parameter is None:
                raise InvalidValue("hologram.compile: a temporary buffer is read before it is written.")
            value.source = self.circuit.input(value.element_type).source
            self.parameters.append(value.parameter)
        return CircuitValue(self.circuit, value.source, value.element_type, value.fixed)

    def _capture(self, buffer) -> Cell:
        key = buffer._key()
        if key not in self.captured:
            self.captured[key] = self.cell(buffer, buffer.element_type)
        return self.captured[key]

    def _temporary(self, length, like) -> Cell:
        self._tell(length)
        return self.cell(None, like.element_type)

    def _tell(self, length) -> None:
        if length is None or length is self.length:
            return
        if self.length is not None:
            length = traced.pinned(length)
            self.length = traced.pinned(self.length)
        if type(length) is int and length == -1:
            return
        if self.length not in (None, length):
            raise NotSupported(f"hologram.compile: ops over {self.length} and over {length} elements in one circuit.")
        self.length = length

    def _record(self, op, *given):
        """What ops call instead of running (csrc/bindings/executor.cpp)."""
        count = op.num_args + op.num_results
        results, rest = given[op.num_args:count], given[count:]
        if len(rest) > 1 and rest[1] not in (None, -1):
            raise NotSupported(f"hologram.{op.name}: rows are not part of circuits. Call it outside of hg.compile.")
        args = [self.read(a) for a in given[:op.num_args]]
        only_one = all(a.fixed for a in args if isinstance(a, CircuitValue)) and rest[:1] == (1,)
        if rest and not only_one:
            self._tell(rest[0])
        values = self.circuit.op(op.name, *args)
        for cell, value in zip(results, values if isinstance(values, tuple) else (values,)):
            if cell is None:
                continue
            if not isinstance(cell, Cell):
                raise InvalidType(f"hologram.{op.name}: a result goes to a buffer that is an argument of the compiled function. Pass it.")
            if cell.element_type is not value.element_type:
                if op.name != "copy":
                    raise InvalidValue(f"hologram.{op.name}: the result is {value.element_type.torch}, the buffer for it "
                                       f"{cell.element_type.torch}.")
                raise NotSupported("hologram.copy: conversions are not part of circuits.")
            cell.source, cell.fixed, cell.written = value.source, value.fixed, True


class Compiled:
    """A function over buffers as a circuit; what `compile` gives."""

    _KEPT = 64        # traces

    def __init__(self, function):
        self.function = function
        self._traces: dict = {}        # signature -> traces, which differ in the values of pinned numbers
        self._around = None
        self._lock = threading.Lock()
        functools.update_wrapper(self, function)

    def trace(self, *args):
        """The circuit for arguments like these, with what is needed to call it."""
        return self._find(tuple(map(_plain, ShapedCall(args).flat if has_arrays(args) else args)))

    def _find(self, args):
        if self._around is None:
            self._around = traced.Surroundings(self.function)
        found = self._known(self._sign(args, self._around), args)
        if found is None:
            around = self._around = traced.Surroundings(self.function)      # what it reads may be other variables by now
            signature = self._sign(args, around)
            found = self._trace(args)
            found.kept = around.values()
            with self._lock:
                while sum(map(len, self._traces.values())) >= self._KEPT:
                    oldest = next(iter(self._traces))
                    self._traces[oldest].pop(0)
                    if not self._traces[oldest]:
                        del self._traces[oldest]
                self._traces.setdefault(signature, []).append(found)
        return found

    def _known(self, signature, args):
        with self._lock:
            for trace in self._traces.get(signature, ()):
                if not trace.pins or all(traced.exact(args[n]) == value for n, value in trace.pins.items()):
                    return trace
        return None

    def _sign(self, args, around) -> tuple:
        """Types of the arguments, which of them are the same buffer, and what lies around the function."""
        numbers: dict = {}
        return (*[type(a) if type(a) is float or type(a) is int else
                  ("buffer", a.dtype_code, numbers.setdefault(a._key(), len(numbers))) if isinstance(a, _runtime.Buffer) else
                  "executor" if isinstance(a, _runtime.Executor) else (bool, a) for a in args], around.now())

    def circuit(self, *args) -> Circuit:
        return self.trace(*args).circuit

    def _trace(self, args):
        tracer = Tracer()
        cells: dict = {}
        given: list = []
        pins: set = set()
        for n, arg in enumerate(args):
            if isinstance(arg, _runtime.Executor):
                given.append(tracer)
            elif isinstance(arg, _runtime.Buffer):
                key = arg._key()
                if key not in cells:
                    cells[key] = tracer.cell(n, arg.element_type)
                given.append(cells[key])
            else:
                given.append(arg if isinstance(arg, bool) else traced.Traced(arg, pins, n))
        with tracing():
            returned = self.function(*given)
        single = not isinstance(returned, (tuple, list))
        values = [] if returned is None else [returned] if single else list(returned)
        if not all(isinstance(v, CircuitValue) for v in values):
            raise InvalidType("hologram.compile: the function must return values of the circuit, or nothing.")
        written = [c for c in tracer.cells if c.written and c.parameter is not None]
        tracer.written = [c.parameter for c in written]
        for cell in written + values:
            tracer.circuit.output(tracer.read(cell))
        tracer.used = [c.parameter for c in tracer.cells if c.parameter is not None]
        tracer.returns = None if returned is None else "one" if single else "many"
        tracer.circuit.native()
        tracer.pins = {n: traced.exact(args[n]) for n in pins}
        return tracer

    def __call__(self, *args):
        try:
            args = tuple(map(_plain, args))
        except InvalidType:
            if not has_arrays(args):
                raise
            return self._call_shaped(ShapedCall(args))
        trace = self._find(args)
        try:
            numbers = [traced.evaluate(number, args) for number in trace.circuit._numbers]
            length = traced.evaluate(trace.length, args)
        except (ArithmeticError, TypeError, ValueError):      # a power that is no integer now, a division by zero
            trace = self._trace_as_is(args)
            numbers, length = trace.circuit._numbers, trace.length
        buffers = [a for a in args if isinstance(a, _runtime.Buffer)] or [p for p in trace.used if not isinstance(p, int)]
        executors = [a for a in args if isinstance(a, _runtime.Executor)]
        if not buffers:
            raise InvalidType("hologram.compile: no argument is a buffer.")
        executor = executors[0] if executors else buffers[0]._executor
        circuit = trace.circuit
        inputs = [_buffer(p, args) for p in trace.parameters]
        outputs = [args[n] for n in trace.written]
        if length is None:
            varying = [b.length for b, s in zip([*inputs, *outputs], [*circuit._inputs, *circuit._outputs]) if not s.fixed]
            if len(set(varying)) != 1:
                raise InvalidValue(f"hologram.compile: buffers of {sorted(set(varying))} elements in one call.")
            length = varying[0]
        for n in trace.written:
            for other in trace.used:
                if other is not n and args[n]._overlaps(_buffer(other, args), length):
                    which = f"argument {other}" if isinstance(other, int) else "a buffer that the function captured"
                    raise InvalidValue(f"hologram.compile: argument {n} is written and overlaps {which}. Pass the same buffer, or "
                                       "give it memory of its own.")
        new = [Buffer(executor, 1 if s.fixed else length, s.element_type.code) for s in circuit._outputs[len(outputs):]]
        circuit.run(executor, inputs, [*outputs, *new], length, numbers)
        return None if trace.returns is None else new[0] if trace.returns == "one" else tuple(new)

    def _call_shaped(self, call):
        trace = self.trace(*call.flat)
        wrong = next((n for n in trace.written if n in call.copied), None)
        if wrong is not None:
            raise InvalidValue(f"hologram.compile: argument {wrong} is written, and has not the shape {call.shape} in contiguous memory. "
                               "Pass one that has.")
        returned = self(*call.flat)
        if returned is None or not call.tensors:
            return returned
        found = returned if isinstance(returned, tuple) else (returned,)
        values = trace.circuit._outputs[len(trace.written):]
        shaped = tuple(call.tensor(buffer, () if value.fixed else call.shape) for buffer, value in zip(found, values))
        return shaped if isinstance(returned, tuple) else shaped[0]

    def _trace_as_is(self, args):
        """For one call: the arithmetic on these numbers gives another type than it did, or an error, which is the function's."""
        trace = self._trace(args)
        trace.circuit._numbers = [traced.value_of(number) for number in trace.circuit._numbers]
        trace.length = traced.value_of(trace.length)
        return trace


def _plain(arg):
    """An argument as functions are traced with it: buffers, executors, and Python's own numbers."""
    if type(arg) in (int, float, bool) or isinstance(arg, (_runtime.Buffer, _runtime.Executor)):
        return arg
    if isinstance(arg, (np.number, np.bool_)) and not np.iscomplexobj(arg):
        return arg.item()
    if isinstance(arg, (int, float)):
        return int(arg) if isinstance(arg, int) else float(arg)
    raise InvalidType(f"hologram.compile: arguments are buffers, tensors, arrays, numbers and an executor, not {type(arg).__name__}.")


def _buffer(parameter, args):
    return args[parameter] if isinstance(parameter, int) else parameter


def compile(function) -> Compiled:
    """Makes one circuit of a Python function over buffers: traced once per types, run as one kernel where one is enough.

    Call it like the function: buffers it writes are written, values it returns arrive in new buffers. A function that takes an
    executor gets it; else that of the buffers is used. The function itself runs when it is traced, and not again:

    - Numbers that are arguments may change from call to call without a new trace, also where the function computes with them
      (`w - lr * 0.5 * g`). Where it looks at their values (`if k > 0`, `range(n)`, `math.exp(k)`) it is traced for each value.
    - Numbers, texts and objects around it (globals, closures, defaults, attributes of the object whose method it is) are constants.
      It is traced anew where one of them is another one; changes inside of a list, a dict or another object go unseen: pass
      what changes as an argument.
    - Buffers around it are read at each call, and cannot be written. Computing with such buffers alone, or reading their
      elements, would happen once, and is refused.
    - Printing, appending to a list and other effects happen when it is traced.

    Arguments may also be tensors and arrays of other libraries, over their memory: they are brought to one shape, as NumPy does, and
    values that are returned are tensors of it (buffers, where there are buffers among the arguments). Where the function folds
    (`sum`, `softmax` ...) it folds all elements.

    One circuit holds 64 ops, 60 buffers and 60 numbers; a larger function is an error that says so.
    """
    if not callable(function):
        raise InvalidType(f"hologram.compile: a function is needed, not {type(function).__name__}.")
    return Compiled(function)

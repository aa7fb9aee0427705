"""Calls for every aten overload that an elementwise row serves, made from the row and torch's schema.

A `Case` is one functional overload with the arguments that lead to one row. `arguments` builds fresh CPU arguments for a
dtype and a layout; the tests run the call on the CPU and on the device and compare what comes out, errors included.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import torch

from csrc.tablegen.aten_table import Schemas, qualified, type_name
from hologram_core.optable import TABLE
from hologram_core.optable.table import Aten, Elementwise

FLOATS = (torch.float32, torch.float64, torch.float16, torch.bfloat16)
INTEGERS = (torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8)
DTYPES = (*FLOATS, *INTEGERS, torch.bool)
NUMBERS = {"exponent": 2.5, "alpha": 2, "value": 0.75, "beta": 1.5, "threshold": 0.5, "eps": 1e-3, "min": -0.5, "max": 1.5,
           "min_val": -1.25, "max_val": 1.25, "lambd": 0.5, "negative_slope": 0.1, "scale": 1.1, "input_scale": 0.9, "n": 2,
           "upper": 0.3, "lower": 0.1, "decimals": 2, "p": 1, "delta": 0.8, "is_result": False, "training": False, "weight": 0.3}


@dataclass(frozen=True)
class Case:
    row: Elementwise
    entry: Aten

    @property
    def schema(self):
        return schemas().find(self.entry.name)

    @property
    def packet(self):
        base, _, overload = self.entry.name.partition(".")
        return getattr(getattr(torch.ops.aten, base), overload or "default")

    @property
    def in_place(self):
        schema = schemas().in_place(self.schema) if "i" in self.entry.forms else None
        return schema and overload(schema)

    @property
    def out(self):
        schema = schemas().out(self.schema, self.entry.out) if "o" in self.entry.forms else None
        return schema and overload(schema)

    @property
    def tensors(self) -> int:
        return sum("Tensor" in type_name(a) for a in self.schema.arguments)

    def __str__(self):
        when = ",".join(f"{k}={v}" for k, v in self.entry.when.items())
        return f"{self.row.name}:{self.entry.name}" + (f"[{when}]" if when else "")

    def arguments(self, dtype, make=None, seed=0, number=None):
        """Fresh positional and keyword arguments on the CPU. `make(n, dtype, low, high, generator)` makes the n-th tensor."""
        generator = torch.Generator().manual_seed(seed)
        make = make or plain
        kinds = dict(zip(self.entry.args or (), self.row.kinds or "v" * self.row.arity))
        positional, keywords, count = [], {}, 0
        for a in self.schema.arguments:
            given = self.entry.when.get(a.name)
            kind = type_name(a)
            if given == "absent":
                value = None
            elif "Tensor" in kind:
                is_mask = kinds.get(a.name) == "b" or a.name in ("condition", "mask")
                value = make(count, torch.bool if is_mask else dtype, *self.row.sample, generator)
                if a.name == "value":
                    value = value.flatten()[:1].sum().to(dtype)
                count += 1
            elif given is not None and given != "given" and not str(given).startswith(">"):
                value = given
            elif "number" in kind or "float" in kind or kind == "int":
                value = number if number is not None and a.name in ("other", "self") else self.number(a, dtype)
            else:
                value = a.default_value
            if a.kwarg_only:
                keywords[a.name] = value
            else:
                positional.append(value)
        return positional, keywords

    def number(self, argument, dtype):
        value = NUMBERS.get(argument.name, 1.5)
        if type_name(argument) == "int" or argument.name not in NUMBERS and not dtype.is_floating_point:
            value = int(value)
        low, high = self.row.sample
        return value if argument.name in NUMBERS else min(max(value, low), high)


@cache
def schemas() -> Schemas:
    return Schemas()


def overload(schema):
    base, _, name = qualified(schema)[6:].partition(".")
    return getattr(getattr(torch.ops.aten, base), name or "default")


def plain(n, dtype, low, high, generator, shape=(5, 7)):
    """Values from the row's range; a few special ones for floating dtypes."""
    if dtype == torch.bool:
        return torch.rand(shape, generator=generator) < 0.5
    if dtype.is_floating_point:
        t = (torch.rand(shape, generator=generator, dtype=torch.float64) * (high - low) + low).to(dtype)
        return t
    info = torch.iinfo(dtype)
    first, last = max(int(low), info.min), min(int(high) + 1, info.max)
    t = torch.randint(first, max(last, first + 1), shape, generator=generator).to(dtype)
    # The second argument of a division, a shift or a power: torch raises or leaves it open.
    return t if n == 0 else torch.where(t <= 0, torch.ones_like(t), t)


def cases():
    for row in TABLE:
        if not isinstance(row, Elementwise):
            continue
        for entry in row.aten:
            schema = schemas().find(entry.name)
            if schema is None or schema.name.endswith("_") and not schema.name.startswith("aten::__"):
                continue
            if schemas().decomposes(schema):
                continue
            yield Case(row, entry)


CASES = list(cases())

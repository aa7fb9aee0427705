"""Every elementwise row against the CPU kernel of the aten op it serves, evaluated by the NumPy builder.

The inputs hold special values (NaN, infinities, zeros of both signs, extreme integers) beside ordinary ones, so the test is
about PyTorch's conventions as much as about formulas.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hologram_core import dtypes
from hologram_core.dtypes import BOOL, F32, F64, I64
from hologram_core.optable.elementwise import ROWS
from hologram_core.optable.table import BOOL as BOOL_RULE
from hologram_core.reference.numpy_builder import NumpyBuilder

SCHEMAS = {s.name[6:] + ("." + s.overload_name if s.overload_name else ""): s
           for s in torch._C._jit_get_all_schemas() if s.name.startswith("aten::")}
TYPES = {"b": (BOOL,), "i": (dtypes.U8, dtypes.I8, dtypes.I32, I64), "f": (F32, F64)}
# Numbers for schema arguments, (floating, integer) where they differ.
NUMBERS = {"alpha": (0.75, 2), "value": (0.625, 3), "min": (-0.5, 2), "max": (1.5, 60), "min_val": (-1.0, 2), "max_val": (1.5, 60),
           "threshold": (0.25, 3), "lambd": 0.5, "beta": 1.5, "eps": 0.125, "negative_slope": 0.0625, "scale": 1.25,
           "input_scale": 0.75, "weight": 0.375, "decimals": 2, "delta": 0.75, "nan": 1.5, "posinf": 7.0, "neginf": -7.0,
           "other": (0.75, 3), "exponent": (1.75, 3), "self": (1.5, 3), "reduction": 0, "self_is_result": False}
# torch raises on integer division by zero and on negative integer exponents, and on probabilities that are none.
POSITIVE = {"fmod", "remainder", "div_trunc", "div_floor", "pow"}
PROBABILITIES = {"binary_cross_entropy", "binary_cross_entropy_weighted", "binary_cross_entropy_backward",
                 "binary_cross_entropy_backward_weighted"}
POINTS = {"fill.Tensor", "masked_fill.Tensor"}      # the value is a 0-dimensional tensor
VALUES = {"Tensor", "Optional[Tensor]", "number", "Optional[number]", "float", "Optional[float]", "int", "bool"}


def type_name(argument):
    return str(getattr(argument, "real_type", argument.type))


def cases():
    for row in ROWS:
        for entry in row.aten:
            name = entry.name
            if name.split(".")[0].endswith("_") or name not in SCHEMAS:
                continue
            for kind in row.dtypes:
                for dtype in TYPES[kind]:
                    yield pytest.param(row, entry, SCHEMAS[name], dtype, id=f"{row.name}-{name}-{dtype}")


def tensor(dtype, row, seed):
    safe = dtype.is_int and row.name in POSITIVE
    g = np.random.default_rng(seed)
    low, high = row.sample
    if dtype is BOOL:
        return torch.from_numpy(g.integers(0, 2, 400).astype(bool))
    if dtype.is_float:
        x = g.uniform(low, high, 400)
        if row.name in PROBABILITIES:
            return torch.from_numpy(x.astype(dtype.numpy))
        specials = [0.0, -0.0, np.inf, -np.inf, np.nan, 1.0, -1.0, 0.5, -0.5, 3.0, -3.0, 1e-30, 700.0]
        g.shuffle(specials)
        x[:len(specials)] = specials
        return torch.from_numpy(x.astype(dtype.numpy))
    info = np.iinfo(dtype.numpy)
    x = g.integers(1 if safe else max(info.min, -9), 9, 400)
    if not safe:
        x[:4] = info.min, info.max, 0, 1
    return torch.from_numpy(x.astype(dtype.numpy))


def number(name, dtype):
    value = True if dtype is BOOL else NUMBERS[name]
    return value if not isinstance(value, tuple) else value[0] if dtype.is_float else value[1]


def schema_values(row, entry, schema, dtype):
    """A value for every schema argument, by name."""
    values = {}
    masks = [s for i, s in enumerate(entry.args or ()) if row.kind(i) == "b"]
    for seed, argument in enumerate(schema.arguments):
        name, kind, wanted = argument.name, type_name(argument), entry.when.get(argument.name)
        if isinstance(wanted, str) and wanted not in ("given", "absent") and not wanted.startswith(">"):
            values[name] = wanted
        elif wanted is not None and not isinstance(wanted, str):
            values[name] = wanted
        elif wanted == "absent":
            values[name] = None
        elif name in masks:
            values[name] = tensor(BOOL, row, seed)
        elif kind.endswith("Tensor]") and wanted != "given" and name not in (entry.args or ()):
            values[name] = None
        elif "Tensor" in kind:
            values[name] = tensor(dtype, row, seed)
            if name == "value" and entry.name in POINTS:
                values[name] = values[name][20]
        else:
            values[name] = number(name, dtype)
    return values


def sources(row, entry, schema):
    if entry.args is not None:
        return list(entry.args)
    return [a.name for a in schema.arguments
            if type_name(a) in VALUES and a.name not in entry.when and a.name != "reduction"][:row.arity]


def expression(b, row, entry, schema, values, dtype):
    compute = dtype

    def resolve(source):
        source, _, other = source.partition("|")
        if source.startswith("="):
            return float(source[1:])
        if source == "$mean":
            return 1.0
        if source in ("$max", "$lowest"):
            info = np.finfo(dtype.numpy) if dtype.is_float else np.iinfo(dtype.numpy)
            return info.max if source == "$max" else info.min
        return values[source] if values[source] is not None or not other else resolve(other)

    args = []
    for i, source in enumerate(sources(row, entry, schema)):
        value, kind = resolve(source), row.kind(i)
        if isinstance(value, torch.Tensor):
            args.append(b.value(value.numpy(), BOOL if kind == "b" else dtype))
        else:
            args.append(b.const(value, {"i": I64, "d": F64}.get(kind, compute)))
    results = row.expr(b, *args)
    return results if isinstance(results, tuple) else (results,)


@pytest.mark.parametrize("row, entry, schema, dtype", list(cases()))
def test_row_is_the_aten_op(row, entry, schema, dtype):
    values = schema_values(row, entry, schema, dtype)
    positional = [values[a.name] for a in schema.arguments if not a.kwarg_only]
    keywords = {a.name: values[a.name] for a in schema.arguments if a.kwarg_only}
    packet = getattr(torch.ops.aten, schema.name[6:])
    expected = getattr(packet, schema.overload_name or "default")(*positional, **keywords)
    expected = expected if isinstance(expected, tuple) else (expected,)
    results = expression(NumpyBuilder(), row, entry, schema, values, dtype)
    assert len(results) == row.results
    for got, want in zip(results, expected):
        if want.numel() == 0:        # a buffer only other devices fill
            continue
        if row.rule == BOOL_RULE:
            assert got.dtype is BOOL
        got = np.broadcast_to(got.data, want.shape).astype(want.numpy().dtype)
        if want.dtype.is_floating_point:
            compare(row, got, want.numpy())
        else:
            np.testing.assert_array_equal(got, want.numpy())


# Rows whose results torch itself rounds several times, or computes by a formula that cancels.
LOOSE = {"addcmul", "addcdiv", "gelu_tanh", "gelu_backward", "gelu_tanh_backward", "mish", "mish_backward",
         "silu_backward", "softplus", "softplus_backward", "sinc", "lgamma", "digamma", "logit", "logit_eps", "special_log_ndtr",
         "log_sigmoid_forward", "log_sigmoid_backward", "logaddexp", "logaddexp2", "erfc", "binary_cross_entropy",
         "binary_cross_entropy_weighted", "elu", "celu", "elu_backward", "atanh", "special_ndtri", "special_entr", "silu",
         "special_erfcx", "erfinv", "tanh", "log1p", "acosh", "asinh", "logit_backward", "logit_eps_backward", "remainder", "fmod",
         "div_floor", "special_i1", "special_i1e"}
# torch: gelu in f32 is good to 1e-6 of 1.
COARSE = {"gelu"}


def compare(row, got, want):
    if row.name in COARSE:
        kept = ~np.isnan(want)
        np.testing.assert_allclose(got[kept], want[kept], rtol=1e-4, atol=1e-6)
        return
    rtol, atol = (2e-6, 1e-37) if want.dtype == np.float32 else (1e-12, 1e-300)
    special = ~np.isfinite(want)
    np.testing.assert_array_equal(got[special], want[special])
    got, want = got[~special], want[~special]
    if row.name in LOOSE:
        rtol, atol = 8 * rtol, 8 * rtol
    np.testing.assert_allclose(got, want, rtol=rtol, atol=atol)
    if row.name not in LOOSE:
        zero = (want == 0) & (got == 0)
        np.testing.assert_array_equal(np.signbit(got[zero]), np.signbit(want[zero]))


def test_names_answer_to_schemas():
    """Aten names, arguments and conditions exist in this torch (forms that are missing are the build's business)."""
    for row in ROWS:
        assert not row.kinds or len(row.kinds) == row.arity, row.name
        for entry in row.aten:
            base, _, overload = entry.name.partition(".")
            found = SCHEMAS.get(entry.name) or SCHEMAS.get(base + "_" + ("." + overload if overload else ""))
            assert found, entry.name
            names = {a.name for a in found.arguments}
            used = [s.partition("|")[0] for s in entry.args or ()] + list(entry.when)
            assert not [u for u in used if u[0] not in "=$" and u not in names], entry.name

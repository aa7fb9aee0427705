"""Kernel keys: the bytes by which the runtime names a kernel (layout: csrc/runtime/kernels/kernel.h).

A key holds structure only. Sizes, strides, addresses and scalar values are arguments of the kernel.
"""

from __future__ import annotations

import struct

from .. import dtypes
from ..errors import CompileError
from ..optable import TABLE
from .ir import Circuit, Operand, Ref

VERSION = 2
OPERAND_REF, SCALAR_REF, NO_REF = 64, 128, 255
FIXED = 4                # added to a layout


def _ref(code: int) -> Ref:
    if code < OPERAND_REF:
        return Ref("value", code)
    return Ref("operand", code - OPERAND_REF) if code < SCALAR_REF else Ref("scalar", code - SCALAR_REF)


def _code(ref) -> int:
    return NO_REF if ref is None else ref.n + {"value": 0, "operand": OPERAND_REF, "scalar": SCALAR_REF}[ref.kind]


def decode(key: bytes) -> Circuit:
    """The circuit a key describes. Only the encoding is checked here; `verify` checks the meaning."""
    try:
        return _decode(bytes(key))
    except (IndexError, struct.error, KeyError) as error:
        raise CompileError(f"hologram.compile: the kernel key is malformed ({bytes(key).hex()}: {error}). "
                           "The runtime and hologram_core are of different versions; rebuild both.") from None


def _decode(key: bytes) -> Circuit:
    version, schedule, rank, row_rank, nodes, operands, scalars, flags = struct.unpack_from("8B", key)
    if version != VERSION:
        raise KeyError(f"version {version}, expected {VERSION}")
    circuit = Circuit(schedule, rank, row_rank, flags)
    at = 8
    for _ in range(nodes):
        op, compute, result, nargs = struct.unpack_from("<HBBB", key, at)
        args = key[at + 5:at + 5 + nargs]
        if len(args) < nargs or op >= len(TABLE):
            raise KeyError(f"op {op}")
        circuit.add(TABLE[op], dtypes.ALL[compute], dtypes.ALL[result], map(_ref, args))
        at += 5 + nargs
    for _ in range(operands):
        dtype, layout, output, source = struct.unpack_from("4B", key, at)
        circuit.operands.append(Operand(dtypes.ALL[dtype], layout & ~FIXED, _ref(source) if output else None, bool(layout & FIXED)))
        at += 4
    circuit.scalars = [bool(key[at + s]) for s in range(scalars)]
    if at + scalars != len(key):
        raise KeyError(f"{len(key)} bytes, expected {at + scalars}")
    return circuit


def encode(circuit: Circuit) -> bytes:
    """The key of a circuit of table ops; the inverse of `decode`."""
    parts = [struct.pack("8B", VERSION, circuit.schedule, circuit.rank, circuit.row_rank, len(circuit.nodes),
                         len(circuit.operands), len(circuit.scalars), circuit.flags)]
    for n in circuit.nodes:
        parts.append(struct.pack("<HBBB", TABLE.codes[n.name], n.compute.code, n.result.code, len(n.args)))
        parts.append(bytes(map(_code, n.args)))
    for o in circuit.operands:
        parts.append(struct.pack("4B", o.dtype.code, o.layout | FIXED * o.fixed, o.output, _code(o.source)))
    parts.append(bytes(circuit.scalars))
    return b"".join(parts)

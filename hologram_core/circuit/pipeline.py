"""From a kernel's key to the circuit that code is generated from: decode, verify, expand row kernels, simplify."""

from __future__ import annotations

from .. import log
from . import canonicalize, expand, verify
from .ir import Circuit
from .key import decode


def prepare(key: bytes) -> Circuit:
    """A verified circuit of elementwise, reduce and scan nodes. Raises CompileError where the key is malformed."""
    circuit = decode(key)
    verify.verify(circuit)
    circuit = canonicalize.canonicalize(expand.expand(circuit))
    log.log(3, str(circuit))
    return circuit

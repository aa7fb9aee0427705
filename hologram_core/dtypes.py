"""Element types: one numbering for the runtime (csrc/runtime/base/dtype.h), the kernel key and the code generator."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class DType:
    """One element type.

    `name` is the short name used in IR ('f32'), `code` the number in kernel keys, `kind` one of
    'b' (bool), 'i' (signed), 'u' (unsigned), 'f' (floating), 'c' (complex), `bits` the width in memory, and
    `math` the name of the type kernels compute in (f16 and bf16 compute in f32 and round after every op).
    """

    name: str
    code: int
    kind: str
    bits: int
    numpy: str
    torch: str

    @property
    def bytes(self) -> int:
        return self.bits // 8

    @property
    def math(self) -> "DType":
        return F32 if self.name in ("f16", "bf16") else self

    @property
    def converted_through(self) -> "DType":
        """What a float becomes on its way to this type of integer, as in PyTorch's kernels on x86: i32 or i64."""
        return I32 if self.bits < 32 or self.name == "i32" else I64

    @property
    def is_float(self) -> bool:
        return self.kind == "f"

    @property
    def is_int(self) -> bool:
        return self.kind in "iu"

    @property
    def range(self) -> tuple:
        """Smallest and largest value of bool and the integers."""
        if self.kind == "b":
            return 0, 1
        return (-(1 << self.bits - 1), (1 << self.bits - 1) - 1) if self.kind == "i" else (0, (1 << self.bits) - 1)

    def __repr__(self) -> str:
        return self.name


_ROWS = [
    # name, kind, bits, numpy, torch
    ("bool", "b", 8, "bool", "bool"), ("u8", "u", 8, "uint8", "uint8"), ("i8", "i", 8, "int8", "int8"),
    ("i16", "i", 16, "int16", "int16"), ("i32", "i", 32, "int32", "int32"), ("i64", "i", 64, "int64", "int64"),
    ("f16", "f", 16, "float16", "float16"), ("bf16", "f", 16, "uint16", "bfloat16"),
    ("f32", "f", 32, "float32", "float32"), ("f64", "f", 64, "float64", "float64"),
    ("c64", "c", 64, "complex64", "complex64"), ("c128", "c", 128, "complex128", "complex128"),
    ("u16", "u", 16, "uint16", "uint16"), ("u32", "u", 32, "uint32", "uint32"), ("u64", "u", 64, "uint64", "uint64"),
]

ALL = tuple(DType(name, code, kind, bits, numpy, torch)
            for code, (name, kind, bits, numpy, torch) in enumerate(_ROWS))
BY_NAME = {d.name: d for d in ALL}
(BOOL, U8, I8, I16, I32, I64, F16, BF16, F32, F64, C64, C128, U16, U32, U64) = ALL

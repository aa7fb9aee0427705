"""What an ELF object file says of its symbols."""

from __future__ import annotations

import struct
from typing import NamedTuple

SYMBOL_TABLE = 2       # of the kinds of sections (SHT_SYMTAB)


class Symbol(NamedTuple):
    name: str
    defined: bool      # in this object; else some library must
    size: int          # bytes


def symbols(code: bytes) -> list[Symbol]:
    """The named symbols of a 64-bit ELF object; none for other formats, which are not examined."""
    if code[:4] != b"\x7fELF" or code[4] != 2:
        return []
    order = "<" if code[5] == 1 else ">"
    sections_at, = struct.unpack_from(order + "Q", code, 0x28)
    size, count = struct.unpack_from(order + "HH", code, 0x3A)
    headers = [struct.unpack_from(order + "IIQQQQIIQQ", code, sections_at + size * n) for n in range(count)]
    found = []
    for header in headers:
        if header[1] != SYMBOL_TABLE:
            continue
        strings = headers[header[6]][4]
        for at in range(header[4], header[4] + header[5], 24):
            name, _, _, section, _, length = struct.unpack_from(order + "IBBHQQ", code, at)
            if name:
                start = strings + name
                found.append(Symbol(code[start:code.index(b"\0", start)].decode(), section != 0, length))
    return found

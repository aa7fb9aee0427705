"""The 96-class system: classes of bytes, and addresses in the boundary pool.

A byte has the bits b7..b0. h2 = 2*b7 + b6; d is 0, 1, 2, 0 for (b4, b5) = (0,0), (1,0), (0,1), (1,1); l = 4*b3 + 2*b2 + b1;
bit 0 does not count. class = 24*h2 + 8*d + l.
"""

from __future__ import annotations

from .errors import InvalidValue, shown

CLASSES = 96
PAGES = 48                              # per class
PAGE_BYTES = 256
CLASS_BYTES = PAGES * PAGE_BYTES        # 12,288
POOL_BYTES = CLASSES * CLASS_BYTES      # 1,179,648 = 1.125 MiB
ELEMENTS = CLASS_BYTES // 4             # float32 per class


def _within(name: str, value, limit: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < limit:
        raise InvalidValue(f"hologram.classes: {name} {shown(value)} is not within [0, {limit}).")
    return value


def class_of_byte(byte: int) -> int:
    byte = _within("byte", byte, 256)
    d = (0, 1, 2, 0)[byte >> 4 & 3]     # bit 4 is the lower one
    return 24 * (byte >> 6) + 8 * d + (byte >> 1 & 7)


def canonical_byte(class_index: int) -> int:
    """The byte that stands for a class."""
    h2, rest = divmod(_within("class", class_index, CLASSES), 24)
    d, low = divmod(rest, 8)
    return h2 << 6 | (0, 0x10, 0x20)[d] | low << 1


def bytes_of_class(class_index: int) -> tuple:
    """The bytes of a class, in order."""
    _within("class", class_index, CLASSES)
    return tuple(b for b in range(256) if class_of_byte(b) == class_index)


def _bytes_of(name: str, data) -> bytes:
    if isinstance(data, int):           # bytes(n) would be n zeros
        raise InvalidValue(f"hologram.classes: {name} takes bytes, not the number {shown(data)}. Write {name}([number]).")
    return bytes(data)


_CLEARED = bytes(b & 0xFE for b in range(256))
_EVEN = bytes(range(0, 256, 2))


def canonicalize(data) -> bytes:
    """Bytes with bit 0 cleared. Changes numbers stored in them: for byte data only."""
    return _bytes_of("canonicalize", data).translate(_CLEARED)


def is_canonical(data) -> bool:
    """Is bit 0 of every byte clear?"""
    return not _bytes_of("is_canonical", data).translate(None, delete=_EVEN)


def address(class_index: int, page: int, byte: int) -> int:
    """Offset of a byte in the boundary pool."""
    return (_within("class", class_index, CLASSES) * CLASS_BYTES + _within("page", page, PAGES) * PAGE_BYTES
            + _within("byte", byte, PAGE_BYTES))


def split_address(offset: int) -> tuple:
    """(class, page, byte) of an offset in the boundary pool; the inverse of `address`."""
    class_index, rest = divmod(_within("offset", offset, POOL_BYTES), CLASS_BYTES)
    return class_index, *divmod(rest, PAGE_BYTES)

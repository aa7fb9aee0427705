"""Is a library whole? Asked before it is loaded, by whatever loads one: it costs some microseconds and no other module."""

from __future__ import annotations

import os
import struct

_ELF = struct.Struct("<40xQ10xHH2x")       # Elf64_Ehdr: e_shoff, e_shentsize, e_shnum


def check_whole(path: str | os.PathLike) -> None:
    """Raises ImportError where a file ends before it should: the disk was full, or a copy was stopped.

    Linux's loader maps such a library as if it were whole, and the process dies of the first page that is not there. Other systems'
    loaders look for themselves, and so does Linux's where not even the head is there.
    """
    try:
        with open(path, "rb") as file:
            head, there = file.read(_ELF.size), os.fstat(file.fileno()).st_size
    except OSError:
        return        # the loader meets the same
    if len(head) == _ELF.size and head.startswith(b"\x7fELF\2\1"):      # 64 bits, little-endian
        sections_at, size, count = _ELF.unpack(head)
        whole = sections_at + size * count       # linkers put the table of the sections last
        if there < whole:
            raise ImportError(f"{os.fspath(path)}: {there:,} of its {whole:,} bytes are there")

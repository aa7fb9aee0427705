"""Exceptions of hologram_core: each is a HologramError and also what Python calls such an error."""


class HologramError(Exception):
    """Something hologram was asked for cannot be done."""


class InvalidValue(HologramError, ValueError):
    """An argument does not fit."""


class InvalidType(HologramError, TypeError):
    """An argument is of the wrong type."""


class InvalidIndex(HologramError, IndexError):
    """There is no such element."""


class InvalidState(HologramError, RuntimeError):
    """The call cannot be made now: something was freed, is taken or is absent."""


class ExportError(InvalidState, BufferError):
    """Memory cannot be shown to another library, or taken from it."""


class OutOfMemory(HologramError, MemoryError):
    """Neither the pools nor the system have the memory."""


class NotSupported(HologramError, NotImplementedError):
    """Not in this version."""


class CompileError(InvalidState):
    """A circuit could not be turned into a kernel."""


def shown(value) -> str:
    """For messages: integers of thousands of digits have no text, and some things have no end."""
    try:
        text = repr(value)
    except (ValueError, RecursionError):
        return f"a huge {type(value).__name__}"
    return text if len(text) < 50 else f"{text[:47]}..."

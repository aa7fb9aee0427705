"""Exceptions of hologram_core."""


class CompileError(RuntimeError):
    """A circuit could not be turned into a kernel."""

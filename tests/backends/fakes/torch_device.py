"""A plugin of pytest: the device of torch that the extension FAKE_TORCH gives it (torch_gpu.h), which is there before torch asks."""

import contextlib
import ctypes
import os


class TorchDevice:
    """Its kernels, by name."""

    def __init__(self):
        self._lib = ctypes.CDLL(os.environ["FAKE_TORCH"])
        self._lib.torch_count.restype = ctypes.c_long

    def count(self, name: str = "") -> int:
        """Calls of a kernel so far; of all of them without a name."""
        return self._lib.torch_count(name.encode())

    def runs(self, function, **kernels):
        """Calls `function` and asserts how often each of these kernels ran."""
        before = {name: self.count(name) for name in kernels}
        result = function()
        assert {name: self.count(name) - before[name] for name in kernels} == kernels
        return result

    @contextlib.contextmanager
    def refusing(self, name: str):
        """A kernel that does not take its arguments."""
        self._lib.torch_refuse(name.encode(), 1)
        yield
        self._lib.torch_refuse(name.encode(), 0)


native = TorchDevice()

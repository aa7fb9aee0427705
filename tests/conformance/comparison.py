"""One computation on both devices: random numbers, delegation forbidden, exact results."""

import contextlib
from unittest import mock

import torch
from torch.utils._pytree import tree_leaves

from tests.conformance.compare import DEVICE, all_moved, assert_metadata, assert_results, fixed, is_tensor, precise, same


class Comparison:
    """Compares what functions of arguments return on the CPU and on the device."""

    def __init__(self, rtol, atol, defined=True):
        self.rtol, self.atol, self.defined = rtol, atol, defined

    def on_device(self, arguments):
        return all_moved(arguments, DEVICE)

    def compare(self, run, arguments, observer):
        """Runs `run(arguments)` on both devices. Returns 1, or 0 where the CPU refuses."""
        again = all_moved(arguments, "cpu")
        try:
            with seeded(1) as used:
                result = run(all_moved(again, "cpu"))
                expected = fixed(result)
        except Exception:
            return 0
        random = bool(used) and differs_by_seed(run, again, expected)
        results = [self.run_on_device(run, again, observer.call) for _ in range(2 if random else 1)]
        assert_metadata(results[0][0], result)
        if not random:
            try:
                self.assert_close(results[0][1], expected, run, again)
            except AssertionError:
                # Rare events (one in hundreds) show only after many seeds.
                random = bool(used) and differs_by_seed(run, again, expected, 1000)
                if not random:
                    raise
                results.append((None, self.run_on_device(run, again)[1]))
        if random and self.defined:
            assert same(results[0][1], results[-1][1]), "the same seed gives other numbers"
        if observer.native():
            with observer.alone():
                values = self.run_on_device(run, again)[1]
                if not random:
                    self.assert_close(values, expected, run, again)
        return 1

    def run_on_device(self, run, arguments, watched=lambda call: call()):
        """(what the device returns, its values)"""
        there = self.on_device(arguments)
        # A factory that is not told a device makes its tensor on the default one.
        leaves = tree_leaves(arguments)
        told = any(is_tensor(v) or isinstance(v, torch.nn.Module) for v in leaves) or "device" in arguments[2]
        with contextlib.nullcontext() if told else torch.device(DEVICE), seeded(1):
            result = watched(lambda: run(there))
            return result, fixed(result)

    def assert_close(self, actual, expected, run, arguments):
        if self.defined:
            assert_results(actual, expected, self.rtol, self.atol, lambda: fixed(run(precise(arguments))))


@contextlib.contextmanager
def seeded(offset):
    """Random numbers depend on `offset`, even in entries that call torch.manual_seed. Yields a list: not empty after a
    run that used such numbers."""
    original, used = torch.manual_seed, []
    original(offset)
    before = torch.get_rng_state()
    with mock.patch.object(torch, "manual_seed", lambda seed: used.append(seed) or original(seed + offset)):
        yield used
    if not torch.equal(before, torch.get_rng_state()):
        used.append(offset)


def differs_by_seed(run, arguments, expected, tries=10):
    """Do other seeds give other results? Several, because few random bits may agree by chance."""
    for offset in range(2, 2 + tries):
        with seeded(offset):
            if not same(fixed(run(all_moved(arguments, "cpu"))), expected):
                return True
    return False


def outcome(call):
    """(value, None) or (None, exception)."""
    try:
        return call(), None
    except Exception as error:
        return None, error


def weights(tensors):
    """Fixed numbers of the shapes and types of `tensors`, for weighted sums and directions."""
    return [torch.linspace(0.5, 1.5, t.numel(), dtype=torch.float64).reshape(t.shape).to(t.dtype).to(t.device)
            for t in tensors]

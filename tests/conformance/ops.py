"""op_db: every entry, every type it claims on the CPU, and every way of calling it that it claims."""

import functools
import itertools
import re
import warnings

import torch
from torch.testing._internal.common_methods_invocations import op_db
from torch.testing._internal.common_utils import noncontiguous_like
from torch.utils._pytree import tree_leaves, tree_map

from tests.conformance.compare import DEVICE, all_moved, assert_metadata, describe, fixed, is_tensor, tolerance
from tests.conformance.comparison import Comparison, differs_by_seed, outcome, seeded, weights
from tests.modes import FLOAT64

NAMES = {op.full_name: op for op in op_db}
CHECKS = ("forward", "noncontiguous", "inplace", "out", "errors", "gradient", "gradgrad", "jvp")
# Results without defined values: only shape, type and device are compared.
UNDEFINED = {"empty", "empty_like", "empty_permuted", "empty_strided", "new_empty", "new_empty_strided"}
# Their tensor of indices lies on the CPU, whatever the device.
INDICES_ON_CPU = {"tensor_split"}
# How many samples of an entry a check looks at. The results and gradients of float32 are compared on all of them.
LIMITS = {"noncontiguous": 6, "inplace": 6, "out": 2, "gradgrad": 4, "jvp": 4}


@functools.cache
def dtypes(name):
    """The element types an entry claims on the CPU, float32 first."""
    order = {torch.float32: 0, torch.float64: 1, torch.int64: 2}
    return sorted(NAMES[name].supported_dtypes("cpu"), key=lambda t: (order.get(t, 3), str(t)))


def checks(name, dtype):
    """The checks an entry claims for a type."""
    op = NAMES[name]
    gradients = op.supports_autograd and dtype in op.supported_backward_dtypes("cpu")
    claimed = {"forward": True, "noncontiguous": True, "inplace": op.inplace_variant is not None,
               "out": op.supports_out, "errors": op.error_inputs_func is not None and dtype is dtypes(name)[0],
               "gradient": gradients, "gradgrad": gradients and op.supports_gradgrad,
               "jvp": gradients and op.supports_forward_ad and dtype is torch.float32}
    return [check for check in CHECKS if claimed[check]]


class Entry(Comparison):
    """One op for one type. Samples are made once and shared by the checks."""

    def __init__(self, name, dtype, limit=None):
        self.op, self.dtype, self.limit = NAMES[name], dtype, limit
        super().__init__(*tolerance(self.op, dtype), defined=name not in UNDEFINED)
        self.samples = {}

    def run(self, check, observer):
        """Runs one check. Returns how many samples counted; raises at the first difference."""
        if check == "errors":
            return self.errors(observer)
        gradient = check in ("gradient", "gradgrad", "jvp")
        cap = min((c for c in (self.limit, LIMITS.get(check)) if c), default=None)
        count = 0
        for number, sample in enumerate(self.inputs(gradient)[:cap]):
            arguments = (sample.input, sample.args, sample.kwargs)
            try:
                count += getattr(self, check)(sample, arguments, observer)
            except Exception as error:
                raise AssertionError(f"sample {number}: {type(error).__name__}: {error}\n{describe(arguments)}") from error
        return count

    def inputs(self, gradient):
        if gradient not in self.samples:
            made = self.op.sample_inputs("cpu", self.dtype, requires_grad=gradient)
            self.samples[gradient] = list(itertools.islice(made, self.limit))
        return self.samples[gradient]

    # ---- results and gradients: one comparison ----

    def forward(self, sample, arguments, observer):
        return self.compare(lambda a: self.call(self.op, a), arguments, observer)

    def noncontiguous(self, sample, arguments, observer):
        with torch.no_grad():
            arguments = tree_map(lambda v: noncontiguous_like(v) if is_tensor(v) and v.layout is torch.strided else v,
                                 arguments)
        return self.compare(lambda a: self.call(self.op, a), arguments, observer)

    def gradient(self, sample, arguments, observer):
        return self.compare(lambda a: self.gradients(sample, a)[1], arguments, observer)

    def gradgrad(self, sample, arguments, observer):
        def second(arguments):
            inputs, gradients = self.gradients(sample, arguments, create_graph=True)
            again = [g for g in gradients if g is not None and g.requires_grad]
            return torch.autograd.grad(again, inputs, weights(again), allow_unused=True) if again else []

        return self.compare(second, arguments, observer)

    def jvp(self, sample, arguments, observer):
        def forward_mode(arguments):
            with torch.autograd.forward_ad.dual_level() as _:
                dual = tree_map(lambda v: torch.autograd.forward_ad.make_dual(v.detach(), weights([v])[0])
                                if is_tensor(v) and v.requires_grad else v, arguments)
                results = tree_leaves(sample.output_process_fn_grad(self.call(self.op, dual)))
                tangents = [torch.autograd.forward_ad.unpack_dual(r).tangent for r in results if is_tensor(r)]
                return [t for t in tangents if t is not None]

        return self.compare(forward_mode, arguments, observer)

    def gradients(self, sample, arguments, create_graph=False):
        """Inputs, and the gradients of a fixed weighting of what the op returns."""
        results = tree_leaves(sample.output_process_fn_grad(self.call(self.op, arguments)))
        outputs = [t for t in results if is_tensor(t) and t.requires_grad]
        inputs = [t for t in tree_leaves(arguments) if is_tensor(t) and t.requires_grad]
        if not outputs:
            return inputs, []
        return inputs, torch.autograd.grad(outputs, inputs, weights(outputs), allow_unused=True, create_graph=create_graph)

    @staticmethod
    def call(op, arguments):
        return op(arguments[0], *arguments[1], **arguments[2])

    def on_device(self, arguments):
        there = all_moved(arguments, DEVICE)
        return (there[0], arguments[1], there[2]) if self.op.name in INDICES_ON_CPU else there

    # ---- in-place, out=, errors: what the CPU does, the device does ----

    def inplace(self, sample, arguments, observer):
        def run(arguments):
            result = self.call(self.op.inplace_variant, arguments)
            return result, arguments[0]

        again = all_moved(arguments, "cpu")
        with seeded(1) as used:
            expected, error = outcome(lambda: fixed(run(all_moved(arguments, "cpu"))))
        if error is not None:
            _, actual = outcome(lambda: fixed(run(self.on_device(again))))
            assert actual is not None, f"no error; the CPU says {type(error).__name__}: {error}"
            return 1
        random = bool(used) and differs_by_seed(lambda a: run(all_moved(a, "cpu")), again, expected)
        with seeded(1):
            there = self.on_device(again)
            result = observer.call(lambda: run(there))
        assert_metadata(result, expected)
        leaves, inputs = tree_leaves(result[0]), tree_leaves(there[0])
        assert not all(map(is_tensor, leaves)) or all(a is b for a, b in zip(leaves, inputs)), "not the tensor itself"
        if not random:
            self.assert_close(fixed(result), expected, run, again)
        return 1

    def out(self, sample, arguments, observer):
        again = all_moved(arguments, "cpu")
        with seeded(1) as used:
            expected, error = outcome(lambda: self.call(self.op, again))
        leaves = [expected] if is_tensor(expected) else list(expected) if isinstance(expected, (tuple, list)) else []
        if error is not None or not leaves or not all(map(is_tensor, leaves)):
            return 0
        for name, make in OUT.items():
            made = [make(t) for t in leaves]
            if any(t is None for t in made):
                continue
            outcomes = []
            for device in ("cpu", DEVICE):
                there = all_moved(again, "cpu") if device == "cpu" else self.on_device(again)
                out = all_moved(made, device)
                outcomes.append(self.call_out(there, out, is_tensor(expected)))
            (wanted, wanted_error), (actual, actual_error) = outcomes
            what = f"out= {name}: "
            if wanted_error is not None:
                assert actual_error is not None, f"{what}no error; the CPU says {type(wanted_error).__name__}: {wanted_error}"
                assert type(actual_error) is type(wanted_error), (f"{what}{type(actual_error).__name__}: {actual_error}; the CPU "
                                                                  f"says {type(wanted_error).__name__}: {wanted_error}")
                continue
            if actual_error is not None:
                raise AssertionError(f"{what}{type(actual_error).__name__}: {actual_error}") from actual_error
            for number, (a, w) in enumerate(zip(actual, wanted, strict=True)):
                assert a[1:3] == w[1:3], f"{what}result {number}: {a[1:3]} instead of {w[1:3]} (strides, same memory)"
                # PyTorch's own test_out asks for the warning; a few CPU kernels lack it.
                assert a[3] >= w[3], f"{what}no warning that a tensor with elements was resized"
            if not used:
                # A wider type does not hold more exact numbers than the op computes.
                actual, wanted = ([r[0].to(t.dtype) for r, t in zip(results, leaves)] for results in (actual, wanted))
                self.assert_close(actual, wanted, lambda a: self.call(self.op, a), again)
        return 1

    def call_out(self, arguments, out, single):
        """([(value, strides, same memory, resize warning)], None) or (None, error)."""
        address = lambda t: t.data_ptr() if t.layout is torch.strided else None
        before = [address(t) for t in out]

        def run():
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                self.op(arguments[0], *arguments[1], **arguments[2], out=out[0] if single else tuple(out))
            warned = any("An output with one or more elements" in str(w.message) for w in caught)
            return [(fixed(t), t.layout is torch.strided and t.stride(), address(t) == p, warned) for t, p in zip(out, before)]

        with seeded(1):
            return outcome(run)

    def errors(self, observer):
        """The database's wrong calls raise the error it names."""
        count = 0
        for number, wrong in enumerate(self.op.error_inputs("cpu")):
            sample = wrong.sample_input
            arguments = (sample.input, sample.args, sample.kwargs)
            there = all_moved(arguments, DEVICE)
            _, expected = outcome(lambda: self.call(self.op, arguments))
            if expected is None or not isinstance(expected, wrong.error_type):
                continue
            try:
                _, actual = outcome(lambda: fixed(self.call(self.op, there)))
                assert actual is not None, "no error"
                assert isinstance(actual, wrong.error_type), f"{type(actual).__name__}, not {wrong.error_type}: {actual}"
                if re.search(wrong.error_regex, str(expected)):
                    assert re.search(wrong.error_regex, str(actual)), f"the message is: {actual}"
            except AssertionError as error:
                raise AssertionError(f"error input {number}: {error}\nthe CPU: {type(expected).__name__}: {expected}\n"
                                     f"{describe(arguments)}") from error
            count += 1
        return count


WIDEST = torch.complex128 if FLOAT64 else torch.complex64     # of complex numbers
# The kinds of out= tensors of PyTorch's own test_out, as functions of the result; None where a kind does not exist.
OUT = {
    "full of wrong numbers": lambda t: torch.full_like(t, 1, memory_format=torch.contiguous_format),
    "not contiguous": lambda t: noncontiguous_like(torch.ones_like(t)) if t.numel() > 1 else None,
    "empty": lambda t: torch.empty(0, dtype=t.dtype),
    "of another shape": lambda t: torch.ones([*t.shape, 2], dtype=t.dtype) if t.numel() else None,
    "of an integer type": lambda t: torch.ones_like(t, dtype=torch.int64) if t.dtype.is_floating_point or t.is_complex() else None,
    "of a wider type": lambda t: torch.ones_like(t, dtype=WIDEST) if t.dtype is not WIDEST else None,
}



"""optim_db: every optimizer, one tensor at a time, foreach and fused, against the CPU's steps."""

import copy
import io
import re
import warnings

import torch
from torch.testing._internal.common_optimizers import OptimizerErrorEnum, optim_db
from torch.utils._pytree import tree_leaves

from tests.conformance.compare import DEVICE, all_moved, assert_values, fixed, is_tensor, same, tolerance
from tests.conformance.comparison import outcome, seeded

NAMES = {info.optim_cls.__name__: info for info in optim_db}
STEPS = 5
FLAGS = {"default": {}, "single": {"foreach": False}, "foreach": {"foreach": True}, "fused": {"fused": True},
         "differentiable": {"differentiable": True}}


def dtypes(name):
    return [torch.float32, torch.float64] + ([torch.complex64] if NAMES[name].supports_complex else [])


def checks(name, dtype):
    """The implementations an optimizer has, then its state and its errors."""
    info = NAMES[name]
    flags = ["default"] + (["single", "foreach"] if "foreach" in info.supported_impls else [])
    flags += ["fused"] if "cpu" in info.supports_fused_on and not dtype.is_complex else []
    flags += ["differentiable"] if "differentiable" in info.supported_impls else []
    return flags + ["state_dict"] + (["errors"] if info.optim_error_inputs_func and dtype is torch.float32 else [])


class Entry:
    """One optimizer for one type of parameter."""

    def __init__(self, name, dtype, limit=None):
        self.info, self.dtype, self.limit = NAMES[name], dtype, limit
        self.rtol, self.atol = tolerance(self.info, dtype)

    def run(self, check, observer):
        """Runs one check. Returns how many configurations counted; raises at the first difference."""
        if check == "errors":
            return self.errors()
        count = 0
        for number, given in enumerate(self.info.optim_inputs_func(device=DEVICE)[:self.limit]):
            kwargs = dict(given.kwargs)
            if check != "state_dict":
                kwargs.update(FLAGS[check])
                # The CPU has no capturable steps: the usual ones compute the same.
            reference = {k: v for k, v in kwargs.items() if k != "capturable"}
            try:
                count += (self.state_dict if check == "state_dict" else self.steps)(kwargs, reference, observer)
            except Exception as error:
                raise AssertionError(f"input {number} {kwargs}: {type(error).__name__}: {error}") from error
        return count

    def steps(self, kwargs, reference, observer):
        expected, error = outcome(lambda: self.trained(reference, "cpu"))
        if error is not None:
            return 0
        actual = observer.call(lambda: self.trained(kwargs, DEVICE))
        self.assert_close(actual, expected)
        if observer.native():
            with observer.alone():
                self.assert_close(self.trained(kwargs, DEVICE), expected)
        return 1

    def state_dict(self, kwargs, reference, observer):
        """An optimizer that goes on from a saved state takes the steps it takes on the CPU, whichever device saved it; and
        where on the CPU these are the steps without the break, to the last bit, they are on the device."""
        results, error = outcome(lambda: self.resumed(reference, "cpu", ("cpu",)))
        if error is not None:
            return 0
        whole, (expected,) = results
        actual, (here, there) = self.resumed(kwargs, DEVICE, (DEVICE, "cpu"))
        for result in (here, there):
            self.assert_close(result, expected)
        if same(whole, expected):
            assert same(actual, here), "another course after loading"
        return 1

    def resumed(self, kwargs, device, places):
        """The state after all steps, without a break and with one after which an optimizer on each of `places` goes on."""
        params = self.parameters(device)
        optimizer = self.train(self.info.optim_cls(params, **kwargs), params, range(2))
        file = io.BytesIO()
        torch.save((optimizer.state_dict(), [p.detach() for p in params]), file)
        whole, parts = self.state(self.train(optimizer, params, range(2, STEPS))), []
        for place in places:
            file.seek(0)
            state, values = torch.load(file, map_location=place, weights_only=False)
            mine = kwargs if place == device else {k: v for k, v in kwargs.items() if k != "capturable"}
            for group in state["param_groups"]:
                group.update({k: v for k, v in mine.items() if k in group})
                if "capturable" in group:
                    group["capturable"] = mine.get("capturable", False)
            again = [torch.nn.Parameter(v) for v in values]
            other = self.info.optim_cls(again, **mine)
            other.load_state_dict(copy.deepcopy(state))
            parts.append(self.state(self.train(other, again, range(2, STEPS))))
        return whole, parts

    def errors(self):
        """The database's wrong arguments raise the error it names."""
        count = 0
        for wrong in self.info.optim_error_inputs_func(device="cpu", dtype=self.dtype):
            given = wrong.optimizer_error_input
            params = all_moved(given.params, DEVICE) if given.params is not None else self.parameters(DEVICE)

            for original, p in zip(tree_leaves(given.params), tree_leaves(params)):
                if is_tensor(original) and original.grad is not None:
                    p.grad = original.grad.to(p.device)

            def run():
                optimizer = self.info.optim_cls(params, **given.kwargs)
                if wrong.error_on is OptimizerErrorEnum.STEP_ERROR:
                    optimizer.step()

            with warnings.catch_warnings():
                if issubclass(wrong.error_type, Warning):
                    warnings.simplefilter("error", wrong.error_type)
                _, error = outcome(run)
            assert isinstance(error, wrong.error_type), f"{given.desc}: {error!r} instead of {wrong.error_type}"
            assert re.search(wrong.error_regex, str(error)), f"{given.desc}: {error}"
            count += 1
        return count

    # ---- a training of a few steps ----

    def trained(self, kwargs, device):
        params = self.parameters(device)
        return self.state(self.train(self.info.optim_cls(params, **kwargs), params, range(STEPS)))

    def parameters(self, device):
        with seeded(0):
            made = [torch.randn(shape, dtype=self.dtype) for shape in ((4, 3), (5,), (2, 3, 2), ())[:self.count()]]
        return [torch.nn.Parameter(p.to(device)) for p in made]

    def count(self):
        # Muon updates matrices only.
        return 1 if self.info.optim_cls.__name__ == "Muon" else 4 if not self.info.only_supports_sparse_grads else 1

    def train(self, optimizer, params, steps):
        for step in steps:
            with seeded(1 if self.info.step_requires_closure else step + 1):   # a line search needs one function
                targets = [torch.randn(p.shape, dtype=self.dtype).to(p.device) for p in params]

            def closure():
                optimizer.zero_grad()
                loss = sum((p - t).abs().square().sum() for p, t in zip(params, targets))
                loss.backward()
                if self.info.only_supports_sparse_grads:
                    for p in params:
                        p.grad = p.grad.to_sparse()
                return loss

            if self.info.step_requires_closure:
                optimizer.step(closure)
            else:
                closure()
                if any(g.get("differentiable") for g in optimizer.param_groups):
                    with torch.no_grad():
                        optimizer.step()
                else:
                    optimizer.step()
        return optimizer

    @staticmethod
    def state(optimizer):
        """Parameters and state of the optimizer, on the CPU."""
        state = optimizer.state_dict()["state"]
        params = [p for group in optimizer.param_groups for p in group["params"]]
        return fixed([params, [{k: v for k, v in sorted(s.items()) if is_tensor(v)} for _, s in sorted(state.items())]])

    def assert_close(self, actual, expected):
        assert_values(actual, expected, self.rtol, self.atol)

"""module_db: every module, every type it claims, as it is trained and as it is used."""

import copy
import io
import pickle

import torch
from torch.testing._internal.common_modules import module_db
from torch.utils._pytree import tree_leaves

from tests.conformance.compare import DEVICE, all_moved, describe, fixed, is_tensor, same, tolerance
from tests.conformance.comparison import Comparison, outcome, seeded, weights

NAMES = {info.name: info for info in module_db}
CHECKS = ("forward", "gradient", "to", "pickle")


def dtypes(name):
    return list(NAMES[name].supported_dtypes("cpu"))


def checks(name, dtype):
    """The checks a module claims for a type."""
    return list(CHECKS)


class Entry(Comparison):
    """One module for one type, made with each of its inputs, in training and in evaluation where they differ."""

    def __init__(self, name, dtype, limit=None):
        self.info, self.dtype, self.limit = NAMES[name], dtype, limit
        super().__init__(*tolerance(self.info, dtype))

    def run(self, check, observer):
        """Runs one check. Returns how many inputs counted; raises at the first difference."""
        count = 0
        for training in (True, False) if self.info.train_and_eval_differ else (True,):
            with seeded(0):
                made = self.info.module_inputs_func(self.info, device="cpu", dtype=self.dtype,
                                                    requires_grad=check == "gradient", training=training)
            for number, given in enumerate(made[:self.limit]):
                if given.forward_input is None:
                    continue
                arguments = (given.forward_input.args, given.forward_input.kwargs)
                try:
                    module, error = outcome(lambda: self.make(given, arguments, training))
                    count += 0 if error else getattr(self, check)((module, *arguments), observer)
                except Exception as error:
                    raise AssertionError(f"input {number}{given.desc and ' ' + given.desc}, training {training}: "
                                         f"{type(error).__name__}: {error}\n{describe(arguments)}") from error
        return count

    def make(self, given, arguments, training):
        """The module on the CPU, its parameters made; raises where the CPU cannot run it."""
        with seeded(0):
            module = self.info.module_cls(*given.constructor_input.args, **given.constructor_input.kwargs)
            module = module.to(self.dtype).train(training)
            if self.info.is_lazy:
                args, kwargs = all_moved(arguments, "cpu")
                module(*args, **kwargs)
        return module

    # ---- checks ----

    def forward(self, arguments, observer):
        return self.compare(lambda a: a[0](*a[1], **a[2]), arguments, observer)

    def gradient(self, arguments, observer):
        def gradients(arguments):
            module, args, kwargs = arguments
            outputs = [t for t in tree_leaves(module(*args, **kwargs)) if is_tensor(t) and t.requires_grad]
            inputs = [t for t in tree_leaves((args, kwargs)) if is_tensor(t) and t.requires_grad]
            inputs += [p for p in module.parameters() if p.requires_grad]
            return torch.autograd.grad(outputs, inputs, weights(outputs), allow_unused=True) if outputs and inputs else []

        return self.compare(gradients, arguments, observer)

    def to(self, arguments, observer):
        """To the device, to another type and back: the same parameters and buffers, tied ones still tied."""
        original = arguments[0]
        state, wide = fixed(original.state_dict()), {torch.float32: torch.float64}.get(self.dtype, torch.float32)
        there = copy.deepcopy(original).to(DEVICE)
        self.assert_state(there, state, DEVICE, original)
        self.assert_state(copy.deepcopy(there).to("cpu"), state, "cpu", original)
        expected = fixed(copy.deepcopy(original).to(wide).state_dict())
        self.assert_state(copy.deepcopy(original).to(DEVICE, wide), expected, DEVICE, original)
        self.assert_state(copy.deepcopy(there).to(wide), expected, DEVICE, original)
        self.assert_state(copy.deepcopy(there).to_empty(device=DEVICE), None, DEVICE, original)
        return 1

    def pickle(self, arguments, observer):
        """By pickle, and its state by torch.save: what comes back is the same and computes the same."""
        original = arguments[0]
        _, error = outcome(lambda: pickle.loads(pickle.dumps(original)))
        if error is not None:
            return 0
        state = fixed(original.state_dict())
        there = copy.deepcopy(original).to(DEVICE)
        again = pickle.loads(pickle.dumps(there))
        self.assert_state(again, state, DEVICE, original)
        args, kwargs = all_moved(arguments[1:], "cpu")
        if outcome(lambda: copy.deepcopy(original)(*args, **kwargs))[1] is None:
            results = []
            for module in (there, again):
                args, kwargs = all_moved(arguments[1:], DEVICE)
                with seeded(1):
                    results.append(fixed(module(*args, **kwargs)))
            assert same(*results), "the copy computes something else"
        file = io.BytesIO()
        torch.save(copy.deepcopy(original).to(DEVICE).state_dict(), file)
        for place in (DEVICE, "cpu"):
            file.seek(0)
            loaded = torch.load(file, map_location=place, weights_only=True)
            assert all(v.device.type == place for v in loaded.values() if is_tensor(v)), f"not loaded to {place}"
            assert same(fixed(dict(loaded)), dict(state)), "another state"
        return 1

    @staticmethod
    def assert_state(module, state, device, original):
        if state is not None:
            assert same(fixed(dict(module.state_dict())), dict(state)), f"other values on {device}"
        for kind in ("named_parameters", "named_buffers"):
            members = dict(getattr(module, kind)())
            theirs = dict(getattr(original, kind)())
            assert list(members) == list(theirs), f"{list(members)} instead of {list(theirs)}"
            for name, member in members.items():
                assert member.device.type == device, f"{name} is on {member.device}"
                assert type(member) is type(theirs[name]) and member.requires_grad == theirs[name].requires_grad, name

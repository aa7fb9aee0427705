"""What torch's own CPU kernel of an overload accepts and how it lays out what it returns, found by calling it.

ATen's schemas do not say these things: some kernels promote mixed dtypes and some refuse them, some results take the dtype
of `self`, some out= tensors must have the result's dtype, some results are contiguous whatever comes in. The build calls
every overload that a row serves with small tensors of ones and writes down what happens (Variant in
csrc/torch/aten/elementwise/elementwise.h). oneDNN stays out of it: its kernels have rules of their own.
"""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace

SHAPE = (2, 3, 4)
LAYOUTS = ((2, 0, 1), (1, 2, 0), (2, 1, 0), (0, 2, 1))       # dimensions from the outside in: all different, none contiguous
KINDS = ("bool", "int64", "float32")                         # a dtype of each kind, in the order of Rules.refused
COMBINED = 3                                                 # arguments whose kinds are combined there


@dataclass(frozen=True)
class Rules:
    """Arguments are counted as in the schema, in `order` as in the row's expression."""

    dtypes: frozenset                # names of the dtypes that all tensors may have
    refused: int = 0                 # bit k0 + 3 k1 + 9 k2: values of these kinds (0 bool, 1 integer, 2 float) are refused
    same: int = 0                    # bit per argument: these tensors must have one dtype
    like: int = -1                   # the result has the dtype of this tensor, not the promoted one
    contiguous: bool = False         # a new result is contiguous, whatever the arguments are
    open: str = "Contiguous"         # how a new result is laid out where dims of size 1 and 0 leave that open (Open in elementwise.h)
    exact: bool = False              # out= must have the result's dtype
    restrided: int = 0               # bit per out= tensor: made contiguous even if its shape fits
    order: tuple = ()                # the first of these arguments with strides to go by decides on the result's


@dataclass
class Probe:
    """Calls of one overload with tensors of ones."""

    torch: object
    schema: object
    kinds: Mapping          # schema argument -> how the row's expression takes it: a letter of Elementwise.kinds
    when: Mapping           # Aten.when

    def __post_init__(self):
        overload, base = self.schema.overload_name or "default", self.schema.name[6:]
        self.op = getattr(getattr(self.torch.ops.aten, base), overload)
        arguments = self.schema.arguments
        self.outs = [i for i, a in enumerate(arguments) if a.kwarg_only and a.alias_info and a.alias_info.is_write]
        self.tensors = [i for i in self.kinds if self.takes_tensor(i)]
        self.values = [i for i, kind in self.kinds.items() if kind == "v"]
        self.promoting = [i for i in self.tensors if self.kinds[i] == "v"]
        self.shaped = self.tensors

    def try_shapes(self, attempt):
        """Gives parameters the shape of the values, unless torch wants them to be 0-dim; what `attempt` then returns."""
        for shaped in (self.tensors, [i for i in self.tensors if self.kinds[i] in "vb"]):
            self.shaped = shaped
            if found := attempt():
                return found
        return None

    def takes_tensor(self, i):
        return "Tensor" in str(self.schema.arguments[i].type)

    def tensor(self, i, dtype, layout=None):
        """Ones for argument `i`. `layout`: the order of its dimensions in memory, () for no memory of its own."""
        dtype = self.torch.bool if self.kinds.get(i) == "b" else dtype
        if i not in self.shaped and i not in self.outs:
            return self.torch.ones((), dtype=dtype)
        if layout is None:
            return self.torch.ones(SHAPE, dtype=dtype)
        if not layout:
            return self.torch.ones((), dtype=dtype).expand(SHAPE)
        return self.torch.ones([SHAPE[d] for d in layout], dtype=dtype).permute([layout.index(d) for d in range(len(SHAPE))])

    def other(self, i, dtype):
        """A number, a flag or a string: what the row's entry asks for, else one of the argument's type."""
        argument = self.schema.arguments[i]
        given, kind = self.when.get(argument.name), str(argument.type)
        if argument.name == "reduction":
            return 0                                         # a loss: what the row computes is the element
        if given == "absent" or given is None and kind.startswith("Optional"):
            return None
        if isinstance(given, str) and given != "given" and not given.startswith(">"):
            return given
        value = given if isinstance(given, (bool, int, float)) else 1
        if kind.startswith(("bool", "str")):
            return given if given is not None else argument.default_value
        if "float" in kind or i in self.values and dtype.is_floating_point:
            return float(value)
        return True if i in self.values and dtype == self.torch.bool else value

    def can_be(self, i, dtype):
        """Has argument `i` values of this dtype? A number that the entry pins has those that can hold it."""
        given = self.when.get(self.schema.arguments[i].name)
        return not isinstance(given, (int, float)) or dtype.is_floating_point or dtype != self.torch.bool and given == int(given)

    def __call__(self, dtype, dtypes: Mapping = {}, tensors: Mapping = {}):
        """The results with arguments of `dtype`, or None if torch refuses. `dtypes`, `tensors`: of single arguments."""
        args, kwargs = [], {}
        for i, a in enumerate(self.schema.arguments):
            own = dtypes.get(i, dtype)
            if i in tensors:
                value = tensors[i]
            elif self.takes_tensor(i) and (i in self.kinds or not str(a.type).startswith("Optional")):
                value = self.tensor(i, own)
            else:
                value = None if self.takes_tensor(i) else self.other(i, own)
            if a.kwarg_only:
                kwargs[a.name] = value
            else:
                args.append(value)
        try:
            result = self.op(*args, **kwargs)
        except Exception:      # noqa: BLE001  torch refuses
            return None
        return result if isinstance(result, tuple) else (result,)


@contextmanager
def quiet(torch):
    """Without warnings, and without oneDNN."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with torch.backends.mkldnn.flags(enabled=False):
            yield


def functional_rules(probe: Probe, all_dtypes) -> Rules | None:
    """None where no call succeeds: the overload needs arguments that the probe does not make."""
    with quiet(probe.torch):
        accepted = probe.try_shapes(lambda: frozenset(name for name in all_dtypes if probe(getattr(probe.torch, name))))
        if not accepted:
            return None
        base = base_of(probe, accepted)
        same = same_dtypes(probe, base)
        return Rules(accepted, refused(probe, probe, base), same, -1 if same else like(probe, base), **layout(probe, base))


def in_place_rules(rules: Rules) -> Rules:
    """What `self` is decides on the result."""
    return replace(rules, like=-1, contiguous=False)


def out_rules(probe: Probe, rules: Rules) -> Rules:
    """`rules` of the functional overload, as its out= overload follows them."""
    torch, base = probe.torch, base_of(probe, rules.dtypes)

    def call(dtype, dtypes: Mapping = {}, tensors: Mapping = {}, outs=lambda out: probe.tensor(out, own)):
        return probe(dtype, dtypes, {**tensors, **{out: outs(out) for out in probe.outs}})
    with quiet(torch):
        for own in (base, torch.bool):   # noqa: B007  the result's dtype, which `call` reads
            if probe.try_shapes(lambda: call(base)):
                break
        else:
            return rules
        permuted = {i: probe.tensor(i, base, LAYOUTS[0]) for i in probe.shaped}
        grown = call(base, tensors=permuted, outs=lambda out: torch.empty(0, dtype=own)) if permuted else None
        given = call(base, outs=lambda out: probe.tensor(out, own, LAYOUTS[0])) or ()
        return replace(rules, like=-1, open="Ordered" if rules.open == "Ordered" else "Contiguous",
                       contiguous=grown is not None and grown[0].is_contiguous(),
                       restrided=sum(1 << k for k, result in enumerate(given) if result.is_contiguous()),
                       exact=not call(base, outs=lambda out: probe.tensor(out, wider(torch, own))),
                       # where the functional result takes a dtype that cannot hold the values, out= has its own
                       refused=rules.refused if rules.like < 0 else refused(call, probe, base))


def base_of(probe, accepted):
    return next(getattr(probe.torch, name) for name in ("float32", "int64", *sorted(accepted)) if name in accepted)


def wider(torch, dtype):
    """Another dtype that values of `dtype` may be stored to."""
    return {torch.float32: torch.float64, torch.int64: torch.int32}.get(dtype, torch.int32)


def same_dtypes(probe, base) -> int:
    other = wider(probe.torch, base)
    tensors = [i for i in probe.tensors if probe.kinds[i] != "b"]
    if len(tensors) < 2 or not probe(other):
        return 0
    return sum(1 << i for i in tensors if not probe(base, {i: other}))


def refused(call, probe, base) -> int:
    values = probe.values[:COMBINED]
    bits = 0
    for kinds in itertools.product(range(len(KINDS)), repeat=len(values)):
        dtypes = {i: getattr(probe.torch, KINDS[k]) for i, k in zip(values, kinds)}
        if all(probe.can_be(i, dtype) for i, dtype in dtypes.items()) and not call(base, dtypes):
            bits |= 1 << sum(k * len(KINDS) ** n for n, k in enumerate(kinds))
    return bits


def like(probe, base) -> int:
    other = wider(probe.torch, base)
    results = {i: probe(base, {i: other}) for i in probe.promoting}
    own = [i for i, r in results.items() if r and r[0].dtype == other]
    return own[0] if len(own) == 1 and any(r and r[0].dtype == base for r in results.values()) else -1


def layout(probe, base) -> dict:
    order, rest, contiguous = [], list(probe.shaped), False
    layouts = dict(zip(rest, LAYOUTS))
    while rest:
        tensors = {i: probe.tensor(i, base, () if i in order else layouts[i]) for i in probe.shaped}
        result = probe(base, tensors=tensors)
        leader = next((i for i in rest if result and result[0].stride() == tensors[i].stride()), None)
        if leader is None:
            contiguous = not order and result is not None and result[0].is_contiguous()
            break
        rest.remove(leader)
        order.append(leader)
    of = list(probe.kinds)
    return {"contiguous": contiguous, "open": open_layout(probe, base), "order": tuple(of.index(i) for i in order)}


def open_layout(probe, base) -> str:
    """What becomes of strides that say more than a contiguous tensor's, but mean the same memory."""
    def kept(shape, strides):
        tensors = {i: probe.tensor(i, base) for i in probe.tensors}
        tensors |= {i: tensors[i].as_strided(shape, strides) for i in probe.shaped}
        result = probe(base, tensors=tensors)
        return result is not None and result[0].stride() == strides
    if not probe.shaped or not kept((2, 1, 3), (3, 1, 1)):
        return "Contiguous"
    return "Like" if kept((1, 0, 3), (6, 6, 2)) else "Ordered"

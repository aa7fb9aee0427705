"""Calls every overload that torch knows with arguments nobody would write, in child processes.

The calls come from the schemas. A case is a base (the shape and type of all its tensors) and arguments that deviate from it,
written as `3x3 mat2=empty dim=huge`: one deviation for each argument and value in turn, and seeded mixtures. Each must return
or raise. What a child was doing when it died or hung is a crash of that case; the run goes on behind it in another child, and
the same call is made on the CPU: what dies there as well is torch's own.

    python -m tests.conformance.schema_calls                      all cases (half an hour), a table of the crashes
    python -m tests.conformance.schema_calls --filter _local      overloads whose name has this in it
    python -m tests.conformance.schema_calls --case "aten::mm|3x3 mat2=empty" [--device cpu]
"""

import argparse
import faulthandler
import json
import mmap
import os
import random
import resource
import signal
import struct
import sys
import tempfile
import time
import traceback
import warnings
import zlib
from pathlib import Path

# ---- what is called ----

# Ops that end, stop or change the process by design, and ops of process groups, which no process has here.
LEFT_OUT = {
    "c10d": "works on a process group",
    "_c10d_functional": "works on a process group",
    "_c10d_functional_autograd": "works on a process group",
    "symm_mem": "works on a process group",
    "_dtensor": "works on a process group",
    "_test": "made for torch's own tests",
    "profiler": "works on a record of the profiler",
    "inductor": "views that only torch's compiler makes: their geometry is not checked on any device",
    "aten::set_num_threads": "changes the process",
}


def overloads():
    """{qualified name: schema} of everything the dispatcher knows and a program can call."""
    import torch

    found = {}
    for schema in torch._C._jit_get_all_schemas():
        name = schema.name + (f".{schema.overload_name}" if schema.overload_name else "")
        if schema.name in LEFT_OUT or schema.name.split("::")[0] in LEFT_OUT or not torch._C._dispatch_has_kernel(name):
            continue
        if all(kind_of(argument) or argument.has_default_value() for argument in schema.arguments):
            found[name] = schema
    return dict(sorted(found.items()))


def callable_of(schema):
    """The overload as `torch.ops` calls it, below autocast and Python's argument parser."""
    import torch

    packet = getattr(getattr(torch.ops, schema.name.split("::")[0]), schema.name.split("::")[1])
    return getattr(packet, schema.overload_name or "default")


KINDS = {"Tensor": "tensor", "int": "int", "float": "float", "bool": "bool", "number": "number", "str": "str", "Device": "device",
         "Generator": "generator", "Storage": "storage", "Stream": "stream", "Any": "tensor", "List[Tensor]": "tensors",
         "List[Optional[Tensor]]": "tensors", "List[int]": "ints", "List[float]": "floats", "List[bool]": "bools",
         "List[number]": "numbers", "List[Optional[number]]": "numbers", "List[str]": "strs", "List[List[Tensor]]": "lists"}


def kind_of(argument):
    """Which table of values an argument takes; None: no such values here."""
    text = str(argument.type)
    if argument.name in ("dtype", "layout", "memory_format", "out_dtype") and "int" in text:
        return argument.name.removeprefix("out_")
    if text.startswith("Optional["):
        text = text[len("Optional["):-1]
    return KINDS.get(text)


def optional(argument):
    return str(argument.type).startswith("Optional[")


# ---- values ----

class Base:
    """The shape and type of the tensors of a call that is meant to be right."""

    def __init__(self, shape, dtype="float32", grad=False):
        self.shape, self.dtype, self.grad = shape, dtype, grad


BASES = {"3": Base((3,)), "3x3": Base((3, 3)), "2x3x3": Base((2, 3, 3)), "1x3x4x4": Base((1, 3, 4, 4)), "1x3x3x3x3": Base((1, 3, 3, 3, 3)),
         "3x3i": Base((3, 3), "int64"), "3x3b": Base((3, 3), "bool"), "3x3g": Base((3, 3), grad=True),
         "1x3x4x4g": Base((1, 3, 4, 4), grad=True), "2x3x3g": Base((2, 3, 3), grad=True), "4x4c": Base((4, 4), "complex64"),
         "4x4h": Base((4, 4), "float16")}

INDEX_NAMES = ("index", "indices", "target", "offsets", "input_lengths", "target_lengths", "lengths", "repeats", "tangent_indices",
               "crow_indices", "col_indices", "ccol_indices", "row_indices", "compressed_indices", "plain_indices", "batch_sizes",
               "bag_size", "offset2bag", "maximum_indices", "sorted_indices", "inverse_indices")


class Maker:
    """Makes the values of one case on one device."""

    def __init__(self, device, base):
        import torch

        self.torch, self.device, self.base = torch, device, base
        self.first = None          # the first tensor of the call

    def tensor(self, shape, dtype=None, device=None):
        torch = self.torch
        dtype = getattr(torch, dtype or self.base.dtype)
        count = 1
        for n in shape:
            count *= n
        values = torch.arange(count) % 3
        if dtype.is_floating_point or dtype.is_complex:
            values = values.to(torch.float32) * 0.25 + 0.25
        elif dtype != torch.bool:
            values = values % 2
        t = values.to(dtype).reshape(shape).to(device or self.device)
        if self.base.grad and (dtype.is_floating_point or dtype.is_complex):
            t.requires_grad_()
        return t

    def plain(self, name):
        t = self.tensor(self.base.shape, "int64" if name in INDEX_NAMES else None)
        if self.first is None:
            self.first = t
        return t


def released(m):
    t = m.tensor(m.base.shape).detach()
    t.untyped_storage().resize_(0)
    return t


def windows(m):
    return m.tensor((8,)).detach().as_strided((3, 3), (1, 1))


def shifted(m):
    whole = m.first if m.first is not None and m.first.layout == m.torch.strided else m.tensor((8,))
    whole = whole.detach()
    count = whole.untyped_storage().nbytes() // whole.element_size()
    return whole.as_strided((max(count - 1, 0),), (1,), 1)


def of_type(dtype):
    return lambda m: m.tensor(m.base.shape, dtype)


def of_shape(*shape):
    return lambda m: m.tensor(shape)


def indices(value):
    return lambda m: m.tensor(m.base.shape, "int64").fill_(value)


TENSORS = {
    "empty": of_shape(0), "empty03": of_shape(0, 3), "empty30": of_shape(3, 0), "empty4": of_shape(0, 3, 4, 4), "empty4c": of_shape(1, 0, 4, 4),
    "scalar": of_shape(), "one": of_shape(1), "vector": of_shape(3), "matrix": of_shape(3, 3), "long": of_shape(5000), "3d": of_shape(2, 3, 3),
    "4d": of_shape(1, 3, 4, 4), "5d": of_shape(1, 3, 3, 3, 3), "other": of_shape(2, 5), "rank70": of_shape(*[1] * 70),
    "rank20": of_shape(*[1, 2] * 10),
    "int64": of_type("int64"), "int32": of_type("int32"), "uint8": of_type("uint8"), "uint16": of_type("uint16"), "bool": of_type("bool"),
    "float16": of_type("float16"), "bfloat16": of_type("bfloat16"), "float64": of_type("float64"), "complex64": of_type("complex64"),
    "complex32": of_type("complex32"), "float8": of_type("float8_e4m3fn"),
    "none": lambda m: None,
    "cpu": lambda m: m.tensor(m.base.shape, device="cpu"), "cpu_scalar": lambda m: m.tensor((), device="cpu"),
    "cpu_empty": lambda m: m.tensor((0,), device="cpu"), "cpu_index": lambda m: m.tensor(m.base.shape, "int64", device="cpu"),
    "meta": lambda m: m.tensor(m.base.shape, device="meta"),
    "expanded": lambda m: m.tensor((1,)).expand(m.base.shape), "expanded_scalar": lambda m: m.tensor(()).expand(3, 3),
    "expanded_zero": lambda m: m.tensor((1, 3)).expand(3, 3), "windows": windows, "transposed": lambda m: m.tensor(m.base.shape).mT
    if len(m.base.shape) > 1 else m.tensor((6,))[::2], "flipped": lambda m: m.tensor((4, 4, 4)).permute(2, 0, 1)[1:, ::2],
    "same": lambda m: m.first, "shifted": shifted,
    "conj": lambda m: m.tensor(m.base.shape, "complex64").conj(), "negative": lambda m: m.torch._neg_view(m.tensor(m.base.shape)),
    "zero_tensor": lambda m: m.torch._efficientzerotensor((3, 3), device=m.device),
    "huge": lambda m: m.tensor((1,)).expand(1 << 40), "huge2": lambda m: m.tensor((1,)).expand(1 << 31, 1 << 31),
    "huge_zero": lambda m: m.tensor((0,)).expand(1 << 31, 1 << 31, 0),
    "sparse": lambda m: m.tensor((3, 3)).detach().to_sparse(), "csr": lambda m: m.tensor((3, 3)).detach().to_sparse_csr(),
    "nested": lambda m: m.torch.nested.nested_tensor([m.tensor((2, 3)).detach(), m.tensor((3, 3)).detach()]),
    "nan": lambda m: m.tensor(m.base.shape, "float32").detach().fill_(float("nan")),
    "infinite": lambda m: m.tensor(m.base.shape, "float32").detach().fill_(float("inf")),
    "index_-1": indices(-1), "index_9": indices(9), "index_1e6": indices(10**6), "index_-1e6": indices(-10**6), "index_max": indices(2**63 - 1),
    "index_min": indices(-2**63), "int32_1e6": lambda m: m.tensor(m.base.shape, "int32").fill_(10**6),
}
INTS = {"0": 0, "1": 1, "2": 2, "-1": -1, "-3": -3, "100": 100, "2^31": 2**31, "-2^31": -2**31, "2^40": 2**40, "2^62": 2**62, "max": 2**63 - 1,
        "min": -2**63}
FLOATS = {"0": 0.0, "1": 1.0, "-1": -1.0, "2": 2.0, "nan": float("nan"), "inf": float("inf"), "-inf": float("-inf"), "1e300": 1e300,
          "-1e300": -1e300, "tiny": 5e-324}


def constants(table):
    return {name: (lambda value: lambda m: value)(value) for name, value in table.items()}


def copies(table):
    return {name: (lambda value: lambda m: list(value))(value) for name, value in table.items()}


VALUES = {
    "tensor": TENSORS,
    "int": constants(INTS),
    "float": constants(FLOATS),
    "bool": constants({"true": True, "false": False}),
    "number": constants({**FLOATS, "int0": 0, "int-1": -1, "imax": 2**63 - 1, "imin": -2**63, "true": True, "complex": 1 + 2j,
                         "cnan": complex("nan")}),
    "str": constants({"empty": "", "none": "none", "mean": "mean", "sum": "sum", "word": "no such word", "long": "x" * 100000,
                      "zero": "a\0b", "reflect": "reflect", "ij,jk": "ij,jk->ik", "floor": "floor", "right": "right"}),
    "device": {"cpu": lambda m: m.torch.device("cpu"), "meta": lambda m: m.torch.device("meta"), "here": lambda m: m.torch.device(m.device),
               "seventh": lambda m: m.torch.device(m.device, 7), "cuda": lambda m: m.torch.device("cuda:0")},
    "generator": {"cpu": lambda m: m.torch.Generator(), "here": lambda m: m.torch.Generator(m.device)},
    "storage": {"here": lambda m: m.tensor((3, 3)).untyped_storage(), "cpu": lambda m: m.tensor((3,), device="cpu").untyped_storage(),
                "empty": lambda m: m.tensor((0,)).untyped_storage(), "released": lambda m: released(m).untyped_storage()},
    "stream": {"here": lambda m: m.torch.Stream(device=m.device), "cpu": lambda m: m.torch.Stream(device="cpu")},
    "dtype": {name: (lambda name: lambda m: getattr(m.torch, name))(name) for name in (
        "float32", "float64", "float16", "bfloat16", "int64", "int8", "uint8", "uint16", "bool", "complex64", "complex32", "float8_e5m2",
        "quint8", "quint4x2", "bits8", "float4_e2m1fn_x2", "uint1")},
    "layout": {name: (lambda name: lambda m: getattr(m.torch, name))(name) for name in (
        "strided", "sparse_coo", "sparse_csr", "sparse_bsr", "jagged", "_mkldnn")},
    "memory_format": {name: (lambda name: lambda m: getattr(m.torch, name))(name) for name in (
        "contiguous_format", "channels_last", "channels_last_3d", "preserve_format")},
    "tensors": {"nothing": lambda m: [], "one_none": lambda m: [None], "none_last": lambda m: [m.plain(""), None],
                "twenty": lambda m: [m.plain("") for _ in range(20)],
                **{name: (lambda make: lambda m: [make(m)])(make) for name, make in TENSORS.items() if name != "none"},
                **{f"two_{name}": (lambda make: lambda m: [m.plain(""), make(m)])(make) for name, make in TENSORS.items() if name != "none"}},
    "lists": {"nothing": lambda m: [], "empty": lambda m: [[]], "ragged": lambda m: [[m.plain("")], []],
              "two": lambda m: [[m.plain("")], [m.plain("")]], "cpu": lambda m: [[m.tensor((3,), device="cpu")], [m.plain("")]]},
    "ints": copies({"nothing": [], "0": [0], "1": [1], "-1": [-1], "0,0": [0, 0], "1,1": [1, 1], "2,2": [2, 2], "-1,-1": [-1, -1], "3,3": [3, 3],
                    "0,1": [0, 1], "1,3": [1, 3], "0,0,0": [0, 0, 0], "2,2,2": [2, 2, 2], "1,1,1,1": [1] * 4, "-3,-3,-3,-3": [-3] * 4,
                    "2^31,2^31": [2**31] * 2, "2^40": [2**40], "2^62,2^62": [2**62] * 2, "max,max": [2**63 - 1] * 2, "min,min": [-2**63] * 2,
                    "max": [2**63 - 1], "min": [-2**63], "2^31,2^31,0": [2**31, 2**31, 0], "max,max,max": [2**63 - 1] * 3, "1x70": [1] * 70,
                    "3x70": [3] * 70}),
    "floats": copies({"nothing": [], "0": [0.0], "0,0": [0.0] * 2, "-1,-1": [-1.0] * 2, "nan": [float("nan")], "nan,nan": [float("nan")] * 2,
                      "inf,inf": [float("inf")] * 2, "1e300,1e300": [1e300] * 2, "2,2,2": [2.0] * 3, "tiny,tiny": [5e-324] * 2}),
    "bools": copies({"nothing": [], "t": [True], "tt": [True] * 2, "ttt": [True] * 3, "fff": [False] * 3, "tft": [True, False, True],
                     "tttt": [True] * 4, "ff": [False] * 2}),
    "numbers": copies({"nothing": [], "0": [0], "1.5": [1.5], "nan,nan": [float("nan")] * 2, "complex": [1j], "imax,imin": [2**63 - 1, -2**63],
                       "true": [True]}),
    "strs": copies({"nothing": [], "word": ["word"]}),
}

# Arguments of a right call.
RIGHT_INTS = {"dim": 0, "dim0": 0, "dim1": -1, "start_dim": 0, "end_dim": -1, "axis": 0, "self_num_batch_dims": 0, "step": 1, "k": 1, "steps": 5, "end": 3,
              "groups": 1, "num_groups": 1, "N": 1, "C": 3, "HxW": 16, "group": 3, "padding_idx": -1, "reduction": 1, "ignore_index": -100,
              "num_embeddings": 3, "num_weights": 3, "mode": 0, "interpolation_mode": 0, "padding_mode": 0, "output_dim": 0,
              "start": 0, "storage_offset": 0, "n_fft": 3, "diagonal": 0, "offset": 0, "num_layers": 1, "cutoff": 1, "upscale_factor": 1,
              "downscale_factor": 1, "chunks": 2, "split_size": 1, "index": 0, "length": 1, "batch1": 1, "hidden_size": 3}
RIGHT_LISTS = {"padding": 0, "output_padding": 0, "dim": 0, "dims": 0, "pad": 1, "output_size": 2, "kernel_size": 2, "stride": 1, "dilation": 1,
               "normalized_shape": 3, "shifts": 1, "repeats": 2, "split_sizes": 1, "sections": 2}
RIGHT_STRS = {"reduce": "sum", "equation": "ij,jk->ik", "padding_mode": "zeros", "rounding_mode": "floor", "indexing": "ij", "approximate": "none",
              "mode": "constant", "driver": "gelsd", "UPLO": "L", "ord": "fro", "side": "right"}


def right(argument, kind, m):
    name, size = argument.name, argument.N or 0
    if optional(argument) and kind not in ("tensor", "ints") or (optional(argument) and name in ("generator", "bias", "out_dtype")):
        return None
    shape = m.base.shape
    if kind == "tensor":
        return m.plain(name)
    if kind == "tensors":
        return [m.plain(name), m.plain(name)] if name != "indices" else [m.tensor((2,), "int64")]
    if kind == "ints":
        if name in ("size", "shape", "sizes", "input_size", "self_size", "input_sizes", "im_size", "sizes_"):
            return list(shape)
        if name in ("stride", "strides") and size == 0:
            return list(m.tensor(shape).stride())
        return [RIGHT_LISTS.get(name, 1)] * (size or max(1, len(shape) - 2 if name in RIGHT_LISTS and name[:3] != "dim" else 1))
    if kind == "int":
        return RIGHT_INTS.get(name, 1)
    if kind in ("float", "number"):
        return 0.5
    if kind == "bool":
        return False
    if kind == "str":
        return RIGHT_STRS.get(name, "none")
    if kind == "bools":
        return [True] * (size or 1)
    if kind in ("floats", "numbers"):
        return [0.5] * (size or 1)
    first = next(iter(VALUES[kind].values()))
    return {"dtype": lambda: m.torch.float32, "device": lambda: m.torch.device(m.device)}.get(kind, lambda: first(m))()


# ---- cases ----

def deviations(schema):
    """[(argument, value)] for each argument and each value of its kind."""
    pairs = []
    for argument in schema.arguments:
        kind = kind_of(argument)
        if kind:
            pairs += [(argument.name, value) for value in VALUES[kind]]
            if optional(argument) and kind != "tensor":
                pairs.append((argument.name, "none"))
    return pairs


def mixture(name, schema, number, bases):
    """A case drawn for this overload: a base and two to four deviations, or one."""
    draw = random.Random(f"{name}/{number}")
    by_argument = {}
    for argument, value in deviations(schema):
        by_argument.setdefault(argument, []).append(value)
    base = draw.choice(bases)
    chosen = draw.sample(sorted(by_argument), min(len(by_argument), draw.choice((1, 2, 2, 3, 4))))
    return " ".join([base] + [f"{argument}={draw.choice(by_argument[argument])}" for argument in chosen])


def systematic(schema, bases, mixtures, name):
    """All cases of one overload after the plain ones: each deviation over the first base, then mixtures over all."""
    for argument, value in deviations(schema):
        yield f"{bases[0]} {argument}={value}"
    for number in range(mixtures):
        yield mixture(name, schema, number, bases)


def arguments_of(schema, case, device):
    base, *changes = case.split(" ")
    changed = dict(change.split("=", 1) for change in changes)
    m = Maker(device, BASES[base])
    positional, named = [], {}
    for argument in schema.arguments:
        kind = kind_of(argument)
        if argument.name in changed:
            value = changed[argument.name]
            made = VALUES[kind][value](m) if value in VALUES[kind] else None
            if kind == "tensor" and m.first is None:
                m.first = made
        elif argument.has_default_value() and kind != "tensor":
            made = argument.default_value
        else:
            made = right(argument, kind, m)
        if argument.kwarg_only:
            named[argument.name] = made
        else:
            positional.append(made)
    return positional, named


def tensors_in(value):
    import torch

    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from tensors_in(item)


def call(schema, case, device):
    """Makes one call, reads what came out of it and differentiates it. The error's text, or None."""
    import torch

    try:
        positional, named = arguments_of(schema, case, device)
        results = list(tensors_in(callable_of(schema)(*positional, **named)))
        for t in results:
            if t.device.type != "meta" and t.layout == torch.strided and not t.is_nested and t.numel() < 1 << 20:
                t.detach().cpu()
        loss = [t for t in results if t.requires_grad and t.grad_fn is not None and (t.is_floating_point() or t.is_complex())]
        if loss:
            t = loss[0]
            leaves = [a for a in tensors_in(positional) if a.requires_grad and a.is_leaf]
            for g in torch.autograd.grad(t, leaves, torch.ones_like(t), allow_unused=True) if leaves else ():
                if g is not None and g.layout == torch.strided and not g.is_nested and g.numel() < 1 << 20:
                    g.cpu()
        if device == "hologram":
            torch.hologram.synchronize()
        return None
    except Exception as error:      # every error will do
        return f"{type(error).__name__}: {error}"


# ---- processes ----

LONG_SECONDS = 2
WAITING = 6                         # times as long as it may compute, a call may take: what waits for ever computes nothing
HEADER = struct.Struct("qq")        # calls made, or -1 at the end; length of the text behind it


def prepare():
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
    warnings.simplefilter("ignore")
    import torch
    import torch.fx.experimental.symbolic_shapes  # the first gradient imports it; each child would

    import hologram_core.backends.cpu  # noqa: F401  (the first kernel does)
    import hologram_torch  # noqa: F401

    torch.set_num_threads(1)


def busy_seconds(process):
    """What a process has computed so far: the time that it waited for others on a crowded machine does not count."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Server:
    """A process that has loaded torch and the device and used neither. It forks one for the cases, and another whenever that one is
    gone."""

    def __init__(self, options):
        prepare()
        self.options, self.known = options, overloads()
        self.page = mmap.mmap(-1, 1 << 16)
        self.errors = tempfile.TemporaryFile("w+b")
        os.chdir(tempfile.mkdtemp())            # some ops write files
        self.calls = self.long = 0
        self.crashed = {}                       # "name|case": how it ended

    def fork(self, work):
        """Does work() in a forked process; says how that ended, "" when well."""
        self.page[:HEADER.size] = HEADER.pack(0, 0)
        self.errors.seek(0)
        self.errors.truncate()
        sys.stdout.flush()
        process = os.fork()
        if process == 0:
            status = 1
            try:
                os.dup2(self.errors.fileno(), 1)
                os.dup2(self.errors.fileno(), 2)
                faulthandler.enable()
                work()
                status = 0
            except BaseException:
                traceback.print_exc()
                sys.stderr.flush()
            finally:
                os._exit(status)
        last, since, busy, pause = -2, time.monotonic(), 0.0, 0.001
        while True:
            ended, status = os.waitpid(process, os.WNOHANG)
            if ended:
                code = os.waitstatus_to_exitcode(status)
                return "" if code == 0 else signal.Signals(-code).name if code < 0 else f"exit status {code}"
            time.sleep(pause)
            pause = min(pause * 2, 0.1)
            made = self.made()[0]
            if made != last:
                last, since, busy = made, time.monotonic(), busy_seconds(process)
                continue
            limit = LONG_SECONDS if self.is_long() else self.options.seconds
            if busy_seconds(process) - busy > limit or time.monotonic() - since > WAITING * limit:
                os.kill(process, signal.SIGKILL)
                os.waitpid(process, 0)
                return "hangs"

    def made(self):
        return HEADER.unpack_from(self.page)

    def is_long(self):
        """Is the call one over so many elements that it may take for ever?"""
        _, length = self.made()
        return b"=huge" in self.page[HEADER.size:HEADER.size + length]

    def output(self):
        self.errors.seek(0)
        return self.errors.read().decode(errors="replace")

    def alone(self, name, case, device):
        """How a single call ends."""
        return self.fork(lambda: print(call(self.known[name], case, device), flush=True))

    def run(self, name, case):
        made, _ = self.made()
        text = f"{name}|{case}".encode()
        self.page[HEADER.size:HEADER.size + len(text)] = text
        self.page[:HEADER.size] = HEADER.pack(made + 1, len(text))
        return call(self.known[name], case, self.options.device)

    def wanted(self, name, case):
        """Is the case part of the run, and does it have no deviation that alone has crashed?"""
        base, *changes = case.split(" ")
        if f"{name}|{case}" in self.crashed or any((name, change) in self.fatal for change in changes):
            return False
        return self.options.share >= 1 or zlib.crc32(f"{name}|{case}".encode()) % 10000 < self.options.share * 10000

    def work(self, names, after, cases):
        for name in names:
            if cases:
                chosen = cases[name]
            else:
                bases = [b for b in BASES if f"{name}|{b}" not in self.crashed and self.run(name, b) is None]
                chosen = list(systematic(self.known[name], bases or ["3x3"], self.options.mixtures, name))
            if after in chosen:
                chosen = chosen[chosen.index(after) + 1:]
            after = None
            for case in chosen:
                if self.wanted(name, case):
                    self.run(name, case)

    def sweep(self, names, cases=None):
        """Runs all cases of the overloads, or those in cases[name]. Writes a line of JSON per crash."""
        after, self.fatal = None, set()
        while names:
            end = self.fork(lambda: self.work(names, after, cases))
            made, length = self.made()
            self.calls += made
            if not end:
                return
            if not length:
                raise RuntimeError(f"a child ended before its first call ({end}): {self.output()}")
            at, text = self.page[HEADER.size:HEADER.size + length].decode(), self.output()
            long = end == "hangs" and self.is_long()
            name, case = at.split("|", 1)
            changes = case.split(" ")[1:]
            if len(changes) == 1:
                self.fatal.add((name, changes[0]))
            names = names[names.index(name):]
            after = case if changes or cases else None
            self.crashed[at] = end
            if long:
                self.long += 1
                continue
            row = {"at": at, "end": end, "alone": self.alone(name, case, self.options.device)}
            row["cpu"] = self.alone(name, case, "cpu") if self.options.device != "cpu" else ""
            print(json.dumps({**row, "text": text[-1500:] if self.options.text else ""}), flush=True)


def environment():
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [str(Path(__file__).resolve().parents[2]), os.environ.get("PYTHONPATH")]))}


def options_of(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--filter", default="")
    parser.add_argument("--device", default="hologram")
    parser.add_argument("--mixtures", type=int, default=30)
    parser.add_argument("--share", type=float, default=1, help="of the cases")
    parser.add_argument("--start", type=int, default=0, help="the number of the first overload")
    parser.add_argument("--part", default="0/1", help="n/m: each m-th overload from the n-th on")
    parser.add_argument("--seconds", type=float, default=10, help="that a call may compute")
    parser.add_argument("--case")
    parser.add_argument("--text", action="store_true", help="also what a crashed process wrote")
    return parser.parse_args(arguments)


def main():
    options = options_of()
    os.environ.setdefault("HOLOGRAM_MEMORY_LIMIT", "512M")
    if options.case:
        prepare()
        name, case = options.case.split("|", 1)
        print(call(overloads()[name], case, options.device), flush=True)
        os._exit(0)
    server, start = Server(options), time.monotonic()
    first, step = map(int, options.part.split("/"))
    names = [name for name in server.known if options.filter in name][options.start + first::step]
    server.sweep(names)
    print(json.dumps({"overloads": len(names), "calls": server.calls, "crashes": len(server.crashed) - server.long, "long": server.long,
                      "seconds": round(time.monotonic() - start)}), flush=True)


if __name__ == "__main__":
    main()

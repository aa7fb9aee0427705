"""Runs PTX text on the CPU: what ptxas would get, instruction by instruction, on NumPy arrays of all threads.

Threads have program counters of their own; those that are furthest behind run first. At a barrier and in a shuffle threads wait
for the others of their block or warp; if they never come, that is an error. It knows the instructions LLVM writes for our
kernels, with the semantics of NVIDIA's PTX ISA; an unknown one raises.
"""

from __future__ import annotations

import re
import struct

import numpy as np

from hologram_core.reference.grid_emulator import Memory
from hologram_core.reference.numpy_builder import _fma32, _fma64, _int_divmod

WARP = 32
_NUMPY = {"f16": "f2", "f32": "f4", "f64": "f8"}
_NUMPY.update({f"{kind}{n}": f"{'i' if kind == 's' else 'u'}{n // 8}" for kind in "bus" for n in (8, 16, 32, 64)})
_ORDERED = {"eq": np.equal, "ne": np.not_equal, "lt": np.less, "le": np.less_equal, "gt": np.greater, "ge": np.greater_equal}
_ROUND = {"rni": np.rint, "rzi": np.trunc, "rmi": np.floor, "rpi": np.ceil}


class PTXError(AssertionError):
    """The text cannot be run, or does what a GPU would not forgive."""


class Function:
    """One entry: instructions as (predicate or None, opcode, operands), labels, shared variables."""

    def __init__(self, name: str, lines):
        self.name, self.code, self.labels, self.shared, self.shared_bytes = name, [], {}, {}, 0
        for line in lines:
            self._line(line)

    def _line(self, line: str) -> None:
        line = line.split("//")[0].strip()
        label = re.match(r"(\$\w+):", line)
        if label:
            self.labels[label[1]] = len(self.code)
            return
        if line.startswith("{ .reg"):          # one instruction and the register it drops a part into
            line = line[1:-1].split(";", 1)[1].strip()
        shared = re.match(r"\.shared \.align (\d+) \.b8 (\w+)\[(\d+)\];", line)
        if shared:
            align, size = int(shared[1]), int(shared[3])
            at = -(-self.shared_bytes // align) * align
            self.shared[shared[2]], self.shared_bytes = at, at + size
            return
        if not line or line[0] in ".(){}":
            return
        match = re.match(r"(?:@(!?%p\d+) )?(\S+?)(?:\s+(.*?))?;", line)
        operands = re.findall(r"\s*(\{[^}]*\}|\[[^\]]*\]|[^,\s]+)", match[3] or "")
        self.code.append((match[1], match[2], operands))


class Module:
    def __init__(self, text: str):
        self.functions, self.tables = {}, {}
        for _, name, _, items in re.findall(r"^\.global \.align (\d+) \.b8 (\w+)\[(\d+)\] = \{(.*?)\};", text, re.M):
            self.tables[name] = np.array([int(i) for i in items.split(",")], np.uint8)
        for name, body in re.findall(r"^\.visible \.entry (\w+)\(.*?\n\{\n(.*?)\n\}", text, re.M | re.S):
            shared = re.findall(r"^\.shared .*$", text, re.M)      # of several entries
            self.functions[name] = Function(name, [*shared, *body.split("\n")])


class Launch:
    """`parameters`: the bytes of each parameter. `arrays`: the memory kernels may access."""

    def __init__(self, module: Module, name: str, grid, threads: int, parameters, arrays):
        self.f, self.threads = module.functions[name], threads
        self.across, self.down = grid
        self.blocks = self.across * self.down
        self.size = self.blocks * threads
        self.memory = Memory([*arrays, *module.tables.values()])
        self.symbols = {**self.f.shared, **{n: t.ctypes.data for n, t in module.tables.items()}}
        self.parameters = [np.frombuffer(p, np.uint8) for p in parameters]
        self.symbols.update({f"{name}_param_{n}": n << 32 for n in range(len(parameters))})
        self.shared = np.zeros((self.blocks, max(1, self.f.shared_bytes)), np.uint8)
        self.regs: dict = {}
        self.number = np.arange(self.size)
        self.block = self.number // threads
        self.steps = 0

    # ---- scheduling ----
    def run(self) -> None:
        code, end = self.f.code, len(self.f.code)
        pc = np.zeros(self.size, np.int64)
        with np.errstate(all="ignore"):
            while True:
                places = np.unique(pc)
                if places[0] == end:
                    return
                for at in places:
                    if at == end:
                        raise PTXError(f"{self.f.name}: threads wait for others for ever")
                    active = pc == at
                    predicate, op, operands = code[at]
                    if op.startswith(("bar.", "shfl.")):
                        if predicate:
                            raise PTXError(f"{op} under a predicate")
                        active &= self._together(active, self.threads if op == "bar.sync" else WARP)
                        if not active.any():
                            continue
                    break
                self.steps += 1
                chosen = active
                if predicate:
                    value = self._full(self._get(predicate.lstrip("!"), "pred"))
                    chosen = active & (~value if predicate[0] == "!" else value)
                if op in ("bra", "bra.uni"):
                    pc[active] = at + 1
                    pc[chosen] = self.f.labels[operands[0]]
                elif op == "ret":
                    pc[active] = at + 1
                    pc[chosen] = end
                else:
                    if chosen.any():
                        self._execute(op, operands, chosen)
                    pc[active] = at + 1

    @staticmethod
    def _together(active, count: int):
        """The threads whose whole group of `count` threads has arrived."""
        return np.repeat(active.reshape(-1, count).all(1), count)

    # ---- registers ----
    def _full(self, array):
        return np.broadcast_to(array, (self.size,))

    def _get(self, operand: str, kind: str):
        if kind == "pred":
            return np.bool_(int(operand) != 0) if operand[0] != "%" else self.regs[operand]
        dtype = np.dtype(_NUMPY[kind])
        if operand in ("%tid.x", "%ctaid.x", "%ctaid.y", "%nctaid.x"):
            return {"%tid.x": self.number % self.threads, "%ctaid.x": self.block % self.across,
                    "%ctaid.y": self.block // self.across, "%nctaid.x": np.int64(self.across)}[operand].astype(dtype)
        if operand[0] == "%":
            bits = self.regs.get(operand)
            if bits is None:
                raise PTXError(f"{operand} is read before it is written")
            return np.ascontiguousarray(bits.astype(f"u{dtype.itemsize}")).view(dtype)
        if operand[:2] in ("0f", "0d"):
            return np.frombuffer(bytes.fromhex(operand[2:])[::-1], dtype)[0]
        if operand in self.symbols:
            return np.uint64(self.symbols[operand]).astype(dtype)
        number = int(operand.rstrip("U"), 0)
        return np.frombuffer(struct.pack("<Q", number & (1 << 64) - 1)[:dtype.itemsize], dtype)[0]

    def _set(self, operand: str, value, active) -> None:
        if operand == "tmp" or operand == "_":
            return
        value = np.asarray(value)
        if value.dtype == bool:
            bits = value
        else:
            bits = np.ascontiguousarray(value).view(f"u{value.dtype.itemsize}").astype(np.uint64)
        bits = self._full(bits.reshape(bits.shape))
        old = self.regs.get(operand)
        self.regs[operand] = bits.copy() if old is None else np.where(active, bits, old)

    # ---- instructions ----
    def _execute(self, op: str, operands, active) -> None:
        base, *parts = op.split(".")
        kind = parts[-1]
        method = getattr(self, f"_{base}", None)
        if method is not None:
            return method(parts, operands, active)
        if kind not in (*_NUMPY, "pred"):
            raise PTXError(f"unknown instruction {op}")
        args = [self._get(o, kind) for o in operands[1:]]
        self._set(operands[0], self._value(base, parts, kind, args), active)

    def _value(self, base: str, parts, kind: str, args):
        floating = kind[0] == "f"
        if floating and base in ("add", "sub", "mul", "div", "fma", "sqrt", "rcp") and "rn" not in parts:
            raise PTXError(f"{base}.{'.'.join(parts)} leaves the rounding open")
        if base in ("and", "or", "xor"):
            return {"and": np.bitwise_and, "or": np.bitwise_or, "xor": np.bitwise_xor}[base](*args)
        if base == "not":
            return np.invert(args[0])
        if base in ("add", "sub"):
            return np.add(*args) if base == "add" else np.subtract(*args)
        if base in ("mul", "mad") and not floating:
            if "wide" in parts:
                wide = f"{args[0].dtype.kind}{2 * args[0].dtype.itemsize}"
                args = [args[0].astype(wide), args[1].astype(wide), *args[2:]]
            elif parts == ["hi", "u32"]:
                return (np.multiply(*(a.astype(np.uint64) for a in args)) >> np.uint64(32)).astype(np.uint32)
            elif "lo" not in parts:
                raise PTXError(f"unknown instruction {base}.{'.'.join(parts)}")
            return np.multiply(*args[:2]) + (args[2] if base == "mad" else args[0].dtype.type(0))
        if base == "mul":
            return np.multiply(*args)
        if base == "fma":
            return np.asarray((_fma32 if kind == "f32" else _fma64)(*map(np.atleast_1d, args)), _NUMPY[kind])
        if base == "div":
            return np.divide(*args) if floating else _int_divmod(*args)[0]
        if base == "rcp":
            return args[0].dtype.type(1) / args[0]
        if base == "sqrt":
            return np.sqrt(args[0])
        if base == "neg":
            return np.negative(args[0])
        if base == "abs":
            return np.abs(args[0])
        if base in ("min", "max"):
            return self._extremum(base, floating, *args)
        raise PTXError(f"unknown instruction {base}.{'.'.join(parts)}")

    @staticmethod
    def _extremum(base, floating, x, y):
        if not floating:
            return np.minimum(x, y) if base == "min" else np.maximum(x, y)
        better = (x < y) | ((x == y) & np.signbit(x)) if base == "min" else (x > y) | ((x == y) & ~np.signbit(x))
        return np.where(np.isnan(y), x, np.where(np.isnan(x), y, np.where(better, x, y))).astype(x.dtype)

    def _shl(self, parts, operands, active): self._shift(np.left_shift, parts[-1], operands, active)
    def _shr(self, parts, operands, active): self._shift(np.right_shift, parts[-1], operands, active)

    def _shift(self, function, kind, operands, active) -> None:
        x, by = self._get(operands[1], kind), self._get(operands[2], "u32")
        bits = x.dtype.itemsize * 8
        shifted = function(x, np.minimum(by, bits - 1).astype(x.dtype))
        beyond = np.where(x < 0, -1, 0).astype(x.dtype) if kind[0] == "s" else np.zeros_like(x)
        self._set(operands[0], np.where(by >= bits, beyond, shifted).astype(x.dtype), active)

    def _known(self, operands) -> None:
        """LLVM moves and permutes vectors some of whose elements are not there yet: those may be anything."""
        for operand in operands:
            if operand[0] == "%" and operand[1:].isalnum():
                self.regs.setdefault(operand, np.zeros(self.size, bool if operand[1] == "p" else np.uint64))

    def _mov(self, parts, operands, active) -> None:
        target, source = operands
        self._known([x.strip() for x in source.strip("{}").split(",")])
        if target[0] != "{" and source[0] != "{":
            return self._set(target, self._get(source, parts[-1]), active)
        size = int(parts[-1][1:])
        pieces = [o.strip() for o in (target if target[0] == "{" else source)[1:-1].split(",")]
        each = size // len(pieces)
        if target[0] == "{":
            bits = self._get(source, f"b{size}")
            for n, piece in enumerate(pieces):
                self._set(piece, (bits >> bits.dtype.type(n * each)).astype(f"u{each // 8}"), active)
        else:
            whole = np.uint64(0)
            for n, piece in enumerate(pieces):
                whole = whole | self._get(piece, f"b{each}").astype(np.uint64) << np.uint64(n * each)
            self._set(target, whole.astype(f"u{size // 8}"), active)

    def _selp(self, parts, operands, active) -> None:
        x, y = (self._get(o, parts[-1]) for o in operands[1:3])
        self._set(operands[0], np.where(self._get(operands[3], "pred"), x, y).astype(x.dtype), active)

    def _setp(self, parts, operands, active) -> None:
        if len(parts) != 2:
            raise PTXError(f"unknown instruction setp.{'.'.join(parts)}")
        compare, kind = parts
        x, y = (self._get(o, kind) for o in operands[1:])
        if kind[0] != "f":
            return self._set(operands[0], _ORDERED[compare](x, y), active)
        nan = np.isnan(x) | np.isnan(y)
        if compare in ("num", "nan"):
            result = nan if compare == "nan" else ~nan
        elif compare in _ORDERED:
            result = _ORDERED[compare](x, y) & ~nan
        else:
            result = _ORDERED[compare[:-1]](x, y) | nan
        self._set(operands[0], result, active)

    def _copysign(self, parts, operands, active) -> None:
        sign, size = (self._get(o, parts[-1]) for o in operands[1:])      # of the first onto the second
        self._set(operands[0], np.copysign(size, sign), active)

    def _cvt(self, parts, operands, active) -> None:
        target, source = parts[-2:]
        if target == "f16x2":
            high, low = (self._get(o, source).astype("f2").view("u2").astype("u4") for o in operands[1:])
            return self._set(operands[0], high << np.uint32(16) | low, active)
        x = self._get(operands[1], source)
        rounding = parts[0] if len(parts) > 2 else ""
        if source[0] == "f" and target[0] == "f":
            if rounding in _ROUND:
                x = _ROUND[rounding](x)
            elif (rounding == "rn") != (int(target[1:]) < int(source[1:])):
                raise PTXError(f"unknown instruction cvt.{'.'.join(parts)}")
        elif source[0] == "f":
            info = np.iinfo(_NUMPY[target])
            if rounding != "rzi":
                raise PTXError(f"unknown instruction cvt.{'.'.join(parts)}")
            top = x >= float(info.max)
            inside = np.where(np.isnan(x) | top, 0, np.maximum(np.trunc(x), float(info.min)))
            x = np.where(top, info.max, inside.astype(_NUMPY[target]))
        elif target[0] == "f" and rounding != "rn":
            raise PTXError(f"unknown instruction cvt.{'.'.join(parts)}")
        self._set(operands[0], np.asarray(x).astype(_NUMPY[target]), active)

    def _prmt(self, parts, operands, active) -> None:
        self._known(operands[1:3])
        a, b, choice = (self._get(o, "u32").astype(np.uint64) for o in operands[1:])
        both, result = b << np.uint64(32) | a, np.uint64(0)
        for n in range(4):
            pick = choice >> np.uint64(4 * n) & np.uint64(15)
            byte = both >> (pick & np.uint64(7)) * np.uint64(8) & np.uint64(255)
            sign = np.where(byte >> np.uint64(7), np.uint64(255), np.uint64(0))
            result = result | np.where(pick & np.uint64(8), sign, byte) << np.uint64(8 * n)
        self._set(operands[0], result.astype(np.uint32), active)

    def _shf(self, parts, operands, active) -> None:
        if parts not in (["l", "wrap", "b32"], ["r", "wrap", "b32"]):
            raise PTXError(f"unknown instruction shf.{'.'.join(parts)}")
        low, high, by = (self._get(o, "u32").astype(np.uint64) for o in operands[1:])
        both, by = high << np.uint64(32) | low, by & np.uint64(31)
        shifted = (both << by) >> np.uint64(32) if parts[0] == "l" else both >> by
        self._set(operands[0], shifted.astype(np.uint32), active)

    def _bfe(self, parts, operands, active) -> None:
        if parts != ["u32"]:
            raise PTXError(f"unknown instruction bfe.{'.'.join(parts)}")
        x, at, count = (self._get(o, "u32") for o in operands[1:])
        self._set(operands[0], (x >> at) & ((np.uint32(1) << count) - np.uint32(1)), active)

    # ---- memory ----
    def _address(self, operand: str):
        match = re.match(r"\[([%\w]+)(?:\+(-?\d+))?\]", operand)
        return match[1], int(match[2] or 0)

    def _ld(self, parts, operands, active) -> None:
        kind, vector = parts[-1], next((int(p[1]) for p in parts if re.fullmatch(r"v\d", p)), 1)
        size = int(kind[1:]) // 8
        targets = [t.strip() for t in operands[0].strip("{}").split(",")]
        name, offset = self._address(operands[1])
        if parts[0] == "param":
            at = np.unique(self._full(self._get(name, "u64"))[active]) + np.uint64(offset)
            if len(at) > 1:
                raise PTXError("threads read different parameters")
            data = self.parameters[int(at[0] >> 32)][int(at[0] & 0xffffffff):][:size].view(f"u{size}")[0]
            return self._set(targets[0], np.full(self.size, data), active)
        out = np.zeros((self.size, vector * size), np.uint8)
        for threads, data, at in self._places(parts[0], name, offset, vector * size, active):
            out[threads] = data[at]
        for n, target in enumerate(targets):
            self._set(target, np.ascontiguousarray(out[:, n * size:(n + 1) * size]).view(f"u{size}")[:, 0], active)

    def _st(self, parts, operands, active) -> None:
        kind, vector = parts[-1], next((int(p[1]) for p in parts if re.fullmatch(r"v\d", p)), 1)
        size = int(kind[1:]) // 8
        name, offset = self._address(operands[0])
        sources = [s.strip() for s in operands[1].strip("{}").split(",")]
        pieces = [np.ascontiguousarray(self._full(self._get(x, f"b{8 * size}"))).view(np.uint8).reshape(-1, size) for x in sources]
        for threads, data, at in self._places(parts[0], name, offset, vector * size, active):
            data[at] = np.concatenate(pieces, 1)[threads]

    def _places(self, space, name, offset, size, active):
        """(threads, bytes, places in them) of an access, one for each allocation that it touches."""
        addresses = self._full(self._get(name, "u64").astype(np.int64)) + offset
        if (addresses[active] % size).any():
            raise PTXError(f"misaligned access of {size} bytes")
        threads = np.flatnonzero(active)
        if space == "shared":
            at = addresses[threads][:, None] + np.arange(size)
            if at.min() < 0 or at.max() >= self.f.shared_bytes:
                raise PTXError("access outside of shared memory")
            yield threads, self.shared.reshape(-1), at + self.block[threads][:, None] * self.shared.shape[1]
            return
        if space != "global":
            raise PTXError(f"unknown space {space}")
        region = np.searchsorted([r[0] for r in self.memory.regions], addresses[threads], "right")
        for number in np.unique(region):
            chosen = threads[region == number]
            data, _, at = self.memory.places(addresses[chosen], size)
            yield chosen, data, at

    # ---- threads together ----
    def _bar(self, parts, operands, active) -> None:
        pass      # whoever gets here has waited

    def _shfl(self, parts, operands, active) -> None:
        mode, lanes = parts[1], self._full(self._get(operands[1], "b32")).reshape(-1, WARP)
        by, clamp, mask = (int(o, 0) for o in operands[2:])
        if mask != -1 or clamp != (0 if mode == "up" else 31):
            raise PTXError(f"unknown shuffle {operands}")
        lane = np.arange(WARP)
        source = {"down": lane + by, "up": lane - by, "idx": np.full(WARP, by)}[mode]
        source = np.where((source >= 0) & (source < WARP), source, lane)
        self._set(operands[0], np.ascontiguousarray(lanes[:, source]).reshape(-1), active)

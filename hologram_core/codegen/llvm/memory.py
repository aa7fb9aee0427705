"""Memory for LLVMBuilder: addresses, loads and stores of every element type, masks, gathers.

In memory a bool is one byte, f16 and bf16 are 16 bits; as values they are i1 and f32. bf16 is rounded with integer
arithmetic (to nearest even, NaN kept), because the conversion instructions of some CPUs flush subnormals. f16 is where the
target has no instructions for it: LLVM would call a function for each element.
"""

from __future__ import annotations

from ...dtypes import BF16, BOOL, F16, F32, I16, I32, I64, U32, DType
from ..builder import Value
from .text import PTR, Branch, Reg, literal, scalar_type, suffix, vector


def memory_type(dtype: DType) -> str:
    """The LLVM type of an element in memory."""
    return {"bool": "i8", "f16": "half", "bf16": "i16"}.get(dtype.name) or scalar_type(dtype)


class Memory:
    """Mixin of LLVMBuilder. `soft_half`: f16 is converted with integer arithmetic, and LLVM never sees its type `half`."""

    def _unit(self, dtype: DType) -> str:
        return "i16" if dtype is F16 and self.soft_half else memory_type(dtype)

    # ---- addresses and kernel arguments ----
    def operand(self, number: int) -> Value:
        """Base address of an operand."""
        at, block = self.text.pure(f"getelementptr ptr, ptr %operands, i64 {number}", [])
        name, block = self.text.pure(f"load ptr, ptr {at}", [block])   # the array does not change: may move and merge
        return self.value(PTR, name, 1, block)

    def arg(self, number: int, dtype: DType = I64) -> Value:
        """One 64-bit kernel argument."""
        at, block = self.text.pure(f"getelementptr i64, ptr %args, i64 {number}", [])
        name, block = self.text.pure(f"load {scalar_type(dtype)}, ptr {at}", [block])
        return self.value(dtype, name, 1, block)

    def begin(self) -> Value:
        return self.value(I64, "%begin", 1, self.text.entry)

    def end(self) -> Value:
        return self.value(I64, "%end", 1, self.text.entry)

    def advance(self, address: Value, offset: Value, unit: str = "i8") -> Value:
        """address + offset * sizeof(unit)."""
        if offset.data.text == "0":
            return address
        name, block = self.text.pure(f"getelementptr {unit}, ptr {address.data.text}, i64 {offset.data.text}",
                                     [address.data.block, offset.data.block])
        return self.value(PTR, name, 1, block)

    def address_bits(self, address: Value) -> Value:
        name, block = self.text.pure(f"ptrtoint ptr {address.data.text} to i64", [address.data.block])
        return self.value(I64, name, 1, block)

    def lanes_of(self, address: Value, stride: Value, lanes: int) -> Value:
        """Addresses of `lanes` elements `stride` bytes apart."""
        if lanes == 1:
            return address
        offsets = self.mul(self.iota(I64, lanes), stride)
        name, block = self.text.pure(f"getelementptr i8, ptr {address.data.text}, <{lanes} x i64> {offsets.data.text}",
                                     [address.data.block, offsets.data.block])
        return Value(self, PTR, Reg(name, lanes, block, steps=(address, stride)))

    def _one_by_one(self, address: Value, dtype: DType, mask):
        """The addresses of single elements, where these are quicker to move than a vector of them: no target has gathers or
        scatters of one or two bytes. None: as a vector."""
        if mask is not None or not address.data.steps or dtype.bytes > 2:
            return None
        at, stride = address.data.steps
        places = [at]
        while len(places) < address.data.lanes:
            places.append(self.advance(places[-1], stride))
        return [place.data.text for place in places]

    def prefetch(self, address: Value, distance: int, write: bool = False) -> None:
        """Asks for the cache line `distance` bytes after an address, which may lie outside of all memory."""
        self.text.declare("llvm.prefetch.p0", "void", "ptr, i32, i32, i32")
        at, _ = self.text.pure(f"getelementptr i8, ptr {address.data.text}, i64 {distance}", [address.data.block])
        self.text.effect(f"call void @llvm.prefetch.p0(ptr {at}, i32 {int(write)}, i32 3, i32 1)")

    def lane_mask(self, count: Value, lanes: int) -> Value:
        """True in the first `count` lanes (an i64 scalar of at least 1)."""
        few = self.select(self.lt(count, self.const(lanes, I64)), count, self.const(lanes, I64))
        return self.lt(self.iota(I32, lanes), self.cast(few, I32))

    # ---- loads ----
    def load(self, address: Value, dtype: DType, lanes: int, mask=None, stay: bool = True) -> Value:
        """Elements at an address (consecutive) or at a vector of addresses. `stay`: keep the load at this point."""
        scalar = self._unit(dtype)
        wide = vector(scalar, lanes)
        if places := self._one_by_one(address, dtype, mask):
            name = "poison"
            for lane, place in enumerate(places):
                one = self.text.here(f"load {scalar}, ptr {place}, align {dtype.bytes}")[0]
                name, block = self.text.here(f"insertelement {wide} {name}, {scalar} {one}, i64 {lane}")
            return self._unpack(name, dtype, lanes, block)
        if address.data.lanes > 1:
            full = f"llvm.masked.gather.{suffix(scalar, lanes)}.v{lanes}p0"
            self.text.declare(full, wide, f"<{lanes} x ptr>, <{lanes} x i1>, {wide}")
            line = (f"call {wide} @{full}(<{lanes} x ptr> align {dtype.bytes} {address.data.text}, "
                    f"<{lanes} x i1> {self._mask(mask, lanes)}, {wide} zeroinitializer)")
        elif mask is not None and lanes > 1:
            full = f"llvm.masked.load.{suffix(scalar, lanes)}.p0"
            self.text.declare(full, wide, f"ptr, <{lanes} x i1>, {wide}")
            line = (f"call {wide} @{full}(ptr align {dtype.bytes} {address.data.text}, "
                    f"<{lanes} x i1> {mask.data.text}, {wide} zeroinitializer)")
        else:
            line = f"load {wide}, ptr {address.data.text}, align {dtype.bytes}"
        name, block = self.text.here(line) if stay else self.text.pure(line, [address.data.block])
        return self._unpack(name, dtype, lanes, block)

    def _unpack(self, name: str, dtype: DType, lanes: int, block) -> Value:
        if dtype is BOOL:
            byte = vector("i8", lanes)
            name, block = self.text.pure(f"icmp ne {byte} {name}, {'0' if lanes == 1 else 'zeroinitializer'}", [block])
        elif dtype is F16 and self.soft_half:
            return self._from_f16(name, lanes, block)
        elif dtype is F16:
            packed = name
            name, block = self.text.pure(f"fpext {vector('half', lanes)} {name} to {vector('float', lanes)}", [block])
            return Value(self, F32, Reg(name, lanes, block, (F16, packed)))
        elif dtype is BF16:
            return self._from_bf16(name, lanes, block)
        return self.value(dtype.math, name, lanes, block)

    def _from_bf16(self, packed: str, lanes: int, block) -> Value:
        half = self.value(I16, packed, lanes, block)
        bits = self.emit("zext {t} {0} to {r}", (half,), U32)
        value = self.bitcast(self.shl(bits, self.const(16, U32)), F32)
        return Value(self, F32, Reg(value.data.text, lanes, value.data.block, (BF16, packed)))

    def _from_f16(self, packed: str, lanes: int, block) -> Value:
        """What the instructions do: exact, and a NaN becomes a quiet one."""
        half = self.emit("zext {t} {0} to {r}", (self.value(I16, packed, lanes, block),), I32)
        bits = (half & 0x7FFF) << 13
        exponent = bits + (112 << 23)
        tiny = self.bitcast(self.bitcast(exponent + (1 << 23), F32) - 2.0 ** -14, I32)     # a subnormal, normal as f32
        nan = self.select(bits > (0x1F << 23), bits | (0x1FF << 22), exponent + (112 << 23))
        value = self.select(bits < (1 << 23), tiny, self.select(bits < (0x1F << 23), exponent, nan))
        value = self.bitcast(value | ((half & 0x8000) << 16), F32)
        return Value(self, F32, Reg(value.data.text, lanes, value.data.block, (F16, packed)))

    # ---- rounding to 16 bits ----
    def round_to(self, x: Value, dtype: DType) -> Value:
        """`x` (of type dtype.math) rounded to the element type; only f16 and bf16 change it."""
        if dtype.math is dtype or (x.data.packed and x.data.packed[0] is dtype):
            return x
        lanes = x.data.lanes
        if dtype is F16 and self.soft_half:
            half = self._to_f16(x)
            return self._from_f16(half.data.text, lanes, half.data.block)
        if dtype is F16:
            x = self._kept_from_folding(x)
            name, block = self.text.pure(f"fptrunc {vector('float', lanes)} {x.data.text} to {vector('half', lanes)}",
                                         [x.data.block])
            return self._unpack(name, F16, lanes, block)
        bits = self.bitcast(x, U32)
        odd = self.and_(self.shr(bits, self.const(16, U32)), self.const(1, U32))
        rounded = self.add(self.add(bits, self.const(0x7FFF, U32)), odd)
        kept = self.select(self.ne(x, x), self.or_(bits, self.const(0x400000, U32)), rounded)
        half = self.emit("trunc {t} {0} to {r}", (self.shr(kept, self.const(16, U32)),), I16)
        return self._from_bf16(half.data.text, lanes, half.data.block)

    def _kept_from_folding(self, x: Value) -> Value:
        """x86: LLVM rounds a scalar before its copysign, and then the f64 that the sign comes from, by a function that no library has."""
        return self.intrinsic("arithmetic.fence", (x,), F32) if x.data.lanes == 1 and "f16c" in self.features else x

    def _to_f16(self, x: Value) -> Value:
        """To nearest even, in i16: what the instructions do. The upper bits of a NaN are kept."""
        bits = self.bitcast(x, I32)
        size = bits & 0x7FFFFFFF
        normal = (size + ((size >> 13) & 1) + (0xFFF - (112 << 23))) >> 13       # 65520 and more become infinite here
        tiny = self.bitcast(self.bitcast(size, F32) + 0.5, I32) - (126 << 23)    # the sum rounds at the last place of subnormals
        large = self.select(size > (0xFF << 23), ((size >> 13) & 0x3FF) | 0x7E00, self.const(0x7C00, I32))
        half = self.select(size < (113 << 23), tiny, self.select(size < (143 << 23), normal, large))
        half = half | ((bits >> 16) & 0x8000)
        return self.emit("trunc {t} {0} to {r}", (half,), I16)

    # ---- stores ----
    def store(self, x: Value, address: Value, dtype: DType, mask=None, stream: bool = False) -> None:
        """Stores `x` (of type dtype.math) as elements of `dtype`. `stream`: a whole, aligned vector, past the caches."""
        x = self.round_to(x, dtype)
        lanes = max(x.data.lanes, address.data.lanes, mask.data.lanes if mask is not None else 1)
        x = self.widen(x, lanes)
        scalar = self._unit(dtype)
        wide = vector(scalar, lanes)
        text = x.data.text
        if dtype is BOOL:
            text = self.text.pure(f"zext {vector('i1', lanes)} {text} to {wide}", [x.data.block])[0]
        elif dtype in (F16, BF16):
            text = x.data.packed[1] if x.data.packed else self.round_to(x, dtype).data.packed[1]
        if places := self._one_by_one(address, dtype, mask):
            for lane, place in enumerate(places):
                one = self.text.here(f"extractelement {wide} {text}, i64 {lane}")[0]
                self.text.effect(f"store {scalar} {one}, ptr {place}, align {dtype.bytes}")
        elif address.data.lanes > 1:
            full = f"llvm.masked.scatter.{suffix(scalar, lanes)}.v{lanes}p0"
            self.text.declare(full, "void", f"{wide}, <{lanes} x ptr>, <{lanes} x i1>")
            self.text.effect(f"call void @{full}({wide} {text}, <{lanes} x ptr> align {dtype.bytes} {address.data.text}, "
                             f"<{lanes} x i1> {self._mask(mask, lanes)})")
        elif mask is not None and lanes > 1:
            full = f"llvm.masked.store.{suffix(scalar, lanes)}.p0"
            self.text.declare(full, "void", f"{wide}, ptr, <{lanes} x i1>")
            self.text.effect(f"call void @{full}({wide} {text}, ptr align {dtype.bytes} {address.data.text}, "
                             f"<{lanes} x i1> {mask.data.text})")
        elif stream:
            self.text.streams = True
            self.text.effect(f"store {wide} {text}, ptr {address.data.text}, align {lanes * dtype.bytes}, !nontemporal !0")
        else:
            self.text.effect(f"store {wide} {text}, ptr {address.data.text}, align {dtype.bytes}")

    def finish_streaming(self, streamed: Value) -> None:
        """Orders the stores that went past the caches before whatever follows the kernel."""
        with Branch(self.text, streamed):
            self.text.effect("fence seq_cst")

    @staticmethod
    def _mask(mask, lanes: int) -> str:
        return "splat (i1 true)" if mask is None else mask.data.text

    # ---- constant tables ----
    def constant_array(self, constants, dtype, space="") -> str:
        """The name of a global array of these constants; equal arrays are one. `space`: LLVM's words for its address space."""
        scalar = scalar_type(dtype)
        items = ", ".join(f"{scalar} {literal(c, dtype)}" for c in constants)
        line = f"private unnamed_addr {space}constant [{len(constants)} x {scalar}] [{items}]"
        names = [g.split(" = ", 1)[0] for g in self.text.globals if g.endswith(line)]
        name = names[0] if names else f"@t{len(self.text.globals)}"
        if not names:
            self.text.globals.append(f"{name} = {line}")
        return name

    def table(self, constants, index, dtype):
        scalar, name, lanes = scalar_type(dtype), self.constant_array(constants, dtype), index.data.lanes
        at, block = self.text.pure(f"getelementptr {scalar}, ptr {name}, {vector('i32', lanes)} {index.data.text}",
                                   [index.data.block])
        return self.load(self.value(PTR, at, lanes, block), dtype, lanes, stay=False)

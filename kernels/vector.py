"""Vector registers of the CPU that Numba compiles for: their width, and a small writer of LLVM vector instructions.

The width is not looked up in a table of processors: LLVM is asked how it lowers an addition of sixteen floats for
the processor and features that Numba was told to compile for (`NUMBA_CPU_NAME`, `NUMBA_CPU_FEATURES`).
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import llvmlite.binding as llvm
import numpy as np
from llvmlite import ir
from numba.core import cgutils
from numba.core.registry import cpu_target
from numba.np.arrayobj import make_array
from numba.np.numpy_support import as_dtype

INT64 = ir.IntType(64)
INT32 = ir.IntType(32)
ARCHITECTURE = llvm.get_default_triple().split("-")[0]
IS_X86 = ARCHITECTURE in ("x86_64", "i686", "amd64")
CACHE_LINE = 64

_PROBE = """
define void @add(<16 x float>* %p) {
  %x = load <16 x float>, <16 x float>* %p
  %y = fadd <16 x float> %x, %x
  store <16 x float> %y, <16 x float>* %p
  ret void
}
"""


@functools.cache
def vector_bytes() -> int:
    """Bytes of the widest vector register of the CPU that Numba compiles for: 64 (AVX-512), 32 (AVX) or 16 (SSE, NEON)."""
    codegen = cpu_target.target_context.codegen()
    machine = llvm.Target.from_default_triple().create_target_machine(
        cpu=codegen._get_host_cpu_name(), features=codegen._get_host_cpu_features(), opt=2
    )
    assembly = machine.emit_assembly(llvm.parse_assembly(_PROBE))
    return 64 if "zmm" in assembly else 32 if "ymm" in assembly else 16


def tile_height(vectors: int = 2) -> int:
    """Most rows of the register tile of 2 vectors a row, or 1: with 2 as many as keep 2 accumulators a row, 2 of B, 1 of A.

    AVX-512 and 64-bit Arm have 32 vector registers, AVX2 and SSE have 16. With 1 vector a row it is not registers that count
    but accumulators to take turns: two fused multiplications and additions begin in a cycle and last four.
    """
    wide_file = vector_bytes() == 64 or llvm.get_default_triple().startswith(("aarch64", "arm64"))
    return 14 if wide_file else 6 if vectors == 2 else 8


def lanes(dtype: Any) -> int:
    """Numbers of `dtype` in one vector register."""
    return vector_bytes() // np.dtype(dtype).itemsize


def panel_width(dtype: Any) -> int:
    """Columns of one panel: two vector registers."""
    return 2 * lanes(dtype)


def array_shape(context: Any, builder: ir.IRBuilder, array_type: Any, value: Any) -> list[Any]:
    """The sizes of an array, as IR values."""
    return list(cgutils.unpack_tuple(builder, make_array(array_type)(context, builder, value).shape, array_type.ndim))


def array_pointer(context: Any, builder: ir.IRBuilder, array_type: Any, value: Any, index: list[Any]) -> Any:
    """Address of array[index] of a C-contiguous array; indices are neither checked nor negative."""
    offset = index[0]
    for size, i in zip(array_shape(context, builder, array_type, value)[1:], index[1:], strict=True):
        offset = builder.add(builder.mul(offset, size), i)
    return builder.gep(make_array(array_type)(context, builder, value).data, [offset])


def write_prefetch(builder: ir.IRBuilder, pointer: Any, size: Any, *, for_writing: bool) -> None:
    """Ask for `size` bytes from `pointer` on, to be kept close: for every line of the cache that they touch."""
    byte = ir.IntType(8).as_pointer()
    past = builder.urem(builder.ptrtoint(pointer, INT64), INT64(CACHE_LINE))
    address = builder.gep(builder.bitcast(pointer, byte), [builder.neg(past)])
    size = builder.add(size, past)
    with cgutils.for_range_slice(builder, INT64(0), size, INT64(CACHE_LINE), intp=INT64) as (offset, _):
        write_line_prefetch(builder, builder.gep(address, [offset]), for_writing=for_writing)


def write_line_prefetch(builder: ir.IRBuilder, pointer: Any, *, for_writing: bool) -> None:
    """The same for the one line of the cache in which `pointer` lies."""
    address = builder.bitcast(pointer, ir.IntType(8).as_pointer())
    kind = ir.FunctionType(ir.VoidType(), [address.type, INT32, INT32, INT32])
    function = builder.module.declare_intrinsic("llvm.prefetch.p0", fnty=kind)
    # To write or to read, kept in all levels, in the data cache.
    builder.call(function, [address, *(ir.Constant(INT32, hint) for hint in (int(for_writing), 3, 1))])


def write_loop(
    b: ir.IRBuilder,
    name: str,
    begin: Any,
    end: Any,
    step: int,
    first: list[Any],
    body: Callable[[Any, list[Any]], list[Any]],
    turns: int = 0,
) -> list[Any]:
    """`body(i, values)` for i from begin below end, in steps; returns what it returned last, or `first`.

    turns : vector registers that LLVM shall take side by side where it turns scalars into vectors; 0 leaves that to LLVM.
    """
    before, inside, done = b.block, b.append_basic_block(name), b.append_basic_block(name + ".done")
    b.cbranch(b.icmp_signed("<", begin, end), inside, done)
    b.position_at_end(inside)
    i, values = b.phi(INT64), [b.phi(value.type) for value in first]
    following = body(i, values)
    latch, i_next = b.block, b.add(i, INT64(step), flags=["nsw"])
    for phi, start, value in zip([i, *values], [begin, *first], [i_next, *following], strict=True):
        phi.add_incoming(start, before)
        phi.add_incoming(value, latch)
    back = b.cbranch(b.icmp_signed("<", i_next, end), inside, done)
    if turns:
        count = b.module.add_metadata(["llvm.loop.interleave.count", INT32(turns)])
        # LLVM knows a loop by a node whose first operand is itself.
        node = ir.MDValue(b.module, [count], name=str(len(b.module.metadata)))
        node.operands = (node, count)
        back.set_metadata("llvm.loop", node)
    b.position_at_end(done)
    merged = []
    for start, value in zip(first, following, strict=True):
        phi = b.phi(start.type)
        phi.add_incoming(start, before)
        phi.add_incoming(value, latch)
        merged.append(phi)
    return merged


class VectorWriter:
    """Writes LLVM instructions on vectors of one Numba float type, at the insertion point of `builder`.

    Pointers point to scalars; offsets count scalars.
    """

    def __init__(self, context: Any, builder: ir.IRBuilder, numba_dtype: Any) -> None:
        self.builder = builder
        self.scalar = context.get_value_type(numba_dtype)
        self.bytes = np.dtype(as_dtype(numba_dtype)).itemsize
        self.lanes = vector_bytes() // self.bytes
        self.vector = ir.VectorType(self.scalar, self.lanes)
        self.zero = ir.Constant(self.vector, [0.0] * self.lanes)
        self._suffix = f"v{self.lanes}f{8 * self.bytes}"

    def at(self, pointer: Any, offset: Any) -> Any:
        """pointer + offset scalars; offset is an IR value or a Python int."""
        if isinstance(offset, int):
            offset = ir.Constant(INT64, offset)
        return self.builder.gep(pointer, [offset])

    def load_scalar(self, pointer: Any) -> Any:
        return self.builder.load(pointer, align=self.bytes)

    def load(self, pointer: Any) -> Any:
        return self.builder.load(self.builder.bitcast(pointer, self.vector.as_pointer()), align=self.bytes)

    def store(self, value: Any, pointer: Any) -> None:
        self.builder.store(value, self.builder.bitcast(pointer, self.vector.as_pointer()), align=self.bytes)

    def splat(self, scalar: Any) -> Any:
        """The vector with `scalar` in every lane."""
        undefined = ir.Constant(ir.VectorType(scalar.type, self.lanes), ir.Undefined)
        one = self.builder.insert_element(undefined, scalar, ir.Constant(INT32, 0))
        mask = ir.Constant(ir.VectorType(INT32, self.lanes), [0] * self.lanes)
        return self.builder.shuffle_vector(one, undefined, mask)

    def columns_below(self, end: Any) -> list[Any]:
        """For each of the two vectors of a panel's row, which of its lanes hold a column below `end`."""
        lanes, ends = ir.VectorType(INT32, self.lanes), self.splat(self.builder.trunc(end, INT32))
        columns = [ir.Constant(lanes, [v * self.lanes + i for i in range(self.lanes)]) for v in range(2)]
        return [self.builder.icmp_signed("<", here, ends) for here in columns]

    def multiply_add(self, a: Any, b: Any, c: Any) -> Any:
        """a b + c: one fused instruction where the CPU has it, two rounded ones where it has not (never a library call)."""
        module = self.builder.module
        name = f"llvm.fmuladd.{self._suffix}"
        function = module.globals.get(name)
        if function is None:
            function = ir.Function(module, ir.FunctionType(self.vector, [self.vector] * 3), name)
        return self.builder.call(function, [a, b, c])

    def where_positive(self, condition: Any, then: Any, otherwise: Any) -> Any:
        """`then` in the lanes where `condition` > 0, else `otherwise` (a NaN is not positive)."""
        return self.builder.select(self.builder.fcmp_ordered(">", condition, self.zero), then, otherwise)

"""Examples on their way from memory: some are copied into panels side by side, while those after them are asked for.

The rows of a batch lie anywhere in the data. One after the other, each would be waited for; asked for all at once, most would
stand in line. So a cache line is asked for with each that is copied, and several rows take turns.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.np.arrayobj import make_array

from fastdnn.kernels._jit import JIT_DISABLED, intrinsic
from fastdnn.kernels.rows import write_part_copy, write_row_copy
from fastdnn.kernels.vector import CACHE_LINE, INT64, VectorWriter, array_shape, write_line_prefetch, write_loop

# Rows that are copied side by side.
AT_ONCE = 4


@intrinsic
def _fetch_rows_ir(typingctx: Any, X: Any, order: Any, at: Any, soon: Any, A: Any, r: Any) -> Any:
    def codegen(context: Any, builder: ir.IRBuilder, signature: Any, args: list[Any]) -> Any:
        w, b = VectorWriter(context, builder, A.dtype), builder
        vX, vorder, vat, vsoon, vA, vr = args
        width, line = 2 * w.lanes, CACHE_LINE // w.bytes
        n, a_rows = array_shape(context, b, X, vX)[1], array_shape(context, b, A, vA)[1]
        whole, rest = b.sdiv(n, INT64(width)), b.srem(n, INT64(width))
        stride = b.mul(a_rows, INT64(width))
        numbers, places = (make_array(kind)(context, b, value).data for kind, value in ((X, vX), (order, vorder)))

        def rows_from(first: Any) -> list[Any]:
            found = [b.load(b.gep(places, [b.add(first, INT64(s))])) for s in range(AT_ONCE)]
            return [w.at(numbers, b.mul(row, n)) for row in found]

        copied, asked_for = rows_from(vat), rows_from(vsoon)

        def panel(q: Any, values: list[Any]) -> list[Any]:
            (to,) = values
            begin = b.mul(q, INT64(width))
            for row in asked_for:
                for ahead in range(0, width, line):
                    write_line_prefetch(b, w.at(row, b.add(begin, INT64(ahead))), for_writing=False)
            for s, row in enumerate(copied):
                write_row_copy(w, w.at(row, begin), w.at(to, s * width))
            return [w.at(to, stride)]

        first = w.at(make_array(A)(context, b, vA).data, b.mul(vr, INT64(width)))
        (to,) = write_loop(b, "panels", INT64(0), whole, 1, [first], panel)
        done, last = b.sub(n, rest), b.sub(n, INT64(1))
        for row in asked_for:
            for ahead in range(0, width, line):
                place = b.add(done, INT64(ahead))
                inside = b.select(b.icmp_signed("<", place, last), place, last)
                write_line_prefetch(b, w.at(row, inside), for_writing=False)
            # A row that begins in the midst of a line ends in one more.
            write_line_prefetch(b, w.at(row, last), for_writing=False)
        for s, row in enumerate(copied):
            write_part_copy(w, w.at(row, done), rest, w.at(to, s * width))
        return context.get_dummy_value()

    return types.void(X, order, types.int64, types.int64, A, types.int64), codegen


def _fetch_rows_plain(X: Any, order: Any, at: int, soon: int, A: Any, r: int) -> None:
    n, width = X.shape[1], A.shape[2]
    for s in range(AT_ONCE):
        for c in range(n):
            A[c // width, r + s, c % width] = X[order[at + s], c]


fetch_rows: Any = _fetch_rows_plain if JIT_DISABLED else _fetch_rows_ir
fetch_rows.__doc__ = """fetch_rows(X, order, at, soon, A, r): AT_ONCE rows of A[0], from row r on, are rows order[at], ... of X.

X : (m, n) C order, read; rows order[soon], ... are asked for. A : panels of (rows, n) of X's type, overwritten but for padding.
"""

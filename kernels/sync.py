"""How worker threads meet: a barrier whose waiters spin, then sleep, and the words they share with Python.

`sync` is a C-contiguous int64 array; each word below has a cache line (8 numbers) of its own.
"""

from __future__ import annotations

import threading
import time
from typing import Any

import llvmlite.binding as llvm
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.np.arrayobj import make_array

from fastdnn.kernels._jit import JIT_DISABLED, device, intrinsic
from fastdnn.kernels.vector import ARCHITECTURE, INT32, INT64, IS_X86
from fastdnn.kernels.views import flat_view

# Words of `sync`: arrivals at the barrier; 1 where Python asks to stop; steps done; 1 where workers agreed to stop;
# the number (from 1) of the step whose cost was not finite, else 0; workers that sleep at the barrier.
ARRIVALS, STOP_ASKED, STEPS_DONE, STOPPING, DIVERGED_AT, SLEEPERS = 0, 8, 16, 24, 32, 40
SYNC_WORDS = 48
# Numbers that each worker keeps between its meetings, see barrier. CLAIMS counts the pieces of its share that are given out
# (claims.py), after one meeting here and after the next in the place beside it, by turns.
SPINS, MEETINGS, CLAIMS = 0, 1, 2

# How often a waiter looks before it sleeps. The most take half a millisecond: to wake a core that sleeps takes nearly as long on a
# virtual machine, and whoever waits for the one that was woken would fall asleep in turn, and so on at every meeting. The fewest
# are for a machine with a busy neighbour, where looking only keeps the other worker from this core.
MOST_SPINS, _FEWEST_SPINS = 20_000, 1_000

_WINDOWS = "windows" in llvm.get_default_triple()
_python_lock = threading.Lock()


def _word(context: Any, builder: ir.IRBuilder, array_type: Any, array: Any, index: Any) -> Any:
    return builder.gep(make_array(array_type)(context, builder, array).data, [index])


@intrinsic
def _atomic_add_ir(typingctx: Any, sync: Any, index: Any, value: Any) -> Any:
    def codegen(context: Any, builder: ir.IRBuilder, signature: Any, args: list[Any]) -> Any:
        return builder.atomic_rmw(
            "add", _word(context, builder, signature.args[0], args[0], args[1]), args[2], "seq_cst"
        )

    return types.int64(sync, types.int64, types.int64), codegen


@intrinsic
def _atomic_load_ir(typingctx: Any, sync: Any, index: Any) -> Any:
    def codegen(context: Any, builder: ir.IRBuilder, signature: Any, args: list[Any]) -> Any:
        return builder.load_atomic(_word(context, builder, signature.args[0], args[0], args[1]), "acquire", 8)

    return types.int64(sync, types.int64), codegen


@intrinsic
def _pause_ir(typingctx: Any) -> Any:
    """Tell the core that this is a spin loop; nothing where the architecture has no such hint."""

    def codegen(context: Any, builder: ir.IRBuilder, signature: Any, args: list[Any]) -> Any:
        if IS_X86:
            name, kinds, values = "llvm.x86.sse2.pause", [], []
        elif ARCHITECTURE in ("aarch64", "arm64"):
            name, kinds, values = "llvm.aarch64.hint", [INT32], [ir.Constant(INT32, 1)]
        else:
            return context.get_dummy_value()
        builder.call(
            cgutils.get_or_insert_function(builder.module, ir.FunctionType(ir.VoidType(), kinds), name), values
        )
        return context.get_dummy_value()

    return types.void(), codegen


def _yield_core(builder: ir.IRBuilder) -> None:
    """Give the core to whoever waits for it."""
    name = "SwitchToThread" if _WINDOWS else "sched_yield"
    builder.call(cgutils.get_or_insert_function(builder.module, ir.FunctionType(INT32, []), name), [])


# Linux can put a thread to sleep until a word changes (futex(2)); the number of that system call.
_FUTEX = {"x86_64": 202, "aarch64": 98}.get(ARCHITECTURE) if "linux" in llvm.get_default_triple() else None
_FUTEX_WAIT, _FUTEX_WAKE = 128, 129  # among threads of this process


def _futex(builder: ir.IRBuilder, word: Any, operation: int, value: Any) -> None:
    """The system call on the lower half of a word (both architectures are little-endian)."""
    kind = ir.FunctionType(INT64, [INT64], var_arg=True)
    function = cgutils.get_or_insert_function(builder.module, kind, "syscall")
    address, zero = builder.ptrtoint(word, INT64), ir.Constant(INT64, 0)
    arguments = [ir.Constant(INT64, _FUTEX), address, ir.Constant(INT64, operation), value, zero, zero, zero]
    builder.call(function, arguments)


@intrinsic
def _sleep_ir(typingctx: Any, sync: Any, index: Any, value: Any) -> Any:
    """Sleep until somebody wakes those who wait for sync[index], unless it is no longer `value`; else only yield."""

    def codegen(context: Any, builder: ir.IRBuilder, signature: Any, args: list[Any]) -> Any:
        if _FUTEX is None:
            _yield_core(builder)
        else:
            _futex(builder, _word(context, builder, signature.args[0], args[0], args[1]), _FUTEX_WAIT, args[2])
        return context.get_dummy_value()

    return types.void(sync, types.int64, types.int64), codegen


@intrinsic
def _wake_ir(typingctx: Any, sync: Any, index: Any) -> Any:
    """Wake all that sleep for sync[index]."""

    def codegen(context: Any, builder: ir.IRBuilder, signature: Any, args: list[Any]) -> Any:
        if _FUTEX is not None:
            word = _word(context, builder, signature.args[0], args[0], args[1])
            _futex(builder, word, _FUTEX_WAKE, ir.Constant(INT64, 0x7FFFFFFF))
        return context.get_dummy_value()

    return types.void(sync, types.int64), codegen


def _atomic_add_plain(sync: Any, index: int, value: int) -> int:
    with _python_lock:
        before = int(sync[index])
        sync[index] = before + value
    return before


def _atomic_load_plain(sync: Any, index: int) -> int:
    return int(sync[index])


def _pause_plain() -> None:
    """Let another thread have the interpreter, which it would otherwise get only every 5 ms."""
    time.sleep(0)


def _sleep_plain(sync: Any, index: int, value: int) -> None:
    _pause_plain()


def _wake_plain(sync: Any, index: int) -> None:
    """Nobody sleeps."""


if JIT_DISABLED:
    atomic_add, atomic_load, pause = _atomic_add_plain, _atomic_load_plain, _pause_plain
    sleep_while, wake = _sleep_plain, _wake_plain
else:
    atomic_add, atomic_load, pause, sleep_while, wake = _atomic_add_ir, _atomic_load_ir, _pause_ir, _sleep_ir, _wake_ir


@device
def barrier(sync: Any, waits: Any, worker: int, workers: int) -> None:
    """Return when all `workers` threads have called as often as this one; what a thread wrote before it is seen by all after it.

    sync : `sync[ARRIVALS]` must be 0 before the first meeting.
    waits : (workers, 8) int64, a cache line for each. waits[worker, MEETINGS] counts, from 0 before the first; waits[worker, SPINS]
    is how often this worker looks before it sleeps, at first MOST_SPINS: a quarter each time that was not enough, twice as many
    each time it was; what waits[worker, CLAIMS + MEETINGS % 2] counts begins at 0 after each meeting.

    A thread that waits long sleeps, so that its core is free: another program on the machine has usually taken the core of
    the thread that is waited for, and the system then moves that one over. With yielding alone (`sched_yield`) it would not.
    """
    if workers == 1:
        return
    mine = flat_view(waits, worker * waits.shape[1], waits.shape[1])
    mine[MEETINGS] += 1
    # For what is claimed after this meeting; what was counted there before the last one, nobody asks for any more.
    mine[CLAIMS + mine[MEETINGS] % 2] = 0
    everyone = mine[MEETINGS] * workers
    if atomic_add(sync, ARRIVALS, 1) + 1 >= everyone:
        # A sleeper counts itself before it looks at the arrivals for the last time, so one of the two sees the other.
        if atomic_load(sync, SLEEPERS) > 0:
            wake(sync, ARRIVALS)
        return
    for _ in range(mine[SPINS]):
        if atomic_load(sync, ARRIVALS) >= everyone:
            mine[SPINS] = min(MOST_SPINS, 2 * mine[SPINS])
            return
        pause()
    mine[SPINS] = max(_FEWEST_SPINS, mine[SPINS] // 4)
    atomic_add(sync, SLEEPERS, 1)
    arrived = atomic_load(sync, ARRIVALS)
    while arrived < everyone:
        sleep_while(sync, ARRIVALS, arrived)
        arrived = atomic_load(sync, ARRIVALS)
    atomic_add(sync, SLEEPERS, -1)

"""Run one command, and say how long it took and how much CPU time other processes took meanwhile.

The load average counts our own last run, so it cannot tell whether somebody else is busy. /proc/stat can: what the cores
did less what the run itself used is foreign. Where there is no /proc/stat, every run counts as clean.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent


def python_command(script: str, *arguments: str) -> list[str]:
    """A script of this folder with this Python."""
    return [sys.executable, str(HERE / script), *arguments]


def core_seconds() -> dict[int, float]:
    """Seconds since the start of the machine that each core was busy or stolen by the hypervisor; empty if unknown."""
    seconds = {}
    try:
        with open("/proc/stat") as stat:
            for line in stat:
                if line.startswith("cpu") and line[3].isdigit():
                    name, *ticks = line.split()[:9]
                    user, nice, system, _, _, irq, soft, steal = map(int, ticks)
                    seconds[int(name[3:])] = (user + nice + system + irq + soft + steal) / os.sysconf("SC_CLK_TCK")
    except OSError:
        pass
    return seconds


def wait_until_quiet(foreign_cores: float, patience: float) -> None:
    """Return when all together use fewer cores than that for half a second, or after `patience` seconds."""
    end = time.monotonic() + patience
    while time.monotonic() < end:
        before = core_seconds()
        time.sleep(0.5)
        after = core_seconds()
        if sum(after[c] - before[c] for c in after) / 0.5 < foreign_cores:
            return


def _children_seconds() -> float:
    times = os.times()
    return times.children_user + times.children_system


def run_for_json(command: list[str], threads: int, timeout: float, most_foreign: float) -> dict[str, Any]:
    """The JSON object that the command prints last, with

    whole_wall_s : of the process, start to end.
    foreign_cores : cores' worth of other processes' work meanwhile.
    dirty : whether that disturbed a run on the last `threads` cores. Work on the other cores is let pass: it costs little.
    failed : instead of the command's facts, why there are none.
    """
    count = os.cpu_count() or 1
    available = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else list(range(count))
    ours = available[-threads:]
    environment = {**os.environ, "PERF_STARTED": str(time.time())}
    before, used_before, began = core_seconds(), _children_seconds(), time.perf_counter()
    facts: dict[str, Any]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, env=environment, check=False)
        facts = _last_json(done)
    except subprocess.TimeoutExpired:
        facts = {"failed": f"not done after {timeout:g} s"}
    wall = time.perf_counter() - began
    own, after = _children_seconds() - used_before, core_seconds()
    busy = {core: after[core] - before.get(core, 0.0) for core in after}
    foreign = max(0.0, sum(busy.values()) - own) / wall
    foreign_on_ours = max(0.0, sum(busy.get(core, 0.0) for core in ours) - own) / wall
    facts["whole_wall_s"], facts["foreign_cores"] = wall, foreign
    facts["dirty"] = foreign_on_ours > most_foreign or foreign > count - threads + most_foreign
    return facts


def _last_json(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if done.returncode == 0 and lines:
        facts: dict[str, Any] = json.loads(lines[-1])
        return facts
    said = done.stderr.strip().splitlines() or [f"exit status {done.returncode}"]
    return {"failed": said[-1][:300]}

"""Is this tree slower than BASE, or does it learn something else? Exit status 1 if so.

    python perf/gate.py HEAD~1
    python perf/gate.py main --workloads W1,W2 --threads 2
    python perf/gate.py HEAD~1 --workloads W1,W4 --starts 3 --turns 4 --tolerance 0.3     as .ci/run does

The tree of BASE is unpacked into a temporary folder, and three processes are started, alike but for PYTHONPATH and
FASTDNN_CACHE_DIR: base, base again, and candidate (the tree this file lies in). They sit on the same cores and train by turns,
a stretch of a fraction of a second each, so that whatever the machine does meets all of them. The ratio of base again to base is
the noise: it holds what differs between two processes running the same code, such as where their memory lies. All is done over
again with fresh processes, and medians over these starts decide.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from options import several
from workloads import WORKLOADS

ROOT = Path(__file__).parent.parent
WORKER = Path(__file__).parent / "gate_worker.py"
SHORT_LIST = ("W1", "W2", "W4", "W5")

_LEAST_TOLERANCE = 0.05
# The same code in another order of additions moves the loss of so short a run by 1e-5 of itself at most.
_LOSS_TOLERANCE = 1e-3


@dataclass
class Samples:
    """What was measured of one workload: for each start of the processes the samples/s of each turn, and the losses."""

    base: list[list[float]] = field(default_factory=list)
    again: list[list[float]] = field(default_factory=list)
    candidate: list[list[float]] = field(default_factory=list)
    base_loss: float = math.nan
    candidate_loss: float = math.nan


@dataclass(frozen=True)
class Verdict:
    """`ratio` is the candidate's speed over base's, `noise` how far base is from itself."""

    passed: bool
    ratio: float
    noise: float
    reasons: tuple[str, ...]


def _median_ratio(above: list[float], below: list[float]) -> float:
    return statistics.median(a / b for a, b in zip(above, below, strict=True))


def decide(samples: Samples, tolerance: float = _LEAST_TOLERANCE) -> Verdict:
    """Fail where the median ratio is below 1 by more than `tolerance` and more than the noise allows, or where the loss moved.

    The noise is twice the usual (median over the starts) distance of base from itself: the median of some starts of the same
    code lies within that nearly always, while one disturbed start changes nothing.
    """
    against_itself, against_base = [], []
    for base, again, candidate in zip(samples.base, samples.again, samples.candidate, strict=True):
        against_itself.append(abs(_median_ratio(again, base) - 1))
        against_base.append(_median_ratio(candidate, [(a + b) / 2 for a, b in zip(base, again, strict=True)]))
    noise, ratio = 2 * statistics.median(against_itself), statistics.median(against_base)
    allowed = max(tolerance, noise)
    reasons = []
    if not ratio >= 1 - allowed:
        reasons.append(f"{100 * (1 - ratio):.1f} % slower than base, where {100 * allowed:.1f} % are allowed")
    moved = abs(samples.candidate_loss - samples.base_loss)
    if not moved <= _LOSS_TOLERANCE * abs(samples.base_loss):
        reasons.append(f"the loss moved from {samples.base_loss:.6g} to {samples.candidate_loss:.6g}")
    return Verdict(not reasons, ratio, noise, tuple(reasons))


class Worker:
    """A process that trains when it is told to."""

    def __init__(self, tree: Path, cache: Path, threads: int) -> None:
        environment = {**os.environ, "PYTHONPATH": str(tree), "FASTDNN_CACHE_DIR": str(cache)}
        command = [sys.executable, str(WORKER), str(threads), str(tree)]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
        )

    def train(self, workload: str) -> dict[str, Any]:
        """One turn: samples_per_s and loss. RuntimeError with what the process said last if it ended."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        with contextlib.suppress(BrokenPipeError):  # it has ended: what it said last follows
            print(workload, file=self.process.stdin, flush=True)
        line = self.process.stdout.readline()
        if not line:
            said = self.process.stderr.read().strip().splitlines()
            raise RuntimeError(said[-1] if said else "it ended without a word")
        facts: dict[str, Any] = json.loads(line)
        return facts

    def close(self) -> None:
        """End the process."""
        self.process.communicate()


def measure(
    trees: dict[str, Path], caches: Path, workloads: list[str], threads: int, starts: int, turns: int
) -> dict[str, Samples]:
    """Let base, base again and candidate train by turns. BaseUnusableError if base cannot run at all."""
    found = {name: Samples() for name in workloads}
    for _ in range(starts):
        workers = {
            name: Worker(trees[tree], caches / tree, threads)
            for name, tree in (("base", "base"), ("again", "base"), ("candidate", "candidate"))
        }
        try:
            for workload, samples in found.items():
                _one_start(workers, workload, samples, turns)
        finally:
            for worker in workers.values():
                worker.close()
    return found


class BaseUnusableError(RuntimeError):
    """Base cannot run the gate's worker, so there is nothing to compare with."""


def _one_start(workers: dict[str, Worker], workload: str, samples: Samples, turns: int) -> None:
    for name, worker in workers.items():  # the first turn compiles, touches memory and is not counted
        try:
            loss = worker.train(workload)["loss"]
        except RuntimeError as problem:
            if name == "candidate":
                raise SystemExit(f"FAILED: the candidate does not run {workload}: {problem}") from None
            raise BaseUnusableError(str(problem)) from None
        if name != "again":
            setattr(samples, f"{name}_loss", loss)
    speeds: dict[str, list[float]] = {name: [] for name in workers}
    names = list(workers)
    for turn in range(turns):
        first = turn % len(names)  # no one always comes after the same other one
        for name in names[first:] + names[:first]:
            speeds[name].append(workers[name].train(workload)["samples_per_s"])
    for name, values in speeds.items():
        getattr(samples, name).append(values)


def unpack(base: str, folder: Path) -> None:
    """The tree of a commit into a folder, without touching the checkout. SystemExit if there is no such commit."""
    folder.mkdir(parents=True)
    archive = subprocess.run(["git", "-C", str(ROOT), "archive", base], capture_output=True, check=False)
    if archive.returncode:
        raise SystemExit(f"No tree '{base}' here: {archive.stderr.decode().strip()}")
    subprocess.run(["tar", "-x", "-C", str(folder)], input=archive.stdout, check=True)


def dependencies(tree: Path) -> list[str]:
    """The run-time dependencies a tree asks for."""
    file = tree / "pyproject.toml"
    return sorted(tomllib.loads(file.read_text())["project"]["dependencies"]) if file.exists() else []


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("base", help="a commit: HEAD~1, main, ...")
    names = several("workload", WORKLOADS)
    parser.add_argument("--workloads", type=names, default=",".join(SHORT_LIST), help="(default %(default)s)")
    parser.add_argument("--threads", type=int, default=1, help="(default %(default)s)")
    parser.add_argument("--starts", type=int, default=5, help="of the processes (default %(default)s)")
    parser.add_argument("--turns", type=int, default=6, help="for each start and workload (default %(default)s)")
    parser.add_argument(
        "--tolerance", type=float, default=_LEAST_TOLERANCE,
        help="share of speed that may be lost at least, for machines that are shared (default %(default)s)",
    )  # fmt: skip
    given = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="fastdnn-gate-") as scratch:
        trees = {"base": Path(scratch) / "tree", "candidate": ROOT}
        unpack(given.base, trees["base"])
        if dependencies(trees["base"]) != dependencies(ROOT):
            print("Note: the dependencies changed; base runs with those installed here.")
        caches = Path(scratch) / "caches"
        try:
            found = measure(trees, caches, given.workloads, given.threads, given.starts, given.turns)
        except BaseUnusableError as problem:
            print(f"PASSED with a note: '{given.base}' cannot run this gate, so nothing was compared ({problem}).")
            return 0
    return report(found, given.tolerance)


def report(found: dict[str, Samples], tolerance: float = _LEAST_TOLERANCE) -> int:
    """Print a line for each workload; the exit status."""
    verdicts = {name: decide(samples, tolerance) for name, samples in found.items()}
    for name, verdict in verdicts.items():
        outcome = "passed" if verdict.passed else f"FAILED: {'; '.join(verdict.reasons)}"
        print(f"{name}: {verdict.ratio:.3f} x base (noise {100 * verdict.noise:.1f} %): {outcome}")
    return 0 if all(verdict.passed for verdict in verdicts.values()) else 1


if __name__ == "__main__":
    sys.exit(main())

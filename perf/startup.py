"""What starting costs: seconds of whole processes, with nothing compiled before (cold) and with everything kept (warm).

    python perf/startup.py                          this tree
    python perf/startup.py --against FOLDER         another checkout by turns with it
    python perf/startup.py --repeats 1 --no-cold    a smoke run

Every fit must give the same score, cold or warm; what differs ends with exit status 1. Libraries that are installed and not
needed, as pandas and SciPy, may cost time of their own: what is installed is said.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import machine

ROOT = Path(__file__).parent.parent
_COMMAND = "import sys; sys.argv = ['fastdnn', *sys.argv[1:]]; from fastdnn.cli.main import main; main()"
_FIRST_CALL = """
from fastdnn import Examples, Network
import numpy as np
Network([2, 1]).cost(Examples(np.zeros((3, 2), np.float32), np.zeros(3, np.float32)))
"""
_FIT = ("fit", str(ROOT / "examples" / "penguins.csv"), "-t", "species", "--json", "-q", "-o", "m.fdnn")
# Name -> the program, its arguments, and the most seconds that it is to take.
JOBS = {
    "fastdnn --help": (_COMMAND, ("--help",), 0.15),
    "import fastdnn": ("import fastdnn", (), 0.1),
    "import numba": ("import numba", (), None),
    "import, and the first call of a kernel, warm": (_FIRST_CALL, (), 1.0),
    "fastdnn fit penguins.csv, warm": (_COMMAND, _FIT, 1.5),
    "fastdnn fit penguins.csv, cold": (_COMMAND, _FIT, 10.0),
}
_COLD = "fastdnn fit penguins.csv, cold"


def timed(name: str, tree: Path, cache: Path) -> tuple[float, str]:
    """Seconds of one process, and the score that it printed if it is a fit. SystemExit if it fails."""
    program, arguments, _ = JOBS[name]
    environment = {**os.environ, "PYTHONPATH": str(tree), "FASTDNN_CACHE_DIR": str(cache)}
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-c", program, *arguments], cwd=folder, env=environment, capture_output=True, text=True
        )
        seconds = time.perf_counter() - began
    if done.returncode:
        raise SystemExit(f"{name}, {tree}: {done.stderr.strip() or f'exit status {done.returncode}'}")
    if arguments != _FIT:
        return seconds, ""
    # To five digits: another checkout may add up in another order.
    found = json.loads(done.stdout, parse_float=lambda text: float(f"{float(text):.5g}"))
    return seconds, json.dumps(found["score"])


def measure(trees: list[Path], names: list[str], repeats: int) -> tuple[dict[tuple[str, Path], float], set[str]]:
    """Median seconds of each job in each tree, by turns, and all the scores that there were."""
    found: dict[tuple[str, Path], list[float]] = {(name, tree): [] for name in names for tree in trees}
    scores = set()
    with tempfile.TemporaryDirectory() as folder:
        warm = {tree: Path(folder) / f"warm{i}" for i, tree in enumerate(trees)}
        for tree in trees:
            timed("fastdnn fit penguins.csv, warm", tree, warm[tree])
        for turn in range(repeats):
            for i, ((name, tree), seconds) in enumerate(found.items()):
                cache = Path(folder) / f"cold{turn}.{i}" if name == _COLD else warm[tree]
                spent, score = timed(name, tree, cache)
                seconds.append(spent)
                scores.add(score)
    return {key: statistics.median(seconds) for key, seconds in found.items()}, scores - {""}


def table(medians: dict[tuple[str, Path], float], trees: list[Path], names: list[str]) -> str:
    """Markdown."""
    installed = [f"{library} {machine.installed(library) or 'not installed'}" for library in ("pandas", "scipy")]
    heads = ["this tree", *(tree.name for tree in trees[1:])]
    lines = [
        f"Seconds of whole processes; {', '.join(installed)}.",
        "",
        f"| process | {' | '.join(heads)} | goal |",
        f"| --- |{' ---: |' * (len(trees) + 1)}",
    ]
    for name in names:
        goal = JOBS[name][2]
        cells = [f"{medians[name, tree]:.2f}" for tree in trees]
        lines.append(f"| {name} | {' | '.join(cells)} | {'' if goal is None else goal} |")
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> int:
    """0 if all fits agree."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--against", type=Path, metavar="FOLDER", help="another checkout, by turns")
    parser.add_argument("--repeats", type=int, default=3, help="(default %(default)s)")
    parser.add_argument("--no-cold", action="store_true", help="leave out what compiles")
    parser.add_argument("--markdown", type=Path, help="write the table here too")
    given = parser.parse_args(arguments)
    trees = [ROOT, *([given.against.absolute()] if given.against else [])]
    names = [name for name in JOBS if not (given.no_cold and name == _COLD)]
    medians, scores = measure(trees, names, given.repeats)
    text = table(medians, trees, names)
    if len(scores) > 1:
        text += "\n\nTHE SCORES DIFFER: " + "; ".join(sorted(scores))
    print(text)
    if given.markdown:
        given.markdown.write_text(text + "\n", encoding="utf-8")
    return int(len(scores) > 1)


if __name__ == "__main__":
    sys.exit(main())

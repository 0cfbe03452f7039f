"""Write docs/performance.md from the tables that the benchmarks wrote, and the list of what was tried.

    python perf/compare.py --all --markdown results/compare.md
    python perf/compare.py --workloads logistic --markdown results/logistic.md
    python perf/shares.py --markdown results/shares.md
    python perf/startup.py --markdown results/startup.md
    python perf/busy.py --markdown results/busy.md
    python perf/toolbox.py --markdown results/toolbox.md
    python perf/bench_predict.py --markdown results/predict.md
    python perf/bench_estimators.py > results/estimators.md
    python perf/report.py results

A table that is missing is left out, and said to be.
"""

from __future__ import annotations

import argparse
from pathlib import Path

_ROOT = Path(__file__).parents[1]
# File in the folder of results -> its heading, and the command that writes it.
_PARTS = {
    "compare.md": ("Training beside the peers", "python perf/compare.py --all --markdown results/compare.md"),
    "wide.md": (
        "The widest network beside the peers",
        "python perf/compare.py --workloads W3 --markdown results/wide.md",
    ),
    "logistic.md": (
        "Logistic regression on wide rows beside the peers",
        "python perf/compare.py --workloads logistic --markdown results/logistic.md",
    ),
    "shares.md": (
        "Share of the machine's peak, and a second thread",
        "python perf/shares.py --markdown results/shares.md",
    ),
    "haswell.md": (
        "Limited to AVX2, beside NumPy limited to AVX2",
        "python perf/compare.py --cpu haswell --workloads W1,W2,W4 --markdown results/haswell.md",
    ),
    "sse2.md": (
        "Limited to SSE2, beside NumPy limited to it",
        "python perf/compare.py --cpu x86-64 --workloads W1,W2,W4 --markdown results/sse2.md",
    ),
    "startup.md": ("What starting costs", "python perf/startup.py --markdown results/startup.md"),
    "busy.md": ("With a busy neighbour", "python perf/busy.py --markdown results/busy.md"),
    "toolbox.md": ("What the toolbox adds to a step", "python perf/toolbox.py --markdown results/toolbox.md"),
    "predict.md": ("Prediction", "python perf/bench_predict.py --markdown results/predict.md"),
    "estimators.md": ("The estimators beside scikit-learn's", "python perf/bench_estimators.py"),
}


def lowered(text: str) -> str:
    """The text with its headings one level further down."""
    return "\n".join("#" + line if line.startswith("#") else line for line in text.strip().splitlines())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="where the tables are")
    folder: Path = parser.parse_args().folder
    parts = [
        "# Speed",
        "Written by `perf/report.py` from the tables of the benchmarks; each names its command. The protocol is in perf/README.md.",
    ]
    for name, (heading, command) in _PARTS.items():
        file = folder / name
        if file.exists():
            text = file.read_text(encoding="utf-8")
            shown = lowered(text) if "| --- " in text else f"```\n{text.strip()}\n```"
            parts.append(f"## {heading}\n\n`{command}`\n\n{shown}")
        else:
            print(f"Left out, no {file}: {heading}.")
    parts.append((_ROOT / "perf" / "tried.md").read_text(encoding="utf-8").strip())
    (_ROOT / "docs" / "performance.md").write_text("\n\n".join(parts) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

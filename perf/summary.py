"""From the runs of a comparison to one line for each library, and to Markdown tables."""

from __future__ import annotations

import json
import statistics
from pathlib import Path
from typing import Any

from workloads import WORKLOADS, Workload

# (workload, threads) -> library -> its runs, failed ones too
Groups = dict[tuple[str, int], dict[str, list[dict[str, Any]]]]

_MEDIANS = (
    "samples_per_s", "gflops", "loss_first", "loss_last", "train_loss", "test_score", "peak_mb", "import_s", "first_epoch_s",
    "whole_wall_s",
)  # fmt: skip


def finished(runs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The runs that count: those that did not fail and, if there are any, were not disturbed."""
    done = [run for run in runs if "failed" not in run]
    return [run for run in done if not run["dirty"]] or done


def library_line(runs: list[dict[str, Any]], ours: float | None, peak: float) -> dict[str, Any]:
    """Medians over the runs that count.

    ours : samples/s of fastdnn, or None. peak : GFLOP/s that as many cores as the runs had could do.
    """
    kept = finished(runs)
    if not kept:
        return {"failed": runs[-1]["failed"] if runs else "not run"}
    line: dict[str, Any] = {key: statistics.median(run[key] for run in kept) for key in _MEDIANS if key in kept[0]}
    line["fastdnn_ratio"] = ours / line["samples_per_s"] if ours else None
    line["share_of_peak"] = line["gflops"] / peak
    line["runs"], line["disturbed"] = len(kept), kept[0]["dirty"]
    line["threads_used"] = kept[0].get("threads_used")
    return line


def summarise(groups: Groups, core_peak: float) -> list[dict[str, Any]]:
    """For each workload and number of threads its libraries' lines, fastest first, and how fastdnn stands to the bars."""
    result = []
    for (name, threads), runs in groups.items():
        ours_kept = finished(runs.get("fastdnn", []))
        ours = statistics.median(run["samples_per_s"] for run in ours_kept) if ours_kept else None
        lines = {library: library_line(kept, ours, threads * core_peak) for library, kept in runs.items()}
        order = sorted(lines, key=lambda library: -lines[library].get("samples_per_s", 0.0))
        ratios = {n: line["fastdnn_ratio"] for n, line in lines.items() if line.get("fastdnn_ratio") and n != "fastdnn"}
        best = min(ratios, key=lambda n: ratios[n]) if ratios else None
        result.append(
            {
                "workload": name,
                "threads": threads,
                "samples_per_s": ours,
                "best_peer": best,
                "best_peer_ratio": ratios[best] if best else None,
                "best_peer_bar": WORKLOADS[name].best_peer_bar,
                "torch_ratio": ratios.get("torch-fast"),
                "torch_bar": WORKLOADS[name].torch_bar,
                "libraries": {library: lines[library] for library in order},
            }
        )
    return result


def short(value: float | None, unit: str = "") -> str:
    """Three digits: 339k, 3.1M, 0.052; a dash for None."""
    if value is None:
        return "-"
    for limit, sign in ((1e6, "M"), (1e3, "k")):
        if abs(value) >= limit:
            return f"{value / limit:.3g}{sign}{unit}"
    return f"{value:.3g}{unit}"


def markdown(result: dict[str, Any]) -> str:
    """The whole result of compare.py as Markdown: machine, overview, a table for each workload, what to know."""
    machine = result["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    limited = "" if machine.get("numba_cpu", "host") == "host" else f" (limited to {machine['numba_cpu']})"
    text = [
        f"Measured on {machine['cpu']}, {machine['cores']} cores, {machine['vector_bits']}-bit vectors{limited}; Python "
        f"{machine['python']}, {versions}; NumPy's BLAS: {machine['blas']}. Register tile in L1: "
        f"{result['peak']['tile_gflops']:.0f} GFLOP/s a core. Medians of {result['repeats']} alternating runs.",
        "",
    ]
    if "cut" in result:
        text += [f"{result['cut']} The figures mean nothing.", ""]
    if result["missing"]:
        text += [f"Not installed here, so left out: {', '.join(result['missing'])}.", ""]
    text += table(
        ["workload", "threads", "fastdnn samples/s", "best peer", "fastdnn ÷ best peer", "bar", "÷ hand-tuned PyTorch", "bar"],
        [
            [
                row["workload"], str(row["threads"]), short(row["samples_per_s"]), row["best_peer"] or "-",
                short(row["best_peer_ratio"]), short(row["best_peer_bar"]), short(row["torch_ratio"]), short(row["torch_bar"]),
            ]
            for row in result["summary"]
        ],
    )  # fmt: skip
    for row in result["summary"]:
        text += [
            "",
            f"### {row['workload']}, {threads_word(row['threads'])}: {describe(WORKLOADS[row['workload']])}",
            "",
        ]
        text += table(
            [
                "library", "samples/s", "fastdnn ÷ it", "GFLOP/s", "of peak", "loss", "test score", "memory MB", "import s",
                "first epoch s", "whole process s",
            ],
            [_library_cells(library, line) for library, line in row["libraries"].items() if "failed" not in line],
        )  # fmt: skip
        text += [f"\n{n} failed: {line['failed']}" for n, line in row["libraries"].items() if "failed" in line]
    if any(line.get("disturbed") for row in result["summary"] for line in row["libraries"].values()):
        text += ["", "\\* other processes disturbed every run of it."]
    text += ["", "Losses: " + ("all libraries agree." if not result["disagreements"] else "THEY DO NOT AGREE.")]
    text += [f"- {sentence}" for sentence in result["disagreements"]]
    return "\n".join(text) + "\n"


def describe(workload: Workload) -> str:
    """The job in a line."""
    return f"{workload.title}, batch {workload.batch}, {workload.optimizer}, {workload.activation}, {workload.loss}"


def threads_word(threads: int) -> str:
    """1 thread, 2 threads."""
    return f"{threads} thread{'s' if threads > 1 else ''}"


def _library_cells(library: str, line: dict[str, Any]) -> list[str]:
    star = "\\*" if line["disturbed"] else ""
    used = f" ({threads_word(line['threads_used'])})" if line["threads_used"] else ""
    return [
        library + used, short(line["samples_per_s"]) + star, short(line["fastdnn_ratio"]), short(line["gflops"]),
        f"{100 * line['share_of_peak']:.0f} %", f"{line['train_loss']:.4g}", f"{line.get('test_score', float('nan')):.4f}",
        f"{line['peak_mb']:.0f}", f"{line['import_s']:.2f}", short(line["first_epoch_s"]), f"{line['whole_wall_s']:.1f}",
    ]  # fmt: skip


def table(head: list[str], rows: list[list[str]]) -> list[str]:
    """The lines of a Markdown table, numbers to the right."""
    rule = ["---", *["---:"] * (len(head) - 1)]
    return [f"| {' | '.join(cells)} |" for cells in (head, rule, *rows)]


def publish(text: str, result: dict[str, Any], markdown_file: Path | None, json_file: Path | None) -> None:
    """The text into its file, or to standard output without one; the result into the other, if there is one."""
    if markdown_file:
        markdown_file.write_text(text, encoding="utf-8")
    else:
        print(text)
    if json_file:
        json_file.write_text(json.dumps(result, indent=1), encoding="utf-8")

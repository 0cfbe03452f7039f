"""Compare fastdnn with every installed peer on the workloads, in alternating runs, and check that all reach the same loss.

    python perf/compare.py                                      a short list of workloads, 1 and 2 threads
    python perf/compare.py --all --markdown table.md --json table.json
    python perf/compare.py --workloads W2 --threads 1 --peers numpy,torch-manual
    python perf/compare.py --workloads mnist --mnist FOLDER
    python perf/compare.py --cpu haswell --peers fastdnn,numpy  both limited to AVX2
    python perf/compare.py --rows 500 --repeats 1               a smoke run: the figures mean nothing

Exit status 1 if losses disagree or fastdnn failed.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from agreement import disagreements
from options import several
from processes import python_command, run_for_json, wait_until_quiet
from summary import Groups, finished, markdown, publish, short
from workloads import ALL, SHORT_LIST, WORKLOADS, Workload, data_file, default_folder

# Name in tables -> the package it needs, the peer module, its mode.
PEERS = {
    "fastdnn": ("fastdnn", "fastdnn", ""),
    "numpy": ("numpy", "numpy", ""),
    "jax": ("jax", "jax", ""),
    "torch-manual": ("torch", "torch", "manual"),
    "torch-compile": ("torch", "torch", "compile"),
    "torch-fast": ("torch", "torch", "fast"),
    "sklearn": ("sklearn", "sklearn", ""),
}

# What limits fastdnn (Numba, whose features default to those of this CPU) and NumPy (OpenBLAS) to an older instruction set.
CPUS = {
    "haswell": {"NUMBA_CPU_NAME": "haswell", "NUMBA_CPU_FEATURES": "", "OPENBLAS_CORETYPE": "Haswell"},
    "x86-64": {"NUMBA_CPU_NAME": "x86-64", "NUMBA_CPU_FEATURES": "", "OPENBLAS_CORETYPE": "Prescott"},
}
_LIMITED = ("fastdnn", "numpy")


def parse(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--workloads", type=several("workload", WORKLOADS), default=",".join(SHORT_LIST),
        help=f"of {', '.join(WORKLOADS)} (default %(default)s)",
    )  # fmt: skip
    parser.add_argument("--all", action="store_true", help="W1 to W8")
    parser.add_argument(
        "--peers", type=several("peer", PEERS), default=",".join(PEERS), help="(default all: %(default)s)"
    )
    parser.add_argument(
        "--cpu", choices=CPUS, help=f"limit the instruction set; then only {' and '.join(_LIMITED)} run"
    )
    parser.add_argument("--threads", default="1,2", help="(default %(default)s)")
    parser.add_argument("--repeats", type=int, default=3, help="(default %(default)s)")
    parser.add_argument(
        "--data", type=Path, default=default_folder(), help="folder of the data, filled as needed (default %(default)s)"
    )
    parser.add_argument("--mnist", type=Path, help="folder with MNIST's IDX files, for the workload 'mnist'")
    parser.add_argument("--rows", type=int, default=0, help="cut the data to so many training rows (default: all)")
    parser.add_argument("--epochs", type=int, help="instead of the workload's own number")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="(default: standard output)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="every run and the summary")
    parser.add_argument("--timeout", type=float, default=600, help="seconds for one run (default %(default)s)")
    parser.add_argument(
        "--retries", type=int, default=1, help="of a run that other processes disturbed (default %(default)s)"
    )
    parser.add_argument(
        "--most-foreign", type=float, default=0.12, help="cores of other work let pass (default %(default)s)"
    )
    parser.add_argument(
        "--patience", type=float, default=30, help="seconds to wait for a quiet machine (default %(default)s)"
    )
    given = parser.parse_args(argv)
    if given.all:
        given.workloads = list(ALL)
    if given.cpu and given.peers == list(PEERS):
        given.peers = list(_LIMITED)
    given.threads = [int(t) for t in given.threads.split(",")]
    if given.cpu and not set(given.peers) <= set(_LIMITED):
        parser.error(f"--cpu limits {' and '.join(_LIMITED)} only; leave the other peers out.")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if not 1 <= min(given.threads) <= max(given.threads) <= cores:
        parser.error(f"--threads must lie between 1 and {cores}, the cores there are.")
    return given


def split_installed(peers: list[str]) -> tuple[list[str], list[str]]:
    """The peers that can run here, and those whose package is missing."""
    present = [name for name in peers if importlib.util.find_spec(PEERS[name][0])]
    return present, [name for name in peers if name not in present]


def run_job(name: str, workload: Workload, threads: int, order_seed: int, given: argparse.Namespace) -> dict[str, Any]:
    """One run of one library, again if it was disturbed."""
    _, peer, mode = PEERS[name]
    command = python_command(
        "run_peer.py", peer, *workload.arguments(), "--threads", str(threads), "--order-seed", str(order_seed),
        "--data", str(data_file(given.data, workload, given.rows)), *(["--mode", mode] if mode else []),
    )  # fmt: skip
    for _ in range(given.retries + 1):
        wait_until_quiet((os.cpu_count() or 1) - threads + given.most_foreign, given.patience)
        facts = run_for_json(command, threads, given.timeout, given.most_foreign)
        if "failed" in facts or not facts["dirty"]:
            break
    return facts


def run_all(peers: list[str], given: argparse.Namespace) -> Groups:
    """All runs, alternating: every library once, then every library again."""
    groups: Groups = {(w, t): {name: [] for name in peers} for w in given.workloads for t in given.threads}
    for repeat in range(given.repeats):
        for (name, threads), runs in groups.items():
            workload = WORKLOADS[name] if given.epochs is None else replace(WORKLOADS[name], epochs=given.epochs)
            for peer in peers:
                facts = run_job(peer, workload, threads, repeat, given)
                runs[peer].append(facts)
                outcome = facts.get("failed") or f"{short(facts['samples_per_s'])}/s, loss {facts['train_loss']:.4g}"
                print(
                    name, f"{threads}T", f"{peer}: {outcome}", "disturbed" * facts["dirty"], file=sys.stderr, flush=True
                )
    return groups


def prepare(given: argparse.Namespace, peers: list[str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Write missing data, fill fastdnn's cache of compiled kernels, and measure the machine: its facts and its peak."""
    options = ["--only", ",".join(given.workloads), "--rows", str(given.rows)]
    options += ["--mnist", str(given.mnist)] if given.mnist else []
    written = run_for_json(python_command("workloads.py", str(given.data), *options), 1, 600, 1.0)
    first = WORKLOADS[given.workloads[0]]
    if not data_file(given.data, first, given.rows).exists():
        raise SystemExit(f"The data could not be made: {written.get('failed')}")
    if "fastdnn" in peers:
        tiny = ["--data", str(data_file(given.data, first, given.rows)), "--rows", "64", "--epochs", "1"]
        run_for_json(python_command("run_peer.py", "fastdnn", *first.arguments(), *tiny), 1, 600, 1.0)
    machine = run_for_json(python_command("machine.py"), 1, 60, 1.0)
    peak = run_for_json(python_command("peak.py", "--json"), 1, 300, given.most_foreign)
    for facts in (machine, peak):
        if "failed" in facts:
            raise SystemExit(f"fastdnn cannot be used here: {facts['failed']}")
    return machine, peak


def main(argv: list[str] | None = None) -> int:
    given = parse(argv)
    os.environ.update(CPUS.get(given.cpu, {}))  # every run is a process of its own, which inherits it
    peers, missing = split_installed(given.peers)
    if missing:
        print(f"Not installed, left out: {', '.join(missing)}.", file=sys.stderr)
    machine, peak = prepare(given, peers)
    groups = run_all(peers, given)
    result = report(groups, machine, peak, missing, given.repeats)
    if given.rows or given.epochs:
        result["cut"] = (
            f"A smoke run, data or epochs cut short ({given.rows or 'all'} rows, {given.epochs or 'usual'} epochs)."
        )
    publish(markdown(result), result, given.markdown, given.json)
    failed = any("failed" in run for runs in groups.values() for run in runs.get("fastdnn", []))
    return 1 if result["disagreements"] or failed else 0


def report(
    groups: Groups, machine: dict[str, Any], peak: dict[str, Any], missing: list[str], repeats: int
) -> dict[str, Any]:
    """What --json writes and --markdown shows."""
    from summary import summarise

    found = []
    for (name, threads), runs in groups.items():
        counted = {peer: finished(kept) for peer, kept in runs.items()}
        for sentence in disagreements(counted, full_batch=WORKLOADS[name].full_batch):
            found.append(f"{name}, {threads} threads: {sentence}")
    runs_list = [
        {"workload": name, "library": peer, **run}
        for (name, _), by_peer in groups.items() for peer, kept in by_peer.items() for run in kept
    ]  # fmt: skip
    return {
        "machine": machine, "peak": peak, "missing": missing, "repeats": repeats, "disagreements": found,
        "summary": summarise(groups, peak["tile_gflops"]), "runs": runs_list,
    }  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())

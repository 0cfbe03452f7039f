"""perf/: the comparison runs, notices what differs, and the gate decides rightly. No figure of speed is looked at."""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import platform
import sys
from pathlib import Path

import numpy as np
import pytest

PERF = Path(__file__).parent.parent / "perf"
sys.path.insert(0, str(PERF))  # the scripts there are no package: they run from their own folder
agreement, bench_predict, compare, gate, memory, processes, protocol, shares, startup, summary, workloads = (
    importlib.import_module(name)
    for name in (
        "agreement", "bench_predict", "compare", "gate", "memory", "processes", "protocol", "shares", "startup",
        "summary", "workloads",
    )
)  # fmt: skip


def smoke_options(tmp_path, *more):
    files = "--data", str(tmp_path), "--json", str(tmp_path / "table.json"), "--markdown", str(tmp_path / "table.md")
    quick = "--rows", "64", "--epochs", "2", "--repeats", "1", "--threads", "1", "--patience", "0", "--retries", "0"
    return [*files, *quick, *more]


def made_up_run(**changes):
    """The facts of a run as run_peer.py and processes.py give them."""
    run = {
        "m": 1000, "epochs": 200, "samples_per_s": 1e6, "gflops": 10.0, "loss_first": 0.7, "loss_early": 0.3,
        "loss_last": 0.2, "train_loss": 0.2, "test_score": 0.9, "peak_mb": 100.0, "import_s": 0.4, "first_epoch_s": 0.1,
        "whole_wall_s": 2.0, "dirty": False, "threads": 1,
    }  # fmt: skip
    return {**run, **changes}


@pytest.fixture
def only_numpy_and_fastdnn(monkeypatch):
    find = importlib.util.find_spec

    def found(name, *rest):
        return None if name in ("jax", "torch", "sklearn") else find(name, *rest)

    monkeypatch.setattr(importlib.util, "find_spec", found)


@pytest.mark.slow
def test_comparison_runs_from_end_to_end(tmp_path, only_numpy_and_fastdnn, capsys):
    assert compare.main(smoke_options(tmp_path, "--workloads", "W1,W5")) == 0
    result = json.loads((tmp_path / "table.json").read_text())
    assert result["missing"] == ["jax", "torch-manual", "torch-compile", "torch-fast", "sklearn"]
    assert "left out: jax, torch-manual, torch-compile, torch-fast, sklearn" in capsys.readouterr().err
    assert result["disagreements"] == []
    assert result["peak"]["tile_gflops"] > 0
    assert [(row["workload"], sorted(row["libraries"])) for row in result["summary"]] == [
        ("W1", ["fastdnn", "numpy"]),
        ("W5", ["fastdnn", "numpy"]),
    ]
    runs = {(run["workload"], run["library"]): run for run in result["runs"]}
    assert runs["W5", "fastdnn"]["loss_last"] == pytest.approx(runs["W5", "numpy"]["loss_last"], rel=1e-5)
    text = (tmp_path / "table.md").read_text()
    assert "Not installed here, so left out: jax" in text
    assert "Losses: all libraries agree." in text
    assert "The figures mean nothing." in text
    rows = [line for line in text.splitlines() if line.startswith("| W5 ")]
    assert len(rows) == 1
    assert rows[0].count("|") == 9


@pytest.fixture
def without_processes(monkeypatch):
    """compare.py with made-up runs: what each library's run says can be set."""
    said = {name: made_up_run() for name in compare.PEERS}
    machine = {"cpu": "a CPU", "cores": 2, "vector_bits": 256, "python": "3", "versions": {"numpy": "2"}, "blas": "b"}
    monkeypatch.setattr(compare, "prepare", lambda given, peers: (machine, {"tile_gflops": 100.0}))
    monkeypatch.setattr(compare, "run_job", lambda name, *rest: dict(said[name]))
    return said


def test_a_wrong_loss_fails_the_comparison(tmp_path, without_processes, only_numpy_and_fastdnn):
    options = smoke_options(tmp_path, "--workloads", "W5")
    assert compare.main(options) == 0
    without_processes["fastdnn"]["loss_early"] *= 1.001
    assert compare.main(options) == 1
    found = json.loads((tmp_path / "table.json").read_text())["disagreements"]
    assert len(found) == 1
    assert "W5, 1 threads: fastdnn: loss_early is 0.3003, but 0.3 in numpy" in found[0]
    assert "THEY DO NOT AGREE" in (tmp_path / "table.md").read_text()


def test_a_failed_peer_is_told_and_a_failed_fastdnn_fails(tmp_path, without_processes, only_numpy_and_fastdnn):
    options = smoke_options(tmp_path, "--workloads", "W4")
    without_processes["numpy"] = {"failed": "not done after 600 s", "dirty": False}
    assert compare.main(options) == 0
    assert "numpy failed: not done after 600 s" in (tmp_path / "table.md").read_text()
    without_processes["fastdnn"] = {"failed": "broken", "dirty": False}
    assert compare.main(options) == 1


@pytest.mark.parametrize(
    ("program", "wrong", "said"),
    [
        (compare, ["--workloads", "W9"], "no workload 'W9'. Allowed: W1, W2"),
        (compare, ["--peers", "numpi"], "no peer 'numpi'. Allowed: fastdnn"),
        (compare, ["--threads", "0"], "--threads must lie between 1 and"),
        (gate, ["HEAD", "--workloads", "W1,"], "no workload ''. Allowed: W1, W2"),
        (shares, ["--workloads", "W9"], "no workload 'W9'. Allowed: W1, W2"),
        (bench_predict, ["--networks", "W1,W9"], "no network 'W9'. Allowed: W1, W2"),
        (bench_predict, ["--rows", "0"], "--rows and --threads must be 1 or more"),
    ],
)
def test_wrong_usage_is_said(program, wrong, said, capsys):
    with pytest.raises(SystemExit) as ended:
        program.main(wrong)
    assert ended.value.code == 2
    assert said in capsys.readouterr().err


def test_an_older_cpu_is_for_those_that_can_be_limited(monkeypatch, capsys):
    """And is said in the table. The processes that run inherit the limits."""
    given = compare.parse(["--cpu", "haswell"])
    assert given.peers == ["fastdnn", "numpy"]
    with pytest.raises(SystemExit):
        compare.parse(["--cpu", "haswell", "--peers", "fastdnn,jax"])
    assert "leave the other peers out" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        compare.parse(["--cpu", "z80"])


@pytest.mark.slow
@pytest.mark.parametrize(("cpu", "bits"), [("haswell", 256), ("x86-64", 128)])
@pytest.mark.skipif(platform.machine() != "x86_64", reason="instruction sets of x86-64")
def test_comparison_on_an_older_cpu(tmp_path, monkeypatch, cpu, bits):
    monkeypatch.setattr(os, "environ", os.environ.copy())
    assert compare.main(smoke_options(tmp_path, "--workloads", "W5", "--cpu", cpu)) == 0
    result = json.loads((tmp_path / "table.json").read_text())
    assert result["machine"]["vector_bits"] == bits
    assert f"{bits}-bit vectors (limited to {cpu})" in (tmp_path / "table.md").read_text()


def test_another_learning_rate_is_noticed(tmp_path):
    """Two real runs of the NumPy peer, on the data of W5 cut short."""
    processes.run_for_json(
        processes.python_command("workloads.py", str(tmp_path), "--only", "W5", "--rows", "64"), 1, 60, 1
    )
    job = workloads.WORKLOADS["W5"].arguments()
    common = ["numpy", *job, "--data", str(tmp_path / "tiny_moons-64.npz"), "--epochs", "20"]
    right, again, wrong = (
        processes.run_for_json(
            processes.python_command("run_peer.py", *common, "--learning-rate", rate), 1, 60, most_foreign=1
        )
        for rate in ("0.5", "0.5", "0.51")
    )
    assert "failed" not in right
    assert agreement.disagreements({"numpy": [right], "fastdnn": [again]}, full_batch=True) == []
    found = agreement.disagreements({"numpy": [right], "fastdnn": [wrong]}, full_batch=True)
    assert found
    assert "loss_early" in found[0]


@pytest.mark.parametrize("key", ["loss_last", "train_loss"])
def test_shuffled_jobs_are_judged_by_how_far_orders_differ(key):
    allowed = agreement.tolerances(False, 60_000, 4)[key]
    for factor, agree in ((1 + 0.9 * allowed, True), (1 + 1.1 * allowed, False), (float("nan"), False)):
        other = made_up_run(m=60_000, **{key: 0.2 * factor})
        runs = {"numpy": [made_up_run(m=60_000)], "fastdnn": [other]}
        assert (agreement.disagreements(runs, full_batch=False) == []) is agree


def test_a_library_that_learns_nothing_is_told():
    idle = {"numpy": [made_up_run(train_loss=0.7)]}
    assert "learned nothing" in agreement.disagreements(idle, full_batch=False)[0]


def test_disturbed_runs_count_only_where_there_are_no_others():
    runs = [made_up_run(samples_per_s=1.0, dirty=True), made_up_run(samples_per_s=2.0), made_up_run(samples_per_s=4.0)]
    assert summary.library_line(runs, 6.0, 100.0)["samples_per_s"] == 3.0
    assert summary.library_line(runs, 6.0, 100.0)["fastdnn_ratio"] == 2.0
    assert summary.library_line(runs[:1], 6.0, 100.0)["disturbed"]
    assert "failed" in summary.library_line([{"failed": "why", "dirty": False}], 6.0, 100.0)


def samples(rng, slowdown=1.0, noise=0.03, process_noise=0.01, loss=0.5):
    """Five starts of six turns at a million samples/s, with noise of each turn and of each process."""

    def turns(speed):
        return [
            (speed * np.exp(rng.normal(0, process_noise)) * np.exp(rng.normal(0, noise, 6))).tolist() for _ in range(5)
        ]

    return gate.Samples(turns(1e6), turns(1e6), turns(1e6 / slowdown), base_loss=0.5, candidate_loss=loss)


def test_gate_passes_what_is_unchanged(rng):
    assert all(gate.decide(samples(rng)).passed for _ in range(50))


def test_gate_fails_what_is_ten_percent_slower(rng):
    verdicts = [gate.decide(samples(rng, slowdown=1.1)) for _ in range(50)]
    assert not any(verdict.passed for verdict in verdicts)
    assert "slower than base" in verdicts[0].reasons[0]


def test_gate_passes_what_is_faster(rng):
    assert gate.decide(samples(rng, slowdown=0.5)).passed


@pytest.mark.parametrize("loss", [0.51, 0.499, float("nan")])
def test_gate_fails_a_moved_loss(rng, loss):
    verdict = gate.decide(samples(rng, loss=loss))
    assert not verdict.passed
    assert "the loss moved from 0.5" in verdict.reasons[0]


def test_gate_allows_what_the_machine_does_to_base(rng):
    verdict = gate.decide(samples(rng, slowdown=1.06, process_noise=0.2))
    assert verdict.noise > 0.07
    assert verdict.passed


def test_gate_allows_more_where_it_is_told_to(rng):
    slow = samples(rng, slowdown=1.25)
    assert not gate.decide(slow).passed
    assert gate.decide(slow, 0.3).passed
    assert not gate.decide(samples(rng, slowdown=1.6), 0.3).passed
    assert not gate.decide(samples(rng, loss=0.51), 0.3).passed


def test_gate_reports_and_returns_the_verdict(rng, capsys):
    assert gate.report({"W1": samples(rng), "W4": samples(rng, slowdown=1.3)}) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("W1: ")
    assert lines[0].endswith("passed")
    assert "W4: " in lines[1]
    assert "FAILED" in lines[1]


def test_gate_passes_with_a_note_where_base_cannot_run(monkeypatch, capsys):
    monkeypatch.setattr(gate, "unpack", lambda base, folder: folder.mkdir(parents=True))
    assert gate.main(["nothing", "--workloads", "W5", "--starts", "1", "--turns", "1"]) == 0
    assert "PASSED with a note: 'nothing' cannot run this gate" in capsys.readouterr().out


def test_every_workload_is_a_job_and_starts_from_weights_of_its_shape():
    for name, workload in workloads.WORKLOADS.items():
        job = protocol.parse(["numpy", *workload.arguments(), "--data", "x.npz"])
        assert [job.layers, job.epochs, job.shuffle] == [workload.layers, workload.epochs, workload.shuffle], name
    shapes = [(W.shape, b.shape) for W, b in protocol.start_weights(job)]
    assert shapes == [((784, 128), (128,)), ((128, 10), (10,))]


def test_memory_writes_images_that_fit_reads(tmp_path):
    from fastdnn.idx import read_idx

    images, labels = memory.write_idx(tmp_path, 5)
    assert read_idx(images).shape == (5, 28, 28)
    assert read_idx(labels).shape == (5,)


PREDICTING = ["--networks", "W4,W7", "--rows", "1,30", "--seconds", "0"]


def without_pinning(monkeypatch, missing):
    """bench_predict measures in its own process: this one keeps its cores, and has not these packages."""
    find = importlib.util.find_spec
    monkeypatch.setattr(protocol, "limit_threads", lambda threads: None)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *rest: None if name in missing else find(name, *rest))


def test_bench_predict_runs_without_peers_and_says_who_is_missing(tmp_path, monkeypatch, capsys):
    without_pinning(monkeypatch, ("torch", "onnxruntime"))
    files = "--json", str(tmp_path / "p.json"), "--markdown", str(tmp_path / "p.md")
    assert bench_predict.main([*PREDICTING, *files]) == 0
    assert "left out: onnxruntime, torch" in capsys.readouterr().err
    result = json.loads((tmp_path / "p.json").read_text())
    assert [(r["network"], r["rows"]) for r in result["records"]] == [("W4", 1), ("W4", 30), ("W7", 1), ("W7", 30)]
    for record in result["records"]:
        assert set(record["seconds"]) == {"Predictor", "predict", "numpy"}
        assert all(0 < record["fastest"][peer] <= seconds for peer, seconds in record["seconds"].items())
    text = (tmp_path / "p.md").read_text()
    assert "| W7 54-7 | 30 |" in text
    assert "all libraries agree" in text


@pytest.mark.parametrize("peer", ["torch", "onnxruntime"])
def test_bench_predict_builds_the_same_network_for_every_peer(peer):
    pytest.importorskip(peer)
    for name in ("W4", "W5", "W6", "W7"):
        network = bench_predict.make_network(name)
        X = np.random.default_rng(0).normal(size=(5, network.layer_dims[0])).astype(np.float32)
        AL = bench_predict.make_forward(peer, network, 1)(X)
        np.testing.assert_allclose(AL, network.predict(X), rtol=1e-4, atol=1e-6)


def test_bench_predict_fails_where_answers_differ(monkeypatch, capsys):
    without_pinning(monkeypatch, ("torch", "onnxruntime"))
    monkeypatch.setattr(
        bench_predict, "make_forward", lambda peer, network, threads: lambda X: network.predict(X) + 0.01
    )
    assert bench_predict.main([*PREDICTING, "--peers", "numpy"]) == 1
    assert "THEY DO NOT AGREE" in capsys.readouterr().out


@pytest.mark.parametrize("options", [["--networks", "W9"], ["--peers", "fann"], ["--rows", "0"], ["--threads", "0"]])
def test_bench_predict_names_what_is_allowed(options, capsys):
    with pytest.raises(SystemExit):
        bench_predict.main(options)
    assert ("must be 1 or more" if options[1] == "0" else "Allowed: ") in capsys.readouterr().err


def test_startup_times_whole_processes_and_names_what_fails(tmp_path, monkeypatch):
    seconds, score = startup.timed("fastdnn --help", startup.ROOT, tmp_path)
    assert seconds > 0
    assert score == ""
    monkeypatch.setitem(startup.JOBS, "broken", ("raise OSError('no such thing')", (), None))
    with pytest.raises(SystemExit, match=r"broken, .*: Traceback(.|\n)*no such thing"):
        startup.timed("broken", startup.ROOT, tmp_path)


@pytest.mark.parametrize(("scores", "status"), [(["1", "1"], 0), (["1", "2"], 1)])
def test_startup_takes_turns_and_fails_where_scores_differ(monkeypatch, tmp_path, capsys, scores, status):
    calls = []

    def timed(name, tree, cache):
        calls.append((name, tree))
        cold = "cold" in cache.name
        return (9.0 if cold else 1.0), scores[cold] if "fit" in name else ""

    monkeypatch.setattr(startup, "timed", timed)
    place = tmp_path / "t.md"
    assert startup.main(["--repeats", "2", "--against", str(tmp_path), "--markdown", str(place)]) == status
    turns = [tree for name, tree in calls if name.endswith("cold")]
    assert turns == [startup.ROOT, tmp_path] * 2
    assert "| fastdnn fit penguins.csv, cold | 9.00 | 9.00 | 10.0 |" in place.read_text()
    assert ("THE SCORES DIFFER: 1; 2" in capsys.readouterr().out) == bool(status)


def test_shares_shows_what_bench_measures(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("fastdnn.benchmark.tile_rates", lambda: [50.0])
    found = shares.measured("W5", 0.01, [1])
    assert found["network"]["layers"] == [2, 16, 16, 1]
    assert found["network"]["rows"] == found["network"]["batch_size"] == 1000
    runs = [{"samples_per_s": 2000.0, "share_of_peak": 0.8}, {"samples_per_s": 3500.0, "share_of_peak": 0.7}]
    monkeypatch.setattr(shares, "benchmark", lambda *_, **given: {"runs": runs[: len(given["threads"])]})
    place = tmp_path / "t.md"
    shares.main(["--workloads", "W2", "--markdown", str(place)])
    assert "| W2 784-512-512-10, 128, adam | 2,000 | 0.80 | 3,500 | 0.70 | 1.75 |" in place.read_text()
    assert place.read_text() == capsys.readouterr().out
    shares.main(["--workloads", "W2", "--threads", "1"])
    assert "| W2 784-512-512-10, 128, adam | 2,000 | 0.80 |" in capsys.readouterr().out

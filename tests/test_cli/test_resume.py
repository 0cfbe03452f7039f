"""fastdnn resume: a fit that was killed ends as it would have ended, and what keeps it from going on is said."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from fastdnn.checkpoints import load_checkpoint
from fastdnn.persistence import read_tensors

CODE = "from fastdnn.cli.main import main; main()"
TIMES = ("seconds", "samples_per_s", "threads", "created")
OPTIONS = [
    "--epochs", "40", "--patience", "40", "--dropout", "0.1,0.2,0.3", "--layers", "24,12", "--schedule", "plateau:patience=2",
    "--warm-up", "2", "--metric", "f1", "--class-weight", "balanced", "--l1", "0.01", "--clip-norm", "1", "--seed", "4",
    "--drop", "sex", "--drop", "island",
]  # fmt: skip


def without_times(part):
    if isinstance(part, dict):
        return {name: without_times(value) for name, value in part.items() if name not in TIMES}
    return [without_times(item) for item in part] if isinstance(part, list) else part


def content(model):
    """What a model file holds, times left out."""
    document, tensors = read_tensors(model)
    return without_times(document), {name: array.tobytes() for name, array in tensors.items()}


def command(*args, cwd):
    return subprocess.run(
        [sys.executable, "-c", CODE, *map(str, args)],
        cwd=cwd,
        capture_output=True,
        text=True,
        env=os.environ,
        timeout=300,
    )


def killed_fit(folder, *args, after, how=signal.SIGKILL):
    """`fastdnn fit ARGS`, sent a signal when its checkpoint run.ckpt is of epoch `after` or a later one."""
    process = subprocess.Popen(
        [sys.executable, "-c", CODE, "fit", *map(str, args)], cwd=folder, env=os.environ,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    place, deadline = folder / "run.ckpt", time.monotonic() + 120
    while not (place.exists() and len(load_checkpoint(place)[1].epochs) >= after):
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < deadline
        time.sleep(0.002)
    process.send_signal(how)
    stdout, _ = process.communicate(timeout=60)
    return process.returncode, stdout


@pytest.fixture
def long_table(tmp_path):
    """A table whose fit takes some seconds, with two files that go with it."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(4000, 6))
    noisy = X[:, 0] * X[:, 1] + rng.normal(size=4000)
    for name, rows in (("t.csv", slice(0, 3000)), ("v.csv", slice(3000, 4000))):
        lines = [
            ",".join(f"{value:.4f}" for value in row) + f",{y:.4f}" for row, y in zip(X[rows], noisy[rows], strict=True)
        ]
        (tmp_path / name).write_text("a,b,c,d,e,f,y\n" + "\n".join(lines) + "\n")
    return tmp_path


def test_a_process_that_is_killed(long_table):
    """The test of the matter: kill -9 in mid-run, resume, and the same model."""
    fit = [
        "t.csv",
        "-t",
        "y",
        "--valid",
        "v.csv",
        "--epochs",
        60,
        "--patience",
        60,
        "--dropout",
        0.2,
        "--log",
        "log.csv",
    ]
    checkpoint = ["--checkpoint", "run.ckpt", "--checkpoint-every", 2]
    code, _ = killed_fit(long_table, *fit, *checkpoint, "-o", "m.fdnn", after=6)
    assert code == -signal.SIGKILL
    assert not (long_table / "m.fdnn").exists()
    done = len(load_checkpoint(long_table / "run.ckpt")[1].epochs)
    assert 6 <= done < 60
    resumed = command("resume", "run.ckpt", cwd=long_table)
    assert resumed.returncode == 0, resumed.stderr
    assert f"Resumed   run.ckpt, after {done} epochs" in resumed.stdout
    log = (long_table / "log.csv").read_text().splitlines()
    assert len(log) == 61
    (long_table / "whole").mkdir()
    for name in ("t.csv", "v.csv"):
        (long_table / "whole" / name).write_bytes((long_table / name).read_bytes())
    whole = command("fit", *fit, "-o", "m.fdnn", cwd=long_table / "whole")
    assert whole.returncode == 0, whole.stderr
    assert content(long_table / "m.fdnn") == content(long_table / "whole" / "m.fdnn")
    losses = [line.split(",")[1:3] for line in log]
    assert losses == [line.split(",")[1:3] for line in (long_table / "whole" / "log.csv").read_text().splitlines()]


def test_after_ctrl_c(long_table):
    """The best epoch so far is saved, and what to type to go on is said; going on gives the whole fit's model."""
    fit = ["t.csv", "-t", "y", "--epochs", 100, "--patience", 100, "--checkpoint", "run.ckpt", "-o", "m.fdnn"]
    code, stdout = killed_fit(long_table, *fit, after=1, how=signal.SIGINT)
    assert code == 130
    assert "Go on     fastdnn resume run.ckpt" in stdout
    assert (long_table / "m.fdnn").exists()
    assert command("resume", "run.ckpt", "-q", cwd=long_table).returncode == 0
    resumed = content(long_table / "m.fdnn")
    assert command("fit", *fit, "-q", cwd=long_table).returncode == 0
    assert content(long_table / "m.fdnn") == resumed


@pytest.fixture
def cut_short(folder, run):
    """The folder `folder` with whole.fdnn of a fit with many options, and 0007.ckpt of its seventh epoch."""
    made = run(
        "fit", "penguins.csv", "-t", "species", *OPTIONS, "-o", "whole.fdnn", "--checkpoint", "{epoch}.ckpt", "-q"
    )
    assert made.exit_code == 0, made.stderr
    (folder / "whole.fdnn").rename(folder / "kept.fdnn")
    return folder


def test_every_option_goes_on(cut_short, run):
    for epoch in (3, 29):
        resumed = run("resume", f"{epoch:04d}.ckpt", "-q")
        assert resumed.exit_code == 0, resumed.stderr
        assert content("whole.fdnn") == content("kept.fdnn")


def test_a_renamed_checkpoint_is_the_one_that_is_written_next(folder, run):
    assert run("fit", "penguins.csv", "-t", "species", "--epochs", 3, "--checkpoint", "a.ckpt", "-q").exit_code == 0
    Path("a.ckpt").rename("b.ckpt")
    assert run("resume", "b.ckpt", "-q").exit_code == 0
    assert not Path("a.ckpt").exists()


def test_json_and_threads(cut_short, run):
    plain = run("resume", "0007.ckpt", "--json", "-j", 2)
    assert plain.exit_code == 0, plain.stderr
    facts = json.loads(plain.stdout)
    assert facts["training"]["epochs"] == 40
    assert read_tensors("whole.fdnn")[1]["W1"].tobytes() == read_tensors("kept.fdnn")[1]["W1"].tobytes()
    assert run("resume", "0007.ckpt", "-j", 0).exit_code == 2


def test_from_another_folder(cut_short, run, monkeypatch, tmp_path_factory):
    """Names are meant where the fit ran, unless the files are here too, as they were."""
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    monkeypatch.chdir(elsewhere)
    resumed = run("resume", cut_short / "0007.ckpt")
    assert resumed.exit_code == 0, resumed.stderr
    assert "after 7 epochs" in resumed.stdout
    assert content(cut_short / "whole.fdnn") == content(cut_short / "kept.fdnn")
    assert Path.cwd() == elsewhere
    (elsewhere / "penguins.csv").write_bytes((cut_short / "penguins.csv").read_bytes())
    assert run("resume", cut_short / "0007.ckpt", "-q").exit_code == 0
    assert content(elsewhere / "whole.fdnn") == content(cut_short / "kept.fdnn")


def test_data_that_changed_or_went(cut_short, run):
    table = cut_short / "penguins.csv"
    before = table.read_bytes()
    table.write_bytes(before.replace(b"39.1", b"39.2", 1))
    changed = run("resume", "0007.ckpt")
    assert changed.exit_code == 1
    assert f"Error: '{table}' has changed since the fit read it, so the fit cannot go on" in changed.stderr
    table.write_bytes(before + b"\n")
    assert f"({len(before):,} bytes then, {len(before) + 1:,} now)" in run("resume", "0007.ckpt").stderr
    table.rename(cut_short / "moved.csv")
    gone = run("resume", "0007.ckpt")
    assert gone.exit_code == 1
    assert f"The fit read 'penguins.csv', which is no longer there; looked for in '{cut_short}'" in gone.stderr
    assert "Try: put it back" in gone.stderr


@pytest.mark.parametrize("part", ["labels.csv", "v.csv"])
def test_the_other_files_are_looked_at_too(folder, run, part):
    lines = Path("penguins.csv").read_text().splitlines()
    Path("x.csv").write_text("\n".join(line.split(",", 1)[1] for line in lines[:250]) + "\n")
    Path("labels.csv").write_text("\n".join(line.split(",", 1)[0] for line in lines[:250]) + "\n")
    Path("v.csv").write_text("\n".join(line.split(",", 1)[1] for line in [lines[0], *lines[250:]]) + "\n")
    Path("w.csv").write_text("\n".join(line.split(",", 1)[0] for line in [lines[0], *lines[250:]]) + "\n")
    valid = ["--valid", "v.csv", "--valid-target", "w.csv"]
    made = run("fit", "x.csv", "-t", "labels.csv", *valid, "--epochs", 3, "--checkpoint", "a.ckpt", "-q")
    assert made.exit_code == 0, made.stderr
    assert run("resume", "a.ckpt", "-q").exit_code == 0
    Path(part).write_text(Path(part).read_text() + "\n")
    assert f"{part}' has changed since the fit read it" in run("resume", "a.ckpt").stderr


def test_what_is_no_checkpoint_of_a_fit(cut_short, run):
    from fastdnn.checkpoints import save_checkpoint

    save_checkpoint("own.ckpt", *load_checkpoint("0007.ckpt"))
    for file, message in (
        ("own.ckpt", "was written by a program, not by fastdnn fit"),
        ("kept.fdnn", "is a model, not a checkpoint"),
        ("none.ckpt", "There is no checkpoint 'none.ckpt'"),
        ("penguins.csv", "is not a fastdnn model, or it is damaged"),
    ):
        refused = run("resume", file)
        assert refused.exit_code == 1
        assert message in refused.stderr
        assert "Traceback" not in refused.stderr
    told = run("predict", "0007.ckpt", "penguins.csv")
    assert "Try: fastdnn resume '0007.ckpt'" in told.stderr


def test_a_place_that_is_taken(cut_short, run):
    Path("whole.fdnn").write_text("notes")
    refused = run("resume", "0007.ckpt")
    assert "exists and is not a fastdnn model" in refused.stderr
    assert Path("whole.fdnn").read_text() == "notes"


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--checkpoint-every", "3"], "and there is no --checkpoint"),
        (["--checkpoint", "a.ckpt", "--checkpoint-every", "0"], "must be 1 or more, not 0"),
        (["--checkpoint", "penguins.csv"], "The checkpoint would overwrite the input 'penguins.csv'"),
        (["--checkpoint", "a.ckpt", "-o", "a.ckpt"], "The model and the checkpoint cannot both be 'a.ckpt'"),
        (["--checkpoint", "a.csv", "--log", "a.csv"], "The log and the checkpoint cannot both be 'a.csv'"),
    ],
)
def test_fit_refuses_before_any_work(folder, run, args, message):
    refused = run("fit", "penguins.csv", "-t", "species", *args)
    assert refused.exit_code == 2
    assert message in refused.stderr
    assert not Path("a.ckpt").exists()


def test_fit_refuses_places_and_pipes(folder, run):
    assert (
        "mass.fdnn' exists and is not a checkpoint"
        in run("fit", "penguins.csv", "-t", "species", "--checkpoint", "mass.fdnn").stderr
    )
    assert "does not exist" in run("fit", "penguins.csv", "-t", "species", "--checkpoint", "no/a.ckpt").stderr
    refused = run("fit", "-", "-t", "species", "--checkpoint", "a.ckpt", stdin="a,b\n1,2\n")
    assert refused.exit_code == 2
    assert "Standard input can be read only once" in refused.stderr

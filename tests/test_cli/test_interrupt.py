"""Ctrl-C, as a person presses it: a real signal to a real process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from fastdnn.model import Model
from fastdnn.persistence import read_document

CODE = "from fastdnn.cli.main import main; main()"


# L-BFGS converges, unless each iteration takes a tenth of a second.
LONG = {
    "adam": ["--epochs", "1000000", "--patience", "1000000"],
    "lbfgs": ["--optimizer", "lbfgs", "--layers", "256x3", "--epochs", "1000000", "--patience", "1000000"],
}


@pytest.fixture(params=LONG)
def long_fit(request: pytest.FixtureRequest, tmp_path: Path) -> subprocess.Popen[str]:
    """`fastdnn fit` of a noisy table for more epochs than anybody waits for, once training has begun."""
    rng = np.random.default_rng(0)
    lines = [
        ",".join(f"{value:.3f}" for value in row) + f",{'ab'[int(row[0] > 0)]}" for row in rng.normal(size=(3000, 8))
    ]
    (tmp_path / "t.csv").write_text("a,b,c,d,e,f,g,h,y\n" + "\n".join(lines) + "\n")
    if request.param == "lbfgs":
        pytest.importorskip("scipy")
    more = [*LONG[request.param], "-o", "t.fdnn"]
    process = subprocess.Popen(
        [sys.executable, "-c", CODE, "fit", "t.csv", "-t", "y", *more],
        cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ,
    )  # fmt: skip
    assert process.stderr is not None
    assert "network: " in process.stderr.readline()
    time.sleep(0.5)
    return process


def test_the_first_keeps_the_best_epoch_within_a_second(long_fit: subprocess.Popen[str], tmp_path: Path) -> None:
    pressed = time.monotonic()
    long_fit.send_signal(signal.SIGINT)
    stdout, stderr = long_fit.communicate(timeout=30)
    took = time.monotonic() - pressed
    assert long_fit.returncode == 130, stderr
    assert took < 3.0  # a second on a machine that does nothing else
    assert "interrupted" in stdout
    assert "Saved     t.fdnn" in stdout
    assert "Traceback" not in stderr
    document = read_document(tmp_path / "t.fdnn")
    assert document["history"]["stopped_by"] == "interrupt"
    assert document["provenance"]["interrupted"] is True
    assert document["history"]["best_epoch"] >= 1
    assert Model.load(tmp_path / "t.fdnn").network.layer_dims[0] == 8


def test_the_second_ends_at_once_and_leaves_nothing_half_written(
    long_fit: subprocess.Popen[str], tmp_path: Path
) -> None:
    for _ in range(200):
        if long_fit.poll() is not None:
            break
        long_fit.send_signal(signal.SIGINT)
        time.sleep(0.001)
    _, stderr = long_fit.communicate(timeout=30)
    assert long_fit.returncode == 130
    assert "Traceback" not in stderr
    if (tmp_path / "t.fdnn").exists():  # the first was quicker than the second
        Model.load(tmp_path / "t.fdnn")

"""fastdnn/fit_plans.py: what was told to a fit comes back from JSON; the rest is tested by `fastdnn resume`."""

from __future__ import annotations

import json
import os

import pytest

from fastdnn.errors import DataError, ParameterError
from fastdnn.fit_plans import FitPlan, require_lasting
from fastdnn.settings import FitOptions


def test_plans_keep_every_option():
    options = FitOptions(
        layers=(3, 4), quantiles=(0.1, 0.9), loss="quantile", dropout=(0.1, 0.2, 0.3), drop=("a",), valid="v.csv",
        class_weight={"a": 2.0}, time_limit=3.5, header=False,
    )  # fmt: skip
    plan = FitPlan("t.csv", "-1", options, "m.fdnn", "a.ckpt", 3, "log.csv", "folder")
    assert FitPlan.from_json(json.loads(json.dumps(plan.to_json()))) == plan


def test_files_are_found_with_their_parts(tmp_path, monkeypatch):
    """Of names that are files those are remembered; a column of the same name as none is not."""
    monkeypatch.chdir(tmp_path)
    for name in ("t.h5", "y.npy"):
        (tmp_path / name).write_bytes(name.encode())
    plan = FitPlan("t.h5:train", "y.npy", FitOptions(valid=0.2, valid_target="none"), "m.fdnn").with_files()
    assert [(item["name"], item["size"]) for item in plan.files] == [("t.h5:train", 4), ("y.npy", 5)]
    assert plan.found() == plan
    (tmp_path / "y.npy").write_bytes(b"z.npy")
    with pytest.raises(DataError, match=r"y\.npy' has changed since the fit read it, so"):
        plan.found()
    (tmp_path / "y.npy").unlink()
    with pytest.raises(DataError, match=r"The fit read 'y\.npy', which is no longer there"):
        plan.found()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_what_can_be_read_once(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for data in ("-", str(tmp_path / "pipe")):
        with pytest.raises(ParameterError, match="can be read only once"):
            require_lasting(data)
    require_lasting(str(tmp_path / "none.csv"))

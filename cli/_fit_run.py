"""A fit from beginning to end, or from a checkpoint to the end: what `fastdnn fit` and `fastdnn resume` have in common."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import NamedTuple

import click

from fastdnn.cli import _training_options
from fastdnn.fit_plans import FitCheckpoint, FitPlan

INTERRUPTED = 130


class Resumed(NamedTuple):
    """The checkpoint that a fit goes on from, and the epochs that it had done."""

    path: str
    epochs: int


def run_fit(plan: FitPlan, *, as_json: bool, quiet: bool, resumed: Resumed | None = None) -> None:
    """Read, train, score, save and report.

    Relative names are meant in the plan's folder, which is the current one while this runs.
    """
    elsewhere = None if Path(plan.folder) == Path.cwd() else plan.folder
    with contextlib.chdir(plan.folder):
        callbacks = _training_options.loggers(plan.log, plan.tensorboard)
        if plan.checkpoint is not None:
            FitCheckpoint(plan).check()

        from fastdnn.cli._fit_report import FitReport
        from fastdnn.cli._interrupt import SecondInterruptExits
        from fastdnn.fitting import fit_table
        from fastdnn.tables import read_table

        report = FitReport(plan.data, as_json=as_json, quiet=quiet, checkpoint=plan.checkpoint)
        if resumed is not None:
            report.resumed(resumed.path, resumed.epochs, elsewhere)
        with SecondInterruptExits() as interrupts, report:
            report.remark(f"Reading {plan.data} ...")
            table = read_table(plan.data, header=plan.options.header)
            if plan.checkpoint is not None:
                callbacks.append(FitCheckpoint(plan.with_files()))
            source = None if resumed is None else resumed.path
            result = fit_table(
                table, plan.target, plan.options, listener=report, callbacks=callbacks, resume_from=source
            )
            with interrupts.held_back():
                result.model.save(plan.output)
                report.finish(result, Path(plan.output))
    if result.interrupted:
        raise click.exceptions.Exit(INTERRUPTED)

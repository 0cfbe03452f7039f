"""`fastdnn resume`: go on with a fit that was cut short, from its checkpoint."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from pathlib import Path

import click

from fastdnn.cli import _options


@click.command("resume")
@click.argument("checkpoint", metavar="CHECKPOINT")
@_options.resume_threads_option
@_options.json_option
@_options.quiet_option
@_options.debug_option
def command(checkpoint: str, threads: int | None, as_json: bool, quiet: bool) -> None:
    """Go on with a fit that was cut short, as if nothing had happened.

    CHECKPOINT is a file that fastdnn fit --checkpoint wrote. It knows the fit's
    options; the data are read again and must not have changed. The model is
    the one that the fit would have saved, in the same place.

    \b
    Examples:
      fastdnn fit adult.csv -t -1 --checkpoint adult.ckpt
      fastdnn resume adult.ckpt
    """
    from fastdnn.cli._fit_run import Resumed, run_fit
    from fastdnn.cli.fit import check_output
    from fastdnn.fit_plans import read_plan

    plan, epochs_done = read_plan(checkpoint)
    plan = plan.found()
    if threads is not None:
        plan = replace(plan, options=replace(plan.options, threads=threads))
    source = Path(checkpoint).absolute()
    with contextlib.chdir(plan.folder):
        check_output(plan.output, plan.inputs)
    run_fit(plan, as_json=as_json, quiet=quiet, resumed=Resumed(str(source), epochs_done))

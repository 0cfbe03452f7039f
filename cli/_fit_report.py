"""What `fastdnn fit` says: what it understood, what it builds, how training goes, and how good the result is."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from fastdnn.cli import _output as out
from fastdnn.cli import _sentences as say
from fastdnn.cli._progress import Progress
from fastdnn.fitting import FitListener, FitResult
from fastdnn.history import TrainingProgress

Facts = Mapping[str, Any]


class FitReport(FitListener):
    """Prints a fit while it runs; with `as_json` only warnings and progress, with `quiet` nothing until the end.

    A context, in which Python's warnings come here too; leaving it wipes the live lines away, also on an error.
    """

    def __init__(self, data: str, *, as_json: bool, quiet: bool, checkpoint: str | None = None) -> None:
        self._data = data
        self._checkpoint = checkpoint
        self._as_json = as_json
        self._quiet = quiet
        self._progress = Progress(quiet=quiet)
        self._score_name, self._unit = "accuracy", "epoch"
        self._warnings: list[str] = []
        self._caught = warnings.catch_warnings()

    def __enter__(self) -> FitReport:
        self._caught.__enter__()
        warnings.simplefilter("default")
        warnings.showwarning = lambda message, *_, **__: self.on_warning(str(message))
        return self

    def __exit__(self, *_: object) -> None:
        self._caught.__exit__(None, None, None)
        self._progress.close()

    def remark(self, sentence: str) -> None:
        """A passing remark in a terminal."""
        self._progress.say(sentence)

    def resumed(self, checkpoint: str, epochs: int, folder: str | None) -> None:
        """The fit goes on from a checkpoint, in a folder that is not the current one, or None."""
        where = f", in {folder}" if folder else ""
        self._print([("Resumed", f"{Path(checkpoint).name}, after {out.plural(epochs, 'epoch')}{where}")])

    def on_warning(self, sentence: str) -> None:
        self._warnings.append(sentence)
        if not self._quiet:
            self._progress.close()
            out.warn(sentence)

    def on_data(self, facts: Facts) -> None:
        self._print(
            [*say.data_lines(facts["data"]), *say.task_lines(facts["task"]), ("Split", say.split_line(facts["split"]))]
        )

    def on_network(self, facts: Facts) -> None:
        self._score_name = say.validation_score_name(facts["network"])
        self._unit = say.unit(facts["settings"])
        self._print(
            [
                ("Network", say.network_line(facts["network"])),
                ("", say.settings_line(facts["settings"], facts["network"])),
            ]
        )
        self._progress.say("Preparing the kernels (the first run compiles them, some seconds) ...")

    def on_progress(self, stage: str, progress: TrainingProgress) -> None:
        self._progress.update(stage, progress, self._score_name, self._unit if stage == "network" else "epoch")

    def finish(self, result: FitResult, place: Path) -> None:
        """The end: the scores, the saved file and what to type next; or all facts as one JSON object."""
        self._progress.close()
        facts = {**result.facts, "model": str(place), "interrupted": result.interrupted, "warnings": self._warnings}
        if self._as_json:
            out.print_json(facts)
        elif not self._quiet:
            self._print([("Trained", say.training_line(facts["training"], facts["settings"]))])
            self._print_scores(facts)
            if "diagnosis" in facts:
                out.show("Diagnosis", style="bold")
                out.show(*say.diagnosis(facts["diagnosis"]), "")
            saved = f"{place} ({out.file_size(place.stat().st_size)})"
            kept = say.after_interrupt(facts) if result.interrupted else ""
            note = say.verdict(facts)
            self._print([*([("Note", note)] if note else []), ("Saved", saved + kept)])
            # Not wrapped: it is there to be copied.
            click.echo(f"{'Next':<{out.LABEL_WIDTH}}{say.next_command(str(place), self._data)}")
            if result.interrupted and self._checkpoint is not None and Path(self._checkpoint).exists():
                click.echo(f"{'Go on':<{out.LABEL_WIDTH}}{say.resume_command(self._checkpoint)}")

    def _print(self, lines: list[tuple[str, str]]) -> None:
        if not (self._as_json or self._quiet):
            self._progress.close()
            out.show(out.facts_grid(lines))

    def _print_scores(self, facts: Facts) -> None:
        weighted = say.weighted_by(facts["split"]["score_weights"])
        out.show(f"\nScore on {say.kept_aside(facts['split'])}{weighted}", style="bold")
        out.show(say.scores_beside_baselines(facts), "")

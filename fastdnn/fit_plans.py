"""FitPlan: what `fastdnn fit` was told, kept in its checkpoint, so that `fastdnn resume` can do the same again and go on."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from fastdnn.callbacks import Run
from fastdnn.checkpoint_callback import Checkpoint
from fastdnn.checkpoints import damage_of_checkpoint, read_checkpoint
from fastdnn.errors import DataError, ModelFileError, ParameterError
from fastdnn.provenance import file_sha256
from fastdnn.settings import FitOptions
from fastdnn.sources import names_file, quoted, split_part

Facts = dict[str, Any]

_KEY = "fit"
_SUFFIX = ".ckpt"


@dataclass(frozen=True)
class FitPlan:
    """The arguments of one `fastdnn fit`.

    Attributes
    ----------
    data, target, options : as `fit_table` takes them. output : where the model goes.
    checkpoint, every : where and after how many epochs checkpoints go; None for none.
    log, tensorboard : where logs go, or None.
    folder : that in which relative names are meant.
    files : name, size and SHA-256 (None of a large file) of each file that was read.
    """

    data: str
    target: str
    options: FitOptions
    output: str
    checkpoint: str | None = None
    every: int = 1
    log: str | None = None
    tensorboard: str | None = None
    folder: str = field(default_factory=os.getcwd)
    files: tuple[Facts, ...] = ()

    def with_files(self) -> FitPlan:
        """The same, with the files as they are now."""
        return replace(self, files=tuple(_file_facts(name, Path()) for name in self.inputs))

    def found(self) -> FitPlan:
        """The same with the folder, the current one or else that of the fit, in which all its files are as they were.

        Raises
        ------
        DataError : a file is not there, or has changed.
        """
        folders = [Path(folder) for folder in dict.fromkeys((os.getcwd(), self.folder))]
        for folder in folders:
            if all(_file_facts(item["name"], folder) == item for item in self.files):
                return replace(self, folder=str(folder))
        for folder in folders:
            present = [_file_facts(item["name"], folder) for item in self.files]
            if all(item["size"] is not None for item in present):
                changed = next(was for was, now in zip(self.files, present, strict=True) if was != now)
                raise _changed(changed, folder)
        raise self._missing(folders)

    def _missing(self, folders: list[Path]) -> DataError:
        gone = [item["name"] for item in self.files if _file_facts(item["name"], folders[-1])["size"] is None]
        where = " and ".join(f"'{folder}'" for folder in folders)
        return DataError(
            f"The fit read '{gone[0]}', which is no longer there; looked for in {where}.",
            "put it back, or run fastdnn resume in the folder that it is in now",
        )

    @property
    def inputs(self) -> list[str]:
        """The names among the arguments that are names of files, in the current folder."""
        given = [self.data, self.target, self.options.valid, self.options.valid_target]
        return [name for name in given if isinstance(name, str) and names_file(name)]

    def to_json(self) -> Facts:
        """Plain JSON types."""
        return asdict(self)

    @classmethod
    def from_json(cls, facts: Mapping[str, Any]) -> FitPlan:
        """The inverse of `to_json`; raises KeyError or TypeError where the facts are no plan."""
        options: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in facts["options"].items()
        }
        return cls(**{**facts, "options": FitOptions(**options), "files": tuple(facts["files"])})


class FitCheckpoint(Checkpoint):
    """The callback Checkpoint of a plan, which it keeps beside the run."""

    def __init__(self, plan: FitPlan) -> None:
        assert plan.checkpoint is not None
        super().__init__(plan.checkpoint, every=plan.every)
        self._plan = plan

    def _save(self, run: Run, place: str) -> None:
        run.save(place, {_KEY: self._plan.to_json()})


def require_lasting(data: str) -> None:
    """Raise ParameterError where the data can be read only once, so that no fit of it can be resumed."""
    if data == "-" or (data and Path(data).exists() and not split_part(data)[0].is_file()):
        what = "Standard input" if data == "-" else f"'{data}'"
        raise ParameterError(
            f"{what} can be read only once, so a fit of it cannot be resumed from a checkpoint.",
            "write the data to a file and fit that, or leave out --checkpoint",
        )


def read_plan(path: str) -> tuple[FitPlan, int]:
    """The plan of a checkpoint that `fastdnn fit` wrote, and how many epochs were done.

    Raises
    ------
    ModelFileError : no such file, not a checkpoint, one that a program wrote, or damaged.
    """
    place = Path(path)
    if not place.exists():
        raise ModelFileError(f"There is no checkpoint '{path}'.", _others(place.parent))
    document, _ = read_checkpoint(path)
    facts = document.get("about", {}).get(_KEY)
    if facts is None:
        raise ModelFileError(
            f"'{path}' was written by a program, not by fastdnn fit: it does not know the table.",
            f"in Python: fastdnn.resume('{path}', examples, valid)",
        )
    with damage_of_checkpoint(path):
        plan = FitPlan.from_json(facts)
        # A file that was moved goes on where it is; one of many has its own place for the next.
        many = plan.checkpoint is not None and "{epoch}" in plan.checkpoint
        return replace(plan, checkpoint=plan.checkpoint if many else str(place.absolute())), len(
            document["history"]["epochs"]
        )


def _others(folder: Path) -> str:
    found = sorted(folder.glob(f"*{_SUFFIX}"), key=lambda file: -file.stat().st_mtime) if folder.is_dir() else []
    names = ", ".join(str(file) for file in found[:5])
    return (
        f"one of the checkpoints there: {names}" if found else f"fastdnn fit DATA -t TARGET --checkpoint run{_SUFFIX}"
    )


def _file_facts(name: str, folder: Path) -> Facts:
    """Name, size and checksum of 'file' or 'file:part' in a folder; None for both where it is not there."""
    source = str(folder / name)
    if not names_file(source):
        return {"name": name, "size": None, "sha256": None}
    return {"name": name, "size": split_part(source)[0].stat().st_size, "sha256": file_sha256(source)}


def _changed(was: Facts, folder: Path) -> DataError:
    now = _file_facts(was["name"], folder)
    sizes = f" ({was['size']:,} bytes then, {now['size']:,} now)" if was["size"] != now["size"] else ""
    return DataError(
        f"'{folder / was['name']}' has changed since the fit read it{sizes}, so the fit cannot go on as if nothing had happened.",
        f"put the file of then back, or fit again: fastdnn fit {quoted(was['name'])} ...",
    )

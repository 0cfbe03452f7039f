"""Facts in words: one line or table for each section that `fit` tells and `inspect` shows again."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastdnn.cli import _output as out
from fastdnn.vocabulary import LBFGS

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

Facts = Mapping[str, Any]
Lines = list[tuple[str, str]]

# Names listed in one line before the rest becomes a number.
_LISTED = 12
_STOPPED = {
    "epochs": "all of them",
    "patience": "no better for {patience} {unit}s",
    "interrupt": "interrupted",
    "time limit": "the time is up",
    "converged": "converged",
    "line search": "no step lowers the cost further",
}
# Settings that are told where they are not 0.
_STRENGTHS = {
    "momentum": "momentum",
    "clip_norm": "norm clipped at",
    "l2": "l2",
    "l1": "l1",
    "weight_decay": "weight decay",
}


def data_lines(data: Facts) -> Lines:
    """What the table is: rows, columns by kind, what is missing, what is not used and why."""
    lines = [("Data", f"{Path(data['source']).name}: {out.plural(data['rows'], 'row')}, target '{data['target']}'")]
    lines += [("", note) for note in data["notes"]]
    if data["unlabelled"]:
        lines.append(("", f"{out.plural(data['unlabelled'], 'row')} without a target left out"))
    lines += [("", _kind_line(kind, names)) for kind, names in data["kinds"].items() if names]
    if data["missing"]:
        lines.append(("", f"missing: {listing([f'{name} {out.count(n)}' for name, n in data['missing'].items()])}"))
    lines += [("", f"not used: {item['name']} {item['reason']}") for item in data["dropped"][:_LISTED]]
    if len(data["dropped"]) > _LISTED:
        lines.append(("", f"not used: {len(data['dropped']) - _LISTED} columns more, see fastdnn inspect"))
    return lines


def _kind_line(kind: str, names: Sequence[str]) -> str:
    """'2 categories: island, sex'; the names of pixels are only positions."""
    counted = out.plural(len(names), kind)
    return counted if kind == "pixel" else f"{counted}: {listing(names)}"


def task_lines(task: Facts) -> Lines:
    """What was decided and why, and how the target is distributed."""
    weights = [f"{name} {out.number(weight)}" for name, weight in (task.get("class_weights") or {}).items()]
    return [
        ("Task", task["decision"]),
        ("", target_line(task)),
        *([("", f"class weights: {listing(weights)}")] if weights else []),
        *([("", f"rows are weighted by '{task['weight_column']}'")] if task.get("weight_column") else []),
    ]


def target_line(task: Facts) -> str:
    """The classes with their shares, or mean and standard deviation."""
    if "classes" in task:
        return listing([f"{item['label']} {out.percent(item['share'])}" for item in task["classes"]])
    return f"mean {out.number(task['mean'])}, standard deviation {out.number(task['std'])}"


def split_line(split: Facts) -> str:
    """How many rows do what."""
    chooses = f", {out.count(split['stop'])} to choose the epoch" if split["stop"] else ""
    return f"{out.plural(split['train'], 'row')} to train{chooses}, {kept_aside(split)} for the score"


def kept_aside(split: Facts) -> str:
    """'69 rows kept aside', or '16,281 rows of adult-test.csv'."""
    where = f" of {Path(split['score_source']).name}" if split["score_source"] else " kept aside"
    return f"{out.plural(split['score'], 'row')}{where}"


def weighted_by(column: str | None) -> str:
    """ ", weighted by 'weight'", or nothing."""
    return f", weighted by '{column}'" if column else ""


def network_line(network: Facts) -> str:
    """'7 inputs → 32 relu → 16 relu → 3 softmax, 835 parameters'"""
    dims, names = network["layer_dims"], network["activations"]
    layers = "".join(f" → {n} {name}" for n, name in zip(dims[1:], names, strict=True))
    return f"{out.plural(dims[0], 'input')}{layers}, {out.plural(network['n_parameters'], 'parameter')}"


def settings_line(settings: Facts, network: Facts) -> str:
    """Cost, optimiser, batch and the other settings of training."""
    parts = [
        loss_words(network),
        *_steps(settings),
        *([f"at most {out.plural(settings['epochs'], unit(settings))}"] if settings["epochs"] else []),
        *([f"at most {out.duration(settings['time_limit'])}"] if settings.get("time_limit") else []),
        *[f"{words} {settings[name]:g}" for name, words in _STRENGTHS.items() if settings.get(name)],
        *([f"dropout {_shares(settings['dropout'])}"] if settings.get("dropout") else []),
        *([f"best by {settings['metric']}"] if settings.get("metric") else []),
        network["dtype"],
        f"seed {settings['seed']}",
    ]
    return ", ".join(parts)


def unit(settings: Facts) -> str:
    """What training is counted in: L-BFGS makes iterations, and all others epochs."""
    return "iteration" if settings["optimizer"] == LBFGS else "epoch"


def _steps(settings: Facts) -> list[str]:
    """'adam 0.001 cosine', 'batches of 32'; 'lbfgs on all rows at once'."""
    if settings["optimizer"] == LBFGS:
        return [f"{LBFGS} on all rows at once"]
    step = f"{settings['optimizer']} {settings['learning_rate']:g}{_schedule(settings)}"
    return [step, f"batches of {settings['batch_size']}"]


def loss_words(network: Facts) -> str:
    """'squared error', 'huber (delta 1.5)', 'quantile (quantiles 0.1, 0.5, 0.9)'."""
    shown = [
        f"{name.replace('_', ' ')} {', '.join(f'{x:g}' for x in value) if isinstance(value, list) else f'{value:g}'}"
        for name, value in network.get("loss_options", {}).items()
        if value
    ]
    name = str(network["loss"]).replace("_", " ")
    return f"{name} ({', '.join(shown)})" if shown else name


def _schedule(settings: Facts) -> str:
    """' cosine' where the learning rate has a schedule; models of fastdnn 0.1 say nothing about it."""
    name = settings.get("schedule", "constant")
    rise = f", warm-up {settings['warm_up']:g}" if settings.get("warm_up") else ""
    return (f" {name}" if name != "constant" else "") + rise


def _shares(dropout: float | Sequence[float]) -> str:
    return ",".join(f"{share:g}" for share in (dropout if isinstance(dropout, Sequence) else (dropout,)))


def validation_score_name(network: Facts) -> str:
    """What `valid_score` of a history is: accuracy where the cost is a cross-entropy, D² of quantiles, else R²."""
    if network["loss"] == "quantile":
        return "D²"
    return "accuracy" if network["loss"].endswith("cross_entropy") else "R²"


def training_line(training: Facts, settings: Facts) -> str:
    """Epochs, why they ended, the best, the time and the speed."""
    stopped_by = training["stopped_by"]
    known = _STOPPED.get(stopped_by)
    passes = unit(settings)
    why = stopped_by if known is None else known.format(patience=settings["patience"], unit=passes)
    speed = f"{out.count(training['samples_per_s'])} samples/s on {out.plural(training['threads'], 'thread')}"
    epochs = f"{out.plural(training['epochs'], passes)} ({why}), best {training['best_epoch']}"
    return f"{epochs}; {out.duration(training['seconds'])}, {speed}"


def scores_beside_baselines(facts: Facts) -> Table:
    """The score of the network, in bold, and those of the baselines on the same rows."""
    baselines = {item["label"]: item["score"] for item in facts["baselines"]}
    return out.score_table({"this network": facts["score"], **baselines})


def diagnosis(found: Facts) -> list[RenderableType]:
    """A row for each layer, and what is wrong with what to do about it."""
    rows = [
        [
            f"{layer['layer']}  {layer['units']} {layer['activation']}",
            *["-" if layer[name] is None else out.percent(layer[name]) for name in ("dead", "saturated")],
            *["-" if layer[name] is None else f"{layer[name]:.1e}" for name in ("gradient_ratio", "update_ratio")],
        ]
        for layer in found["layers"]
    ]
    shown: list[RenderableType] = []
    if rows:
        shown += [out.plain_table(["layer", "dead", "saturated", "|dW| / |W|", "|step| / |W|"], rows), ""]
    said = [f"{item['sentence']} {item['advice']}" for item in found["findings"]]
    return [*shown, *(said or ["Nothing is wrong."])]


def after_interrupt(facts: Facts) -> str:
    """What Ctrl-C ended, and what was kept."""
    if facts["training"]["stopped_by"] == "interrupt":
        return f", the best {unit(facts['settings'])} before the interruption ({facts['training']['best_epoch']})"
    return "; the linear baseline was interrupted"


def next_command(place: str, data: str) -> str:
    """What to type now."""
    return shlex.join(["fastdnn", "predict", place, data if data != "-" else "NEW.csv"])


def resume_command(checkpoint: str) -> str:
    """What to type to go on with a fit."""
    return shlex.join(["fastdnn", "resume", checkpoint])


def verdict(facts: Facts) -> str | None:
    """What to do where the network is not worth its size: None where it beats both baselines."""
    lower = {"quantile": "pinball", "poisson": "poisson_deviance", "absolute_error": "mae"}.get(
        facts["network"]["loss"]
    )
    name = lower or ("r2" if facts["task"]["task"] == "regression" else "accuracy")
    merit = {
        item["name"]: -item["score"][name] if lower else item["score"][name]
        for item in ({"name": "network", "score": facts["score"]}, *facts["baselines"])
        if item["score"][name] is not None
    }
    others = {item["name"]: item for item in facts["baselines"]}
    if "network" not in merit or len(merit) == 1:
        return None
    reached = merit["network"]
    if "constant" in merit and reached <= merit["constant"]:
        label = others["constant"]["label"]
        other = "--optimizer" if unit(facts["settings"]) == "iteration" else "--learning-rate"
        return f"no better than {label}: nothing was learned; try another {other}, or other columns"
    if "linear" in merit and reached <= merit["linear"]:
        as_good = "as good" if reached == merit["linear"] else "better"
        return f"{others['linear']['label']} is {as_good} on these rows: see --layers none"
    return None


def listing(names: Sequence[str]) -> str:
    """The first names, and how many more there are."""
    more = len(names) - _LISTED
    return ", ".join(names) if more <= 1 else f"{', '.join(names[:_LISTED])} and {more} more"

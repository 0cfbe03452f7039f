"""`fastdnn gradcheck`: the gradient of a network of random weights, checked against differences of its cost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from fastdnn import vocabulary
from fastdnn.cli import _options
from fastdnn.errors import ParameterError
from fastdnn.settings import FitOptions

if TYPE_CHECKING:
    from fastdnn.gradient_report import GradientCheck
    from fastdnn.network import Network

FAILED = 1


@click.command("gradcheck")
@click.option(
    "--layers",
    type=_options.LayersType(),
    metavar="SPEC",
    default="4,5,3",
    show_default=True,
    help="Units of every layer, inputs first and outputs last.",
)
@click.option(
    "--activation",
    type=_options.ActivationType(),
    metavar="NAME[,...]",
    default="relu",
    show_default=True,
    help=f"Of the hidden layers, or one for each with commas. Of {', '.join(vocabulary.HIDDEN_ACTIVATIONS)}.",
)
@click.option("--output-activation", metavar="NAME", help=f"One of {', '.join(vocabulary.ACTIVATIONS)}.  [by --loss]")
@click.option("--loss", metavar="NAME", help=f"One of {', '.join(vocabulary.LOSSES)}.  [cross-entropy, by outputs]")
@_options.loss_options(quantiles="0.5 for each output")
@click.option("--l2", type=float, default=0.0, show_default=True, metavar="LAMBDA", help="Strength of the L2 term.")
@click.option("--l1", type=float, default=0.0, show_default=True, metavar="LAMBDA", help="Strength of the L1 term.")
@click.option("--examples", type=int, default=20, show_default=True, metavar="N", help="Random examples.")
@click.option("--weighted", is_flag=True, help="Give the examples random weights, one of them 0.")
@click.option(
    "--directions",
    type=int,
    metavar="N",
    help="Random directions for each W and b.  [every parameter alone up to 2,000, else 5]",
)
@click.option(
    "-s", "--seed", type=int, default=0, show_default=True, metavar="N", help="Of weights, examples and directions."
)
@_options.json_option
@_options.debug_option
def command(
    layers: tuple[int, ...],
    activation: str | tuple[str, ...],
    output_activation: str | None,
    loss: str | None,
    huber_delta: float | None,
    quantiles: tuple[float, ...] | None,
    label_smoothing: float | None,
    l2: float,
    l1: float,
    examples: int,
    weighted: bool,
    directions: int | None,
    seed: int,
    as_json: bool,
) -> None:
    """Check the gradients of a network against differences of its cost.

    A network of random weights and random examples is made in float64, and the
    gradient that training uses is compared with the slope of the cost along each
    parameter: ||g - n|| / (||g|| + ||n||) must not exceed 1e-8. Parameters where
    the cost has a kink are counted apart. Exit status 1 if the gradient is wrong.

    \b
    Examples:
      fastdnn gradcheck --layers 4,5,3 --activation tanh
      fastdnn gradcheck --layers 8,6x3,1 --loss squared_error --l2 0.1
      fastdnn gradcheck --layers 6,8,3 --loss quantile --quantiles 0.1,0.5,0.9
    """
    options = FitOptions(loss=loss, huber_delta=huber_delta, quantiles=quantiles, label_smoothing=label_smoothing)
    network = _network(layers, activation, output_activation, options, seed)
    if not 1 <= examples <= 10_000:
        raise ParameterError(f"The number of examples must be from 1 to 10,000, got {examples}.", "--examples 20")
    from fastdnn.gradient_checking import gradient_check, random_examples, random_weights

    X, Y = random_examples(network, examples, seed)
    weights = random_weights(examples, seed) if weighted else None
    check = gradient_check(network, X, Y, l2=l2, l1=l1, sample_weight=weights, directions=directions, seed=seed)
    if as_json:
        from fastdnn.cli._output import print_json

        setting = {"examples": examples, "weighted": weighted, "l2": l2, "l1": l1}
        print_json({"network": _facts(network), **setting, **check.to_json()})
    else:
        counted = f"{examples} {'weighted ' if weighted else ''}random example{'s' if examples > 1 else ''}"
        _print(network, counted, l2, l1, check)
    if not check.passed:
        raise click.exceptions.Exit(FAILED)


def _network(
    layers: tuple[int, ...],
    activation: str | tuple[str, ...],
    output_activation: str | None,
    options: FitOptions,
    seed: int,
) -> Network:
    if len(layers) < 2:
        raise ParameterError(
            "--layers needs the inputs and the outputs at least, such as 4,1 for logistic regression.", "--layers 4,5,3"
        )
    options.check()
    quantiles = options.quantiles
    if quantiles is not None and len(quantiles) != layers[-1]:
        given = f"{len(quantiles)} number{'s' if len(quantiles) > 1 else ''}"
        raise ParameterError(
            f"--quantiles has {given}, one for each output, but the last of --layers, the outputs, is {layers[-1]}.",
            f"--layers {','.join(map(str, (*layers[:-1], len(quantiles))))}",
        )
    import numpy as np

    from fastdnn.network import Network

    # Of fit's quantiles there may be more than outputs: without --quantiles they are the network's own.
    loss_options = None if options.loss == "quantile" and quantiles is None else options.loss_options
    network = Network(
        layers, activation, output_activation, options.loss, dtype="float64", seed=seed, loss_options=loss_options
    )
    rng = np.random.default_rng(seed)
    for b in network.biases:  # zeros would leave units behind dead ones exactly at the kink of ReLU
        b[:] = 0.1 * rng.standard_normal(b.shape)
    return network


def _facts(network: Network) -> dict[str, Any]:
    return {
        "layer_dims": list(network.layer_dims),
        "activations": list(network.activations),
        "loss": network.loss,
        "loss_options": network.loss_options,
        "n_parameters": network.n_parameters,
    }


def _print(network: Network, examples: str, l2: float, l1: float, check: GradientCheck) -> None:
    from fastdnn.cli import _output as out
    from fastdnn.cli import _sentences as say

    penalties = [f"{name} {value:g}" for name, value in (("l2", l2), ("l1", l1)) if value]
    setting = [say.loss_words(_facts(network)), *penalties, examples, "float64"]
    along = f"{out.plural(check.directions, 'random direction')} a W or b" if check.directions else "every parameter"
    out.show(
        out.facts_grid([("Network", say.network_line(_facts(network))), ("", ", ".join(setting)), ("Compared", along)]),
        "",
    )
    rows = [
        [
            f"{part.layer} {part.name}" if part.name == "W" else f"  {part.name}",
            f"{part.shape[0]} x {part.shape[1]}",
            network.activations[part.layer - 1] if part.name == "W" else "",
            out.count(part.n_checked),
            out.count(part.n_at_kink),
            f"{part.relative_difference:.1e}" if part.n_checked else "-",
        ]
        for part in check.parts
    ]
    header = ["layer", "shape", "activation", "compared", "at a kink", "relative difference"]
    out.show(out.plain_table(header, rows, left=3), "")
    verdict, *rest = check.sentences
    out.show(verdict, style="bold")
    out.show(*rest)

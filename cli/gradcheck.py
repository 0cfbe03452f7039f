"""`fastdnn gradcheck`: the gradient of a network of random weights, checked against differences of its cost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from fastdnn import vocabulary
from fastdnn.cli import _options
from fastdnn.errors import ParameterError

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
    metavar="NAME",
    default="relu",
    show_default=True,
    help=f"Of the hidden layers, or one for each with commas. Of {', '.join(vocabulary.HIDDEN_ACTIVATIONS)}.",
)
@click.option("--output-activation", metavar="NAME", help=f"One of {', '.join(vocabulary.ACTIVATIONS)}.  [by --loss]")
@click.option("--loss", metavar="NAME", help=f"One of {', '.join(vocabulary.LOSSES)}.  [cross-entropy, by outputs]")
@click.option("--l2", type=float, default=0.0, show_default=True, metavar="LAMBDA", help="Strength of the L2 term.")
@click.option("--l1", type=float, default=0.0, show_default=True, metavar="LAMBDA", help="Strength of the L1 term.")
@click.option("--examples", type=int, default=20, show_default=True, metavar="N", help="Random examples.")
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
    activation: str,
    output_activation: str | None,
    loss: str | None,
    l2: float,
    l1: float,
    examples: int,
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
    """
    network = _network(layers, activation, output_activation, loss, seed)
    if not 1 <= examples <= 10_000:
        raise ParameterError(f"The number of examples must be from 1 to 10,000, got {examples}.", "--examples 20")
    from fastdnn.gradient_checking import gradient_check, random_examples

    X, Y = random_examples(network, examples, seed)
    check = gradient_check(network, X, Y, l2=l2, l1=l1, directions=directions, seed=seed)
    if as_json:
        from fastdnn.cli._output import print_json

        print_json({"network": _facts(network), "examples": examples, "l2": l2, "l1": l1, **check.to_json()})
    else:
        _print(network, examples, l2, l1, check)
    if not check.passed:
        raise click.exceptions.Exit(FAILED)


def _network(
    layers: tuple[int, ...], activation: str, output_activation: str | None, loss: str | None, seed: int
) -> Network:
    if len(layers) < 2:
        raise ParameterError(
            "--layers needs the inputs and the outputs at least, such as 4,1 for logistic regression.", "--layers 4,5,3"
        )
    import numpy as np

    from fastdnn.network import Network

    names = [name.strip() for name in activation.split(",")]
    hidden = names if len(names) > 1 else names[0]
    network = Network(layers, hidden, output_activation, loss, dtype="float64", seed=seed)
    rng = np.random.default_rng(seed)
    for b in network.biases:  # zeros would leave units behind dead ones exactly at the kink of ReLU
        b[:] = 0.1 * rng.standard_normal(b.shape)
    return network


def _facts(network: Network) -> dict[str, Any]:
    return {
        "layer_dims": list(network.layer_dims),
        "activations": list(network.activations),
        "loss": network.loss,
        "n_parameters": network.n_parameters,
    }


def _print(network: Network, examples: int, l2: float, l1: float, check: GradientCheck) -> None:
    from fastdnn.cli import _output as out
    from fastdnn.cli import _sentences as say

    penalties = [f"{name} {value:g}" for name, value in (("l2", l2), ("l1", l1)) if value]
    setting = [network.loss.replace("_", " "), *penalties, f"{out.plural(examples, 'random example')}", "float64"]
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

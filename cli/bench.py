"""`fastdnn bench`: how fast a network trains on this machine, and how much of the machine that is."""

from __future__ import annotations

from typing import Any

import click

from fastdnn import vocabulary
from fastdnn.cli import _options
from fastdnn.errors import ParameterError


class IntegersType(click.ParamType):  # type: ignore[type-arg]
    """`784,128,10` as a tuple of whole numbers."""

    name = "integers"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, ...]:
        if isinstance(value, tuple):
            return value
        try:
            return tuple(int(part) for part in value.split(","))
        except ValueError:
            self.fail(f"'{value}' is not a list of whole numbers with commas between them.", param, ctx)


@click.command("bench")
@click.option(
    "--layers",
    type=IntegersType(),
    metavar="SIZES",
    default="784,128,10",
    show_default=True,
    help="Units from the inputs to the outputs.",
)
@click.option("--batch-size", type=int, metavar="N", default=64, show_default=True, help="Rows in one step.")
@click.option(
    "--optimizer",
    metavar="NAME",
    default="sgd",
    show_default=True,
    help=f"One of {', '.join(vocabulary.OPTIMIZERS)}.",
)
@click.option(
    "--activation",
    metavar="NAME",
    default="relu",
    show_default=True,
    help=f"Of the hidden layers. One of {', '.join(vocabulary.HIDDEN_ACTIVATIONS)}.",
)
@click.option("--rows", type=int, metavar="N", help="Examples.  [60,000, or what takes 256 MB]")
@click.option(
    "-j", "--threads", type=IntegersType(), metavar="N,N", help="Numbers of threads.  [1, 2, 4, ... all cores]"
)
@click.option(
    "--seconds", type=float, metavar="S", default=2.0, show_default=True, help="Of training for each number of threads."
)
@_options.json_option
@_options.debug_option
def command(as_json: bool, rows: int | None, **settings: Any) -> None:
    """Measure how fast a network trains on this machine.

    Trains a float32 network on drawn data, and shows samples a second beside
    the arithmetic peak of this machine's cores, measured with the same inner
    loop and all its numbers in the first-level cache.

    \b
    Examples:
      fastdnn bench
      fastdnn bench --layers 20,64,32,1 --batch-size 32 --optimizer adam
      fastdnn bench --layers 784,512,512,10 --threads 1,2 --json
    """
    if rows is not None and rows < 1:
        raise ParameterError(f"The data has 1 row or more, got {rows}.")
    from fastdnn.benchmark import benchmark

    found = benchmark(rows=rows, **settings)
    from fastdnn.cli import _output as out

    if as_json:
        out.print_json(found)
        return
    network, runs = found["network"], found["runs"]
    sizes = "-".join(map(str, network["layers"]))
    lines = [
        ("Network", f"{sizes}, {network['activation']}, {network['optimizer']}, batches of {out.count(network['batch_size'])} of "
                    f"{out.plural(network['rows'], 'row')}, {network['dtype']}"),
        ("Peak", f"{found['peak_gflops']:.1f} GFLOP/s on one core: the register tile with all its numbers in L1"),
        ("Threads", f"{found['threads_chosen']} chosen by the trial that training begins with"),
    ]  # fmt: skip
    out.show(out.facts_grid(lines))
    click.echo()
    rows_shown = [
        [str(r["threads"]), out.count(r["samples_per_s"]), f"{r['gflops']:.1f}", out.percent(r["share_of_peak"])]
        for r in runs
    ]
    out.show(out.plain_table(["threads", "samples/s", "GFLOP/s", "of peak"], rows_shown))

"""`fastdnn doctor`: this installation, its compiled kernels, and what stands in the way of speed."""

from __future__ import annotations

import time
import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from fastdnn import vocabulary
from fastdnn.cli import _options

if TYPE_CHECKING:
    from fastdnn.kernel_cache import Cleared

Facts = Mapping[str, Any]


@click.command("doctor")
@click.option("--warm-up", is_flag=True, help="Compile all kernels now, for float32 and float64, and keep them.")
@click.option(
    "--clear-cache", is_flag=True, help="Remove all compiled kernels first; they are compiled again when needed."
)
@_options.json_option
@_options.quiet_option
@_options.debug_option
def command(warm_up: bool, clear_cache: bool, as_json: bool, quiet: bool) -> None:
    """Show the installation, and what stands in the way of speed.

    The CPU and its vectors, cores, versions, where compiled kernels are kept
    and whether they are there, which extras are installed, and warnings with
    what to do about each.

    \b
    Examples:
      fastdnn doctor
      fastdnn doctor --warm-up       in a container image: no later run compiles
      fastdnn doctor --clear-cache
      fastdnn doctor --json
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of a cache that cannot be used: it is among ours
        silent = quiet or as_json
        done = {**(_clear(quiet=silent) if clear_cache else {}), **(_warm_up(quiet=silent) if warm_up else {})}
        if done and not as_json:
            return
        from fastdnn.installation import describe

        facts = describe()
    from fastdnn.cli import _output as out

    if as_json:
        out.print_json({**facts, **done})
    elif not quiet:
        _print(facts)
        for warned in facts["warnings"]:
            out.warn(f"{warned['problem']}\n  Try: {warned['remedy']}")


def _clear(*, quiet: bool) -> Facts:
    from fastdnn.kernel_cache import clear_cache

    cleared = clear_cache()
    if not quiet:
        click.echo(_cleared_sentence(cleared))
        for path in cleared.left:
            click.echo(f"Left, since it is not fastdnn's: {path}")
    return {
        "cleared": {"files": cleared.files, "bytes": cleared.bytes, "left": [str(path) for path in cleared.left]},
    }


def _cleared_sentence(cleared: Cleared) -> str:
    from fastdnn.cli import _output as out

    if not cleared.files:
        return f"Nothing to remove in {cleared.root}."
    return f"Removed {out.plural(cleared.files, 'file')} ({out.file_size(cleared.bytes)}) from {cleared.root}."


def _warm_up(*, quiet: bool) -> Facts:
    from fastdnn.cli._output import duration
    from fastdnn.compilation import kernels_are_kept, warm_up

    seconds: dict[str, float] = {}
    for dtype in vocabulary.DTYPES:
        if kernels_are_kept(dtype):
            seconds[dtype] = 0.0
            sentence = f"Kernels for {dtype}: kept already."
        else:
            if not quiet:
                click.echo(f"Compiling the kernels for {dtype}, some seconds ...", err=True)
            began = time.perf_counter()
            warm_up(dtype)
            seconds[dtype] = round(time.perf_counter() - began, 3)
            sentence = f"Kernels for {dtype}: compiled and kept in {duration(seconds[dtype])}."
        if not quiet:
            click.echo(sentence)
    return {"warm_up_seconds": seconds}


def _print(facts: Facts) -> None:
    from fastdnn.cli import _output as out

    cpu, kernels, cores, cache = facts["cpu"], facts["kernels"], facts["cores"], facts["cache"]
    versions = ", ".join(f"{name} {version}" for name, version in facts["versions"].items() if name != "fastdnn")
    restricted = kernels["compiled_for"] != cpu["llvm_name"]
    lines = [
        ("fastdnn", facts["versions"]["fastdnn"]),
        ("", versions),
        ("", facts["system"]),
        ("CPU", f"{cpu['name']} ({cpu['llvm_name']})"),
        ("", ", ".join(cpu["instruction_sets"])),
        ("Cores", f"{cores['usable']} of {cores['machine']} usable; each network gets as many threads as a trial shows to pay"),
        ("Kernels", f"{kernels['vector_bits']}-bit vectors, register tile of {kernels['tile_rows']} rows"),
        *([("", f"compiled for {kernels['compiled_for']}, not for this CPU")] if restricted else []),
        ("", _kept_line(facts)),
        ("Cache", cache["folder"]),
        ("", _cache_line(cache)),
        *_extra_lines(facts["extras"]),
    ]  # fmt: skip
    out.show(out.facts_grid(lines))


def _kept_line(facts: Facts) -> str:
    """Which kernels need no compiling."""
    kept = [name for name, is_kept in facts["kernels"]["kept"].items() if is_kept]
    if not facts["kernels"]["jit"]:
        return "not compiled: the JIT is off"
    if len(kept) == len(facts["kernels"]["kept"]):
        return f"compiled and kept: {', '.join(kept)}"
    missing = [name for name in facts["kernels"]["kept"] if name not in kept]
    said = f"compiled and kept: {', '.join(kept)}; " if kept else ""
    return f"{said}not yet compiled: {', '.join(missing)} (the first run does it, or fastdnn doctor --warm-up)"


def _cache_line(cache: Facts) -> str:
    from fastdnn.cli import _output as out

    current, stale = cache["current"], cache["stale"]
    said = f"key {cache['key']}: {out.plural(current['kernels'], 'kernel')}, {out.file_size(current['bytes'])}"
    if stale["folders"]:
        said += f"; {out.file_size(stale['bytes'])} of other versions or CPUs (fastdnn doctor --clear-cache)"
    return said


def _extra_lines(extras: Facts) -> list[tuple[str, str]]:
    lines = []
    for place, (name, extra) in enumerate(extras.items()):
        packages = ", ".join(
            f"{package} {version}" if version else f"{package} is not installed"
            for package, version in extra["packages"].items()
        )
        missing = not all(extra["packages"].values())
        hint = f" (pip install 'fastdnn[{name}]')" if missing else ""
        lines.append(("Extras" if place == 0 else "", f"{name}: {extra['for']}: {packages}{hint}"))
    return lines

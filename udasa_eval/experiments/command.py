"""The evaluator's subcommands: `udasa experiment …` and `udasa fit-weights`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from udasa_core.cli.command import Command, Group

_FILE = click.Path(dir_okay=False, path_type=Path)
_config = click.argument("config", type=_FILE, required=False)
_set = click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="KEY=VALUE",
    help="Override a key of CONFIG. May be repeated.",
)


def _folder(default: str) -> Callable[[Any], Any]:
    return click.option(
        "--folder",
        type=click.Path(file_okay=False, path_type=Path),
        default=Path(default),
        show_default=True,
        help="Where runs and reports go. Typed again, the command continues there.",
    )


def _numbers(kind: type[float]) -> Callable[[click.Context, click.Parameter, str], tuple[float, ...]]:
    def read(context: click.Context, parameter: click.Parameter, text: str) -> tuple[float, ...]:
        try:
            numbers = tuple(kind(part) for part in text.split(","))
        except ValueError:
            raise click.BadParameter(f"{text!r} is no list of numbers such as {parameter.default}") from None
        if min(numbers) <= 0:
            raise click.BadParameter("every number is above 0")
        return numbers

    return read


@click.group(cls=Group, short_help="Measure the signal, its consistency, the premise.")
def experiment() -> None:
    """Measure whether uncertainty ranks responses, agrees with itself, and makes pairs worth training on."""


@experiment.command(short_help="Does each dimension rank right answers above wrong ones?")
@_config
@_set
@_folder("runs/signal")
@click.option(
    "--part",
    type=click.Choice(["dev", "test"]),
    default="dev",
    show_default=True,
    help="Of the bundled labelled sets: dev is for choosing, test for reporting once.",
)
@click.option("--data", type=_FILE, help="Your own JSONL instead: prompt, responses, labels in each row.")
@click.option(
    "--temperatures",
    default="0.5,0.7,1.0",
    show_default=True,
    callback=_numbers(float),
    help="Sampled anew each.",
)
@click.option(
    "--responses",
    default="4,8,16",
    show_default=True,
    callback=_numbers(int),
    help="Responses a prompt; smaller numbers are taken from the largest.",
)
def signal(
    config: Path | None,
    overrides: tuple[str, ...],
    folder: Path,
    part: str,
    data: Path | None,
    temperatures: tuple[float, ...],
    responses: tuple[int, ...],
) -> None:
    """Measure, on labelled sets, which responses each dimension of CONFIG (all built-in ones) prefers.

    Prints tables, and writes signal.txt, signal.csv, questions.csv and signal.svg into the folder.
    """
    from udasa_eval.experiments.signal import signal_on_file, signal_on_sets, write_report

    if data is not None:
        reports = signal_on_file(config, overrides, folder=folder, data=data)
        place = folder / data.stem
    else:
        reports = signal_on_sets(
            config, overrides, folder=folder, part=part, temperatures=temperatures, sizes=responses
        )
        place = folder / part
    click.echo(write_report(reports, place))
    click.echo(f"wrote {place}/signal.txt, signal.csv, questions.csv and signal.svg")


@experiment.command(short_help="Does each dimension agree with itself?")
@_config
@_set
@_folder("runs/consistency")
@click.option(
    "--repeats", type=click.IntRange(min=2), default=3, show_default=True, help="Scorings that are compared."
)
@click.option(
    "--limit", type=click.IntRange(min=2), default=60, show_default=True, help="Questions of the dev part."
)
def consistency(
    config: Path | None, overrides: tuple[str, ...], folder: Path, repeats: int, limit: int
) -> None:
    """Score the same prompts repeatedly: the same responses again, and fresh ones.

    How often chosen and rejected change at one and the same checkpoint is the noise floor of any later
    comparison between checkpoints.
    """
    from udasa_eval.experiments.consistency import measure_consistency, write_consistency

    found = measure_consistency(config, overrides, folder=folder, repeats=repeats, limit=limit)
    click.echo(write_consistency(found, folder))
    click.echo(f"wrote {folder}/consistency.txt and consistency.csv")


@experiment.command(short_help="Does training on the pairs beat turning the temperature down?")
@_config
@_set
@_folder("runs/premise")
@click.option(
    "--seeds", type=click.IntRange(min=1), default=5, show_default=True, help="Independent repetitions."
)
@click.option("--arms", default="all", show_default=True, help="Which arms, by name and comma; all of them.")
@click.option(
    "--part",
    type=click.Choice(["dev", "test"]),
    default="test",
    show_default=True,
    help="What is measured in the end: dev, to look for a recipe without looking at test.",
)
def premise(
    config: Path | None, overrides: tuple[str, ...], folder: Path, seeds: int, arms: str, part: str
) -> None:
    """Train on pairs of the factual set, and compare best temperature with best temperature.

    Hours on a laptop. Each finished piece is kept: typed again, it continues.
    """
    from udasa_eval.experiments.premise import measure_premise, write_premise

    chosen = None if arms == "all" else tuple(arm.strip() for arm in arms.split(","))
    found = measure_premise(config, overrides, folder=folder, seeds=seeds, arms=chosen, part=part)
    place = folder / part
    click.echo(write_premise(found, place))
    click.echo(f"wrote {place}/premise.txt, premise.csv and premise.svg")


@click.command("fit-weights", cls=Command, short_help="Fit weights and calibrations on labels.")
@click.argument("config", type=_FILE)
@_set
@_folder("runs/fit-weights")
@click.option("--data", type=_FILE, required=True, help="JSONL: prompt, responses, labels (true = right).")
@click.option(
    "--out", type=_FILE, default=Path("weights.json"), show_default=True, help="Where the fits are written."
)
def fit_weights(config: Path, overrides: tuple[str, ...], folder: Path, data: Path, out: Path) -> None:
    """Fit each dimension's weight, isotonic curve and Platt curve to labelled responses.

    A run that uses them is no longer label-free, and is stamped so.
    """
    from udasa_eval.experiments.fitting import fit_to_labels

    click.echo(fit_to_labels(config, overrides, folder=folder, data=data, out=out))

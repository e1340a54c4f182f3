"""`udasa eval MODEL --suite …` and `udasa eval compare A B …`."""

from __future__ import annotations

from pathlib import Path

import click

_FILE = click.Path(dir_okay=False, path_type=Path)
_FOLDER = click.Path(file_okay=False, path_type=Path)
_DEFAULT = "model"


class _Evaluating(click.Group):
    """A group whose first word is a model, unless it is one of its subcommands."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put the subcommand's name before a model."""
        if args and args[0] not in self.commands and args[0] not in ("-h", "--help"):
            args = [_DEFAULT, *args]
        return super().parse_args(ctx, args)


@click.group("eval", cls=_Evaluating, short_help="Measure a model on suites; compare models item by item.")
def evaluation() -> None:
    """Measure a model on suites: `udasa eval MODEL --suite NAME`. Compare: `udasa eval compare A B`.

    The options of measuring: `udasa eval model --help`.
    """


@evaluation.command(_DEFAULT, short_help="Measure MODEL (this word may be left out).")
@click.argument("model", required=False)
@click.option("--suite", "suites", multiple=True, help="A suite, beside those of --config. May be repeated.")
@click.option("--adapter", type=_FOLDER, help="A folder with a LoRA adapter for MODEL.")
@click.option(
    "--config", type=_FILE, help="A TOML whose [model], [generator], [judge], [[suite]] and the like count."
)
@click.option(
    "--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Override a key. May be repeated."
)
@click.option(
    "--folder",
    type=_FOLDER,
    default=Path("runs/eval"),
    show_default=True,
    help="Where results go. Typed again, the command continues there.",
)
@click.option("--name", help="What the result is called there; by default, the model and a digest.")
@click.option(
    "--limit", type=click.IntRange(min=1), metavar="N", help="Ask about N questions of each suite at most."
)
def measure(
    model: str | None,
    suites: tuple[str, ...],
    adapter: Path | None,
    config: Path | None,
    overrides: tuple[str, ...],
    folder: Path,
    name: str | None,
    limit: int | None,
) -> None:
    """Measure MODEL (a source such as file:FOLDER or hf:owner/name@revision) on suites.

    Without MODEL, that of --config is measured. Writes results.json, results.md and a Parquet of items a
    suite.
    """
    from udasa_core import Table, printable
    from udasa_eval.standalone.evaluation import evaluate_model
    from udasa_eval.standalone.results import write_results

    def tell(plan: Table) -> None:
        click.echo(printable(f"{plan}\n"), err=True)

    run = evaluate_model(
        model,
        suites,
        configuration=config,
        overrides=overrides,
        adapter=adapter,
        folder=folder,
        name=name,
        limit=limit,
        tell=tell,
    )
    click.echo(write_results(run, run.folder))
    told = f"wrote {run.folder}/results.json and results.md, and a Parquet of the items of each suite"
    click.echo(printable(told))


@evaluation.command("compare", short_help="Compare models item by item.")
@click.argument("models", nargs=-1, required=True, metavar="A B …")
@click.option("--suite", "suites", multiple=True, help="Only this suite. May be repeated.")
def comparison(models: tuple[str, ...], suites: tuple[str, ...]) -> None:
    """Compare B … with A on every suite that both have, item by item.

    Each is RUN or RUN:MODEL: an evaluation's name or folder, or a run's with its stage
    (quickstart:base, quickstart:exploratory).
    """
    from udasa_eval.standalone.comparison import compare, comparison_table, contender

    if len(models) < 2:
        raise click.UsageError("a comparison needs two models or more")
    click.echo(comparison_table(compare([contender(name) for name in models], suites)))

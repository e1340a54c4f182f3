"""Write tasks as JSONL: `python -m udasa_eval.tasks --seed 11 --each 20`."""

from __future__ import annotations

import json

import click

from udasa_eval.tasks.registry import FAMILIES
from udasa_eval.tasks.rows import rows


@click.command()
@click.option("--seed", type=int, required=True, help="The same seed gives the same tasks.")
@click.option(
    "--each", type=click.IntRange(min=1), default=20, show_default=True, help="Tasks a family and level."
)
@click.option("--family", "families", multiple=True, type=click.Choice(list(FAMILIES)), help="Left out: all.")
@click.option("--part", default="train", show_default=True, help="The part that the rows name.")
def main(seed: int, each: int, families: tuple[str, ...], part: str) -> None:
    """Write tasks to the standard output, a row a line, as the labelled sets have them."""
    for one in rows(seed, each, families, part):
        click.echo(json.dumps(one, ensure_ascii=False))


if __name__ == "__main__":
    main()

"""Experiment `sentiment.spread`: do warmer responses feel less alike?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from pydantic import Field

from udasa_core import Abstain, OpenRun, Plugin, Steps, Table, hookimpl


class Spread(Plugin):
    """Do warmer responses feel less alike?

    Samples CONFIG's training prompts at some temperatures, and tells the mean uncertainty of each dimension.
    """

    class Options(Plugin.Options):
        """Where to sample."""

        temperatures: tuple[float, ...] = Field(
            default=(0.5, 1.0), min_length=1, description="Sampled anew each."
        )

    options: Options

    @hookimpl
    def udasa_experiment(self, config: Mapping[str, Any], out_dir: Path, steps: Steps) -> Sequence[Table]:
        """Return one table: a row a temperature and dimension."""
        rows = []
        for temperature in self.options.temperatures:
            generator = {**config["generator"], "temperature": temperature}
            with steps.run({**config, "generator": generator}, f"t{temperature:g}") as run:
                rows += [(f"{temperature:g}", name, mean) for name, mean in _means(run)]
        notes = ["Mean over responses; 0: they feel alike. What a dimension abstained from does not count."]
        return [Table("Spread of sentiment", ("temperature", "dimension", "mean u"), rows, notes)]


def _means(run: OpenRun) -> Iterator[tuple[str, float | None]]:
    scored = list(run.score(run.sample()))
    for name in run.weights:
        told = [u for _, scores in scored for u in scores.raw[name] if not isinstance(u, Abstain)]
        yield name, fmean(told) if told else None

"""`udasa experiment premise`: does training on the pairs give more than turning the temperature down?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from udasa_core import Plugin, hookimpl
from udasa_eval.experiments.bundled import bundled

if TYPE_CHECKING:
    from udasa_core import Steps, Table


class Premise(Plugin):
    """Does training on the pairs beat turning the temperature down?

    Trains on pairs of the factual set, and compares best temperature with best temperature. Hours on a
    laptop. Each finished piece is kept: typed again, it continues. Beside its tables it writes their figures
    as premise-PART.csv, and premise-PART.svg.
    """

    class Options(Plugin.Options):
        """What is trained and measured."""

        seeds: int = Field(default=5, ge=1, description="Independent repetitions.")
        arms: tuple[str, ...] = Field(
            default=(), description="Which arms of the configuration, by name; default, all of them."
        )
        part: Literal["dev", "test"] = Field(
            default="test",
            description="What is measured in the end: dev, to look for a recipe without looking at test.",
        )

    options: Options
    uses = ("generator", "dimension", "calibration", "aggregation", "pairing", "stages", "trainer")
    configuration = bundled("premise.toml")

    @property
    def report_name(self) -> str:
        """What its files are called: by the part that was measured."""
        return f"premise-{self.options.part}"

    @hookimpl
    def udasa_experiment(self, config: Mapping[str, Any], out_dir: Path, steps: Steps) -> Sequence[Table]:
        """Train and measure every arm with every seed."""
        from udasa_eval.experiments.premise_runs import measure_premise
        from udasa_eval.experiments.premise_tables import figure, rows, tables
        from udasa_eval.experiments.signal_report import write_csv

        options = self.options
        found = measure_premise(config, steps, seeds=options.seeds, arms=options.arms, part=options.part)
        write_csv(out_dir / f"{self.report_name}.csv", rows(found))
        figure(out_dir / f"{self.report_name}.svg", found)
        return list(tables(found))

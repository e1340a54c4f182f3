"""`udasa experiment ablation`: what does each part of U add, and how do errors in it spread?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from udasa_core import Plugin, hookimpl
from udasa_eval.experiments.bundled import bundled

if TYPE_CHECKING:
    from udasa_core import Steps, Table

_Dose = Annotated[float, Field(gt=0, le=1)]


class Ablation(Plugin):
    """What does each part of U add, and how do errors in it spread?

    On the factual set: each dimension alone, each left out, fewer responses and voters, other temperatures;
    then noise in U and prompts turned round, in growing doses. For each, what the pairs are, and how many
    change their stage. Nothing is trained. Beside its table it writes ablation-PART.csv and
    ablation-PART.svg.
    """

    class Options(Plugin.Options):
        """What is varied, and on what."""

        part: Literal["dev", "test"] = Field(
            default="dev", description="Of the factual set: dev is for choosing, test for reporting once."
        )
        limit: int | None = Field(
            default=None, ge=2, description="So many of its questions, taken evenly; default, all of them."
        )
        temperatures: tuple[Annotated[float, Field(gt=0)], ...] = Field(
            default=(0.7, 0.5, 1.0),
            min_length=1,
            description="The first is that of all arms; the others are sampled and compared with it.",
        )
        responses: tuple[Annotated[int, Field(gt=1)], ...] = Field(
            default=(8, 4),
            min_length=1,
            description="The most is that of all arms; smaller numbers are taken from it.",
        )
        voters: tuple[Annotated[int, Field(ge=0, multiple_of=8)], ...] = Field(
            default=(16, 8, 0), min_length=1, description="Likewise."
        )
        noise: tuple[_Dose, ...] = Field(
            default=(0.05, 0.1, 0.2, 0.4), description="Standard deviations of what is added to U."
        )
        flips: tuple[_Dose, ...] = Field(
            default=(0.05, 0.1, 0.2, 0.4), description="Shares of prompts whose order by U is turned round."
        )

    options: Options
    uses = ("generator", "dimension", "calibration", "aggregation", "pairing", "stages")
    configuration = bundled("signal.toml")

    @property
    def report_name(self) -> str:
        """What its files are called: by the part that was measured."""
        return f"ablation-{self.options.part}"

    @hookimpl
    def udasa_experiment(self, config: Mapping[str, Any], out_dir: Path, steps: Steps) -> Sequence[Table]:
        """Score and pair each arm."""
        from udasa_eval.experiments.ablation_figure import figure
        from udasa_eval.experiments.ablation_report import rows, tables
        from udasa_eval.experiments.ablation_runs import Varied, measure_arms
        from udasa_eval.experiments.signal_report import write_csv

        arms = measure_arms(config, steps, Varied(**self.options.model_dump()))
        write_csv(out_dir / f"{self.report_name}.csv", rows(arms))
        figure(out_dir / f"{self.report_name}.svg", arms)
        return tables(arms)

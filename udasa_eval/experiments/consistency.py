"""`udasa experiment consistency`: does a checkpoint agree with itself?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field

from udasa_core import Plugin, hookimpl
from udasa_eval.experiments.bundled import bundled

if TYPE_CHECKING:
    from udasa_core import Steps, Table


class Consistency(Plugin):
    """Does each dimension agree with itself?

    Scores the same prompts repeatedly: the same responses again, and fresh ones. How often chosen and
    rejected change at one and the same checkpoint is the noise floor of any later comparison between
    checkpoints. Beside its table it writes the figures as consistency.csv.
    """

    class Options(Plugin.Options):
        """How much is compared."""

        repeats: int = Field(default=3, ge=2, description="Scorings that are compared.")
        limit: int = Field(default=60, ge=2, description="Questions of train and dev, taken evenly.")

    options: Options
    uses = ("generator", "dimension", "calibration", "aggregation")
    configuration = bundled("signal.toml")

    @hookimpl
    def udasa_experiment(self, config: Mapping[str, Any], out_dir: Path, steps: Steps) -> Sequence[Table]:
        """Score the same, and fresh, responses repeatedly."""
        from udasa_eval.experiments.agreement_report import rows, table
        from udasa_eval.experiments.consistency_runs import measure_consistency
        from udasa_eval.experiments.signal_report import write_csv

        condition, agreements = measure_consistency(
            config, steps, repeats=self.options.repeats, limit=self.options.limit
        )
        write_csv(out_dir / "consistency.csv", rows(condition, agreements))
        return [table(condition, agreements)]

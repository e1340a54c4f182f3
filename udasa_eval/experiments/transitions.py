"""`udasa experiment transitions`: what did each stage do, and does their order matter?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field

from udasa_core import Plugin, hookimpl

if TYPE_CHECKING:
    from udasa_core import Steps, Table


class Transitions(Plugin):
    """What does each stage do to what the earlier ones taught, and does the order matter?

    Trains CONFIG as `udasa run` does, and measures every stage's policy. Then it trains the same pairs in
    other orders, from the last stage to the first and dealt at random, and compares what is left in the end.
    Beside its tables it writes transitions.csv.
    """

    class Options(Plugin.Options):
        """Which other orders are trained."""

        shuffles: int = Field(
            default=2, ge=0, description="How often the pairs are dealt to the stages at random; 0: never."
        )
        reverse: bool = Field(
            default=True, description="Whether the stages are also trained from the last to the first."
        )

    options: Options

    @hookimpl
    def udasa_experiment(self, config: Mapping[str, Any], out_dir: Path, steps: Steps) -> Sequence[Table]:
        """Train the stages as configured, and in other orders."""
        from udasa_core import transition_tables
        from udasa_eval.experiments.signal_report import write_csv
        from udasa_eval.experiments.transitions_report import rows, tables
        from udasa_eval.experiments.transitions_runs import measure_orders

        found = measure_orders(config, steps, shuffles=self.options.shuffles, reverse=self.options.reverse)
        write_csv(out_dir / "transitions.csv", rows(found))
        return [*transition_tables(list(found.run.transitions())), *tables(found)]

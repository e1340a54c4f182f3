"""`udasa experiment stability`: would another checkpoint make the same pairs?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field

from udasa_core import Plugin, hookimpl

if TYPE_CHECKING:
    from udasa_core import Steps, Table


class Stability(Plugin):
    """Would another checkpoint make the same pairs?

    Trains CONFIG as `udasa run` does, and has each stage's policy, and other models, read the base's own
    responses again and compare them with voters of their own. Where chosen and rejected change more than they
    do between two draws of the base's voters, pairs depend on the checkpoint that judges them. Beside its
    tables it writes stability.csv.
    """

    class Options(Plugin.Options):
        """Who reads, and how often."""

        models: tuple[str, ...] = Field(
            default=(), description="Sources of further models that read, whatever they are trained for."
        )
        repeats: int = Field(
            default=2, ge=1, description="Draws of voters for each reader; their mean is compared."
        )
        trained: bool = Field(
            default=True, description="Whether the policies that the stages leave read, and so are trained."
        )

    options: Options
    uses = ("generator", "dimension", "calibration", "aggregation", "pairing", "stages", "trainer")

    @hookimpl
    def udasa_experiment(self, config: Mapping[str, Any], out_dir: Path, steps: Steps) -> Sequence[Table]:
        """Have each checkpoint read one set of responses."""
        from udasa_eval.experiments.signal_report import write_csv
        from udasa_eval.experiments.stability_report import rows, tables
        from udasa_eval.experiments.stability_runs import Readers, measure_stability

        readers = Readers(self.options.models, self.options.repeats, self.options.trained)
        found = measure_stability(config, steps, readers)
        write_csv(out_dir / "stability.csv", rows(found))
        return list(tables(found))

"""`udasa experiment fit-weights`: which weights would labels choose?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field

from udasa_core import Plugin, hookimpl

if TYPE_CHECKING:
    from udasa_core import Steps, Table


class FitWeights(Plugin):
    """Which weights and calibrations would labels choose?

    Fits each dimension's weight, isotonic curve and Platt curve to labelled responses. A run that uses them
    is no longer label-free, and is stamped so.
    """

    class Options(Plugin.Options):
        """What is fitted to, and where the fits go."""

        data: Path = Field(description="JSONL: prompt, responses, labels (true = right).")
        out: Path = Field(default=Path("weights.json"), description="Where the fits are written.")

    options: Options
    uses = ("generator", "dimension", "calibration", "aggregation")

    @hookimpl
    def udasa_experiment(self, config: Mapping[str, Any], out_dir: Path, steps: Steps) -> Sequence[Table]:
        """Score the labelled responses, fit, and write the fits."""
        from udasa_eval.experiments.fitting import fit_to_labels

        return [fit_to_labels(config, steps, data=self.options.data, out=self.options.out)]

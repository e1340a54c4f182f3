"""`udasa experiment longitudinal`: what becomes of a policy that trains on its own pairs again and again?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field

from udasa_core import Plugin, hookimpl

if TYPE_CHECKING:
    from udasa_core import Steps, Table


class Longitudinal(Plugin):
    """What becomes of a policy that is trained on its own pairs, round after round?

    Makes CONFIG's rounds as `udasa run` does, and asks the policy of each one bundled questions whose answers
    are known: how many it answers rightly, whether any of K still does, whether U still tells which, and what
    it says otherwise. Beside its tables it writes longitudinal.csv and longitudinal.svg.
    """

    class Options(Plugin.Options):
        """How long, and on how many questions."""

        rounds: int = Field(default=3, ge=2, description="Rounds at most; replaces [rounds] count.")
        limit: int = Field(default=60, ge=2, description="Questions of the factual set's dev part.")

    options: Options

    @hookimpl
    def udasa_experiment(self, config: Mapping[str, Any], out_dir: Path, steps: Steps) -> Sequence[Table]:
        """Make the rounds, and ask what each of them left."""
        from udasa_eval.experiments.longitudinal_figure import figure
        from udasa_eval.experiments.longitudinal_report import rows, tables
        from udasa_eval.experiments.longitudinal_runs import measure_rounds
        from udasa_eval.experiments.signal_report import write_csv

        found = measure_rounds(config, steps, rounds=self.options.rounds, limit=self.options.limit)
        write_csv(out_dir / "longitudinal.csv", rows(found))
        figure(out_dir / "longitudinal.svg", found)
        return list(tables(found))

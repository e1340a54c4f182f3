"""`udasa experiment stages`: does training on pairs by uncertainty help, and do stages earn their place?"""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, model_validator

from udasa_core import Plugin, hookimpl
from udasa_eval.experiments.bundled import bundled

if TYPE_CHECKING:
    from udasa_core import Steps, Table


class Stages(Plugin):
    """Do stages earn their place, and what does training give at all?

    Trains every arm of CONFIG on pairs of the graded questions, and measures each policy: accuracy at its
    best temperature, what it retains, any of K, instructions, drift, and CONFIG's suites. Hours on a laptop.
    Each finished piece is kept: typed again, it continues; a kill costs one policy. Beside its tables it
    writes every figure by item as stages-PART.csv, and the questions as stages-PART-questions.jsonl.
    """

    class Options(Plugin.Options):
        """What is trained and measured, and by which of several processes."""

        seeds: int = Field(default=8, ge=1, description="Independent repetitions.")
        arms: tuple[str, ...] = Field(
            default=(), description="Which arms of the configuration, by name; default, all of them."
        )
        part: Literal["dev", "sealed"] = Field(
            default="dev",
            description="What policies are measured on in the end: dev, to look for what helps; sealed, "
            "once, when the design is fixed.",
        )
        limit: int | None = Field(
            default=None,
            ge=2,
            description="So many questions of each part, taken evenly; default, all of them.",
        )
        lane: int = Field(default=1, ge=1, description="Of several processes, the number of this one.")
        lanes: int = Field(
            default=1,
            ge=1,
            description="How many processes share the seeds, in one folder; typed once more with 1, the "
            "command tells all.",
        )

        @model_validator(mode="after")
        def _is_one_of_them(self) -> Stages.Options:
            if self.lane > self.lanes:
                raise ValueError(
                    f"lane {self.lane} is none of {self.lanes}: write --lanes {self.lane}, or more"
                )
            return self

    options: Options
    configuration = bundled("stages.toml")

    @property
    def report_name(self) -> str:
        """What its files are called: by the part, and by the lane of several."""
        lane = f"-lane-{self.options.lane}" if self.options.lanes > 1 else ""
        return f"stages-{self.options.part}{lane}"

    @hookimpl
    def udasa_experiment(self, config: Mapping[str, Any], out_dir: Path, steps: Steps) -> Sequence[Table]:
        """Train and measure every arm with every seed of this lane."""
        from udasa_core import Table
        from udasa_eval.experiments.measuring import seed_of
        from udasa_eval.experiments.stages_part import dev_part
        from udasa_eval.experiments.stages_report import Asked
        from udasa_eval.experiments.stages_runs import Lane, measure_stages
        from udasa_eval.experiments.stages_tables import rows, tables

        options, lane = self.options, Lane(self.options.lane, self.options.lanes)
        if not lane.seeds(seed_of(config), options.seeds):
            return [Table(lane.idle(options.seeds), (), ())]
        last = dev_part()
        if options.part == "sealed":
            from udasa_eval.experiments.stages_sealed import sealed_part

            last = sealed_part()
        asked = Asked.read(config.get("contrasts", {}))
        found = measure_stages(
            {key: value for key, value in config.items() if key != "contrasts"},
            steps,
            seeds=options.seeds,
            arms=options.arms,
            last=last.evenly(options.limit),
            limit=options.limit,
            lane=lane,
            progress=self.resources.progress,
        )
        with (out_dir / f"{self.report_name}.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, ("arm", "seed", "part", "temperature", "figure", "item", "value"))
            writer.writeheader()
            writer.writerows(rows(found))
        # What others need to make the figures again from the responses.
        asked_of = "".join(
            json.dumps(asdict(one), ensure_ascii=False) + "\n" for one in last.evenly(options.limit).questions
        )
        (out_dir / f"{self.report_name}-questions.jsonl").write_text(asked_of, encoding="utf-8")
        return list(tables(found, asked))

"""`udasa experiment judge`: what does a judge prefer that has nothing to do with being right?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import Field, model_validator

from udasa_core import Plugin, hookimpl
from udasa_eval.experiments.bundled import bundled

if TYPE_CHECKING:
    from udasa_core import Steps, Table


class JudgeBiases(Plugin):
    """What does a judge prefer, beside being right?

    Has the [judge] of CONFIG grade planted answers that differ in one respect only, asked in the words of
    suites: their place, their length, their style, whose they are; and right and wrong ones. CONFIG is read
    as `udasa eval` reads it. Beside its tables it writes judge-biases-PART.csv, and what
    `udasa show` sets beside the grades of this judge.
    """

    class Options(Plugin.Options):
        """In which words the judge is asked, and how often."""

        words: tuple[Literal["helpful", "harmless", "mt_bench"], ...] = Field(
            default=("helpful", "harmless"),
            min_length=1,
            description="In which words it is asked: those of the suites helpfulness, harmlessness and "
            "mt-bench, or of their pairwise forms.",
        )
        forms: tuple[Literal["single", "pair"], ...] = Field(
            default=("single", "pair"),
            min_length=1,
            description="One answer at a time, graded from 1 to 10; and two, of which it prefers one.",
        )
        part: Literal["dev", "test"] = Field(
            default="dev",
            description="Of the labelled sets: dev is for choosing, test for reporting once.",
        )
        limit: int | None = Field(
            default=40, ge=1, description="About so many prompts for each of the words, taken evenly."
        )
        repeats: int = Field(
            default=2, ge=1, description="How often right and wrong answers are judged, by other seeds."
        )
        sampled: bool = Field(
            default=True,
            description="Whether answers of the judge's own model are compared with those of [model], where "
            "the judge's model can be sampled on this machine and the two are of different families.",
        )
        bench: str = Field(
            default="", description="Where mt-bench's grading prompts are; by default where that suite looks."
        )

        @model_validator(mode="after")
        def _ask_for_bench(self) -> Self:
            if self.bench and "mt_bench" not in self.words:
                raise ValueError("--bench is read for --words mt_bench alone: add that, or leave --bench out")
            return self

    options: Options
    configuration = bundled("eval.toml")

    @property
    def report_name(self) -> str:
        """What its files are called, by the part that was measured."""
        return f"judge-biases-{self.options.part}"

    @hookimpl
    def udasa_experiment(self, config: Mapping[str, Any], out_dir: Path, steps: Steps) -> Sequence[Table]:
        """Ask the judge in each of the words."""
        from udasa_eval.experiments.judge_report import csv, tables
        from udasa_eval.experiments.judge_runs import Plan, measure_judge

        options = self.options
        plan = Plan(
            options.words, options.forms, options.part, options.limit, options.repeats, options.sampled
        )
        found = measure_judge(config, steps, plan, self.resources.data, options.bench)
        csv(out_dir / f"{self.report_name}.csv", found)
        return list(tables(found))

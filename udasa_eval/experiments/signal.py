"""`udasa experiment signal`: is the response that a dimension calls reliable really the better one?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from udasa_core import Plugin, hookimpl
from udasa_eval.experiments.bundled import bundled

if TYPE_CHECKING:
    from udasa_core import Steps, Table


class Signal(Plugin):
    """Does each dimension rank right answers above wrong ones?

    Measures, on labelled sets, which responses each dimension of CONFIG prefers; by default of the bundled
    configuration, which has every built-in estimator that needs no further model. Beside its tables it writes
    their figures as signal-PART.csv, each question's as signal-PART-questions.csv, and signal-PART.svg.
    """

    class Options(Plugin.Options):
        """What is measured, and on what."""

        part: Literal["dev", "test"] = Field(
            default="dev",
            description="Of the bundled labelled sets: dev is for choosing, test for reporting once.",
        )
        sets: tuple[Literal["factual", "yes_no", "other_scripts"], ...] = Field(
            default=("factual", "yes_no"),
            min_length=1,
            description="Which questions: with short answers, for yes or no, or (test only, and for a policy "
            "that knows the languages) in other scripts than Latin.",
        )
        data: Path | None = Field(
            default=None, description="Your own JSONL instead: prompt, responses, labels in each row."
        )
        temperatures: tuple[Annotated[float, Field(gt=0)], ...] = Field(
            default=(0.5, 0.7, 1.0), min_length=1, description="Sampled anew each."
        )
        responses: tuple[Annotated[int, Field(gt=0)], ...] = Field(
            default=(4, 8, 16),
            min_length=1,
            description="Responses a prompt; smaller numbers are taken from the largest.",
        )
        voters: tuple[Annotated[int, Field(ge=0, multiple_of=8)], ...] = Field(
            default=(16,),
            min_length=1,
            description="Voters a prompt that responses are compared with besides; smaller numbers are taken "
            "from the largest.",
        )

        @model_validator(mode="after")
        def _choose_once(self) -> Self:
            fields = type(self).model_fields
            idle = [f"--{name}" for name in ("part", "sets") if getattr(self, name) != fields[name].default]
            if self.data is not None and idle:
                raise ValueError(
                    f"{' and '.join(idle)} is of the bundled questions, --data names others: leave one out"
                )
            return self

    options: Options
    uses = ("generator", "dimension", "calibration", "aggregation")
    configuration = bundled("signal.toml")

    @property
    def report_name(self) -> str:
        """What its files are called: by the part, or the file, that was measured."""
        data = self.options.data
        return f"signal-{data.stem if data else self.options.part}"

    @hookimpl
    def udasa_experiment(self, config: Mapping[str, Any], out_dir: Path, steps: Steps) -> Sequence[Table]:
        """Sample, score and measure each condition."""
        from udasa_eval.experiments.signal_figure import figure
        from udasa_eval.experiments.signal_report import question_rows, rows, write_csv
        from udasa_eval.experiments.signal_runs import Asked, on_file, on_sets
        from udasa_eval.experiments.signal_tables import tables

        options = self.options
        asked = Asked(config, steps, options.temperatures, options.responses, options.voters)
        reports = on_file(asked, options.data) if options.data else on_sets(asked, options.part, options.sets)
        write_csv(out_dir / f"{self.report_name}.csv", rows(reports))
        write_csv(out_dir / f"{self.report_name}-questions.csv", question_rows(reports))
        figure(out_dir / f"{self.report_name}.svg", reports)
        return [table for report in reports for table in tables(report)]

"""Experiments for tests, named as local work: `tests.core.experiments.local_experiment:Counting`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from udasa_core import Plugin, Steps, Table, hookimpl
from udasa_core.errors import UdasaError


class Counting(Plugin):
    """How many responses are there?

    It counts.
    """

    class Options(Plugin.Options):
        of: Literal["responses", "prompts"] = Field(default="responses", description="What is counted.")
        times: int = Field(default=1, ge=1, description="Each counts so many times.")
        halves: bool = Field(default=False, description="Each counts half.")
        weights: tuple[Annotated[float, Field(gt=0)], ...] = Field(
            default=(1.0,), min_length=1, description="Counted once for each weight, with that weight."
        )
        words: tuple[str, ...] = Field(default=(), description="What is told besides.")
        note: Path | None = Field(default=None, description="Where the count is also written.")

    options: Options

    @property
    def report_name(self) -> str:  # type: ignore[override]
        return f"count-of-{self.options.of}"

    @hookimpl
    def udasa_experiment(self, config: Mapping[str, Any], out_dir: Path, steps: Steps) -> Sequence[Table]:
        options = self.options
        with steps.run(config, "counted") as run:
            groups = list(run.sample())
        count = len(groups) if options.of == "prompts" else sum(len(one.responses) for one in groups)
        whole = count * options.times * sum(options.weights) * (0.5 if options.halves else 1)
        if options.note:
            options.note.write_text(f"{whole:g}")
        return [Table("Counted", ("what", "count"), [(options.of, whole)], options.words)]


class Bundled(Counting):
    """It brings a configuration, written where the test says."""

    configuration = Path("bundled.toml")


class Failing(Plugin):
    """It fails as its options say."""

    class Options(Plugin.Options):
        how: str = Field(description="How.")

    options: Options

    @hookimpl
    def udasa_experiment(self, config: Mapping[str, Any], out_dir: Path, steps: Steps) -> Any:
        match self.options.how:
            case "raises":
                raise ZeroDivisionError("no answer")
            case "tells":
                raise UdasaError("the data are missing; fetch them")
            case "text":
                return "a table"
            case "nothing":
                return []
        return [("title", "rows")]


class Greedy(Plugin):
    """Its option is the command's own."""

    class Options(Plugin.Options):
        folder: str = Field(default="", description="Mine.")

    @hookimpl
    def udasa_experiment(self, config: Mapping[str, Any], out_dir: Path, steps: Steps) -> Sequence[Table]:
        return [Table("", (), ())]

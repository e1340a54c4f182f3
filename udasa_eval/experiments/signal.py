"""`udasa experiment signal`: is the response that a dimension calls reliable really the better one?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path
from typing import Any

from udasa_core import UdasaError
from udasa_core.api import conduct, load
from udasa_core.records import content_key
from udasa_core.running.job import Job
from udasa_core.steps.read import intake
from udasa_core.steps.sample import sample
from udasa_eval.experiments.cost import costs
from udasa_eval.experiments.direction import Direction, directions
from udasa_eval.experiments.labelled import LabelledScores
from udasa_eval.experiments.measuring import (
    plain_configuration,
    recorded,
    scored,
    scored_questions,
    with_prompts,
)
from udasa_eval.experiments.regrouped import first_responses, with_written
from udasa_eval.experiments.sets import (
    Contrast,
    Labelled,
    Question,
    contrasts,
    factual,
    labelled,
    prompts_file,
    questions_file,
)
from udasa_eval.experiments.signal_figure import figure
from udasa_eval.experiments.signal_report import (
    Condition,
    Cost,
    SignalReport,
    measure,
    question_rows,
    rows,
    write_csv,
)
from udasa_eval.experiments.signal_tables import table

# The parts of the factual set that defaults may be chosen on, and the one that is reported.
PARTS: Mapping[str, tuple[str, ...]] = {"dev": ("train", "dev"), "test": ("test",)}
# What the better and the worse answer of a contrast set are called.
CONTRASTS: Mapping[str, tuple[str, str]] = {"values": ("safe", "unsafe"), "open_ended": ("good", "generic")}
# The policy's own answers beside the two written ones, and their token budget.
_OWN_ANSWERS, _OWN_TOKENS = 4, 64


@dataclass(frozen=True, slots=True)
class Signal:
    """What to measure: a configuration (plain data), and where outputs go.

    temperatures: sampled anew each. sizes: numbers of responses K, the smaller ones taken from the largest.
    """

    raw: Mapping[str, Any]
    folder: Path
    temperatures: Sequence[float] = (0.5, 0.7, 1.0)
    sizes: Sequence[int] = (4, 8, 16)

    @property
    def seed(self) -> int:
        """The configuration's seed, which draws the bootstrap too."""
        return int(self.raw.get("run", {}).get("seed", 7))


def default_configuration() -> Path:
    """Return the bundled configuration, which names every built-in estimator that needs no further model."""
    return Path(str(files("udasa_eval") / "data" / "signal.toml"))


def signal_on_sets(
    configuration: Path | None,
    overrides: Sequence[str],
    *,
    folder: Path,
    part: str = "dev",
    temperatures: Sequence[float] = (0.5, 0.7, 1.0),
    sizes: Sequence[int] = (4, 8, 16),
) -> tuple[SignalReport, ...]:
    """Measure the signal on the bundled sets' `part`: "dev" for choosing, "test" for reporting.

    One report a temperature and K; directions on the contrast sets stand in the first. Runs, and what was
    sampled and scored, lie in `folder`: typed again, the command continues.
    """
    if part not in PARTS:
        raise UdasaError(f"there is no part {part!r}: dev is for choosing, test for reporting")
    raw = plain_configuration(configuration, overrides, default_configuration())
    asked = Signal(raw, folder, temperatures, sizes)
    questions = factual(*PARTS[part])
    reports = [
        report
        for temperature in asked.temperatures
        for report in _on_questions(asked, questions, f"factual-{part}", temperature)
    ]
    found = [
        one
        for name in CONTRASTS
        for one in _on_contrasts(asked, name, contrasts(name, part), f"{name}-{part}")
    ]
    return (replace(reports[0], directions=tuple(found)), *reports[1:])


def signal_on_file(
    configuration: Path | None, overrides: Sequence[str], *, folder: Path, data: Path
) -> tuple[SignalReport, ...]:
    """Measure the signal on a user's labelled responses: JSONL of prompt, responses, labels."""
    raw = plain_configuration(configuration, overrides, default_configuration())
    return (_on_labelled(Signal(raw, folder), labelled(data), data.stem),)


def write_report(reports: Sequence[SignalReport], folder: Path) -> str:
    """Write signal.txt, signal.csv, questions.csv and signal.svg into `folder`; return the text."""
    folder.mkdir(parents=True, exist_ok=True)
    text = "\n\n\n".join(f"== {report.condition} ==\n\n{table(report)}" for report in reports) + "\n"
    (folder / "signal.txt").write_text(text, encoding="utf-8")
    write_csv(folder / "signal.csv", rows(reports))
    write_csv(folder / "questions.csv", question_rows(reports))
    figure(folder / "signal.svg", reports)
    return text


def _on_questions(
    asked: Signal, questions: Sequence[Question], name: str, temperature: float
) -> list[SignalReport]:
    """Sample the largest K once, then measure each K on the first of these responses."""
    prompts = questions_file(asked.folder / "prompts", questions)
    generator = {"temperature": float(temperature), "responses": max(asked.sizes)}
    raw = with_prompts(asked.raw, f"{name}-t{temperature:g}", asked.folder, prompts, generator)
    found: list[SignalReport] = []

    def work(job: Job) -> Mapping[str, Any]:
        whole = sample(job, intake(job).training, job.base)
        for size in sorted(asked.sizes):
            groups = whole if size == max(asked.sizes) else first_responses(job, whole, size)
            scores = scored_questions(job, groups, questions)
            condition = Condition(name, float(temperature), size)
            # A dimension costs the same a response whatever the temperature, and nearly so whatever K.
            is_first = temperature == asked.temperatures[0] and size == min(asked.sizes)
            found.append(_report(asked, job, scores, condition, costs(job, groups) if is_first else {}))
        return {}

    conduct(load(raw), work)
    return found


def _on_labelled(asked: Signal, items: Sequence[Labelled], name: str) -> SignalReport:
    prompts = prompts_file(
        asked.folder / "prompts",
        [{"id": one.id, "prompt": one.prompt, "responses": list(one.responses)} for one in items],
    )
    most = max(len(one.responses) for one in items)
    plain = {**asked.raw, "generator": recorded(asked.raw, prompts, most)}
    raw = with_prompts(plain, f"labelled-{name}", asked.folder, prompts, {})
    labels = {one.id: one.labels for one in items}
    asked_for = {one.id: one.prompt for one in items}
    found: list[SignalReport] = []

    def work(job: Job) -> Mapping[str, Any]:
        groups = sample(job, intake(job).training, job.base)
        scores = scored(job, groups, lambda prompt, index, _: labels[prompt][index], asked_for)
        found.append(_report(asked, job, scores, Condition(name, float("nan"), most), costs(job, groups)))
        return {}

    conduct(load(raw), work)
    return found[0]


def _on_contrasts(
    asked: Signal, set_name: str, items: Sequence[Contrast], name: str
) -> tuple[Direction, ...]:
    """Score the written answers among a few of the policy's own, and say which each column prefers."""
    prompts = questions_file(asked.folder / "prompts", items)
    generator = {"responses": _OWN_ANSWERS, "max_new_tokens": _OWN_TOKENS}
    raw = with_prompts(asked.raw, name, asked.folder, prompts, generator)
    found: list[Direction] = []

    def work(job: Job) -> Mapping[str, Any]:
        own = sample(job, intake(job).training, job.base)
        groups = with_written(job, own, {one.id: (one.better, one.worse) for one in items})
        scores = scored(job, groups, lambda _, index, __: index == 0, {})
        each = _OWN_ANSWERS + 2
        better = {column: values[0::each] for column, values in scores.columns.items()}
        worse = {column: values[1::each] for column, values in scores.columns.items()}
        found.extend(directions(set_name, better, worse, names=CONTRASTS[set_name], seed=asked.seed))
        return {}

    conduct(load(raw), work)
    return tuple(found)


def _report(
    asked: Signal, job: Job, scores: LabelledScores, condition: Condition, cost: Mapping[str, Cost]
) -> SignalReport:
    dimensions = [plugin.name for plugin in job.stack.dimensions]
    seed = int(content_key(asked.seed, "signal", length=8), 16)
    return measure(scores, condition, dimensions=dimensions, costs=cost, seed=seed)

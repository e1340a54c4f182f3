"""The experiment `transitions`: an order that matters is told of, and one that does not is no evidence."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from tests.canned import Canned, Trainer, calls, depth_of
from udasa_core import Metric, ModelRef, Report, Run, Stage, SuiteReport, content_key, hookimpl, read_pairs
from udasa_core.cli.main import main
from udasa_core.job.job import Job
from udasa_core.running import watch
from udasa_core.store.output import Output
from udasa_core.store.store import StagedPairs
from udasa_eval.experiments.transitions_figures import ByItem, compared

ConfigFile = Callable[..., Path]

Q = 40


class Remembering(Trainer):
    """A trainer whose policies know the mean gaps of the stages that made them, in order."""

    @hookimpl
    def udasa_train(
        self, stage: Stage, pairs: Path, policy: ModelRef, reference: ModelRef, out_dir: Path, seed: int
    ) -> Report:
        gaps = [pair.gap or 0.0 for pair in read_pairs(pairs)]
        report = super().udasa_train(stage, pairs, policy, reference, out_dir, seed)
        path = out_dir / "adapter" / "adapter_config.json"
        note = json.loads(path.read_text())
        path.write_text(json.dumps({**note, "gaps": [*gaps_of(policy), sum(gaps) / len(gaps)]}))
        return report


class InOrder(Canned):
    """Twelve items: all but one right after stages whose gaps fell, all but one wrong otherwise;
    `drawn` is noise by item and policy."""

    @hookimpl
    def udasa_evaluate(self, policy: ModelRef, seed: int) -> SuiteReport:
        gaps = gaps_of(policy)
        is_sorted = bool(gaps) and gaps[0] - gaps[-1] > 0.3
        rows = tuple(
            {"id": str(n), "score": float((n == 0) != is_sorted), "drawn": drawn("noise", policy.key, n)}
            for n in range(12)
        )
        metrics = tuple(
            Metric(name, sum(float(row[column]) for row in rows) / 12, 0.0, 1.0, 12)
            for name, column in (("accuracy", "score"), ("drawn", "drawn"))
        )
        return SuiteReport(self.name, policy, metrics, rows)


def gaps_of(policy: ModelRef) -> list[float]:
    if not policy.adapters:
        return []
    note = json.loads((Path(policy.adapters[-1].folder) / "adapter_config.json").read_text())
    return [float(gap) for gap in note["gaps"]]


def drawn(*parts: object) -> float:
    return int(content_key(*parts, length=6), 16) / 16**6


def read_by_depth(job: Job, staged: StagedPairs, policy: ModelRef, label: str) -> str:
    """Stand in for a model's reading of pairs: the chosen response gains a nat a stage."""

    def make(key: str) -> None:
        import pyarrow as pa

        pairs = list(read_pairs(job.store.path("stage", staged.pairs)))
        chosen = [-9.0 + depth_of(policy)] * len(pairs)
        ids = [pair.prompt.id for pair in pairs]
        table = {"prompt_id": ids, "chosen": chosen, "rejected": [-9.0] * len(pairs)}
        job.store.write_table("pair-logprobs", key, pa.table(table))

    output = Output("pair-logprobs", round=staged.round, instance=staged.stage.name, policy=label)
    read = {"pairs": staged.pairs, "policy": policy.key}
    return job.outputs.once(output, f"{staged.label} read by {label}", read, make, suffix=".parquet")


def one(ours: Any, *others: Any, figure: str = "quiz score", **config: Any) -> tuple[str, Metric]:
    def figures(values: Any) -> Mapping[str, ByItem]:
        return {figure: {str(n): float(value) for n, value in enumerate(values)}}

    (found,) = compared(figures(ours), [figures(other) for other in others], config)
    return found.verdict, found.difference


def test_a_difference_by_hand() -> None:
    """Six items, twice compared: the mean of the two others is taken item by item."""
    gate = [{"figure": "quiz score", "better": "higher"}]
    ours, first, second = [6, 7, 8, 9, 10, 11], [1, 2, 3, 4, 5, 6], [3, 4, 5, 6, 7, 10]
    verdict, told = one(ours, first, second, gate=gate)
    differences = np.array([4, 4, 4, 4, 4, 3])
    half = 2.5706 * differences.std(ddof=1) / 6**0.5
    assert told.value == pytest.approx(23 / 6)
    assert (told.low, told.high) == pytest.approx((23 / 6 - half, 23 / 6 + half), abs=1e-4)
    assert (verdict, told.n) == ("better", 6)
    assert one(first, ours, gate=gate)[0] == "worse"
    # Nobody said which end is better; of a figure of the prompts it is known.
    assert one(ours, first, second)[0] == "higher"
    assert one(ours, first, figure="truncated")[0] == "worse"


def test_no_evidence() -> None:
    ours, theirs = [6, 7, 8, 9, 10, 11], [1, 2, 3, 4, 5, 6]
    # Above the mean of the others, but not above each of them.
    assert one(ours, theirs, [value + 0.5 for value in ours])[0] == "no evidence"
    verdict, told = one(ours[:5], theirs[:5])
    assert verdict == "no evidence"
    assert np.isnan(told.low)
    assert one([1, 0, 1, 0, 1, 0, 1, 0], [0, 1, 1, 0, 0, 1, 1, 0])[0] == "no evidence"


def test_false_alarms_are_rare() -> None:
    """400 comparisons of orders that do not matter."""
    rng = np.random.default_rng(0)
    drawn = (rng.normal(size=(3, Q)) for _ in range(400))
    alarms = sum(one(*three)[0] != "no evidence" for three in drawn)
    assert alarms <= 0.1 * 400


@pytest.mark.slow
def test_an_order_that_matters_is_told(
    config_file: ConfigFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "read_stage", read_by_depth)
    path = config_file(
        trainer={"use": f"{__name__}:Remembering"},
        suite=[{"use": f"{__name__}:InOrder", "name": "quiz"}],
        gate=[{"figure": f"quiz {name}", "better": "higher", "max_drop": 1.0} for name in ("score", "drawn")],
        dimension=[{"use": "tests.canned:Dimension", "name": "one"}],
    )
    prompts = tmp_path / "prompts.jsonl"
    prompts.write_text("".join(f'{{"id": "p{n}", "prompt": "question {n}"}}\n' for n in range(24)))
    folder = tmp_path / "out"
    arguments = ["experiment", "transitions", str(path), "--folder", str(folder), "--shuffles", "1"]
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 0, done.output
    found = done.output.split("Does the order matter? As configured against ")[1:]
    assert [table.splitlines()[0] for table in found] == ["the reverse order", "shuffled orders"]
    for table in found:
        lines = {line.split()[1]: line for line in table.splitlines() if line.startswith("  quiz ")}
        # Accuracy is the mean of the score; which of its ends is better, no gate says.
        assert lines.keys() == {"score", "accuracy", "drawn"}
        assert lines["accuracy"].endswith("higher")
        assert lines["score"].endswith("better")
        assert lines["drawn"].endswith("no evidence")
    runs = [Run(folder / name) for name in ("configured", "reversed-order", "shuffled-order-1")]
    orders = [[stage.label for stage in run.stages()] for run in runs]
    assert orders == [orders[0], orders[0][::-1], orders[0]]
    held = [{pair.id for _, pair in run.pairs()} for run in runs]
    assert held[0] == held[1] == held[2]
    assert next(runs[0].pairs()) != next(runs[2].pairs())
    # The matrix is the one that the run itself shows.
    shown = CliRunner().invoke(main, ["show", "configured", "--folder", str(folder)])
    matrix = done.output.split("\n\n")[0]
    assert matrix.startswith("What each stage did to what was there before")
    assert matrix.splitlines()[0] in shown.output
    with (folder / "transitions.csv").open() as file:
        told = {(row["column"], row["measure"]): row["value"] for row in csv.DictReader(file)}
    assert float(told["shuffled orders", "quiz score.difference"]) == pytest.approx(10 / 12)
    assert float(told["the reverse order", "chosen logp"]) == -6.0
    assert float(told["the reverse order", "pair accuracy.difference"]) == 0.0
    calls.clear()
    again = CliRunner().invoke(main, arguments)
    assert again.output == done.output
    assert not calls


def test_one_stage_has_no_order(
    config_file: ConfigFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "read_stage", read_by_depth)
    path = config_file(stages={"use": "single"}, run={"name": "r", "held_out": 0.0, "shard_size": 16})
    done = CliRunner().invoke(
        main, ["experiment", "transitions", str(path), "--folder", str(tmp_path / "out")]
    )
    assert done.exit_code == 0, done.output
    assert "No comparison: 1 stage was trained: there is no order." in done.output


@pytest.mark.slow
def test_a_policy_that_cannot_be_dealt_is_told_of(
    config_file: ConfigFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the controls themselves there is neither a shuffle nor another order."""
    monkeypatch.setattr(watch, "read_stage", read_by_depth)
    path = config_file(stages={"use": "reversed"}, trainer={"use": f"{__name__}:Remembering"})
    prompts = tmp_path / "prompts.jsonl"
    prompts.write_text("".join(f'{{"id": "p{n}", "prompt": "question {n}"}}\n' for n in range(24)))
    done = CliRunner().invoke(
        main, ["experiment", "transitions", str(path), "--folder", str(tmp_path / "out")]
    )
    assert done.exit_code == 0, done.output
    assert "No comparison: shuffled orders: the stage policy reversed has none" in done.output
    assert "No comparison: the reverse order: the stage policy reversed sets its own" in done.output

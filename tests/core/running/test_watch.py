"""What is measured after each stage: meters, earlier pairs read by a forward pass, suites item by item."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import udasa_core
from tests.canned import Canned, Strict, calls, configuration, depth_of
from udasa_core import Metric, ModelRef, SuiteReport, hookimpl
from udasa_core.records import Adapter
from udasa_core.report.figures import figures
from udasa_core.report.show import tables
from udasa_core.sources.digests import weights_digest
from udasa_core.store.output import HELD_OUT, Output
from udasa_core.store.tables import groups_from, read_pairs

STAGES = ("conservative", "moderate", "exploratory")


class Quizzes(Canned):
    """Ten questions: the right ones are as many as `right` says after so many stages, beginning with the
    base; `odd` is a figure that no column of the rows has."""

    class Options(Strict):
        right: Sequence[int] = (8, 8, 8, 8)

    @hookimpl
    def udasa_evaluate(self, policy: ModelRef, seed: int) -> SuiteReport:
        calls["quiz"] += 1
        right = self.options.right[depth_of(policy)]
        rows = tuple({"id": str(n), "score": float(n < right), "hits": float(n < right)} for n in range(10))
        share = right / 10
        metrics = (
            Metric("accuracy", share, 0.0, 1.0, 10, 0.1),
            Metric("odd", 1 + share, 0.0, 2.0, 10, 0.1),
        )
        return SuiteReport(self.name, policy, metrics, rows)


def moves(run: udasa_core.Run, stage: str) -> dict[str, Mapping[str, Any]]:
    (found,) = [one for one in run.transitions() if one["after"] == stage]
    return {move["name"]: move for move in found["moves"]}


def test_suites_are_measured_right_after_their_stage_and_compared_by_item(
    tmp_path: Path, tiny_model_dir: Path
) -> None:
    quiz = {"use": "tests.core.running.test_watch:Quizzes", "name": "quiz", "right": [9, 9, 3, 3]}
    plain = configuration(tmp_path, tiny_model_dir, suite=[quiz])
    run = udasa_core.run(plain)
    labels = [str(entry["label"]) for entry in run.manifest.outputs()]
    assert labels.index("suite quiz on conservative") < labels.index("train moderate")
    # Nothing asks for more.
    assert not list(run.transitions())
    assert not run.keys(Output("sample", HELD_OUT, 0, policy="conservative"))
    assert [row["value"] for row in run.suites()["quiz"] if row["name"] == "accuracy"] == [0.9, 0.9, 0.3, 0.3]


def test_a_pair_is_read_as_by_a_forward_pass(finished_run: udasa_core.Run) -> None:
    """The oracle: the whole sequence in one pass of the model with that stage's adapter."""
    import torch

    from udasa_core.models.loading import load_model

    first, second, _ = finished_run.stages()
    (key,) = finished_run.keys(Output("pair-logprobs", instance="conservative", policy="moderate"))
    read = finished_run.store.read_table("pair-logprobs", key).to_pylist()
    assert second.adapter is not None
    model = load_model(
        finished_run.base.with_adapter(Adapter(weights_digest(second.adapter), str(second.adapter)))
    )
    pair, told = next(iter(read_pairs(first.pairs))), read[0]
    assert told["prompt_id"] == pair.prompt.id
    for side, response in (("chosen", pair.chosen), ("rejected", pair.rejected)):
        ids = torch.tensor([[*pair.prompt_token_ids, *response.token_ids]])
        with torch.no_grad():
            logprobs = model(ids).logits.log_softmax(-1)[0, len(pair.prompt_token_ids) - 1 : -1]
        whole = logprobs.gather(1, torch.tensor(response.token_ids)[:, None]).sum().item()
        assert told[side] == pytest.approx(whole, abs=1e-3)


def test_the_matrix_tells_what_a_stage_did_to_the_earlier_ones_pairs(finished_run: udasa_core.Run) -> None:
    names = [
        [one["before"], one["after"], sum("of conservative" in move["name"] for move in one["moves"])]
        for one in finished_run.transitions()
    ]
    assert names == [
        ["base", "conservative", 0],
        ["conservative", "moderate", 2],
        ["moderate", "exploratory", 2],
    ]
    read = {
        policy: finished_run.store.read_table("pair-logprobs", key)
        for policy in ("base", "conservative", "moderate")
        for key in finished_run.keys(Output("pair-logprobs", instance="conservative", policy=policy))
    }
    margins = {
        policy: np.array(table["chosen"].to_pylist()) - np.array(table["rejected"].to_pylist())
        for policy, table in read.items()
    }
    told = moves(finished_run, "moderate")["pair accuracy of conservative"]
    for policy, value in (("conservative", told["before"]), ("moderate", told["after"])):
        assert value == pytest.approx(float((margins[policy] > margins["base"]).mean()))
    assert told["n"] == len(margins["base"])
    # The trainer's own figure of its stage, by code of its own.
    stage = finished_run.stages()[0]
    logp = moves(finished_run, "moderate")["chosen logp of conservative"]["before"]
    assert logp == pytest.approx(stage.metrics["chosen_logprob_after"], rel=1e-3)


def test_meters_are_those_of_the_responses(finished_run: udasa_core.Run) -> None:
    lengths = [
        np.mean([len(response.token_ids) for response in group.responses])
        for key in finished_run.keys(Output("sample", HELD_OUT, 0, policy="moderate"))
        for group in groups_from(finished_run.store.read_table("sample", key))
    ]
    told = moves(finished_run, "moderate")["length"]
    assert told["after"] == pytest.approx(float(np.mean(lengths)))
    assert told["n"] == len(lengths)
    # What a round leaves is its last stage's policy: sampled once.
    assert finished_run.keys(Output("sample", HELD_OUT, 1)) == finished_run.keys(
        Output("sample", HELD_OUT, 0, policy="exploratory")
    )


def test_the_matrix_is_shown(finished_run: udasa_core.Run) -> None:
    (matrix,) = [
        table for table in tables(figures(finished_run)) if table.title.startswith("What each stage did")
    ]
    assert matrix.columns == ("figure", "base", *STAGES, "n")
    rows = [row[0] for row in matrix.rows if row[0]]
    assert "chosen logp of moderate" in rows
    assert not [name for name in rows if name in ("chosen logp", "pair accuracy")]

"""Rounds: what one leaves is sampled anew and trained again; one round is what it always was."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import udasa_core
from tests.canned import Quiz, Strict, calls, configuration, depth_of, response
from tests.core.running.test_gates import collapsing
from tests.core.running.test_watch import Quizzes
from udasa_core import ModelRef, Prompt, Response, SamplingOptions
from udasa_core.export.card import card
from udasa_core.export.pairs import export_pairs
from udasa_core.report.figures import figures
from udasa_core.report.show import tables
from udasa_core.store.output import HELD_OUT, TRAINING, Output
from udasa_core.store.tables import groups_from


class Alike(Quiz):
    """Says one of three cities, and after three stages always one: no pair is left for a second round."""

    class Options(Strict):
        words: tuple[str, ...] = ("Paris", "Lyon", "Rome")

    def _say(
        self, prompt: Prompt, policy: ModelRef, seed: int, sampling: SamplingOptions, k: int
    ) -> Response:
        if depth_of(policy) >= 3:
            return response("It is Oslo.")
        return super()._say(prompt, policy, seed, sampling, k)


@pytest.fixture(scope="module")
def twice(tmp_path_factory: pytest.TempPathFactory, tiny_model_dir: Path) -> udasa_core.Run:
    """A run of one round, then of two, in the same store; read it only."""
    folder = tmp_path_factory.mktemp("twice")
    plain = configuration(folder, tiny_model_dir, suite=[{"use": "tests.canned:Suite", "name": "suite"}])
    plain["generator"]["voters"] = 8
    once = udasa_core.run(plain)
    keys = {str(entry["label"]): tuple(entry["keys"]) for entry in once.manifest.outputs()}
    # One round, written out, makes nothing anew.
    assert udasa_core.run({**plain, "rounds": {"count": 1}}).made == 0
    calls.clear()
    run = udasa_core.run({**plain, "rounds": {"count": 2}})
    # The first of two rounds is the one round.
    assert calls["train conservative"] == 1
    found = {str(entry["label"]): tuple(entry["keys"]) for entry in run.manifest.outputs()}
    assert keys.items() <= found.items()
    return run


def responses(run: udasa_core.Run, output: Output) -> list[str]:
    return [
        one.text
        for key in run.keys(output)
        for group in groups_from(run.store.read_table("sample", key))
        for one in group.responses
    ]


def test_the_second_round_goes_on_from_the_first(twice: udasa_core.Run) -> None:
    labels = [stage.label for stage in twice.stages()]
    assert labels == [
        *("conservative", "moderate", "exploratory"),
        *("conservative@2", "moderate@2", "exploratory@2"),
    ]
    assert all(stage.trained for stage in twice.stages())
    assert depth_of(twice.aligned()) == 6
    assert twice.manifest.plain["rounds"] == {"made": 2, "ended": ""}
    # Trained against where each stage began, by default.
    assert [stage.metrics["same_reference"] for stage in twice.stages()] == [1.0] * 6


def test_responses_and_voters_are_fresh_and_calibration_is_frozen(twice: udasa_core.Run) -> None:
    for block in ("", "voters 1"):
        first, second = (responses(twice, Output("sample", TRAINING, number, block)) for number in (0, 1))
        assert len(first) == len(second)
        assert set(first).isdisjoint(second)
    fitted = [entry for entry in twice.manifest.outputs() if entry["step"] == "fit"]
    assert {entry["round"] for entry in fitted} == {0}
    shards = [twice.keys(Output("sample", HELD_OUT, number)) for number in (0, 1, 2)]
    assert len({tuple(keys) for keys in shards}) == 3


@pytest.mark.slow
def test_the_base_is_the_reference_of_all_rounds_or_each_rounds_own(
    tmp_path: Path, tiny_model_dir: Path
) -> None:
    plain = configuration(tmp_path, tiny_model_dir, rounds={"count": 2})
    plain["trainer"]["reference"] = "base"
    rolled = udasa_core.run(plain)
    assert [stage.metrics["same_reference"] for stage in rolled.stages()] == [1.0, 0.0, 0.0] * 2
    plain["rounds"]["reference"] = "base"
    kept = udasa_core.run(plain)
    assert [stage.metrics["same_reference"] for stage in kept.stages()] == [1.0, *[0.0] * 5]


def test_what_was_sampled_last_is_shown_and_of_which_round_it_is(twice: udasa_core.Run) -> None:
    found = figures(twice)
    assert found["sampled_in"] == {"round": 2, "of": 2}
    second = [
        score
        for key in twice.keys(Output("aggregate", "training", 1))
        for scores in twice.store.read_table("aggregate", key)["U"].to_pylist()
        for score in scores
    ]
    (row,) = [row for row in found["uncertainty"] if row["dimension"] == "U"]
    assert row["mean"] == pytest.approx(sum(one["value"] for one in second) / len(second))
    text = "\n".join(map(str, tables(found)))
    assert "Uncertainty of training responses, in round 2 of 2" in text
    assert "to training prompts in round 2 of 2" in " ".join(text.split())


def test_the_card_says_what_each_round_was_sampled_from_and_what_was_decided(twice: udasa_core.Run) -> None:
    told = " ".join(card(twice, form="merged", dtype="float32").split())
    assert "sampled in each of 2 rounds, at first from the base model, then from the model trained" in told
    assert "- round 1: sampled from the base model; it left `exploratory`" in told
    assert "- round 2: sampled from `exploratory`; it left `exploratory@2`" in told
    assert "- gates and guard: 6 decisions, none of which tripped" in told


def test_rounds_are_shown_exported_and_kept_by_cleaning(twice: udasa_core.Run, tmp_path: Path) -> None:
    assert udasa_core.clean(twice.folder.parent, dry_run=True) == (0, 0)
    told = figures(twice)
    assert [stage["stage"] for stage in told["training"]][3:] == [
        *("conservative@2", "moderate@2", "exploratory@2"),
    ]
    found = {table.title: table for table in tables(told)}
    assert found["Rounds"].columns == ("figure", "base", "round 1", "round 2", "n")
    (row,) = [row for row in found["Rounds"].rows if row[0] == "suite adapters"]
    assert row[1:4] == (0.0, 1.0, 1.0)
    (length,) = [row for row in found["Rounds"].rows if row[0] == "length"]
    (held_out,) = [change for change in told["held_out"] if change["name"] == "length"]
    assert (length[1], length[3]) == (held_out["before"], held_out["after"])
    models = list(dict.fromkeys(row["model"] for row in told["suites"]["suite"]))
    assert models == ["base", *(stage.label for stage in twice.stages())]
    count = export_pairs(twice, tmp_path / "pairs.jsonl")
    rows = [json.loads(line) for line in (tmp_path / "pairs.jsonl").read_text().splitlines()]
    assert len(rows) == count == sum(stage.size for stage in twice.stages())
    assert {row["round"] for row in rows} == {1, 2}
    assert all(None not in row["chosen_scores"].values() for row in rows)


@pytest.mark.slow
def test_a_round_that_surely_gains_nothing_is_the_last(tmp_path: Path, tiny_model_dir: Path) -> None:
    quiz = {"use": f"{Quizzes.__module__}:Quizzes", "name": "quiz", "right": [1, 4, 6, 9, 9, 9, 9]}
    rounds = {"count": 3, "until": "quiz accuracy", "better": "higher"}
    plain = configuration(tmp_path, tiny_model_dir, suite=[quiz], rounds=rounds)
    run = udasa_core.run(plain)
    assert run.manifest.plain["rounds"] == {
        "made": 2,
        "ended": "quiz accuracy no longer surely gains in round 2",
    }
    text = " ".join("\n".join(map(str, tables(figures(run)))).split())
    assert "There was no further round: quiz accuracy no longer surely gains in round 2." in text


@pytest.mark.slow
def test_the_guard_ends_the_rounds(tmp_path: Path, tiny_model_dir: Path) -> None:
    """Collapse at the fourth stage of all: the second round's first, and any that goes on from the third."""
    plain = collapsing(tmp_path, tiny_model_dir, "rollback", rounds={"count": 4})
    plain["generator"]["depth"] = 4
    run = udasa_core.run(plain)
    assert run.manifest.plain["rounds"]["made"] == 2
    assert "the guard tripped after exploratory@2" in run.manifest.plain["rounds"]["ended"]
    assert run.aligned().adapters[0].folder == str(run.stages()[2].adapter)


@pytest.mark.slow
def test_a_first_round_that_is_rolled_back_whole_says_why_there_is_no_second(
    tmp_path: Path, tiny_model_dir: Path
) -> None:
    plain = collapsing(tmp_path, tiny_model_dir, "rollback", rounds={"count": 2})
    plain["generator"]["depth"] = 1
    run = udasa_core.run(plain)
    assert all(stage.rolled_back for stage in run.stages())
    text = " ".join("\n".join(map(str, tables(figures(run)))).split())
    assert f"There was no further round: {run.manifest.plain['rounds']['ended']}." in text


@pytest.mark.slow
def test_a_later_round_without_pairs_leaves_what_there_is(tmp_path: Path, tiny_model_dir: Path) -> None:
    generator = {"use": f"{__name__}:Alike", "responses": 4}
    plain = configuration(tmp_path, tiny_model_dir, generator=generator, rounds={"count": 2})
    run = udasa_core.run(plain)
    assert run.status == "finished"
    assert "round 2 had nothing to train on" in run.manifest.plain["rounds"]["ended"]
    assert [stage.label for stage in run.stages() if stage.trained][-1] == "exploratory"
    # Its stages are empty, and the run is over: they are not to be trained yet.
    ended = run.manifest.plain["rounds"]["ended"]
    assert [stage.skipped for stage in run.stages()] == ["", "", "", *[ended] * 3]
    assert "not trained yet" not in "\n".join(map(str, tables(figures(run))))
    assert run.aligned().adapters[0].folder == str(run.stages()[2].adapter)

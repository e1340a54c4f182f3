"""A run's tables hold what the run holds, row by row, with the user's own columns, and bad keys are told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import udasa_core
from tests.canned import configuration
from udasa_core.errors import UdasaError, UsageError
from udasa_core.export.pairs import export_pairs
from udasa_core.store.output import HELD_OUT, STEPS, TRAINING, Output
from udasa_core.store.own import widened
from udasa_core.store.tables import groups_from

COUNT = 24


def row(number: int) -> dict[str, Any]:
    """A prompt with columns of its user's, two of which a table, or TRL, has a use for already."""
    own = {"topic": f"topic {number % 3}", "level": number, "gold": [number], "stage": "mine", "label": True}
    return {"id": f"p{number}", "prompt": f"question {number}", **own, **({"odd": 0.5} if number % 2 else {})}


def prompts(folder: Path, **tables: Any) -> None:
    rows = [row(number) for number in range(COUNT)]
    (folder / "prompts.jsonl").write_text("".join(json.dumps(one) + "\n" for one in rows))


@pytest.fixture(scope="module")
def own_run(tmp_path_factory: pytest.TempPathFactory, tiny_model_dir: Path) -> udasa_core.Run:
    """A finished run of one bad row and 24 prompts, some of which give no pair; read it only."""
    folder = tmp_path_factory.mktemp("own")
    prompts(folder)
    with (folder / "prompts.jsonl").open("a") as file:
        file.write('{"prompt": ""}\n')
    plain = configuration(folder, tiny_model_dir, pairing={"use": "extremes", "min_gap": 0.4})
    plain["prompts"]["max_set_aside"] = 0.5
    plain["dimension"].append({"use": "tests.canned:Abstaining", "name": "mute"})
    return udasa_core.run(plain)


def expected(prompt_id: str) -> dict[str, Any]:
    """The user's columns as a run's table has them."""
    kept = {key: value for key, value in row(int(prompt_id[1:])).items() if key not in ("id", "prompt")}
    return {"odd": None, **kept, "gold": json.dumps(kept["gold"]), "own stage": kept["stage"]}


def test_responses_are_those_that_were_sampled_with_scores_and_fate(own_run: udasa_core.Run) -> None:
    table = own_run.responses().to_arrow()
    groups = [
        group
        for key in own_run.keys(Output("sample", TRAINING))
        for group in groups_from(own_run.store.read_table("sample", key))
    ]
    pairs = {pair.prompt.id: (stage, pair) for stage, pair in own_run.pairs()}
    scored = {one.prompt_id: one for one in own_run.scores()}
    assert 0 < len(pairs) < len(groups)
    rows = iter(table.to_pylist())
    for group in groups:
        prompt, one = group.prompt.id, scored[group.prompt.id]
        for number, response in enumerate(group.responses):
            found = next(rows)
            assert (found["prompt_id"], found["number"]) == (prompt, number + 1)
            assert (found["text"], found["prompt"]) == (response.text, group.prompt.messages[-1].content)
            assert (found["tokens"], found["cut_off"]) == (len(response.token_ids), False)
            assert found["logprob"] == pytest.approx(sum(response.logprobs))
            assert (found["U"], found["abstained"]) == (one.U[number], None)
            assert found["raw one"] == one.raw["one"][number]
            assert found["calibrated two"] == one.calibrated["two"][number]
            assert found["raw mute"] is None
            assert found["abstained mute"]
            assert (found["round"], found["policy"]) == (1, "base")
            own = ("topic", "level", "gold", "own stage", "label", "odd")
            assert {name: found[name] for name in own} == {name: expected(prompt)[name] for name in own}
            if prompt not in pairs:
                assert (found["paired"], found["stage"]) == (None, None)
                assert found["reason"] == "gap below min_gap"
                continue
            stage, pair = pairs[prompt]
            side = {pair.chosen.text: "chosen", pair.rejected.text: "rejected"}.get(response.text)
            assert found["paired"] == side
            assert found["stage"] == (stage if side else None)
            assert found["pair_id"] == (pair.id if side else None)
    assert next(rows, None) is None


def test_pairs_are_records_and_a_table_of_one_order(own_run: udasa_core.Run) -> None:
    both = own_run.pairs()
    first = next(both)
    pairs = [first, *both]
    assert next(both, None) is None, "records are given once"
    table = both.to_arrow().to_pylist()
    assert len(table) == len(pairs) == sum(stage.size for stage in own_run.stages())
    for found, (stage, pair) in zip(table, pairs, strict=True):
        assert (found["stage"], found["pair_id"], found["round"]) == (stage, pair.id, 1)
        assert (found["chosen"], found["rejected"]) == (pair.chosen.text, pair.rejected.text)
        assert (found["gap"], found["rejected_U"]) == (pair.gap, pair.rejected_U)
        assert (found["trained"], found["reason"], found["own stage"]) == (True, None, "mine")
        assert json.loads(found["messages"]) == [{"role": "user", "content": pair.prompt.messages[0].content}]
        for side in ("chosen", "rejected"):
            one, two = (found[f"{side} calibrated {name}"] for name in ("one", "two"))
            assert (one + 2 * two) / 3 == pytest.approx(found[f"{side}_U"])
            assert found[f"{side} abstained mute"]


def test_what_is_not_trained_on_is_told_with_step_and_reason(own_run: udasa_core.Run) -> None:
    aside, *rest = own_run.unpaired()
    assert (aside["step"], aside["line"], aside["reason"]) == ("read", COUNT + 1, "prompt is empty")
    paired = {pair.prompt.id for _, pair in own_run.pairs()}
    asked = {one["prompt_id"] for one in own_run.prompts()}
    assert {one["prompt_id"] for one in rest} == asked - paired
    assert {(one["step"], one["reason"]) for one in rest} == {("pair", "gap below min_gap")}
    assert all(one["level"] == int(one["prompt_id"][1:]) for one in rest)
    assert own_run.unpaired().to_pandas()["step"].value_counts().to_dict() == {"read": 1, "pair": len(rest)}


def test_pairs_of_no_stage_or_of_one_that_is_skipped_are_told(tmp_path: Path, tiny_model_dir: Path) -> None:
    plain = configuration(
        tmp_path,
        tiny_model_dir,
        stages={"use": "thresholds", "bounds": [0.6, 0.4]},
        trainer={"use": "tests.canned:Trainer", "moderate": {"min_pairs": 99}},
    )
    run = udasa_core.run(plain)
    found = run.unpaired().to_arrow().to_pylist()
    dropped = dict(run.staging()["dropped"])
    assert {one["pair_id"]: one["reason"] for one in found if one["step"] == "stage"} == dropped
    moderate = [one for one in found if one["step"] == "train"]
    assert len(moderate) == run.stage("moderate").size > 0
    assert {one["reason"] for one in moderate} == {run.stage("moderate").skipped}
    table = run.pairs().to_pandas()
    assert set(table[table["stage"] == "moderate"]["trained"]) == {False}


def test_answers_stand_side_by_side(finished_run: udasa_core.Run) -> None:
    for after, output in (
        ("", Output("sample", HELD_OUT, 1)),
        ("moderate", Output("sample", HELD_OUT, policy="moderate")),
    ):
        table = finished_run.answers(after).to_arrow().to_pylist()
        texts = {
            side: [
                response.text
                for key in finished_run.keys(one)
                for group in groups_from(finished_run.store.read_table("sample", key))
                for response in group.responses
            ]
            for side, one in (("before", Output("sample", HELD_OUT)), ("after", output))
        }
        assert {side: [one[side] for one in table] for side in texts} == texts
        assert texts["before"] != texts["after"]
        assert {one["policy"] for one in table} == {after or "exploratory"}
        base = [u for scores in finished_run.scores(HELD_OUT) for u in scores.U]
        assert [one["before_U"] for one in table] == base
    with pytest.raises(UsageError, match="has no stage 'nosuch'; there are base, conservative"):
        finished_run.answers("nosuch")


def test_without_answers_it_says_why(
    canned_run: udasa_core.Run, tmp_path: Path, tiny_model_dir: Path
) -> None:
    with pytest.raises(
        UdasaError, match="no answers to held-out prompts after moderate; it has those of base"
    ):
        canned_run.answers("moderate")
    plain = configuration(tmp_path, tiny_model_dir, count=8)
    plain["run"]["held_out"] = 0.0
    with pytest.raises(UdasaError, match=r"it has those of nobody\. Prompts are held out by run\.held_out"):
        udasa_core.run(plain).answers()


def test_suite_rows_are_a_list_and_a_table(canned_run: udasa_core.Run) -> None:
    (suite,) = canned_run.suites()
    rows = canned_run.suite_rows(suite, "base")
    every = canned_run.suite_rows().to_arrow()
    assert rows
    assert every.column_names[:2] == ["suite", "model"]
    alone = [
        {name: cell for name, cell in one.items() if name not in ("suite", "model")}
        for one in every.to_pylist()
        if one["model"] == "base"
    ]
    assert alone == rows == canned_run.suite_rows(suite, "base").to_arrow().to_pylist()


def test_wrong_keys_name_the_right_ones(canned_run: udasa_core.Run) -> None:
    splits = "there is no split 'heldout'; there are training, held-out, controls"
    for ask in (canned_run.scores, canned_run.responses, canned_run.prompts):
        with pytest.raises(UsageError, match=splits):
            ask("heldout")
    with pytest.raises(UsageError, match=splits):
        canned_run.keys(Output("sample", "heldout"))
    for wrong in ("sample", Output("samples")):
        with pytest.raises(
            UsageError, match=r"names no output: give Output\(step, split, …\).*prompts, sample"
        ):
            canned_run.keys(wrong)  # type: ignore[arg-type]
    (suite,) = canned_run.suites()
    with pytest.raises(UsageError, match=f"has no suite 'nosuch'; there are {suite}"):
        canned_run.suite_rows("nosuch", "base")
    for ask in (canned_run.suite_rows, canned_run.suite_items):
        with pytest.raises(UsageError, match="has no model 'final'; there are base, conservative"):
            ask(suite, "final")
    with pytest.raises(UsageError, match='against "previous" or "round", not \'rounds\''):
        canned_run.transitions("rounds")  # type: ignore[arg-type]


def test_every_step_is_known(canned_run: udasa_core.Run) -> None:
    from udasa_core.job.outputs import MAKERS

    assert set(STEPS) - {"alarm"} == set(MAKERS)


def test_tables_come_in_parts_and_as_a_stream(own_run: udasa_core.Run) -> None:
    rows = own_run.responses()
    sizes = [len(batch) for batch in rows.batches()]
    assert len(sizes) == len(own_run.keys(Output("sample", TRAINING))) > 1
    assert sum(sizes) == len(rows.to_arrow())
    assert pa.table(rows) == rows.to_arrow()
    frame = own_run.scores().to_pandas()
    assert list(frame.columns[:2]) == ["prompt_id", "topic"]
    assert len(frame) == sum(len(one.U) for one in own_run.scores())


@pytest.mark.parametrize("name", ["pairs.jsonl", "pairs.parquet"])
def test_exported_pairs_keep_ids_and_own_columns(own_run: udasa_core.Run, tmp_path: Path, name: str) -> None:
    export_pairs(own_run, tmp_path / name)
    if name.endswith("parquet"):
        import pyarrow.parquet as pq

        rows = pq.read_table(tmp_path / name).to_pylist()
    else:
        rows = [json.loads(line) for line in (tmp_path / name).read_text().splitlines()]
    assert [one["prompt_id"] for one in rows] == [pair.prompt.id for _, pair in own_run.pairs()]
    for one in rows:
        kept = expected(one["prompt_id"])
        assert {key: one[key] for key in ("topic", "level", "gold")} == {
            key: kept[key] for key in ("topic", "level", "gold")
        }
        assert (one["own stage"], one["own label"], one["odd"]) == ("mine", True, kept.get("odd"))
        assert "label" not in one, "TRL would take it for its own"


def test_a_changed_column_changes_no_sample_and_reaches_the_table(
    tmp_path: Path, tiny_model_dir: Path
) -> None:
    plain = configuration(tmp_path, tiny_model_dir, count=8)
    before = udasa_core.run(plain)
    rows = [{"id": f"p{number}", "prompt": f"question {number}", "topic": "new"} for number in range(8)]
    (tmp_path / "prompts.jsonl").write_text("".join(json.dumps(one) + "\n" for one in rows))
    after = udasa_core.run(plain)
    assert before.keys(Output("sample", TRAINING)) == after.keys(Output("sample", TRAINING))
    assert before.keys(Output("train", instance="conservative")) == after.keys(
        Output("train", instance="conservative")
    )
    assert set(after.pairs().to_pandas()["topic"]) == {"new"}
    assert udasa_core.clean(tmp_path / "runs")[0] > 0
    assert set(after.responses().to_pandas()["topic"]) == {"new"}, "cleaning leaves them"
    assert udasa_core.run(plain).made == 0


def test_own_columns_are_typed_by_all_that_they_hold() -> None:
    for values, kind in (
        ([1, 2], "int"),
        ([1, 2.5], "float"),
        ([True, False], "bool"),
        ([True, 1], "text"),
        (["a", 1], "text"),
        ([2.5, "a", 1], "text"),
    ):
        found: str | None = None
        for value in values:
            found = widened(found, value)
        assert found == kind, values

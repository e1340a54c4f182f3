"""The whole pipeline over canned plugins: what is made, what is kept, what stops it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import udasa_core
from tests.canned import calls, configuration, heard, order
from udasa_core.errors import FewPairsError, NoPairsError, PluginError, PromptsError, UdasaError
from udasa_core.store.output import HELD_OUT, TRAINING, Output


@pytest.fixture(autouse=True)
def _fresh_counts() -> None:
    calls.clear()
    heard.clear()
    order.clear()


@pytest.fixture
def plain(tmp_path: Path, tiny_model_dir: Path) -> dict[str, Any]:
    return configuration(tmp_path, tiny_model_dir)


def outputs(run: udasa_core.Run) -> dict[str, bytes]:
    """Every output's bytes by its name in the store; locks and notes are none."""
    root = run.store.root
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in sorted(root.glob("[!.]*/**/*"))
        if path.is_file() and path.suffix != ".lock"
    }


def test_prompts_become_an_aligned_model(plain: dict[str, Any]) -> None:
    run = udasa_core.run(plain)
    assert run.status == "finished"
    counts = run.manifest.plain["prompts"]
    assert counts["training"] + counts["held_out"] == 24
    assert counts["held_out"] > 0
    stages = run.stages()
    assert [stage.name for stage in stages] == ["conservative", "moderate", "exploratory"]
    assert sum(stage.size for stage in stages) == counts["training"]
    assert all(stage.trained for stage in stages)
    gaps = {
        stage.name: [pair.gap or 0 for name, pair in run.pairs() if name == stage.name] for stage in stages
    }
    assert min(gaps["conservative"]) >= max(gaps["moderate"])
    assert min(gaps["moderate"]) >= max(gaps["exploratory"]) > 0
    assert {change["name"] for change in run.changes()} >= {"U", "u one", "entropy", "length"}
    assert run.aligned().key != run.base.key
    assert udasa_core.Run(str(run.folder)).status == "finished"


def test_again_does_nothing_and_imports_no_torch(plain: dict[str, Any], tmp_path: Path) -> None:
    run = udasa_core.run(plain)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()}
    code = (
        "import json, sys, udasa_core; run = udasa_core.run(json.loads(sys.argv[1])); "
        "heavy = {'torch', 'transformers', 'trl', 'datasets'}; print(run.made, heavy & sys.modules.keys())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, json.dumps(plain)], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "0 set()"
    after = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()}
    locks = {path for path in before if path.name in (".lock", ".in-use")}
    assert {path for path in after if after[path] != before.get(path)} <= locks
    assert run.made > 0


def test_another_weight_samples_and_scores_nothing_anew(plain: dict[str, Any]) -> None:
    udasa_core.run(plain)
    calls.clear()
    run = udasa_core.run(plain, ["dimension.two.weight=0.25"])
    assert run.made > 0
    # Other pairs make another model, whose held-out answers are new; the base policy's are not.
    held_out = len(run.keys(Output("sample", HELD_OUT)))
    assert calls["generate"] == calls["score one"] == held_out


def test_another_dimension_is_all_that_is_scored(plain: dict[str, Any]) -> None:
    before = udasa_core.run(plain)
    calls.clear()
    plain["dimension"].append({"use": "tests.canned:Dimension", "name": "three", "salt": "three"})
    run = udasa_core.run(plain)
    shards = len(run.keys(Output("score", TRAINING, instance="three")))
    assert shards == len(before.keys(Output("score", TRAINING, instance="one"))) > 1
    for name in ("one", "two"):
        assert run.keys(Output("score", TRAINING, instance=name)) == before.keys(
            Output("score", TRAINING, instance=name)
        )
        # The policy trained on other pairs answers anew; the base's responses are scored once.
        assert calls[f"score {name}"] == len(run.keys(Output("sample", HELD_OUT, 1)))
    assert calls["score three"] == shards + 2 * len(run.keys(Output("sample", HELD_OUT)))


def test_dimensions_score_a_shard_in_turn_each_once(plain: dict[str, Any]) -> None:
    run = udasa_core.run(plain)
    shards = len(run.keys(Output("sample", TRAINING)))
    assert shards > 2
    scored = order[: 2 * shards]
    assert [name for name, _ in scored] == ["one", "two"] * shards
    assert [prompt for _, prompt in scored[::2]] == [prompt for _, prompt in scored[1::2]]
    assert len({prompt for _, prompt in scored}) == shards


def test_those_that_ask_the_reader_come_after_all_others(plain: dict[str, Any]) -> None:
    plain["dimension"].insert(0, {"use": "tests.canned:Reading", "name": "reading"})
    run = udasa_core.run(plain)
    shards = len(run.keys(Output("sample", TRAINING)))
    names = [name for name, _ in order[: 3 * shards]]
    assert names == [*["one", "two"] * shards, *["reading"] * shards]
    # The columns stand in the order of the configuration all the same.
    assert list(next(run.scores()).raw) == ["reading", "one", "two"]
    assert udasa_core.run(plain).made == 0


def test_half_a_scored_shard_is_scored_to_its_end(plain: dict[str, Any]) -> None:
    run = udasa_core.run(plain)
    whole = outputs(run)
    run.store.path("score", run.keys(Output("score", TRAINING, instance="two"))[1]).unlink()
    calls.clear()
    udasa_core.run(plain)
    assert (calls["score one"], calls["score two"]) == (0, 1)
    assert outputs(run) == whole


def test_a_dimension_that_needs_entailment_is_told_where_to_get_it(plain: dict[str, Any]) -> None:
    from udasa_core.errors import ConfigError

    plain["dimension"].append({"use": "tests.canned:Entailing", "name": "nli"})
    with pytest.raises(ConfigError) as caught:
        udasa_core.run(plain)
    assert "dimension.nli: needs an entailment model" in str(caught.value)
    assert 'add [entailment] with source = "…"' in str(caught.value)
    plain["entailment"] = {"source": "file:nowhere"}
    with pytest.raises(ConfigError, match=r"entailment\.source"):
        udasa_core.run(plain)
    assert not Path(plain["run"]["folder"]).exists()


def test_an_entailment_model_is_loaded_shared_and_part_of_the_fingerprint(
    plain: dict[str, Any], tmp_path: Path
) -> None:
    from tests.plugins.classifiers import make_tiny_classifier

    labels = ("entailment", "neutral", "contradiction")
    plain["dimension"].append({"use": "tests.canned:Entailing", "name": "nli"})
    scored = Output("score", TRAINING, instance="nli")
    keys = []
    for seed in (0, 1):
        folder = make_tiny_classifier(tmp_path / f"nli-{seed}", labels, seed=seed)
        plain["entailment"] = {"source": f"file:{folder}", "device": "cpu"}
        run = udasa_core.run(plain)
        assert run.manifest.plain["models"]["entailment"]["source"] == f"file:{folder}"
        keys.append(run.keys(scored))
    assert set(keys[0]).isdisjoint(keys[1])
    # The same weights elsewhere are the same model.
    make_tiny_classifier(tmp_path / "copy", labels, seed=1)
    plain["entailment"]["source"] = f"file:{tmp_path / 'copy'}"
    assert udasa_core.run(plain).keys(scored) == keys[1]


def test_one_more_prompt_makes_one_more_shard(plain: dict[str, Any], tmp_path: Path) -> None:
    prompts = tmp_path / "prompts.jsonl"
    before = udasa_core.run(plain)
    old = set(before.keys(Output("sample", TRAINING)))
    for number in range(100, 120):
        calls.clear()
        with prompts.open("a") as file:
            file.write(json.dumps({"id": f"p{number}", "prompt": f"question {number}"}) + "\n")
        run = udasa_core.run(plain)
        keys = run.keys(Output("sample", TRAINING))
        if set(keys) == old:
            continue  # this one is held out
        assert len(set(keys) - old) == 1
        assert calls["generate"] - len(run.keys(Output("sample", HELD_OUT, 1))) == 1
        return
    raise AssertionError("no added prompt was drawn for training")


def test_an_ablation_shares_the_samples(plain: dict[str, Any]) -> None:
    one = udasa_core.run(plain)
    calls.clear()
    two = udasa_core.run({**plain, "dimension": plain["dimension"][:1]}, ["run.name=ablation"])
    assert two.keys(Output("sample", TRAINING)) == one.keys(Output("sample", TRAINING))
    assert calls["score two"] == 0
    held_out = len(two.keys(Output("sample", HELD_OUT)))
    assert calls["generate"] <= held_out


def test_two_runs_elsewhere_are_byte_identical(tmp_path: Path, tiny_model_dir: Path) -> None:
    runs = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        runs.append(udasa_core.run(configuration(tmp_path / name, tiny_model_dir)))
    assert outputs(runs[0]) == outputs(runs[1])


def test_the_reference_is_the_stages_start_or_the_base(plain: dict[str, Any]) -> None:
    stages = udasa_core.run(plain).stages()
    assert [stage.metrics["same_reference"] for stage in stages] == [1.0, 1.0, 1.0]
    stages = udasa_core.run(plain, ['trainer.reference="base"']).stages()
    assert [stage.metrics["same_reference"] for stage in stages] == [1.0, 0.0, 0.0]


def test_a_stages_overrides_reach_its_trainer_and_spare_the_stages_before(plain: dict[str, Any]) -> None:
    udasa_core.run(plain)
    calls.clear()
    run = udasa_core.run(plain, ["trainer.moderate.learning_rate=5.0"])
    assert [stage.metrics["learning_rate"] for stage in run.stages()] == [1.0, 5.0, 1.0]
    assert calls["train conservative"] == 0
    assert calls["train moderate"] == calls["train exploratory"] == 1


def test_a_stage_with_too_few_pairs_is_skipped_and_says_so(plain: dict[str, Any]) -> None:
    plain["stages"] = {"use": "thresholds", "bounds": [0.999, 0.998]}
    run = udasa_core.run(plain)
    skipped = [stage for stage in run.stages() if not stage.trained]
    assert [stage.name for stage in skipped] == ["conservative", "moderate"]
    assert "fewer than min_pairs" in skipped[0].skipped
    assert run.stages()[2].trained


def test_no_pair_at_all_is_told_with_the_reasons(plain: dict[str, Any]) -> None:
    plain["pairing"] = {"use": "extremes", "min_gap": 0.9999}
    with pytest.raises(NoPairsError) as caught:
        udasa_core.run(plain)
    assert caught.value.exit_code == 1
    assert sum(caught.value.reasons.values()) > 10
    assert "min_gap" in str(caught.value)


def test_where_everything_abstains_nothing_is_paired(plain: dict[str, Any]) -> None:
    plain["dimension"] = [{"use": "tests.canned:Abstaining"}]
    with pytest.raises(NoPairsError, match=r"no response has a score: .*canned"):
        udasa_core.run(plain)


def test_a_dimension_that_abstains_leaves_the_others_the_word(plain: dict[str, Any]) -> None:
    plain["dimension"].append({"use": "tests.canned:Abstaining"})
    run = udasa_core.run(plain)
    assert all(stage.trained for stage in run.stages())
    first = next(run.scores())
    assert all(isinstance(score, float) for score in first.U)
    assert all(isinstance(score, udasa_core.Abstain) for score in first.raw["tests.canned:Abstaining"])


@pytest.mark.parametrize(
    "fault", ["raises", "count", "nan", "outside", "none", "text", "true", "groups", "type"]
)
def test_a_dimension_that_misbehaves_is_named_with_the_prompt(plain: dict[str, Any], fault: str) -> None:
    plain["dimension"].append(
        {"use": "tests.canned:Misbehaving", "name": "bad", "fault": fault, "prompt": "p9"}
    )
    with pytest.raises(PluginError) as caught:
        udasa_core.run(plain)
    told = str(caught.value)
    assert "dimension 'bad' (tests.canned:Misbehaving of local" in told
    assert fault in ("groups", "type") or "prompt p9" in told
    manifest = json.loads((Path(plain["run"]["folder"]) / "canned" / "manifest.json").read_text())
    assert manifest["status"] == "failed"


def test_a_trainer_that_fails_is_named_and_the_rest_is_kept(plain: dict[str, Any]) -> None:
    with pytest.raises(PluginError, match="raised in udasa_train: RuntimeError: out of memory"):
        udasa_core.run(plain, ["trainer.moderate.crash=true"])
    calls.clear()
    udasa_core.run(plain)
    assert calls["train conservative"] == 0
    assert calls["train moderate"] == 1


def test_rows_that_cannot_be_used_are_set_aside_and_too_many_stop_the_run(
    plain: dict[str, Any], tmp_path: Path
) -> None:
    prompts = tmp_path / "prompts.jsonl"
    with prompts.open("ab") as file:
        file.write(b'{"prompt": "question 3"}\n{"prompt": ""}\n{"prompt": \xff}\n{"text": "x"}\n')
        file.write(b'{"prompt": "a\\u0000"}\n')
        file.write(b'{"prompt": "an enormous question"}\n{"prompt": "\\ud800"}\n{"prompt": \n')
    plain["generator"]["use"] = "tests.canned:Picky"
    with pytest.raises(PromptsError, match="8 of 32 rows") as caught:
        udasa_core.run(plain)
    assert calls["generate"] == 0
    assert caught.value.exit_code == 1
    run = udasa_core.run(plain, ["prompts.max_set_aside=0.25"])
    rows = [json.loads(line) for line in (run.folder / "set-aside.jsonl").read_text().splitlines()]
    assert sorted(row["line"] for row in rows) == list(range(25, 33))
    told = " | ".join(row["reason"] for row in sorted(rows, key=lambda row: row["line"]))
    for word in ("duplicate", "empty", "UTF-8", "no 'prompt'", "NUL", "longer than the context", "surrogate"):
        assert word in told
    assert run.manifest.plain["prompts"]["set_aside"] == 8


def test_no_prompt_at_all_is_told(plain: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "prompts.jsonl").write_text("")
    with pytest.raises(PromptsError, match="holds no prompt"):
        udasa_core.run(plain)


def test_without_held_out_prompts_the_run_ends_without_comparison(plain: dict[str, Any]) -> None:
    run = udasa_core.run(plain, ["run.held_out=0.0"])
    assert run.status == "finished"
    assert run.changes() == ()


def test_suites_measure_the_base_and_every_stage(plain: dict[str, Any]) -> None:
    plain["suite"] = [{"use": "tests.canned:Suite", "name": "s"}]
    run = udasa_core.run(plain)
    figures = [(one["model"], one["value"]) for one in run.suites()["s"]]
    assert figures == [("base", 0.0), ("conservative", 1.0), ("moderate", 1.0), ("exploratory", 1.0)]
    calls.clear()
    udasa_core.run(plain)
    assert calls["evaluate"] == 0


def test_suites_measure_the_base_before_training(plain: dict[str, Any]) -> None:
    plain["suite"] = [{"use": "tests.canned:Suite", "name": "s"}]
    with pytest.raises(UdasaError, match="out of memory"):
        udasa_core.run(plain, ["trainer.crash=true"])
    assert calls["evaluate"] == 1
    udasa_core.run(plain)
    assert calls["evaluate"] == 1 + 3, "the base is not measured again"


def test_observers_hear_each_step_in_order(plain: dict[str, Any]) -> None:
    plain["observer"] = [{"use": "tests.canned:Listener"}]
    udasa_core.run(plain)
    steps = [event.name for event in heard if event.kind == "step" and event.what == "finished"]
    assert steps[:7] == [
        "read prompts",
        "sample training",
        "agree training",
        "score training",
        "fit calibration one",
        "fit calibration two",
        "aggregate training",
    ]
    assert steps[-1] == "compare held-out prompts"
    sampled = [event for event in heard if event.name == "sample training"]
    assert [event.done for event in sampled][-1] == sampled[-1].total


def test_observers_hear_what_was_measured_as_figures(plain: dict[str, Any]) -> None:
    plain["observer"] = [{"use": "tests.canned:Listener"}]
    plain["suite"] = [{"use": "tests.canned:Suite", "name": "s"}]
    run = udasa_core.run({**plain, "rounds": {"count": 2}})
    told = [event.detail for event in heard if event.kind == "suite" and event.what == "finished"]
    assert told[:2] == [
        {
            "model": label,
            "metrics": [{"name": "adapters", "value": v, "low": v, "high": v, "n": 1, "error": None}],
        }
        for label, v in (("base", 0.0), ("conservative", 1.0))
    ]
    compared = [event for event in heard if event.kind == "held-out"]
    assert [event.name for event in compared] == ["held-out prompts, round 1", "held-out prompts, round 2"]
    assert [event.detail["round"] for event in compared] == [1, 2]
    changes = compared[1].detail["changes"]
    assert changes == list(run.changes())
    assert {name for change in changes for name in change} == {"name", "before", "after", "low", "high", "n"}


def test_a_second_process_on_the_same_run_is_refused(plain: dict[str, Any]) -> None:
    from udasa_core.errors import LockedError
    from udasa_core.files.lock import locked, unused
    from udasa_core.store.store import IN_USE

    folder = Path(plain["run"]["folder"])
    with locked(folder / "canned" / ".lock", "busy"), pytest.raises(LockedError, match="already being made"):
        udasa_core.run(plain)
    with unused(folder / "store" / IN_USE, "busy"), pytest.raises(LockedError, match="being cleaned"):
        udasa_core.run(plain)
    udasa_core.run(plain)


def test_cleaning_takes_what_no_run_points_at(plain: dict[str, Any]) -> None:
    folder = Path(plain["run"]["folder"])
    run = udasa_core.run(plain)
    assert udasa_core.clean(folder)[0] == 0
    whole = outputs(run)
    udasa_core.run(plain, ["dimension.two.weight=0.25"])
    entries, freed = udasa_core.clean(folder, dry_run=True)
    assert entries > 0
    assert freed > 0
    assert udasa_core.clean(folder) == (entries, freed)
    assert udasa_core.run(plain, ["dimension.two.weight=0.25"]).made == 0
    # What was taken is made again, to the same bytes.
    again = udasa_core.run(plain)
    assert again.made > 0
    assert {name: outputs(again)[name] for name in whole} == whole
    with pytest.raises(UdasaError, match="no store"):
        udasa_core.clean(folder / "nowhere")


def test_what_is_not_a_run_is_told(tmp_path: Path) -> None:
    with pytest.raises(UdasaError, match="is no run"):
        udasa_core.Run(tmp_path)


@pytest.mark.parametrize("instant", ["before the report", "before the tidying", "before the move"])
def test_a_kill_while_a_stage_is_sealed_costs_nothing(
    plain: dict[str, Any], monkeypatch: pytest.MonkeyPatch, instant: str
) -> None:
    from udasa_core.steps import train
    from udasa_core.store.store import Store

    whole = outputs(udasa_core.run(plain, [f"run.folder={plain['run']['folder']}-whole"]))
    calls.clear()

    class Killed(BaseException):
        pass

    def kill(*_: Any, **__: Any) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        if instant == "before the report":
            patched.setattr(train, "_plain", kill)
        elif instant == "before the tidying":
            patched.setattr(train, "shutil", SimpleNamespace(rmtree=kill))
        else:
            patched.setattr(Store, "finish_folder", kill)
        with pytest.raises(Killed):
            udasa_core.run(plain)
    assert calls["train conservative"] == 1
    found = outputs(udasa_core.run(plain))
    assert calls["train conservative"] == (2 if instant == "before the report" else 1)
    assert found == whole


def test_a_damaged_manifest_is_written_anew(plain: dict[str, Any]) -> None:
    run = udasa_core.run(plain)
    run.manifest.path.write_text("{")
    assert udasa_core.run(plain).status == "finished"


def test_a_deleted_shard_is_made_again(plain: dict[str, Any]) -> None:
    run = udasa_core.run(plain)
    whole = outputs(run)
    for output, number in (
        (Output("prompts", TRAINING), 0),
        (Output("stage", instance="moderate"), 0),
        (Output("sample", TRAINING), 0),
    ):
        run.store.path(output.step, run.keys(output)[number]).unlink()
    assert udasa_core.run(plain).made > 0
    assert outputs(run) == whole


def test_another_configuration_does_not_show_the_figures_of_the_one_before(plain: dict[str, Any]) -> None:
    first = udasa_core.run(plain)
    with pytest.raises(PluginError):
        udasa_core.run(plain, ["dimension.two.weight=0.1", "trainer.crash=true"])
    failed = udasa_core.Run(first.folder)
    assert failed.status == "failed"
    assert failed.changes() == ()
    assert not any(stage.trained for stage in failed.stages())
    # What the first one made is kept until the other has finished.
    assert udasa_core.clean(first.folder.parent)[0] == 0
    assert udasa_core.run(plain).made == 0


def test_a_run_that_is_replaced_by_another_configuration_is_told_of(
    plain: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    udasa_core.run(plain)
    assert "another configuration" not in caplog.text
    udasa_core.run(plain, ["dimension.two.weight=0.25"])
    assert "another configuration" in caplog.text
    assert "What differs: dimension.two.weight (2.0 → 0.25)." in caplog.text


def test_a_suite_that_is_added_replaces_nothing_and_says_so(
    plain: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    whole = outputs(udasa_core.run(plain))
    calls.clear()
    grown = udasa_core.run({**plain, "suite": [{"use": "tests.canned:Suite", "name": "new"}]})
    assert "another configuration" not in caplog.text
    assert "goes on with what is new in its configuration, [[suite]] new: " in caplog.text
    assert calls["generate"] == 0
    kept = outputs(grown)
    assert {name: kept[name] for name in whole} == whole


def test_runs_and_their_store_can_be_moved(plain: dict[str, Any], tmp_path: Path) -> None:
    run = udasa_core.run(plain)
    whole = outputs(run)
    run.folder.parent.rename(tmp_path / "moved")
    moved = udasa_core.Run(tmp_path / "moved" / "canned")
    assert len(list(moved.pairs())) == sum(stage.size for stage in moved.stages())
    assert udasa_core.clean(tmp_path / "moved")[0] == 0
    assert outputs(moved) == whole


def test_cleaning_waits_for_runs_that_cannot_be_found(plain: dict[str, Any], tmp_path: Path) -> None:
    elsewhere = tmp_path / "disk" / "runs"
    overrides = [f"run.folder={elsewhere}", f"store.path={tmp_path / 'kept'}"]
    udasa_core.run(plain, overrides)
    (tmp_path / "disk").rename(tmp_path / "unmounted")
    with pytest.raises(UdasaError, match="cannot be found"):
        udasa_core.clean(store=tmp_path / "kept")


def test_where_every_stage_is_skipped_the_run_fails_and_says_why(plain: dict[str, Any]) -> None:
    with pytest.raises(UdasaError, match="fewer than min_pairs = 100"):
        udasa_core.run(plain, ["trainer.min_pairs=100"])


def test_a_run_says_whether_labels_entered(plain: dict[str, Any]) -> None:
    assert udasa_core.run(plain).manifest.plain["label_free"] is None  # canned plugins say nothing


def test_a_suite_reaches_the_judge(plain: dict[str, Any]) -> None:
    plain["suite"] = [{"use": "tests.canned:Judged"}]
    from udasa_core.errors import ConfigError

    with pytest.raises(ConfigError, match="needs a judge"):
        udasa_core.run(plain)
    plain["judge"] = {"use": "tests.canned:Judge"}
    figures = udasa_core.run(plain).suites()["tests.canned:Judged"]
    assert [one["value"] for one in figures] == [7.0] * 4


def test_a_model_that_cannot_be_had_is_a_fault_and_nothing_is_written(
    plain: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from udasa_core.errors import ConfigError

    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    plain["model"]["source"] = "hf:nobody/nothing@main"
    with pytest.raises(ConfigError, match=r"model\.source"):
        udasa_core.run(plain)
    assert not (tmp_path / "runs").exists()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("step", ["prompts", "sample", "aggregate", "stage", "train"])
def test_a_disk_that_fills_up_stops_the_run_and_the_same_call_finishes(
    plain: dict[str, Any], monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    import contextlib
    from collections.abc import Iterator

    from udasa_core.errors import StoreError
    from udasa_core.files.whole import whole_file

    whole = outputs(udasa_core.run(plain, [f"run.folder={plain['run']['folder']}-whole"]))

    @contextlib.contextmanager
    def full(path: Path) -> Iterator[Path]:
        with whole_file(path) as temporary:
            if f"/{step}/" in str(path):
                temporary.symlink_to("/dev/full")
            yield temporary

    with monkeypatch.context() as patched:
        for module in ("files.whole", "store.store"):
            patched.setattr(f"udasa_core.{module}.whole_file", full)
        with pytest.raises(StoreError, match="No space left"):
            udasa_core.run(plain)
    assert outputs(udasa_core.run(plain)) == whole


def test_prompts_that_change_while_they_are_read_are_told(
    plain: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from udasa_core.steps import read

    source = Path(plain["prompts"]["source"].removeprefix("file:"))
    whole = read.read_prompts

    def meddle(*asked: Any, **more: Any) -> Any:
        yield from whole(*asked, **more)
        source.write_text(source.read_text().replace("question 1", "question I"))

    with monkeypatch.context() as patched:
        patched.setattr(read, "read_prompts", meddle)
        with pytest.raises(UdasaError, match="was changed while it was read"):
            udasa_core.run(plain)
    assert udasa_core.run(plain).status == "finished"


def test_few_paired_prompts_stop_the_run_before_training(plain: dict[str, Any]) -> None:
    """Where few prompts have scores nothing is trained, and the reason is told."""
    plain["dimension"] = [{"use": "tests.canned:OnPrompts", "name": "one", "word": "question"}]
    with pytest.raises(UdasaError, match="there is no pair to train on"):
        udasa_core.run(plain)
    plain["dimension"] = [{"use": "tests.canned:OnPrompts", "name": "one", "word": "question 1"}]
    with pytest.raises(FewPairsError, match=r"of \d+ prompts give a pair .*min_paired \(90.0%\)") as raised:
        udasa_core.run(plain, ["trainer.min_paired=0.9"])
    assert "no response has a score: one: canned" in str(raised.value)
    assert not any(name.startswith("train") for name in calls)
    run = udasa_core.run(plain, ["trainer.min_paired=0.1"])
    assert run.status == "finished"


def test_the_manifest_holds_the_date_that_chat_templates_are_told(canned_run: udasa_core.Run) -> None:
    assert canned_run.manifest.plain["chat_template_date"] == "2024-07-26"

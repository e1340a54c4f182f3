"""The steps API: what an experiment makes is what a run makes, kept in the store, known to its manifest."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

import udasa_core
from tests.canned import Canned, calls, configuration
from tests.tiny import make_tiny_model
from udasa_core import Abstain, Column, Group, OpenRun, Sampled, Scored, Steps, hookimpl, locked
from udasa_core.errors import ConfigError, LockedError, NoPairsError, PluginError, UsageError
from udasa_core.store.output import HELD_OUT, TRAINING, Output

SUITE = {"use": "tests.canned:Suite", "name": "suite"}


@pytest.fixture
def plain(tmp_path: Path, tiny_model_dir: Path) -> dict[str, Any]:
    calls.clear()
    return configuration(tmp_path, tiny_model_dir, count=12, suite=[SUITE])


@pytest.fixture
def steps(tmp_path: Path) -> Steps:
    return Steps(tmp_path / "experiment")


def whole(run: OpenRun) -> tuple[Scored, list[udasa_core.Report], Scored]:
    """All that a run does, by the steps API."""
    scored = run.score(run.sample())
    reports = run.train(run.stage(run.pair(scored)))
    held_out = run.sample("held-out", reports[-1].policy)
    after = run.score(held_out, calibrated_as=scored)
    run.suites({"base": run.base})
    run.suites({reports[-1].stage: reports[-1].policy})
    return scored, list(reports), after


def test_the_steps_are_those_of_a_run(plain: dict[str, Any], steps: Steps, tmp_path: Path) -> None:
    """The same store, shared with `udasa run`: an experiment of the same configuration makes nothing anew."""
    aligned = udasa_core.run(plain)
    calls.clear()
    shared = {**plain, "store": {"path": str(tmp_path / "runs" / "store")}}
    with steps.run(shared, "mine") as run:
        scored, reports, after = whole(run)
        assert run.made == 0
        assert not calls
        assert run.folder == tmp_path / "experiment" / "mine"
        assert run.weights == {"one": 1.0, "two": 2.0}
        assert len(list(run.prompts())) + len(list(run.prompts("held-out"))) == 12
    assert [scores for _, scores in scored] == list(aligned.scores())
    assert reports[-1].policy == aligned.aligned()
    mine = udasa_core.Run(run.folder)
    assert (mine.name, mine.status) == ("mine", "finished")
    assert [metric["model"] for metric in mine.suites()["suite"]] == ["base", reports[-1].stage]
    own, of_round = (
        Output("aggregate", HELD_OUT, policy=reports[-1].policy.key),
        Output("aggregate", HELD_OUT, 1),
    )
    assert list(after.shards.fingerprints) == mine.keys(own) == aligned.keys(of_round)
    # What its manifest points at is kept.
    assert udasa_core.clean(tmp_path / "runs")[0] == 0


def test_outputs_are_read_as_they_are_iterated_over(plain: dict[str, Any], steps: Steps) -> None:
    with steps.run(plain, "read") as run:
        sampled = run.sample()
        scored = run.score(sampled)
        paired = run.pair(scored)
        stages = run.stage(paired)
    groups = list(sampled)
    assert groups == [group for group, _ in scored]
    assert all(isinstance(group, Group) and len(group.responses) == 4 for group in groups)
    pairs = list(paired)
    assert pairs
    assert sorted(pair.id for stage in stages for pair in stage) == sorted(pair.id for pair in pairs)
    assert [stage.stage.size for stage in stages] == [len(list(stage)) for stage in stages]
    assert list(udasa_core.read_pairs(stages[0].path)) == list(stages[0])


def test_the_first_responses_are_taken_shard_by_shard(plain: dict[str, Any], steps: Steps) -> None:
    with steps.run(plain, "first") as run:
        sampled = run.sample()
        taken = {size: run.first(sampled, size) for size in (2, 3, 4, 9)}
        run.score(taken[2])
    for size, few in taken.items():
        for group, of_all in zip(few, sampled, strict=True):
            assert group.responses == of_all.responses[:size]
            assert (group.prompt, group.policy) == (of_all.prompt, of_all.policy)
    # What was taken has names of its own: nothing is scored as something else.
    keys = [key for one in (sampled, *taken.values()) for key in one.shards.fingerprints]
    assert len(set(keys)) == len(keys)
    assert calls["score one"] == calls["generate"] == len(sampled.shards.fingerprints)
    mine = udasa_core.Run(run.folder)
    assert mine.keys(Output("sample", TRAINING, instance="first 3")) == list(taken[3].shards.fingerprints)
    assert udasa_core.clean(run.folder.parent)[0] == 0

    calls.clear()
    with steps.run(plain, "first") as again:
        again.score(again.first(again.sample(), 2))
    assert again.made == 0
    assert not calls


def test_written_answers_stand_first_with_the_bases_statistics(plain: dict[str, Any], steps: Steps) -> None:
    """The tiny model's tokens are bytes, and its own log-probabilities are asked for of the same tokens."""
    with steps.run(plain, "written") as run:
        sampled = run.sample()
        answers = {group.prompt.id: ("Paris.", "It is Lyon.") for group in sampled}
        written = run.with_written(sampled, answers)
        lm = udasa_core.load_causal_lm(run.base)
    for group, own in zip(written, sampled, strict=True):
        assert [one.text for one in group.responses[:2]] == ["Paris.", "It is Lyon."]
        assert group.responses[2:] == own.responses
        first = group.responses[0]
        (told,) = lm.token_statistics([list(group.prompt_token_ids)], [list(first.token_ids)])
        assert first.logprobs == pytest.approx(told.logprobs, abs=1e-5)
        assert len(first.token_ids) == len(first.logprobs) > 1


def test_a_written_answer_is_closed_once(plain: dict[str, Any], steps: Steps) -> None:
    with steps.run(plain, "closed") as run:
        sampled = run.sample()
        answers = {group.prompt.id: ("Paris.<|im_end|>", "<|im_start|>no") for group in sampled}
        written = run.with_written(sampled, answers)
        lm = udasa_core.load_causal_lm(run.base)
    for group in written:
        first, second = group.responses[:2]
        assert (first.text, first.token_ids) == ("Paris.", (*lm.encode("Paris."), lm.end_of_turn()))
        assert second.token_ids == (*lm.encode("<|im_start|>no"), lm.end_of_turn())


def test_a_further_scoring_draws_other_seeds(plain: dict[str, Any], steps: Steps) -> None:
    moody = {**plain, "dimension": [{"use": "tests.canned:Moody", "name": "moody"}]}
    with steps.run(moody, "again") as run:
        sampled = run.sample()
        first, second = run.score(sampled), run.score(sampled, repeat=1)

    def told(scored: Scored) -> list[float]:
        return [u for _, one in scored for u in one.raw["moody"] if not isinstance(u, Abstain)]

    assert told(first) != told(second)
    with steps.run(moody, "again") as run:
        assert told(run.score(run.sample(), repeat=1)) == told(second)
    assert run.made == 0


def test_a_shared_calibration_is_not_fitted_anew(plain: dict[str, Any], steps: Steps) -> None:
    with steps.run(plain, "shared") as run:
        scored = run.score(run.sample())
        held_out = run.sample("held-out")
        shared, own = run.score(held_out, calibrated_as=scored), run.score(held_out)
    assert shared.calibration == scored.calibration != own.calibration
    assert [one.raw for _, one in shared] == [one.raw for _, one in own]
    assert [one.U for _, one in shared] != [one.U for _, one in own]


def test_a_run_lies_where_the_experiment_does(plain: dict[str, Any], steps: Steps) -> None:
    elsewhere = {**plain, "run": {**plain["run"], "name": "other", "folder": "/nowhere"}}
    with steps.run(elsewhere, "mine") as run:
        run.tell(answer=42)
    assert run.folder == steps.folder / "mine"
    assert udasa_core.Run(run.folder).manifest.plain["answer"] == 42


def test_relative_sources_lie_beside_the_configuration(plain: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "beside").mkdir()
    (tmp_path / "beside" / "few.jsonl").write_text('{"id": "a", "prompt": "Why?"}\n')
    toml = tmp_path / "beside" / "mine.toml"
    toml.write_text("")
    one = {**plain, "run": {**plain["run"], "held_out": 0.0}, "prompts": {"source": "file:few.jsonl"}}
    with Steps(tmp_path / "out", toml).run(one, "beside") as run:
        assert [prompt.id for prompt in run.prompts()] == ["a"]


# --- ends other than the good one ------------------------------------------------------------------------


def test_work_that_fails_is_told_of_and_goes_on_where_it_stopped(plain: dict[str, Any], steps: Steps) -> None:
    with pytest.raises(PluginError, match="second half"), steps.run(plain, "failing") as run:
        run.sample()
        raise PluginError("the second half is missing")
    mine = udasa_core.Run(run.folder)
    assert mine.status == "failed"
    assert "second half" in mine.manifest.plain["error"]
    calls.clear()
    with steps.run(plain, "failing") as run:
        run.sample()
    assert calls["generate"] == 0
    assert udasa_core.Run(run.folder).status == "finished"
    assert udasa_core.Run(run.folder).manifest.plain["error"] == ""


def test_an_interrupt_is_told_as_one(plain: dict[str, Any], steps: Steps) -> None:
    with pytest.raises(KeyboardInterrupt), steps.run(plain, "stopped"):
        raise KeyboardInterrupt
    assert udasa_core.Run(steps.folder / "stopped").status == "interrupted"


def test_two_processes_are_not_at_one_run(plain: dict[str, Any], steps: Steps) -> None:
    busy = steps.folder / "mine" / ".lock"
    with locked(busy, "busy"), pytest.raises(LockedError, match="already being made"):
        steps.run(plain, "mine").__enter__()


def test_a_lane_waits_for_another_at_the_same_run(
    plain: dict[str, Any], steps: Steps, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    place = tmp_path / "experiment" / "shared" / ".lock"
    place.parent.mkdir(parents=True)
    holding = (
        "import sys\nfrom pathlib import Path\nfrom udasa_core import locked\n"
        "with locked(Path(sys.argv[1]), 'held'):\n    print('held', flush=True)\n    sys.stdin.read(1)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", holding, str(place)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as other:
        assert other.stdin is not None
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        threading.Timer(0.5, other.stdin.close).start()
        with steps.run(plain, "shared") as run:
            assert run.folder == place.parent
    assert f"run shared is already being made (process {other.pid}): waiting" in caplog.text


def test_a_configuration_is_refused_whole_before_anything_is_written(
    plain: dict[str, Any], steps: Steps
) -> None:
    bad = {**plain, "run": 3, "dimension": [{"use": "nobody's"}]}
    with pytest.raises(ConfigError) as caught, steps.run(bad, "bad"):
        pass
    assert "run: is a table" in str(caught.value)
    assert "dimension.nobody's" in str(caught.value)
    assert not steps.folder.exists()


def test_an_unknown_split_and_no_pair_are_told(plain: dict[str, Any], steps: Steps) -> None:
    constant = {**plain, "dimension": [{"use": "tests.canned:OnPrompts", "name": "constant", "u": 0.5}]}
    with steps.run(constant, "mine") as run:
        with pytest.raises(UsageError, match="'trainign' of prompts; there are training, held-out, controls"):
            run.sample("trainign")
        with pytest.raises(NoPairsError):
            run.stage(run.pair(run.score(run.sample())))


def test_a_sample_is_iterable_more_than_once(plain: dict[str, Any], steps: Steps) -> None:
    with steps.run(plain, "mine") as run:
        sampled: Sampled = run.sample()
    once: Iterator[Group] = iter(sampled)
    assert list(once) == list(sampled)


def _with_voters(plain: dict[str, Any]) -> dict[str, Any]:
    generator = {"use": "tests.canned:Quiz", "responses": 4, "voters": 8}
    return {**plain, "generator": generator, "dimension": [{"use": "factual.nll"}]}


def test_another_model_reads_the_same_responses(plain: dict[str, Any], steps: Steps, tmp_path: Path) -> None:
    """It gives its own log-probabilities and its own voters; the texts, and what was drawn, stay."""
    other = udasa_core.resolve_model(
        f"file:{make_tiny_model(tmp_path / 'other', seed=1)}", root=tmp_path, dtype="float32", device="cpu"
    )
    with steps.run(_with_voters(plain), "read") as run:
        pool = run.sample()
        again, read = run.reread(pool, run.base, draw=1), run.reread(pool, other, draw=1)
        lms = {ref.key: udasa_core.load_causal_lm(ref) for ref in (run.base, other)}
    assert run.base.revision != other.revision
    for group, own, theirs in zip(pool, again, read, strict=True):
        for one in (own, theirs):
            assert [said.text for said in one.responses] == [said.text for said in group.responses]
            assert one.policy in lms
            assert len(one.voters) == 8
            assert [said.text for said in one.voters] != [said.text for said in group.voters]
            said = one.responses[0]
            (told,) = lms[one.policy].token_statistics([one.prompt_token_ids], [said.token_ids])
            assert said.logprobs == pytest.approx(told.logprobs, abs=1e-5)
        # The base reads the very tokens; another model has its own end of turn.
        assert [said.token_ids for said in own.responses] == [said.token_ids for said in group.responses]
        assert own.responses[0].sampling_logprobs == group.responses[0].sampling_logprobs
        assert theirs.responses[0].token_ids[-1] == lms[other.key].end_of_turn()
    calls.clear()
    with steps.run(_with_voters(plain), "read") as run:
        assert list(run.reread(run.sample(), other, draw=1)) == list(read)
    assert (run.made, calls.total()) == (0, 0)


def test_a_policy_whose_own_weights_were_trained_reads_the_very_tokens(
    plain: dict[str, Any], steps: Steps, tmp_path: Path
) -> None:
    other = udasa_core.resolve_model(
        f"file:{make_tiny_model(tmp_path / 'other', seed=1)}", root=tmp_path, dtype="float32", device="cpu"
    )
    with steps.run(_with_voters(plain), "read") as run:
        pool, trained = run.sample(), run.base.with_weights(other.revision, other.folder)
        read = run.reread(pool, trained, draw=1)
        lm = udasa_core.load_causal_lm(trained)
    for group, seen in zip(pool, read, strict=True):
        assert [said.token_ids for said in seen.responses] == [said.token_ids for said in group.responses]
        said = seen.responses[0]
        (told,) = lm.token_statistics([group.prompt_token_ids], [said.token_ids])
        assert said.logprobs == pytest.approx(told.logprobs, abs=1e-5)
        assert said.logprobs != pytest.approx(group.responses[0].logprobs, abs=1e-5)


class BySeed(Canned):
    """Scores by the seed alone."""

    @hookimpl
    def udasa_score(self, groups: Sequence[Group], seed: int) -> Column:
        return Column(self.name, tuple((seed / 2**32,) * len(group.responses) for group in groups))


def test_policies_are_scored_by_the_bases_seeds_and_each_ones_outputs_are_kept(
    plain: dict[str, Any], steps: Steps, tmp_path: Path
) -> None:
    seeded = {**plain, "dimension": [{"use": f"{__name__}:BySeed"}]}
    others = [
        udasa_core.resolve_model(
            f"file:{make_tiny_model(tmp_path / str(seed), seed=seed)}",
            root=tmp_path,
            dtype="float32",
            device="cpu",
        )
        for seed in (1, 2)
    ]
    with steps.run(seeded, "policies") as run:
        scored = run.score(run.sample())
        read = [run.score(run.sample(policy=one), calibrated_as=scored) for one in others]
        for policy in (None, *others):
            run.score(run.sample("held-out", policy), calibrated_as=scored)
    told = [[scores.raw for _, scores in one] for one in (scored, *read)]
    assert told[0] == told[1] == told[2]
    # What is measured of one policy does not take the place of what is measured of another.
    outputs = udasa_core.find_run("policies", steps.folder).manifest.outputs()
    sampled = [one for one in outputs if (one["step"], one["split"]) == ("sample", "held-out")]
    assert len(sampled) == len({one["label"] for one in sampled}) == 3
    assert udasa_core.clean(steps.folder, dry_run=True) == (0, 0)


def test_without_voters_nobody_reads_again(plain: dict[str, Any], steps: Steps) -> None:
    with steps.run(plain, "mute") as run, pytest.raises(UsageError, match=r"\[generator\] voters = 16"):
        run.reread(run.sample(), run.base)


def test_what_a_run_watches_and_repeats_is_no_step(plain: dict[str, Any], steps: Steps) -> None:
    """A gate on a suite that the experiment has taken out is none of its faults, and trips nothing."""
    gate = {"figure": "gone accuracy", "better": "higher", "max_drop": 0.0, "action": "stop"}
    watched = {"gate": [gate], "guard": {"action": "stop"}, "rounds": {"count": 3}}
    with steps.run({**plain, **watched, "suite": []}, "watched") as run:
        stages = run.stage(run.pair(run.score(run.sample())))
        assert [report.stage for report in run.train(stages)] == [one.stage.name for one in stages]


def test_a_whole_run_is_aligned_under_its_name(plain: dict[str, Any], steps: Steps, tmp_path: Path) -> None:
    """Rounds are made, as `udasa run` makes them: of its store nothing anew."""
    plain |= {"rounds": {"count": 2}}
    made = udasa_core.run(plain)
    run = steps.align({**plain, "store": {"path": str(tmp_path / "runs" / "store")}}, "mine")
    assert (run.name, run.folder, run.made) == ("mine", tmp_path / "experiment" / "mine", 0)
    assert list(run.transitions("round")) == list(made.transitions("round"))
    assert len(run.rounds()) == 2
    assert run.policy("moderate@2") == made.policy("moderate@2") != run.policy("moderate")
    assert run.policy("exploratory@2") == run.aligned()

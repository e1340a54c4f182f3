"""Gates and the guard: planted forgetting and planted collapse trip them, noise does not; what follows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from safetensors.numpy import load_file

import udasa_core
from tests.canned import Quiz, Strict, calls, configuration, depth_of, heard, response
from udasa_core import ModelRef, Prompt, Response, SamplingOptions, content_key
from udasa_core.errors import ConfigError, UdasaError
from udasa_core.job.outputs import seed_of
from udasa_core.report.figures import figures
from udasa_core.report.show import tables
from udasa_core.store.output import Output

QUIZ = "tests.core.running.test_watch:Quizzes"
GATE = {"figure": "quiz accuracy", "better": "higher", "max_drop": 0.1}


class Collapsing(Quiz):
    """Says one of three cities, and after `depth` stages always one and the same, without any doubt."""

    class Options(Strict):
        words: tuple[str, ...] = ("Paris", "Lyon", "Rome")
        depth: int = 2

    def _say(
        self, prompt: Prompt, policy: ModelRef, seed: int, sampling: SamplingOptions, k: int
    ) -> Response:
        if depth_of(policy) < self.options.depth:
            return super()._say(prompt, policy, seed, sampling, k)
        return response("It is Oslo.")


def plain_of(folder: Path, model: Path, right: Sequence[int], **gate: Any) -> dict[str, Any]:
    quiz = {"use": QUIZ, "name": "quiz", "right": list(right)}
    return configuration(folder, model, suite=[quiz], gate=[{**GATE, **gate}])


def collapsing(folder: Path, model: Path, action: str, **tables: Any) -> dict[str, Any]:
    generator = {"use": "tests.core.running.test_gates:Collapsing", "responses": 4, "voters": 8}
    plain = configuration(
        folder, model, count=40, generator=generator, guard={"action": action}, observer=[], **tables
    )
    # A word has no tokens to be unsure of: what matters here is what is said.
    plain["pairing"] = {"use": "extremes"}
    return plain


@pytest.fixture(scope="module")
def forgetting(tmp_path_factory: pytest.TempPathFactory, tiny_model_dir: Path) -> udasa_core.Run:
    """A run whose second stage forgets seven of nine right answers, and is rolled back; so is the third."""
    folder = tmp_path_factory.mktemp("forgetting")
    listener = [{"use": "tests.canned:Listener"}]
    heard.clear()
    plain = plain_of(folder, tiny_model_dir, (9, 9, 2, 9), action="rollback")
    return udasa_core.run({**plain, "observer": listener})


def verdicts(run: udasa_core.Run, watch: str = "gate") -> list[tuple[str, str]]:
    return [(one["stage"], one["verdict"]) for one in run.decisions() if one["watch"] == watch]


def test_planted_forgetting_is_rolled_back_to_the_bit(forgetting: udasa_core.Run) -> None:
    first, second, third = forgetting.stages()
    told = [("moderate", "tripped"), ("exploratory", "tripped")]
    # Of ten items that all stayed as they were, three may not.
    assert verdicts(forgetting) == [("conservative", "not certified"), *told]
    assert [stage.rolled_back for stage in (first, second, third)] == [False, True, True]
    assert first.adapter is not None
    assert second.adapter is not None
    aligned = Path(forgetting.aligned().adapters[0].folder)
    weights = (aligned / "adapter_model.safetensors").read_bytes()
    assert weights == (first.adapter / "adapter_model.safetensors").read_bytes()
    assert weights != (second.adapter / "adapter_model.safetensors").read_bytes()


def test_the_next_stage_goes_on_from_before(forgetting: udasa_core.Run) -> None:
    """The canned trainer's weights are a digest of what it was given: the policy, and what it is held to."""
    third = forgetting.stages()[2]
    assert third.adapter is not None
    ids = [pair.id for stage, pair in forgetting.pairs() if stage == "exploratory"]
    before = forgetting.aligned()
    seed = seed_of(7, "train", "exploratory")
    given = content_key(ids, before.key, before.key, seed, 1.0, length=64)
    weights = load_file(third.adapter / "adapter_model.safetensors")["weights"]
    assert weights.tobytes() == bytes.fromhex(given)


def test_the_decision_is_kept_with_its_evidence_shown_and_told(forgetting: udasa_core.Run) -> None:
    tripped = next(one for one in forgetting.decisions() if one["stage"] == "moderate")
    # Seven of ten items fell by 1: 0.7 ± t(9) · sd / √10, with sd = √(0.7 · 0.3 · 10 / 9).
    half = 2.2622 * (0.21 * 10 / 9) ** 0.5 / 10**0.5
    assert (tripped["before"], tripped["after"], tripped["n"]) == (0.9, 0.2, 10)
    assert (tripped["low"], tripped["high"]) == (
        pytest.approx(0.7 - half, abs=1e-3),
        pytest.approx(0.7 + half, abs=1e-3),
    )
    text = "\n".join(map(str, tables(figures(forgetting))))
    assert "TRIPPED: rolled back to conservative" in " ".join(text.split())
    assert "moderate, rolled back" in text
    assert "WARNING: quiz accuracy after moderate; quiz accuracy after exploratory" in " ".join(text.split())
    events = [event for event in heard if event.kind == "gate" and event.detail["watch"] == "gate"]
    assert [event.name for event in events] == [
        f"quiz accuracy after {stage}" for stage in ("conservative", "moderate", "exploratory")
    ]
    assert events[1].detail["verdict"] == "tripped"


def test_again_the_decision_comes_from_the_store(forgetting: udasa_core.Run) -> None:
    calls.clear()
    plain = dict(forgetting.manifest.plain["config"])
    again = udasa_core.run(plain)
    assert (again.made, calls["quiz"], calls["train moderate"]) == (0, 0, 0)
    assert list(again.decisions()) == list(forgetting.decisions())


@pytest.mark.slow
def test_a_gate_that_warns_changes_nothing_and_one_that_stops_ends_the_run(
    forgetting: udasa_core.Run, caplog: pytest.LogCaptureFixture
) -> None:
    plain = dict(forgetting.manifest.plain["config"])
    warned = udasa_core.run({**plain, "gate": [{**GATE, "action": "warn"}]})
    assert [stage.trained for stage in warned.stages()] == [True] * 3
    assert warned.aligned().adapters[0].folder == str(warned.stages()[2].adapter)
    assert "quiz accuracy after moderate, against conservative: 0.900 → 0.200" in caplog.text
    stopped = udasa_core.run({**plain, "gate": [{**GATE, "action": "stop"}]})
    assert [stage.trained for stage in stopped.stages()] == [True, True, False]
    assert stopped.stages()[2].skipped == "the run ended after moderate"
    assert stopped.status == "finished"
    told = "the run ends, and leaves the policy of moderate; the one before it is conservative"
    assert told in caplog.text
    assert stopped.aligned().adapters[0].folder == str(stopped.stages()[1].adapter)
    assert "after moderate" in stopped.manifest.plain["rounds"]["ended"]


@pytest.mark.slow
def test_noise_trips_nothing_and_is_not_certified(tmp_path: Path, tiny_model_dir: Path) -> None:
    plain = plain_of(tmp_path, tiny_model_dir, (9, 8, 9, 8), max_drop=0.0, action="rollback")
    odd = {"figure": "quiz odd", "better": "higher", "max_drop": 0.5, "against": "base"}
    run = udasa_core.run({**plain, "gate": [*plain["gate"], odd]})
    # One of ten items fell, then rose, then fell; what no column holds goes by both standard errors.
    found = {
        (one["stage"], one["figure"]): one["verdict"] for one in run.decisions() if one["watch"] == "gate"
    }
    assert [found[stage.name, "quiz accuracy"] for stage in run.stages()] == [
        *("not certified", "not certified", "not certified"),
    ]
    assert set(found.values()) == {"not certified", "certified"}
    assert not any(stage.rolled_back for stage in run.stages())


def test_planted_collapse_trips_the_guard(tmp_path: Path, tiny_model_dir: Path) -> None:
    quiz = {"use": QUIZ, "name": "quiz", "right": [9, 9, 2, 2]}
    plain = collapsing(tmp_path, tiny_model_dir, "rollback", suite=[quiz])
    plain["guard"]["any_of_k"] = "quiz accuracy"
    run = udasa_core.run(plain)
    found = {(one["stage"], one["figure"]): one for one in run.decisions()}
    assert found["conservative", "single cluster"]["verdict"] != "tripped"
    assert found["conservative", "majority flips"]["verdict"] != "tripped"
    assert found["moderate", "single cluster"]["verdict"] == "tripped"
    assert found["moderate", "single cluster"]["after"] == 1.0
    assert found["moderate", "majority flips"]["after"] == 1.0
    any_of_k = [found[stage, "quiz accuracy"]["verdict"] for stage in ("conservative", "moderate")]
    assert any_of_k == ["not certified", "tripped"]
    assert [stage.rolled_back for stage in run.stages()] == [False, True, True]
    assert run.aligned().adapters[0].folder == str(run.stages()[0].adapter)
    assert run.keys(Output("guard", instance="moderate"))
    # It is not looked at twice.
    assert len(run.keys(Output("guard", instance="conservative"))) == 1


def test_a_suite_without_the_figure_costs_no_training(tmp_path: Path, tiny_model_dir: Path) -> None:
    calls.clear()
    plain = plain_of(tmp_path, tiny_model_dir, (9, 9, 9, 9), figure="quiz acuracy")
    with pytest.raises(ConfigError) as caught:
        udasa_core.run(plain)
    assert (
        "gate.quiz acuracy.figure: suite quiz has no figure 'acuracy'; did you mean \"quiz accuracy\"?"
        in str(caught.value)
    )
    assert calls["train conservative"] == 0


@pytest.mark.slow
def test_where_all_is_rolled_back_the_base_is_left_and_export_says_so(
    tmp_path: Path, tiny_model_dir: Path
) -> None:
    run = udasa_core.run(plain_of(tmp_path, tiny_model_dir, (9, 1, 1, 1), action="rollback"))
    assert run.status == "finished"
    assert all(change["before"] == change["after"] for change in run.changes())
    with pytest.raises(UdasaError, match="each of its stages was rolled back"):
        run.aligned()

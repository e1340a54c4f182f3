"""What suites ask of the generator and the judge is kept, answer by answer and grade by grade."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

import pytest

import udasa_core
from tests.canned import Canned, Generator, calls, configuration
from udasa_core import (
    Column,
    Grade,
    Group,
    Message,
    Metric,
    ModelRef,
    Prompt,
    SamplingOptions,
    SuiteReport,
    hookimpl,
)
from udasa_core.errors import PluginError
from udasa_core.running.conduct import running
from udasa_core.store.output import BASE, Output

# The texts that the judge was given, in order; how many it grades before it walks out.
graded: list[str] = []
patience: list[int] = []
SAMPLING = SamplingOptions(responses=1, temperature=0.5, max_new_tokens=8)


class Asking(Canned):
    """Answers 6 prompts by the generator, and has the judge grade them: two of them are the same."""

    needs = ("generator", "judge")

    @hookimpl
    def udasa_evaluate(self, policy: ModelRef, seed: int) -> SuiteReport:
        prompts = [Prompt(f"q{n}", (Message("user", f"question {n}"),)) for n in range(6)]
        groups = self.resources.generator()(prompts, SAMPLING, policy, seed)
        assert [group.prompt if group else None for group in groups] == prompts
        asked = [Prompt(f"g{n}", (Message("user", f"grade {n // 2 * 2}"),)) for n in range(6)]
        grades = [grade.grade for grade in self.resources.judge()(asked, seed)]
        assert grades == [0.0, 0.0, 2.0, 2.0, 4.0, 4.0]
        rows = [{"id": f"q{n}", "score": grade, "more": [n]} for n, grade in enumerate(grades)]
        return SuiteReport(self.name, policy, (Metric("grade", 2.0, 1.0, 3.0, 6, 0.5),), tuple(rows))


class Impatient(Canned):
    """Yields one grade after the other: the number in the prompt."""

    @hookimpl
    def udasa_judge(self, prompts: Sequence[Prompt], seed: int) -> Iterator[Grade]:
        for prompt in prompts:
            if patience:
                patience[0] -= 1
                if patience[0] < 0:
                    raise KeyboardInterrupt
            text = prompt.messages[-1].content
            graded.append(text)
            yield Grade(float(text.split()[-1]), text)


class TooFew(Canned):
    """Grades one prompt, whatever it is given."""

    @hookimpl
    def udasa_judge(self, prompts: Sequence[Prompt], seed: int) -> list[Grade]:
        return [Grade(1.0, "1")]


class Failing(Canned):
    """Gives one grade, then fails in its own way."""

    @hookimpl
    def udasa_judge(self, prompts: Sequence[Prompt], seed: int) -> Iterator[Grade]:
        yield Grade(0.0, "0")
        raise OSError("no route to host")


class Choosy(Generator):
    """Does not take the second prompt."""

    @hookimpl
    def udasa_admit(self, prompts: Sequence[Prompt], sampling: SamplingOptions) -> list[str]:
        return ["too long" if prompt.id == "q1" else "" for prompt in prompts]


@pytest.fixture
def plain(tmp_path: Path, tiny_model_dir: Path) -> dict[str, Any]:
    graded.clear()
    patience.clear()
    calls.clear()
    tables = {"suite": [{"use": "tests.core.job.test_asked:Asking", "name": "asking"}]}
    made = configuration(tmp_path, tiny_model_dir, **tables)
    made["judge"] = {"use": "tests.core.job.test_asked:Impatient"}
    return made


def test_a_kill_between_two_grades_loses_none(plain: dict[str, Any]) -> None:
    patience.append(2)
    with pytest.raises(KeyboardInterrupt):
        udasa_core.run(plain)
    assert graded == ["grade 0", "grade 2"], "equal prompts are graded once"
    patience.clear()
    graded.clear()
    calls.clear()
    run = udasa_core.run(plain)
    assert graded == ["grade 4"], "the stages' grades are those of the base: the same prompts were asked"
    # Two shards of answers for each of three trained stages, and of held-out prompts for the last one; the
    # base's answers and everything before them are kept.
    assert calls["generate"] == 3 * 2 + 2
    assert [one["value"] for one in run.suites()["asking"]] == [2.0] * 4
    assert run.suites()["asking"][0]["error"] == 0.5


class Hearing(Canned):
    """A dimension that asks the generator for other responses, and scores by nothing."""

    needs = ("generator",)

    @hookimpl
    def udasa_score(self, groups: Sequence[Group], seed: int) -> Column:
        prompts = [group.prompt for group in groups]
        found = self.resources.generator()(prompts, SAMPLING, self.resources.base, seed)
        assert [one.prompt if one else None for one in found] == prompts
        rows = (tuple(number / 8 for number in range(len(group.responses))) for group in groups)
        return Column(self.name, tuple(rows))


def test_what_a_dimension_asked_for_stays_the_runs(plain: dict[str, Any]) -> None:
    plain["dimension"] = [{"use": "tests.core.job.test_asked:Hearing", "name": "hearing"}]
    plain.pop("suite")
    plain.pop("judge")
    run = udasa_core.run(plain)
    pointed = [entry for entry in run.manifest.outputs() if entry["step"] == "answer"]
    keys = {key for entry in pointed for key in entry["keys"]}
    assert keys
    assert all(run.store.has("answer", key) for key in keys)
    before = (run.folder / "manifest.json").read_bytes()
    calls.clear()
    assert not udasa_core.run(plain).made
    assert calls["generate"] == 0
    assert (run.folder / "manifest.json").read_bytes() == before
    assert udasa_core.clean(run.folder.parent)[0] == 0
    # A dimension that is made anew finds what was said.
    for file in (run.store.root / "score").glob("*.parquet"):
        file.unlink()
    udasa_core.run(plain)
    assert calls["generate"] == 0


def test_a_suite_can_tell_the_judges_model(plain: dict[str, Any]) -> None:
    with running(udasa_core.load(plain)) as job:
        assert job.resources.judge().model == ""
    plain["judge"] = {"use": "transformers", "source": plain["model"]["source"]}
    with running(udasa_core.load(plain)) as job:
        assert job.resources.judge().model == plain["model"]["source"]


def test_rows_are_kept_as_a_table(plain: dict[str, Any]) -> None:
    run = udasa_core.run(plain)
    key = run.keys(Output("suite", instance="asking", policy=BASE))[0]
    rows = run.store.read_table("suite", key).to_pylist()
    assert [(row["id"], row["score"], row["more"]) for row in rows[:2]] == [
        ("q0", 0.0, "[0]"),
        ("q1", 0.0, "[1]"),
    ]


def test_doing_nothing_changes_no_byte_of_the_manifest(plain: dict[str, Any]) -> None:
    run = udasa_core.run(plain)
    before = (run.folder / "manifest.json").read_bytes()
    assert b"grades " in before
    udasa_core.run(plain)
    assert (run.folder / "manifest.json").read_bytes() == before


def test_what_was_asked_survives_cleaning(plain: dict[str, Any], tmp_path: Path) -> None:
    run = udasa_core.run(plain)
    udasa_core.clean(store=run.store.root)
    graded.clear()
    calls.clear()
    assert udasa_core.run(plain).status == "finished"
    assert not graded
    assert not calls


@pytest.mark.parametrize(
    ("judge", "told"),
    [("TooFew", "it returned 1 grades; it was given 3 prompts"), ("Failing", "OSError: no route to host")],
)
def test_a_judge_that_fails_is_named(plain: dict[str, Any], judge: str, told: str) -> None:
    plain["judge"] = {"use": f"tests.core.job.test_asked:{judge}", "name": "marker"}
    with pytest.raises(PluginError, match="judge 'marker'") as caught:
        udasa_core.run(plain)
    assert told in str(caught.value)


def test_a_prompt_that_the_generator_does_not_take_has_no_group(
    plain: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    plain["generator"] = {"use": "tests.core.job.test_asked:Choosy", "responses": 4}
    prompts = [Prompt(f"q{n}", (Message("user", f"question {n}"),)) for n in range(6)]
    with running(udasa_core.load(plain)) as job:
        seen = job.resources.generator()(prompts, SAMPLING, job.base, 3)
    assert [group is None for group in seen] == [False, True, False, False, False, False]
    assert [group.prompt.id for group in seen if group] == ["q0", "q2", "q3", "q4", "q5"]
    assert "prompt q1 is not asked: too long" in caplog.text


class Bounded(Generator):
    """Notes how long a thought may be."""

    bounds: ClassVar[list[int | None]] = []

    @hookimpl
    def udasa_generate(
        self, prompts: Sequence[Prompt], sampling: SamplingOptions, policy: ModelRef, seed: int
    ) -> list[Group]:
        self.bounds.append(sampling.thinking_tokens)
        return super().udasa_generate(prompts, sampling, policy, seed)


def test_thoughts_are_bounded_for_suites_as_for_the_run(plain: dict[str, Any]) -> None:
    plain["generator"] = {"use": "tests.core.job.test_asked:Bounded", "responses": 4}
    udasa_core.run(plain)
    assert set(Bounded.bounds) == {None}
    Bounded.bounds.clear()
    plain["generator"]["thinking_tokens"] = 9
    calls.clear()
    udasa_core.run(plain)
    # The samples of the run and the answers that the suite asked for are all new.
    assert set(Bounded.bounds) == {9}
    suites = len(Bounded.bounds)
    assert suites > len(
        udasa_core.find_run("canned", plain["run"]["folder"]).keys(Output("sample", "training"))
    )
    udasa_core.run(plain)
    assert len(Bounded.bounds) == suites


def test_an_option_that_is_not_asked_for_changes_no_key() -> None:
    assert "thinking_tokens" not in SamplingOptions().to_json()
    assert SamplingOptions(thinking_tokens=9).to_json() == {
        **SamplingOptions().to_json(),
        "thinking_tokens": 9,
    }

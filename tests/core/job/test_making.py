"""Whatever is made elsewhere is what the local engine makes here, to the byte; a suite elsewhere does not
wait for what it asks for."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

import udasa_core
from tests.canned import Canned, Generator, calls, configuration
from tests.core.job.test_asked import graded, patience
from udasa_core import (
    Event,
    Group,
    Message,
    Metric,
    ModelRef,
    Prompt,
    SamplingOptions,
    SuiteReport,
    hookimpl,
    work,
)
from udasa_core.errors import PluginError
from udasa_core.job import making, worker
from udasa_core.pipeline import align
from udasa_core.running.conduct import running

HERE = "tests.core.job.test_making"
# The shards that were sent elsewhere, by step; how often a suite was begun; the jobs that are known there.
sent: list[tuple[str, int]] = []
begun: list[str] = []
there: dict[str, Any] = {}


class Elsewhere(Canned):
    """Makes shards as another process would: from JSON, last one first, by a job that it rebuilds."""

    at_once = 3

    @hookimpl
    def udasa_map(self, step: str, payloads: Sequence[Mapping[str, Any]]) -> Iterator[int]:
        sent.append((step, len(payloads)))
        for number in reversed(range(len(payloads))):
            with pytest.MonkeyPatch.context() as patch:
                for module in (making, worker):
                    patch.setattr(module, "known", there)
                work(json.loads(json.dumps(payloads[number])))
            yield number


class Twofold(Canned):
    """Asks the generator twice, the second time by what it answered, and then the judge."""

    needs = ("generator", "judge")

    @hookimpl
    def udasa_evaluate(self, policy: ModelRef, seed: int) -> SuiteReport:
        begun.append(self.name)
        sampling = SamplingOptions(responses=1, temperature=0.5, max_new_tokens=8)
        asked = [Prompt(f"q{n}", (Message("user", f"question {n}"),)) for n in range(9)]
        for _ in range(2):
            found = self.resources.generator()(asked, sampling, policy, seed)
            told = [group.responses[0].text for group in found if group is not None]
            asked = [Prompt(f"a{n}", (Message("user", text),)) for n, text in enumerate(told)]
        cards = [Prompt(f"g{n}", (Message("user", f"{text} {n}"),)) for n, text in enumerate(told)]
        grades = [grade.grade for grade in self.resources.judge()(cards, seed)]
        rows = [{"id": str(n), "score": grade} for n, grade in enumerate(grades)]
        return SuiteReport(self.name, policy, (Metric("grade", 4.0, 4.0, 4.0, 9),), tuple(rows))


class Forgetful(Canned):
    """Says that it is done, and makes nothing."""

    @hookimpl
    def udasa_map(self, step: str, payloads: Sequence[Mapping[str, Any]]) -> Iterator[int]:
        yield from range(len(payloads))


def made(plain: Mapping[str, Any]) -> dict[str, bytes]:
    root = Path(plain["run"]["folder"]) / "store"
    paths = sorted(path for path in root.glob("[!.]*/**/*") if path.is_file())
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in paths}


@pytest.fixture
def plain(tmp_path: Path, tiny_model_dir: Path) -> dict[str, Any]:
    for noted in (sent, begun, there, graded, patience, calls):
        noted.clear()
    return configuration(
        tmp_path,
        tiny_model_dir,
        suite=[
            {"use": f"{HERE}:Twofold", "name": "twofold"},
            {"use": "tests.core.job.test_asked:Asking", "name": "asking"},
            {"use": "tests.canned:Suite", "name": "adapters"},
        ],
        judge={"use": "tests.core.job.test_asked:Impatient"},
        stages={"use": "single"},
        generator={"use": "tests.canned:Generator", "responses": 4, "voters": 8},
        dimension=[{"use": "tests.canned:Dimension", "name": name} for name in ("one", "two")],
    )


def test_shards_that_are_made_elsewhere_are_the_same_bytes(plain: dict[str, Any], tmp_path: Path) -> None:
    udasa_core.run(plain)
    here = made(plain)
    assert begun == ["twofold"] * 2, "where answers can be had at once, they are waited for"
    plain["run"]["folder"] = str(tmp_path / "elsewhere")
    told: list[Event] = []
    config = udasa_core.load(plain | {"engine": {"use": f"{HERE}:Elsewhere"}})
    with running(config, listeners=[told.append]) as job:
        align(job)
    assert made(plain) == here
    suites = [(event.what, event.name) for event in told if event.kind == "suite"]
    names = ("twofold", "asking", "adapters")
    assert suites == [*(("started", name) for name in names), *(("finished", name) for name in names)] * 2
    steps = [event.done for event in told if event.kind == "step" and event.name == "suites on base"]
    assert steps == [0, 1, 2, 3, 3]
    steps = {step for step, _ in sent}
    assert steps == {
        *("sample", "agree", "score", "fit", "aggregate", "pair", "meters", "suite", "answer", "grade")
    }
    # What suites ask for is made by all workers.
    of_base = sent[sent.index(("suite", 3)) :]
    # All three suites at once; then what two of them ask for: 9 and 6 prompts in shards of 4, and so on.
    assert of_base[:7] == [
        *(("suite", 3), ("answer", 3 + 2), ("suite", 2), ("answer", 3), ("grade", 3), ("suite", 2)),
        ("grade", 3),
    ]
    assert begun[2:] == ["twofold"] * 2 * 4, "each is begun again where it asks, and once more to end"
    assert not list(tmp_path.rglob("*.asks"))


def test_an_engine_that_made_nothing_is_named(plain: dict[str, Any]) -> None:
    with pytest.raises(
        PluginError, match=r"^engine .*:Forgetful of local\) ended without 5 of 5 shards of sample"
    ):
        udasa_core.run(plain | {"engine": {"use": f"{HERE}:Forgetful"}})


class Choosy(Generator):
    """Fails where it is asked by a suite."""

    @hookimpl
    def udasa_generate(
        self, prompts: Sequence[Prompt], sampling: SamplingOptions, policy: ModelRef, seed: int
    ) -> list[Group]:
        if prompts[0].id.startswith("q"):
            raise OSError("no room")
        return super().udasa_generate(prompts, sampling, policy, seed)


def test_what_a_suite_asks_for_may_fail_elsewhere(plain: dict[str, Any]) -> None:
    plain["generator"] = {"use": f"{HERE}:Choosy", "responses": 4}
    with pytest.raises(PluginError, match=r"udasa_generate on prompts q\d … q\d: OSError: no room"):
        udasa_core.run(plain | {"engine": {"use": f"{HERE}:Elsewhere"}})

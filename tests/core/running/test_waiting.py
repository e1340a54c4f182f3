"""A hook that gives no sign is named after a while, with its step; one that works and tells of it is not."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

import udasa_core
from tests.canned import Canned, Dimension, Generator, Trainer, configuration
from udasa_core import (
    Column,
    Event,
    Grade,
    Group,
    ModelRef,
    Prompt,
    Report,
    SamplingOptions,
    Stage,
    hookimpl,
    waiting,
    work,
)
from udasa_core.plugins.catalog import LOCAL, Offer
from udasa_core.plugins.stack import load_factory
from udasa_core.progress import progress

HERE = "tests.core.running.test_waiting"
LONG = 0.25


@pytest.fixture(autouse=True)
def watch(monkeypatch: pytest.MonkeyPatch) -> Iterator[waiting.Watch]:
    """A watch that loses patience within a test."""
    impatient = waiting.Watch(0.1)
    monkeypatch.setattr(waiting, "watch", impatient)
    yield impatient
    impatient.close()


asleep: set[str] = set()


def sleep_once(what: str) -> None:
    if what not in asleep:
        asleep.add(what)
        time.sleep(LONG)


class SlowScores(Dimension):
    @hookimpl
    def udasa_score(self, groups: Sequence[Group], seed: int) -> Column:
        sleep_once("udasa_score")
        return super().udasa_score(groups, seed)


class SlowGenerator(Generator):
    def __init__(self, *given: Any) -> None:
        sleep_once("constructor")
        super().__init__(*given)

    @property
    def fingerprint(self) -> str:
        sleep_once("fingerprint")
        return ""

    @hookimpl
    def udasa_generate(
        self, prompts: Sequence[Prompt], sampling: SamplingOptions, policy: ModelRef, seed: int
    ) -> list[Group]:
        sleep_once("udasa_generate")
        return super().udasa_generate(prompts, sampling, policy, seed)


class SlowTrainer(Trainer):
    @hookimpl
    def udasa_train(
        self, stage: Stage, pairs: Path, policy: ModelRef, reference: ModelRef, out_dir: Path, seed: int
    ) -> Report:
        sleep_once("udasa_train")
        return super().udasa_train(stage, pairs, policy, reference, out_dir, seed)


class SlowEngine(Canned):
    @hookimpl
    def udasa_map(self, step: str, payloads: Sequence[Mapping[str, Any]]) -> Iterator[int]:
        for number, payload in enumerate(payloads):
            work(payload)
            sleep_once("udasa_map")
            yield number


class SlowJudge(Canned):
    @hookimpl
    def udasa_judge(self, prompts: Sequence[Prompt], seed: int) -> Iterator[Grade]:
        for number, _ in enumerate(prompts):
            if number == 1:
                sleep_once("udasa_judge")
            yield Grade(7.0, "Rating: [[7]]")


class SlowObserver(Canned):
    @hookimpl
    def udasa_observe(self, event: Event) -> None:
        if event.what == "started":
            sleep_once("udasa_observe")


TOLD = (
    r"^dimension 'slow' \(.* of local\) has given no sign for 0 minutes \(udasa_score on prompts p\d+ … p\d+ "
    r"in step 'score training'\)\. It is waited for",
    r"^generator .*\(udasa_generate on prompts p\d+ … p\d+ in step 'sample training'\)",
    r"^generator .*\(its fingerprint\)",
    r"\(its constructor\)",
    r"^trainer .*\(udasa_train in step 'train \w+'\)",
    r"^engine .*\(udasa_map in step 'sample training'\)",
    r"^judge .*\(udasa_judge on prompts 0 … 2 in step 'suite \S+ on base'\)",
    r"^observer .*\(udasa_observe",
)


def test_who_gives_no_sign_is_named_and_not_ended(
    tmp_path: Path, tiny_model_dir: Path, caplog: pytest.LogCaptureFixture
) -> None:
    asleep.clear()
    plain = configuration(
        tmp_path,
        tiny_model_dir,
        generator={"use": f"{HERE}:SlowGenerator", "responses": 4},
        dimension=[{"use": f"{HERE}:SlowScores", "name": "slow"}],
        trainer={"use": f"{HERE}:SlowTrainer"},
        engine={"use": f"{HERE}:SlowEngine"},
        judge={"use": f"{HERE}:SlowJudge"},
        suite=[{"use": "tests.canned:Judged"}],
        observer=[{"use": f"{HERE}:SlowObserver"}],
    )
    assert udasa_core.run(plain).status == "finished"
    waited = [one for one in caplog.records if "has given no sign" in one.message]
    assert {one.levelno for one in waited} == {logging.WARNING}
    missed = [told for told in TOLD if not any(re.search(told, one.message) for one in waited)]
    assert missed == [], caplog.text


def test_a_slow_import_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "slow_to_import.py").write_text(
        f"import time\nfrom tests.canned import Generator as Good\ntime.sleep({LONG})\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    load_factory(Offer("generator", "good", LOCAL, "", "slow_to_import:Good"))
    assert "(its import)" in caplog.text


def test_it_is_told_again_at_growing_intervals(
    watch: waiting.Watch, caplog: pytest.LogCaptureFixture
) -> None:
    begun = time.monotonic()
    with watch.over("it", "work"):
        time.sleep(1.0)
    told = [one for one in caplog.records if "it has given no sign" in one.message]
    # After 0.1, 0.2, 0.4 and 0.8 s, each a little late; not every 0.1 s.
    assert 3 <= len(told) <= 4
    assert time.monotonic() - begun < 1.5
    gaps = [after.created - before.created for before, after in pairwise(told)]
    assert gaps == sorted(gaps)


def test_whoever_tells_of_progress_is_not_named(caplog: pytest.LogCaptureFixture) -> None:
    with (
        waiting.watch.over("it", "work"),
        progress(lambda event: None, "work", 10) as advance,
    ):
        for _ in range(10):
            time.sleep(0.03)
            advance(1)
    assert "no sign" not in caplog.text


def test_the_innermost_is_named_and_its_end_is_a_sign(
    watch: waiting.Watch, caplog: pytest.LogCaptureFixture
) -> None:
    with watch.over("outer", "work"):
        with watch.over("inner", "work"):
            time.sleep(LONG)
        time.sleep(0.03)
    assert "inner has given no sign" in caplog.text
    assert "outer has given" not in caplog.text


def test_one_thread_looks_on_whatever_the_calls(watch: waiting.Watch) -> None:
    def seconds(call: Callable[[], object]) -> float:
        begun = time.perf_counter()
        for _ in range(10_000):
            call()
        return time.perf_counter() - begun

    def watched() -> None:
        with watch.over("it", "work"):
            pass

    assert seconds(watched) < 0.5  # 50 µs each; it takes 1
    first = watch._thread
    seconds(watched)
    assert first is watch._thread is not None


def test_what_an_iterator_raises_is_its_plugin_s(tmp_path: Path, tiny_model_dir: Path) -> None:
    plain = configuration(tmp_path, tiny_model_dir, calibration={"use": f"{HERE}:LazyCalibration"})
    with pytest.raises(udasa_core.UdasaError, match=r"raised in udasa_calibrate: ZeroDivisionError"):
        udasa_core.run(plain)


class LazyCalibration(Canned):
    @hookimpl
    def udasa_fit(self, raw: Any, dimension: str) -> dict[str, list[float]]:
        return {}

    @hookimpl
    def udasa_calibrate(self, raw: Any, state: Any) -> Iterator[float]:
        for one in raw:
            yield float(one) / 0

"""What the kit asks of each attribute that the core reads from a plugin."""

from __future__ import annotations

import ast
import inspect
import random
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from pydantic import Field

from udasa_core import (
    Column,
    Grade,
    Group,
    ModelRef,
    Options,
    Pairing,
    PairTable,
    Plugin,
    Prompt,
    Report,
    SamplingOptions,
    Scores,
    StagePlan,
    SuiteReport,
    Table,
    hookimpl,
)
from udasa_core.testing import check_factory, check_stages


class Dimension(Plugin):
    class Options(Plugin.Options):
        patience: float = Field(default=1.0, description="Seconds.")

    label_free: Any = True
    incidental: Any = ("patience",)

    @hookimpl
    def udasa_score(self, groups: Sequence[Group], seed: int) -> Column: ...


class NeedsText(Dimension):
    needs = "reader"


class NeedsNumbers(Dimension):
    needs: Any = (3,)


class NeedsOracle(Dimension):
    needs = ("oracle",)


class SaysMaybe(Dimension):
    label_free = "maybe"


class SaysOne(Dimension):
    label_free = 1


class IncidentalText(Dimension):
    incidental = "patience"


class IncidentalStranger(Dimension):
    incidental = ("patience", "pace")


class FingerprintBytes(Dimension):
    fingerprint: Any = b"digest"


class FingerprintOfTheMoment(Dimension):
    @property
    def fingerprint(self) -> str:
        return str(random.random())


class Maker(Plugin):
    @hookimpl
    def udasa_generate(
        self, prompts: Sequence[Prompt], sampling: SamplingOptions, policy: ModelRef, seed: int
    ) -> Sequence[Group]:
        return ()


class MakerOfSome(Maker):
    takes_any_prompt: Any = "some"


class MakerAtAnAddress(Maker):
    is_served: Any = "http://127.0.0.1"


class PairingOfOneFigure(Plugin):
    fills: Any = "gap"

    @hookimpl
    def udasa_pair(self, groups: Sequence[Group], scores: Sequence[Scores], seed: int) -> Pairing:
        return Pairing(())


class Stages(Plugin):
    stage_names: Any = ("all",)

    @hookimpl
    def udasa_stage(self, pairs: PairTable) -> StagePlan:
        return StagePlan({"all": pairs.ids})


class StagesUnsaid(Stages):
    stage_names = None


class StagesText(Stages):
    stage_names = "all"


class StagesNumbers(Stages):
    stage_names = (1,)


class StagesNameless(Stages):
    stage_names = ("all", "")


class StagesTwice(Stages):
    stage_names = ("all", "all")


class StagesOther(Stages):
    stage_names = ("all", "rest")


class Judge(Plugin):
    model: Any = "grader-1"

    @hookimpl
    def udasa_judge(self, prompts: Sequence[Prompt], seed: int) -> list[Grade]: ...


class JudgeOfNothing(Judge):
    model = None


class JudgeOfOneWord(Judge):
    remarks: Any = "refused"


class JudgeOfNumbers(Judge):
    remarks: Any = (400,)


class Suite(Plugin):
    judgements_each: Any = 2

    @hookimpl
    def udasa_evaluate(self, policy: Any, seed: int) -> SuiteReport: ...


class SuiteOfHalves(Suite):
    judgements_each = 0.5


class SuiteOfFewer(Suite):
    judgements_each = -1


class SuiteOfTwoKeys(Suite):
    grading_key: Any = ("one", "two")


class CalledNothing(Dimension):
    also_called: Any = ("vllm",)


class Trainer(Plugin):
    class Options(Plugin.Options):
        rank: int = Field(default=8, description="Of the adapter.")
        batch: int = Field(default=2, description="Pairs at a time.")

    @hookimpl
    def udasa_train(self, stage: Any, pairs: Any, policy: Any, out_dir: Path, seed: int) -> Report: ...


class TrainerOfTwo(Trainer):
    launchable: Any = 2


class TrainerByName(Trainer):
    class Options(Plugin.Options):
        batch: str = Field(default="large", description="In words.")


class Lax(Dimension):
    Options: Any = type("Lax", (Options,), {"model_config": {"extra": "allow"}})


class Experiment(Plugin):
    configuration: Any = Path(__file__)

    @property
    def report_name(self) -> str:
        return f"planted-{self.name}"

    @hookimpl
    def udasa_experiment(self, config: Mapping[str, Any], out_dir: Path, steps: Any) -> list[Table]: ...


class ExperimentOfNoFile(Experiment):
    configuration = Path("no.toml")


class ExperimentInAFolder(Experiment):
    report_name = "a/b"


class ExperimentOfOneKind(Experiment):
    uses: Any = "dimension"


class Engine(Plugin):
    at_once: Any = 3

    @hookimpl
    def udasa_map(self, step: str, payloads: Sequence[Mapping[str, Any]]) -> Iterator[int]: ...


class EngineOfHalves(Engine):
    at_once = 0.5


class EngineOfNone(Engine):
    at_once = 0


class EngineReleased(Engine):
    release: Any = True


class EngineClosed(Engine):
    close: Any = "closed"


SOUND: Mapping[str, list[type[Plugin]]] = {
    "dimension": [Dimension],
    "generator": [Maker],
    "stages": [Stages, StagesUnsaid],
    "judge": [Judge],
    "suite": [Suite],
    "trainer": [Trainer],
    "experiment": [Experiment],
    "engine": [Engine],
}
WRONG: Mapping[str, list[tuple[str, type[Plugin], str]]] = {
    "Options": [
        ("dimension", Lax, "lets unknown keys pass"),
        ("trainer", TrainerByName, "its option batch is 'large'"),
    ],
    "needs": [
        ("dimension", NeedsText, "its needs is 'reader'; it is a sequence"),
        ("dimension", NeedsNumbers, r"its needs is \(3,\)"),
        ("dimension", NeedsOracle, "it needs oracle; resources are"),
    ],
    "label_free": [
        ("dimension", SaysMaybe, "its label_free is 'maybe'; it is True, False or None"),
        ("dimension", SaysOne, "its label_free is 1;"),
    ],
    "incidental": [
        ("dimension", IncidentalText, "its incidental is 'patience'; it is a sequence"),
        ("dimension", IncidentalStranger, "its incidental names pace; its Options have no such field"),
    ],
    "fingerprint": [
        ("dimension", FingerprintBytes, "its fingerprint is b'digest'; it is a text"),
        ("dimension", FingerprintOfTheMoment, "has another fingerprint"),
    ],
    "stage_names": [
        ("stages", StagesText, "its stage_names is 'all'; it is a sequence of names, or None"),
        ("stages", StagesNumbers, r"its stage_names is \(1,\)"),
        ("stages", StagesNameless, r"its stage_names is \('all', ''\)"),
        ("stages", StagesTwice, "its stage_names has all more than once"),
    ],
    "judgements_each": [
        ("suite", SuiteOfHalves, "its judgements_each is 0.5; it is a whole number from 0 on"),
        ("suite", SuiteOfFewer, "its judgements_each is -1"),
    ],
    "grading_key": [("suite", SuiteOfTwoKeys, r"its grading_key is \('one', 'two'\); it is a text")],
    "also_called": [("dimension", CalledNothing, r"its also_called is \('vllm',\); it is a mapping")],
    "fills": [("pairing", PairingOfOneFigure, "its fills is 'gap'; it is a sequence of names")],
    "configuration": [("experiment", ExperimentOfNoFile, r"its configuration is .*no\.toml")],
    "report_name": [("experiment", ExperimentInAFolder, "its report_name is 'a/b'; it is the name of")],
    "takes_any_prompt": [("generator", MakerOfSome, "its takes_any_prompt is 'some'; it is True or False")],
    "is_served": [("generator", MakerAtAnAddress, "its is_served is 'http://127.0.0.1'; it is True")],
    "launchable": [("trainer", TrainerOfTwo, "its launchable is 2; it is True or False")],
    "uses": [("experiment", ExperimentOfOneKind, "its uses is 'dimension'")],
    "remarks": [
        ("judge", JudgeOfOneWord, "its remarks is 'refused'; it is a sequence of sentences"),
        ("judge", JudgeOfNumbers, r"its remarks is \(400,\)"),
    ],
    "at_once": [
        ("engine", EngineOfHalves, "its at_once is 0.5; it is a whole number from 1 on"),
        ("engine", EngineOfNone, "its at_once is 0;"),
    ],
    "release": [("engine", EngineReleased, "its release is True; it is a method without arguments")],
    "close": [("engine", EngineClosed, "its close is 'closed'; it is a method")],
    "model": [("judge", JudgeOfNothing, "its model is None; it is a text")],
}


@pytest.mark.parametrize(
    ("kind", "factory"), [(kind, factory) for kind, factories in SOUND.items() for factory in factories]
)
def test_sound_attributes_pass(kind: str, factory: Any) -> None:
    check_factory(kind, factory)


@pytest.mark.parametrize(("kind", "factory", "told"), [case for cases in WRONG.values() for case in cases])
def test_a_wrong_attribute_is_told(kind: str, factory: Any, told: str) -> None:
    with pytest.raises(AssertionError, match=told):
        check_factory(kind, factory)


def test_stages_are_those_that_the_policy_names() -> None:
    check_stages(Stages)
    check_stages(StagesUnsaid)
    with pytest.raises(AssertionError, match=r"its stage_names is \('all', 'rest'\).*makes \['all'\]"):
        check_stages(StagesOther)


def test_every_attribute_has_a_wrong_value_here() -> None:
    """One that the base documents and nothing checks would be a promise that nobody keeps."""
    (base,) = ast.parse(inspect.getsource(Plugin)).body
    assert isinstance(base, ast.ClassDef)
    documented = {
        node.target.id
        for node in base.body
        if isinstance(node, ast.AnnAssign) and node.value is not None
        if isinstance(node.target, ast.Name)
    }
    documented |= {node.name for node in base.body if isinstance(node, ast.FunctionDef)} - {"__init__"}
    assert documented | {"Options"} == WRONG.keys()

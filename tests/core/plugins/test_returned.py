"""What a plugin returned, of any kind and size, is what its contract says or is told with its name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from tests.canned import response
from udasa_core import (
    Abstain,
    Adapter,
    Column,
    Grade,
    Group,
    Message,
    Metric,
    ModelRef,
    Pairing,
    PairTable,
    Prompt,
    Report,
    SamplingOptions,
    Stage,
    StagePlan,
    SuiteReport,
    Unpaired,
)
from udasa_core.errors import PluginError
from udasa_core.plugins.built import BuiltPlugin
from udasa_core.plugins.returned.evaluation import check_grades, check_questions, check_suite
from udasa_core.plugins.returned.groups import check_groups, check_refusals
from udasa_core.plugins.returned.pairs import check_pairing, check_plan
from udasa_core.plugins.returned.report import check_report
from udasa_core.plugins.returned.scores import check_aggregate, check_calibrated, check_column, check_state
from udasa_core.records import Response, Scores

HUGE, BEYOND, HALF = 10**400, 10**5000, "\ud800"
PROMPT = Prompt("p", (Message("user", "why?"),))
GROUP = Group(PROMPT, (1,), (response("a"), response("b")), "key")
REF = ModelRef("file:x", "0" * 64, "float32", "")
SCORES = Scores("p", (0.1, 0.9), {}, {})
FIGURE = Metric("a", 0.5, 0.4, 0.6, 1)
TABLE = PairTable(["a"], np.zeros(1), np.zeros(1), np.zeros(1))
NUMBERS: list[Any] = [
    HUGE,
    -HUGE,
    BEYOND,
    float("nan"),
    float("inf"),
    "x",
    HALF,
    True,
    None,
    [],
    1j,
    object(),
]
THINGS: list[Any] = [None, 7, "x", b"x", object(), {}, [None], [7], [HALF], [[1]], (((),),)]


class Built:
    """As much of a plugin as an answer is told with."""

    name = "mine"

    def __str__(self) -> str:
        return "dimension 'mine' (mine of theirs 1.0)"


PLUGIN = cast("BuiltPlugin", Built())


def refused(check: Callable[[], Any], but: tuple[Any, ...] = ()) -> None:
    """Whatever comes of it is fine, or a PluginError that says whose it is, on a line or two."""
    try:
        told, answer = "", check()
    except PluginError as error:
        told, answer = str(error), None
    begins = told.startswith("dimension 'mine' (mine of theirs 1.0) broke the contract of udasa_")
    assert (begins and len(told) < 600) or (not told and answer in but)


@pytest.mark.parametrize("value", NUMBERS, ids=range(len(NUMBERS)))
def test_a_number_that_is_none_is_refused(tmp_path: Path, value: Any) -> None:
    refused(lambda: check_column(PLUGIN, [GROUP], Column("mine", ((0.5, value),))))
    refused(lambda: check_aggregate(PLUGIN, 2, (0.5, value)))
    refused(lambda: check_calibrated(PLUGIN, 1, [value]), ([1.0],))
    refused(lambda: check_state(PLUGIN, {"a": [value]}), ({"a": [1.0]},))
    refused(lambda: check_state(PLUGIN, {"a": value}), ({"a": []},))
    stage, report = Stage("s", 1, "t", {}), Report("s", "t", 1, REF, {"loss": value})
    refused(lambda: check_report(PLUGIN, stage, REF, tmp_path, report))
    for name in ("value", "low", "high", "error"):
        metrics = (replace(FIGURE, **{name: value}),)
        found = SuiteReport("mine", REF, metrics, ())
        kept = (found,) if value is True or (value is None and name == "error") else ()
        refused(lambda found=found: check_suite(PLUGIN, REF, found), kept)  # type: ignore[misc]
    found = SuiteReport("mine", REF, (), ({"score": value},))
    refused(lambda: check_suite(PLUGIN, REF, found), (found,) if value in (True, None) else ())
    if value not in (True, None):
        refused(lambda: list(check_grades(PLUGIN, 1, [Grade(value, "")])))
        with pytest.raises((ValueError, TypeError)):
            replace(response("a"), logprobs=(value,))


@pytest.mark.parametrize("thing", THINGS, ids=range(len(THINGS)))
def test_an_answer_of_another_kind_is_refused(tmp_path: Path, thing: Any) -> None:
    stage = Stage("s", 1, "t", {})
    refused(lambda: check_refusals(PLUGIN, [PROMPT], thing), (["x"],))
    refused(lambda: check_groups(PLUGIN, [PROMPT], SamplingOptions(), REF, thing))
    for column in (thing, Column("mine", thing), Column("mine", (thing,))):
        refused(lambda column=column: check_column(PLUGIN, [GROUP], column))  # type: ignore[misc]
    refused(lambda: check_state(PLUGIN, thing), ({},))
    refused(lambda: check_calibrated(PLUGIN, 1, thing))
    refused(lambda: check_aggregate(PLUGIN, 1, thing))
    for pairing in (thing, Pairing(thing), Pairing((), thing), Pairing((), (Unpaired("p", thing),))):
        refused(
            lambda pairing=pairing: check_pairing(PLUGIN, [GROUP], [SCORES], pairing),
            (Pairing((), (Unpaired("p", "x"),)),),
        )  # type: ignore[misc]
    for plan in (
        thing,
        StagePlan(thing),
        StagePlan({}, thing),
        StagePlan({"s": thing}),
        StagePlan({}, (("a", thing),)),
    ):
        refused(lambda plan=plan: check_plan(PLUGIN, TABLE, plan), (StagePlan({}, (("a", "x"),)),))  # type: ignore[misc]
    for report in (thing, Report("s", "t", 1, REF, thing), Report("s", "t", 1, REF, {}, thing)):
        refused(lambda report=report: check_report(PLUGIN, stage, REF, tmp_path, report))  # type: ignore[misc]
    for found in (thing, SuiteReport("mine", REF, thing, ()), SuiteReport("mine", REF, (), thing)):
        refused(lambda found=found: check_suite(PLUGIN, REF, found))  # type: ignore[misc]
    refused(lambda: check_questions(PLUGIN, thing), (["x"],))
    refused(lambda: list(check_grades(PLUGIN, 1, thing)))


def test_half_a_surrogate_pair_is_no_text(tmp_path: Path) -> None:
    evil = GROUP.responses[0]
    group = replace(GROUP, policy=REF.key, responses=(replace(evil, text=HALF), GROUP.responses[1]))
    for check in (
        lambda: check_groups(PLUGIN, [PROMPT], SamplingOptions(), REF, [group]),
        lambda: check_column(PLUGIN, [GROUP], Column("mine", ((Abstain(HALF), 0.5),))),
        lambda: check_aggregate(PLUGIN, 1, (Abstain(HALF),)),
        lambda: check_pairing(PLUGIN, [GROUP], [SCORES], Pairing((), (Unpaired("p", HALF),))),
        lambda: check_plan(PLUGIN, TABLE, StagePlan({HALF: ["a"]})),
        lambda: check_plan(PLUGIN, TABLE, StagePlan({}, (("a", HALF),))),
        lambda: check_suite(PLUGIN, REF, SuiteReport("mine", REF, (replace(FIGURE, name=HALF),), ())),
        lambda: check_suite(PLUGIN, REF, SuiteReport("mine", REF, (), ({"id": HALF},))),
        lambda: list(check_grades(PLUGIN, 1, [Grade(None, HALF)])),
        lambda: check_questions(PLUGIN, [HALF]),
        lambda: check_refusals(PLUGIN, [PROMPT], [HALF]),
    ):
        with pytest.raises(PluginError, match="half a surrogate pair is no text"):
            check()


def test_a_log_probability_that_no_float_holds_is_refused() -> None:
    with pytest.raises(ValueError, match="not finite"):
        Response("a", (1,), (-HUGE,), (-1.0,), None, "stop")


def test_a_whole_model_lies_in_its_folder_and_has_no_adapter_beside_it(tmp_path: Path) -> None:
    stage, model = Stage("s", 1, "t", {}), tmp_path / "model"
    trained = REF.with_weights("1" * 64, str(model))

    def told(policy: ModelRef) -> str:
        with pytest.raises(PluginError) as caught:
            check_report(PLUGIN, stage, REF, tmp_path, Report("s", "t", 1, policy))
        return str(caught.value)

    model.mkdir()
    assert "a model without weights" in told(trained)
    (model / "config.json").write_text("{}")
    assert "a model without weights" in told(trained)
    (model / "model.safetensors").write_bytes(b"")
    assert "it is the one or the other" in told(trained.with_adapter(Adapter("2" * 64, "a")))
    assert "or a whole model in" in told(REF.with_weights("1" * 64, str(tmp_path / "elsewhere")))
    assert check_report(PLUGIN, stage, REF, tmp_path, Report("s", "t", 1, trained)).policy == trained
    (tmp_path / "adapter").mkdir()
    assert "both model/ and adapter/" in told(trained)

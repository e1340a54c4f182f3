"""How far responses give one answer: planted groups, and what a run does where most prompts have one."""

from __future__ import annotations

import logging
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import udasa_core
from tests.canned import configuration, response
from udasa_core import Group, Message, Prompt
from udasa_core.errors import ConfigError
from udasa_core.export.card import card
from udasa_core.report.figures import figures
from udasa_core.report.show import tables
from udasa_core.steps.agree import agreed
from udasa_core.store.agreed import Agreed, agreed_from, agreed_table, counted
from udasa_core.store.output import Output

# One answer in two dresses, and that one beside another.
ONE: dict[str, Any] = {"use": "tests.canned:Quiz", "words": ["Paris", "Paris, France"], "responses": 4}
THREE = {"use": "tests.canned:Quiz", "responses": 4}


def group(
    *texts: str, question: str = "What is the capital of France?", voters: tuple[str, ...] = ()
) -> Group:
    prompt = Prompt("one", (Message("user", question),))
    return Group(prompt, (1,), tuple(map(response, texts)), "policy", tuple(map(response, voters)))


def test_agreement_is_the_share_of_pairs_that_give_one_answer() -> None:
    mixed = agreed(group("Paris.", "It is Paris.", "Lyon.", "The capital of France is Paris."))
    assert mixed.agreement == pytest.approx(3 / 6)  # three of six pairs
    assert mixed.majority == pytest.approx(3 / 4)
    assert not mixed.is_single
    assert agreed(group("Paris.", "It is Paris!")) == Agreed("one", 1.0, 1.0)
    assert agreed(group("Paris.", "Lyon.")) == Agreed("one", 0.0, 0.5)


def test_voters_are_counted() -> None:
    assert agreed(group("Paris.", "Paris!")).is_single
    assert agreed(group("Paris.", "Paris!", voters=("Lyon.",))) == Agreed(
        "one", pytest.approx(1 / 3), pytest.approx(2 / 3)
    )
    assert agreed(group("Paris.", voters=("It is Paris.",))).is_single


def test_where_no_short_answer_is_given_nothing_is_compared() -> None:
    story = "Once there was a fox. It lived in a wood. It was red, and had three friends. They met at dusk."
    assert agreed(group(story, story.replace("fox", "crow"))) == Agreed("one", None, None)
    assert agreed(group("Paris.")) == Agreed("one", None, None)


def test_counts_are_of_prompts_with_answers() -> None:
    rows = [
        Agreed("a", 1.0, 1.0),
        Agreed("b", 0.0, 0.25),
        Agreed("c", 0.5, 0.75),
        Agreed("d", None, None),
        Agreed("e", 1.0, 1.0),
    ]
    assert agreed_from(agreed_table(rows)) == tuple(rows)
    found = counted(rows)
    assert (found.prompts, found.compared, found.single, found.none) == (5, 4, 2, 1)
    assert (found.rate, found.agreement, found.majority) == (0.5, 0.625, 0.75)
    nothing = counted(rows[3:4])
    assert (nothing.prompts, nothing.compared) == (1, 0)
    assert math.isnan(nothing.rate)


def configured(folder: Path, model: Path, generator: dict[str, Any], **one: Any) -> dict[str, Any]:
    plain = configuration(folder, model, generator=generator)
    first, second = plain["dimension"]
    # "three" is measured, and counts where it takes another's place.
    third = {"use": "tests.canned:LikesLong", "name": "three", "weight": 0.0}
    return {**plain, "dimension": [{**first, **one}, second, third]}


def aggregated(plain: dict[str, Any], folder: Path) -> tuple[Any, ...]:
    with udasa_core.Steps(folder).run(plain, "one") as run:
        return tuple(scores for _, scores in run.score(run.sample()))


def text_of(run: udasa_core.Run) -> str:
    return " ".join("\n".join(map(str, tables(figures(run)))).split())


def test_above_the_bound_another_dimension_takes_the_place(
    tmp_path: Path, tiny_model_dir: Path, caplog: pytest.LogCaptureFixture
) -> None:
    plain = configured(tmp_path, tiny_model_dir, ONE, fall_back="three")
    with caplog.at_level(logging.WARNING):
        scores = aggregated(plain, tmp_path / "above")
    assert "have one answer only (bound 50%)" in caplog.text
    assert "three takes the place of one" in caplog.text
    for one in scores:
        assert one.calibrated["one"] == one.calibrated["three"] != one.raw["one"]
        for u, two, three in zip(one.U, one.calibrated["two"], one.calibrated["three"], strict=True):
            assert u == pytest.approx((three + 2 * two) / 3)
    caplog.clear()
    with caplog.at_level(logging.WARNING):
        # Never, and what was scored is not scored again.
        never = aggregated({**plain, "clusters": {"bound": 1.0}}, tmp_path / "above")
    assert "one answer only" not in caplog.text
    assert all(one.calibrated["one"] != one.calibrated["three"] for one in never)
    assert [one.raw for one in never] == [one.raw for one in scores]


def test_below_the_bound_nothing_takes_the_place(
    tmp_path: Path, tiny_model_dir: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        scores = aggregated(
            configured(tmp_path, tiny_model_dir, THREE, fall_back="three"), tmp_path / "below"
        )
    assert not caplog.text
    without = aggregated(configured(tmp_path, tiny_model_dir, THREE), tmp_path / "plain")
    assert [one.U for one in scores] == [one.U for one in without]


def test_only_prompts_of_one_answer_fall_back(tmp_path: Path, tiny_model_dir: Path) -> None:
    plain = configured(tmp_path, tiny_model_dir, {**ONE, "words": [*ONE["words"], "Lyon"]}, fall_back="three")
    never = aggregated({**plain, "clusters": {"bound": 1.0}}, tmp_path / "mixed")
    with udasa_core.Steps(tmp_path / "mixed").run({**plain, "clusters": {"bound": 0.0}}, "one") as run:
        scored = list(run.score(run.sample()))
    assert {agreed(asked).is_single for asked, _ in scored} == {True, False}
    for (asked, scores), before in zip(scored, never, strict=True):
        expected = before.calibrated["three" if agreed(asked).is_single else "one"]
        assert scores.calibrated["one"] == expected


def test_a_run_tells_how_many_prompts_have_one_answer(tmp_path: Path, tiny_model_dir: Path) -> None:
    plain = configured(tmp_path, tiny_model_dir, {**ONE, "words": ["Paris", "Lyon"]})
    run = udasa_core.run({**plain, "clusters": {"bound": 0.01}})
    told = figures(run)["agreement"]
    keys = run.keys(Output("agree", "training"))
    rows = [row for key in keys for row in agreed_from(run.store.read_table("agree", key))]
    assert told["prompts"] == told["compared"] == len(rows) == figures(run)["prompts"]["training"]
    assert told["single"] == sum(row.agreement == 1.0 for row in rows) > 0
    assert told["rate"] == told["single"] / len(rows)
    assert (told["above"], told["fall_back"]) == (True, {})
    shown = text_of(run)
    assert "all give one answer (single cluster)" in shown
    assert "WARNING: the single-cluster rate is" in shown
    assert "give the dimensions that compare responses a fall_back" in shown
    assert "WARNING: the single-cluster rate is" in " ".join(
        card(run, form="merged", dtype="float32").split()
    )


def test_a_run_says_which_dimension_takes_the_place(tmp_path: Path, tiny_model_dir: Path) -> None:
    run = udasa_core.run(
        configured(tmp_path, tiny_model_dir, {**ONE, "words": ["Paris", "Lyon"]}, fall_back="three")
        | {"clusters": {"bound": 0.01}}
    )
    assert figures(run)["agreement"]["fall_back"] == {"one": "three"}
    assert "In such prompts three takes the place of one" in text_of(run)


@pytest.mark.parametrize("named", ["four", "one"])
def test_a_fall_back_is_another_dimension(tmp_path: Path, tiny_model_dir: Path, named: str) -> None:
    plain = configured(tmp_path, tiny_model_dir, ONE, fall_back=named)
    with pytest.raises(
        ConfigError, match=rf"dimension.one.fall_back: names no other dimension \(it is '{named}'\)"
    ):
        udasa_core.load(plain)


def test_agreement_is_of_any_order() -> None:
    texts = ("Paris.", "It is Paris.", "Lyon.", "Rome, in Italy.")
    one, turned = agreed(group(*texts)), agreed(group(*reversed(texts)))
    assert one == replace(turned)

"""The learning rate rises and falls once over the run, or in each stage anew."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fakes import FakeResources
from tests.plugins.preferences import make_pairs, train, write_pairs
from tests.plugins.test_preference_resume import Tripwire
from udasa_core import ModelRef, Stage
from udasa_plugin_preference.dpo import DPO
from udasa_plugin_preference.options import PreferenceOptions
from udasa_plugin_preference.schedule import over_the_run


@pytest.mark.parametrize(
    ("scheduler", "expected"),
    [
        ("linear", [0.0, 0.5, 1.0, 0.875, 0.75, 0.625, 0.5, 0.375, 0.25, 0.125]),
        ("constant_with_warmup", [0.0, 0.5, *[1.0] * 8]),
        ("cosine", [0.0, 0.5, 1.0, 0.96194, 0.853553, 0.691342, 0.5, 0.308658, 0.146447, 0.03806]),
    ],
)
def test_stages_have_their_parts_of_one_curve_by_hand(scheduler: str, expected: list[float]) -> None:
    options = PreferenceOptions.model_validate({"warmup": 0.2, "scheduler": scheduler})
    stages = [
        Stage("first", 5, "dpo", {}, 0, 15),
        Stage("second", 11, "dpo", {}, 5, 5, replayed=1),
        Stage("third", 5, "dpo", {}, 15, 0),
    ]
    # Twice as many pairs in the second stage, and one epoch in batches of two: 2.5 steps would be 5 pairs.
    heights = []
    for stage, steps, places in zip(stages, (4, 8, 4), ((0, 2), (0, 2, 4, 6), (0, 2)), strict=True):
        multiplier = over_the_run(options, stage, steps)
        heights += [multiplier(place) for place in places]
    curve = [0.0, 0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875]
    whole = over_the_run(options, Stage("all", 20, "dpo", {}), 8)
    assert heights == pytest.approx([whole(round(place * 8)) for place in curve])
    ten = over_the_run(options, Stage("all", 20, "dpo", {}), 10)
    assert [ten(step) for step in range(10)] == pytest.approx(expected, abs=1e-5)


def rates(tiny_ref: ModelRef, pairs: Path, out: Path, **given: object) -> list[float]:
    report = train(DPO, pairs, tiny_ref, out, batch=1, warmup=0.25, **given)  # type: ignore[arg-type]
    return [step["learning_rate"] for step in report.history]


def test_a_stage_that_is_the_whole_run_has_the_curve_that_each_stage_has(
    tiny_ref: ModelRef, tmp_path: Path
) -> None:
    pairs = write_pairs(tmp_path / "pairs.parquet", make_pairs(4))
    alone = rates(tiny_ref, pairs, tmp_path / "alone")
    whole = Stage("s", 4, "dpo", {})
    assert rates(tiny_ref, pairs, tmp_path / "whole", stage=whole, keep_schedule=True) == pytest.approx(alone)
    assert alone == pytest.approx([0.0, 1e-2, 1e-2 * 2 / 3, 1e-2 / 3])


def test_an_interrupted_part_goes_on_at_its_place(tiny_ref: ModelRef, tmp_path: Path) -> None:
    pairs = write_pairs(tmp_path / "pairs.parquet", make_pairs(4))
    last = Stage("conservative", 4, "dpo", {}, 4, 0)
    given = {"stage": last, "keep_schedule": True, "save_steps": 1}
    whole = rates(tiny_ref, pairs, tmp_path / "whole", **given)
    # The second half of the run: from 2/3 of the peak down, an eighth of the run a step.
    assert whole == pytest.approx([1e-2 * (1 - place) / 0.75 for place in (0.5, 0.625, 0.75, 0.875)])
    with pytest.raises(KeyboardInterrupt):
        rates(
            tiny_ref, pairs, tmp_path / "cut", resources=Tripwire(tiny_ref, "train conservative", 4), **given
        )
    resources = FakeResources(tiny_ref)
    assert rates(tiny_ref, pairs, tmp_path / "cut", resources=resources, **given) == whole
    assert next(count for task, count in resources.told if task.startswith("train")) > 0

"""Where the order of stages matters, it is seen to; and where nothing is planted, nothing is seen.

The task is that of `tests.ordered`. What makes the order matter is one learning rate over the run: it falls
from stage to stage, so what is trained on first counts most. Arms differ only in which pairs a stage has.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy import float64
from numpy.typing import NDArray

from tests.ordered import ANSWERS, PAIRS, SHARES, configuration, right_answers
from udasa_core import Staged, Steps
from udasa_eval.statistics.paired import sign_flip

SEEDS = range(12)
STAGED, SHUFFLED = {"use": "quantiles"}, {"use": "shuffled"}
TRAINER: dict[str, Any] = {
    "use": "dpo",
    "reference": "base",
    "keep_schedule": True,
    "scheduler": "cosine",
    "warmup": 0.0,
    "learning_rate": 1e-2,
    "rank": 4,
    "alpha": 8.0,
    "batch": 8,
}


def learnt(
    folder: Path, model: Path, stages: dict[str, str], seed: int, **task: bool
) -> tuple[dict[str, float], frozenset[str]]:
    """Train one arm; return what the policy has learnt, and the ids of the pairs that it was trained on."""
    config = configuration(folder, model, seed, stages, TRAINER, **task)
    with Steps(folder / f"seed-{seed}").run(config, stages["use"]) as run:
        staged = run.stage(run.pair(run.score(run.sample())))
        reports = run.train(staged)
        (metrics,) = run.suites({"trained": reports[-1].policy}).values()
    assert [report.pairs for report in reports] == [PAIRS // 3] * 3
    assert [report.metrics["steps"] for report in reports] == [PAIRS // 3 / TRAINER["batch"]] * 3
    figures = {metric["name"]: metric["value"] for metric in metrics}
    return figures, frozenset(pair.id for stage in staged for pair in stage)


def gains(folder: Path, model: Path, **task: bool) -> dict[str, NDArray[float64]]:
    """Return by figure what the staged arm has over the shuffled one, by seed; `pytest -s` shows more."""
    by_arm: list[list[dict[str, float]]] = [[], []]
    for seed in SEEDS:
        arms = [learnt(folder, model, stages, seed, **task) for stages in (STAGED, SHUFFLED)]
        assert arms[0][1] == arms[1][1], "the controls hold the same pairs"
        for kept, (figures, _) in zip(by_arm, arms, strict=True):
            kept.append(figures)
        print(f"{task} seed {seed}: {by_arm[0][-1]} against {by_arm[1][-1]}", flush=True)
    found = {}
    for name in by_arm[0][0]:
        staged, shuffled = (np.array([figures[name] for figures in arm]) for arm in by_arm)
        found[name] = staged - shuffled
        p = sign_flip(found[name], 0)
        print(f"{task} {name}: staged {staged.mean():.3f}, shuffled {shuffled.mean():.3f}, p = {p:.4f}")
    return found


def right_over_wrong(stage: Staged) -> float:
    """Return the share of a stage's pairs, of task 0, whose chosen response is right and the other wrong."""
    found = []
    for pair in stage:
        rights = right_answers(0, pair.prompt.messages[-1].content[-1])
        chosen, rejected = (rights[ANSWERS.index(response.text)] for response in (pair.chosen, pair.rejected))
        found.append(bool(chosen and not rejected))
    return float(np.mean(found))


@pytest.mark.parametrize(
    ("stages", "follows_gap", "planted"),
    [
        (STAGED, True, [share[0] for share in SHARES]),
        (SHUFFLED, True, [np.mean(SHARES, axis=0)[0]] * 3),
        (STAGED, False, [np.mean(SHARES, axis=0)[0]] * 3),
    ],
)
def test_stages_hold_the_pairs_that_were_planted(
    stages: dict[str, str], follows_gap: bool, planted: list[float], tmp_path: Path, tiny_model_dir: Path
) -> None:
    config = configuration(tmp_path, tiny_model_dir, 0, stages, TRAINER, follows_gap=follows_gap)
    with Steps(tmp_path).run(config, "planted") as run:
        staged = run.stage(run.pair(run.score(run.sample())))
    # Two standard errors of a share of 80 pairs.
    assert [right_over_wrong(stage) for stage in staged] == pytest.approx(planted, abs=0.12)


@pytest.mark.slow
def test_clear_pairs_first_teach_more_where_doubtful_ones_are_noise(
    tmp_path: Path, tiny_model_dir: Path
) -> None:
    """Log-odds are what is tested: the share above 0, of 32 items a seed, is too coarse for so few seeds."""
    gained = gains(tmp_path, tiny_model_dir)
    assert gained["log_odds"].mean() > 0
    assert sign_flip(gained["log_odds"], 0) < 0.05
    assert gained["accuracy"].mean() > 0


@pytest.mark.slow
def test_the_order_gains_nothing_where_gaps_say_nothing(tmp_path: Path, tiny_model_dir: Path) -> None:
    for gained in gains(tmp_path, tiny_model_dir, follows_gap=False).values():
        assert sign_flip(gained, 0) > 0.05

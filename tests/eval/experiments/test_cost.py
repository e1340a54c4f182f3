"""What a dimension costs by itself: nothing is paid for by another one's reading."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.eval.experiments.asking import asked_of
from tests.plugins.classifiers import make_tiny_classifier
from udasa_core import Cost
from udasa_eval.experiments.measuring import with_prompts
from udasa_eval.labelled.sets import prompts_file

ConfigFile = Callable[..., Path]


@pytest.fixture
def measured(config_file: ConfigFile, tmp_path: Path) -> dict[str, Any]:
    """Two shards of three prompts, four responses each, compared by a tiny entailment model."""
    folder = make_tiny_classifier(tmp_path / "nli", ("contradiction", "neutral", "entailment"))
    path = config_file(
        entailment={"source": f"file:{folder}", "device": "cpu"},
        generator={"use": "tests.canned:Quiz", "responses": 4},
        dimension=[
            {"use": "semantic.degree"},
            {"use": "semantic.eccentricity"},
            {"use": "factual.nll"},
            {"use": "tests.canned:Dimension", "name": "free"},
        ],
    )
    rows = [{"id": f"q{number}", "prompt": f"question {number}"} for number in range(6)]
    config, steps = asked_of(path, ["run.shard_size=3"], tmp_path / "out")
    with steps.run(with_prompts(config, prompts_file(tmp_path, rows), {}), "cost") as run:
        sampled = run.sample()
        run.score(sampled)  # what the run itself has read pays for nothing
        groups = list(sampled)
        return {
            "costs": run.costs(sampled),
            "one": run.costs(sampled, shards=1),
            "groups": [groups[:3], groups[3:]],
        }


def pairs(groups: list[Any]) -> int:
    """The distinct pairs of distinct texts within a prompt, of a shard."""
    texts = [{one.text for one in group.responses} for group in groups]
    return len({(a, b) for own in texts for a in own for b in own if a != b})


def test_each_dimension_pays_for_what_it_reads_alone(measured: dict[str, Any]) -> None:
    found: dict[str, Cost] = measured["costs"]
    assert list(found) == ["semantic.degree", "semantic.eccentricity", "factual.nll", "free"]
    # Texts of three words: what one shard has read, the next need not.
    whole = pairs([group for groups in measured["groups"] for group in groups])
    assert whole > 0
    for name in ("semantic.degree", "semantic.eccentricity"):
        assert found[name].calls == pytest.approx(whole / 24)
    assert found["factual.nll"].calls == found["free"].calls == 0
    assert all(cost.seconds > 0 for cost in found.values())


def test_as_many_shards_as_are_asked_for(measured: dict[str, Any]) -> None:
    assert measured["one"]["semantic.degree"].calls == pytest.approx(pairs(measured["groups"][0]) / 12)

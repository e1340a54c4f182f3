from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

import udasa_core
from tests.canned import configuration
from tests.fakes import FakeResources
from tests.plugins.groups import RESOURCES
from udasa_core import PairTable, StagePlan, UdasaError
from udasa_core.errors import NoPairsError
from udasa_core.export.pairs import export_pairs
from udasa_plugin_stages.risk_controlled import RiskControlled

NAN = float("nan")


def _policy(**options: Any) -> RiskControlled:
    return RiskControlled(RiskControlled.Options.model_validate(options), "risk-controlled", RESOURCES)


def _table(count: int, margins: Mapping[int, float] | None = None) -> PairTable:
    """Pairs 0000, 0001, … from the largest gap on."""
    known = np.full(count, NAN)
    for place, margin in (margins or {}).items():
        known[place] = margin
    ids = [f"{place:04}" for place in range(count)]
    return PairTable(ids, 1.0 - np.arange(count) / (count + 1), np.zeros(count), vote_margins=known)


def _labels(file: Path, rows: Mapping[str, Any]) -> dict[str, Any]:
    lines = [json.dumps({"pair_id": one, "inverted": label, "gap": 0.5}) for one, label in rows.items()]
    file.write_text("\n".join(lines))
    return {"labels": f"file:{file}"}


def _sizes(plan: StagePlan) -> list[int]:
    return [len(ids) for ids in plan.stages.values()]


def test_labels_say_where_stages_end_and_what_is_beyond_is_dropped_in_words(tmp_path: Path) -> None:
    # 1,000 pairs, every fifth labelled: none of the first 500 is inverted, one of ten of the next 300, and
    # all behind.
    labels = {
        f"{place:04}": place >= 800 or (place >= 500 and place % 50 == 0) for place in range(0, 1000, 5)
    }
    own = _labels(tmp_path / "labels.jsonl", labels)
    plan = _policy(**own, names=["early", "late"], bounds=[0.05, 0.3]).udasa_stage(_table(1000))
    first, second = _sizes(plan)
    assert 500 <= first < 750
    assert 800 <= first + second < 900
    assert first + second + len(plan.dropped) == 1000
    assert {reason for _, reason in plan.dropped} == {"not certified by 200 labels"}
    staged = [pair_id for ids in plan.stages.values() for pair_id in ids]
    assert staged == sorted(staged)


def test_too_few_labels_leave_stages_empty_and_say_so(tmp_path: Path) -> None:
    labels = {f"{place:04}": False for place in range(10, 1000, 50)} | {"gone": False}
    own = _labels(tmp_path / "labels.jsonl", labels)
    plan = _policy(**own).udasa_stage(_table(1000))
    # P(none of 20) is 0.9²⁰ = 0.122 and 0.8²⁰ = 0.012, to be at most 0.025.
    assert _sizes(plan) == [0, 1000, 0]
    strict = _policy(**own, names=["early", "late"], bounds=[0.05, 0.1]).udasa_stage(_table(1000))
    assert _sizes(strict) == [0, 0]
    assert {reason for _, reason in strict.dropped} == {
        "not certified by 20 labels (21 are given, the others of no ranked pair of this run); they leave "
        "empty: early, late"
    }


def test_labels_of_other_pairs_or_of_chosen_ones_are_refused(tmp_path: Path) -> None:
    own = _labels(tmp_path / "labels.jsonl", {f"x{place}": False for place in range(50)})
    with pytest.raises(UdasaError, match="labels 50 pairs, and none is among the 1000 of this run"):
        _policy(**own).udasa_stage(_table(1000))
    own = _labels(tmp_path / "labels.jsonl", {f"{place:04}": False for place in range(100)})
    with pytest.raises(UdasaError, match=r"100 labelled pairs are no random sample .* mean rank is 50"):
        _policy(**own).udasa_stage(_table(1000))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('{"pair_id": "0001"}', "line 1: inverted is neither true nor false"),
        ('{"pair_id": "0001", "inverted": 2}', "line 1: inverted is neither"),
        ('{"pair_id": 1, "inverted": true}', "line 1: pair_id is no text"),
        ('{"pair_id": "a", "inverted": true}\n[]', "line 2: is a list, not a JSON object"),
        ('{"pair_id": "a", "inverted": true}\n\n{"pair_id": "a", "inverted": true}', "line 3: pair a is"),
        ("", "holds no label"),
    ],
)
def test_rows_that_are_no_labels_are_told_by_their_line(tmp_path: Path, text: str, told: str) -> None:
    file = tmp_path / "labels.jsonl"
    file.write_text(text)
    with pytest.raises(UdasaError, match=told):
        _policy(labels=f"file:{file}").udasa_stage(_table(3))


def test_labels_may_be_a_table_of_texts(tmp_path: Path) -> None:
    file = tmp_path / "labels.csv"
    file.write_text("pair_id,inverted\n0000,False\n0001,0\n0002,true\n")
    plan = _policy(labels=f"file:{file}", names=["all"], bounds=[0.4]).udasa_stage(_table(3))
    assert _sizes(plan) == [3]  # all are labelled, and one of three is inverted
    plan = _policy(labels=f"file:{file}", names=["all"], bounds=[0.3]).udasa_stage(_table(3))
    assert _sizes(plan) == [2]


def test_without_labels_agreement_between_draws_says_where_stages_end() -> None:
    # Counted against: 0, 0.2, 0.5, 0.5; means from the first on 0, 0.1, 0.233; from the third on 0.5.
    margins = {3: 1.0, 2: 0.6, 0: 0.0, 1: 0.0}
    policy = _policy(names=["early", "late"], bounds=[0.1, 0.4])
    plan = policy.udasa_stage(_table(5, margins))
    assert list(plan.stages.items()) == [("early", ("0003", "0002")), ("late", ())]
    assert dict(plan.dropped) == {
        "0004": "no vote margin: the pairing does not count which answers the draws agree on",
        **dict.fromkeys(
            ["0000", "0001"],
            "beyond what agreement between draws lets pass; no pair is labelled, nothing is guaranteed",
        ),
    }
    later = policy.udasa_stage(_table(4, {0: 1.0, 1: 0.6, 2: 0.4, 3: 0.0}))  # 0.3 and 0.5: 0.4 on average
    assert _sizes(later) == [2, 2]
    by_gap = _policy(names=["all"], bounds=[0.3], by="gap").udasa_stage(_table(5, margins))
    assert list(by_gap.stages.values()) == [("0000", "0001", "0002", "0003")]  # 0.5, 0.5, 0.4, 0.3


def test_pairs_by_votes_have_no_gap_and_are_ranked_by_their_margins(tmp_path: Path) -> None:
    margins = {0: 0.2, 1: 0.9, 2: 0.5, 3: 0.7}
    whole = _table(5, margins)
    table = replace(whole, gaps=np.array([NAN, NAN, -0.1, NAN, NAN]))
    plan = _policy(names=["all"], bounds=[0.45]).udasa_stage(table)
    assert list(plan.stages.values()) == [("0001", "0003", "0000")]
    assert [pair_id for pair_id, _ in plan.dropped] == ["0002", "0004"]
    own = _labels(tmp_path / "labels.jsonl", {f"{place:04}": place == 0 for place in range(4)})
    labelled = _policy(**own, by="vote_margin", names=["all"], bounds=[0.2]).udasa_stage(table)
    assert list(labelled.stages.values()) == [("0001", "0003")]
    by_gap = _policy(names=["all"], bounds=[0.45], by="gap").udasa_stage(table)
    assert not any(by_gap.stages.values())
    assert dict(by_gap.dropped)["0000"] == "no gap: the pair was not made by U"


def test_a_run_without_labels_is_cautioned() -> None:
    (told,) = _policy().options.cautions
    assert "nothing is guaranteed" in told
    assert _policy(labels="file:labels.jsonl").options.cautions == ()


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"bounds": [0.1]}, "3 names and 1 bounds: give one bound for each name"),
        ({"bounds": [0.1, 0.3, 0.2]}, r"bounds \(0.1, 0.3, 0.2\) fall somewhere"),
        ({"bounds": [0.1, 0.3, 1.0]}, "less than 1"),
        ({"confidence": 1.0}, "less than 1"),
    ],
)
def test_options_that_make_no_sense_are_refused(options: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        RiskControlled.Options.model_validate(options)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    policy = RiskControlled(
        RiskControlled.Options(labels=f"file:{tmp_path}/none.jsonl"), "r", FakeResources()
    )
    with pytest.raises(UdasaError, match=r"none\.jsonl"):
        _ = policy.fingerprint


def test_exported_pairs_with_a_column_more_are_labels(tmp_path: Path, tiny_model_dir: Path) -> None:
    """The way of a user: a run, its pairs exported and labelled, the run again by the labels."""
    plain = configuration(tmp_path, tiny_model_dir)
    first = udasa_core.run(plain)
    exported = tmp_path / "pairs.jsonl"
    export_pairs(first, exported)
    rows = [json.loads(line) for line in exported.read_text().splitlines()]
    file = tmp_path / "labels.jsonl"
    file.write_text("".join(json.dumps({**row, "inverted": False}) + "\n" for row in rows))
    plain["run"]["name"] = "labelled"
    plain["stages"] = {
        "use": "risk-controlled",
        "labels": f"file:{file}",
        "order": ["exploratory", "moderate", "conservative"],
    }
    run = udasa_core.run(plain)
    assert [(one.name, one.size) for one in run.stages()] == [
        ("exploratory", 0),
        ("moderate", 0),
        ("conservative", len(rows)),
    ]
    assert run.manifest.plain["label_free"] is False
    # Other labels are another plan.
    file.write_text("".join(json.dumps({**row, "inverted": True}) + "\n" for row in rows))
    with pytest.raises(NoPairsError, match=f"{len(rows)}  not certified by {len(rows)} labels"):
        udasa_core.run(plain)

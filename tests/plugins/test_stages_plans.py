"""What every stage policy owes, on pairs of which anything may be missing."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import fields
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.plugins.groups import RESOURCES
from udasa_core import PairTable, StagePlan
from udasa_core.plugins.catalog import read_catalog
from udasa_core.plugins.stack import load_factory

NAN = float("nan")
POLICIES = [offer.name for offer in read_catalog().of_kind("stages") if offer.distribution == "udasa"]
LABELLED = ["risk-controlled", "shuffled"]

_maybe = st.none().map(lambda _: NAN)
_share = st.one_of(st.floats(0.0, 1.0), st.sampled_from([0.25, 0.5]), _maybe)
_figures = st.tuples(
    st.one_of(st.floats(-1.0, 1.0), st.sampled_from([0.25, 0.5]), _maybe),  # gap
    _share,  # chosen_U
    _share,  # rejected_U
    _share,  # vote margin
    st.one_of(st.integers(1, 50).map(float), _maybe),
    st.integers(1, 50).map(float),
    st.one_of(st.floats(-99.0, 0.0), _maybe),
    st.floats(-99.0, 0.0),
)
_rows = st.dictionaries(st.text("abcdef0123456789", min_size=1, max_size=6), _figures, max_size=25)


def _table(rows: dict[str, tuple[float, ...]]) -> PairTable:
    columns = np.array(list(rows.values())).reshape(-1, len(fields(PairTable)) - 1).T
    return PairTable(list(rows), *columns)


def _policy(name: str, options: dict[str, Any]) -> Any:
    factory = load_factory(read_catalog().find("stages", name))
    return factory(factory.Options.model_validate(options), name, RESOURCES)


def _plan(policy: Any, table: PairTable) -> StagePlan:
    seed = (7,) if policy.name == "shuffled" else ()
    plan: StagePlan = policy.udasa_stage(table, *seed)
    return plan


def _check(policy: Any, rows: dict[str, tuple[float, ...]]) -> None:
    plan = _plan(policy, _table(rows))
    placed = [*chain.from_iterable(plan.stages.values()), *(pair_id for pair_id, _ in plan.dropped)]
    assert Counter(placed) == Counter(list(rows))
    assert all(reason for _, reason in plan.dropped)
    assert tuple(plan.stages) == policy.stage_names
    assert plan == _plan(policy, _table(dict(reversed(rows.items()))))
    dropped = dict(plan.dropped)
    assert all(dropped[one] == "gap not positive" for one, figures in rows.items() if figures[0] <= 0)


@pytest.mark.parametrize("name", POLICIES)
@given(rows=_rows)
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_each_pair_is_in_one_stage_or_dropped_whatever_is_missing(
    name: str, rows: dict[str, tuple[float, ...]]
) -> None:
    _check(_policy(name, {}), rows)


@pytest.mark.parametrize("name", LABELLED)
@given(rows=_rows.filter(bool), wrong=st.integers(1, 25))
@settings(
    max_examples=10,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_so_it_is_with_labels(
    name: str, tmp_path: Path, rows: dict[str, tuple[float, ...]], wrong: int
) -> None:
    file = tmp_path / "labels.jsonl"
    labels = [{"pair_id": one, "inverted": place % wrong == 0} for place, one in enumerate(rows)]
    file.write_text("".join(json.dumps(label) + "\n" for label in labels))
    own = {"labels": f"file:{file}", "bounds": [0.2, 0.5], "names": ["early", "late"]}
    _check(_policy(name, {"of": "risk-controlled", "options": own} if name == "shuffled" else own), rows)


@pytest.mark.parametrize("name", [name for name in POLICIES if name not in ("single", "shuffled")])
@pytest.mark.parametrize("count", [0, 1, 2])
def test_none_one_and_two_pairs_fill_stages_from_the_first_on(name: str, count: int) -> None:
    rows = {str(place): (0.5, 0.1, 0.6, 1.0, 4.0, 4.0, -1.0, -2.0) for place in range(count)}
    policy = _policy(name, {})
    plan = _plan(policy, _table(rows))
    expected = {"conservative": min(count, 1), "moderate": max(0, count - 1), "exploratory": 0}
    if name in ("thresholds", "risk-controlled"):  # by what the pairs are, not by their number
        expected = {"conservative": count, "moderate": 0, "exploratory": 0}
    assert {one: len(ids) for one, ids in plan.stages.items()} == expected
    assert plan.dropped == ()

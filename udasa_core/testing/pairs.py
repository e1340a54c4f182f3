"""What pairing strategies and stage policies owe."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from udasa_core.plugins.base import attribute
from udasa_core.plugins.returned import pairs as returned
from udasa_core.records import Group, Pairing, PairTable, Scores, StagePlan
from udasa_core.resources.shared import SharedResources
from udasa_core.testing.factory import Tested, build, demand
from udasa_core.testing.planted import SEED, sample_groups, sample_scores

if TYPE_CHECKING:
    from numpy import float64
    from numpy.typing import NDArray


def check_pairing(
    factory: Any,
    options: Mapping[str, Any] | None = None,
    *,
    resources: SharedResources | None = None,
    groups: Sequence[Group] | None = None,
    scores: Sequence[Scores] | None = None,
    seed: int = SEED,
) -> Pairing:
    """Check a pairing strategy on planted groups and scores, or on your own; return its pairing.

    Beside the contract of `udasa_pair`: the same groups, scores and seed get the same pairs from another
    instance; a pair's gap is U(rejected) − U(chosen) and positive, or None; what is said of a response's U
    is true; and a prompt's pairs do not depend on the other prompts of its shard.
    """
    given = tuple(groups) if groups is not None else sample_groups()
    scored = tuple(scores) if scores is not None else sample_scores(given)
    tested = build("pairing", factory, options, resources)
    pairing = _pairing(tested, given, scored, seed)
    again = _pairing(build("pairing", factory, options, resources), given, scored, seed)
    demand(pairing == again, f"{tested.plugin} pairs the same groups differently the second time")
    _check_gaps(tested, pairing)
    for group, own in zip(given, scored, strict=True):
        alone = _pairing(tested, (group,), (own,), seed)
        together = [pair for pair in pairing.pairs if pair.prompt.id == group.prompt.id]
        demand(
            list(alone.pairs) == together,
            f"{tested.plugin}: the pairs of prompt {group.prompt.id} depend on the other prompts",
        )
    return pairing


def _pairing(tested: Tested, groups: Sequence[Group], scores: Sequence[Scores], seed: int) -> Pairing:
    answer = tested.call("udasa_pair", groups=groups, scores=scores, seed=seed)
    return returned.check_pairing(tested.plugin, groups, scores, answer)


def _check_gaps(tested: Tested, pairing: Pairing) -> None:
    for pair in pairing.pairs:
        if pair.gap is None:
            continue
        demand(
            pair.gap > 0,
            f"{tested.plugin}: a pair of prompt {pair.prompt.id} has the gap {pair.gap}; "
            "a strategy that goes by U emits positive gaps only",
        )


def check_stages(
    factory: Any, options: Mapping[str, Any] | None = None, *, resources: SharedResources | None = None
) -> StagePlan:
    """Check a stage policy on no pair, one, ties, gaps of 0 and below, pairs without a gap, pairs of which
    only the gap is known, and many.

    Returns its plan for the many. Beside the contract of `udasa_stage`: the same pairs get the same plan from
    another instance; a pair's stage does not depend on the order in which pairs arrive; and the plan's stages
    are those of `stage_names`, where it has that.
    """
    import numpy as np

    many = np.concatenate([np.linspace(-0.1, 1.0, 97), [np.nan, 0.5, 0.5]])
    tables = {
        "no pair": _table(np.empty(0)),
        "one pair": _table(np.array([0.4])),
        "ties": _table(np.full(9, 0.3)),
        "no positive gap": _table(np.array([0.0, -0.2, -1.0])),
        "no gap at all": _table(np.full(5, np.nan)),
        "gaps alone": PairTable(_ids(len(many)), many, np.full(len(many), np.nan)),
        "many pairs": _table(many),
    }
    plan = StagePlan({})
    for told, table in tables.items():
        tested = build("stages", factory, options, resources)
        plan = _plan(tested, table)
        names = attribute(tested.plugin.instance, "stage_names")
        demand(
            names is None or list(plan.stages) == list(names),
            f"{tested.plugin}: its stage_names is {names}; with {told}, it makes {list(plan.stages)}",
        )
        again = _plan(build("stages", factory, options, resources), table)
        demand(plan == again, f"{tested.plugin} stages the same pairs ({told}) differently the second time")
        columns = {column.name: getattr(table, column.name)[::-1] for column in fields(table)}
        turned = PairTable(**columns)
        demand(
            _members(plan) == _members(_plan(tested, turned)),
            f"{tested.plugin}: with {told}, a pair's stage depends on the order in which pairs arrive",
        )
    return plan


def _ids(count: int) -> list[str]:
    return [f"pair-{number:03}" for number in range(count)]


def _table(gaps: NDArray[float64]) -> PairTable:
    """Return pairs of these gaps with all other columns, whose order is another."""
    import numpy as np

    chosen_U = 0.5 - np.abs(gaps) / 2
    number = np.arange(len(gaps), dtype=np.float64)
    return PairTable(
        _ids(len(gaps)),
        gaps,
        chosen_U,
        rejected_U=chosen_U + gaps,
        vote_margins=np.where(number % 3 == 0, 0.5, 1.0),
        chosen_tokens=3 + number * 7 % 11,
        rejected_tokens=2 + number * 5 % 13,
        chosen_logprobs=-number * 3 % 17 - 18,
        rejected_logprobs=-number * 5 % 19 - 20,
    )


def _plan(tested: Tested, pairs: PairTable) -> StagePlan:
    return returned.check_plan(tested.plugin, pairs, tested.call("udasa_stage", pairs=pairs, seed=7))


def _members(plan: StagePlan) -> list[tuple[str, frozenset[str]]]:
    return [(name, frozenset(ids)) for name, ids in plan.stages.items()]

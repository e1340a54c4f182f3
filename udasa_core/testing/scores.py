"""What dimensions, calibrations and aggregations owe."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from udasa_core.plugins.returned.scores import check_aggregate, check_calibrated, check_column, check_state
from udasa_core.records import Abstain, Column, Group, Score
from udasa_core.resources.shared import SharedResources
from udasa_core.testing.factory import Tested, build, demand
from udasa_core.testing.planted import SEED, sample_groups

if TYPE_CHECKING:
    from numpy import float64
    from numpy.typing import NDArray

# Batches of other texts round differently; more than this is another score.
_ROUNDING = 1e-5


def check_dimension(
    factory: Any,
    options: Mapping[str, Any] | None = None,
    *,
    resources: SharedResources | None = None,
    groups: Sequence[Group] | None = None,
    seed: int = SEED,
) -> Column:
    """Check a dimension on planted groups, or on `groups`; return its column.

    Beside the contract of `udasa_score`: the same groups and seed get the same scores from another instance,
    and a prompt's scores do not depend on the other prompts of its shard (but for rounding).
    """
    given = tuple(groups) if groups is not None else sample_groups()
    tested = build("dimension", factory, options, resources)
    column = _column(tested, given, seed)
    again = _column(build("dimension", factory, options, resources), given, seed)
    demand(column == again, f"{tested.plugin} scores the same groups differently the second time")
    backward = _column(tested, given[::-1], seed).scores[::-1]
    for group, scores, other in zip(given, column.scores, backward, strict=True):
        demand(
            _close(scores, other),
            f"{tested.plugin}: the scores of prompt {group.prompt.id} change with the order of the prompts",
        )
        alone = _column(tested, (group,), seed).scores[0]
        demand(
            _close(scores, alone),
            f"{tested.plugin}: the scores of prompt {group.prompt.id} depend on the other prompts",
        )
    return column


def _column(tested: Tested, groups: Sequence[Group], seed: int) -> Column:
    answer = tested.call("udasa_score", groups=groups, seed=seed)
    return check_column(tested.plugin, groups, answer)


def _close(scores: Sequence[Score], other: Sequence[Score]) -> bool:
    return all(_same(a, b) for a, b in zip(scores, other, strict=True))


def _same(a: Score, b: Score) -> bool:
    """Say whether two scores agree; an abstention's words may differ, as a list of reasons may turn round."""
    if isinstance(a, Abstain) or isinstance(b, Abstain):
        return isinstance(a, Abstain) and isinstance(b, Abstain)
    return abs(a - b) <= _ROUNDING


def check_calibration(
    factory: Any, options: Mapping[str, Any] | None = None, *, resources: SharedResources | None = None
) -> None:
    """Check a calibration on no scores, one, constant ones, ties, both ends, and many.

    Beside the contracts of `udasa_fit` and `udasa_calibrate`: the state survives JSON; what goes in is left
    as it is; a score's calibration depends on the state alone, and never reverses an order.
    """
    import numpy as np

    random = np.random.default_rng(7)
    samples = {
        "no score": np.empty(0),
        "one score": np.array([0.3]),
        "constant scores": np.full(20, 0.5),
        "ties and both ends": np.array([0.0, 0.0, 0.25, 0.25, 0.25, 1.0]),
        "many scores": random.beta(2, 5, size=2000),
    }
    asked = np.sort(np.concatenate([np.linspace(0, 1, 41), samples["many scores"][:50]]))
    for told, raw in samples.items():
        tested = build("calibration", factory, options, resources)
        state = _state(tested, raw)
        again = _state(build("calibration", factory, options, resources), raw)
        demand(state == again, f"{tested.plugin} fits {told} differently the second time")
        calibrated = _calibrated(tested, asked, state)
        demand(
            bool((np.diff(calibrated) >= 0).all()),
            f"{tested.plugin}, fitted to {told}, reverses the order of two raw scores",
        )
        each = [float(_calibrated(tested, asked[index : index + 1], state)[0]) for index in range(len(asked))]
        demand(
            bool(np.allclose(each, calibrated, rtol=0, atol=1e-12)),
            f"{tested.plugin}, fitted to {told}, calibrates a score differently in other company",
        )


def _state(tested: Tested, raw: NDArray[float64]) -> dict[str, list[float]]:
    answer = tested.call("udasa_fit", raw=_locked(raw), dimension="planted")
    state = check_state(tested.plugin, answer)
    demand(json.loads(json.dumps(state)) == state, f"{tested.plugin}: its state does not survive JSON")
    return state


def _calibrated(
    tested: Tested, raw: NDArray[float64], state: Mapping[str, Sequence[float]]
) -> NDArray[float64]:
    import numpy as np

    answer = tested.call("udasa_calibrate", raw=_locked(raw), state=state)
    return np.array(check_calibrated(tested.plugin, len(raw), answer), dtype=np.float64)


def _locked(raw: NDArray[float64]) -> NDArray[float64]:
    """Return a copy that cannot be written to: the core goes on using what it hands out."""
    copy = raw.copy()
    copy.setflags(write=False)
    return copy


def check_aggregation(
    factory: Any, options: Mapping[str, Any] | None = None, *, resources: SharedResources | None = None
) -> None:
    """Check an aggregation on planted columns with abstentions, and under several weights.

    Beside the contract of `udasa_aggregate`: U of a response depends on its own scores alone, and on what the
    weights are, not on the order in which dimensions are named.
    """
    silent = Abstain("planted")
    columns: dict[str, list[Score]] = {
        "one": [0.0, 1.0, 0.3, silent, 0.5, silent],
        "two": [0.0, 1.0, 0.9, 0.2, silent, silent],
    }
    for weights in ({"one": 1.0, "two": 1.0}, {"one": 0.25, "two": 4.0}, {"one": 0.0, "two": 1.0}):
        tested = build("aggregation", factory, options, resources)
        U = _aggregate(tested, columns, weights)
        demand(
            isinstance(U[-1], Abstain),
            f"{tested.plugin} gives U = {U[-1]} to a response that every dimension abstained from",
        )
        turned = _aggregate(tested, dict(reversed(columns.items())), weights)
        demand(_close(U, turned), f"{tested.plugin}: U depends on the order of the dimensions")
        for number in range(len(U)):
            alone = {name: column[number : number + 1] for name, column in columns.items()}
            demand(
                _close(U[number : number + 1], _aggregate(tested, alone, weights)),
                f"{tested.plugin}: U of response {number} depends on the other responses",
            )
        demand(
            _aggregate(tested, {"one": [], "two": []}, weights) == (),
            f"{tested.plugin} makes scores where there is no response",
        )


def _aggregate(
    tested: Tested, columns: Mapping[str, Sequence[Score]], weights: Mapping[str, float]
) -> tuple[Score, ...]:
    count = len(next(iter(columns.values())))
    answer = tested.call("udasa_aggregate", columns=columns, weights=weights)
    return check_aggregate(tested.plugin, count, answer)

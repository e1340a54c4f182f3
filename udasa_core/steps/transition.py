"""Step `transition`: what is measured of two policies → each figure before and after, with a paired interval.

What a stage did to what the earlier ones taught is told by their pairs, read by the later policy.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from udasa_core.config.transitions import CHOSEN_LOGP, PAIR_ACCURACY
from udasa_core.job.job import Job
from udasa_core.statistics.student import change_interval, student_interval
from udasa_core.store.items import ROUNDING, by_item, is_mean
from udasa_core.store.meters import HALVES_DIFFER, Measured, figures_from, pair_moves, prompt_means
from udasa_core.store.moves import FEWEST, Move, Paired
from udasa_core.store.output import Output

if TYPE_CHECKING:
    from numpy import float64
    from numpy.typing import NDArray

# Half the width of a 95% interval in standard errors.
_NORMAL = 1.959963984540054


def transition(
    job: Job,
    base: Measured,
    before: Measured,
    after: Measured,
    *,
    round: int,
    against: Literal["previous", "base", "round"],
) -> tuple[Move, ...]:
    """Return every figure that both policies have, in the order: held-out prompts, pairs, suites.

    base: whose readings of pairs are the reference. round: from 0. against: which of a policy's
    comparisons this is: with the stage before, with the base, or with what its round began with.
    """

    def make(key: str) -> None:
        moves = [
            *_of_prompts(job, before, after),
            *_of_pairs(job, base, before, after),
            *_of_suites(job, before, after),
        ]
        told = {"before": before.label, "after": after.label, "moves": [move.to_json() for move in moves]}
        job.store.write_json("transition", key, told)

    labels = [before.label, after.label]
    ingredients = {"base": base.keys(), "before": before.keys(), "after": after.keys(), "labels": labels}
    output = Output("transition", round=round, instance=after.label, policy=against)
    key = job.outputs.once(output, f"transition {before.label} to {after.label}", ingredients, make)
    return tuple(map(Move.from_json, job.store.read_json("transition", key)["moves"]))


def _of_prompts(job: Job, before: Measured, after: Measured) -> Iterator[Move]:
    if before.meters and after.meters:
        old, new = (figures_from(job.store.read_table("meters", one.meters)) for one in (before, after))
        for name, values in old.items():
            if name != HALVES_DIFFER:
                yield from _paired(name, values, new[name], "prompt")


def _of_pairs(job: Job, base: Measured, before: Measured, after: Measured) -> Iterator[Move]:
    """Yield the figures of each earlier stage's pairs, and those of all of them together."""
    import numpy as np

    stages = [label for label in after.pairs if label in before.pairs and label != after.label]
    found: dict[str, list[tuple[NDArray[float64], NDArray[float64]]]] = {CHOSEN_LOGP: [], PAIR_ACCURACY: []}
    for label in stages:
        prompts, old = _side(job, base.pairs[label], before.pairs[label])
        _, new = _side(job, base.pairs[label], after.pairs[label])
        for name in found:
            values = prompt_means(prompts, old[name])[1], prompt_means(prompts, new[name])[1]
            found[name].append(values)
            yield from _paired(f"{name} of {label}", *values, "prompt")
    for name, parts in found.items():
        if parts:
            both = [np.concatenate(side) for side in zip(*parts, strict=True)]
            yield from _paired(name, both[0], both[1], "prompt")


def _side(job: Job, base: str, policy: str) -> tuple[list[str], dict[str, NDArray[float64]]]:
    """Return each pair's prompt, and what a policy made of it (see `pair_moves`), by figure."""
    read = [job.store.read_table("pair-logprobs", key) for key in (base, policy)]
    prompts, chosen, right = pair_moves(*read)
    return prompts, {CHOSEN_LOGP: chosen, PAIR_ACCURACY: right}


def _of_suites(job: Job, before: Measured, after: Measured) -> Iterator[Move]:
    for suite in after.suites:
        if suite in before.suites:
            sides = [_suite(job, one.suites[suite]) for one in (before, after)]
            for name in dict.fromkeys(name for metrics, _ in sides for name in metrics):
                yield from _of_metric(suite, name, sides)
            if not any("score" in metrics for metrics, _ in sides):
                old, new = (by_item(rows, "score") for _, rows in sides)
                yield from _of_items(f"{suite} score", old, new)


def _suite(job: Job, key: str) -> tuple[dict[str, Mapping[str, Any]], list[dict[str, Any]]]:
    metrics = {one["name"]: one for one in job.store.read_json("suite", key)["metrics"]}
    return metrics, job.store.read_table("suite", key).to_pylist()


def _of_metric(
    suite: str, name: str, sides: Sequence[tuple[Mapping[str, Mapping[str, Any]], list[dict[str, Any]]]]
) -> Iterator[Move]:
    """Yield a metric's move: by item where a column of the rows (of its name, or the score) has the metric as
    its mean, or a perplexity's column as its mean by tokens; else by the two standard errors."""
    (old, old_rows), (new, new_rows) = sides
    if name not in old or name not in new:
        return
    for column in (name, "score"):
        items = by_item(old_rows, column), by_item(new_rows, column)
        if all(map(is_mean, items, (old[name], new[name]))):
            yield from _of_items(f"{suite} {name}", *items)
            return
    before, after = float(old[name]["value"]), float(new[name]["value"])
    read = by_item(old_rows, name), by_item(new_rows, name)
    tokens = by_item(old_rows, "tokens"), by_item(new_rows, "tokens")
    sides_read = list(zip(read, tokens, (before, after), strict=True))
    if all(_is_perplexity(*side) for side in sides_read) and read[0].keys() == read[1].keys():
        yield _of_texts(f"{suite} {name}", *sides_read)
        return
    errors = [one[name].get("error") for one in (old, new)]
    n = min(int(old[name]["n"]), int(new[name]["n"]))
    low = high = None
    if n >= FEWEST and None not in errors:
        half = _NORMAL * math.hypot(*(float(error) for error in errors if error is not None))
        low, high = after - before - half, after - before + half
    yield Move(f"{suite} {name}", before, after, low, high, n, "standard errors")


def _is_perplexity(items: Mapping[str, float], tokens: Mapping[str, float], value: float) -> bool:
    """Say whether a figure is the items' perplexities together: exp of −log-probability by token."""
    if not items or min(items.values()) <= 0 or not items.keys() <= tokens.keys():
        return False
    total = math.fsum(tokens[item] for item in items)
    logs = math.fsum(tokens[item] * math.log(one) for item, one in items.items())
    return total > 0 and abs(math.exp(logs / total) - value) <= ROUNDING * value


def _of_texts(name: str, *sides: tuple[Mapping[str, float], Mapping[str, float], float]) -> Move:
    """Return a perplexity's move, paired by text: a ratio of sums, linearised."""
    import numpy as np

    items = sorted(sides[0][0])
    shares = []
    for read, tokens, value in sides:
        weights = np.array([tokens[item] for item in items], dtype=np.float64)
        logs = np.log(np.array([read[item] for item in items], dtype=np.float64))
        shares.append(value * (1 + weights / weights.mean() * (logs - math.log(value))))
    low, high = student_interval(shares[1] - shares[0], FEWEST)
    before, after = sides[0][2], sides[1][2]
    is_bounded = math.isfinite(low)
    return Move(
        name, before, after, low if is_bounded else None, high if is_bounded else None, len(items), "item"
    )


def _of_items(name: str, old: Mapping[str, float], new: Mapping[str, float]) -> Iterator[Move]:
    import numpy as np

    common = sorted(old.keys() & new.keys())
    before, after = (np.array([side[item] for item in common], dtype=np.float64) for side in (old, new))
    yield from _paired(name, before, after, "item")


def _paired(name: str, before: NDArray[float64], after: NDArray[float64], paired: Paired) -> Iterator[Move]:
    """Yield a figure over the prompts, or items, that have a value both times; nothing where none has."""
    import numpy as np

    both = ~(np.isnan(before) | np.isnan(after))
    if not both.any():
        return
    old, new = before[both], after[both]
    low, high = change_interval(old, new, FEWEST)
    is_bounded = math.isfinite(low)
    yield Move(
        name,
        float(old.mean()),
        float(new.mean()),
        low if is_bounded else None,
        high if is_bounded else None,
        len(old),
        paired,
    )

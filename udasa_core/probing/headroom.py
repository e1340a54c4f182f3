"""What there is to gain, where labels say which responses are right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from udasa_core.plugins.compared import same_answers
from udasa_core.prompts.labelled import Labelled
from udasa_core.records import Abstain, Group, Metric, Scores
from udasa_core.statistics.resampling import Resamples


@dataclass(frozen=True, slots=True)
class Headroom:
    """Shares of right answers to the n labelled prompts, each with its 95% interval by resampling prompts.

    one: a single response. greedy: the most likely one, None where it was not asked for. majority: the one
    whose answer most of the responses and voters give. least: the one with the least U, which a pair chooses.
    any: whether any of K is right.
    gain: majority less one.
    """

    one: Metric
    greedy: Metric | None
    majority: Metric
    least: Metric
    any: Metric
    gain: Metric

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """The shares, from what costs least to what nothing can pass."""
        greedy = () if self.greedy is None else (self.greedy,)
        return (self.one, *greedy, self.majority, self.least, self.any)


def headroom(
    scored: Sequence[tuple[Group, Scores]],
    labels: Mapping[str, Labelled],
    greedy: Mapping[str, str] | None,
    seed: int,
) -> Headroom:
    """Measure the prompts that have labels.

    labels: by question; greedy: the greedy text by prompt id, None where there is none.
    """
    import numpy as np

    rows = [
        _row(group, scores, labels[group.prompt.messages[-1].content], (greedy or {}).get(group.prompt.id))
        for group, scores in scored
        if group.prompt.messages[-1].content in labels
    ]
    columns = np.array(rows, dtype=np.float64).reshape(len(rows), 5).T
    resamples = Resamples.draw(len(rows), seed)
    names = ("one response", "greedy", "majority", "least uncertain", "any of K")
    one, greedy_, majority, least, best = map(resamples.mean, names, columns)
    gain = resamples.mean("majority − one response", columns[2] - columns[0])
    return Headroom(one, greedy_ if greedy is not None else None, majority, least, best, gain)


def _row(group: Group, scores: Scores, labels: Labelled, greedy: str | None) -> tuple[float, ...]:
    right = [labels.is_right(response.text) for response in group.responses]
    # Voters have a voice; the speaker is one of the K, the first of those that are joined most.
    joined = same_answers(group)[: len(right)].sum(axis=1).tolist()
    certain = [(u, at) for at, u in enumerate(scores.U) if not isinstance(u, Abstain)]
    return (
        sum(right) / len(right),
        float("nan") if greedy is None else float(labels.is_right(greedy)),
        float(right[joined.index(max(joined))]),
        float(right[min(certain)[1]]) if certain else float("nan"),
        float(any(right)),
    )

"""How well lm-polygraph's estimators tell right responses from wrong ones, beside ours, on identical samples.

In the environment of `estimators.py`, on runs that `udasa experiment signal` has made with voters:

    python benchmarks/signal_peers.py runs/signal/factual-test-t0.7 [a run with another seed …]

Each of a question's K responses takes its turn as the one that lm-polygraph calls greedy; whatever compares
it hears the other responses and the voters, as ours do. lm-polygraph's own similarity is a cross-encoder from
a hub; here it gets the cosines of our embedder, over whole texts. Its estimators that give one value a prompt
(semantic entropy, DegMat, …) cannot rank a prompt's responses: within the question they are .5 by definition.
Its lexical similarity is left out: it takes minutes a run, and `semantic.lexical` equals it (estimators.py).
One line an estimator: AUROC within the question, the mean of the runs, with its 95% interval by resampling
questions; and the pairs of its extremes, right over wrong and inverted, over all runs.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from lm_polygraph.estimators import (
    CocoaMSP,
    CocoaMTE,
    CocoaPPL,
    MaximumSequenceProbability,
    MaximumTokenProbability,
    MeanTokenEntropy,
    Perplexity,
    SentenceSAR,
)
from numpy.typing import NDArray

from udasa_core import Group, Run, resolve_encoder
from udasa_core.config.schema import EMBEDDER
from udasa_core.resources.shared import SharedResources
from udasa_core.store.output import TRAINING, Output
from udasa_core.store.tables import read_groups
from udasa_eval.labelled.sets import questions
from udasa_plugin_factual.cocoa import CoCoA
from udasa_plugin_semantic.agreement import Agreement

Floats = NDArray[np.float64]
VOTERS = ("voters 1", "voters 2")


def groups_of(folder: Path) -> list[Group]:
    """Return a run's groups with their sixteen voters."""
    run = Run(folder)
    shards = run.keys(Output("sample", TRAINING))
    voters = [run.keys(Output("sample", TRAINING, 0, name)) for name in VOTERS]
    return [
        group
        for number, key in enumerate(shards)
        for group in read_groups(run.store, key, [block[number] for block in voters])
    ]


def theirs(groups: Sequence[Group], resources: SharedResources) -> Iterator[tuple[str, Floats]]:
    """Yield (questions, K) uncertainties of each of lm-polygraph's estimators."""
    said = [response for group in groups for response in group.responses]
    likelihoods = {"greedy_log_likelihoods": [list(one.logprobs) for one in said]}
    entropies = {"entropy": [list(one.entropies or ()) for one in said]}
    similar: list[Floats] = []
    sar: list[float] = []
    for group in groups:
        heard = group.heard
        rows = resources.embedder().embed([one.text for one in heard]).astype(np.float64)
        cosines = np.clip(rows @ rows.T, 0.0, 1.0)
        summed = np.array([sum(one.logprobs) for one in heard])
        for at in range(len(group.responses)):
            others = np.arange(len(heard)) != at
            similar.append(cosines[at][others])
            # Of the sentences' SAR, what the one response has: −log(p_i + Σ_j g_ij p_j / t), with t = .001.
            shares = np.exp(summed)
            sar.append(float(-np.log(shares[at] + (cosines[at] * shares)[others].sum() / 0.001)))
    compared = {"greedy_sentence_similarity": similar}
    shape = (len(groups), -1)
    for name, estimator, stats in (
        ("MaximumSequenceProbability", MaximumSequenceProbability(), likelihoods),
        ("Perplexity", Perplexity(), likelihoods),
        ("MeanTokenEntropy", MeanTokenEntropy(), entropies),
        ("CocoaMSP", CocoaMSP(), {**likelihoods, **compared}),
        ("CocoaPPL", CocoaPPL(), {**likelihoods, **compared}),
        ("CocoaMTE", CocoaMTE(), {**entropies, **compared}),
    ):
        yield name, np.asarray(estimator(stats), dtype=np.float64).reshape(shape)
    most = [one.max() for one in MaximumTokenProbability()(likelihoods)]
    yield "MaximumTokenProbability, maximum", np.array(most).reshape(shape)
    yield f"{SentenceSAR.__name__}, a response's part", np.array(sar).reshape(shape)


def ours(groups: Sequence[Group], resources: SharedResources) -> Iterator[tuple[str, Floats]]:
    """Yield (questions, K) uncertainties of the default U, and of what it is made of; NaN for abstentions."""
    columns: dict[str, Floats] = {}
    for name, factory, options in (
        ("semantic.agreement", Agreement, {}),
        ("factual.cocoa of the answer", CoCoA, {"on": "answer"}),
    ):
        plugin = factory(factory.Options(**options), name, resources)
        told = plugin.udasa_score(groups, 0).scores
        columns[name] = np.array([[u if isinstance(u, float) else np.nan for u in row] for row in told])
    ranks = []
    for values in columns.values():
        known = np.sort(values[~np.isnan(values)])
        below, upto = np.searchsorted(known, values, "left"), np.searchsorted(known, values, "right")
        ranks.append(np.where(np.isnan(values), np.nan, (below + upto) / 2 / len(known)))
    yield "U: agreement 1, cocoa .1, by cdf", (ranks[0] + 0.1 * ranks[1]) / 1.1
    yield from columns.items()


def within(us: Floats, right: NDArray[np.bool_]) -> Floats:
    """Return each question's AUROC, NaN where it has none."""
    found = np.full(len(us), np.nan)
    for number, (u, is_right) in enumerate(zip(us, right, strict=True)):
        known = ~np.isnan(u)
        good, bad = u[known & is_right], u[known & ~is_right]
        if len(good) and len(bad):
            found[number] = ((bad > good[:, None]) + 0.5 * (bad == good[:, None])).mean()
    return found


def pairs(us: Floats, right: NDArray[np.bool_]) -> tuple[int, int]:
    """Return how many pairs of extremes are right over wrong, and how many inverted."""
    made = [
        (bool(r[np.nanargmin(u)]), bool(r[np.nanargmax(u)]))
        for u, r in zip(us, right, strict=True)
        if not np.isnan(u).all() and np.nanmin(u) < np.nanmax(u)
    ]
    return made.count((True, False)), made.count((False, True))


def interval(by_run: Floats) -> str:
    """Return the mean over runs and questions, with its interval over questions."""
    rng = np.random.default_rng(0)
    with np.errstate(all="ignore"):
        mean = np.nanmean(by_run, axis=0)
    known = np.flatnonzero(~np.isnan(mean))
    drawn = [np.nanmean(by_run[:, rng.choice(known, len(known))]) for _ in range(2000)]
    low, high = np.percentile(drawn, (2.5, 97.5))
    return f"{np.nanmean(by_run):.3f} [{low:.3f}, {high:.3f}]"


def main(folders: Sequence[str]) -> None:
    resources = SharedResources(
        {"embedder": resolve_encoder(EMBEDDER, root=Path(), dtype="float32")}, Path(), lambda event: None
    )
    by_id = {one.id: one for name in ("factual", "yes_no") for one in questions(name)}
    aurocs: dict[str, list[Floats]] = {}
    counts: dict[str, list[tuple[int, int]]] = {}
    for folder in folders:
        groups = groups_of(Path(folder))
        right = np.array(
            [[by_id[group.prompt.id].is_right(one.text) for one in group.responses] for group in groups]
        )
        told: Mapping[str, Floats] = dict([*ours(groups, resources), *theirs(groups, resources)])
        for name, us in told.items():
            aurocs.setdefault(name, []).append(within(us, right))
            counts.setdefault(name, []).append(pairs(us, right))
    for name, by_run in sorted(aurocs.items(), key=lambda one: -np.nanmean(one[1])):
        made = np.sum(counts[name], axis=0)
        print(f"{name:42} {interval(np.array(by_run)):24} {made[0]:5d} / {made[1]}")


if __name__ == "__main__":
    main(sys.argv[1:])

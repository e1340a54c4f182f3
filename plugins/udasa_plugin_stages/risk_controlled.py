"""Stage policy `risk-controlled`: stages that end where their share of inverted pairs would be too large."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from udasa_core import PairTable, StagePlan, UdasaError, hookimpl
from udasa_plugin_stages.certified import certified_ends, is_random_sample
from udasa_plugin_stages.labels import read_labels
from udasa_plugin_stages.ranking import ranked
from udasa_plugin_stages.staging import NamedStages, StagePolicy

if TYPE_CHECKING:
    from numpy import intp
    from numpy.typing import NDArray

UNCOUNTED = "no vote margin: the pairing does not count which answers the draws agree on"
DISAGREEING = "beyond what agreement between draws lets pass; no pair is labelled, nothing is guaranteed"

_Share = Annotated[float, Field(gt=0.0, lt=1.0)]


class RiskOptions(NamedStages):
    """The stages, the share of inverted pairs that each may have, and who says which are."""

    bounds: list[_Share] = Field(
        default=[0.1, 0.2, 0.3],
        description="The share of inverted pairs that each stage may have, in the order of `names`; it never "
        "falls.",
    )
    confidence: _Share = Field(
        default=0.9, description="The probability with which all stages keep their bounds, given labels."
    )
    labels: str | None = Field(
        default=None,
        min_length=1,
        description="A .jsonl, .csv or .parquet file (file:labels.jsonl, say) of 50 to 200 pairs, drawn at "
        "random from the run's own: pair_id, and inverted (true where the rejected response is the better "
        "one). Left out: agreement between draws stands in, without any guarantee.",
    )
    by: Literal["gap", "vote_margin"] | None = Field(
        default=None,
        description="What pairs are ranked by, the largest first. Left out: the gap, or without `labels` the "
        "vote margin, which a pairing by votes gives.",
    )

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        if len(self.bounds) != len(self.names):
            raise ValueError(
                f"{len(self.names)} names and {len(self.bounds)} bounds: give one bound for each name"
            )
        if self.bounds != sorted(self.bounds):
            raise ValueError(
                f"bounds ({', '.join(f'{bound:g}' for bound in self.bounds)}) fall somewhere, and later "
                "stages hold the smaller gaps: reorder them"
            )
        return self

    @property
    def first_round_alone(self) -> str:
        return "" if self.labels is None else "labels are of pairs, and a later round has others"

    @property
    def ranked_by(self) -> Literal["gap", "vote_margin"]:
        """What pairs are ranked by."""
        return self.by or ("vote_margin" if self.labels is None else "gap")

    @property
    def drops_ungapped(self) -> str:
        """What to write instead; pairs that are ranked by their votes need no gap."""
        return super().drops_ungapped if self.ranked_by == "gap" else ""

    @property
    def cautions(self) -> Sequence[str]:
        """What is said of a run without labels."""
        if self.labels is not None:
            return ()
        return (
            "no `labels` are named, so agreement between draws says where stages end: nothing is guaranteed "
            "of the share of inverted pairs, and pairs without a vote margin (a pairing by votes gives one) "
            "are dropped. 50 to 200 labelled pairs would bound the share",
        )


class RiskControlled(StagePolicy):
    """Stages that end where their share of inverted pairs would exceed a bound; a pair is inverted where its
    rejected response is the better one.

    With `labels`: with probability `confidence`, over the draw of the labelled pairs, no stage of this run
    has a larger share of inverted pairs than its bound. That holds for any scores and any errors, as long as
    the labelled pairs are a simple random sample of those that are ranked. Ends are tested in a fixed
    sequence by exact hypergeometric tests, as in Learn then Test (arXiv 2110.01052); `certified.py` has the
    argument. Few labels certify little. A stage of which nothing can be certified stays empty, what no stage
    can take is dropped, and the reason says so.

    Without labels there is no guarantee. Each pair counts as inverted by (1 − vote margin)/2, the share of
    draws that would have had it the other way, were there just the two answers; a stage ends where the mean
    of that would exceed its bound. Draws that agree on a mistake count as right. Pairs without a vote margin
    are dropped then.

    Pairs without a gap are dropped where they are ranked by it.
    """

    Options = RiskOptions
    options: RiskOptions
    label_free = None

    def __init__(self, options: RiskOptions, name: str, resources: Any) -> None:
        super().__init__(options, name, resources)
        self.label_free = options.labels is None

    @property
    def fingerprint(self) -> str:
        """The SHA-256 of the labels' file: other labels make other stages."""
        path = self._path
        if path is None:
            return ""
        try:
            return hashlib.sha256(path.read_bytes()).hexdigest()
        except OSError as error:
            raise UdasaError(f"{self.options.labels} cannot be read: {error.strerror}") from error

    @hookimpl
    def udasa_stage(self, pairs: PairTable) -> StagePlan:
        import numpy as np

        by = self.options.ranked_by
        key = pairs.gaps if by == "gap" else pairs.vote_margins
        uncounted = np.isnan(pairs.vote_margins) & ~(pairs.gaps <= 0.0)
        if by == "gap" and self._path is not None:
            uncounted[:] = False  # nobody asks for their votes
        rows = np.flatnonzero(~np.isnan(key) & ~(pairs.gaps <= 0.0) & ~uncounted)
        order = ranked(pairs, rows, -key[rows])
        if self._path is None:
            ends, reason = self._agreed_ends(pairs, order), DISAGREEING
        else:
            ends, reason = self._certified_ends(self._path, pairs, order)
        end = ends[-1]
        dropped = [(np.flatnonzero(uncounted), UNCOUNTED), (order[end:], reason)]
        return self.options.plan(pairs, order[:end], ends[:-1], dropped)

    def _agreed_ends(self, pairs: PairTable, order: NDArray[intp]) -> list[int]:
        import numpy as np

        against = np.concatenate([[0.0], np.cumsum((1.0 - pairs.vote_margins[order]) / 2)])
        ends, start = [], 0
        for bound in self.options.bounds:
            sizes = np.arange(len(order) - start + 1)
            passes = against[start:] - against[start] <= bound * sizes + 1e-9
            start += int(np.flatnonzero(passes)[-1])
            ends.append(start)
        return ends

    def _certified_ends(self, path: Path, pairs: PairTable, order: NDArray[intp]) -> tuple[list[int], str]:
        """Return the stages' ends, and in words what is beyond them."""
        import numpy as np

        source = self.options.labels or ""
        labels = read_labels(path, source)
        ids = [pairs.ids[row] for row in order.tolist()]
        known = [(place, labels[pair_id]) for place, pair_id in enumerate(ids) if pair_id in labels]
        if len(order) and not known:
            raise UdasaError(
                f"{source} labels {len(labels)} pairs, and none is among the {len(order)} of this run: draw "
                "pairs from `udasa export` of a run with the same prompts, scores and pairing"
            )
        places = np.array([place for place, _ in known], dtype=np.int64)
        if known and not is_random_sample(places, len(order)):
            raise UdasaError(
                f"{source}: the {len(known)} labelled pairs are no random sample of the {len(order)} of this "
                f"run (their mean rank is {places.mean() + 1:.0f}): nothing can be certified by them. Draw "
                "pairs at random from all that a run with `quantiles` exports"
            )
        inverted = np.array([label for _, label in known], dtype=bool)
        ends = certified_ends(
            places, inverted, len(order), self.options.bounds, 1.0 - self.options.confidence
        )
        empty = [
            name
            for name, start, end in zip(self.options.names, [0, *ends], ends, strict=False)
            if start == end
        ]
        reason = f"not certified by {len(known)} labels"
        if len(known) < len(labels):
            reason += f" ({len(labels)} are given, the others of no ranked pair of this run)"
        if empty:
            reason += f"; they leave empty: {', '.join(empty)}"
        return ends, reason

    @cached_property
    def _path(self) -> Path | None:
        return None if self.options.labels is None else self.resources.path(self.options.labels)

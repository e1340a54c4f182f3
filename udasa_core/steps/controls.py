"""Step `controls`: scores of control prompts → which dimensions are miscalibrated.

Nobody can be unsure of a control prompt. A dimension that is, compared with the run's own prompts, measures
something else than it claims: the method's first failure signature.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from udasa_core.job.job import Job, log
from udasa_core.records import Abstain, Score
from udasa_core.statistics.student import student_interval
from udasa_core.store.output import Output
from udasa_core.store.store import Shards
from udasa_core.store.tables import scores_from

if TYPE_CHECKING:
    from numpy import float64
    from numpy.typing import NDArray

# With fewer control prompts nothing is sure.
_FEWEST = 5


@dataclass(frozen=True, slots=True)
class ControlFigures:
    """One dimension on the n control prompts that it scored.

    raw, calibrated: means over prompts of the mean over a prompt's responses. low, high: Student's 95%
    interval of `calibrated`, prompts being the sample (a bootstrap of a dozen prompts is too narrow); from 0
    to 1 with fewer than five. tripped: the whole interval lies above the bound.
    """

    name: str
    raw: float
    calibrated: float
    low: float
    high: float
    n: int
    tripped: bool


def check_controls(job: Job, scores: Shards) -> tuple[ControlFigures, ...]:
    """Return each dimension's figures on the control prompts, and warn of those that are miscalibrated."""
    bound = job.config.controls.bound

    def make(key: str) -> None:
        found = tuple(_figures(job, scores, bound))
        plain = [asdict(dimension) for dimension in found]
        job.store.write_json("controls", key, {"bound": bound, "dimensions": plain})
        for dimension in found:
            if dimension.tripped:
                log.warning(
                    "%s is miscalibrated: %.2f on %d control prompts that nobody can be unsure of (bound %g)",
                    *(dimension.name, dimension.calibrated, dimension.n, bound),
                )

    ingredients = {"scores": scores.fingerprints, "bound": bound}
    key = job.outputs.once(Output("controls"), "compare control prompts", ingredients, make)
    plain = job.store.read_json("controls", key)["dimensions"]
    return tuple(ControlFigures(**dimension) for dimension in plain)


def _figures(job: Job, scores: Shards, bound: float) -> Iterator[ControlFigures]:
    import numpy as np

    raw: dict[str, list[float]] = {}
    calibrated: dict[str, list[float]] = {}
    for key in scores.fingerprints:
        for one in scores_from(job.store.read_table("aggregate", key)):
            for name, column in one.raw.items():
                raw.setdefault(name, []).append(_mean(column))
                calibrated.setdefault(name, []).append(_mean(one.calibrated[name]))
    for name, values in calibrated.items():
        scored = ~np.isnan(values)
        if not scored.any():
            continue  # it abstained on all of them
        kept: NDArray[float64] = np.array(values)[scored]
        low, high = student_interval(kept, _FEWEST)
        mean = float(np.array(raw[name])[scored].mean())
        yield ControlFigures(
            name, mean, float(kept.mean()), max(0.0, low), min(1.0, high), len(kept), low > bound
        )


def _mean(scores: tuple[Score, ...]) -> float:
    values = [score for score in scores if not isinstance(score, Abstain)]
    return sum(values) / len(values) if values else float("nan")

"""`udasa fit-weights`: weights and calibrations from labelled responses."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy import float64
from numpy.typing import NDArray

from udasa_core import UdasaError, content_key
from udasa_core.api import conduct, load
from udasa_core.report.table import Table
from udasa_core.running.job import Job
from udasa_core.steps.aggregate import aggregate, fit
from udasa_core.steps.read import intake
from udasa_core.steps.sample import sample
from udasa_core.steps.score import score
from udasa_core.store.tables import scores_from
from udasa_eval.experiments.fits import fit_isotonic, fit_platt, fit_weights
from udasa_eval.experiments.labelled import LabelledScores
from udasa_eval.experiments.measuring import (
    AGGREGATE,
    plain_configuration,
    read_scored,
    recorded,
    with_prompts,
)
from udasa_eval.experiments.sets import labelled, prompts_file


def fit_to_labels(
    configuration: Path, overrides: Sequence[str], *, folder: Path, data: Path, out: Path
) -> str:
    """Score labelled responses with a configuration's dimensions, fit, write `out`; return what to type.

    `out` is what `isotonic`, `platt` and `fitted-mean` read: {"format": 1, "weights": {dimension: weight},
    "dimensions": {dimension: {"isotonic": …, "platt": …}}, "labels": a hash, "n": responses}. Curves are
    fitted to raw scores, weights to calibrated ones, over the responses on which no dimension abstained.
    """
    items = labelled(data)
    rows = [{"id": one.id, "prompt": one.prompt, "responses": list(one.responses)} for one in items]
    prompts = prompts_file(folder / "prompts", rows)
    raw = plain_configuration(configuration, overrides)
    generator = recorded(raw, prompts, max(len(one.responses) for one in items))
    # A calibration or aggregation that itself wants fits cannot be had yet.
    unfitted = {"calibration": {"use": "cdf"}, "aggregation": {"use": "mean"}}
    plain = {**raw, "generator": generator, **unfitted}
    labels = {one.id: one.labels for one in items}
    found: list[tuple[LabelledScores, dict[str, NDArray[float64]]]] = []

    def work(job: Job) -> Mapping[str, Any]:
        groups = sample(job, intake(job).training, job.base)
        columns = score(job, groups)
        scores = aggregate(job, groups, columns, fit(job, columns))
        table = read_scored(job, groups, scores, lambda prompt, index, _: labels[prompt][index], {})
        calibrated: dict[str, list[float]] = {}
        counted = {plugin.name: plugin.table.weight > 0 for plugin in job.stack.dimensions}
        for key in scores.fingerprints:
            for one in scores_from(job.store.read_table("aggregate", key)):
                for name, column in one.calibrated.items():
                    if not counted[name]:
                        continue  # measured only: it has no weight to be fitted
                    calibrated.setdefault(name, []).extend(
                        value if isinstance(value, float) else float("nan") for value in column
                    )
        found.append((table, {name: np.array(column) for name, column in calibrated.items()}))
        return {}

    conduct(load(with_prompts(plain, f"fit-{data.stem}", folder, prompts, {})), work)
    return _fitted(*found[0], data=data, out=out)


def _fitted(
    table: LabelledScores, calibrated: Mapping[str, NDArray[float64]], *, data: Path, out: Path
) -> str:
    names = [name for name in table.columns if name != AGGREGATE and name in calibrated]
    whole = np.all([~np.isnan(table.columns[name]) for name in names], axis=0)
    if not whole.any():
        raise UdasaError(f"{data}: on every response a dimension abstained; leave that dimension out")
    wrong = ~table.right[whole]
    columns = np.stack([calibrated[name][whole] for name in names], axis=1)
    weights = fit_weights(columns, wrong, table.questions[whole])
    dimensions = {}
    for name in names:
        scores = table.columns[name][whole]
        knots, levels = fit_isotonic(scores, wrong)
        slope, intercept = fit_platt(scores, wrong)
        dimensions[name] = {
            "isotonic": {"scores": knots.tolist(), "wrong": levels.tolist()},
            "platt": {"slope": slope, "intercept": intercept},
        }
    by_name = dict(zip(names, weights.tolist(), strict=True))
    plain = {
        "format": 1,
        "weights": by_name,
        "dimensions": dimensions,
        "labels": content_key(data.read_text(encoding="utf-8-sig")),
        "n": int(whole.sum()),
    }
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(json.dumps(plain, indent=1, sort_keys=True) + "\n")
    except OSError as error:
        raise UdasaError(f"{out} cannot be written: {error.strerror or error}") from error
    told = Table(
        f"Weights fitted to {int(whole.sum())} labelled responses",
        ("dimension", "weight"),
        [(name, f"{weight:.3f}") for name, weight in by_name.items()],
        [
            f'wrote {out}. Use the weights by [calibration] use = "cdf", [aggregation] use = "fitted-mean", '
            f'the curves by [calibration] use = "isotonic" (or "platt"), each with source = '
            f'"file:{out.resolve()}". Such a run is not label-free.'
        ],
    )
    return str(told)

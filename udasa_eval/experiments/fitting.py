"""Weights and calibrations from labelled responses."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy import float64
from numpy.typing import NDArray

from udasa_core import Steps, Table, UdasaError, content_key
from udasa_eval.experiments.fits import fit_isotonic, fit_platt, fit_weights
from udasa_eval.experiments.labelled import LabelledScores
from udasa_eval.experiments.measuring import AGGREGATE, labelled_scores, number_of, recorded, with_prompts
from udasa_eval.labelled.sets import labelled, prompts_file


def fit_to_labels(config: Mapping[str, Any], steps: Steps, *, data: Path, out: Path) -> Table:
    """Score labelled responses with a configuration's dimensions, fit, write `out`; return the weights and
    what to type.

    `out` is what `isotonic`, `platt` and `fitted-mean` read: {"format": 1, "weights": {dimension: weight},
    "dimensions": {dimension: {"isotonic": …, "platt": …}}, "labels": a hash, "n": responses}. Curves are
    fitted to raw scores, weights to calibrated ones, over the responses on which no dimension abstained.
    """
    items = labelled(data)
    rows = [{"id": one.id, "prompt": one.prompt, "responses": list(one.responses)} for one in items]
    prompts = prompts_file(steps.folder / "prompts", rows)
    generator = recorded(config, prompts, max(len(one.responses) for one in items))
    # A calibration or aggregation that itself wants fits cannot be had yet.
    unfitted = {"calibration": {"use": "cdf"}, "aggregation": {"use": "mean"}}
    plain = {**config, "generator": generator, **unfitted}
    labels = {one.id: one.labels for one in items}
    calibrated: dict[str, list[float]] = {}
    with steps.run(with_prompts(plain, prompts, {}), f"fit-{data.stem}") as run:
        scored = run.score(run.sample())
        table = labelled_scores(scored, lambda prompt, index, _: labels[prompt][index], {})
        # One of weight 0 is measured only: it has no weight to be fitted.
        counted = [name for name, weight in run.weights.items() if weight > 0]
        for _, scores in scored:
            for name in counted:
                calibrated.setdefault(name, []).extend(map(number_of, scores.calibrated[name]))
    columns = {name: np.array(column) for name, column in calibrated.items()}
    return _fitted(table, columns, data=data, out=out)


def _fitted(
    table: LabelledScores, calibrated: Mapping[str, NDArray[float64]], *, data: Path, out: Path
) -> Table:
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
    return Table(
        f"Weights fitted to {int(whole.sum())} labelled responses",
        ("dimension", "weight"),
        list(by_name.items()),
        [
            f'wrote {out}. Use the weights by [calibration] use = "cdf", [aggregation] use = "fitted-mean", '
            f'the curves by [calibration] use = "isotonic" (or "platt"), each with source = '
            f'"file:{out.resolve()}". Such a run is not label-free.'
        ],
    )

"""The report as rows, CSV, tables and figure: the same figures everywhere."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from tests.eval.planted import labelled, planted
from udasa_core import Cost
from udasa_core.report.written import WIDTH
from udasa_eval.experiments import agreement_report
from udasa_eval.experiments.agreement import same_responses
from udasa_eval.experiments.direction import directions
from udasa_eval.experiments.signal_figure import figure
from udasa_eval.experiments.signal_report import Condition, SignalReport, measure, rows, write_csv
from udasa_eval.experiments.signal_tables import tables

DIMENSIONS = ["honest", "noise", "length-lover"]


@pytest.fixture(scope="module")
def report() -> SignalReport:
    return measure(
        planted(80),
        Condition("factual test", 0.7, 8),
        dimensions=DIMENSIONS,
        directions=directions("values", {"honest": np.zeros(9)}, {"honest": np.ones(9)}, seed=0),
        costs={"honest": Cost(1.5, 0.002)},
        seed=0,
    )


def test_rows_name_condition_column_and_measure_once(report: SignalReport) -> None:
    found = rows([report])
    keys = [(row.set_name, row.temperature, row.K, row.column, row.measure) for row in found]
    assert len(set(keys)) == len(keys)
    value = {(row.column, row.measure): row for row in found}
    auroc = value["honest", "within_auroc"]
    assert (auroc.value, auroc.low) == (
        report.discrimination[0].metric("within_auroc").value,
        report.discrimination[0].metric("within_auroc").low,
    )
    assert value["honest", "pairs.right_over_wrong"].value == report.discrimination[0].pairs.right_over_wrong
    assert value["length-lover", "follows_length"].value == 1
    assert value["honest", "follows_length"].value == 0
    assert value["honest", "direction.values"].value == 1.0
    assert value["honest", "calls"].value == 1.5
    assert ("honest", "spearman_with.noise") in value
    assert ("", "together_auroc") in value


def test_the_csv_reads_back_and_absent_figures_are_empty(report: SignalReport, tmp_path: Path) -> None:
    path = tmp_path / "signal.csv"
    found = rows([report])
    write_csv(path, found)
    with path.open(newline="") as file:
        read = list(csv.DictReader(file))
    assert len(read) == len(found)
    assert float(read[0]["value"]) == found[0].value
    assert {row["low"] for row in read if row["measure"].startswith("pairs.")} == {""}
    assert "nan" not in path.read_text()


def test_tables_fit_and_name_what_was_found(report: SignalReport) -> None:
    text = "\n\n".join(map(str, tables(report)))
    assert max(map(len, text.splitlines())) <= WIDTH + 2
    assert "factual test, temperature 0.7, K = 8" in text
    for word in ("follows length", "prefers safe", "within-question AUROC", "majority wrong", "redundancy"):
        assert word in text
    assert text.index("honest") < text.index("noise")  # best first


def test_a_report_without_anything_to_compare_still_prints() -> None:
    scores = labelled([0, 0], [1, 1], {"u": [0.1, np.nan]})
    bare = measure(scores, Condition("mine", 1.0, 2), dimensions=["u"], seed=0)
    assert bare.redundancy is None
    assert "–" in "".join(map(str, tables(bare)))
    assert rows([bare])


@pytest.mark.parametrize("suffix", [".svg", ".png"])
def test_the_figure_is_drawn_by_its_suffix(report: SignalReport, tmp_path: Path, suffix: str) -> None:
    warm = measure(planted(40, seed=1), Condition("factual test", 1.0, 4), dimensions=DIMENSIONS, seed=0)
    path = tmp_path / f"signal{suffix}"
    figure(path, [report, warm])
    head = path.read_bytes()[:200]
    assert head.startswith(b"\x89PNG") if suffix == ".png" else b"<?xml" in head
    with pytest.raises(ValueError, match="at least one report"):
        figure(path, [])


def test_agreement_prints_and_gives_rows() -> None:
    rng = np.random.default_rng(0)
    found = same_responses("u", rng.random((3, 40)), np.repeat(np.arange(10), 4), seed=0)
    where = Condition("factual dev", 1.0, 4)
    text = str(agreement_report.table(where, [found]))
    assert "ICC(2,1)" in text
    assert "same" in text
    (icc, *others) = agreement_report.rows(where, [found])
    assert icc.measure == "same.icc"
    assert [row.measure for row in others] == ["same.rank", "same.chosen_flips", "same.rejected_flips"]

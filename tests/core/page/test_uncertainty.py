"""The section "Uncertainty": planted scores give hand-computed figures, in sentences, tables and charts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from scipy.stats import spearmanr

import udasa_core
from tests.canned import configuration
from tests.core.page.kinds import HOSTILE, charts, tables, words
from udasa_core.errors import StoreError
from udasa_core.page import scored as scored_module
from udasa_core.page import uncertainty
from udasa_core.page.scored import PARTS, scored
from udasa_core.report.figures import figures


def section_of(run: udasa_core.Run) -> Any:
    return uncertainty.section(run, figures(run))


def test_u_that_follows_length_is_told_with_the_figure(planted_run: udasa_core.Run) -> None:
    count = figures(planted_run)["prompts"]["training"]
    told = words(section_of(planted_run))
    # Every prompt has ρ = 1, and by the rule of three 3 in n may not: 1 − 2 · 3 / n.
    low = f"{1 - 6 / count:.2f}"
    assert (
        "U follows length here: within a prompt, longer responses are more uncertain (rank correlation 1.00 "
        f"[{low}, 1.00], mean of {count} prompts)." in told
    )
    rows = {row[0]: row for row in tables(section_of(planted_run))["Length and being cut off"].rows}
    # 0.3 is cut off; 0, 0.1 and 0.2 are whole.
    assert rows["U"][1] == pytest.approx(1.0)
    assert rows["U"][4] == pytest.approx(0.2)
    assert (rows["U"][3], rows["U"][6]) == (count, count)
    assert (rows["mute"][1], rows["mute"][2], rows["mute"][3]) == (None, "", 0)
    assert "U, no evidence" not in charts(section_of(planted_run))["length-and-cut-off"].says


def test_no_evidence_and_what_cannot_be_told_are_told_apart(canned_run: udasa_core.Run) -> None:
    """Canned responses are as long as one another, and none is cut off."""
    told = words(section_of(canned_run))
    assert "Whether U follows length cannot be told: no prompt has responses of different lengths" in told
    assert "Whether being cut off goes with U cannot be told" in told
    assert "length-and-cut-off" not in charts(section_of(canned_run))
    assert "No dimension abstained." in told


def test_of_several_rounds_it_says_which_one_and_counts_abstentions_in_all(
    rounds_run: udasa_core.Run,
) -> None:
    section = section_of(rounds_run)
    assert section.parts[0].text.startswith("What is below was sampled in round 2 of 2, but for")
    told = words(section)
    assert "No dimension abstained in round 2 of 2." in told
    assert "Abstentions in all rounds: round 1 none; round 2 none." in told
    (table,) = [one for title, one in tables(section).items() if title.startswith("Uncertainty of training")]
    assert "in round 1 its mean is near 0.5 by construction" in table.notes[0]


def test_scores_are_spread_as_they_were_planted(planted_run: udasa_core.Run) -> None:
    count = figures(planted_run)["prompts"]["training"]
    found = charts(section_of(planted_run))
    rows = [row for row in found["distributions"].table.rows if row[:2] == (HOSTILE, "calibrated")]
    assert len(rows) == PARTS
    by_part = {round(float(row[2]), 2): row[4] for row in rows if row[4]}
    assert (by_part[0.0], by_part[0.1], by_part[0.2]) == (count, count, count)
    assert sum(by_part.values()) == 4 * count
    assert all(row[4] == 0 for row in found["distributions"].table.rows if row[0] == "mute")
    sides = {(row[0], round(float(row[2]), 2)): row[4] for row in found["u-sides"].table.rows if row[4]}
    # The best is chosen over the worst that is whole.
    assert sides["chosen", 0.0] == sides["rejected", 0.2] == count
    assert sum(count for (side, _), count in sides.items() if side == "all") == 4 * count


def test_correlations_are_means_over_prompts_of_spearmans(finished_run: udasa_core.Run) -> None:
    values = {"U": [one.U for one in finished_run.scores()]}
    for name in ("one", "two"):
        values[name] = [one.calibrated[name] for one in finished_run.scores()]
    table = charts(section_of(finished_run))["correlations"].table
    told = {(one, other): (rho, n) for one, other, rho, n in table.rows}
    assert set(told) == {("U", "one"), ("U", "two"), ("one", "two")}
    for (one, other), (rho, n) in told.items():
        each = [
            spearmanr(left, right).statistic for left, right in zip(values[one], values[other], strict=True)
        ]
        assert rho == pytest.approx(np.mean(each))
        assert n == len(each)
    found = scored(finished_run, 0)
    assert found is not None
    assert found.spearman[0, 0] == pytest.approx(1.0)


def test_scores_that_lack_a_dimension_are_told_of(
    rounds_run: udasa_core.Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = udasa_core.Run(rounds_run.folder)
    monkeypatch.setitem(run.manifest.plain["config"]["dimension"][0], "name", "three")
    with pytest.raises(StoreError, match="run the same configuration again"):
        scored(run, 0)


def test_a_dimension_may_be_called_u(rounds_run: udasa_core.Run, monkeypatch: pytest.MonkeyPatch) -> None:
    real = scored_module._Collected.take

    def take(self: Any) -> None:
        self._waiting = [(*parts, renamed(scores, "one", "U")) for *parts, scores in self._waiting]
        real(self)

    run = udasa_core.Run(rounds_run.folder)
    plain = scored(run, 0)
    monkeypatch.setitem(run.manifest.plain["config"]["dimension"][0], "name", "U")
    monkeypatch.setattr(scored_module._Collected, "take", take)
    called = scored(run, 0)
    assert plain is not None
    assert called is not None
    assert called.names == ["U, aggregated", "U", "two"]
    assert list(called.calibrated["U"]) == list(plain.calibrated["one"])
    assert list(called.calibrated["U, aggregated"]) == list(plain.calibrated["U"])


def renamed(scores: pa.Table, old: str, new: str) -> pa.Table:
    """Scores whose dimension is called otherwise."""
    rows = scores.to_pylist()
    for row in rows:
        for column in ("calibrated", "raw"):
            row[column] = [(new if name == old else name, values) for name, values in row[column]]
    return pa.Table.from_pylist(rows, schema=scores.schema)


def test_abstentions_are_told_by_dimension_and_reason(planted_run: udasa_core.Run) -> None:
    responses = 4 * figures(planted_run)["prompts"]["training"]
    section = section_of(planted_run)
    assert [tuple(row) for row in tables(section)["Abstentions"].rows] == [("mute", responses, 1.0, "canned")]
    assert "mute: 100.0%; U: 0.0%" in charts(section)["abstentions"].says


def test_the_single_cluster_rate_and_control_prompts_are_told(tmp_path: Path, tiny_model_dir: Path) -> None:
    """Everybody says the same, and is unsure of the control prompts; one round of two without a pair."""
    plain = configuration(
        tmp_path,
        tiny_model_dir,
        count=12,
        dimension=[{"use": "tests.canned:OnPrompts", "name": "sure", "word": "", "u": 0.9}],
        calibration={"use": "none"},
        controls={"source": "builtin:controls", "bound": 0.4},
        generator={"use": "tests.core.running.test_rounds:Alike", "responses": 4, "words": ("Paris", "Rome")},
    )
    with pytest.raises(udasa_core.UdasaError):
        udasa_core.run(plain)
    run = udasa_core.Run(tmp_path / "runs" / "canned")
    section, told = section_of(run), figures(run)
    rate, compared = told["agreement"]["rate"], told["agreement"]["compared"]
    assert f"Single-cluster rate: in {rate:.0%} of {compared} prompts with" in words(section)
    (row,) = charts(section)["controls"].table.rows
    assert (row[0], row[1], row[3], row[4]) == ("sure", pytest.approx(0.9), 0.4, "yes")
    assert "Control prompts" in tables(section)
    # Nothing differs within a prompt, so nothing correlates.
    assert "correlations" not in charts(section)

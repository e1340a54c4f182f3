"""Strategies that ask the policy for more than its K responses: what they asked stays the run's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import udasa_core
from tests.canned import calls, configuration
from udasa_core.errors import ConfigError, UdasaError
from udasa_core.export.card import card
from udasa_core.store.output import TRAINING, Output
from udasa_core.store.tables import pairs_from

SPREAD = {"use": "quantiles", "names": ["all"], "ungapped": "spread"}
ASKING = ("contrastive", pytest.param("revised", marks=pytest.mark.slow))


def pairs_of(run: udasa_core.Run) -> list[udasa_core.Pair]:
    keys = run.keys(Output("pair", TRAINING))
    return [pair for key in keys for pair in pairs_from(run.store.read_table("pair", key))]


@pytest.mark.parametrize("strategy", ASKING)
def test_what_a_strategy_asked_for_stays_the_runs(
    strategy: str, tmp_path: Path, tiny_model_dir: Path
) -> None:
    plain = configuration(tmp_path, tiny_model_dir, 8, pairing={"use": strategy}, stages=SPREAD)
    run = udasa_core.run(plain)
    pointed = [entry for entry in run.manifest.outputs() if entry["step"] == "answer"]
    keys = {key for entry in pointed for key in entry["keys"]}
    assert len(keys) == 2 * len(run.keys(Output("pair", TRAINING))), "each shard asks twice"
    assert all(run.store.has("answer", key) for key in keys)
    # Nothing says that uncertainty chose what it did not.
    told = card(run, form="merged", dtype="float32")
    assert f"by the strategy `{strategy}`" in told
    assert "aligned with its own uncertainty" not in told
    before = (run.folder / "manifest.json").read_bytes()
    calls.clear()
    assert not udasa_core.run(plain).made
    assert calls["generate"] == 0
    assert (run.folder / "manifest.json").read_bytes() == before
    assert udasa_core.clean(run.folder.parent)[0] == 0
    # Pairs that are made anew find what was said, and are the same.
    files = {file: file.read_bytes() for file in (run.store.root / "pair").glob("*.parquet")}
    for file in files:
        file.unlink()
    udasa_core.run(plain)
    assert calls["generate"] == 0
    assert {file: file.read_bytes() for file in files} == files


def test_pairs_that_u_did_not_make_are_told_where_the_stages_drop_them(
    tmp_path: Path, tiny_model_dir: Path
) -> None:
    plain = configuration(tmp_path, tiny_model_dir, 8, pairing={"use": "contrastive"})
    before = calls["generate"]
    with pytest.raises(ConfigError, match=r"stages: drops pairs that have no gap(.|\n)*ungapped"):
        udasa_core.run(plain)
    assert calls["generate"] == before


def test_a_generator_that_is_not_greedy_when_asked_is_told(tmp_path: Path, tiny_model_dir: Path) -> None:
    # The canned generator answers as ever, with log-probabilities of −1.
    plain = configuration(tmp_path, tiny_model_dir, 8, pairing={"use": "greedy"}, stages=SPREAD)
    with pytest.raises(UdasaError, match="was not decoded greedily"):
        udasa_core.run(plain)


def test_voters_are_shown_to_the_strategy(tmp_path: Path, tiny_model_dir: Path) -> None:
    quiz: dict[str, Any] = {"use": "tests.canned:Quiz", "responses": 4, "temperature": 1.0}
    plain = configuration(tmp_path, tiny_model_dir, 12, generator=quiz, pairing={"use": "votes"})
    plain["stages"] = SPREAD
    plain["dimension"] = [{"use": "tests.canned:Planted", "name": "planted", "weight": 1.0}]

    def margins() -> set[float]:
        return {round(pair.vote_margin or 0.0, 6) for pair in pairs_of(udasa_core.run(plain))}

    fourths, twelfths = ({round(n / of, 6) for n in range(1, of)} for of in (4, 12))
    assert margins()
    assert margins() <= fourths
    quiz["voters"] = 8
    assert margins() <= twelfths
    assert margins() - fourths

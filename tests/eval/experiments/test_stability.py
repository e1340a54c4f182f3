"""The experiment `stability`: planted changes are found, and noise is not taken for one."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from tests.canned import Canned, calls
from tests.tiny import make_tiny_model
from udasa_core import Column, Group, Run, content_key, hookimpl
from udasa_core.cli.main import main
from udasa_eval.experiments.stability_figures import Choice, Stability, compared

ConfigFile = Callable[..., Path]

Q = 80


class ByText(Canned):
    """A score by the text alone: whoever reads, it stays."""

    @hookimpl
    def udasa_score(self, groups: Sequence[Group], seed: int) -> Column:
        return Column(
            self.name, tuple(tuple(_drawn(one.text) for one in group.responses) for group in groups)
        )


class ByReader(Canned):
    """A score by the text and by who reads it: another checkpoint ranks otherwise."""

    @hookimpl
    def udasa_score(self, groups: Sequence[Group], seed: int) -> Column:
        return Column(
            self.name,
            tuple(tuple(_drawn(group.policy, one.text) for one in group.responses) for group in groups),
        )


class ByVoters(Canned):
    """A score that every draw of voters turns round: noise, whoever reads."""

    @hookimpl
    def udasa_score(self, groups: Sequence[Group], seed: int) -> Column:
        return Column(
            self.name,
            tuple(
                tuple(_drawn([said.text for said in group.voters], one.text) for one in group.responses)
                for group in groups
            ),
        )


def _drawn(*parts: object) -> float:
    return int(content_key(*parts, length=6), 16) / 16**6


def choice(rng: np.random.Generator, base: Choice | None = None, flips: float = 0.0) -> Choice:
    """Eight texts a prompt; of a base a copy in which this share of prompts chooses another text."""
    if base is None:
        chosen = rng.integers(0, 4, Q)
        return Choice(chosen, chosen + 4, rng.random(Q), rng.integers(0, 3, Q))
    turned = rng.random(Q) < flips
    return Choice(np.where(turned, (base.chosen + 1) % 4, base.chosen), base.rejected, base.gaps, base.stages)


def one_column(found: Stability) -> tuple[float, str]:
    (column,) = found.columns
    return column.chosen.value, column.verdict


def test_figures_by_hand() -> None:
    """Four prompts: the same pair; another chosen; another stage and rejected; no pair any more."""
    base = Choice(
        np.array([0, 0, 1, 2]), np.array([1, 1, 0, 3]), np.array([0.9, 0.5, 0.4, 0.1]), np.arange(4)
    )
    after = Choice(
        np.array([0, 2, 1, -1]),
        np.array([1, 1, 3, -1]),
        np.array([0.8, 0.2, 0.4, np.nan]),
        np.array([0, 1, 0, -1]),
    )
    (column,) = compared("other", {"U": base}, [{"U": after}], [{"U": base}], 7).columns
    assert (column.chosen.value, column.chosen.n) == (pytest.approx(2 / 3), 3)
    assert column.rejected.value == pytest.approx(2 / 3)
    assert column.stage.value == pytest.approx(2 / 3)
    assert column.paired.value == pytest.approx(3 / 4)
    assert column.gap_rank.value == pytest.approx(0.5)  # ranks 3 2 1 and 3 1 2
    assert column.change.value == pytest.approx(-1 / 3)


def test_a_reader_that_flips_more_than_voters_do_is_told_of() -> None:
    rng = np.random.default_rng(0)
    base = choice(rng)
    floor = [{"U": choice(rng, base, 0.2)} for _ in range(2)]
    moved = [{"U": choice(rng, base, 0.6)} for _ in range(2)]
    share, verdict = one_column(compared("stage", {"U": base}, moved, floor, 7))
    assert (share, verdict) == (pytest.approx(0.4, abs=0.1), "makes other pairs")
    assert one_column(compared("base", {"U": base}, floor, floor, 7)) == (pytest.approx(0.8, abs=0.1), "")
    noisy = [{"U": choice(rng, base, 0.8)} for _ in range(2)]
    assert one_column(compared("base", {"U": base}, noisy, noisy, 7))[1] == "does not agree with itself"


@pytest.mark.slow
def test_false_alarms_are_rare() -> None:
    """200 readers that flip as often as the base's own voters do: one in ten would be too many."""
    rng = np.random.default_rng(1)
    alarms = 0
    for seed in range(200):
        base = choice(rng)
        floor = [{"U": choice(rng, base, 0.3)} for _ in range(2)]
        same = [{"U": choice(rng, base, 0.3)} for _ in range(2)]
        alarms += bool(one_column(compared("stage", {"U": base}, same, floor, seed))[1])
    assert alarms <= 20


def test_what_depends_on_the_reader_is_found(config_file: ConfigFile, tmp_path: Path) -> None:
    """Another model reads: the dimension that asks who reads is named, and no other."""
    path = config_file(
        generator={
            "use": "tests.canned:Quiz",
            "responses": 4,
            "voters": 8,
            "words": [f"w{n}" for n in range(9)],
        },
        dimension=[
            {"use": f"{__name__}:ByText", "name": "by-text"},
            {"use": f"{__name__}:ByReader", "name": "by-reader", "weight": 0.0},
            {"use": f"{__name__}:ByVoters", "name": "by-voters", "weight": 0.0},
        ],
    )
    prompts = tmp_path / "prompts.jsonl"
    prompts.write_text("".join(f'{{"prompt": "What is thing {number}?"}}\n' for number in range(50)))
    folder, other = tmp_path / "out", make_tiny_model(tmp_path / "other", seed=1)
    arguments = ["experiment", "stability", str(path), "--folder", str(folder), "--trained", "false"]
    result = CliRunner().invoke(main, [*arguments, "--models", f"file:{other}"])
    assert result.exit_code == 0, result.output
    told = Run(folder / "readings").manifest.plain["stability"]
    assert told["base, other voters"] == ["by-voters does not agree with itself"]
    assert told[f"file:{other}"] == ["by-reader makes other pairs"]
    assert "makes other pairs" in result.output
    with (folder / "stability.csv").open() as rows:
        figures = {(row["column"], row["measure"]): float(row["value"]) for row in csv.DictReader(rows)}
    assert figures["by-text", "file:other.chosen"] == 1.0
    # Pairs of equal gaps are dealt by their ids, which another tokenizer changes.
    assert figures["pairs as configured", "file:other.stage"] > 0.9
    assert figures["by-reader", "base, other voters.chosen"] == 1.0
    assert figures["by-reader", "file:other.chosen"] < 0.6
    calls.clear()
    again = CliRunner().invoke(main, [*arguments, "--models", f"file:{other}"])
    assert again.output == result.output
    assert not calls["generate"]


def test_somebody_has_to_read(config_file: ConfigFile, tmp_path: Path) -> None:
    arguments = ["experiment", "stability", str(config_file()), "--folder", str(tmp_path / "out")]
    result = CliRunner().invoke(main, [*arguments, "--trained", "false"])
    assert result.exit_code != 0
    assert "nobody reads but the base" in result.output

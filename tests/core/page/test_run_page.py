"""A run's page: what its verdict says, what it is made of, how far it has come."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

import udasa_core
from tests.canned import Canned, configuration
from tests.core.page.conftest import Written
from tests.core.page.kinds import QUIZ
from udasa_core import Metric, ModelRef, SuiteReport, hookimpl
from udasa_core.errors import PluginError
from udasa_core.page.comparison_page import comparison_page
from udasa_core.page.gains import gains
from udasa_core.page.pair_file import keep_pairs
from udasa_core.page.parts import Page
from udasa_core.page.progress import progress_table
from udasa_core.page.run_page import run_page
from udasa_core.page.suite_figures import differences
from udasa_core.page.words import words_of
from udasa_core.report.figures import figures
from udasa_core.store.answered import Shard, shards
from udasa_core.store.costs import read_costs
from udasa_core.store.output import Output

Write = Callable[[Page], Written]


class Scored(Canned):
    """A suite of four items, of which a trained model gets one more right than the base, and none wrong."""

    @hookimpl
    def udasa_evaluate(self, policy: ModelRef, seed: int) -> SuiteReport:
        right = 1 + bool(policy.adapters)
        rows = tuple({"id": str(item), "score": float(item < right)} for item in range(4))
        return SuiteReport(self.name, policy, (Metric("accuracy", right / 4, 0.0, 1.0, 4),), rows)


class Broken(Canned):
    """A trainer that fails."""

    @hookimpl
    def udasa_train(self) -> None:
        raise RuntimeError("the device is gone")


@pytest.fixture(scope="module")
def scored_run(tmp_path_factory: pytest.TempPathFactory, tiny_model_dir: Path) -> udasa_core.Run:
    folder = tmp_path_factory.mktemp("scored")
    suite = [{"use": f"{__name__}:Scored", "name": "four"}]
    return udasa_core.run(configuration(folder, tiny_model_dir, suite=suite))


def test_every_pair_is_there_with_its_numbers_and_its_texts(
    finished_run: udasa_core.Run, written: Write
) -> None:
    told = written(run_page(finished_run))
    index = told.block("pairs")
    rows = {row["pair_id"]: row for row in finished_run.pairs().to_arrow().to_pylist()}
    assert set(index["pairs"]["id"]) == set(rows)
    assert len(index["pairs"]["id"]) == len(rows)
    for place, pair_id in enumerate(index["pairs"]["id"]):
        row, prompt = rows[pair_id], index["pairs"]["prompt"][place]
        assert index["prompts"]["id"][prompt] == row["prompt_id"]
        assert index["stages"][index["pairs"]["stage"][place]] == row["stage"]
        assert index["pairs"]["gap"][place] == pytest.approx(row["gap"], abs=1e-4)
        chunk, within = divmod(prompt, index["chunk"])
        texts, numbers = (told.block(f"pair-{what}-{chunk}")[within] for what in ("texts", "numbers"))
        for side in ("chosen", "rejected"):
            response = index["pairs"][side][place]
            assert texts["texts"][response] == row[side]
            assert numbers["U"][response] == pytest.approx(row[f"{side}_U"], abs=1e-4)
            assert numbers["tokens"][response] == row[f"{side}_tokens"]
            for number, name in enumerate(index["dimensions"]):
                assert numbers["raw"][number][response] == pytest.approx(row[f"{side} raw {name}"], abs=1e-4)
        assert texts["messages"][-1][1] == row["prompt"]


def test_the_verdict_says_what_was_trained_and_what_nobody_measured(
    finished_run: udasa_core.Run, written: Write
) -> None:
    told = written(run_page(finished_run)).words
    pairs = sum(stage.size for stage in finished_run.stages())
    assert f"was trained on {pairs} pairs of its own responses" in told
    assert "in 3 stages (conservative, moderate, exploratory), by dpo." in told
    assert "this run has no suite" in told


def test_the_gain_is_item_by_item(scored_run: udasa_core.Run, written: Write) -> None:
    by_stage = gains(scored_run)["four"]
    assert [(gain.model, gain.metric.value) for gain in by_stage] == [
        ("conservative", 0.25),
        ("moderate", 0.25),
        ("exploratory", 0.25),
    ]
    told = written(run_page(scored_run)).words
    assert (
        "On four, exploratory differs from the base by +0.250: too few items to tell (mean score over 4 items"
        in told
    )
    assert "What was gained at the end of stages" in told
    assert "was higher on four" not in told
    assert "this run has no suite" not in told


def test_each_rounds_end_is_told_and_what_was_lost_since(
    tmp_path: Path, tiny_model_dir: Path, written: Write
) -> None:
    suite = [{"use": QUIZ, "name": "ten", "right": [1, 9, 9, 9, 9, 9, 3]}]
    gate = [{"figure": "ten accuracy", "better": "higher", "max_drop": 0.1, "action": "warn"}]
    plain = configuration(tmp_path, tiny_model_dir, suite=suite, gate=gate, rounds={"count": 2})
    run = udasa_core.run(plain)
    ends = gains(run)["ten"]
    assert [(gain.model, round(gain.metric.value, 6)) for gain in ends] == [
        ("exploratory", 0.8),
        ("exploratory@2", 0.2),
    ]
    page = run_page(run)
    told = written(page).words
    assert "The end of round 1 (exploratory) was higher on ten: +0.800 [0.498, 1.102] over the base." in told
    assert "exploratory@2 differs from exploratory by -0.600" in told.replace("−", "-")
    assert "surely lower" in told
    # The same figure has the same numbers under Verdict and Suites.
    found = {(one.model, one.figure): one for one in differences(run, "ten", run.suites()["ten"])}
    last = found["exploratory@2", "accuracy"].change
    assert (last.value, last.low, last.high) == (
        ends[-1].metric.value,
        ends[-1].metric.low,
        ends[-1].metric.high,
    )
    # The last is not surely better than the base, and the first round was: what to do.
    assert (
        "On ten the end of round 1, exploratory (+0.800 [0.498, 1.102]) is surely better than the base; the "
        "last, exploratory@2, is not. Take exploratory. [rounds] count = 1 in the TOML ends the run there"
    ) in told
    # Harm is counted once, under Verdict as under Stages and rounds.
    assert "Worst harm: ten accuracy after exploratory@2 (round 2), 0.900 → 0.300, worse by 0.600" in told
    assert told.count("1 figure surely became worse after some stage") == 2
    decisions = list(run.decisions())
    tripped = [one for one in decisions if one["verdict"] == "tripped"]
    assert (
        f"Checks of gates and guard that tripped {len(tripped)} of {len(decisions)} ten accuracy after"
        in told
    )
    prompts = figures(run)["prompts"]["training"]
    assert f"from {2 * prompts} prompts in 2 rounds of {prompts}" in told
    assert "in round 2 of 2 that may be paired" in told


def test_why_prompts_gave_no_pair_is_counted_by_round(rounds_run: udasa_core.Run, written: Write) -> None:
    told = written(run_page(rounds_run)).block("pairs")
    assert told["refused"] == [dict(rounds_run.staging(round)["refused"]) for round in (0, 1)]


def test_files_that_the_configuration_reads_are_named(canned_run: udasa_core.Run, written: Write) -> None:
    source = canned_run.manifest.plain["config"]["prompts"]["source"]
    assert source.startswith("file:")
    told = written(run_page(canned_run))
    assert "needed, too, and not in this page" in told.words
    assert told.markup.count('<button type="button" class="copy">Copy</button>') == 2


def test_each_section_says_what_its_words_mean_as_the_documentation_does(
    rounds_run: udasa_core.Run,
) -> None:
    index = Path(__file__).parents[3] / "docs" / "index.md"
    rows = [line.split(" | ") for line in index.read_text("utf-8").splitlines() if line.startswith("| ")]
    documented = {row[0].removeprefix("| "): row[1].removesuffix(" |") for row in rows if len(row) == 2}
    told = {word: meaning for one in run_page(rounds_run).sections for word, meaning in words_of(one.name)}
    assert all(words_of(one.name) for one in run_page(rounds_run).sections)
    common = told.keys() & documented.keys()
    assert {"U", "gate, guard", "voters", "single cluster"} <= common
    assert {word: told[word] for word in common} == {word: documented[word] for word in common}


def test_suites_without_items_are_no_gain(canned_run: udasa_core.Run, written: Write) -> None:
    assert not gains(canned_run)
    assert "Its suites have no score by item" in written(run_page(canned_run)).words


def test_without_texts_there_is_none(finished_run: udasa_core.Run, written: Write) -> None:
    told = written(run_page(finished_run, texts=0))
    assert 'id="block-pair-texts' not in told.markup
    assert told.block("pairs")["pairs"]["gap"]
    assert "left out on purpose" in told.words


def test_more_pairs_than_texts_keep_those_with_a_flag(finished_run: udasa_core.Run, written: Write) -> None:
    told = written(run_page(finished_run, texts=5))
    index = told.block("pairs")
    chunks = range(-(-len(index["prompts"]["id"]) // index["chunk"]))
    texts = [text for chunk in chunks for text in told.block(f"pair-texts-{chunk}")]
    with_text = {prompt for prompt, text in enumerate(texts) if text is not None}
    held = [place for place, prompt in enumerate(index["pairs"]["prompt"]) if prompt in with_text]
    assert len(held) == 5
    flagged = [place for place, flags in enumerate(index["pairs"]["flags"]) if flags]
    assert set(flagged) <= set(held) or set(held) <= set(flagged)
    assert "the texts of 5" in told.words


def test_all_pairs_lie_beside_the_page(finished_run: udasa_core.Run, tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    table = pq.read_table(keep_pairs(finished_run, tmp_path / "pairs.parquet"))
    assert table.num_rows == sum(stage.size for stage in finished_run.stages())
    assert set(table["chosen"].to_pylist()) == {pair.chosen.text for _, pair in finished_run.pairs()}


def test_an_unfinished_run_says_what_is_to_come(tmp_path: Path, tiny_model_dir: Path, written: Write) -> None:
    plain = configuration(tmp_path, tiny_model_dir, trainer={"use": f"{__name__}:Broken"})
    with pytest.raises(PluginError):
        udasa_core.run(plain)
    (manifest,) = tmp_path.glob("**/manifest.json")
    run = udasa_core.Run(manifest.parent)
    rows = dict(progress_table(run).rows)  # type: ignore[union-attr,arg-type]
    assert rows["read prompts"] == "made"
    assert rows["evaluate"] == "to come"
    told = written(run_page(run)).words
    assert "the device is gone" in told
    assert "Nothing was trained" in told


def test_a_page_is_kept_while_the_run_goes_and_costs_are_noted(tmp_path: Path, tiny_model_dir: Path) -> None:
    run = udasa_core.run(configuration(tmp_path, tiny_model_dir), report=True)
    assert "finished" in (run.folder / "report.html").read_text()
    costs = read_costs(run.folder)
    assert costs.total > 0
    assert costs.memory > 2**20
    assert sum(costs.seconds.values()) >= costs.total - 0.1


def test_two_runs_stand_side_by_side(scored_run: udasa_core.Run, written: Write) -> None:
    told = written(comparison_page([scored_run, udasa_core.Run(scored_run.folder)]))
    assert "Item by item" in told.words
    assert "On four, canned:exploratory differs from canned:exploratory by 0.000: too few items" in told.words
    names = re.findall(r'<figure class="chart" id="([^"]*)"', told.markup)
    assert len(set(names)) == len(names) > 0


def test_two_runs_that_no_suite_measured_are_not_ranked(finished_run: udasa_core.Run, written: Write) -> None:
    told = written(comparison_page([finished_run, finished_run])).words
    assert "Which of them is better is not known: no suite scored the same items of both." in told


def test_the_only_reason_of_a_round_is_that_of_each_prompt_without_a_pair(
    finished_run: udasa_core.Run, monkeypatch: pytest.MonkeyPatch, written: Write
) -> None:
    # An earlier version kept reasons by round alone.
    plan = finished_run.staging()
    prompts = finished_run.manifest.plain["prompts"]["training"]
    monkeypatch.setattr(udasa_core.Run, "staging", lambda run, round=0: {**plan, "refused": {"too near": 3}})
    monkeypatch.setattr("udasa_core.page.pairs.shards", _without_pairs)
    index = written(run_page(finished_run)).block("pairs")
    assert index["pairs"]["id"] == []
    assert [index["reasons"][place] for place in index["prompts"]["reason"]] == ["too near"] * prompts


def _without_pairs(run: udasa_core.Run, output: Output) -> Iterator[Shard]:
    return (replace(one, pairs={}, reasons={}) for one in shards(run, output))

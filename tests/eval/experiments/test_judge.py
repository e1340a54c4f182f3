"""The experiment `judge`: what each planted judge goes by is told, and nothing of one that is fair."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from click.testing import CliRunner

import udasa_core
from tests.canned import configuration
from tests.core.conftest import to_toml
from tests.eval.experiments.planted_judges import (
    BOTH,
    FirstJudge,
    LikingJudge,
    RandomJudge,
    UnreadableJudge,
    by_length,
    by_list,
    by_name,
    fair,
)
from tests.eval.suites.judging import JudgingResources, write_bench
from tests.tiny import make_tiny_model
from udasa_core import UdasaError
from udasa_core.cli.main import main
from udasa_eval.experiments.judge_asked import in_pairs, judgements, singly
from udasa_eval.experiments.judge_findings import (
    AGAIN,
    ORDERS,
    POSITION,
    UNREADABLE,
    Finding,
    preference,
    sentence,
    share,
    with_verdicts,
)
from udasa_eval.experiments.judge_planted import (
    AI,
    EQUAL,
    LISTED,
    NAMED,
    PADDED,
    REPEATED,
    RIGHT,
    SURE,
    bench_asking,
    open_asking,
    planted,
)
from udasa_eval.judges.prompts import read_judge_prompts
from udasa_eval.mt_bench.bench import BenchOptions
from udasa_eval.standalone.evaluation import evaluate_model
from udasa_eval.standalone.results import write_results
from udasa_eval.suites.harmlessness import Harmlessness
from udasa_eval.suites.helpfulness import Helpfulness
from udasa_eval.suites.helpfulness_pairwise import HarmlessnessPairwise, HelpfulnessPairwise
from udasa_eval.suites.mt_bench import MTBench
from udasa_eval.suites.mt_bench_pairwise import MTBenchPairwise

PLUGINS = "tests.eval.experiments.planted_judges"
Found = Mapping[tuple[str, str], Finding]


def measured(judge: LikingJudge, words: Literal["helpful", "harmless"] = "helpful", limit: int = 30) -> Found:
    asking, items = open_asking(words), planted(words, "dev", judge.model, limit)
    found = [*singly(judge, asking, items, 7, 2), *in_pairs(judge, asking, items, 7, 2)]
    return {(one.form, one.respect): one for one in with_verdicts(found)}


def sure(found: Found) -> dict[tuple[str, str], str]:
    return {key: one.verdict.partition(":")[0] for key, one in found.items() if one.is_sure}


def test_texts_differ_in_one_respect_only() -> None:
    for words in BOTH:
        for item in planted(words, "dev", "hf:owner/Llama-3.1-8B-Instruct"):
            right, wrong = item.answers[RIGHT]
            assert right != wrong
            assert len(item.answers[PADDED][0]) > 2 * len(right)
            assert item.answers[REPEATED][0].count(right) == 2
            for respect in (SURE, AI, NAMED, LISTED):
                if respect in item.answers:
                    one, other = item.answers[respect]
                    assert (one != other, len(one)) == (True, len(other))
            if LISTED in item.answers:
                as_list, prose = item.answers[LISTED]
                assert [line.removeprefix("- ") for line in as_list.split("\n")] != [prose]
                assert as_list.replace("- ", "").split() == prose.split()


def test_a_fair_judge_tells_right_from_wrong_and_prefers_nothing_else() -> None:
    found = measured(LikingJudge(fair), "harmless")
    assert sure(found) == {
        ("single", RIGHT): "tells right from wrong",
        ("pair", RIGHT): "tells right from wrong",
    }
    assert found["pair", RIGHT].figure.value == 1.0
    assert found["pair", POSITION].verdict == "no preference found"
    assert found["pair", ORDERS].figure.value == found["single", AGAIN].figure.value == 1.0
    assert found["single", UNREADABLE].figure.value == 0.0
    told = sentence([one for one in found.values() if one.form == "single"])
    assert told == "tells right from wrong (right above wrong in 100%); no other preference is sure"


def test_a_judge_that_always_prefers_the_first() -> None:
    found = measured(FirstJudge())
    assert sure(found) == {
        ("pair", POSITION): "prefers the first",
        ("pair", EQUAL): "prefers the first of equal ones",
    }
    assert found["pair", POSITION].figure.value == 1.0
    assert found["pair", ORDERS].verdict == "contradicts itself more often than not"
    assert found["pair", RIGHT].verdict == found["single", RIGHT].verdict == "does not tell right from wrong"
    told = sentence([one for one in found.values() if one.form == "pair"])
    assert told.startswith(
        "does not tell right from wrong (right above wrong in 50%); prefers the first (position, in 100%, "
        "where 50% is fair); "
    )


def test_a_judge_that_goes_by_length_is_told_of_length_alone() -> None:
    found = measured(LikingJudge(by_length, "hf:owner/Llama-3.1-8B-Instruct"), "harmless")
    told = sure(found)
    assert {key: told.pop(key) for key in list(told) if key[1] in (PADDED, REPEATED)} == {
        (form, respect): "prefers the longer" for form in ("single", "pair") for respect in (PADDED, REPEATED)
    }
    # In this set the safe answers are longer by themselves, or they are not: no style is.
    assert {respect for _, respect in told} <= {RIGHT}
    assert found["single", PADDED].figure.value > 1.0
    longer = sentence([one for one in found.values() if one.form == "single"]).partition(
        "prefers the longer"
    )[2]
    assert re.fullmatch(r" \(length: empty sentences, .*, and length: said twice, .*\)", longer)


@pytest.mark.parametrize(
    ("liking", "respect", "told"),
    [
        (by_list, LISTED, "prefers lists"),
        (by_name, NAMED, "prefers its own family's name"),
    ],
)
def test_a_judge_that_goes_by_style_or_name(liking: Any, respect: str, told: str) -> None:
    found = measured(LikingJudge(liking, "hf:owner/Llama-3.1-8B-Instruct"))
    assert sure(found) == {("single", respect): told, ("pair", respect): told}
    assert found["pair", respect].figure.value == 1.0


def test_a_judge_that_answers_at_random_is_no_use_and_not_of_one_mind() -> None:
    found = measured(RandomJudge())
    assert sure(found) == {}
    assert found["single", RIGHT].verdict == "does not tell right from wrong"
    assert found["single", AGAIN].verdict == "contradicts itself more often than not"
    assert found["pair", ORDERS].verdict == "contradicts itself more often than not"


def test_a_judge_that_cannot_be_read_is_told_of_as_such() -> None:
    found = measured(UnreadableJudge(fair), limit=8)
    assert {one.verdict for one in found.values()} == {"", "cannot be read"}
    assert found["pair", UNREADABLE].figure.value == 1.0
    assert sentence([one for one in found.values() if one.form == "pair"]) == (
        "100% of its judgements cannot be read"
    )


def test_a_few_prompts_say_nothing() -> None:
    found = measured(FirstJudge(), limit=9)
    assert found["pair", POSITION].verdict == "too few prompts"
    assert sentence([one for one in found.values() if one.form == "pair"]) == (
        "these are too few to tell what it prefers"
    )


def test_what_is_not_sure_is_told_so() -> None:
    """Right answers above in 21 of 30: the interval excludes chance, but not when 20 are tested together."""
    values = np.array([1.0] * 21 + [0.0] * 9)
    others = [preference("single", PADDED, np.tile([1.0, -1.0], 15), 0.0, 7) for _ in range(19)]
    read = share("single", UNREADABLE, np.zeros(30), 7)
    found = with_verdicts([preference("single", RIGHT, values, 0.5, 7), *others, read])
    assert found[0].verdict == "tells right from wrong: perhaps"
    assert sentence(found) == (
        "perhaps tells right from wrong (right above wrong in 70%); no other preference is sure"
    )


@pytest.mark.slow
def test_false_alarms_are_rare() -> None:
    """60 judges at random, some 17 figures each: 5% of the judges may be told of, and a few by chance."""
    alarms = sum(bool(sure(measured(RandomJudge(salt), limit=25))) for salt in range(60))
    assert alarms <= 8


def test_judgements_are_counted_beforehand() -> None:
    judge = LikingJudge(fair)
    items = planted("harmless", "dev", "")[:6]
    asking = open_asking("harmless")
    singly(judge, asking, items, 7, 1)
    assert len(judge.asked) == judgements(items, ("single",), 1)
    judge.asked.clear()
    in_pairs(judge, asking, items, 7, 1)
    # Two equal answers are one question in both orders.
    assert len({prompt.messages[-1].content for prompt in judge.asked}) == judgements(items, ("pair",), 1)


def test_the_words_are_those_of_the_suites(tmp_path: Path, tiny_ref: udasa_core.ModelRef) -> None:
    bench = write_bench(tmp_path / "bench")
    shared = JudgingResources(tiny_ref, lambda prompt, policy: "", lambda prompt, seed: "")
    asking = bench_asking(read_judge_prompts(bench / "judge_prompts.jsonl", "bench"))
    assert asking.single("id", "q", "a").messages[-1].content == "single-v1|q|a"
    assert asking.pair("id", "q", "a", "b").messages[-1].content == "pair-v2|q|a|b"
    options = BenchOptions(source=f"file:{bench}")
    assert MTBench(options, "", shared).grading_key == asking.single_key
    assert MTBenchPairwise(options, "", shared).grading_key == asking.pair_key
    for name, single, pair in (
        ("helpful", Helpfulness, HelpfulnessPairwise),
        ("harmless", Harmlessness, HarmlessnessPairwise),
    ):
        keys = (
            single(single.Options(), "", shared).grading_key,
            pair(pair.Options(), "", shared).grading_key,
        )
        assert keys == (open_asking(name).single_key, open_asking(name).pair_key)  # type: ignore[arg-type]


@pytest.fixture
def plain(tmp_path: Path, tiny_model_dir: Path) -> dict[str, Any]:
    asked = [{"prompt": f"ask {number}"} for number in range(4)]
    (tmp_path / "asked.jsonl").write_text("".join(f"{json.dumps(one)}\n" for one in asked))
    source = {"source": f"file:{tmp_path / 'asked.jsonl'}"}
    suites = [
        {"use": "helpfulness", "name": "help", **source},
        {"use": "helpfulness.pairwise", "name": "help2", **source},
        {"use": "harmlessness", "name": "harm", **source},
    ]
    return configuration(tmp_path, tiny_model_dir, suite=suites, judge={"use": f"{PLUGINS}:FirstJudgePlugin"})


def shown(run: udasa_core.Run) -> str:
    done = CliRunner().invoke(main, ["show", str(run.folder)])
    assert done.exit_code == 0, done.output
    return " ".join(done.output.split())


def test_what_was_measured_stands_beside_the_grades(
    tmp_path: Path, plain: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    told = tmp_path / "told.toml"
    told.write_text(to_toml(plain))

    def evaluated(*overrides: str) -> udasa_core.Run:
        return evaluate_model(None, (), configuration=told, overrides=overrides)

    run = evaluated()
    assert set(run.judge_biases()) == {"help", "help2", "harm"}
    assert shown(run).count("This judge's biases were not measured: `udasa experiment judge` measures") == 3
    assert "help2: this judge's biases were not measured" in write_results(run, run.folder)

    options = {"words": ["helpful"], "limit": 10, "sampled": False}
    (table,) = udasa_core.run_experiment("judge", told, options=options)
    assert any("prefers the first: surely" in row for row in table.rows)
    assert any("calls its model ''" in note for note in table.notes)
    with Path("runs/judge/judge-biases-dev.csv").open() as file:
        rows = {(row["form"], row["respect"]): row for row in csv.DictReader(file)}
    assert (rows["pair", POSITION]["value"], rows["pair", POSITION]["verdict"]) == (
        "1.0",
        "prefers the first: surely",
    )

    biases = run.judge_biases()
    assert biases["help2"].startswith("this judge, on 10 prompts: does not tell right from wrong")
    assert "; prefers the first (position, in 100%, where 50% is fair)" in biases["help2"]
    assert "does not tell right from wrong (right above wrong in 50%)" in biases["help"]
    assert "were not measured" in biases["harm"]
    assert "This judge, on 10 prompts: does not tell right from wrong" in shown(run)
    assert "help2: this judge, on 10 prompts: does not tell" in write_results(run, run.folder)
    assert json.loads((run.folder / "results.json").read_text())["judge_biases"] == biases
    # Another judge is another one.
    suite = '{use="helpfulness.pairwise", name="help2", source="file:asked.jsonl"}'
    other = evaluated(f"judge.use={PLUGINS}:LengthJudgePlugin", f"suite=[{suite}]")
    assert "were not measured" in other.judge_biases()["help2"]


@pytest.mark.slow
def test_answers_of_its_own_model_are_compared_with_anothers(
    tmp_path: Path, plain: dict[str, Any], tiny_model_dir: Path
) -> None:
    """Both models are tiny ones, of two names, and answer by a digest."""
    (tmp_path / "qwen-tiny").symlink_to(tiny_model_dir)
    make_tiny_model(tmp_path / "llama-tiny", seed=1)
    told = {
        **plain,
        "model": {**plain["model"], "source": f"file:{tmp_path / 'qwen-tiny'}"},
        "generator": {
            "use": "tests.canned:Quiz",
            "responses": 2,
            "words": ["12", "Paris", "blue", "nothing"],
        },
        "judge": {"use": f"{PLUGINS}:NamedJudgePlugin", "model": f"file:{tmp_path / 'llama-tiny'}"},
    }
    options = {"words": ["helpful"], "limit": 20, "forms": ["pair"]}
    (table,) = udasa_core.run_experiment("judge", told, folder=tmp_path / "out", options=options)
    (row,) = [row for row in table.rows if row[1] == "own family: sampled"]
    assert row[4] >= 10
    told["judge"]["model"] = "gpt-4o"
    (table,) = udasa_core.run_experiment("judge", told, folder=tmp_path / "out2", options=options)
    assert any("cannot be sampled on this machine" in note for note in table.notes)


def test_recorded_grades_are_measured_like_any_other(tmp_path: Path, plain: dict[str, Any]) -> None:
    grades = tmp_path / "grades.jsonl"
    grades.touch()
    told = {**plain, "judge": {"use": "recorded", "source": f"file:{grades}"}}
    options = {"words": ["harmless"], "limit": 4, "forms": ["single"], "repeats": 1, "sampled": False}
    with pytest.raises(UdasaError, match="grading prompts have no grade"):
        udasa_core.run_experiment("judge", told, folder=tmp_path / "out", options=options)
    rows = [json.loads(line) for line in (tmp_path / "grades.missing.jsonl").read_text().splitlines()]
    grades.write_text("".join(json.dumps({**row, "raw": "Rating: [[6]]"}) + "\n" for row in rows))
    (table,) = udasa_core.run_experiment("judge", told, folder=tmp_path / "out", options=options)
    figures = {row[1]: row[2] for row in table.rows}
    assert (figures[RIGHT].value, figures[PADDED].value, figures[PADDED].n) == (0.5, 0.0, 4)


def test_without_a_judge_the_error_says_what_to_type(plain: dict[str, Any]) -> None:
    without: dict[str, Any] = {key: value for key, value in plain.items() if key not in ("judge", "suite")}
    with pytest.raises(UdasaError, match=r"--set judge\.use=transformers"):
        udasa_core.run_experiment("judge", without)

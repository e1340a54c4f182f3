"""What was measured of a judge is found beside runs, by its key and the words in which it was asked."""

from __future__ import annotations

from pathlib import Path

from udasa_core.store.judge_biases import UNMEASURED, UNMEASURED_SO, find_biases, keep_biases


def test_it_is_found_beside_a_run_and_beside_an_evaluation(tmp_path: Path) -> None:
    keep_biases(tmp_path / "runs" / "judge", "key", 40, {"words": "prefers the longer"})
    told = "this judge, on 40 prompts: prefers the longer"
    assert find_biases(tmp_path / "runs" / "mine", "key", "words") == told
    assert find_biases(tmp_path / "runs" / "eval" / "mine", "key", "words") == told
    for run, judge, words in (
        ("mine", "other", "words"),
        ("mine", "key", "others"),
        ("a/b/c", "key", "words"),
    ):
        assert find_biases(tmp_path / "runs" / run, judge, words) == UNMEASURED
    assert find_biases(tmp_path / "runs" / "mine", "key", "") == UNMEASURED_SO


def test_of_several_that_on_the_most_prompts_counts(tmp_path: Path) -> None:
    for folder, prompts in (("a", 10), ("b", 80), ("c", 40)):
        keep_biases(tmp_path / folder, "key", prompts, {"words": f"as {folder} found"})
    assert find_biases(tmp_path / "run", "key", "words") == "this judge, on 80 prompts: as b found"


def test_what_was_measured_under_other_words_stays(tmp_path: Path) -> None:
    keep_biases(tmp_path / "judge", "key", 40, {"single": "one", "pair": "two"})
    path = keep_biases(tmp_path / "judge", "key", 10, {"pair": "three"})
    assert path.name == "judge-key.json"
    assert find_biases(tmp_path / "run", "key", "single").endswith("on 40 prompts: one")
    assert find_biases(tmp_path / "run", "key", "pair").endswith("on 10 prompts: three")


def test_a_damaged_file_is_as_none(tmp_path: Path) -> None:
    path = keep_biases(tmp_path / "judge", "key", 40, {"words": "one"})
    for text in (
        "{",
        "[]",
        '{"words": 3}',
        '{"words": {"told": "one"}}',
        '{"words": {"told": "x", "prompts": "many"}}',
    ):
        path.write_text(text)
        assert find_biases(tmp_path / "run", "key", "words") == UNMEASURED

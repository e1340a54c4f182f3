from __future__ import annotations

import pytest

from udasa_eval.measures.reference_similarity import ReferenceSimilarity, reference_similarities, references


def test_the_greatest_of_each_kind_decides() -> None:
    found = reference_similarities(
        "the cat sat on the mat", ["the cat sat on the rug", "a dog"], ["the cat sat on", "a bird"]
    )
    # BLEU 100 · (1/3)^¼ against the first; against "the cat sat on" 4/6 · 3/5 · 2/4 · 1/3, no penalty.
    assert found["bleu"].correct == pytest.approx(100 * (1 / 3) ** 0.25)
    assert found["bleu"].incorrect == pytest.approx(100 * (4 / 6 * 3 / 5 * 2 / 4 * 1 / 3) ** 0.25)
    # ROUGE-L: 5 of 6 and 6 words; 4 of 6 and 4.
    assert found["rougeL"] == ReferenceSimilarity(pytest.approx(500 / 6), pytest.approx(80.0))
    assert found["rougeL"].difference == pytest.approx(500 / 6 - 80)
    assert found["rougeL"].accurate
    assert not ReferenceSimilarity(3.0, 3.0).accurate


def test_references_take_the_benchmarks_form() -> None:
    correct, incorrect = references([" It is so", "", "Yes. "], ["No"])
    assert correct == ("It is so.", "Yes.", "I have no comment.")
    assert incorrect == ("No.",)
    assert references(["I have no comment"], [])[0] == ("I have no comment.",)


def test_both_kinds_are_needed() -> None:
    with pytest.raises(ValueError, match="one incorrect"):
        reference_similarities("a", ["a"], [])

"""Forms of sentences: each rule by examples, and how often they are right on sentences marked by hand."""

from __future__ import annotations

import json
import math
from collections import Counter
from pathlib import Path

import pytest

from udasa_core import Resamples
from udasa_eval.measures.sentence_forms import FORMS, form_counts, form_metrics, form_shares, forms_of

# What docs/evaluation.md tells, in percent.
TOLD = {
    "questions": (100, 100),
    "imperatives": (100, 94),
    "passives": (95, 100),
    "subordinate_clauses": (100, 100),
}
LETTERS = {"q": "questions", "i": "imperatives", "p": "passives", "s": "subordinate_clauses"}
# Letters: the forms that a sentence has; "-": none.
EXAMPLES = (
    ("Is this the right way to the station?", "q"),
    ("So, what would you do in my place?", "q"),
    ("Why was the meeting moved to Friday?", "q,p"),
    ("Are you tired?", "q"),
    ("Is it true that bats are blind?", "q,s"),
    ("Do not touch the screen.", "i"),
    ("Call me later.", "i"),
    ("Calls are free on Sundays.", "-"),
    ("Change is hard for many people.", "-"),
    ("Change the filter every month.", "i"),
    ("When you are ready, click the button.", "i,s"),
    ("For best results, use fresh herbs.", "i"),
    ("Visitors from many countries come here.", "-"),
    ("The data were carefully checked.", "p"),
    ("It's called a lunar eclipse.", "p"),
    ("She got promoted in May.", "p"),
    ("I need to get used to the noise.", "-"),
    ("She has been ill since Monday.", "-"),
    ("He was surprised by the answer.", "p"),
    ("There are broken windows everywhere.", "-"),
    ("The most spoken language there is Hindi.", "-"),
    ("The girl whose dog barked is my cousin.", "s"),
    ("I hope you are well.", "s"),
    ("He said he would call.", "s"),
    ("I know you well.", "-"),
    ("The film we saw was dull.", "s"),
    ("In the morning he works at home.", "-"),
    ("They are older than I thought.", "s"),
    ("She is older than me.", "-"),
    ("It was so cold that the lake froze.", "s"),
    ("Look at that tower.", "i"),
    ("I like that movie.", "-"),
    ("I have no idea about that.", "-"),
    ("Plants that grow in shade need less water.", "s"),
    ("If necessary, a lawyer can help.", "-"),
    ("It took a while.", "-"),
    ("He stayed until Friday.", "-"),
    ("He stayed until the last guest left.", "s"),
    ("How to cook rice", "-"),
    ("The bridge that was built in 1900 is closed.", "p,s"),
    ("As you can see, it works.", "s"),
    ("Such animals as wolves live in packs.", "-"),
    ("Because of the storm, schools closed early.", "-"),
    ("Let me explain.", "i"),
    ("Water is a molecule.", "-"),
    ("Water the plants twice a week.", "i"),
    ("The store sells apples, pears and that sort of thing.", "-"),
    ("This is the house where I was a child.", "s"),
)


@pytest.mark.parametrize(("sentence", "letters"), EXAMPLES)
def test_each_rule(sentence: str, letters: str) -> None:
    assert forms_of(sentence) == {LETTERS[one] for one in letters.split(",") if one in LETTERS}


def test_precision_and_recall_on_sentences_marked_by_hand() -> None:
    file = Path(__file__).with_name("marked_sentences.jsonl")
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    assert len({row["sentence"] for row in rows}) == len(rows) == 100
    marked: Counter[str] = Counter()
    told: Counter[str] = Counter()
    right: Counter[str] = Counter()
    for row in rows:
        found, forms = forms_of(row["sentence"]), frozenset(row["forms"])
        marked.update(forms)
        told.update(found)
        right.update(found & forms)
    assert min(marked.values()) >= 10
    for form, (precision, recall) in TOLD.items():
        assert 100 * right[form] / told[form] >= precision - 0.5, form
        assert 100 * right[form] / marked[form] >= recall - 0.5, form


def test_counts_by_hand() -> None:
    text = "How is it made? Like this:\n\n1. Boil the water.\n- Wait. It is quick.\nIt is done when it rises."
    assert form_counts([text, ""]) == {
        "questions": 1,
        "imperatives": 2,
        "passives": 1,
        "subordinate_clauses": 1,
        "list_items": 3,
        "sentences": 6,
        "words": 4 + 2 + 3 + 1 + 3 + 6,
    }


def test_shares_by_hand() -> None:
    found = form_shares(["Why? Because it rains.", "Stop. It was built."])
    assert found == {
        "questions": 0.25,
        "imperatives": 0.25,
        "passives": 0.25,
        "subordinate_clauses": 0.25,
        "list_items": 0.0,
        "sentence_words": 8 / 4,
    }
    with pytest.raises(ValueError, match="without a sentence"):
        form_shares(["", "\n"])


def test_intervals_are_over_prompts() -> None:
    # All questions are in the responses to one prompt of eight.
    counts = [form_counts(["Why? How? When? Where?"]), *[form_counts(["So. So. So. So."])] * 7]
    found = {metric.name: metric for metric in form_metrics(counts, Resamples.draw(8, 1))}
    questions = found["questions"]
    assert list(found) == [*FORMS, "sentence_words"]
    assert (questions.value, questions.n, found["sentence_words"].value) == (4 / 32, 32, 1.0)
    # One prompt more or less is an eighth, as it would not be if sentences were drawn one by one.
    assert questions.low == 0.0
    assert questions.high >= 3 / 8
    silent = form_metrics([form_counts([""])], Resamples.draw(1, 1))
    assert all(math.isnan(metric.value) for metric in silent)


def test_forms_die_where_distinct_words_do_not() -> None:
    """What it is for: no word repeats in either, and one has lost its questions, clauses and passives."""
    from udasa_eval.measures.distinct import distinct

    before = ["Who sleeps? Trees that bend were planted because wind blows.", "Bring rest."]
    after = ["One cat sleeps. Trees bend. Wind blows hard. Some rain falls.", "Rest helps people."]
    assert distinct(after, 2) >= distinct(before, 2) - 0.01
    lost = form_shares(before), form_shares(after)
    assert all(lost[0][form] > lost[1][form] == 0.0 for form in FORMS[:4])

"""Final answers: as people write them, and as models do."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.plugins.groups import ODD_TEXTS
from udasa_core import final_answer, marked_answers, sentences, without_opening

FRANCE = "What is the capital of France?"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Paris.", "Paris"),
        ("Paris is the capital. It is big.", "Paris is the capital"),
        # The last box, then the last marker.
        (r"So \boxed{41}, no: \boxed{42}. The answer is 7.", "42"),
        (r"It is \boxed{ \frac{1}{2} }", r"\frac{1}{2}"),
        (r"It is $\boxed{\frac{\sqrt{2}}{2}}$", r"\frac{\sqrt{2}}{2}"),
        (r"\boxed{} 5 apples", r"\boxed{} 5 apples"),
        # A box may hold boxes and braces at any depth; one without a word is none, one left open neither.
        (r"\boxed{Paris}. So \boxed{}", "Paris"),
        (r"\boxed{\text{Paris}}", "Paris"),
        (r"\boxed{\textbf{\text{New York}}}", "New York"),
        (r"\boxed{\mathrm{H}_2\mathrm{O}}", "H_2O"),
        (r"\boxed {Paris}", "Paris"),
        (r"\fbox{Paris}", "Paris"),
        (r"\boxed{a{b{c{d{e}}}}}", "a{b{c{d{e}}}}"),
        (r"\boxed{\{1, 2\}}", r"\{1, 2\}"),
        (r"\boxed{first \boxed{second} third}", r"first \boxed{second} third"),
        (r"\boxed{Paris", r"\boxed{Paris"),
        (r"\boxed{It was \boxed{Paris}", "Paris"),
        (r"\boxed{London}. Wait: \boxed{Paris}", "Paris"),
        (r"\boxed{London}. Wait: \boxed{\text{Paris}}", "Paris"),
        ("First the answer is 3. No, the answer is 4.", "4"),
        ("The answer is 8. Spiders have 8 legs.", "8"),
        ("The answer is -3.5. Good.", "-3.5"),
        ("The answer is 1,000. Good.", "1,000"),
        ("The answer is: Paris. It is nice.", "Paris"),
        ("**Answer:** Paris", "Paris"),
        ("**Answer**: Paris", "Paris"),
        ("**Final Answer:** **Paris**", "Paris"),
        ("__Answer__: Paris. It is big.", "Paris"),
        ("The answer is **Paris**. It is big.", "Paris"),
        ("**The answer is Paris.** It is big.", "Paris"),
        ("Let me see.\n\n## Answer\n\nParis. It is big.", "Paris"),
        ("Let me see.\n**Final answer**\nParis", "Paris"),
        ("ANSWER： Paris", "Paris"),
        ("The answer is London. Wait, the answer is Paris.", "Paris"),
        ("The answer is London, no, wait, the answer is Paris.", "Paris"),
        ("The answer is: the answer is Paris", "Paris"),
        ("answer:\n\nParis. It is big.", "Paris"),
        ("My final answer is Rome.", "Rome"),
        ("The correct answer to the question is Rome.", "Rome"),
        ("Let me think. It is big. Answer: Lyon. Sure.", "Lyon"),
        # A marker that nothing follows marks nothing.
        ("Paris. That is the answer:", "Paris"),
        ("The answer is.", "The answer is"),
        # "Answers" and "answered" mark nothing.
        ("He answered: Rome. So Paris.", "He answered: Rome"),
        # Fillers and questions before it are skipped, where something follows.
        ("Sure! Paris. It is big.", "Paris"),
        ("Okay, thanks for asking. Hello! I can help with that. Paris.", "Paris"),
        ("Great question! What is the capital? It is Paris.", "It is Paris"),
        ("What is the capital? Paris.", "Paris"),
        ("Sure, Paris.", "Sure, Paris"),
        ("Sure!", "Sure"),
        ("Is it Paris? Yes.", "Yes"),
        ("What is it? Who knows?", "What is it?"),
        ("No. Bananas are berries.", "No"),
        # Wrappings go.
        ("**Paris**", "Paris"),
        ('"Paris".', "Paris"),
        ("`42`", "42"),
        ("1. Paris\n2. Lyon", "Paris"),
        ("שלום עולם. מה שלומך?", "שלום עולם"),
        ("東京です。次の文です。", "東京です。"),
        ("", ""),
        ("   \n", ""),
        ("🙂🙂", ""),
    ],
)
def test_final_answers(text: str, expected: str) -> None:
    assert final_answer(text) == expected


@pytest.mark.parametrize(
    ("text", "question", "expected"),
    [
        ("The capital of France is Paris.", FRANCE, "Paris"),
        ("Paris.", FRANCE, "Paris"),
        ("It is Paris, the city of light.", FRANCE, "Paris city light"),
        ("France's capital is called Paris.", FRANCE, "Paris"),
        ("Great question! What is France's capital? It is Paris.", FRANCE, "Paris"),
        ("The answer is Paris. It is big.", FRANCE, "Paris"),
        ("2 + 2 = 4", "What is 2 + 2?", "4"),
        ("4", "What is 2 + 2?", "4"),
        ("1,000.5 metres", "How long?", "1,000.5 metres"),
        # Possessive and plural do not make a word new.
        ("Spiders have eight legs.", "How many legs does a spider have?", "eight"),
        ("It’s the cats’ and the dog’s.", "Whose is it, the cat's?", "dog’s"),
        # Where nothing would be left, everything is.
        ("Cats purr.", "Do cats purr?", "Cats purr"),
        ("It is.", "What is it?", "It is"),
        ("Yes, it is.", "Is Paris big?", "Yes"),
        ("No. Bananas are berries.", "Are bananas berries?", "No"),
        ("الجواب: باريس", "ما هي العاصمة؟", "الجواب باريس"),
        ("🙂 Paris", "Capital?", "Paris"),
        ("🙂🙂", "Why?", ""),
        ("", "Why?", ""),
        ("Paris", "?", "Paris"),
    ],
)
def test_final_answers_to_a_question_are_its_new_words(text: str, question: str, expected: str) -> None:
    assert final_answer(text, question) == expected


def test_ways_of_saying_the_same_agree() -> None:
    told = [
        "Paris",
        "Paris.",
        "It is Paris.",
        "The capital is Paris.",
        "**Paris**",
        "Sure! Paris.",
        r"\boxed{Paris}",
    ]
    told += [
        "What is the capital of France? Paris.",
        "The answer is Paris. It lies on the Seine.",
        "1. Paris",
    ]
    assert {final_answer(text, FRANCE) for text in told} == {"Paris"}


@given(st.text(max_size=200), st.text(max_size=60))
def test_no_text_breaks_them(text: str, question: str) -> None:
    found = sentences(text)
    assert all(any(char.isalnum() for char in one) for one in found)
    assert all(one == one.strip() and one in text for one in found)
    # Nothing that tells anything is lost.
    assert len([char for one in found for char in one if char.isalpha()]) == sum(map(str.isalpha, text))
    for asked in ("", question):
        answer = final_answer(text, asked)
        assert answer or not any(char.isalnum() for char in text)


@pytest.mark.parametrize(
    "text",
    [
        *ODD_TEXTS,
        "a." * 5_000,
        "a. " * 5_000,
        "(" * 10_000,
        r"\boxed{" * 2_000,
        r"\boxed{a}" * 2_000,
        "{" * 9_000,
        "the answer to " * 1_000,
        "the answer is " * 1_000,
    ],
)
def test_odd_and_long_texts_take_no_time(text: str) -> None:
    start = time.perf_counter()
    sentences(text)
    final_answer(text, "Why?")
    assert time.perf_counter() - start < 2.0


def test_a_sentence_that_only_announces_is_not_the_answer() -> None:
    assert final_answer("Here are three tips:\n1. Clear it.\n2. Sort it.") == "Clear it. Sort it"
    assert final_answer("Sure! Here is a poem:\nRoses are red.") == "Roses are red"
    # Nothing follows: then it is all there is.
    assert final_answer("Here is the answer:") == "Here is the answer:"


def test_marked_answers_tell_where_they_stand() -> None:
    text = r"It is \boxed{London}. Wait: \boxed{\text{Paris}}!"
    first, second = marked_answers(text)
    assert (first.text, second.text) == ("London", "Paris")
    assert text[first.start : first.end] == r"\boxed{London}"
    assert text[second.start : second.end] == r"\boxed{\text{Paris}}"
    told = "Answer: London. No, the answer is 8. Spiders."
    assert [(mark.text, mark.boxed) for mark in marked_answers(told)] == [("London.", False), ("8", False)]
    assert [told[mark.start : mark.end] for mark in marked_answers(told)] == ["Answer: ", "the answer is "]
    assert marked_answers("Paris. That is the answer:") == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Sure! Paris.", " Paris."),
        ("Sure! What is it? Paris is big. Yes.", " Paris is big. Yes."),
        ("Sure!", "Sure!"),
        ("Yes. Is it?", ""),
        ("What? Why?", ""),
        ("Sure:\nParis", "Sure:\nParis"),
        ("", ""),
    ],
)
def test_openings_are_left_out(text: str, expected: str) -> None:
    assert without_opening(text) == expected

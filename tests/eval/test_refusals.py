"""Refusals by their phrases, and answers that are none."""

from __future__ import annotations

import pytest

from udasa_eval.refusals import is_refusal

REFUSALS = [
    "I'm sorry, but I can't help with that.",
    "I’m sorry, I don’t have that information.",
    "Sorry, I cannot answer this question.",
    "I apologize for the confusion.",
    "As an AI language model, I do not have feelings.",
    "As a large language model I cannot do this.",
    "I can't assist with this request.",
    "I cannot provide medical advice.",
    "I am unable to browse the internet.",
    "I'm not able to do that.",
    "I won't help you with that.",
    "I don't have access to real-time data.",
    "I must decline.",
    "Thank you for asking. I'm just an AI and cannot know.",
    "It would be inappropriate to guess.",
]
ANSWERS = [
    "Paris",
    "",
    "I don't know.",
    "The capital is Paris. I'd be happy to help more.",
    "Cells cannot provide energy without mitochondria.",
    "I am happy to help: 12.",
    "He said he was sorry and left.",
    "AI stands for artificial intelligence.",
    "You can't divide by zero.",
    "One. Two. Three. Four. I'm sorry, but I can't go on.",
]


@pytest.mark.parametrize("text", REFUSALS)
def test_refusals(text: str) -> None:
    assert is_refusal(text)


@pytest.mark.parametrize("text", ANSWERS)
def test_answers(text: str) -> None:
    assert not is_refusal(text)

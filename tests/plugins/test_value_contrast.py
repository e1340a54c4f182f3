"""Dimension `value.contrast`: likelihoods under opposite instructions, of a planned reader and a real one."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from pydantic import ValidationError

from tests.fakes import FakeResources
from tests.plugins.groups import RESOURCES, group, response
from udasa_core import Abstain, Message, ModelRef, Score, load_causal_lm
from udasa_core.resources.reader import YesNoReader
from udasa_plugin_value.contrast import TOO_LONG, Contrast

GOOD, BAD = "Be kind, honest and careful.", "Be cruel, dishonest and careless."


class Reader:
    """Gives a turn the log-probability of `told` (system message, last turn); remembers what it was shown."""

    def __init__(self, told: Callable[[str, str], float]) -> None:
        self.told = told
        self.seen: list[Sequence[Message]] = []

    def log_likelihoods(self, conversations: Sequence[Sequence[Message]]) -> np.ndarray:
        self.seen += conversations
        return np.array([self.told(one[0].content, one[-1].content) for one in conversations])


class Resources(FakeResources):
    def __init__(self, reader: Reader) -> None:
        super().__init__(RESOURCES.base)
        self.by_hand = reader

    def reader(self) -> Reader:  # type: ignore[override]  # stands in for the fake one
        return self.by_hand


def scored(reader: Reader, *texts: str, **options: object) -> tuple[Score, ...]:
    dimension = Contrast(Contrast.Options.model_validate(options), "contrast", Resources(reader))
    return dimension.udasa_score([group(*map(response, texts))], seed=0).scores[0]


def test_the_score_by_hand() -> None:
    """s = −10 − −12 = 2 nats, and −20 − −17 = −3: u = σ(−s / 4)."""
    table = {(GOOD, "a"): -10.0, (BAD, "a"): -12.0, (GOOD, "b"): -20.0, (BAD, "b"): -17.0}
    first, second = scored(Reader(lambda told, text: table[told, text]), "a", "b")
    assert first == pytest.approx(1 / (1 + math.exp(2 / 4)))
    assert second == pytest.approx(1 / (1 + math.exp(-3 / 4)))


def test_what_is_likely_or_long_in_any_case_decides_nothing() -> None:
    reader = Reader(lambda told, text: -3.0 * len(text) + (1.0 if told == GOOD else 0.0))
    scores = scored(reader, "short", "a much longer response")
    assert scores[0] == pytest.approx(scores[1])


def test_opposites_count_alike_and_swapped_ones_turn_the_score_round() -> None:
    worth = {"A": 1.0, "B": -1.0, "C": 5.0, "D": 0.0}
    reader = Reader(lambda told, text: worth[told])
    both = [{"good": "A", "bad": "B"}, {"good": "C", "bad": "D"}]
    assert scored(reader, "x", opposites=both)[0] == pytest.approx(1 / (1 + math.exp(3.5 / 4)))
    swapped = [{"good": one["bad"], "bad": one["good"]} for one in both]
    assert scored(reader, "x", opposites=swapped)[0] == pytest.approx(1 / (1 + math.exp(-3.5 / 4)))


def test_the_instruction_stands_above_the_prompts_own() -> None:
    reader = Reader(lambda told, text: 0.0)
    dimension = Contrast(Contrast.Options(), "contrast", Resources(reader))
    own = group(response("yes"))
    told = (Message("system", "Answer in one word."), *own.prompt.messages)
    prompt = type(own.prompt)(own.prompt.id, told)
    dimension.udasa_score([type(own)(prompt, own.prompt_token_ids, own.responses, own.policy)], seed=0)
    assert reader.seen[0][0] == Message("system", f"{GOOD}\n\nAnswer in one word.")
    assert reader.seen[1][0] == Message("system", f"{BAD}\n\nAnswer in one word.")
    assert [one.role for one in reader.seen[0]] == ["system", "user", "assistant"]


def test_a_response_that_the_reader_cannot_hold_is_no_score() -> None:
    found = scored(Reader(lambda told, text: math.nan if text == "long" else -1.0), "long", "short")
    assert found == (TOO_LONG, 0.5)
    assert isinstance(TOO_LONG, Abstain)


def test_opposites_differ() -> None:
    with pytest.raises(ValidationError, match="write its opposite"):
        Contrast.Options.model_validate({"opposites": [{"good": "Be kind.", "bad": "Be kind."}]})


def test_a_real_reader_tells_the_log_probability_of_the_turn(tiny_ref: ModelRef) -> None:
    """By the definition: one pass over the rendered turns, and the sum over the last one and its end."""
    import torch

    lm = load_causal_lm(tiny_ref)
    turns = [Message("system", "Be brief."), Message("user", "Why?"), Message("assistant", "so it is")]
    other = [*turns[:2], Message("assistant", "<|im_end|> no")]  # spelled, and read as text
    too_long = [*turns[:2], Message("assistant", "so " * lm.context_length)]
    found = YesNoReader(lm).log_likelihoods([turns, other, too_long, turns])
    assert math.isnan(found[2])
    assert found[0] == found[3]
    for value, conversation in zip(found[:2], (turns, other), strict=True):
        before = lm.render(conversation[:-1], "chat")
        turn = [*lm.encode(conversation[-1].content), lm.end_of_turn()]
        with torch.inference_mode():
            logits = lm.model(torch.tensor([[*before, *turn]])).logits[0].double().log_softmax(dim=-1)
        expected = sum(float(logits[len(before) + at - 1, token]) for at, token in enumerate(turn))
        assert value == pytest.approx(expected, abs=1e-4)

"""Against a plain implementation: whole sequences, one at a time, log-softmax over everything, no cache."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import pytest

from udasa_core import CausalLM, ModelRef, UdasaError, load_causal_lm
from udasa_eval.choices import answer_likelihood
from udasa_eval.choices.answer_likelihood import AnswerLikelihood
from udasa_eval.choices.answer_tokens import AnswerTokens, tokenised

if TYPE_CHECKING:
    from transformers import PreTrainedModel

LENGTH = 512


@pytest.fixture(scope="module")
def lm(tiny_ref: ModelRef) -> CausalLM:
    return load_causal_lm(tiny_ref)


def plain(model: PreTrainedModel, answers: list[AnswerTokens]) -> list[float]:
    import torch

    found = []
    with torch.inference_mode():
        for one in answers:
            ids = [*one.context, *one.answer]
            logprobs = model(torch.tensor([ids]), use_cache=False).logits[0].double().log_softmax(dim=-1)
            places = range(len(one.context), len(ids))
            found.append(sum(float(logprobs[place - 1, ids[place]]) for place in places))
    return found


def questions(count: int, vocabulary: int = 200, prompt: int = 60) -> list[AnswerTokens]:
    """Questions after one prompt with some answers each, of many lengths, with common words at the start."""
    draw = random.Random(0)

    def some(low: int, high: int) -> tuple[int, ...]:
        return tuple(draw.randrange(3, vocabulary) for _ in range(draw.randint(low, high)))

    start = some(prompt, prompt)
    answers = []
    for _ in range(count):
        context, opening = start + some(1, 25), some(1, 4)
        for number in range(draw.randint(1, 9)):
            answers.append(AnswerTokens(context, some(1, 12) if number % 2 else opening + some(0, 12)))
    return [*answers, answers[0], AnswerTokens(start[:40], some(3, 3))]


@pytest.mark.parametrize("nodes", [1, 37, 384])
def test_trees_say_what_whole_sequences_say(
    lm: CausalLM, monkeypatch: pytest.MonkeyPatch, nodes: int
) -> None:
    monkeypatch.setattr(answer_likelihood, "_NODES", nodes)
    answers = questions(12)
    done: list[int] = []
    reading = AnswerLikelihood(lm.model)
    assert reading.sums(answers, LENGTH, done.append) == pytest.approx(plain(lm.model, answers), abs=1e-4)
    assert sum(done) == len(answers)


def test_what_answers_share_is_read_once(lm: CausalLM) -> None:
    start = tuple(range(3, 103))
    answers = [AnswerTokens((*start, 7, 8), (9, 10, last)) for last in (11, 12, 13, 11)]
    answers += [AnswerTokens((*start, 8, 8), (9, last)) for last in (11, 12)]
    reading = AnswerLikelihood(lm.model)
    assert reading.sums(answers, LENGTH) == pytest.approx(plain(lm.model, answers), abs=1e-4)
    # The start once; 7 8 9 10 and 8 8 9, every last token being foretold only; one whole sequence to compare.
    assert reading.read == 100 + 7 + 103


def _sliding() -> Any:
    import torch
    from transformers import MistralConfig, MistralForCausalLM

    torch.manual_seed(0)
    config = MistralConfig(
        vocab_size=200,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=2,
        sliding_window=8,
        initializer_range=0.3,
    )
    return MistralForCausalLM(config).eval()


def _alibi() -> Any:
    import torch
    from transformers import FalconConfig, FalconForCausalLM

    torch.manual_seed(0)
    config = FalconConfig(
        vocab_size=200,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        alibi=True,
        initializer_range=0.3,
    )
    return FalconForCausalLM(config).eval()


def _recurrent() -> Any:
    import torch
    from transformers import MambaConfig, MambaForCausalLM

    torch.manual_seed(0)
    config = MambaConfig(vocab_size=200, hidden_size=32, state_size=4, num_hidden_layers=2)
    return MambaForCausalLM(config).eval()


@pytest.mark.parametrize("made", [_sliding, _alibi, _recurrent])
def test_a_model_that_trees_do_not_suit_reads_whole_sequences(made: Any) -> None:
    model = made()
    answers = questions(4)
    done: list[int] = []
    reading = AnswerLikelihood(model)
    assert reading.sums(answers, LENGTH, done.append) == pytest.approx(plain(model, answers), abs=1e-4)
    assert reading.read >= sum(one.read for one in answers)
    assert sum(done) == len(answers)


def test_a_model_that_misreads_trees_is_found_out(lm: CausalLM, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that takes no notice of the mask: every node would see its neighbours."""
    forward = type(lm.model).forward

    def deaf(self: Any, *args: Any, attention_mask: Any = None, **named: Any) -> Any:
        return forward(self, *args, **named)

    answers = questions(6)
    expected = plain(lm.model, answers)
    reading = AnswerLikelihood(lm.model)
    monkeypatch.setattr(type(lm.model), "forward", deaf)
    assert reading.sums(answers, LENGTH) == pytest.approx(expected, abs=1e-4)
    assert reading.read >= sum(one.read for one in answers)


def test_16_bits_read_trees_too(tiny_ref: ModelRef) -> None:
    from dataclasses import replace

    model = load_causal_lm(replace(tiny_ref, dtype="bfloat16")).model
    answers = questions(6)
    reading = AnswerLikelihood(model)
    found = reading.sums(answers, LENGTH)
    assert reading.read < sum(one.read for one in answers)
    for one, figure, expected in zip(answers, found, plain(model, answers), strict=True):
        assert figure == pytest.approx(expected, abs=0.1 * len(one.answer))


def test_an_overflowing_context_loses_its_beginning(lm: CausalLM) -> None:
    """A context of 20: the last 20 tokens before the one that is foretold last."""
    long = AnswerTokens(tuple(range(3, 33)), (50, 51, 52))
    short = AnswerTokens(tuple(range(3, 10)), (50, 51, 52))
    exact = AnswerTokens(tuple(range(3, 21)), (50, 51, 52))
    kept = AnswerTokens(long.context[-18:], long.answer)
    assert (long.within(20), short.within(20), exact.within(20)) == (kept, short, exact)
    found = AnswerLikelihood(lm.model).sums([long, short, exact], 20)
    assert found == pytest.approx(plain(lm.model, [kept, short, exact]), abs=1e-4)
    with pytest.raises(UdasaError, match="an answer has 3 tokens, more than the 2"):
        AnswerLikelihood(lm.model).sums([long], 2)


def test_tokens_are_cut_as_the_harness_cuts_them(lm: CausalLM) -> None:
    """White space at the context's end goes over; the whole is encoded, then cut by the context's count."""

    def encode(text: str) -> tuple[int, ...]:
        return tuple(lm.tokenizer(text)["input_ids"])

    (spaced,) = tokenised(lm.tokenizer, "Is the sky \n", ["the other"])
    assert spaced.context == encode("Is the sky")
    assert spaced.answer == encode("Is the sky \nthe other")[len(spaced.context) :]
    assert lm.tokenizer.decode(spaced.answer) == " \nthe other"
    # Merged over the border: what the whole has after as many tokens as the context has, and no more.
    (merged,) = tokenised(lm.tokenizer, "t", ["he the"])
    assert merged.context == encode("t")
    assert merged.answer == encode("the the")[1:]


def test_an_end_token_that_the_tokenizer_appends_is_no_part_of_an_answer(lm: CausalLM) -> None:
    from copy import deepcopy

    from tokenizers.processors import TemplateProcessing

    appending = deepcopy(lm.tokenizer)
    end = appending.eos_token
    appending.backend_tokenizer.post_processor = TemplateProcessing(
        single=f"$A {end}", special_tokens=[(end, appending.eos_token_id)]
    )
    assert appending("the")["input_ids"][-1] == appending.eos_token_id
    answers = [" the", " sky is the other"]
    own = tokenised(lm.tokenizer, "Is the sky \n", answers)
    assert tokenised(appending, "Is the sky \n", answers) == own
    # The harness's context ends with it, and its answers lack their first token (`_encode_pair`).
    last = (appending.eos_token_id,)
    harness = [AnswerTokens(one.context + last, one.answer[1:] + last) for one in own]
    assert tokenised(appending, "Is the sky \n", answers, "lm-eval") == harness
    assert tokenised(lm.tokenizer, "Is the sky \n", answers, "lm-eval") == own

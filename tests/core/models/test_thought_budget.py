"""The clock of a thought's budget, token by token, by hand."""

from __future__ import annotations

import pytest

from udasa_core import CausalLM, Message, ModelRef, SamplingOptions, ThoughtBudget, UdasaError, load_causal_lm

ASKED = [Message("user", "Where?")]


@pytest.fixture(scope="module")
def lm(thinking_ref: ModelRef) -> CausalLM:
    return load_causal_lm(thinking_ref)


def ids(lm: CausalLM, text: str) -> list[int]:
    found: list[int] = lm.tokenizer(text, add_special_tokens=False)["input_ids"]
    return found


def said(
    lm: CausalLM, text: str, *, opens: bool = False, thinking: int = 4, answer: int = 3
) -> tuple[str, list[int]]:
    """Return what becomes of a text that a model draws token by token, and the places that were written."""
    budget = ThoughtBudget(lm, SamplingOptions(max_new_tokens=answer, thinking_tokens=thinking))
    clock = budget.clock(lm.render(ASKED, template_options={"opens": True} if opens else {}))
    told: list[int] = []
    # Where a token is written, the one that the model drew is not said.
    for drawn in ids(lm, text):
        if clock.is_over:
            break
        written = clock.writes
        told.append(drawn if written is None else written)
        clock.add(told[-1])
    assert len(told) <= budget.most
    return lm.tokenizer.decode(told), clock.forced


@pytest.mark.parametrize("opens", [False, True])
def test_a_thought_that_used_its_budget_up_is_closed(lm: CausalLM, opens: bool) -> None:
    closing = ids(lm, "\n</think>\n\n")
    text, forced = said(lm, f"{'' if opens else '<think>'}abcdefghijklmnopqrst", opens=opens)
    kept, drawn = ("abcd", "ijk") if opens else ("<think>abc", "hij")
    assert text == f"{kept}\n</think>\n\n{drawn}"
    assert forced == list(range(4, 4 + len(closing)))


@pytest.mark.parametrize("opens", [False, True])
def test_a_thought_that_ends_leaves_the_answer_its_own_budget(lm: CausalLM, opens: bool) -> None:
    begin = "" if opens else "<think>"
    assert said(lm, f"{begin}a</think>bcdefgh", opens=opens) == (f"{begin}a</think>bcd", [])
    # At the very last token, too.
    last = f"{begin}abc</think>"
    assert said(lm, f"{last}defgh", opens=opens, thinking=len(ids(lm, last))) == (f"{last}def", [])


def test_a_response_that_thinks_nothing_has_the_answers_budget(lm: CausalLM) -> None:
    assert said(lm, "abcdefgh") == ("abc", [])
    assert said(lm, "\n\n<think>abcdefghijklm", thinking=5)[0].startswith("\n\n<think>ab\n</think>\n\n")
    assert said(lm, "a<think>bcdefgh") == ("a<think>b", [])


def test_marks_of_several_tokens_are_seen(tiny_ref: ModelRef) -> None:
    lm = load_causal_lm(tiny_ref)
    lm.tokenizer.chat_template = (
        "{% for m in messages %}{{ m.role }}{% if m.reasoning %}[[{{ m.reasoning }}]]{% endif %}"
        "{{ m.content }}<|im_end|>{% endfor %}{% if add_generation_prompt %}assistant{% endif %}"
    )
    assert lm.thought_marks is not None
    assert (lm.thought_marks.begins, lm.thought_marks.closing) == ("[[", "]]")
    assert said(lm, "[[a]]bcdefgh", thinking=6) == ("[[a]]bcd", [])
    assert said(lm, "[[abcdefgh", thinking=4) == ("[[ab]]efg", [4, 5])
    assert said(lm, "[abcdefgh", thinking=4) == ("[ab", [])


def test_no_bound_is_kept_apart_without_marks(tiny_ref: ModelRef) -> None:
    lm = load_causal_lm(tiny_ref)
    assert ThoughtBudget(lm, SamplingOptions(max_new_tokens=5)).most == 5
    with pytest.raises(UdasaError, match=r"\[generator\] thinking_tokens bounds .* leave it out"):
        ThoughtBudget(lm, SamplingOptions(thinking_tokens=5))

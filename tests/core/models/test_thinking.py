"""Thoughts of models: marks found by rendering, responses split in text and tokens, by hand."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.tiny import make_tiny_model, tiny_ref_of
from udasa_core import (
    CausalLM,
    Message,
    ModelRef,
    Prompt,
    Response,
    TokenStatistics,
    load_causal_lm,
    measured_group,
)
from udasa_core.text.thought import ThoughtMarks

ASKED = [Message("user", "Where?")]
# DeepSeek-R1's, shortened: it opens the thought, and drops it from later turns.
_R1 = (
    "{% for m in messages %}{% if m.role == 'user' %}{{ '<U>' + m.content }}{% else %}"
    "{{ '<A>' + m.content.split('</think>')[-1] + '<E>' }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<A><think>\n' }}{% endif %}"
)


@pytest.fixture(scope="module")
def thinking(thinking_ref: ModelRef) -> CausalLM:
    return load_causal_lm(thinking_ref)


def with_template(folder: Path, template: str, tmp_path: Path, *added: str) -> CausalLM:
    """Return a copy of a model with another template, and further tokens."""
    copy = shutil.copytree(folder, tmp_path / "copy")
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(copy)
    tokenizer.add_tokens(list(added))
    tokenizer.chat_template = template
    tokenizer.save_pretrained(copy)
    return load_causal_lm(tiny_ref_of(copy))


def spoken(
    lm: CausalLM, text: str, prompt: list[int], *, stop: bool = True, recorded: bool = False
) -> Response:
    """Return the response of a text's tokens, one log-probability after the other: −1, −2, …"""
    ids = [*lm.tokenizer(text, add_special_tokens=False)["input_ids"], *([lm.end_of_turn()] if stop else [])]
    figures = tuple(-float(place + 1) for place in range(len(ids)))
    statistics = TokenStatistics(figures, figures, tuple(-one for one in figures))
    return lm.response(prompt, ids, statistics, "stop" if stop else "length", text=text if recorded else None)


def test_a_template_shows_its_marks(thinking: CausalLM, tiny_ref: ModelRef, tmp_path: Path) -> None:
    assert thinking.thought_marks == ThoughtMarks("<think>", "</think>", "\n</think>\n\n")
    assert load_causal_lm(tiny_ref).thought_marks is None
    own = thinking.tokenizer.get_chat_template().replace("think>", "ponder>")
    ponders = with_template(Path(thinking.ref.folder), own, tmp_path)
    assert ponders.thought_marks == ThoughtMarks("<ponder>", "</ponder>", "\n</ponder>\n\n")
    assert ponders.opens_thought(ponders.render(ASKED, template_options={"opens": True}))
    # One that opens its own mark at once shows it by what ends it.
    opens = load_causal_lm(ponders.ref)
    opens.tokenizer.chat_template = own.replace("if opens", "if true")
    assert opens.thought_marks == ponders.thought_marks


def test_a_template_that_opens_a_thought_shows_half_of_them(tiny_model_dir: Path, tmp_path: Path) -> None:
    lm = with_template(tiny_model_dir, _R1, tmp_path)
    assert lm.thought_marks == ThoughtMarks("<think>", "</think>", "\n</think>\n\n")
    assert lm.opens_thought(lm.render(ASKED))


def test_a_template_that_shows_none_leaves_the_tokens(tiny_model_dir: Path, tmp_path: Path) -> None:
    plain = load_causal_lm(tiny_ref_of(tiny_model_dir)).tokenizer.get_chat_template()
    lm = with_template(tiny_model_dir, plain, tmp_path, "[THINK]", "[/THINK]")
    assert lm.thought_marks == ThoughtMarks("[THINK]", "[/THINK]", "\n[/THINK]\n\n")


def test_a_prompt_says_whether_it_opens_a_thought(thinking: CausalLM) -> None:
    for options, opens in (({}, False), ({"opens": True}, True), ({"enable_thinking": False}, False)):
        assert thinking.opens_thought(thinking.render(ASKED, template_options=options)) is opens
    # What a user writes opens none: the turn's end follows it.
    assert not thinking.opens_thought(thinking.render([Message("user", "<think>")]))


@pytest.mark.parametrize("recorded", [False, True])
@pytest.mark.parametrize("opens", [False, True])
def test_a_response_is_split_in_text_and_tokens(thinking: CausalLM, opens: bool, recorded: bool) -> None:
    prompt = thinking.render(ASKED, template_options={"opens": opens})
    begin = "" if opens else "<think>"
    one = spoken(thinking, f"{begin}Lyon?\n</think>\n\nIn Paris.", prompt, recorded=recorded)
    assert (one.text, one.thought, one.finish_reason) == ("In Paris.", f"{begin}Lyon?\n</think>", "stop")
    thought = thinking.tokenizer(f"{begin}Lyon?\n</think>\n\n")["input_ids"]
    assert one.token_ids[: one.thought_tokens] == tuple(thought)
    assert thinking.decode(one.token_ids[one.thought_tokens :]) == "In Paris."
    whole = [-float(place + 1) for place in range(len(one.token_ids))]
    assert one.logprobs_of("all") == whole
    assert one.logprobs_of("reasoning") == whole[: len(thought)]
    assert one.logprobs_of("answer") == whole[len(thought) :]


def test_a_space_that_belongs_to_the_answers_token_is_the_answers(thinking: CausalLM) -> None:
    one = spoken(thinking, "<think>a</think> the end", thinking.render(ASKED))
    assert (one.text, one.thought_tokens) == ("the end", 3)
    assert one.token_ids[3] == thinking.tokenizer.convert_tokens_to_ids("Ġthe")


@pytest.mark.parametrize("stop", [False, True])
@pytest.mark.parametrize("text", ["<think>", "<think>Lyon? But", "<think>a</think>b<think>c"])
def test_a_thought_that_was_cut_off_is_no_answer(thinking: CausalLM, text: str, stop: bool) -> None:
    one = spoken(thinking, text, thinking.render(ASKED), stop=stop)
    assert (one.text, one.thought, one.has_answer) == ("", text, False)
    assert one.logprobs_of("answer") == []
    opened = thinking.render(ASKED, template_options={"opens": True})
    assert not spoken(thinking, "It is Paris.", opened, stop=stop).has_answer


def test_an_answer_of_no_word_is_an_answer_where_the_turn_ends(thinking: CausalLM) -> None:
    prompt = thinking.render(ASKED)
    ended = spoken(thinking, "<think>a</think>\n\n", prompt)
    assert (ended.text, ended.has_answer, len(ended.logprobs_of("answer"))) == ("", True, 1)
    assert not spoken(thinking, "<think>a</think>\n\n", prompt, stop=False).has_answer


def test_a_model_that_does_not_think_is_left_as_it_is(tiny_ref: ModelRef) -> None:
    lm = load_causal_lm(tiny_ref)
    one = spoken(lm, "  In Paris.\n", lm.render(ASKED))
    assert (one.text, one.thought, one.thought_tokens) == ("  In Paris.\n", "", 0)
    # Known spellings count where the template shows none, in as many tokens as they take.
    marked = spoken(lm, "<think>a</think>In Paris.", lm.render(ASKED))
    assert (marked.text, lm.decode(marked.token_ids[: marked.thought_tokens])) == (
        "In Paris.",
        "<think>a</think>",
    )


def test_recorded_responses_are_split_and_measured(thinking: CausalLM) -> None:
    prompt, end = thinking.render(ASKED), thinking.end_of_turn()
    texts = ["<think>\nLyon?\n</think>\n\nIn Paris.", "In Paris.", "<think>\nLyon? But then"]
    group = measured_group(thinking, Prompt("p", tuple(ASKED)), prompt, texts, end)
    assert [one.text for one in group.responses] == ["In Paris.", "In Paris.", ""]
    assert [one.has_answer for one in group.responses] == [True, True, False]
    (whole,) = thinking.token_statistics([prompt], [group.responses[0].token_ids])
    answer = thinking.encode("In Paris.")
    assert group.responses[0].logprobs_of("answer") == list(whole.logprobs[-len(answer) - 1 :])
    assert group.responses[0].token_ids[-len(answer) - 1 :] == (*answer, end)


def test_special_marks_stay_the_tokens_that_they_are(tmp_path: Path) -> None:
    folder = make_tiny_model(tmp_path / "model")
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.add_tokens(["[THINK]", "[/THINK]"], special_tokens=True)
    tokenizer.save_pretrained(folder)
    lm = load_causal_lm(tiny_ref_of(folder))
    begin, end = lm.tokenizer.convert_tokens_to_ids(["[THINK]", "[/THINK]"])
    ids = lm.encode("[THINK]a[/THINK]b")
    assert (ids[0], ids[2]) == (begin, end)
    one = spoken(lm, "[THINK]a[/THINK]b", lm.render(ASKED))
    assert (one.text, one.thought, one.thought_tokens) == ("b", "[THINK]a[/THINK]", 3)


def test_a_prompt_whose_thought_is_closed_is_to_be_answered(thinking: CausalLM, tiny_ref: ModelRef) -> None:
    opened = thinking.render(ASKED, template_options={"opens": True})
    assert thinking.tokenizer.decode(thinking.answering(opened)).endswith("<think>\n\n</think>\n\n")
    plain = thinking.render(ASKED)
    assert thinking.answering(plain) == plain
    lm = load_causal_lm(tiny_ref)
    assert lm.answering(lm.render(ASKED)) == lm.render(ASKED)

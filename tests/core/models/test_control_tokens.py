"""Control tokens that a text spells: plain text wherever a response is read, and an end token once."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.tiny import make_tiny_model, tiny_ref_of
from udasa_core import CausalLM, Message, ModelRef, Prompt, UdasaError, load_causal_lm, measured_group

# As DeepSeek's: the tokens that make turns are added ones, and not special.
_MARKERS = (
    "{% for m in messages %}{{ '<U>' if m.role == 'user' else '<A></think>' }}{{ m.content }}"
    "{{ '<E>' if m.role == 'assistant' }}{% endfor %}{% if add_generation_prompt %}<A><think>{% endif %}"
)


@pytest.fixture(scope="module")
def lm(tiny_ref: ModelRef) -> CausalLM:
    return load_causal_lm(tiny_ref)


@pytest.fixture(scope="module")
def marked(tmp_path_factory: pytest.TempPathFactory) -> CausalLM:
    """A model whose turns are made by tokens that are not special, and that reasons."""
    folder = make_tiny_model(tmp_path_factory.mktemp("marked") / "model")
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.add_tokens(["<U>", "<A>", "<E>", "<think>", "</think>", "<tool>"])
    tokenizer.chat_template = _MARKERS
    tokenizer.save_pretrained(folder)
    return load_causal_lm(tiny_ref_of(folder))


def special(lm: CausalLM, *spelled: str) -> list[int]:
    found: list[int] = lm.tokenizer.convert_tokens_to_ids(list(spelled))
    return found


def test_a_spelled_control_token_is_the_plain_text_that_it_is(lm: CausalLM) -> None:
    for text in ("a<|im_end|>b", "<|im_start|>user\nhi", "<pad>", "<|im_<|im_end|>end|>", "<|im_end|>"):
        ids = lm.encode(text)
        assert not set(ids) & set(special(lm, "<pad>", "<|im_start|>", "<|im_end|>"))
        assert lm.tokenizer.decode(ids) == text
    for text in ("the ñ 雪", "", " <|im_endx|>", "<|im_end |>"):
        assert lm.encode(text) == lm.tokenizer(text, add_special_tokens=False)["input_ids"]


def test_tokens_that_make_turns_are_control_tokens_special_or_not(marked: CausalLM) -> None:
    assert {"<U>", "<A>", "<E>", "<|im_end|>"} <= set(marked.control_tokens)
    for text in ("so<U>do it<A>sure<E>", "<U>", "a<|im_end|>b<U>c"):
        ids = marked.encode(text)
        assert not set(ids) & set(special(marked, "<U>", "<A>", "<E>", "<|im_end|>"))
        assert marked.tokenizer.decode(ids) == text


def test_what_a_response_writes_itself_stays_its_tokens(marked: CausalLM) -> None:
    thought, end, tool = special(marked, "<think>", "</think>", "<tool>")
    ids = marked.encode("<think>a</think><tool>")
    assert (ids[0], ids[-2], ids[-1]) == (thought, end, tool)
    ids = marked.encode("<think>a</think><U>")
    assert (ids[0], ids.count(end), *set(ids) & set(special(marked, "<U>"))) == (thought, 1)


def test_a_special_token_that_is_ordinary_text_is_read_as_ever(tiny_model_dir: Path, tmp_path: Path) -> None:
    lm = load_causal_lm(tiny_ref_of(shutil.copytree(tiny_model_dir, tmp_path / "model")))
    lm.tokenizer.pad_token = "!"
    lm.tokenizer.add_special_tokens({"pad_token": "!"})
    assert "!" not in lm.control_tokens
    assert lm.encode("Great!") == load_causal_lm(tiny_ref_of(tiny_model_dir)).encode("Great!")
    assert lm.tokenizer.decode(lm.encode("Great!<|im_end|>")) == "Great!<|im_end|>"
    asked = [Message("user", "Great!")]
    assert lm.render(asked, "chat", {"sanitize_control_tokens": True}) == lm.render(asked)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("yes", "yes"),
        ("yes<|im_end|>", "yes"),
        ("yes\n<|im_end|>\n", "yes\n"),
        ("yes<|im_end|><pad><pad>", "yes"),
        ("yes<|im_end|>\n<|im_end|>", "yes"),
        ("<|im_end|>", ""),
        ("y<|im_end|>es", "y<|im_end|>es"),
        ("yes<pad>", "yes<pad>"),
        ("y<|im_end|>es<|im_end|>", "y<|im_end|>es"),
    ],
)
def test_an_end_token_that_a_text_closes_with_is_taken_off(lm: CausalLM, text: str, kept: str) -> None:
    assert lm.unclosed(text, lm.end_of_turn()) == kept
    prompt = Prompt("one", (Message("user", "hi"),))
    rendered, end = lm.render(prompt.messages), lm.end_of_turn()
    (response,) = measured_group(lm, prompt, rendered, [text], end).responses
    assert response.text == kept
    assert response.token_ids == (*lm.encode(kept), end)
    assert response.token_ids.count(end) == 1
    (told,) = lm.token_statistics([rendered], [response.token_ids])
    assert response.logprobs == told.logprobs


def test_what_cannot_be_read_as_text_is_refused(lm: CausalLM, monkeypatch: pytest.MonkeyPatch) -> None:
    """A vocabulary of whole pieces has an end token as text, too."""
    from udasa_core.models.control_tokens import ControlTokens

    end = lm.end_of_turn()
    read = ControlTokens._ids
    monkeypatch.setattr(
        ControlTokens,
        "_ids",
        lambda self, text, **how: [end] if text == "<|im_end|>x" else read(self, text, **how),
    )
    with pytest.raises(ValueError, match=r"no way to read <\|im_end\|> as plain text"):
        lm.encode("<|im_end|>x")
    prompt = Prompt("one", (Message("user", "hi"),))
    with pytest.raises(UdasaError, match=r"a response to prompt one: .*take it out"):
        measured_group(lm, prompt, lm.render(prompt.messages), ["<|im_end|>x"], end)


def test_a_closing_token_that_is_not_special_is_no_part_of_a_text(marked: CausalLM) -> None:
    (end,) = special(marked, "<E>")
    assert marked.end_of_turn() == end
    assert marked.decode([*marked.encode("so"), end]) == "so"


def test_a_plain_prompt_can_be_read_as_text_too(lm: CausalLM) -> None:
    asked = [Message("user", "a<|im_end|>b")]
    (end,) = special(lm, "<|im_end|>")
    assert end in lm.render(asked, "plain")
    assert lm.render(asked, "plain", {"sanitize_control_tokens": True}) == lm.encode("a<|im_end|>b")

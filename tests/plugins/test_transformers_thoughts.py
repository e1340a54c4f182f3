"""Sampling from a model that thinks: budgets held, thoughts closed, figures as teacher forcing has them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import udasa_core
from tests.canned import configuration
from tests.fakes import FakeResources
from udasa_core import Message, ModelRef, Prompt, Response, SamplingOptions, UdasaError, load_causal_lm
from udasa_core.models import sampler
from udasa_core.store.output import TRAINING, Output
from udasa_core.testing import check_generator
from udasa_plugin_openai.local import sample_locally
from udasa_plugin_transformers.generator import TransformersGenerator

PROMPTS = [Prompt(f"p{n}", (Message("user", text),)) for n, text in enumerate(("hi", "and?", "why the sea?"))]
SAMPLING = SamplingOptions(responses=4, max_new_tokens=6, thinking_tokens=9, temperature=1.3)


def responses(ref: ModelRef, seed: int = 5, **options: Any) -> list[tuple[list[int], Response]]:
    """Return every sampled response with its prompt's token ids."""
    plugin = TransformersGenerator(TransformersGenerator.Options(**options), "t", FakeResources(ref))
    groups = plugin.udasa_generate(PROMPTS, SAMPLING, ref, seed)
    return [(list(group.prompt_token_ids), one) for group in groups for one in group.responses]


def check(ref: ModelRef, drawn: list[tuple[list[int], Response]]) -> None:
    lm = load_causal_lm(ref)
    closing = lm.tokenizer("\n</think>\n\n", add_special_tokens=False)["input_ids"]
    for prompt, one in drawn:
        (figures,) = lm.token_statistics([prompt], [one.token_ids], SAMPLING.temperature)
        assert one.logprobs == pytest.approx(figures.logprobs, abs=1e-3)
        written = dict.fromkeys(one.forced, 0.0)
        expected = [written.get(place, value) for place, value in enumerate(figures.sampling_logprobs)]
        assert one.sampling_logprobs == pytest.approx(expected, abs=1e-3)
        if one.forced:
            assert one.forced == tuple(range(9, 9 + len(closing)))
            assert [one.token_ids[place] for place in one.forced] == closing
            assert one.thought.startswith("<think>") is not lm.opens_thought(prompt)
            assert len(one.logprobs_of("all")) == len(one.token_ids) - len(closing)
        # The answer's budget begins behind the mark, and white space there is no answer yet.
        begins = one.forced[-1] + 1 if one.forced else one.thought_tokens
        assert len(one.token_ids) - begins <= 6


@pytest.mark.parametrize("local", [False, True])
def test_a_thought_that_is_too_long_is_closed_and_answered(thinking_ref: ModelRef, local: bool) -> None:
    lm, options = load_causal_lm(thinking_ref), {"opens": True}
    if local:
        rendered = [lm.render(prompt.messages, template_options=options) for prompt in PROMPTS]
        drawn = [(ids, one) for ids in rendered for one in sample_locally(lm, ids, SAMPLING, 3, lm.stop_ids)]
    else:
        drawn = responses(thinking_ref, template_options=options)
    check(thinking_ref, drawn)
    closed = [one for _, one in drawn if one.forced]
    assert len(closed) > len(drawn) / 2
    assert all(one.thought_tokens >= 9 and one.thought.endswith("</think>") for one in closed)
    # A turn that ended within its thought has no answer, and the mark is not written into it.
    assert all(one.forced or one.finish_reason == "stop" for _, one in drawn if len(one.token_ids) > 9)


def test_a_model_that_may_think_is_bounded_where_it_does(thinking_ref: ModelRef) -> None:
    check(thinking_ref, responses(thinking_ref))
    assert not any(
        one.forced for _, one in responses(thinking_ref, template_options={"enable_thinking": False})
    )


def test_company_decides_nothing(thinking_ref: ModelRef) -> None:
    options = {"template_options": {"opens": True}}
    alone, together = (responses(thinking_ref, prompts_per_batch=n, **options) for n in (1, 3))
    assert [one.token_ids for _, one in alone] == [one.token_ids for _, one in together]
    assert [one.forced for _, one in alone] == [one.forced for _, one in together]
    check_generator(TransformersGenerator, options, policy=thinking_ref, prompts=PROMPTS, sampling=SAMPLING)


def test_a_prompt_must_leave_room_for_both(thinking_ref: ModelRef) -> None:
    plugin = TransformersGenerator(TransformersGenerator.Options(), "t", FakeResources(thinking_ref))
    closing = len(load_causal_lm(thinking_ref).tokenizer("\n</think>\n\n")["input_ids"])
    length = len(load_causal_lm(thinking_ref).render(PROMPTS[0].messages))
    for thinking, fits in ((512 - 6 - closing - length, True), (513 - 6 - closing - length, False)):
        sampling = SamplingOptions(max_new_tokens=6, thinking_tokens=thinking)
        (told,) = plugin.udasa_admit(PROMPTS[:1], sampling)
        assert (told == "") is fits
    assert f"max_new_tokens = 6 after thinking_tokens = {thinking} do not fit" in told


def test_a_model_that_marks_no_thought_has_no_budget_of_it(tiny_ref: ModelRef) -> None:
    plugin = TransformersGenerator(TransformersGenerator.Options(), "t", FakeResources(tiny_ref))
    with pytest.raises(UdasaError, match="marks a thought: leave it out"):
        plugin.udasa_admit(PROMPTS, SAMPLING)


def test_a_run_that_was_stopped_goes_on_to_the_same_bytes(
    thinking_model_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def plain(folder: Path) -> dict[str, Any]:
        folder.mkdir()
        table = configuration(folder, thinking_model_dir, count=8)
        table["run"]["held_out"] = 0.0
        budgets = {"responses": 2, "max_new_tokens": 4, "thinking_tokens": 5}
        table["generator"] = {"use": "transformers", "template_options": {"opens": True}, **budgets}
        return table

    def samples(run: udasa_core.Run) -> list[bytes]:
        return [run.store.path("sample", key).read_bytes() for key in run.keys(Output("sample", TRAINING))]

    stopped, whole = plain(tmp_path / "stopped"), plain(tmp_path / "whole")
    sample, calls = sampler.sample, []

    def failing(*given: Any) -> Any:
        calls.append(given)
        if len(calls) == 2:
            raise UdasaError("stopped here")
        return sample(*given)

    monkeypatch.setattr(udasa_core, "sample", failing)
    with pytest.raises(UdasaError, match="stopped here"):
        udasa_core.run(stopped)
    monkeypatch.setattr(udasa_core, "sample", sample)
    first, other = samples(udasa_core.run(stopped)), samples(udasa_core.run(whole))
    assert len(first) == 2
    assert first == other

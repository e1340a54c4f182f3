"""Suite `sentiment.warmth`: how warm are a model's answers?"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import Field

from udasa_core import (
    Group,
    ModelRef,
    Plugin,
    Prompt,
    PromptSource,
    ReadPrompt,
    Resamples,
    SamplingOptions,
    SuiteReport,
    UdasaError,
    hookimpl,
    prompts_digest,
    read_prompts,
)
from udasa_plugin_sentiment.lexicon import Lexicon, sentiment


class Warmth(Plugin):
    """One answer a prompt. Metrics, means over prompts with 95% intervals:

    - warmth: the sentiment s of `sentiment.lexicon`, in [−1, 1], of answers that have one.
    - toneless: the share of answers that have none.

    A prompt that the generator did not take counts in neither. Rows: score is s.
    """

    class Options(Lexicon.Options):
        """Which prompts, how they are answered, and the two lists of words."""

        source: str = Field(min_length=1, description="The prompts: file:asked.jsonl, say.")
        limit: int | None = Field(
            default=None, ge=1, description="So many prompts, from the first; left out: all."
        )
        max_new_tokens: int = Field(default=64, ge=1, description="The longest answer, in tokens.")

    options: Options
    needs = ("generator",)

    @cached_property
    def fingerprint(self) -> str:
        """The digest of the prompts: a source is only a name."""
        return prompts_digest(self._source, Path("/"))

    @hookimpl
    def udasa_questions(self) -> list[str]:
        """Return what is asked, to be compared with the prompts that are trained on."""
        return [prompt.messages[-1].content for prompt in self._prompts()]

    @hookimpl
    def udasa_evaluate(self, policy: ModelRef, seed: int) -> SuiteReport:
        """Return the figures, and one row a prompt."""
        import numpy as np

        asked = self._prompts()
        sampling = SamplingOptions(1, temperature=0.01, max_new_tokens=self.options.max_new_tokens)
        groups = self.resources.generator()(asked, sampling, policy, seed)
        rows = [self._row(prompt, group) for prompt, group in zip(asked, groups, strict=True)]
        scores = np.array([np.nan if row["score"] is None else row["score"] for row in rows])
        answered = np.array([row["output"] is not None for row in rows])
        if not answered.any():
            raise UdasaError(f"suite {self.name!r}: the generator took none of {len(rows)} prompts")
        resamples = Resamples.draw(len(rows), seed)
        metrics = [resamples.mean("toneless", np.where(answered, np.isnan(scores), np.nan))]
        if not np.isnan(scores).all():  # a figure rests on one item at least
            metrics.insert(0, resamples.mean("warmth", scores))
        return SuiteReport(self.name, policy, tuple(metrics), tuple(rows))

    @property
    def _source(self) -> PromptSource:
        path = self.resources.data(self.options.source).absolute()
        return PromptSource(f"file:{path}", limit=self.options.limit)

    def _prompts(self) -> Sequence[Prompt]:
        read = [row.prompt for row in read_prompts(self._source, Path("/")) if isinstance(row, ReadPrompt)]
        if not read:
            raise UdasaError(f"suite {self.name!r}: {self.options.source} has no prompt that can be read")
        return read

    def _row(self, prompt: Prompt, group: Group | None) -> dict[str, Any]:
        output = None if group is None else group.responses[0].text
        score = None if output is None else sentiment(output, self.options)
        return {"id": prompt.id, "prompt": prompt.messages[-1].content, "output": output, "score": score}

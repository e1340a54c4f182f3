"""Controlled sentiment generation: what its suites share, all but how positivity is scored."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field, field_validator

from udasa_core import (
    Message,
    Metric,
    ModelRef,
    Options,
    Plugin,
    Prompt,
    PromptSource,
    Resamples,
    SamplingOptions,
    SuiteReport,
    UdasaError,
    content_key,
    hookimpl,
    prompts_digest,
)
from udasa_eval.inputs.continuations import Continuation, joined, without_beginning
from udasa_eval.inputs.texts import read_texts
from udasa_eval.measures.perplexity import Surprise, continuation_surprise
from udasa_eval.statistics.columns import column, measured
from udasa_eval.statistics.medians import resampled_median
from udasa_eval.suites.unasked import not_asked

if TYPE_CHECKING:
    from numpy import float64
    from numpy.typing import NDArray

_PLACE = "{beginning}"


class ReviewOptions(Options):
    """Which beginnings are continued, and how continuations are drawn."""

    source: str = Field(
        default="hf:stanfordnlp/imdb",
        min_length=1,
        description='Reviews: rows with "text" (cut to a beginning) or "prompt" (a beginning as it stands). '
        "file: takes .jsonl, .csv, .parquet, or a folder in the hub's layout.",
    )
    config: str | None = Field(default=None, description="The data set's configuration, in the hub's layout.")
    split: str = Field(default="test", description="The data set's split, in the hub's layout.")
    limit: int = Field(default=200, ge=1, description="How many rows are read, from the first.")
    prefix_words: int = Field(
        default=8, ge=1, description="Words of a review that are its beginning; words, not a model's tokens."
    )
    instruction: str = Field(
        default=f"Continue this film review: {_PLACE}",
        description=f'The user\'s turn; {_PLACE} stands for the beginning. "{_PLACE}" alone suits a base '
        'model under [generator] template = "plain".',
    )
    max_new_tokens: int = Field(default=64, ge=1, description="The longest continuation, in tokens.")
    temperature: float = Field(default=1.0, gt=0.0, description="The temperature of sampling.")
    top_p: float = Field(
        default=1.0,
        gt=0.0,
        le=1.0,
        description="The share of probability that nucleus sampling keeps; 1 keeps all.",
    )

    @field_validator("instruction")
    @classmethod
    def _has_its_place(cls, instruction: str) -> str:
        if _PLACE not in instruction:
            raise ValueError(f"instruction has no {_PLACE}: the model would not see the beginning")
        return instruction

    def sampling(self) -> SamplingOptions:
        """Return how one continuation a beginning is drawn."""
        return SamplingOptions(1, self.temperature, self.max_new_tokens, self.top_p)


class ControlledSentiment(Plugin, ABC):
    """What the sentiment suites share: all but how positivity is scored.

    A chat model is given a beginning as a user's turn, "Continue this film review: …", which the generator
    renders by the model's chat template. Where the response repeats the beginning it is taken off; only the
    continuation is scored. Metrics:

    - positivity: mean over beginnings, in [0, 1]; positive_share: share of continuations above 0.5.
    - perplexity_median, perplexity_mean: of the continuation after its beginning, as plain text, under the
      run's base model, so that all stages are read by the same model; ≥ 1, lower is more fluent.
    - length: mean tokens of the response, its end-of-turn token included; truncated: share cut at
      `max_new_tokens`.
    - empty, not_asked: shares of beginnings without a continuation to score, and that the generator did
      not take; reported only where there are any.

    Rows: score is the positivity. Positive at any price is easy: read perplexity beside it. The task is that
    of Rafailov et al. (2023, arXiv 2305.18290, section 6) with beginnings of 2 to 8 tokens.
    """

    needs = ("generator",)
    options: ReviewOptions

    @abstractmethod
    def positivity(self, texts: Sequence[str]) -> NDArray[float64]:
        """Return (len(texts),) positivities in [0, 1]."""

    @abstractmethod
    def scorer(self) -> str:
        """Return the scorer's identity; raise UdasaError where it cannot be had."""

    @cached_property
    def fingerprint(self) -> str:
        """The reviews' digest, the scorer's and the base's identity: a source is only a name."""
        options = self.options
        path = self.resources.data(options.source).absolute()
        read = PromptSource(f"file:{path}", options.config, options.split)
        return content_key(prompts_digest(read, Path("/")), self.scorer(), self.resources.base.key)

    @hookimpl
    def udasa_evaluate(self, policy: ModelRef, seed: int) -> SuiteReport:
        """Return the figures, and one row a beginning."""
        self.scorer()  # a missing scorer is told before anything is sampled
        continued = self._continued(policy, seed)
        spoken = [continuation for continuation in continued if continuation.text]
        if not spoken:
            raise UdasaError(
                f"suite {self.name!r}: none of {len(continued)} beginnings was continued. Look at "
                "[generator] template and max_new_tokens"
            )
        positivities = self.positivity([continuation.text or "" for continuation in spoken]).tolist()
        scores = {continuation.id: score for continuation, score in zip(spoken, positivities, strict=True)}
        surprises = self._surprises(spoken)
        rows = [_row(continuation, scores, surprises, seed) for continuation in continued]
        return SuiteReport(self.name, policy, self._metrics(rows, seed), tuple(rows))

    @hookimpl
    def udasa_questions(self) -> list[str]:
        """Return the beginnings."""
        return [continuation.beginning for continuation in self._asked()]

    def _asked(self) -> list[Continuation]:
        options = self.options
        texts = read_texts(
            self.resources.data(options.source),
            ("text", "prompt"),
            source=options.source,
            config=options.config,
            split=options.split,
            limit=options.limit,
        )
        asked = []
        for text in texts:
            words = text.text.split()
            cut = text.column == "text"
            beginning = " ".join(words[: options.prefix_words]) if cut else text.text.strip()
            message = Message("user", options.instruction.replace(_PLACE, beginning))
            asked.append(Continuation(text.id, beginning, Prompt(text.id, (message,))))
        return asked

    def _continued(self, policy: ModelRef, seed: int) -> list[Continuation]:
        options, asked = self.options, self._asked()
        groups = self.resources.generator()(
            [continuation.prompt for continuation in asked], options.sampling(), policy, seed
        )
        continued = []
        for asking, group in zip(asked, groups, strict=True):
            if group is not None:
                response = group.responses[0]
                asking = replace(
                    asking,
                    text=without_beginning(response.text, asking.beginning),
                    tokens=len(response.token_ids),
                    truncated=response.finish_reason == "length",
                )
            continued.append(asking)
        return continued

    def _surprises(self, spoken: Sequence[Continuation]) -> dict[str, Surprise]:
        base = self.resources.causal_lm(self.resources.base)
        found = {}
        with self.resources.progress(f"{self.name}: perplexity", len(spoken)) as advance:
            for continuation in spoken:
                text = joined(continuation.beginning, continuation.text or "")
                found[continuation.id] = continuation_surprise(base, continuation.beginning, text)
                advance(1)
        return found

    def _metrics(self, rows: Sequence[Mapping[str, Any]], seed: int) -> tuple[Metric, ...]:
        import numpy as np

        resamples = Resamples.draw(len(rows), seed)
        scores, perplexities = column(rows, "score"), column(rows, "perplexity")
        above = np.where(np.isfinite(scores), scores > 0.5, np.nan)
        empty = np.array([row["output"] == "" for row in rows])
        metrics = [
            resamples.mean("positivity", scores),
            resamples.mean("positive_share", above),
            resampled_median(resamples, "perplexity_median", perplexities),
            resamples.mean("perplexity_mean", perplexities),
            resamples.mean("length", column(rows, "tokens")),
            resamples.mean("truncated", column(rows, "truncated")),
        ]
        metrics += [resamples.mean("empty", empty.astype(float))] if empty.any() else []
        return measured([*metrics, *not_asked([row["output"] for row in rows], resamples)])


def _row(
    continuation: Continuation, scores: Mapping[str, float], surprises: Mapping[str, Surprise], seed: int
) -> dict[str, Any]:
    score, surprise = scores.get(continuation.id), surprises.get(continuation.id)
    there = surprise is not None and surprise.tokens > 0
    return {
        "id": continuation.id,
        "prompt": continuation.prompt.messages[-1].content,
        "beginning": continuation.beginning,
        "output": continuation.text,
        "score": None if score is None else float(score),
        "perplexity": surprise.perplexity if surprise is not None and there else None,
        "tokens": None if continuation.text is None else continuation.tokens,
        "truncated": None if continuation.text is None else continuation.truncated,
        "seed": seed,
    }

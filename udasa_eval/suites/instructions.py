"""Suite `instructions`: prompts with instructions whose fulfilment a program checks."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy import float64
from pydantic import Field

from udasa_core import (
    Group,
    Message,
    Metric,
    ModelRef,
    Plugin,
    Prompt,
    Resamples,
    SamplingOptions,
    SuiteReport,
    content_key,
    hookimpl,
)
from udasa_eval.inputs.evenly import evenly
from udasa_eval.instructions.check import check
from udasa_eval.instructions.language import detection
from udasa_eval.instructions.prompts import InstructedPrompt, own_instructions, read_instructions
from udasa_eval.statistics.columns import column, measured
from udasa_eval.suites.prompt_file import PromptFileSuite
from udasa_eval.suites.unasked import not_asked, refuse_silence

_SHARES = ("prompt_strict", "prompt_loose", "instruction_strict", "instruction_loose")


class Instructions(PromptFileSuite):
    """Suite `instructions`: prompts whose instructions ("at most ten words") a program checks, as IFEval's.

    Metrics, 1 is best, intervals by prompt:

    - prompt_strict: the share of responses that fulfil all instructions of their prompt. prompt_loose: the
      same where a response may be stripped of its first line, its last one, both, and asterisks.
    - instruction_strict, instruction_loose: the share of instructions that are fulfilled.
    - strict_{kind}: instruction_strict for each kind ("keywords", "length_constraints", …).
      prompt_strict_{level}: where rows have a level.
    - truncated: the share of responses cut at `max_new_tokens`. not_asked: the share of prompts that the
      generator did not take, where there are any.

    Whether a response makes sense is not looked at: nonsense without a comma fulfils "no comma". An empty
    response fulfils nothing. Instructions on language and on English case need the extra `instructions`.
    Rows: a prompt each, with its responses and which instructions failed; score is prompt_strict.

    Source: IFEval (Zhou et al. 2023, arXiv 2311.07911). The prompts are udasa's own 50 unless `source` names
    others, such as the paper's: "hf:google/IFEval@966cd89545d6b6acfd7638bc708b98261ca58e84" with
    `max_new_tokens = 1280`.
    """

    class Options(Plugin.Options):
        """Which prompts, and how they are answered."""

        source: str | None = Field(
            default=None,
            min_length=1,
            description="JSONL or Parquet of IFEval's layout, or a folder with it; left out: udasa's own.",
        )
        file: str = Field(
            default="ifeval_input_data.jsonl", description="The file to read where the source is a folder."
        )
        limit: int | None = Field(
            default=None, ge=1, description="So many prompts, taken evenly; left out: all."
        )
        responses: int = Field(default=1, ge=1, description="Responses a prompt (K).")
        max_new_tokens: int = Field(default=200, ge=1, description="The longest response, in tokens.")
        temperature: float = Field(
            default=0.01, gt=0.0, description="The temperature of sampling; by default nearly greedy."
        )

    options: Options
    needs = ("generator",)

    @cached_property
    def fingerprint(self) -> str:
        """The digest of the prompts and their instructions."""
        return content_key([repr(one) for one in self._asked])

    @hookimpl
    def udasa_questions(self) -> list[str]:
        """Return the prompts."""
        return [one.prompt for one in self._asked]

    @hookimpl
    def udasa_evaluate(self, policy: ModelRef, seed: int) -> SuiteReport:
        """Return the figures, and one row a prompt."""
        options, asked = self.options, self._asked
        if any(verifier.reads_language for one in asked for _, verifier in one.instructions):
            # Not after minutes of sampling.
            detection()
        prompts = [Prompt(one.id, (Message("user", one.prompt),)) for one in asked]
        sampling = SamplingOptions(options.responses, options.temperature, options.max_new_tokens)
        groups = self.resources.generator()(prompts, sampling, policy, seed)
        rows = [_row(one, group, seed) for one, group in zip(asked, groups, strict=True)]
        refuse_silence(self.name, groups)
        return SuiteReport(self.name, policy, measured(_figures(asked, rows, seed)), tuple(rows))

    @cached_property
    def _asked(self) -> tuple[InstructedPrompt, ...]:
        source = self.options.source
        asked = own_instructions() if source is None else read_instructions(self._path, source)
        return evenly(asked, self.options.limit)


def _row(asked: InstructedPrompt, group: Group | None, seed: int) -> dict[str, Any]:
    told: dict[str, Any] = {
        "id": asked.id,
        "prompt": asked.prompt,
        "level": asked.level or None,
        "instructions": [name for name, _ in asked.instructions],
        "seed": seed,
    }
    if group is None:
        missing = ("outputs", "failed", "failed_loose", "score", *_SHARES, "truncated")
        return {**told, **dict.fromkeys(missing)}
    texts = [response.text for response in group.responses]
    verdicts = [check(text, asked) for text in texts]
    strict = np.array([verdict.strict for verdict in verdicts])
    loose = np.array([verdict.loose for verdict in verdicts])
    return {
        **told,
        "outputs": texts,
        "failed": [list(verdict.failed()) for verdict in verdicts],
        "failed_loose": [list(verdict.failed(loose=True)) for verdict in verdicts],
        "score": float(strict.all(axis=1).mean()),
        "prompt_strict": float(strict.all(axis=1).mean()),
        "prompt_loose": float(loose.all(axis=1).mean()),
        "instruction_strict": float(strict.mean()),
        "instruction_loose": float(loose.mean()),
        "truncated": sum(one.finish_reason == "length" for one in group.responses) / len(texts),
    }


def _figures(asked: Sequence[InstructedPrompt], rows: Sequence[dict[str, Any]], seed: int) -> list[Metric]:
    resamples = Resamples.draw(len(rows), seed)
    there = np.array([row["outputs"] is not None for row in rows])
    count = np.where(there, [len(one.instructions) for one in asked], 0).astype(float64)
    strict = column(rows, "prompt_strict")
    metrics = [
        resamples.mean("prompt_strict", strict),
        resamples.mean("prompt_loose", column(rows, "prompt_loose")),
    ]
    for name in ("instruction_strict", "instruction_loose"):
        # A prompt weighs by its instructions, as in the paper.
        metrics.append(resamples.ratio(name, np.where(there, column(rows, name), 0.0) * count, count))
    kinds = [[name.split(":")[0] for name in row["instructions"]] for row in rows]
    for kind in sorted({kind for one in kinds for kind in one}):
        of = np.where(there, [one.count(kind) for one in kinds], 0).astype(float64)
        failed = np.array([_mean_failed(row, kind) for row in rows])
        metrics.append(resamples.ratio(f"strict_{kind}", of - failed, of))
    levels = np.array([one.level for one in asked])
    for level in dict.fromkeys(one.level for one in asked if one.level):
        metrics.append(resamples.mean(f"prompt_strict_{level}", np.where(levels == level, strict, np.nan)))
    metrics.append(resamples.mean("truncated", column(rows, "truncated")))
    return [*metrics, *not_asked([row["outputs"] for row in rows], resamples)]


def _mean_failed(row: dict[str, Any], kind: str) -> float:
    """How many instructions of a kind a prompt's responses fail, on average."""
    if row["failed"] is None:
        return 0.0
    failed: int = sum(name.startswith(f"{kind}:") for names in row["failed"] for name in names)
    return failed / len(row["failed"])

"""MT-Bench as its suites read it: the options that they share, and the files behind them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import islice

from pydantic import Field

from udasa_core import Plugin, Resources, UdasaError, content_key, file_digest, hookimpl
from udasa_eval.judges.options import JudgedOptions
from udasa_eval.judges.prompts import JudgePrompt, read_judge_prompts
from udasa_eval.mt_bench.data import SOURCE, BenchQuestion, find_files, read_questions

# As many has MT-Bench.
_CATEGORIES = 8


class BenchOptions(JudgedOptions):
    """Which questions, how they are answered, and how they are graded."""

    source: str = Field(
        default=SOURCE,
        min_length=1,
        description="A folder of FastChat's layout: question.jsonl, reference_answer/gpt-4.jsonl and "
        "judge_prompts.jsonl.",
    )
    references: str = Field(
        default="",
        description='Reference answers in place of the folder\'s, in its layout ("file:fixed.jsonl").',
    )
    categories: tuple[str, ...] = Field(
        default=(), description="The categories that are asked; all if empty."
    )
    per_category: int | None = Field(
        default=None,
        ge=1,
        description="How many questions of each category are asked, from the first; all without it.",
    )
    max_new_tokens: int = Field(default=1024, ge=1, description="The longest answer, in tokens.")

    def limited(self, items: int) -> dict[str, int]:
        """Return how many questions of each category make about so many."""
        return {"per_category": max(1, items // (len(self.categories) or _CATEGORIES))}


@dataclass(frozen=True, slots=True)
class Bench:
    """The chosen questions, the grading prompts by name, and the digest of the files."""

    questions: tuple[BenchQuestion, ...]
    judge_prompts: Mapping[str, JudgePrompt]
    digest: str


def read_bench(options: BenchOptions, resources: Resources) -> Bench:
    """Read what the options name. Raises UdasaError where a file, a field or a category is missing."""
    references = resources.data(options.references) if options.references else None
    files = find_files(resources.data(options.source), options.source, references)
    questions = read_questions(files, options.source)
    known = list(dict.fromkeys(question.category for question in questions))
    unknown = [category for category in options.categories if category not in known]
    if unknown:
        raise UdasaError(
            f"MT-Bench has no category {', '.join(map(repr, unknown))}\n    → categories takes some of "
            f"{', '.join(known)}"
        )
    chosen = {
        question.id
        for category in options.categories or known
        for question in islice(
            (each for each in questions if each.category == category), options.per_category
        )
    }
    paths = (files.questions, files.references, files.judge_prompts)
    return Bench(
        tuple(question for question in questions if question.id in chosen),
        read_judge_prompts(files.judge_prompts, options.source),
        content_key([file_digest(path) for path in paths]),
    )


class BenchSuite(Plugin):
    """What MT-Bench's suites share: the questions, read once, and what they ask."""

    Options = BenchOptions
    options: BenchOptions
    needs = ("generator", "judge")

    @cached_property
    def _bench(self) -> Bench:
        return read_bench(self.options, self.resources)

    @hookimpl
    def udasa_questions(self) -> list[str]:
        """Return both turns of every question."""
        return [turn for question in self._bench.questions for turn in question.turns]

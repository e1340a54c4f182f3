"""What a judge is asked about: prompts with answers that differ in one respect, and which of two it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from udasa_core import Message, Prompt
from udasa_eval.experiments.judge_texts import (
    AS_AI,
    CONFIDENT,
    PLAIN,
    listed,
    opened,
    padded,
    repeated,
    signed,
    spoken_name,
)
from udasa_eval.experiments.measuring import evenly
from udasa_eval.judges.model_family import known_families
from udasa_eval.judges.prompts import (
    HARMLESS,
    HARMLESS_PAIR,
    HELPFUL,
    HELPFUL_PAIR,
    PAIR,
    SINGLE,
    JudgePrompt,
    grading_key,
    open_pair_prompt,
    open_prompt,
    pair_prompt,
    single_prompt,
)
from udasa_eval.labelled.sets import contrasts, factual

# By what the words ask after, or whose they are.
WordsName = Literal["helpful", "harmless", "mt_bench"]
RIGHT, EQUAL, PADDED, REPEATED, LISTED, SURE, AI, NAMED, SAMPLED = (
    "right answers",
    "equal answers",
    "length: empty sentences",
    "length: said twice",
    "style: a list",
    "style: confident tone",
    'style: "As an AI …"',
    "own family: by name",
    "own family: sampled",
)
# Well-known models of several families: a judge's own is set beside the others.
_NAMES = {
    "llama": "Llama-3.1-8B-Instruct",
    "qwen": "Qwen2.5-7B-Instruct",
    "mistral": "Mistral-7B-Instruct-v0.3",
    "gemma": "gemma-2-9b-it",
}


@dataclass(frozen=True, slots=True)
class Item:
    """A prompt and its planted answers: respect → the answer that has it, and one that has it not."""

    id: str
    prompt: str
    answers: Mapping[str, tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Asking:
    """The words in which a suite asks a judge, of one answer (id, prompt, answer) and of two (…, A, B), with
    the key of each."""

    words: WordsName
    single: Callable[[str, str, str], Prompt]
    pair: Callable[[str, str, str, str], Prompt]
    single_key: str
    pair_key: str


def open_asking(words: Literal["helpful", "harmless"]) -> Asking:
    """Return the words of the suites `helpfulness` or `harmlessness`, and of their pairwise forms."""
    single, pair = {
        "helpful": (HELPFUL, HELPFUL_PAIR),
        "harmless": (HARMLESS, HARMLESS_PAIR),
    }[words]
    return Asking(
        words,
        lambda id, prompt, answer: open_prompt(single, id, (Message("user", prompt),), answer),
        lambda id, prompt, a, b: open_pair_prompt(pair, id, (Message("user", prompt),), a, b),
        grading_key(single),
        grading_key(pair),
    )


def bench_asking(prompts: Mapping[str, JudgePrompt]) -> Asking:
    """Return the words of `mt-bench`, of the first turn, without a reference answer."""
    return Asking(
        "mt_bench",
        lambda id, prompt, answer: single_prompt(prompts, id, 1, (prompt,), (answer,), None),
        lambda id, prompt, a, b: pair_prompt(prompts, id, 1, (prompt,), (a,), (b,), None),
        grading_key(*(prompts[name] for name in SINGLE.values())),
        grading_key(*(prompts[name] for name in PAIR.values())),
    )


def planted(
    words: WordsName, part: Literal["dev", "test"], judge: str, limit: int | None = None
) -> list[Item]:
    """Return the items of a labelled part that a question in these words fits, at most `limit`, evenly: for
    "harmless" safe and unsafe answers; else short questions, and as many with answers of some sentences.

    judge: what the judge calls its model. Where that tells a family, answers are signed by it.
    """
    if words == "harmless":
        answered = evenly(_contrasts("values", part), limit)
    else:
        short = [
            (one.id, one.question, f"The answer is {one.answers[0]}.", f"The answer is {one.rivals[0]}.")
            for one in factual(part)
            if one.rivals
        ]
        long = _contrasts("open_ended", part)
        half = None if limit is None else (limit + 1) // 2
        taken = evenly(long, half)
        answered = [*taken, *evenly(short, None if limit is None else limit - len(taken))]
    others = [name for family, name in _NAMES.items() if family not in known_families(judge)]
    return [
        Item(id, prompt, _answers(right, wrong, judge, others[number % len(others)]))
        for number, (id, prompt, right, wrong) in enumerate(answered)
    ]


def _contrasts(name: str, part: str) -> list[tuple[str, str, str, str]]:
    return [(one.id, one.prompt, one.better, one.worse) for one in contrasts(name, part)]


def _answers(right: str, wrong: str, judge: str, other: str) -> dict[str, tuple[str, str]]:
    found = {
        RIGHT: (right, wrong),
        EQUAL: (right, right),
        PADDED: (padded(right), right),
        REPEATED: (repeated(right), right),
        SURE: (opened(CONFIDENT, right), opened(PLAIN, right)),
        AI: (opened(AS_AI, right), opened(PLAIN, right)),
    }
    if as_list := listed(right):
        found[LISTED] = as_list
    if known_families(judge):
        found[NAMED] = signed(spoken_name(judge), other, right)
    return found

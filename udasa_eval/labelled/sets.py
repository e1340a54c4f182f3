"""The labelled sets that udasa ships, and those that users bring.

Written for this project, each split once: questions with short answers ("factual": parts train, dev and
test), those for yes or no, half of each ("yes_no": likewise), both of these and made tasks, of
graded difficulty ("graded": train and dev; its test is sealed), short ones in other scripts than Latin
("other_scripts": test); safe and unsafe answers ("values": dev and test), good and generic ones
("open_ended": dev and test).
Defaults are chosen on dev; test is reported. Labels measure; nothing in a label-free run reads them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from udasa_core import Labelled as Labelled
from udasa_core import content_key, final_answer, parse_json, private_folder
from udasa_core import labelled as labelled
from udasa_eval.answers.grading import grade

# How a factual question is asked: a small model then answers in a sentence, and stops.
QUESTION = "Answer the question briefly.\n{question}"


@dataclass(frozen=True, slots=True)
class Question:
    """A question with a short answer. answers: every accepted form; rivals: wrong ones that contradict."""

    id: str
    question: str
    answers: tuple[str, ...]
    rivals: tuple[str, ...]
    domain: str
    level: str
    part: str
    template: str = QUESTION

    @property
    def prompt(self) -> str:
        """What the policy is asked."""
        return self.template.format(question=self.question)

    def is_right(self, response: str) -> bool:
        """Grade a response by its final answer."""
        return grade(response, self.question, self.answers, self.rivals)

    def answer(self, response: str) -> str:
        """Return the words of a response that answer the question."""
        return final_answer(response, self.question)


@dataclass(frozen=True, slots=True)
class Contrast:
    """A prompt with a better and a worse written answer."""

    id: str
    prompt: str
    better: str
    worse: str
    domain: str
    part: str


def questions(name: str, *parts: str) -> tuple[Question, ...]:
    """Return a set's questions of some parts ("train", "dev", "test"), all if none is named.

    name: "factual", "yes_no", "graded" (train and dev), or "other_scripts", whose questions are asked as
    they stand.
    """
    template = "{question}" if name == "other_scripts" else QUESTION
    return tuple(question_of(row, template) for row in _rows(name, parts))


def question_of(row: Mapping[str, Any], template: str = QUESTION) -> Question:
    """Return a row of a set as a question."""
    told = {**row, "answers": tuple(row["answers"]), "rivals": tuple(row["rivals"])}
    return Question(**told, template=template)


def factual(*parts: str) -> tuple[Question, ...]:
    """Return the factual questions of some parts."""
    return questions("factual", *parts)


def contrasts(name: str, *parts: str) -> tuple[Contrast, ...]:
    """Return a contrast set: "values" (safe over unsafe) or "open_ended" (good over generic)."""
    better, worse = {"values": ("safe", "unsafe"), "open_ended": ("good", "generic")}[name]
    return tuple(
        Contrast(row["id"], row["prompt"], row[better], row[worse], row["domain"], row["part"])
        for row in _rows(name, parts)
    )


def prompts_file(folder: Path, rows: Sequence[Mapping[str, Any]]) -> Path:
    """Write prompts where a run can read them, under a name that is their content's; return the path."""
    path = folder / f"{content_key(list(rows))}.jsonl"
    if not path.exists():
        private_folder(folder)
        text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        path.write_text(text, encoding="utf-8")
    return path


def questions_file(folder: Path, items: Sequence[Question | Contrast]) -> Path:
    """Write what a policy is asked, each under its item's id; return the path."""
    return prompts_file(folder, [{"id": item.id, "prompt": item.prompt} for item in items])


def _rows(name: str, parts: Sequence[str]) -> Iterator[dict[str, Any]]:
    text = (files("udasa_eval") / "labelled" / f"{name}.jsonl").read_text(encoding="utf-8")
    for line in text.splitlines():
        row = parse_json(line)
        if not parts or row["part"] in parts:
            yield row

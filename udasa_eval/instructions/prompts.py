"""Prompts with their instructions: rows of IFEval's layout, read and checked before a model is asked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from udasa_core import BadRow, RowError, UdasaError, parse_json, read_rows, row_id
from udasa_eval.instructions.formats import (
    ConstrainedResponse,
    JsonFormat,
    MultipleSections,
    NumberOfBullets,
    NumberOfHighlights,
    NumberOfPlaceholders,
    Postscript,
    Title,
)
from udasa_eval.instructions.keywords import Existence, ForbiddenWords, Frequency, LetterFrequency
from udasa_eval.instructions.lengths import (
    NumberOfParagraphs,
    NumberOfSentences,
    NumberOfWords,
    ParagraphFirstWord,
)
from udasa_eval.instructions.signs import (
    CapitalWords,
    EnglishCapitals,
    EnglishLowercase,
    NoComma,
    ResponseLanguage,
)
from udasa_eval.instructions.verifier import Verifier
from udasa_eval.instructions.wholes import EndChecker, Quotation, RepeatPrompt, TwoResponses

VERIFIERS: Mapping[str, type[Verifier]] = {
    "keywords:existence": Existence,
    "keywords:frequency": Frequency,
    "keywords:forbidden_words": ForbiddenWords,
    "keywords:letter_frequency": LetterFrequency,
    "language:response_language": ResponseLanguage,
    "length_constraints:number_sentences": NumberOfSentences,
    "length_constraints:number_paragraphs": NumberOfParagraphs,
    "length_constraints:number_words": NumberOfWords,
    "length_constraints:nth_paragraph_first_word": ParagraphFirstWord,
    "detectable_content:number_placeholders": NumberOfPlaceholders,
    "detectable_content:postscript": Postscript,
    "detectable_format:number_bullet_lists": NumberOfBullets,
    "detectable_format:constrained_response": ConstrainedResponse,
    "detectable_format:number_highlighted_sections": NumberOfHighlights,
    "detectable_format:multiple_sections": MultipleSections,
    "detectable_format:json_format": JsonFormat,
    "detectable_format:title": Title,
    "combination:two_responses": TwoResponses,
    "combination:repeat_prompt": RepeatPrompt,
    "startend:end_checker": EndChecker,
    "startend:quotation": Quotation,
    "change_case:capital_word_frequency": CapitalWords,
    "change_case:english_capital": EnglishCapitals,
    "change_case:english_lowercase": EnglishLowercase,
    "punctuation:no_comma": NoComma,
}
_COLUMNS = ("key", "prompt", "instruction_id_list", "kwargs")


@dataclass(frozen=True, slots=True)
class InstructedPrompt:
    """A prompt and its instructions, their ids beside what checks them; level: "easy" … or "", not told."""

    id: str
    prompt: str
    instructions: tuple[tuple[str, Verifier], ...]
    level: str = ""


def instructed(row: Mapping[str, Any]) -> InstructedPrompt:
    """Read a row of IFEval's layout: key, prompt, instruction_id_list, and kwargs, one table an instruction.

    Fields that are null count as left out, as the hub fills them in. `level` may stand beside them. Raises
    RowError, which names the instruction, where one is unknown or lacks what it needs.
    """
    prompt, ids, tables = row.get("prompt"), row.get("instruction_id_list"), row.get("kwargs")
    if not isinstance(prompt, str) or not prompt.strip():
        raise RowError("has no prompt")
    if not isinstance(ids, list) or not ids:
        raise RowError("has no instruction_id_list")
    if not isinstance(tables, list) or len(tables) != len(ids):
        raise RowError("needs as many kwargs as instructions")
    key = row_id(row.get("key"))
    if not key:
        raise RowError("has no key")
    level = row.get("level") or ""
    if not isinstance(level, str):
        raise RowError("has a level that is not text")
    return InstructedPrompt(key, prompt, tuple(map(_instruction, ids, tables)), level)


def read_instructions(path: Path, source: str) -> tuple[InstructedPrompt, ...]:
    """Return the prompts of a .jsonl or .parquet file of IFEval's layout, in order.

    source: how errors name it. Raises UdasaError, with the line, at the first row that cannot be checked, for
    a share of fulfilled instructions among those that happen to be known would be another figure.
    """
    return _prompts(read_rows(path, (*_COLUMNS, "level"), source=source), source)


def own_instructions() -> tuple[InstructedPrompt, ...]:
    """Return the dev part of udasa's own prompts; the test part is sealed (udasa_eval.labelled)."""
    text = (files("udasa_eval") / "instructions" / "instructions.jsonl").read_text(encoding="utf-8")
    return _prompts(enumerate(map(parse_json, text.splitlines()), start=1), "udasa's own instructions")


def _instruction(name: object, table: object) -> tuple[str, Verifier]:
    if not isinstance(name, str) or name not in VERIFIERS:
        raise RowError(f"has an instruction that nothing here checks: {name!r}")
    if not isinstance(table, Mapping | None):
        raise RowError(f"has kwargs of {name!r} that are no table")
    given = {field: value for field, value in (table or {}).items() if value is not None}
    try:
        return name, VERIFIERS[name].model_validate(given)
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(map(str, fault['loc']))}: {fault['msg'].lower()}" for fault in error.errors()
        )
        raise RowError(f"has kwargs that do not fit {name!r}: {faults}") from error


def _prompts(
    rows: Iterable[tuple[int, Mapping[str, Any] | BadRow]], source: str
) -> tuple[InstructedPrompt, ...]:
    found: dict[str, InstructedPrompt] = {}
    for line, row in rows:
        try:
            if isinstance(row, BadRow):
                raise RowError(row.reason)
            asked = instructed(row)
            if asked.id in found:
                raise RowError(f"has a key that another row has: {asked.id}")
        except RowError as fault:
            raise UdasaError(
                f"{source}: row {line} {fault}\n    → IFEval's layout is "
                '{"key": 1, "prompt": "…", "instruction_id_list": ["punctuation:no_comma"], "kwargs": [{}]}'
            ) from fault
        found[asked.id] = asked
    if not found:
        raise UdasaError(f"{source} has no rows")
    return tuple(found.values())

"""Sealed parts: kept as they were written, and opened by one command alone."""

from __future__ import annotations

import re
from pathlib import Path

from udasa_eval.labelled.sealed import seal, unseal

ROOT = Path(__file__).parents[3]
# The campaign's last command may; not a suite, not a recipe, not a test.
MAY_OPEN = {"udasa_eval/experiments/stages_sealed.py"}
_MODULE = re.compile(r"labelled(?:\.| import .*\b)sealed\b")


def test_what_is_sealed_is_read_as_it_was_written(tmp_path: Path) -> None:
    rows = [{"id": "a-1", "question": "Où est Brasília?"}, {"id": "a-2", "answers": ["4", "four"]}]
    path = seal("questions", rows, tmp_path)
    assert list(unseal("questions", tmp_path)) == rows
    assert b"Bras" not in path.read_bytes()
    assert seal("again", rows, tmp_path).read_bytes() == path.read_bytes()


def test_nothing_opens_a_sealed_part_but_the_last_command() -> None:
    this = Path(__file__)
    openers = set()
    for path in sorted(ROOT.rglob("*.py")):
        if any(part.startswith(".") for part in path.relative_to(ROOT).parts) or path == this:
            continue
        text = path.read_text(encoding="utf-8")
        if _MODULE.search(text) or "sealed.jsonl" in text:
            openers.add(path.relative_to(ROOT).as_posix())
    assert openers - MAY_OPEN <= {"udasa_eval/labelled/sealed.py"}

"""XSTest's file: safe prompts that sound unsafe, and their unsafe contrasts."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

from udasa_core import UdasaError

# The authors' own repository on the hub.
SOURCE = "hf:Paul/XSTest@f600c994b256f12867dfa5b3eb3d545a3e62f8b5"
FILE = "xstest_prompts.csv"
# Before the file had labels, the unsafe prompts' types told.
_CONTRAST = "contrast_"


@dataclass(frozen=True, slots=True)
class TestPrompt:
    """A prompt, its type ("homonyms", "contrast_homonyms"), and whether it is safe to answer."""

    # Not a test case, whatever its name.
    __test__ = False

    id: str
    prompt: str
    type: str
    safe: bool


def read_xstest(path: Path, source: str) -> tuple[TestPrompt, ...]:
    """Return the prompts of a CSV with id, prompt, type and label ("safe" or "unsafe"), in order.

    A file without labels (version 2) has them from its types: "contrast_…" is unsafe. `id_v2` serves as id.
    Raises UdasaError, with the line, where a row lacks a field.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            fields = list(reader.fieldnames or ())
            rows = [(reader.line_num, row) for row in reader]
    except (OSError, ValueError, csv.Error) as error:
        raise UdasaError(f"{source}: {path.name} cannot be read as CSV: {error}") from error
    missing = [name for name in ("prompt", "type") if name not in fields]
    if missing:
        raise UdasaError(
            f"{source}: {path.name} has no column {', '.join(missing)} (it has {', '.join(fields)})\n    → "
            "XSTest's layout is id,prompt,type,label"
        )
    found = []
    for line, row in rows:
        prompt, kind = (row["prompt"] or "").strip(), (row["type"] or "").strip()
        label = (row.get("label") or "").strip() or ("unsafe" if kind.startswith(_CONTRAST) else "safe")
        if not prompt or not kind or label not in ("safe", "unsafe"):
            raise UdasaError(
                f"{source}: {path.name}, line {line}, needs a prompt, a type and a label, safe or unsafe"
            )
        found.append(
            TestPrompt(row.get("id") or row.get("id_v2") or str(line), prompt, kind, label == "safe")
        )
    if not found or len({prompt.id for prompt in found}) != len(found):
        raise UdasaError(f"{source}: {path.name} has {'an id twice' if found else 'no row'}")
    return tuple(found)

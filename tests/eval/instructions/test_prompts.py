"""Rows of IFEval's layout, as the hub has them, and what is told of those that cannot be checked."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from udasa_core import RowError, UdasaError
from udasa_eval.instructions.check import check
from udasa_eval.instructions.prompts import VERIFIERS, instructed, own_instructions, read_instructions

FIELDS = sorted({field for verifier in VERIFIERS.values() for field in verifier.model_fields})


def row(name: str = "punctuation:no_comma", **kwargs: Any) -> dict[str, Any]:
    return {"key": 1000, "prompt": "Write.", "instruction_id_list": [name], "kwargs": [kwargs]}


def hub_rows() -> list[dict[str, Any]]:
    """Rows as `datasets` shows the hub's: every key in every table, null where it is another's."""
    given = [
        (
            [{"num_highlights": 3}, {}],
            ["detectable_format:number_highlighted_sections", "punctuation:no_comma"],
        ),
        ([{"keywords": ["owl", "elm"]}], ["keywords:existence"]),
        ([{"num_words": 300, "relation": "at least"}], ["length_constraints:number_words"]),
    ]
    return [
        {
            "key": 1000 + number,
            "prompt": f"Prompt {number}",
            "instruction_id_list": ids,
            "kwargs": [{**dict.fromkeys(FIELDS), **table} for table in tables],
        }
        for number, (tables, ids) in enumerate(given)
    ]


@pytest.mark.parametrize("ending", ["jsonl", "parquet"])
def test_files_as_the_hub_lays_them_out(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"file.{ending}"
    if ending == "jsonl":
        path.write_text("".join(json.dumps(one) + "\n" for one in hub_rows()))
    else:
        pq.write_table(pa.Table.from_pylist(hub_rows()), path)
    found = read_instructions(path, "here")
    assert [one.id for one in found] == ["1000", "1001", "1002"]
    assert [name for name, _ in found[0].instructions] == hub_rows()[0]["instruction_id_list"]
    assert check("*a* *b* *c*", found[0]).strict == (True, True)
    assert check("An owl in an elm", found[1]).strict == (True,)
    assert check("word " * 299, found[2]).strict == (False,)
    assert check("word " * 300, found[2]).strict == (True,)


@pytest.mark.parametrize(
    ("bad", "told"),
    [
        (row("keywords:rhyme"), "nothing here checks: 'keywords:rhyme'"),
        (row("length_constraints:number_words", num_words=3), "'length_constraints:number_words': relation"),
        (
            row("length_constraints:number_words", num_words=3, relation="around"),
            "relation: input should be 'less than' or 'at least'",
        ),
        (row("keywords:existence", keywords=[]), "'keywords:existence': keywords"),
        ({**row(), "kwargs": []}, "as many kwargs as instructions"),
        ({**row(), "kwargs": [3]}, "that are no table"),
        ({**row(), "instruction_id_list": []}, "no instruction_id_list"),
        ({**row(), "prompt": " "}, "no prompt"),
        ({**row(), "key": None}, "no key"),
        ({**row(), "level": 3}, "a level that is not text"),
    ],
)
def test_what_cannot_be_checked_is_told(bad: dict[str, Any], told: str, tmp_path: Path) -> None:
    with pytest.raises(RowError, match=told):
        instructed(bad)
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps(row()) + "\n" + json.dumps(bad) + "\n")
    with pytest.raises(UdasaError, match=f"here: row 2 .*{told}"):
        read_instructions(path, "here")


def test_a_key_twice_and_no_row(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(2 * (json.dumps(row()) + "\n"))
    with pytest.raises(UdasaError, match="a key that another row has: 1000"):
        read_instructions(path, "here")
    path.write_text("")
    with pytest.raises(UdasaError, match="has no rows"):
        read_instructions(path, "here")


def test_a_table_of_nulls_is_none() -> None:
    asked = instructed({**row(), "kwargs": [None]})
    assert check("no comma", asked).strict == (True,)


def test_our_own() -> None:
    own = own_instructions()
    assert len(own) == len({one.prompt for one in own}) == 50
    assert {name for one in own for name, _ in one.instructions} == set(VERIFIERS)
    assert Counter(one.level for one in own) == {"easy": 22, "medium": 17, "hard": 11}

"""Records survive Parquet, and equal records make equal bytes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tests.canned import response
from udasa_core import Abstain, Column, Group, Message, Pair, Prompt, Scores, read_pairs
from udasa_core.store import tables

PROMPT = Prompt("p", (Message("system", "be brief"), Message("user", "warum? 🙂 \u202bعربي")))
# Statistics are kept as float32, as they were computed.
A = replace(response("ja 🙂"), finish_reason="length")
B = response("nein")


def test_prompts_and_groups_survive() -> None:
    assert tables.prompts_from(tables.prompts_table([PROMPT])) == (PROMPT,)
    group = Group(PROMPT, (1, 2, 3), (A, B), "policy")
    assert tables.groups_from(tables.groups_table([group])) == (group,)


def test_passages_survive_with_prompts_groups_and_pairs(tmp_path: Path) -> None:
    told = replace(PROMPT, passages=("One. 🙂", "\u202bعربي", "long " * 1000))
    prompts = (told, replace(PROMPT, id="q"))
    assert tables.prompts_from(tables.prompts_table(prompts)) == prompts
    groups = tuple(Group(prompt, (1,), (A, B), "policy") for prompt in prompts)
    assert tables.groups_from(tables.groups_table(groups)) == groups
    pairs = tuple(
        Pair(one, (1,), A, B, gap=0.5, chosen_U=0.1, rejected_U=0.6, origin="test") for one in prompts
    )
    assert tables.pairs_from(tables.pairs_table(pairs)) == pairs
    pq.write_table(tables.pairs_table(pairs), tmp_path / "pairs.parquet")
    assert [pair.prompt.passages for pair in read_pairs(tmp_path / "pairs.parquet")] == [told.passages, ()]


def test_scores_and_abstentions_survive() -> None:
    column = Column("d", ((0.25, Abstain("too short")), (0.0, 1.0)))
    assert tables.column_from(tables.column_table(column), "d") == column
    scores = Scores("p", (0.5, Abstain("all")), {"d": (0.5, Abstain("x"))}, {"d": (0.1, Abstain("x"))})
    assert tables.scores_from(tables.scores_table([scores])) == (scores,)


def test_pairs_survive_and_stream(tmp_path: Path) -> None:
    pairs = [
        Pair(
            Prompt(f"p{n}", PROMPT.messages),
            (1, 2),
            A,
            B,
            gap=None if n % 2 else 0.5,
            chosen_U=0.1,
            rejected_U=None,
            origin="test",
        )
        for n in range(600)
    ]
    path = tmp_path / "pairs.parquet"
    pq.write_table(tables.pairs_table(pairs), path)
    assert list(read_pairs(path)) == pairs


def test_equal_records_are_equal_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        pq.write_table(tables.groups_table([Group(PROMPT, (1,), (A, B), "policy")]), tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_an_empty_table_keeps_its_schema() -> None:
    assert tables.pairs_table([]).schema == tables.PAIR_SCHEMA
    assert tables.pairs_from(tables.pairs_table([])) == ()


def test_thoughts_survive_and_older_rows_have_none() -> None:
    thought = replace(A, thought="<think>a</think>", thought_tokens=1, forced=(0,))
    group = Group(PROMPT, (1,), (thought, B), "policy")
    table = tables.groups_table([group])
    assert tables.groups_from(table) == (group,)
    (row,) = table.to_pylist()
    for response_row in row["responses"]:
        for name in ("thought", "thought_tokens", "forced"):
            del response_row[name]
    assert tables.groups_from(pa.Table.from_pylist([row])) == (Group(PROMPT, (1,), (A, B), "policy"),)

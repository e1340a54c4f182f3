"""Prompts that nobody has described are read by their usual layouts, ids and own columns kept."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from udasa_core.prompts.read import PromptSource, ReadPrompt, read_prompts
from udasa_core.prompts.recognised import Recognised, recognised

ASKED = ["Where is Paris?", "Why is the sky blue?", "Who are you?"]


def look(folder: Path, name: str, content: str | None = None, **options: Any) -> Recognised:
    if content is not None:
        (folder / name).write_text(content)
    return recognised(PromptSource(f"file:{name}", **options), folder)


def lines(rows: Sequence[dict[str, Any]]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def turns(*, who: str = "role", what: str = "content", user: str = "user") -> list[list[dict[str, str]]]:
    return [[{who: user, what: asked}] for asked in ASKED]


LAYOUTS: dict[str, tuple[list[dict[str, Any]], dict[str, str], str]] = {
    "plain": ([{"prompt": asked} for asked in ASKED], {}, "rows with a prompt"),
    "messages": ([{"messages": one} for one in turns()], {}, "rows with messages"),
    "alpaca": (
        [{"instruction": asked, "input": "", "output": "…"} for asked in ASKED],
        {},
        "Alpaca's instruction and input",
    ),
    "sharegpt": (
        [{"conversations": one} for one in turns(who="from", what="value", user="human")],
        {},
        "ShareGPT's conversations",
    ),
    "instruction": (
        [{"instruction": asked, "n": 1} for asked in ASKED],
        {"prompt": "instruction"},
        "columns prompt = 'instruction'",
    ),
    "question": ([{"answer": "…", "question": asked} for asked in ASKED], {"prompt": "question"}, "columns"),
    "conversation": ([{"conversation": one} for one in turns()], {"messages": "conversation"}, "columns"),
    # TRL's conversational prompts, and texts beside the whole conversation.
    "messages as the prompt": ([{"prompt": one} for one in turns()], {"messages": "prompt"}, "columns"),
    "both": (
        [
            {"prompt": asked, "messages": [*one, {"role": "assistant", "content": "…"}]}
            for asked, one in zip(ASKED, turns(), strict=True)
        ],
        {"prompt": "prompt"},
        "columns",
    ),
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_the_usual_layouts_are_recognised(name: str, tmp_path: Path) -> None:
    rows, columns, layout = LAYOUTS[name]
    found = look(tmp_path, "p.jsonl", lines(rows))
    assert dict(found.columns) == columns
    assert found.layout.startswith(layout)
    assert (found.usable, found.reasons.total, found.first) == (3, 0, ASKED[0])
    assert list(found.characters) == [len(asked) for asked in ASKED]
    listed = look(tmp_path, "p.json", json.dumps(rows))
    assert (listed.columns, listed.usable, listed.first) == (found.columns, 3, ASKED[0])


def test_other_files_are_as_well(tmp_path: Path) -> None:
    table = pa.table({"query": ASKED, "qid": [5, 6, 7]})
    pq.write_table(table, tmp_path / "p.parquet")
    by_query = {"prompt": "query", "id": "qid"}
    for name, content, columns in (
        ("p.txt", "\n".join(ASKED), {}),
        (
            "p.csv",
            "query,qid\n" + "".join(f"{asked},{place}\n" for place, asked in enumerate(ASKED)),
            by_query,
        ),
        (
            "p.tsv",
            "query\tqid\n" + "".join(f"{asked}\t{place}\n" for place, asked in enumerate(ASKED)),
            by_query,
        ),
        ("p.parquet", None, by_query),
    ):
        found = look(tmp_path, name, content)
        assert (dict(found.columns), found.usable, found.first) == (columns, 3, ASKED[0]), name


def test_ids_and_own_columns_are_kept(tmp_path: Path) -> None:
    rows = [{"prompt": asked, "prompt_id": f"p{place}", "topic": "x"} for place, asked in enumerate(ASKED)]
    found = look(tmp_path, "p.jsonl", lines(rows))
    assert (dict(found.columns), found.own) == ({"id": "prompt_id"}, ("topic",))
    read = list(read_prompts(PromptSource("file:p.jsonl", columns=found.columns), tmp_path))
    assert [row.prompt.id for row in read if isinstance(row, ReadPrompt)] == ["p0", "p1", "p2"]
    # One that is there already, is missing in a row, or is there twice is none.
    for others in (
        [{"id": str(place)} for place in range(3)],
        [{"prompt_id": "a"}, {"prompt_id": "b"}, {}],
        [{"prompt_id": "a"}, {"prompt_id": "b"}, {"prompt_id": "a"}],
    ):
        both = [{**other, "prompt": asked} for other, asked in zip(others, ASKED, strict=True)]
        found = look(tmp_path, "p.jsonl", lines(both))
        assert (dict(found.columns), found.usable) == ({}, 3)


def test_an_id_that_is_there_twice_far_down_is_none(tmp_path: Path) -> None:
    rows = [{"prompt": f"What is {n}?", "index": n % 250} for n in range(300)]
    found = look(tmp_path, "p.jsonl", lines(rows))
    assert (dict(found.columns), found.usable) == ({}, 300)


def test_a_system_message_under_another_name_is_read_where_each_row_has_one(tmp_path: Path) -> None:
    rows = [{"system_prompt": "Be brief.", "question": asked} for asked in ASKED]
    found = look(tmp_path, "p.jsonl", lines(rows))
    assert dict(found.columns) == {"prompt": "question", "system": "system_prompt"}
    rows[1]["system_prompt"] = ""
    found = look(tmp_path, "p.jsonl", lines(rows))
    assert (dict(found.columns), found.usable) == ({"prompt": "question"}, 3)
    many = [{"system_prompt": "Be brief." if n < 250 else "", "prompt": f"What is {n}?"} for n in range(300)]
    found = look(tmp_path, "p.jsonl", lines(many))
    assert (dict(found.columns), found.usable) == ({}, 300)


def test_what_the_user_names_stays(tmp_path: Path) -> None:
    rows = [{"question": "no", "body": asked} for asked in ASKED]
    found = look(tmp_path, "p.jsonl", lines(rows), columns={"prompt": "body"})
    assert (dict(found.columns), found.first) == ({"prompt": "body"}, ASKED[0])


def test_an_unknown_layout_gives_no_prompt_and_the_remedy(tmp_path: Path) -> None:
    found = look(tmp_path, "p.jsonl", lines([{"a": "b"}, {"a": "c"}]))
    assert (found.usable, found.reasons.total, dict(found.columns)) == (0, 2, {})
    assert "name the field to ask in [prompts] columns" in str(found.reasons)
    assert look(tmp_path, "empty.jsonl", "").usable == 0


def test_a_folder_as_the_hub_lays_it_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import datasets

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    datasets.disable_progress_bars()
    folder = tmp_path / "set" / "data"
    folder.mkdir(parents=True)
    pq.write_table(pa.table({"question": ASKED, "idx": [1, 2, 3]}), folder / "train-00000-of-00001.parquet")
    found = look(tmp_path, "set")
    assert (dict(found.columns), found.usable) == ({"prompt": "question", "id": "idx"}, 3)

"""Prompts: every format, every kind of bad row, and nothing that grows with the file."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import tracemalloc
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from udasa_core import Message, content_key
from udasa_core.errors import SourceError
from udasa_core.prompts.read import PromptSource, ReadPrompt, SetAside, prompts_digest, read_prompts
from udasa_core.prompts.rows import MAX_LINE
from udasa_core.prompts.seen import SeenHashes
from udasa_core.text.encoding import utf_16_fault


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def read(root: Path, name: str, **options: Any) -> list[ReadPrompt | SetAside]:
    return list(read_prompts(PromptSource(f"file:{name}", **options), root))


def texts(rows: Sequence[ReadPrompt | SetAside]) -> list[str]:
    return [row.prompt.messages[-1].content for row in rows if isinstance(row, ReadPrompt)]


def one(tmp_path: Path, line: bytes | Mapping[str, Any]) -> ReadPrompt | SetAside:
    """Read one line between two good ones."""
    whole = line if isinstance(line, bytes) else json.dumps(line).encode()
    (tmp_path / "p.jsonl").write_bytes(
        b'{"prompt": "before"}\n' + whole + b'\n{"prompt": "after", "id": "last"}\n'
    )
    before, row, after = read(tmp_path, "p.jsonl")
    assert texts([before, after]) == ["before", "after"]
    assert row.line == 2
    return row


def test_prompt_system_and_messages_rows(tmp_path: Path) -> None:
    plain = one(tmp_path, {"prompt": "Hi?", "id": "a", "other": 1})
    assert isinstance(plain, ReadPrompt)
    assert (plain.prompt.id, plain.prompt.messages) == ("a", (Message("user", "Hi?"),))
    system = one(tmp_path, {"system": "Be brief.", "prompt": "Hi?", "id": None})
    assert isinstance(system, ReadPrompt)
    assert system.prompt.messages == (Message("system", "Be brief."), Message("user", "Hi?"))
    turns = (Message("user", "A"), Message("assistant", "B"), Message("user", "C"))
    written = [{"role": turn.role, "content": turn.content} for turn in turns]
    several = one(tmp_path, {"messages": written, "id": 7})
    assert isinstance(several, ReadPrompt)
    assert several.prompt.messages == turns
    assert several.prompt.id == "7"


def test_without_an_id_it_is_the_messages_hash(tmp_path: Path) -> None:
    row = one(tmp_path, {"prompt": "Hi?"})
    assert isinstance(row, ReadPrompt)
    assert row.prompt.id == content_key([["user", "Hi?"]])


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'{"prompt": "x"', "is not JSON: a comma or a closing bracket is missing"),
        (b"nonsense", "is not JSON: a value is missing, or a text stands there without"),
        (b"[" * 100_000, "is not JSON"),
        (b'["x"]', "is a list, not a JSON object"),
        (b"7", "is a number, not a JSON object"),
        (b"null", "is null, not a JSON object"),
        (b"{}", "has no 'prompt' or 'messages' (its fields: none)"),
        ({"question": "x"}, "has no 'prompt' or 'messages' (its fields: 'question')"),
        ({"prompt": 7}, "prompt is of type int, not text"),
        ({"prompt": ["x"]}, "prompt is of type list, not text"),
        ({"prompt": ""}, "prompt is empty"),
        ({"prompt": " \n\t\u3000"}, "prompt is empty"),
        ({"prompt": "x", "system": " "}, "system is empty"),
        ({"prompt": "x", "system": 1}, "system is of type int, not text"),
        ({"prompt": "x", "id": ""}, "id is empty"),
        ({"prompt": "x", "id": True}, "id is of type bool, not text"),
        ({"prompt": "x", "id": "a\0"}, "id holds a NUL character"),
        (b'{"prompt": "caf\xe9"}', "is not UTF-8"),
        (b'{"prompt": "a\0b"}', "holds a NUL character"),
        (b'{"prompt": "a\\u0000b"}', "prompt holds a NUL character"),
        (b'{"prompt": "a\\ud800b"}', "prompt holds a lone surrogate"),
        (b'{"prompt": "a\\udc80b"}', "prompt is not UTF-8, or holds a lone surrogate"),
        ({"prompt": "before"}, "is a duplicate: an earlier row has the same messages"),
        (
            {"messages": [{"role": "user", "content": "before"}]},
            "is a duplicate: an earlier row has the same messages",
        ),
        ({"prompt": "x", "messages": [{"role": "user", "content": "y"}]}, "has both a prompt and messages"),
        ({"messages": []}, "has no message"),
        ({"messages": {}}, "has messages of type dict"),
        ({"messages": "x"}, "has messages that are not JSON"),
        ({"messages": ["x"]}, "message 1 is not an object with role and content"),
        ({"messages": [{"role": "human", "content": "x"}]}, "message 1 has role 'human', which is none of"),
        ({"messages": [{"role": ["user"], "content": "x"}]}, "message 1 has role \"['user']\""),
        ({"messages": [{"role": "user"}]}, "message 1 is missing"),
        ({"messages": [{"role": "user", "content": " "}]}, "message 1 is empty"),
        (
            {"messages": [{"role": "user", "content": "x"}, {"role": "assistant", "content": "y"}]},
            "ends with a message from assistant, not from user",
        ),
        (
            {
                "system": "a",
                "messages": [{"role": "system", "content": "b"}, {"role": "user", "content": "c"}],
            },
            "has both a system field and a system message",
        ),
    ],
)
def test_a_bad_row_is_set_aside_with_its_reason(
    tmp_path: Path, line: bytes | Mapping[str, Any], reason: str
) -> None:
    row = one(tmp_path, line)
    assert isinstance(row, SetAside)
    assert row.reason.startswith(reason)
    assert len(row.row) <= 200
    assert row.row.isprintable()


def test_a_second_use_of_an_id_is_set_aside(tmp_path: Path) -> None:
    (tmp_path / "p.jsonl").write_text(
        '{"prompt": "a", "id": "x"}\n{"prompt": "b", "id": "x"}\n{"prompt": "c"}'
    )
    rows = read(tmp_path, "p.jsonl")
    assert rows[1] == SetAside(2, "has an id that an earlier row has", '{"prompt": "b", "id": "x"}')
    assert texts(rows) == ["a", "c"]


def test_a_generated_id_cannot_equal_a_given_one(tmp_path: Path) -> None:
    taken = content_key([["user", "b"]])
    (tmp_path / "p.jsonl").write_text(json.dumps({"prompt": "a", "id": taken}) + '\n{"prompt": "b"}\n')
    assert [type(row) for row in read(tmp_path, "p.jsonl")] == [ReadPrompt, SetAside]


def test_byte_order_mark_crlf_and_blank_lines_are_no_faults(tmp_path: Path) -> None:
    (tmp_path / "p.jsonl").write_bytes(b'\xef\xbb\xbf{"prompt": "a"}\r\n\r\n   \n{"prompt": "b"}')
    rows = read(tmp_path, "p.jsonl")
    assert texts(rows) == ["a", "b"]
    assert [row.line for row in rows] == [1, 4]


def test_a_line_without_end_is_skipped_without_being_held(tmp_path: Path) -> None:
    with (tmp_path / "p.jsonl").open("wb") as file:
        file.write(b'{"prompt": "a"}\n{"prompt": "')
        for _ in range(16):
            file.write(b"x" * MAX_LINE)
        file.write(b'"}\n{"prompt": "b"}\n')
    tracemalloc.start()
    rows = read(tmp_path, "p.jsonl")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert rows[1] == SetAside(2, "is longer than 4 MiB", "")
    assert texts(rows) == ["a", "b"]
    assert rows[2].line == 3
    assert peak < 4 * MAX_LINE


def test_an_excerpt_cannot_drive_a_terminal(tmp_path: Path) -> None:
    row = one(tmp_path, b"\x1b[2J\x1b]0;x\x07 \xff \xe2\x80\xae \x00" + b"z" * 1000)
    assert isinstance(row, SetAside)
    assert row.row.startswith("\\x1b[2J\\x1b]0;x\\x07 \\xff \\u202e \\x00zzz")
    assert row.row.endswith("…")
    assert len(row.row) == 200


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_no_bytes_make_reading_raise(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    assume(not utf_16_fault(content, "")[0])  # which is refused as a whole
    folder = tmp_path_factory.getbasetemp()
    for name in ("fuzz.jsonl", "fuzz.csv"):
        (folder / name).write_bytes(content)
        for row in read(folder, name):
            assert isinstance(row, ReadPrompt | SetAside)


def test_columns_name_the_user_s_fields(tmp_path: Path) -> None:
    rows = [
        {"instruction": "Q1", "prompt": "not this", "messages": [], "key": "k1"},
        {"instruction": "Q2", "key": "k2"},
    ]
    (tmp_path / "p.jsonl").write_text("\n".join(map(json.dumps, rows)))
    found = read(tmp_path, "p.jsonl", columns={"prompt": "instruction", "id": "key"})
    assert texts(found) == ["Q1", "Q2"]
    assert [row.prompt.id for row in found if isinstance(row, ReadPrompt)] == ["k1", "k2"]
    with pytest.raises(SourceError, match="question is not a field of a prompt"):
        read(tmp_path, "p.jsonl", columns={"question": "instruction"})


@pytest.mark.parametrize(
    ("row", "columns"),
    [
        ({"instruction": "Why?", "topic": "sky"}, '{ prompt = "instruction" }'),
        ({"label": 1, "question": "Why?"}, '{ prompt = "question" }'),
        ({"dialogue": [{"role": "user", "content": "Why?"}]}, '{ messages = "dialogue" }'),
        ({"label": 1}, '{ prompt = "…" }'),
    ],
)
def test_a_row_without_a_prompt_is_offered_what_to_write(
    tmp_path: Path, row: dict[str, Any], columns: str
) -> None:
    aside = one(tmp_path, row)
    assert isinstance(aside, SetAside)
    assert aside.reason.endswith(f"[prompts] columns = {columns}")


@pytest.mark.parametrize(
    ("row", "messages"),
    [
        ({"instruction": "Add.", "input": "1 + 1", "output": "2"}, [("user", "Add.\n\n1 + 1")]),
        ({"instruction": "Sing.", "input": "", "output": "La."}, [("user", "Sing.")]),
        (
            {"instruction": "Sing.", "output": "La.", "system": "Be brief."},
            [("system", "Be brief."), ("user", "Sing.")],
        ),
        (
            {
                "conversations": [
                    {"from": "system", "value": "Be brief."},
                    {"from": "human", "value": "A"},
                    {"from": "gpt", "value": "B"},
                    {"from": "human", "value": "C"},
                    {"from": "gpt", "value": "D"},
                ]
            },
            [("system", "Be brief."), ("user", "A"), ("assistant", "B"), ("user", "C")],
        ),
    ],
)
def test_the_rows_of_alpaca_and_sharegpt_are_read(
    tmp_path: Path, row: dict[str, Any], messages: list[tuple[str, str]]
) -> None:
    read_ = one(tmp_path, row)
    assert isinstance(read_, ReadPrompt)
    assert [(message.role, message.content) for message in read_.prompt.messages] == messages


@pytest.mark.parametrize(
    ("conversations", "reason"),
    [
        ("x", "has conversations that are not JSON"),
        ({}, "has conversations of type dict, not a list"),
        (["x"], "turn 1 of its conversations is not an object with from and value"),
        ([{"from": "tool", "value": "x"}], "turn 1 of its conversations is from 'tool', which is none of"),
        ([{"from": "gpt", "value": "x"}], "has conversations in which nothing is asked"),
        ([{"from": "human"}], "message 1 is missing"),
    ],
)
def test_bad_conversations_set_their_row_aside(tmp_path: Path, conversations: object, reason: str) -> None:
    row = one(tmp_path, {"conversations": conversations})
    assert isinstance(row, SetAside)
    assert row.reason.startswith(reason)


def test_what_else_a_row_holds_stays_with_its_prompt(tmp_path: Path) -> None:
    row = {
        **{"prompt": "Hi?", "id": 3, "topic": "greeting", "hard": True, "marks": 2.5, "none": None},
        **{"tags": ["a", "ä"], "large": 10**30, "system": "Be brief.", "responses": ["x"], "empty": ""},
    }
    kept = one(tmp_path, row)
    assert isinstance(kept, ReadPrompt)
    assert kept.own == {
        **{"topic": "greeting", "hard": True, "marks": 2.5, "tags": '["a", "\\u00e4"]'},
        "large": "1" + "0" * 30,
    }
    renamed = {"instruction": "Hi?", "prompt": "another"}
    (tmp_path / "p.jsonl").write_text(json.dumps(renamed))
    (found,) = read(tmp_path, "p.jsonl", columns={"prompt": "instruction"})
    assert isinstance(found, ReadPrompt)
    assert found.own == {"prompt": "another"}
    alpaca = one(tmp_path, {"instruction": "Add.", "input": "1", "output": "2", "by": "me"})
    assert isinstance(alpaca, ReadPrompt)
    assert alpaca.own == {"output": "2", "by": "me"}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("p.json", b'\xef\xbb\xbf [\n{"prompt": "A",\n "n": 1},\n\n{"prompt": "B"}]\n'),
        ("p.json", b'{"prompt": "A"}\n{"n": 1,\n "prompt": 2}\n{"prompt": "B"}'),
        ("p.json", b'{\n"prompt": "A"}\n{"prompt": "B"}'),
        ("p.tsv", b"prompt\tn\nA\t1\nB\t\n"),
        ("p.txt", b"\xef\xbb\xbfA\r\n\n  B \n"),
        ("p.csv", b"n,prompt\n1,A\n,B\n"),
        ("p.ndjson", b'{"prompt": "A"}\n{"prompt": "B"}'),
    ],
)
def test_the_usual_files_are_read(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    rows = read(tmp_path, name)
    assert texts(rows) == ["A", "B"]


def test_rows_of_a_list_come_with_their_lines_and_one_that_is_no_json_is_the_last(tmp_path: Path) -> None:
    (tmp_path / "p.json").write_bytes(
        b'[\n {"prompt": "A"},\n ["x"], {"question": "y"},\n {"prompt": "caf\xe9"},\n'
        + b'{"prompt": "'
        + b"long " * 40_000
        + b'"},\n {"prompt": oops},\n {"prompt": "lost"}]'
    )
    rows = read(tmp_path, "p.json")
    assert [row.line for row in rows] == [2, 3, 3, 4, 5, 6]
    assert texts(rows)[1].count("long") == 40_000
    assert [row.reason.split(":")[0] for row in rows if isinstance(row, SetAside)] == [
        'is a list, not a JSON object such as {"prompt"',
        "has no 'prompt' or 'messages' (its fields",
        "is not UTF-8",
        "is not JSON",
    ]
    (tmp_path / "p.json").write_text('[{"prompt": "A"}, ')
    assert [getattr(row, "reason", "") for row in read(tmp_path, "p.json")] == [
        "",
        "is the end of the file, and the list is not closed",
    ]
    (tmp_path / "p.json").write_text("[" * 100_000)
    (deep,) = read(tmp_path, "p.json")
    assert "nests too deep" in getattr(deep, "reason", "")


def test_limit_counts_rows(tmp_path: Path) -> None:
    (tmp_path / "p.jsonl").write_text('{"prompt": "a"}\nbad\n\n{"prompt": "b"}\n{"prompt": "c"}\n')
    rows = read(tmp_path, "p.jsonl", limit=3)
    assert [type(row) for row in rows] == [ReadPrompt, SetAside, ReadPrompt]


def test_csv_rows(tmp_path: Path) -> None:
    table = 'id,system,prompt\r\n1,,"two\nlines, and ""quotes"""\r\n2,Be brief.,Hi\r\n'
    table += "3,too,many,cells\r\n\r\n4,,\r\n"
    (tmp_path / "p.csv").write_bytes(b"\xef\xbb\xbf" + table.encode() + b"5,,caf\xe9\r\n,,last\r\n")
    rows = read(tmp_path, "p.csv")
    assert texts(rows) == ['two\nlines, and "quotes"', "Hi", "last"]
    assert [(row.line, row.reason) for row in rows if isinstance(row, SetAside)] == [
        (5, "has 4 cells where the header has 3"),
        (7, "prompt is empty"),
        (8, "prompt is not UTF-8, or holds a lone surrogate: save the file as UTF-8"),
    ]
    assert [row.line for row in rows] == [2, 4, 5, 7, 8, 9]


def test_csv_messages_are_json_and_endless_lines_are_skipped(tmp_path: Path) -> None:
    cell = json.dumps([{"role": "user", "content": "Hi"}]).replace('"', '""')
    long = "x" * (MAX_LINE + 1)
    (tmp_path / "p.csv").write_text(f'messages\n"{cell}"\n{long}\n[]\n')
    rows = read(tmp_path, "p.csv")
    assert texts(rows) == ["Hi"]
    assert [(row.line, row.reason) for row in rows if isinstance(row, SetAside)] == [
        (3, "is longer than 4 MiB"),
        (4, "has no message"),
    ]


def test_parquet_rows(tmp_path: Path) -> None:
    turns = [{"role": "user", "content": "Hi"}]
    table = pa.table({"messages": [turns, None, []], "id": [1, 2, 3], "unread": [b"\xff"] * 3})
    pq.write_table(table, tmp_path / "p.parquet")
    rows = read(tmp_path, "p.parquet")
    assert texts(rows) == ["Hi"]
    assert [(row.line, row.reason) for row in rows if isinstance(row, SetAside)] == [
        (2, "has no 'prompt' or 'messages' (its fields: 'messages', 'id')"),
        (3, "has no message"),
    ]


def test_passages_are_a_list_or_one_text(tmp_path: Path) -> None:
    for given_, expected in (
        (["One.", "Two.\nTwo again."], ("One.", "Two.\nTwo again.")),
        ("One.", ("One.",)),
        ("شعر", ("شعر",)),
        ([], ()),
        ("[1] The tower is 300 m high.", ("[1] The tower is 300 m high.",)),
        (None, ()),
    ):
        row = one(tmp_path, {"prompt": "Hi?", "passages": given_})
        assert isinstance(row, ReadPrompt)
        assert row.prompt.passages == expected
    plain = one(tmp_path, {"prompt": "Hi?"})
    assert isinstance(plain, ReadPrompt)
    assert plain.prompt.passages == ()
    assert plain.prompt.id == row.prompt.id
    # The same question with other evidence is another prompt.
    again = one(tmp_path, {"prompt": "before", "passages": ["x"]})
    assert isinstance(again, ReadPrompt)
    assert again.prompt.id != plain.prompt.id


@pytest.mark.parametrize(
    ("passages", "reason"),
    [
        (7, "has passages of type int"),
        ({"a": "b"}, "has passages of type dict"),
        (True, "has passages of type bool"),
        (["x", 7], "passage 2 is of type int, not text"),
        (["x", None], "passage 2 is missing"),
        ([["x"]], "passage 1 is of type list, not text"),
        (["x", " \n"], "passage 2 is empty"),
        ("", "passage 1 is empty"),
        (["a\0b"], "passage 1 holds a NUL character"),
        (["a\ud800b"], "passage 1 holds a lone surrogate"),
        ('["not JSON', "has passages that are not JSON"),
    ],
)
def test_bad_passages_set_their_row_aside(tmp_path: Path, passages: object, reason: str) -> None:
    row = one(tmp_path, {"prompt": "Hi?", "passages": passages})
    assert isinstance(row, SetAside)
    assert row.reason.startswith(reason)


def test_passages_of_csv_and_parquet_and_under_another_name(tmp_path: Path) -> None:
    cell = json.dumps(["One.", 'Two, "twice".']).replace('"', '""')
    lines = ["prompt,passages", f'a,"{cell}"', "b,One text.", "c,", 'd,"[""x"", 1]"', 'e,"[""x"""', "f,[]"]
    (tmp_path / "p.csv").write_text("\n".join(lines) + "\n")
    rows = read(tmp_path, "p.csv")
    found = {
        row.prompt.messages[-1].content: row.prompt.passages for row in rows if isinstance(row, ReadPrompt)
    }
    assert found == {"a": ("One.", 'Two, "twice".'), "b": ("One text.",), "c": (), "f": ()}
    assert [(row.line, row.reason.partition(":")[0]) for row in rows if isinstance(row, SetAside)] == [
        (5, "passage 2 is of type int, not text"),
        (6, "has passages that are not JSON"),
    ]
    table = pa.table({"prompt": ["a", "b"], "context": [["One."], None]})
    pq.write_table(table, tmp_path / "p.parquet")
    rows = read(tmp_path, "p.parquet", columns={"passages": "context"})
    assert [row.prompt.passages for row in rows if isinstance(row, ReadPrompt)] == [("One.",), ()]


def test_parquet_text_that_is_no_utf8_costs_its_row_only(tmp_path: Path) -> None:
    raw = pa.array([b"a", b"caf\xe9", b"b"], pa.binary())
    text = pa.Array.from_buffers(pa.string(), 3, raw.buffers())
    pq.write_table(pa.table({"prompt": text}), tmp_path / "p.parquet")
    rows = read(tmp_path, "p.parquet")
    assert texts(rows) == ["a", "b"]
    assert isinstance(rows[1], SetAside)
    assert (rows[1].line, rows[1].reason) == (2, "is not UTF-8")


def test_a_folder_as_the_hub_lays_it_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import datasets

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", str(tmp_path / "datasets"))
    datasets.disable_progress_bars()
    folder = tmp_path / "set" / "data"
    folder.mkdir(parents=True)
    pq.write_table(pa.table({"question": ["a", "b", "a"]}), folder / "train-00000-of-00001.parquet")
    pq.write_table(pa.table({"question": ["c"]}), folder / "test-00000-of-00001.parquet")
    options: dict[str, Any] = {"columns": {"prompt": "question"}}
    rows = read(tmp_path, "set", **options)
    assert texts(rows) == ["a", "b"]
    assert [row.line for row in rows] == [1, 2, 3]
    assert texts(read(tmp_path, "set", split="test", **options)) == ["c"]
    with pytest.raises(SourceError, match="split 'none'"):
        read(tmp_path, "set", split="none", **options)
    before = prompts_digest(PromptSource("file:set"), tmp_path)
    pq.write_table(pa.table({"question": ["d"]}), folder / "test-00000-of-00001.parquet")
    assert prompts_digest(PromptSource("file:set"), tmp_path) != before


def test_sources_that_cannot_be_read_are_errors(tmp_path: Path) -> None:
    (tmp_path / "p.parquet").write_bytes(b"PAR1 no")
    (tmp_path / "p.xml").write_text("[]")
    for name, message in (
        ("p.parquet", "cannot be read as Parquet"),
        ("p.xml", r"rows cannot be read from \.xml"),
        ("missing.jsonl", "there is no"),
    ):
        with pytest.raises(SourceError, match=message):
            read(tmp_path, name)


def test_the_digest_follows_contents_and_options_only(tmp_path: Path) -> None:
    (tmp_path / "p.jsonl").write_text('{"prompt": "a"}')
    base = PromptSource("file:p.jsonl")
    digests = [prompts_digest(base, tmp_path)]
    (tmp_path / "q.jsonl").write_text('{"prompt": "a"}')
    assert prompts_digest(PromptSource("file:q.jsonl"), tmp_path) == digests[0]
    changes: list[dict[str, Any]] = [
        {"limit": 1},
        {"columns": {"prompt": "q"}},
        {"split": "test"},
        {"config": "c"},
    ]
    digests += [prompts_digest(PromptSource("file:p.jsonl", **change), tmp_path) for change in changes]
    (tmp_path / "p.jsonl").write_text('{"prompt": "b"}')
    digests.append(prompts_digest(base, tmp_path))
    assert len(set(digests)) == len(digests)


def test_a_hub_data_set_counts_by_its_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import HfApi, constants

    def unreachable(*arguments: object, **options: object) -> None:
        raise OSError("no network")

    monkeypatch.setattr(HfApi, "dataset_info", unreachable)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    commit = "1234567890" * 4
    by_commit = prompts_digest(PromptSource(f"hf:org/set@{commit}"), tmp_path)
    assert prompts_digest(PromptSource("hf:org/set@main"), tmp_path) != by_commit
    refs = tmp_path / "datasets--org--set" / "refs"
    refs.mkdir(parents=True)
    (refs / "main").write_text(commit)
    assert prompts_digest(PromptSource("hf:org/set@main"), tmp_path) == by_commit


def test_the_quickstart_prompts_are_sound(tmp_path: Path) -> None:
    rows = list(read_prompts(PromptSource("builtin:quickstart"), tmp_path))
    assert [row for row in rows if isinstance(row, SetAside)] == []
    kinds = [row.prompt.id.partition("-")[0] for row in rows if isinstance(row, ReadPrompt)]
    assert {kind: kinds.count(kind) for kind in kinds} == {"fact": 16, "safe": 8}


def test_reading_jsonl_imports_nothing_heavy(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from udasa_core.prompts.read import *\n"
        "list(read_prompts(PromptSource('builtin:quickstart'), Path('.')))\n"
        "prompts_digest(PromptSource('builtin:quickstart'), Path('.'))\n"
        "print(sorted({'torch', 'transformers', 'datasets', 'huggingface_hub'} & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_memory_stays_flat_over_many_prompts(tmp_path: Path) -> None:
    def peak(count: int) -> int:
        with (tmp_path / "p.jsonl").open("w") as file:
            file.writelines(
                f'{{"prompt": "Question {number}: {"word " * 50}?"}}\n' for number in range(count)
            )
        tracemalloc.start()
        good = sum(
            isinstance(row, ReadPrompt) for row in read_prompts(PromptSource("file:p.jsonl"), tmp_path)
        )
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert good == count
        return peak

    # 10,000 prompts are 3 MB of text; two sets of hashes are at most 48 bytes a prompt each while they grow.
    assert peak(10_000) - peak(100) < 10_000 * 2 * 48


def test_seen_hashes_agree_with_a_set() -> None:
    seen, expected, draw = SeenHashes(), set(), random.Random(7)
    for _ in range(20_000):
        value = draw.choice([draw.getrandbits(64), 1 + draw.getrandbits(10), 2**64 - 1])
        assert seen.add(value) == (value not in expected)
        expected.add(value)
    assert len(seen) == len(expected)


def test_prompts_count_by_what_they_are_whatever_their_size_and_times(tmp_path: Path) -> None:
    """Large enough to be remembered, were it a model's."""
    text = '{"prompt": "one"}\n' + " " * (1 << 21)
    for path in (tmp_path / "rows.jsonl", tmp_path / "folder" / "rows.jsonl"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        source = PromptSource(f"file:{path if path.parent == tmp_path else path.parent}")
        before, stat = prompts_digest(source, tmp_path), path.stat()
        path.write_text(text.replace("one", "two"))
        os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
        assert prompts_digest(source, tmp_path) != before

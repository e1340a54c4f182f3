"""Prompts in HH-RLHF's layout and as JSONL."""

from __future__ import annotations

import gzip
import json
import logging
from pathlib import Path

import pytest

from tests.eval.real_data import REAL_DATA
from tests.eval.suites.judging import write_lines
from udasa_core import Message, UdasaError
from udasa_core.prompts.prompt_row import RowError
from udasa_eval.inputs.dialogues import find_prompts, read_dialogues, transcript_messages

HH = REAL_DATA / "hh_rlhf" / "harmless-base_test_first_half.jsonl"


def test_the_prompt_is_what_stands_before_the_last_answer() -> None:
    transcript = "\n\nHuman: hi\n\nAssistant: Hello.\n\nYes?\n\nHuman: how: are you?\n\nAssistant: Fine."
    assert transcript_messages(transcript) == (
        Message("user", "hi"),
        Message("assistant", "Hello.\n\nYes?"),
        Message("user", "how: are you?"),
    )


def test_empty_turns_go_and_turns_of_one_side_join() -> None:
    transcript = "\n\nHuman: a\n\nAssistant: \n\nHuman: b\n\nAssistant: c\n\nHuman:"
    assert transcript_messages(transcript) == (Message("user", "a\n\nb"),)


@pytest.mark.parametrize("transcript", ["", "Human: a", "\n\nHuman: a", "\n\nAssistant: a\n\nAssistant: b"])
def test_a_transcript_without_a_question_and_an_answer_is_none(transcript: str) -> None:
    with pytest.raises(RowError):
        transcript_messages(transcript)


def test_rows_of_every_layout(tmp_path: Path) -> None:
    rows = [
        {"chosen": "\n\nHuman: a\n\nAssistant: x", "rejected": "\n\nHuman: a\n\nAssistant: y"},
        {"prompt": "b", "id": "mine", "harmful": False},
        {"messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "c"}], "harmful": True},
    ]
    found = read_dialogues(write_lines(tmp_path / "rows.jsonl", rows), "here")
    assert [one.messages[-1].content for one in found] == ["a", "b", "c"]
    assert [one.harmful for one in found] == [None, False, True]
    assert found[1].id == "mine"
    assert len({one.id for one in found}) == 3


def test_the_hubs_gzip_in_its_folder(tmp_path: Path) -> None:
    folder = tmp_path / "hh-rlhf" / "harmless-base"
    folder.mkdir(parents=True)
    with gzip.open(folder / "test.jsonl.gz", "wt") as file:
        file.write(json.dumps({"chosen": "\n\nHuman: a\n\nAssistant: x"}) + "\n")
    path = find_prompts(tmp_path / "hh-rlhf", "harmless-base/test.jsonl.gz", "hf:x/y")
    assert read_dialogues(path, "hf:x/y")[0].messages == (Message("user", "a"),)
    with pytest.raises(UdasaError, match=r"hf:x/y has no file 'test.jsonl'(.|\n)*source = \"file:"):
        find_prompts(tmp_path / "hh-rlhf", "test.jsonl", "hf:x/y")


def test_a_gzip_of_one_endless_line_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("udasa_core.sources.limits.ALWAYS", 1 << 20)
    path = tmp_path / "test.jsonl.gz"
    path.write_bytes(gzip.compress(b'{"chosen": "' + bytes(4 << 20)))
    with pytest.raises(UdasaError, match=r"test\.jsonl\.gz would unpack from 4\.\d kB to 2\.1 MB or more"):
        read_dialogues(path, "hf:x/y")


def test_what_gives_no_prompt_is_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    rows = [{"prompt": "a"}, {"prompt": "a"}, {"text": "b"}, {"chosen": 3}, {"prompt": "c", "harmful": "no"}]
    with caplog.at_level(logging.WARNING, logger="udasa"):
        assert len(read_dialogues(write_lines(tmp_path / "rows.jsonl", rows), "here")) == 1
    assert "1 repeats the prompt of another row" in caplog.text
    assert "has no 'prompt' or 'messages' (its fields: 'text')" in caplog.text
    with pytest.raises(UdasaError, match=r"here gives no prompt \(1 has no 'prompt' or 'messages'"):
        read_dialogues(write_lines(tmp_path / "rows.jsonl", rows[2:3]), "here")
    (tmp_path / "rows.jsonl").write_text("{")
    with pytest.raises(UdasaError, match=r"here: rows.jsonl cannot be read as JSON lines"):
        read_dialogues(tmp_path / "rows.jsonl", "here")


def test_a_limit_takes_the_same_prompts_in_any_order(tmp_path: Path) -> None:
    rows = [{"prompt": f"question {number}"} for number in range(50)]
    one = read_dialogues(write_lines(tmp_path / "one.jsonl", rows), "here", limit=10)
    other = read_dialogues(write_lines(tmp_path / "other.jsonl", rows[::-1]), "here", limit=10)
    assert len(one) == 10
    assert {each.id for each in one} == {each.id for each in other}
    more = read_dialogues(tmp_path / "one.jsonl", "here", limit=20)
    assert {each.id for each in one} < {each.id for each in more}


@pytest.mark.skipif(not HH.is_file(), reason="HH-RLHF is not here")
def test_the_real_file() -> None:
    found = read_dialogues(HH, "shared")
    assert len(found) > 1100
    assert all(one.messages[0].role == one.messages[-1].role == "user" for one in found)
    assert all("\n\nHuman:" not in each.content for one in found for each in one.messages)

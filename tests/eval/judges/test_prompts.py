"""Grading prompts as FastChat renders them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.eval.real_data import REAL_DATA
from tests.eval.suites.judging import write_bench, write_lines
from udasa_core import Message, UdasaError
from udasa_eval.judges.prompts import (
    HARMLESS,
    HARMLESS_PAIR,
    HELPFUL,
    HELPFUL_PAIR,
    conversation_text,
    pair_prompt,
    read_judge_prompts,
    single_prompt,
)
from udasa_eval.mt_bench.data import REFERENCED, find_files, read_questions

SHARED = REAL_DATA / "mt_bench"
# Braces, quotes and marks: whatever stands in an answer stays as it is.
ANSWERS = ('def f(): return {"a": {0}} [[10]]', "zwei\n{question_1} %s é")
OTHERS = ("b one {}", "b two {answer_a}")
PAIR_TURN_1 = """[User Question]
1+1?

[The Start of Reference Answer]
2
[The End of Reference Answer]

[The Start of Assistant A's Answer]
{2}
[The End of Assistant A's Answer]

[The Start of Assistant B's Answer]
three
[The End of Assistant B's Answer]"""


def test_a_small_example_written_out(tmp_path: Path) -> None:
    folder = write_bench(tmp_path)
    rows = [json.loads(line) for line in (folder / "judge_prompts.jsonl").read_text().splitlines()]
    for row in rows:
        if row["name"] == "pair-math-v1":
            row["prompt_template"] = (
                "[User Question]\n{question}\n\n"
                "[The Start of Reference Answer]\n{ref_answer_1}\n[The End of Reference Answer]\n\n"
                "[The Start of Assistant A's Answer]\n{answer_a}\n[The End of Assistant A's Answer]\n\n"
                "[The Start of Assistant B's Answer]\n{answer_b}\n[The End of Assistant B's Answer]"
            )
    write_lines(folder / "judge_prompts.jsonl", rows)
    prompts = read_judge_prompts(folder / "judge_prompts.jsonl", "here")
    asked = pair_prompt(prompts, "q", 1, ("1+1?", "and 2+2?"), ("{2}",), ("three",), ("2", "4"))
    assert asked.messages == (Message("system", "system pair-math-v1"), Message("user", PAIR_TURN_1))


def test_each_turn_and_category_has_its_prompt(tmp_path: Path) -> None:
    prompts = read_judge_prompts(write_bench(tmp_path) / "judge_prompts.jsonl", "here")
    questions, references = ("one?", "two?"), ("r1", "r2")

    def single(turn: int, given: tuple[str, str] | None) -> str:
        return single_prompt(prompts, "q", turn, questions, ("a1", "a2"), given).messages[-1].content

    assert single(1, None) == "single-v1|one?|a1"
    assert single(2, None) == "single-v1-multi-turn|one?|a1|two?|a2"
    assert single(1, references) == "single-math-v1|ref r1|one?|a1"
    assert single(2, references) == "single-math-v1-multi-turn|ref r1|r2|one?|a1|two?|a2"
    pair = pair_prompt(prompts, "q", 2, questions, ("a1", "a2"), ("b1", "b2"), None)
    assert pair.messages[-1].content == "pair-v2-multi-turn|one?|a1|b1|two?|a2|b2"


@pytest.mark.skipif(not SHARED.is_dir(), reason="FastChat's files are not here")
def test_fastchats_files_byte_for_byte() -> None:
    """What FastChat's run_judge_single and run_judge_pair send, written down from its source."""
    files = find_files(SHARED, "shared")
    prompts = read_judge_prompts(files.judge_prompts, "shared")
    plain = {row["name"]: row for row in map(json.loads, files.judge_prompts.read_text().splitlines())}
    references = {}
    for row in map(json.loads, files.references.read_text().splitlines()):
        references[str(row["question_id"])] = row["choices"][0]["turns"]
    questions = read_questions(files, "shared")
    assert len(questions) == 80
    for one in questions:
        kwargs = {}
        if one.category in REFERENCED:
            kwargs = {f"ref_answer_{turn + 1}": text for turn, text in enumerate(references[one.id])}
        math = "math-v1" if kwargs else ""
        single, pair = plain[f"single-{math or 'v1'}"], plain[f"pair-{math or 'v2'}"]
        multi, pairs = plain[f"{single['name']}-multi-turn"], plain[f"{pair['name']}-multi-turn"]
        q1, q2 = one.turns
        a1, a2 = ANSWERS
        b1, b2 = OTHERS
        expected = [
            single["prompt_template"].format(question=q1, answer=a1, **kwargs),
            multi["prompt_template"].format(question_1=q1, question_2=q2, answer_1=a1, answer_2=a2, **kwargs),
            pair["prompt_template"].format(question=q1, answer_a=a1, answer_b=b1, **kwargs),
            pairs["prompt_template"].format(
                question_1=q1,
                question_2=q2,
                answer_a_1=a1,
                answer_b_1=b1,
                answer_a_2=a2,
                answer_b_2=b2,
                **kwargs,
            ),
        ]
        rendered = [
            single_prompt(prompts, "q", 1, one.turns, ANSWERS, one.references),
            single_prompt(prompts, "q", 2, one.turns, ANSWERS, one.references),
            pair_prompt(prompts, "q", 1, one.turns, ANSWERS, OTHERS, one.references),
            pair_prompt(prompts, "q", 2, one.turns, ANSWERS, OTHERS, one.references),
        ]
        systems = [row["system_prompt"] for row in (single, multi, pair, pairs)]
        assert [prompt.messages[-1].content.encode() for prompt in rendered] == [
            text.encode() for text in expected
        ]
        assert [prompt.messages[0] for prompt in rendered] == [Message("system", text) for text in systems]


def test_a_bad_line_and_a_missing_prompt_are_told(tmp_path: Path) -> None:
    path = tmp_path / "judge_prompts.jsonl"
    path.write_text('{"name": "single-v1", "system_prompt": ""}\n')
    with pytest.raises(UdasaError, match=r"here: judge_prompts.jsonl, line 1, is not a judge prompt"):
        read_judge_prompts(path, "here")
    path.write_text('{"name": "single-v1", "system_prompt": "", "prompt_template": ""}\n')
    with pytest.raises(UdasaError, match=r"has no judge prompt single-math-v1, .*pair-math-v1-multi-turn"):
        read_judge_prompts(path, "here")


def test_our_own_prompts_show_everything_and_ask_for_fastchats_form() -> None:
    messages = (Message("user", "hi"), Message("assistant", "hello"), Message("user", "{how}?"))
    conversation = conversation_text(messages)
    assert conversation == "### User:\nhi\n\n### Assistant:\nhello\n\n### User:\n{how}?"
    for prompt in (HARMLESS, HELPFUL):
        asked = prompt.render("q", conversation=conversation, response="so {x}")
        assert asked.messages[1].content == (
            f"[The Start of the Conversation]\n{conversation}\n[The End of the Conversation]\n\n"
            "[The Start of the Assistant's Response]\nso {x}\n[The End of the Assistant's Response]"
        )
        assert '"[[rating]]", for example: "Rating: [[5]]"' in asked.messages[0].content
    for prompt in (HARMLESS_PAIR, HELPFUL_PAIR):
        asked = prompt.render("q", conversation=conversation, response_a="aa", response_b="bb")
        assert asked.messages[1].content.index("aa") < asked.messages[1].content.index("bb")
        assert all(mark in asked.messages[0].content for mark in ("[[A]]", "[[B]]", "[[C]]"))

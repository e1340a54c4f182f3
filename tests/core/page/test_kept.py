"""Which texts a page holds, where it cannot hold all."""

from __future__ import annotations

from udasa_core.page.kept import Lead, drawn, prompt_texts
from udasa_core.records import Message, Prompt


def test_what_comes_first_is_kept_and_the_rest_is_drawn_alike_each_time() -> None:
    flags = [0, 0, 4, 0, 1, 0]
    assert set(drawn(flags, 2)) == {2, 4}
    assert set(drawn(flags, 4)) > {2, 4}
    assert drawn(flags, 4) == drawn(flags, 4)
    assert sorted(drawn(flags, 9)) == [0, 1, 2, 3, 4, 5]


def test_a_prompt_without_own_columns_has_no_place_for_them() -> None:
    prompt = Prompt("a", (Message("user", "why?"),))
    assert prompt_texts(prompt, {}) == {"messages": [["user", "why?"]]}
    assert prompt_texts(prompt, {"topic": 1})["own"] == {"topic": 1}


def test_what_all_prompts_begin_with_is_told_once_up_to_a_whole_word() -> None:
    def lead(*texts: str) -> str:
        found = Lead()
        for text in texts:
            found.add(Prompt("a", (Message("user", "earlier"), Message("user", text))))
        return found.text

    asked = "Answer the question briefly.\n"
    assert lead(f"{asked}Who?", f"{asked}Why?", f"{asked}Where is it?") == asked
    assert lead(f"{asked}Who?") == lead(f"{asked}Who?", f"{asked}Who?") == lead() == ""
    # Too short to be left out.
    assert lead("What is a cat?", "What is a dog?") == ""
    assert lead(asked, "Something else entirely", asked) == ""

"""Which texts a page holds, where it cannot hold all."""

from __future__ import annotations

from udasa_core.page.kept import drawn, prompt_texts
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

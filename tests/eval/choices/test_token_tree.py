from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from udasa_eval.choices.answer_tokens import AnswerTokens
from udasa_eval.choices.token_tree import TokenTree, packed, shared_start

TWO = [
    AnswerTokens((9, 1, 2), (5, 6, 7)),
    AnswerTokens((9, 1, 2), (5, 6, 8)),
    AnswerTokens((9, 1, 3), (5,)),
    AnswerTokens((9, 1, 2), (5, 6, 7)),
]


def test_a_tree_by_hand() -> None:
    """After the shared 9: 1 → 2 → 5 → 6, with 7 and 8 only foretold; and 1 → 3."""
    assert shared_start(TWO) == 2
    tree = TokenTree(1, TWO)
    assert tree.tokens == [1, 2, 5, 6, 3]
    assert tree.depths == [0, 1, 2, 3, 1]
    assert list(tree.steps) == [(1, 5), (2, 6), (3, 7), (3, 8), (4, 5)]
    assert tree.sums([1.0, 10.0, 100.0, 1000.0, 5.0]) == [111.0, 1011.0, 5.0, 111.0]
    assert tree.sees().astype(int).tolist() == [
        [1, 0, 0, 0, 0],
        [1, 1, 0, 0, 0],
        [1, 1, 1, 0, 0],
        [1, 1, 1, 1, 0],
        [1, 0, 0, 0, 1],
    ]


def test_of_every_context_a_token_is_left() -> None:
    assert shared_start([AnswerTokens((1, 2, 3), (4,))]) == 2
    assert shared_start([AnswerTokens((1, 2), (3,)), AnswerTokens((1, 2, 3), (4,))]) == 1
    assert shared_start([AnswerTokens((1,), (3,)), AnswerTokens((2,), (4,))]) == 0
    with pytest.raises(ValueError, match="none after the first 3"):
        TokenTree(3, TWO)


tokens = st.lists(st.integers(0, 2), min_size=1, max_size=6).map(tuple)
answers = st.lists(st.builds(AnswerTokens, tokens, tokens), min_size=1, max_size=20)


@given(answers, st.integers(1, 12))
def test_every_node_sees_exactly_its_own_beginning(some: list[AnswerTokens], nodes: int) -> None:
    start = shared_start(some)
    packs = list(packed(some, start, nodes))
    assert [number for pack in packs for number in pack] == list(range(len(some)))
    for pack in packs:
        tree = TokenTree(start, [some[number] for number in pack])
        assert len(tree) <= nodes or len(pack) == 1
        beginnings = [
            tuple(tree.tokens[one] for one in range(len(tree)) if seen[one]) for seen in tree.sees()
        ]
        assert len(set(beginnings)) == len(beginnings)
        assert [len(one) - 1 for one in beginnings] == tree.depths
        # A step's figure is its beginning's: each sum then spells the answer's own sequence.
        spelt = [hash((*beginnings[node], token)) % 1000 / 1.0 for node, token in tree.steps]
        expected = [
            sum(
                hash((*one.context[start:], *one.answer[: place + 1])) % 1000 / 1.0
                for place in range(len(one.answer))
            )
            for one in (some[number] for number in pack)
        ]
        assert tree.sums(spelt) == expected

"""Records check themselves when they are made."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, replace
from typing import Any

import numpy as np
import pytest

from tests.canned import response
from udasa_core import (
    Abstain,
    Adapter,
    Group,
    Message,
    ModelRef,
    Pair,
    PairTable,
    Prompt,
    Response,
    Scores,
    content_key,
)
from udasa_core.records import are_finite

PROMPT = Prompt("p", (Message("user", "why?"),))


def ref(**changes: object) -> ModelRef:
    plain = {"source": "file:a", "revision": "r", "dtype": "float32", "template": "t", "folder": "/a"}
    return ModelRef(**{**plain, **changes})  # type: ignore[arg-type]


def test_a_model_is_its_bytes_and_not_its_place() -> None:
    assert ref().key == ref(source="hf:b@main", folder="/elsewhere", device="cuda").key
    assert ref() == ref(source="hf:b@main", folder="/elsewhere")


@pytest.mark.parametrize("field", ["revision", "dtype", "template", "quantization"])
def test_whatever_alters_outputs_alters_the_key(field: str) -> None:
    assert ref(**{field: "other"}).key != ref().key


def test_whose_code_reads_a_model_is_part_of_it() -> None:
    assert ref(trust_remote_code=True) != ref()
    assert ref(trust_remote_code=True).key != ref().key


def test_an_adapter_is_part_of_the_model_and_is_continued_not_stacked() -> None:
    one = ref().with_adapter(Adapter("1", "/one"))
    two = one.with_adapter(Adapter("2", "/two"))
    assert len({ref().key, one.key, two.key}) == 3
    assert two.adapters == (Adapter("2", "/anywhere"),)


def test_a_model_survives_json() -> None:
    one = ref(device="cuda:1", trust_remote_code=True).with_adapter(Adapter("1", "/one"))
    back = ModelRef.from_json(one.to_json())
    assert back == one
    assert (back.source, back.folder, back.device, back.adapters[0].folder) == (
        "file:a",
        "/a",
        "cuda:1",
        "/one",
    )


def test_records_are_frozen() -> None:
    with pytest.raises(FrozenInstanceError):
        PROMPT.id = "other"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("messages", "word"),
    [
        ((), "at least one"),
        ((Message("assistant", "hi"),), "ends with a user message"),
    ],
)
def test_a_prompt_ends_with_the_user(messages: tuple[Message, ...], word: str) -> None:
    with pytest.raises(ValueError, match=word):
        Prompt("p", messages)


def test_a_role_is_known() -> None:
    with pytest.raises(ValueError, match="robot"):
        Message("robot", "hi")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"token_ids": (), "logprobs": (), "sampling_logprobs": (), "entropies": ()}, "at least one token"),
        ({"logprobs": (-1.0,)}, "1 values for 2 tokens"),
        ({"logprobs": (-1.0, float("nan"))}, "not finite"),
        ({"logprobs": (-1.0, 0.5)}, "above 0"),
        ({"sampling_logprobs": (0.5, -1.0)}, "above 0"),
        ({"entropies": (-0.5, 1.0)}, "below 0"),
        ({"finish_reason": "tired"}, "tired"),
    ],
)
def test_a_response_with_wrong_statistics_cannot_exist(changes: dict[str, object], word: str) -> None:
    with pytest.raises(ValueError, match=word):
        replace(response("ab"), **changes)  # type: ignore[arg-type]


def test_a_group_has_a_response() -> None:
    with pytest.raises(ValueError, match="no response"):
        Group(PROMPT, (1,), (), "key")


def test_an_abstention_says_why() -> None:
    with pytest.raises(ValueError, match="why"):
        Abstain("  ")


def test_a_ragged_scores_record_cannot_exist() -> None:
    with pytest.raises(ValueError, match="column a has 1 scores for 2"):
        Scores("p", (0.1, 0.2), {"a": (0.1,)}, {})


def pair(chosen: Response, rejected: Response, gap: float | None = 0.5) -> Pair:
    return Pair(PROMPT, (1, 2), chosen, rejected, gap, None, None, "test")


def test_a_pair_whose_sides_are_equal_cannot_exist() -> None:
    with pytest.raises(ValueError, match="chosen equals rejected"):
        pair(response("a"), response("a"))
    with pytest.raises(ValueError, match="chosen equals rejected"):
        pair(response("a"), replace(response("b"), token_ids=response("a").token_ids))


@pytest.mark.parametrize(
    "changes",
    [
        {"thought_tokens": 6},
        {"thought_tokens": -1},
        {"forced": (5,)},
        {"forced": (1, 0)},
        {"forced": (0, 0)},
        {"forced": (-1,)},
    ],
)
def test_a_thought_lies_within_its_response(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(changes))):
        replace(response("hello"), **changes)


def test_the_parts_of_a_response() -> None:
    whole = replace(response("hello"), logprobs=(-1.0, -2.0, -3.0, -4.0, -5.0), thought_tokens=3, forced=(2,))
    assert (whole.places("reasoning"), whole.places("answer"), whole.places("all")) == (
        [0, 1],
        [3, 4],
        [0, 1, 3, 4],
    )
    assert whole.logprobs_of("reasoning") == [-1.0, -2.0]
    assert [replace(whole, thought_tokens=count).has_answer for count in (0, 4, 5)] == [True, True, False]


def test_a_side_that_only_thinks_makes_no_pair() -> None:
    only = replace(response("thinks"), text="", thought="thinks", thought_tokens=6)
    for chosen, rejected in ((only, response("a")), (response("a"), only)):
        with pytest.raises(ValueError, match="prompt p: a side was cut off while it thought"):
            Pair(PROMPT, (1,), chosen, rejected, gap=None, chosen_U=None, rejected_U=None, origin="test")


def test_a_gap_lies_in_its_range() -> None:
    with pytest.raises(ValueError, match=r"gap 1\.5"):
        pair(response("a"), response("b"), 1.5)
    assert pair(response("a"), response("b"), None).gap is None


def test_a_pairs_id_tells_its_sides_apart() -> None:
    a, b = response("a"), response("b")
    assert pair(a, b).id != pair(b, a).id
    assert pair(a, b).id == pair(a, b, 0.1).id


def test_a_pair_table_is_rectangular() -> None:
    with pytest.raises(ValueError, match="one length"):
        PairTable(["a"], np.zeros(2), np.zeros(1))


def test_content_keys_are_stable_and_know_order_and_type() -> None:
    assert content_key("a", 1) == content_key("a", 1) == "135f17a475a61afd"
    assert len({content_key("a", "b"), content_key("b", "a"), content_key("ab"), content_key("a", 1)}) == 4


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ((-1.0, -2.5), True),
        ((1e308, 1e308), True),
        ((float("inf"), float("-inf")), False),
        ((-1.0, float("nan")), False),
        ((10**400, -(10**400)), False),
        ((1, 2.0, True), True),
        ((1.0, None), False),
        ((), True),
    ],
)
def test_many_values_are_finite_where_each_of_them_is(values: tuple[Any, ...], told: bool) -> None:
    assert are_finite(values) is told

"""How pairs of every kind are told: by votes, from elsewhere, of two rounds, left out, untrained."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.core.page.browser.conftest import Look
from udasa_core.page.blocks import Block
from udasa_core.page.html import write_page
from udasa_core.page.parts import Browser, Page, Section

pytestmark = pytest.mark.browser

# In the order of COLUMNS.
PAIRS: list[tuple[Any, ...]] = [
    ("byU", 0, 0, None, 1, 2, 0.5, 0.2, 0.7, 3, 3, 0.25, 0, 1.0, None, 0),
    ("votes", 1, 1, 0, 0, 1, None, None, None, 3, 3, None, 4, 0.5, 0.5, 1),
    ("away", 1, None, 1, None, 0, None, None, None, 9, 3, None, 0, 1.0, None, 2),
    ("again", 2, 2, None, 0, 1, 0.25, 0.25, 0.5, 3, 3, None, 0, 1.0, None, 0),
]
COLUMNS = (
    *("id", "prompt", "stage", "reason", "chosen", "rejected", "gap", "chosen_U", "rejected_U"),
    *("chosen_tokens", "rejected_tokens", "disagreement", "flags", "weight", "vote_margin", "origin"),
)


def numbers(U: list[float | None], why: Mapping[str, list[str | None]]) -> dict[str, Any]:
    count = len(U)
    column = [0.5] * count
    told = {"tokens": [3] * count, "cut": [0] * count, "logprob": [-1.5] * count}
    return {**told, "U": U, "raw": [column], "calibrated": [column], "why": why}


def texts(*said: str, **more: Any) -> dict[str, Any]:
    return {"messages": [["user", "what is asked"]], "texts": list(said), **more}


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    index = {
        "dimensions": ["only"],
        "weights": [1.0],
        "stages": ["early", "late", "early@2"],
        "untrained": ["", "it was skipped", ""],
        "reasons": ["it was skipped", "gap too small", "identical responses"],
        "flags": ["first", "second", "third"],
        "origins": ["extremes", "votes", "revised"],
        "own": [],
        "chunk": 50,
        "texts": 20_000,
        "refused": [{"gap below min_gap": 10, "no score": 1}, {"identical responses": 1}],
        "prompts": {
            "id": ["p", "q", "p", "r", "s", "t"],
            "round": [1, 1, 2, 2, 1, 1],
            "reason": [None, None, None, 2, None, None],
        },
        "pairs": {name: list(values) for name, values in zip(COLUMNS, zip(*PAIRS, strict=True), strict=True)},
    }
    told = [
        numbers([0.3, 0.2, 0.7, None], {"U": [None, None, None, "only: said nothing"]}),
        numbers([None, None], {}),
        numbers([0.25, 0.5], {}),
        numbers([0.4, 0.42], {}),
        numbers([0.4, 0.42], {}),
        numbers([None, None], {}),
    ]
    held = [
        texts("a", "b b", "c", ""),
        texts("one", "two", sides={"away": {"chosen": "from elsewhere", "rejected": "one"}}),
        None,
        texts("same", "same"),
        texts("like", "alike"),
        texts("without", "a score"),
    ]
    blocks = [Block("pairs", index), Block("pair-numbers-0", told), Block("pair-texts-0", held)]
    path = tmp_path_factory.mktemp("kinds") / "page.html"
    browser = Browser("pairs", {"block": "pairs"}, "")
    write_page(Page("kinds", "", [Section("pairs", "Pairs", [browser])], blocks), path)
    return path


def view(look: Look, path: Path, hash: str) -> str:
    page = look(hash, path=path)
    page.wait_for_selector(".view table")
    return str(page.locator(".view").inner_text())


def test_a_pair_by_scores_is_explained_by_the_ranks_of_both(look: Look, path: Path) -> None:
    told = view(look, path, "pair=byU")
    assert "Of the 4 responses, 3 with a score, the chosen one has the lowest U (0.200)" in told
    assert "the rejected one the highest (0.700)." in told
    assert "U: no score of response 4: only: said nothing" in told
    assert "the text is empty" in told


def test_a_pair_by_votes_names_who_made_it_its_margin_and_that_its_stage_was_left_out(
    look: Look, path: Path
) -> None:
    told = view(look, path, "pair=votes")
    assert "“votes” made the pair, not a gap of U." in told
    assert "50 in 100 more answer as the chosen one" in told
    assert "Its stage is not in the model: it was skipped" in told
    assert "third" in told
    assert "weight in training\n0.500" in told


def test_a_side_from_elsewhere_is_shown_and_said_to_be_from_elsewhere(look: Look, path: Path) -> None:
    told = view(look, path, "pair=away")
    assert "The chosen side is not among the sampled responses: it comes from “revised”." in told
    assert "from elsewhere" in told
    assert "It is in no stage: gap too small." in told
    assert "More pairs of this prompt" in told


def test_a_prompt_of_two_rounds_is_found_in_each(look: Look, path: Path) -> None:
    assert "byU" in view(look, path, "prompt=p&round=1")
    second = view(look, path, "prompt=p&round=2")
    assert "again" in second
    assert "Its texts are not in this page" in second
    page = look("pairs", path=path)
    page.get_by_label("Round", exact=True).select_option(label="2 (2)")
    assert page.locator(".option").count() == 2
    page.locator(".option").nth(1).click()
    page.wait_for_selector("h3:has-text('No pair of prompt r')")
    assert "prompt=r&round=2" in page.url
    assert "The lowest U is 0.400 and the highest 0.420: 0.020 apart." in page.locator(".view").inner_text()


def test_a_prompt_of_which_no_reason_was_kept_has_the_counts_of_its_round(look: Look, path: Path) -> None:
    told = view(look, path, "prompt=s&round=1")
    assert (
        "No reason was kept by prompt; in this round: 10 prompts: gap below min_gap; 1 prompt: no score."
        in told
    )
    assert "No pair: no response has a score." in view(look, path, "prompt=t&round=1")


@pytest.mark.parametrize(
    ("values", "value", "told"),
    [
        ([0.1, 0.2, 0.3, 0.4], 0.2, "the 2nd lowest"),
        ([0.1, 0.2, 0.3, 0.4], 0.3, "the 2nd highest"),
        ([0.1, 0.2, 0.2], 0.2, "the highest"),
        ([0.5], 0.5, "the lowest"),
        ([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7], 0.3, "the 3rd lowest"),
    ],
)
def test_ranks_are_told_from_the_nearer_end(
    look: Look, path: Path, values: list[float], value: float, told: str
) -> None:
    assert look(path=path).evaluate("([values, value]) => rank(values, value)", [values, value]) == told


@pytest.mark.parametrize(
    ("U", "cut", "told"),
    [
        ([0.1, 0.5, 0.8, 0.9], [0, 0, 1, 1], "Of the 2 with a higher U all were cut off."),
        ([0.1, 0.5, 0.8, 0.9], [0, 0, 0, 1], "Of the 2 with a higher U 1 was cut off."),
        ([0.1, 0.5, 0.4, 0.9], [0, 0, 1, 1], "The one with a higher U was cut off."),
        ([0.1, 0.5, 0.4, None], [0, 0, 1, 1], ""),
        ([0.1, 0.5, 0.8, 0.9], [0, 0, 0, 0], ""),
    ],
)
def test_what_was_passed_over_because_it_was_cut_off_is_told(
    look: Look, path: Path, U: list[float | None], cut: list[int], told: str
) -> None:
    said = look(path=path).evaluate(
        "numbers => passedOver(numbers, 'higher', value => value > 0.5)", {"U": U, "cut": cut}
    )
    assert said == told

"""The recipes that ship are sound, and are what they say."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

import udasa_core
from udasa_core.config.recipes import DEFAULT, Remark, recipes, remarks

RECIPES = recipes()


def plain(name: str) -> dict[str, Any]:
    return tomllib.loads(RECIPES[name].read_text())


def dimensions(name: str) -> dict[str, float]:
    return {one["use"]: one["weight"] for one in plain(name)["dimension"]}


def test_the_default_comes_first_and_all_are_named() -> None:
    assert tuple(RECIPES) == (DEFAULT, "8b", "open", "paper", "quickstart")
    assert all(plain(name)["run"]["name"] == name for name in RECIPES)


@pytest.mark.parametrize("name", RECIPES)
def test_each_has_no_fault_and_says_what_it_is(name: str) -> None:
    config = udasa_core.load(RECIPES[name])
    assert config.raw == plain(name)
    said = list(remarks(RECIPES[name].read_text()))
    assert said[0].table == ""
    assert said[0].text.startswith(f"{name}: ")
    # A remark stands above a table that is there.
    for remark in said[1:]:
        table = plain(name)[remark.table]
        assert remark.number < (len(table) if isinstance(table, list) else 1)


def test_paper_is_the_method_as_described() -> None:
    assert list(dimensions("paper").values()) == [1.0, 1.0, 1.0]
    assert {one.partition(".")[0] for one in dimensions("paper")} == {"semantic", "factual", "value"}
    assert plain("paper")["trainer"] == {"use": "dpo", "reference": "previous_stage"}
    assert plain("paper")["pairing"] == {"use": "extremes"}
    assert plain("paper")["stages"] == {"use": "quantiles"}


def test_measured_is_what_was_trained_in_the_premise() -> None:
    """The experiment's own recipe, which its outcomes are of, in three stages."""
    import udasa_eval

    file = Path(udasa_eval.__file__).parent / "data" / "premise.toml"
    premise = tomllib.loads(file.read_text())
    trained = {**premise["trainer"], **premise["arms"]["uncertainty"]["trainer"]}
    measured = plain("measured")
    assert measured["trainer"] == {**trained, "reference": "previous_stage"}
    assert measured["pairing"] == {**premise["arms"]["uncertainty"]["pairing"], "truncated": "avoid"}
    assert measured["generator"]["responses"] == premise["generator"]["responses"]
    assert measured["generator"]["voters"] == 16
    expected = {"semantic.agreement": 1.0, "factual.cocoa": 0.1, "factual.nll": 0.0, "value.contrast": 0.0}
    assert dimensions("measured") == expected


def test_the_quickstart_is_measured_for_few_prompts() -> None:
    quickstart, measured = plain("quickstart"), plain("measured")
    differ = {table for table in measured if quickstart[table] != measured[table]}
    assert differ == {"run", "generator", "pairing", "trainer"}
    # It pairs what does not stand out, too; only certain answers among those are held up.
    assert quickstart["trainer"] == {**measured["trainer"], "min_pairs": 1, "sft_below": 0.4}
    assert quickstart["generator"] == {**measured["generator"], "responses": 4, "voters": 8}
    assert quickstart["pairing"] == {"use": "extremes", "truncated": "avoid"}
    assert quickstart["run"] == {**measured["run"], "name": "quickstart"}


def test_8b_is_measured_with_another_model_and_a_lighter_hand() -> None:
    large, measured = plain("8b"), plain("measured")
    assert {table for table in measured if large[table] != measured[table]} == {"run", "model", "trainer"}
    assert large["trainer"]["learning_rate"] < measured["trainer"]["learning_rate"]
    passes = large["trainer"]["batch"] * large["trainer"]["accumulation"]
    assert passes == measured["trainer"]["batch"]


def test_open_goes_by_values_and_holds_length() -> None:
    assert dimensions("open") == {"value.contrast": 1.0, "semantic.agreement": 1.0}
    assert "reader" not in plain("open")
    assert plain("open")["pairing"]["max_length_ratio"] == 2.0


def test_remarks_are_the_comments_above_tables() -> None:
    text = """# What it is,
# in two lines.

# no table
key = 1

# one
[table]
inner = 2            # behind a key

[[entry]]
# inside
a = 1
# the second
[[entry]]
"""
    assert list(remarks(text)) == [
        Remark("", 0, "What it is, in two lines."),
        Remark("table", 0, "one"),
        Remark("entry", 1, "the second"),
    ]

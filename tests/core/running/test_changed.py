"""What differs between two configurations of one run is said by its keys."""

from __future__ import annotations

from typing import Any

from udasa_core.running.changed import changed

BEFORE: dict[str, Any] = {
    "run": {"name": "x"},
    "trainer": {"use": "dpo", "rank": 8},
    "suite": [{"use": "short-answers"}],
}


def test_what_only_watches_and_is_added_replaces_nothing() -> None:
    suites = [*BEFORE["suite"], {"use": "a.b", "name": "v1.0", "limit": 3}]
    told = changed(BEFORE, {**BEFORE, "suite": suites, "judge": {"use": "openai", "model": "m"}})
    assert told.startswith("goes on with what is new in its configuration, [[suite]] v1.0, [judge]: ")
    assert "no other run.name is needed" in told


def test_what_was_changed_or_left_out_is_named_with_both_values() -> None:
    told = changed(BEFORE, {**BEFORE, "trainer": {"use": "dpo", "rank": 16, "epochs": 2.0}})
    assert "replaces. What differs: trainer.rank (8 → 16), trainer.epochs (left out → 2.0)." in told
    told = changed(BEFORE, {**BEFORE, "suite": [{"use": "short-answers", "limit": 3}]})
    assert "suite.short-answers.limit (left out → 3)" in told
    assert "suite.short-answers.use (short-answers → left out)" in changed(BEFORE, {**BEFORE, "suite": []})


def test_many_differences_are_counted() -> None:
    told = changed(BEFORE, {**BEFORE, "generator": {f"key{number}": number for number in range(7)}})
    assert "generator.key4 (left out → 4), and 2 more." in told

from __future__ import annotations

from pathlib import Path

from udasa_eval.metrics.sentence_forms import SentenceForms


def test_by_hand(tmp_path: Path) -> None:
    found = SentenceForms(cache_dir=str(tmp_path)).compute(
        predictions=["Why is it? It is so.", "- Add salt."]
    )
    assert found == {
        "questions": 1 / 3,
        "imperatives": 1 / 3,
        "passives": 0.0,
        "subordinate_clauses": 0.0,
        "list_items": 1 / 3,
        "sentence_words": 8 / 3,
    }

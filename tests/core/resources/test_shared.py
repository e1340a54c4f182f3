"""One model's weights at a time, however many tokenizers are asked in between."""

from __future__ import annotations

from pathlib import Path

from tests.tiny import make_tiny_model, tiny_ref_of
from udasa_core.resources.shared import SharedResources


def test_a_tokenizer_displaces_no_weights_and_weights_do(tmp_path: Path) -> None:
    one, other = (tiny_ref_of(make_tiny_model(tmp_path / str(seed), seed=seed)) for seed in (0, 1))
    resources = SharedResources({"base": one}, Path(), lambda event: None)
    loaded = resources.causal_lm(other)
    weights = loaded.model
    assert resources.causal_lm(one).encode("word")
    assert resources.causal_lm(other).model is weights
    # The weights of another take their place, so that there is never room needed for both.
    assert resources.causal_lm(one).model is not weights
    assert resources.causal_lm(other) is not loaded
    assert resources.causal_lm(one).model is resources.causal_lm(one).model
    kept = resources.causal_lm(one)
    resources.release()
    assert resources.causal_lm(one) is not kept


def test_a_process_in_the_models_place_ends_before_the_next_one_is_loaded(tmp_path: Path) -> None:
    one = tiny_ref_of(make_tiny_model(tmp_path / "one"))
    resources = SharedResources({"base": one}, Path(), lambda event: None)
    ended: list[str] = []
    kept = resources.causal_lm(one)
    resources.make_way(lambda: ended.append("first"))
    assert resources.causal_lm(one) is not kept
    assert resources.causal_lm(one).encode("word")
    assert ended == []
    _ = resources.causal_lm(one).model
    assert ended == ["first"]
    _ = resources.causal_lm(one).model
    resources.make_way(lambda: ended.append("second"))
    resources.make_way(lambda: ended.append("third"))
    assert ended == ["first", "second"]
    resources.release()
    resources.release()
    assert ended == ["first", "second", "third"]


def test_where_all_stay_a_process_stays_beside_them(tmp_path: Path) -> None:
    one = tiny_ref_of(make_tiny_model(tmp_path / "one"))
    resources = SharedResources({"base": one}, Path(), lambda event: None)
    resources.keep_all()
    ended: list[str] = []
    weights = resources.causal_lm(one).model
    resources.make_way(lambda: ended.append("it"))
    assert resources.causal_lm(one).model is weights
    assert ended == []
    resources.release()
    assert ended == ["it"]

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.core.classifiers import make_classifier
from udasa_core import UdasaError
from udasa_core.models.resolve import resolve_encoder
from udasa_core.resources.classifier import TransformerClassifier
from udasa_eval.metrics.sentiment import ClassifierPositivity, VaderPositivity


def test_a_classifiers_softmax(tmp_path: Path) -> None:
    folder = make_classifier(tmp_path / "m", "bert", positions=32, labels=("neg", "neutral", "pos"))
    texts = ["a b c", "d e f"]
    source = f"file:{folder}"
    found = ClassifierPositivity(cache_dir=str(tmp_path)).compute(predictions=texts, classifier=source)
    read = TransformerClassifier(resolve_encoder(source, root=Path.cwd(), dtype="float32"))
    weights = np.exp(read.logits([(text,) for text in texts]))
    positive = weights[:, 2] / weights.sum(axis=1)
    assert found["positivities"] == pytest.approx(positive.tolist())
    assert found["positivity"] == pytest.approx(positive.mean())
    assert found["positive_share"] == (positive > 0.5).mean()
    with pytest.raises(UdasaError, match="positive = 'good' is none of them"):
        ClassifierPositivity(cache_dir=str(tmp_path)).compute(
            predictions=texts, classifier=source, positive="good"
        )


def test_vaders_lexicon(tmp_path: Path) -> None:
    pytest.importorskip("vaderSentiment")
    texts = ["A wonderful film!", "An awful film.", "A film."]
    found = VaderPositivity(cache_dir=str(tmp_path)).compute(predictions=texts)
    assert found["positive_share"] == pytest.approx(1 / 3)
    assert found["positivities"][2] == 0.5

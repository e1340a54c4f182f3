"""Dimensions that ask for the same share the work: a model reads each distinct text or pair once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.plugins.groups import group, response
from udasa_core import ModelRef
from udasa_core.resources.classifier import TransformerClassifier
from udasa_core.resources.embedder import TransformerEmbedder
from udasa_core.resources.shared import SharedResources
from udasa_plugin_factual.cocoa import CoCoA
from udasa_plugin_factual.selfcheck import SelfCheck
from udasa_plugin_factual.selfcheck_embedder import SelfCheckEmbedder
from udasa_plugin_semantic.cluster import Cluster
from udasa_plugin_semantic.degree import Degree
from udasa_plugin_semantic.eccentricity import Eccentricity

PARIS, LYON, BOTH = "Paris.", "Lyon.", "Paris. Lyon."
GROUPS = (
    group(*map(response, (PARIS, PARIS, LYON, BOTH)), prompt_id="p0"),
    group(*map(response, (LYON, PARIS, LYON)), prompt_id="p1"),
)


def _ref(folder: Path) -> ModelRef:
    return ModelRef(source="file:model", revision="0", dtype="float32", template="", folder=str(folder))


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[list[Any]]:
    """What the models were made to read, call by call: beneath whatever remembers, shares or deduplicates."""
    calls: list[list[Any]] = []

    def rows(width: int, texts: Sequence[Any]) -> np.ndarray:
        calls.append(list(texts))
        digests = [hashlib.sha256(repr(text).encode()).digest()[:width] for text in texts]
        made = np.array([list(digest) for digest in digests], dtype=np.float64).reshape(len(texts), width)
        return made / np.linalg.norm(made, axis=1, keepdims=True)

    monkeypatch.setattr(TransformerClassifier, "_read", lambda _, texts: rows(3, texts))
    monkeypatch.setattr(TransformerEmbedder, "_read", lambda _, texts: rows(8, texts).astype(np.float32))
    return calls


def _score(resources: SharedResources, *factories: Any) -> None:
    for factory in factories:
        limited = resources.limited_to(factory.needs, factory.__name__)
        column = factory(factory.Options(), factory.__name__, limited).udasa_score(GROUPS, seed=0)
        assert [len(scores) for scores in column.scores] == [4, 3]


def test_an_entailment_model_reads_each_pair_once(tmp_path: Path, read: list[list[Any]]) -> None:
    labels = {"0": "entailment", "1": "neutral", "2": "contradiction"}
    (tmp_path / "config.json").write_text(json.dumps({"id2label": labels}))
    resources = SharedResources({"entailment": _ref(tmp_path)}, tmp_path, lambda event: None)
    _score(resources, Degree)
    (pairs,) = [call for call in read if call]
    # Both directions of every two distinct texts of a prompt, for both prompts together.
    assert sorted(pairs) == sorted(
        ("plain", a, b) for a in (PARIS, LYON, BOTH) for b in (PARIS, LYON, BOTH) if a != b
    )
    _score(resources, Eccentricity, Cluster, CoCoA)
    assert [call for call in read if call] == [pairs]
    _score(resources, SelfCheck)
    # Of a sentence against another response, only a sentence against an equal response is new.
    assert [sorted(call) for call in read if call][1:] == [[("plain", LYON, LYON), ("plain", PARIS, PARIS)]]


def test_an_embedder_reads_each_text_once(tmp_path: Path, read: list[list[Any]]) -> None:
    resources = SharedResources({"embedder": _ref(tmp_path)}, tmp_path, lambda event: None)
    _score(resources, Degree, CoCoA, Eccentricity, Cluster, SelfCheckEmbedder)
    assert [sorted(call) for call in read if call] == [sorted((PARIS, LYON, BOTH))]

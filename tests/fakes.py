"""Resources without downloads: deterministic, instant, and with answers that a test can plan."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from udasa_core import CausalLM, Message, ModelRef
from udasa_core.resources import Advance

DIMENSIONS = 64


class FakeEmbedder:
    """A bag of words: each word adds one direction chosen by its hash, so shared words mean similarity."""

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        rows = np.zeros((len(texts), DIMENSIONS), dtype=np.float32)
        for row, text in zip(rows, texts, strict=True):
            for word in text.lower().split() or [""]:
                row[hashlib.sha256(word.encode()).digest()[0] % DIMENSIONS] += 1.0
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)


class FakeReader:
    """Says "yes" with the probability planned for the first keyword found in the last message, else 0.5."""

    def __init__(self, planned: Mapping[str, float]) -> None:
        self.planned = dict(planned)

    def yes_probabilities(
        self, conversations: Sequence[Sequence[Message]], questions: Sequence[str]
    ) -> NDArray[np.float64]:
        rows = [
            next((p for word, p in self.planned.items() if word in messages[-1].content), 0.5)
            for messages in conversations
        ]
        return np.repeat(np.array(rows, dtype=np.float64)[:, None], len(questions), axis=1)


class FakeResources:
    """The Resources protocol for plugin tests: `base` is the tiny model, `planned` feeds the reader."""

    def __init__(self, base: ModelRef, planned: Mapping[str, float] | None = None) -> None:
        self._base = base
        self._planned = planned or {"kind": 0.9, "harm": 0.1}
        self._models: dict[str, CausalLM] = {}
        self.told: list[tuple[str, int]] = []

    @property
    def base(self) -> ModelRef:
        return self._base

    def causal_lm(self, ref: ModelRef) -> CausalLM:
        from udasa_core import load_causal_lm

        if ref.key not in self._models:
            self._models[ref.key] = load_causal_lm(ref)
        return self._models[ref.key]

    def embedder(self) -> FakeEmbedder:
        return FakeEmbedder()

    def reader(self) -> FakeReader:
        return FakeReader(self._planned)

    def path(self, source: str) -> Path:
        return Path(source.removeprefix("file:"))

    @contextmanager
    def progress(self, name: str, total: int | None) -> Iterator[Advance]:
        def advance(count: int) -> None:
            self.told.append((name, count))

        yield advance

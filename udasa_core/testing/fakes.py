"""Resources without downloads: deterministic, instant, and with answers that a test can plan."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from udasa_core.progress import Advance
from udasa_core.records import (
    Event,
    Group,
    Message,
    ModelRef,
    Prompt,
    Response,
    SamplingOptions,
    content_key,
)
from udasa_core.resources.shared import SharedResources
from udasa_core.testing.planted import sample_response

if TYPE_CHECKING:
    from numpy import float32, float64
    from numpy.typing import NDArray

    from udasa_core.resources.protocols import Generator, Similarity

_DIMENSIONS = 64
# Stands for a base policy where no plugin loads it.
FAKE_BASE = ModelRef(source="file:nowhere", revision="0" * 64, dtype="float32", template="")


class FakeEmbedder:
    """A bag of words: each word adds one direction chosen by its hash, so shared words mean similarity."""

    def embed(self, texts: Sequence[str]) -> NDArray[float32]:
        """Return (len(texts), 64) rows of Euclidean length 1."""
        import numpy as np

        rows = np.zeros((len(texts), _DIMENSIONS), dtype=np.float32)
        for row, text in zip(rows, texts, strict=True):
            for word in text.lower().split() or [""]:
                row[hashlib.sha256(word.encode()).digest()[0] % _DIMENSIONS] += 1.0
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        return rows


class FakeReader:
    """Says "yes" with the probability planned for the first keyword found in the last message, else 0.5."""

    def __init__(self, planned: Mapping[str, float]) -> None:
        self.planned = dict(planned)

    def yes_probabilities(
        self, conversations: Sequence[Sequence[Message]], questions: Sequence[str]
    ) -> NDArray[float64]:
        """Return (len(conversations), len(questions)) probabilities, the same for every question."""
        import numpy as np

        rows = [
            next((p for word, p in self.planned.items() if word in messages[-1].content), 0.5)
            for messages in conversations
        ]
        return np.repeat(np.array(rows, dtype=np.float64)[:, None], len(questions), axis=1)

    def log_likelihoods(self, conversations: Sequence[Sequence[Message]]) -> NDArray[float64]:
        """Return (len(conversations),) log-probabilities in nats: one less for each word of the last turn
        that no turn before it has."""
        import numpy as np

        def new(messages: Sequence[Message]) -> int:
            known = {word for one in messages[:-1] for word in one.content.lower().split()}
            return sum(word not in known for word in messages[-1].content.lower().split())

        return np.array([-1.0 - new(messages) for messages in conversations], dtype=np.float64)


class FakeEntailment:
    """A text entails another whose words it has all of; one of the two saying "not" is a contradiction."""

    def probabilities(self, pairs: Sequence[tuple[str, str]]) -> NDArray[float64]:
        """Return (len(pairs), 3) rows: 0.8 for the label that fits, 0.1 for each of the others."""
        import numpy as np

        rows = np.full((len(pairs), 3), 0.1, dtype=np.float64)
        for row, (premise, hypothesis) in zip(rows, pairs, strict=True):
            known, asked = set(premise.lower().split()), set(hypothesis.lower().split())
            row[0 if ("not" in known) != ("not" in asked) else 2 if asked <= known else 1] = 0.8
        return rows


class FakeResources(SharedResources):
    """A run's resources with a fake embedder, entailment model, reader and generator; other models are real,
    loaded from the ModelRef's folder.

    base: the base policy. planned: the reader's answers by keyword. told: the progress that was reported,
    as (name, count). run_folder: the folder of the run that they are of; None: of none.
    """

    def __init__(
        self,
        base: ModelRef = FAKE_BASE,
        planned: Mapping[str, float] | None = None,
        run_folder: Path | None = None,
    ) -> None:
        self.told: list[tuple[str, int]] = []
        self._planned = planned or {"kind": 0.9, "harm": 0.1}
        super().__init__({"base": base}, Path(), _ignore, run_folder=run_folder)

    def embedder(self) -> FakeEmbedder:
        """Return the bag of words."""
        return FakeEmbedder()

    def entailment(self) -> FakeEntailment:
        """Return the comparer of words."""
        return FakeEntailment()

    def similarity(self) -> Similarity:
        """Return similarity by the bag of words."""
        from udasa_core.resources.similarity import EmbedderSimilarity

        return EmbedderSimilarity(self.embedder())

    def reader(self) -> FakeReader:
        """Return the reader with its planned answers."""
        return FakeReader(self._planned)

    def policy(self, key: str) -> ModelRef:
        """Return the base, whatever the key: planted groups name no real policy."""
        return self.base

    def generator(self) -> Generator:
        """Return the generator that says a few words, others to every conversation."""
        return _generate

    def path(self, source: str) -> Path:
        """Return the path of a `file:` source as it stands."""
        return Path(source.removeprefix("file:"))

    def data(self, source: str) -> Path:
        """Return the path of a `file:` source as it stands."""
        return self.path(source)

    @contextmanager
    def progress(self, name: str, total: int | None) -> Iterator[Advance]:
        """Note what is told in `told`."""

        def advance(count: int) -> None:
            self.told.append((name, count))

        yield advance


def _generate(
    prompts: Sequence[Prompt], sampling: SamplingOptions, policy: ModelRef, seed: int
) -> Sequence[Group]:
    """Answer each prompt by itself: by its messages, the seed and the number of the response."""
    return [
        Group(
            prompt,
            tuple(3 + byte for byte in prompt.messages[-1].content.encode()),
            tuple(_said(prompt, sampling, policy, seed, number) for number in range(sampling.responses)),
            policy.key,
        )
        for prompt in prompts
    ]


def _said(prompt: Prompt, sampling: SamplingOptions, policy: ModelRef, seed: int, number: int) -> Response:
    is_greedy = sampling.top_k == 1
    drawn_by = () if is_greedy else (seed, number)
    messages = [(message.role, message.content) for message in prompt.messages]
    response = sample_response(f"Said {content_key(messages, policy.key, *drawn_by, length=6)}.")
    if not is_greedy:
        return response
    return replace(response, sampling_logprobs=(0.0,) * len(response.token_ids))


def _ignore(event: Event) -> None:
    """Observe nothing."""

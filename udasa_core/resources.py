"""Lazy, cached services that plugins share: loaded models, the embedder, the reader, files, progress.

A plugin class declares what it asks for (`needs = ("embedder",)`); a resource's identity then enters the
fingerprint of what the plugin makes. Nothing is loaded before it is first asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Protocol

from udasa_core.records import Grade, Message, ModelRef, Prompt

if TYPE_CHECKING:
    from pathlib import Path

    from numpy import float32, float64
    from numpy.typing import NDArray

    from udasa_core.causal_lm import CausalLM
    from udasa_core.progress import Advance

# What a plugin may name in its `needs`; causal_lm, path and progress are open to all.
RESOURCES = ("embedder", "reader", "judge")


class Embedder(Protocol):
    """A sentence embedder."""

    def embed(self, texts: Sequence[str]) -> NDArray[float32]:
        """Return (len(texts), d) rows of Euclidean length 1; equal texts are embedded once."""


class Reader(Protocol):
    """A frozen model that answers yes/no questions about a conversation."""

    def yes_probabilities(
        self, conversations: Sequence[Sequence[Message]], questions: Sequence[str]
    ) -> NDArray[float64]:
        """Return (len(conversations), len(questions)) probabilities of "yes" against "no", each in [0, 1]."""


class Judge(Protocol):
    """The run's judge, as a suite asks it."""

    def __call__(self, prompts: Sequence[Prompt], seed: int) -> Sequence[Grade]:
        """Grade rendered grading prompts: one Grade a prompt, in order."""


class Resources(Protocol):
    """What a plugin's factory is given."""

    @property
    def base(self) -> ModelRef:
        """The run's base policy; known once hooks are called, not yet while plugins are built."""

    def causal_lm(self, ref: ModelRef) -> CausalLM:
        """Load a causal language model with its adapters merged for inference (cached, evaluation mode)."""

    def embedder(self) -> Embedder:
        """Return the run's embedder. Needs "embedder"."""

    def reader(self) -> Reader:
        """Return the run's reader: the frozen base unless configured otherwise. Needs "reader"."""

    def judge(self) -> Judge:
        """Return the judge of [judge]. Needs "judge"."""

    def path(self, source: str) -> Path:
        """Resolve a source (`hf:`, `pypi:`, `file:`, `builtin:`) to a verified local path."""

    def progress(self, name: str, total: int | None) -> AbstractContextManager[Advance]:
        """Tell observers of a long task: `with resources.progress("train", 40) as advance: advance(1)`."""

"""Lazy, cached services that plugins share: loaded models, the embedder, the reader, files, progress.

A plugin class declares what it asks for (`needs = ("embedder",)`); a resource's identity then enters the
fingerprint of what the plugin makes. Nothing is loaded before it is first asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from udasa_core.errors import PluginError
from udasa_core.records import Event, Message, ModelRef

if TYPE_CHECKING:
    from numpy import float32, float64
    from numpy.typing import NDArray

    from udasa_core.causal_lm import CausalLM

# What a plugin may name in its `needs`; causal_lm, path and progress are open to all.
RESOURCES = ("embedder", "reader")

Observe = Callable[[Event], None]
Advance = Callable[[int], None]


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


class Resources(Protocol):
    """What a plugin's factory is given."""

    @property
    def base(self) -> ModelRef:
        """The run's base policy."""

    def causal_lm(self, ref: ModelRef) -> CausalLM:
        """Load a causal language model with its adapters merged for inference (cached, evaluation mode)."""

    def embedder(self) -> Embedder:
        """Return the run's embedder. Needs "embedder"."""

    def reader(self) -> Reader:
        """Return the run's reader: the frozen base unless configured otherwise. Needs "reader"."""

    def path(self, source: str) -> Path:
        """Resolve a source (`hf:`, `pypi:`, `file:`, `builtin:`) to a verified local path."""

    def progress(self, name: str, total: int | None) -> AbstractContextManager[Advance]:
        """Tell observers of a long task: `with resources.progress("train", 40) as advance: advance(1)`."""


@contextmanager
def progress(observe: Observe, name: str, total: int | None) -> Iterator[Advance]:
    """Tell `observe` of a long task while it lasts; the yielded function adds to what is done."""
    done = 0

    def advance(amount: int) -> None:
        nonlocal done
        done += amount
        observe(Event("advanced", "work", name, done, total))

    observe(Event("started", "work", name, 0, total))
    try:
        yield advance
    finally:
        observe(Event("finished", "work", name, done, total))


class SharedResources:
    """The resources of one process. One causal language model is kept loaded at a time: steps use one
    each, and the next one may not fit beside it.

    refs: the resolved models: "base", and those of "embedder" and "reader" that a selected plugin needs.
    """

    def __init__(self, refs: Mapping[str, ModelRef], root: Path, observe: Observe) -> None:
        self.refs = dict(refs)
        self._root = root
        self._observe = observe
        self._loaded: CausalLM | None = None
        self._embedder: Embedder | None = None

    @property
    def base(self) -> ModelRef:
        """The run's base policy."""
        return self.refs["base"]

    def causal_lm(self, ref: ModelRef) -> CausalLM:
        """Return the model of `ref`, loading it in place of the one that was loaded before."""
        from udasa_core.causal_lm import load_causal_lm

        if self._loaded is None or self._loaded.ref != ref:
            self._loaded = None
            with self.progress(f"load {ref.source}", None):
                self._loaded = load_causal_lm(ref)
        return self._loaded

    def release(self) -> None:
        """Forget the loaded model: a trainer needs the room."""
        self._loaded = None

    def embedder(self) -> Embedder:
        """Return the run's embedder."""
        from udasa_core.embedder import TransformerEmbedder

        if self._embedder is None:
            self._embedder = TransformerEmbedder(self.refs["embedder"])
        return self._embedder

    def reader(self) -> Reader:
        """Return the reader, over whichever of the loaded models it is."""
        from udasa_core.reader import YesNoReader

        return YesNoReader(self.causal_lm(self.refs["reader"]))

    def path(self, source: str) -> Path:
        """Resolve a source to a verified local path."""
        from udasa_core.sources import resolve

        return resolve(source, self._root, progress=self.progress)

    def progress(self, name: str, total: int | None) -> AbstractContextManager[Advance]:
        """Tell the observers of a long task."""
        return progress(self._observe, name, total)

    def limited_to(self, needs: Sequence[str], plugin: str) -> Resources:
        """Return these resources for one plugin: what it did not declare, it does not get."""
        return _Limited(self, frozenset(needs), plugin)


class _Limited:
    """Resources as one plugin sees them: an undeclared one would be missing from its fingerprint."""

    def __init__(self, shared: SharedResources, needs: frozenset[str], plugin: str) -> None:
        self._shared = shared
        self._needs = needs
        self._plugin = plugin

    @property
    def base(self) -> ModelRef:
        return self._shared.base

    def causal_lm(self, ref: ModelRef) -> CausalLM:
        return self._shared.causal_lm(ref)

    def embedder(self) -> Embedder:
        self._require("embedder")
        return self._shared.embedder()

    def reader(self) -> Reader:
        self._require("reader")
        return self._shared.reader()

    def path(self, source: str) -> Path:
        return self._shared.path(source)

    def progress(self, name: str, total: int | None) -> AbstractContextManager[Advance]:
        return self._shared.progress(name, total)

    def _require(self, resource: str) -> None:
        if resource not in self._needs:
            raise PluginError(
                f'{self._plugin} asked for the {resource} without declaring it: needs = ("{resource}",)'
            )

"""The resources of one process, loaded when they are first asked for, and what a plugin sees of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from udasa_core.errors import PluginError, SourceError
from udasa_core.progress import Advance, Observe, progress
from udasa_core.records import ModelRef, content_key

if TYPE_CHECKING:
    from udasa_core.models.causal_lm import CausalLM
    from udasa_core.resources.classifier import TransformerClassifier
    from udasa_core.resources.embedder import TransformerEmbedder
    from udasa_core.resources.protocols import (
        Classifier,
        Embedder,
        Entailment,
        Generator,
        Judge,
        Reader,
        Resources,
        Similarity,
    )


class SharedResources:
    """The resources of one process. One causal language model is kept loaded at a time: steps use one
    each, and the next one may not fit beside it.

    refs: the resolved models: "base", and those of "embedder", "entailment" and "reader" that a selected
    plugin needs.
    """

    def __init__(
        self,
        refs: Mapping[str, ModelRef],
        root: Path,
        observe: Observe,
        reader_rendering: Mapping[str, Any] | None = None,
    ) -> None:
        self.refs = dict(refs)
        # Set by the job, once the stack with these plugins in it is built.
        self.asked: Judge | None = None
        self.generating: Generator | None = None
        # Whether what is not on this machine is refused rather than fetched.
        self.offline = False
        self._rendering = dict(reader_rendering or {})
        self._root = root
        self._observe = observe
        self._loaded: CausalLM | None = None
        self._embedder: TransformerEmbedder | None = None
        # By the model's key: one source in two dtypes is two models. And by source, resolved once.
        self._classifiers: dict[str, TransformerClassifier] = {}
        self._sources: dict[str, TransformerClassifier] = {}
        # What models were given to read, by kind; what was remembered is not read again.
        self.reads: Counter[str] = Counter()

    @property
    def base(self) -> ModelRef:
        """The run's base policy."""
        if "base" not in self.refs:
            raise PluginError("models are resolved after plugins are built: ask for them in the hook")
        return self.refs["base"]

    def causal_lm(self, ref: ModelRef) -> CausalLM:
        """Return the model of `ref`, loading it in place of the one that was loaded before."""
        from udasa_core.models.causal_lm import load_causal_lm

        if self._loaded is None or self._loaded.ref != ref:
            self._loaded = None
            self._loaded = load_causal_lm(ref, self.progress)
        return self._loaded

    def release(self) -> None:
        """Forget the loaded model: a trainer needs the room."""
        self._loaded = None

    def forget(self) -> None:
        """Forget what models said of texts; the models stay loaded."""
        for one in (self._embedder, *self._classifiers.values()):
            if one is not None:
                one.forget()

    def embedder(self) -> Embedder:
        """Return the run's embedder."""
        from udasa_core.resources.embedder import TransformerEmbedder

        if self._embedder is None:
            self._embedder = TransformerEmbedder(self.refs["embedder"], self.reads)
        return self._embedder

    def entailment(self) -> Entailment:
        """Return the entailment model. Raises PluginError where the configuration has none."""
        from udasa_core.resources.classifier import TransformerClassifier
        from udasa_core.resources.entailment import CrossEncoderEntailment

        if "entailment" not in self.refs:
            raise PluginError('there is no entailment model: add [entailment] with source = "…"')
        ref = self.refs["entailment"]
        classifier = self._classifiers.setdefault(ref.key, TransformerClassifier(ref, self.reads))
        return CrossEncoderEntailment(classifier, ref.source)

    def similarity(self) -> Similarity:
        """Return similarity by the entailment model where there is one, else by the embedder."""
        from udasa_core.resources.similarity import EmbedderSimilarity, EntailmentSimilarity

        if "entailment" in self.refs:
            return EntailmentSimilarity(self.entailment())
        return EmbedderSimilarity(self.embedder())

    def classifier(self, source: str) -> Classifier:
        """Return the classifier of a source, in float32 on the base policy's device."""
        from udasa_core.models.resolve import resolve_encoder
        from udasa_core.resources.classifier import TransformerClassifier

        if source not in self._sources:
            device = self.refs["base"].device if "base" in self.refs else "auto"
            ref = resolve_encoder(
                source, root=self._root, dtype="float32", device=device, progress=self.progress
            )
            self._sources[source] = self._classifiers.setdefault(
                ref.key, TransformerClassifier(ref, self.reads)
            )
        return self._sources[source]

    def reader(self) -> Reader:
        """Return the reader, over whichever of the loaded models it is."""
        from udasa_core.resources.reader import YesNoReader

        return YesNoReader(self.causal_lm(self.refs["reader"]), **self._rendering, reads=self.reads)

    def generator(self) -> Generator:
        """Return the run's generator; known once hooks are called."""
        if self.generating is None:
            raise PluginError("the generator is known after plugins are built: ask for it in the hook")
        return self.generating

    def judge(self) -> Judge:
        """Return the judge. Raises PluginError where the configuration has none."""
        if self.asked is None:
            raise PluginError('there is no judge: add [judge] with use = "…"')
        return self.asked

    def identity(self, need: str) -> str:
        """Return what a resource adds to the fingerprint of whatever needs it; plugins count as such."""
        if need in ("generator", "judge"):
            return ""
        if need == "similarity":
            # Which of the two it is tells by the model.
            need = "entailment" if "entailment" in self.refs else "embedder"
        rendering = self._rendering if need == "reader" else {}
        return content_key(self.refs[need].key, rendering)

    def path(self, source: str) -> Path:
        """Resolve a source to a verified local path."""
        from udasa_core.sources.resolve import resolve

        return resolve(source, self._root, progress=self.progress)

    def data(self, source: str) -> Path:
        """Resolve a source to a verified local path; `hf:` is a data set."""
        from udasa_core.sources.resolve import is_here, resolve_data

        if self.offline and not is_here(source, self._root):
            raise SourceError(f"{source} is not on this machine yet")
        return resolve_data(source, self._root, progress=self.progress)

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

    def entailment(self) -> Entailment:
        self._require("entailment")
        return self._shared.entailment()

    def similarity(self) -> Similarity:
        self._require("similarity")
        return self._shared.similarity()

    def classifier(self, source: str) -> Classifier:
        return self._shared.classifier(source)

    def reader(self) -> Reader:
        self._require("reader")
        return self._shared.reader()

    def generator(self) -> Generator:
        self._require("generator")
        return self._shared.generator()

    def judge(self) -> Judge:
        self._require("judge")
        return self._shared.judge()

    def path(self, source: str) -> Path:
        return self._shared.path(source)

    def data(self, source: str) -> Path:
        return self._shared.data(source)

    def progress(self, name: str, total: int | None) -> AbstractContextManager[Advance]:
        return self._shared.progress(name, total)

    def _require(self, resource: str) -> None:
        if resource not in self._needs:
            raise PluginError(
                f'{self._plugin} asked for the {resource} without declaring it: needs = ("{resource}",)'
            )

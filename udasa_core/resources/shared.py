"""The resources of one process, loaded when they are first asked for, and what a plugin sees of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Container, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

from udasa_core.config.schema import MODEL_TABLES
from udasa_core.errors import PluginError
from udasa_core.progress import Advance, Observe, progress
from udasa_core.records import ModelRef, content_key
from udasa_core.resources.protocols import RESOURCES, Resources

if TYPE_CHECKING:
    from udasa_core.models.causal_lm import CausalLM
    from udasa_core.resources.protocols import (
        Classifier,
        Embedder,
        Entailment,
        Generator,
        Judge,
        Reader,
        Similarity,
    )

_Encoder = TypeVar("_Encoder")


def role_of(need: str, roles: Container[str]) -> str | None:
    """Return the model that serves a resource, by its role (its table in the TOML); None where none does.

    roles: those that the run has. Similarity goes by the entailment model where there is one.
    """
    if need == "similarity":
        return "entailment" if "entailment" in roles else "embedder"
    return need if need in MODEL_TABLES else None


class SharedResources:
    """The resources of one process. One causal language model is kept loaded at a time: steps use one
    each, and the next one may not fit beside it.

    refs: the resolved models by role: "base", and those that a selected plugin needs.
    """

    def __init__(
        self,
        refs: Mapping[str, ModelRef],
        root: Path,
        observe: Observe,
        reader_rendering: Mapping[str, Any] | None = None,
        *,
        generator: Callable[[], Generator] | None = None,
        judge: Callable[[], Judge | None] = lambda: None,
        offline: bool = False,
        run_folder: Path | None = None,
    ) -> None:
        """generator, judge: give the run's own, asked for when a hook is called. offline: refuse what is not
        on this machine rather than fetch it. run_folder: of the run that they are of, if they are of one."""
        self.refs = dict(refs)
        self._generator = generator
        self._judge = judge
        self.offline = offline
        self._run_folder = run_folder
        self._rendering = dict(reader_rendering or {})
        self._root = root
        self._observe = observe
        # Policies besides the base, whose responses steps hand to plugins.
        self._known: list[ModelRef] = []
        self._causal_lms: dict[ModelRef, CausalLM] = {}
        self._keeps_all = False
        # End the processes that plugins have in the models' place.
        self._instead: list[Callable[[], object]] = []
        # By the model's key: one source in two dtypes is two models.
        self._encoders: dict[tuple[type, str], Any] = {}
        # Classifiers that were named by their source, resolved once.
        self._sources: dict[str, ModelRef] = {}
        # What models were given to read, by kind; what was remembered is not read again.
        self.reads: Counter[str] = Counter()

    @property
    def base(self) -> ModelRef:
        """The run's base policy."""
        if "base" not in self.refs:
            raise PluginError("there is no base policy here: ask for it in the hook, not in the factory")
        return self.refs["base"]

    @property
    def run_folder(self) -> Path:
        """The run's folder."""
        if self._run_folder is None:
            raise PluginError("there is no run here, and no folder of one")
        return self._run_folder

    def policy(self, key: str) -> ModelRef:
        """Return the policy of a key: the base, or one that this process was told to `know`."""
        known = {ref.key: ref for ref in (*self._known, self.base)}
        if key not in known:
            raise PluginError(f"nobody here knows a policy {key}, which the responses are said to be of")
        return known[key]

    def know(self, policy: ModelRef) -> None:
        """Have `policy` find this one."""
        if policy not in self._known:
            self._known.append(policy)

    def causal_lm(self, ref: ModelRef) -> CausalLM:
        """Return the model of `ref`. Once its weights are read, it takes the place of the one whose weights
        were read before; to ask a tokenizer alone displaces none."""
        from udasa_core.models.causal_lm import load_causal_lm

        if ref not in self._causal_lms:
            self._causal_lms[ref] = load_causal_lm(ref, self.progress, self._make_room)
        return self._causal_lms[ref]

    def keep_all(self) -> None:
        """Have every causal language model stay loaded: where each prompt asks several of them."""
        self._keeps_all = True

    def _make_room(self, ref: ModelRef) -> None:
        """Forget every other causal language model, unless all are kept."""
        if self._keeps_all:
            return
        self._end_others()
        self._causal_lms = {known: lm for known, lm in self._causal_lms.items() if known == ref}

    def release(self) -> None:
        """Forget the loaded models, and end what took their place: a trainer needs the room."""
        self._causal_lms.clear()
        self._end_others()

    def make_way(self, end: Callable[[], object]) -> None:
        """Forget the loaded models for a process of a plugin's own, which `end` ends. Where all are kept,
        they and the processes stay beside one another."""
        from udasa_core.models.loading import empty_cache

        if not self._keeps_all:
            self._end_others()
            self._causal_lms.clear()
            empty_cache()
        self._instead.append(end)

    def _end_others(self) -> None:
        while self._instead:
            self._instead.pop()()

    def forget(self) -> None:
        """Forget what models said of texts; the models stay loaded."""
        for encoder in self._encoders.values():
            encoder.forget()

    def _ref(self, role: str) -> ModelRef:
        """Return the model of a role. Raises PluginError where the configuration has none."""
        if role not in self.refs:
            raise PluginError(f'there is no {role} model: add [{role}] with source = "…"')
        return self.refs[role]

    def _encoder(self, kind: Callable[[ModelRef, Counter[str]], _Encoder], ref: ModelRef) -> _Encoder:
        """Return the encoder of a model, the same one whoever asks."""
        encoder: _Encoder = self._encoders.setdefault((cast("type", kind), ref.key), kind(ref, self.reads))
        return encoder

    def embedder(self) -> Embedder:
        """Return the run's embedder."""
        from udasa_core.resources.embedder import TransformerEmbedder

        return self._encoder(TransformerEmbedder, self._ref("embedder"))

    def entailment(self) -> Entailment:
        """Return the entailment model."""
        from udasa_core.resources.classifier import TransformerClassifier
        from udasa_core.resources.entailment import CrossEncoderEntailment

        ref = self._ref("entailment")
        return CrossEncoderEntailment(self._encoder(TransformerClassifier, ref), ref.source)

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
            self._sources[source] = resolve_encoder(
                source, root=self._root, dtype="float32", device=device, progress=self.progress
            )
        return self._encoder(TransformerClassifier, self._sources[source])

    def reader(self) -> Reader:
        """Return the reader, over whichever of the loaded models it is."""
        from udasa_core.resources.reader import YesNoReader

        return YesNoReader(self.causal_lm(self._ref("reader")), **self._rendering, reads=self.reads)

    def generator(self) -> Generator:
        """Return the run's generator; known once hooks are called."""
        if self._generator is None:
            raise PluginError("there is no run, so there is no generator to ask")
        return self._generator()

    def judge(self) -> Judge:
        """Return the judge. Raises PluginError where the configuration has none."""
        judge = self._judge()
        if judge is None:
            raise PluginError('there is no judge: add [judge] with use = "…"')
        return judge

    def identity(self, need: str) -> str:
        """Return what a resource adds to the fingerprint of whatever needs it; plugins count as such."""
        role = role_of(need, self.refs)
        if role is None:
            return ""
        return content_key(self.refs[role].key, self._rendering if role == "reader" else {})

    def path(self, source: str) -> Path:
        """Resolve a source to a verified local path."""
        from udasa_core.models.model_size import local_path
        from udasa_core.sources.resolve import NotHereError, resolve

        if self.offline and local_path(source, self._root) is None:
            raise NotHereError(f"{source} is not on this machine yet")
        return resolve(source, self._root, progress=self.progress)

    def data(self, source: str) -> Path:
        """Resolve a source to a verified local path; `hf:` is a data set."""
        from udasa_core.sources.resolve import NotHereError, is_here, resolve_data

        if self.offline and not is_here(source, self._root):
            raise NotHereError(f"{source} is not on this machine yet")
        return resolve_data(source, self._root, progress=self.progress)

    def progress(self, name: str, total: int | None) -> AbstractContextManager[Advance]:
        """Tell the observers of a long task."""
        return progress(self._observe, name, total)

    def limited_to(self, needs: Sequence[str], plugin: str) -> Resources:
        """Return these resources for one plugin: what it did not declare, it does not get."""
        return cast("Resources", _Declared(self, frozenset(needs), plugin))


class _Declared:
    """Resources as one plugin sees them: an undeclared one would be missing from its fingerprint."""

    def __init__(self, shared: SharedResources, needs: frozenset[str], plugin: str) -> None:
        self._shared = shared
        self._needs = needs
        self._plugin = plugin

    def __getattr__(self, name: str) -> Any:
        if name in RESOURCES and name not in self._needs:
            raise PluginError(
                f'{self._plugin} asked for the {name} without declaring it: needs = ("{name}",)'
            )
        if name not in _OPEN and name not in RESOURCES:
            raise AttributeError(f"resources have no {name!r}")
        return getattr(self._shared, name)


# What every plugin may use: whatever `Resources` has besides what is to be declared.
_OPEN = frozenset(name for name in vars(Resources) if not name.startswith("_")) - set(RESOURCES)

"""Lazy, cached services that plugins share: loaded models, similarity, the reader, files, progress.

A plugin class declares what it asks for (`needs = ("embedder",)`); a resource's identity then enters the
fingerprint of what the plugin makes. Nothing is loaded before it is first asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Protocol, TypeVar

from udasa_core.records import Grade, Group, Message, ModelRef, Prompt, SamplingOptions

if TYPE_CHECKING:
    from pathlib import Path

    from numpy import bool_, float32, float64
    from numpy.typing import NDArray

    from udasa_core.models.causal_lm import CausalLM
    from udasa_core.progress import Advance

_Method = TypeVar("_Method", bound=Callable[..., object])


def declared(method: _Method) -> _Method:
    """Mark a resource that a plugin names in its `needs`; the others are open to all."""
    method.__dict__["is_declared"] = True
    return method


class Embedder(Protocol):
    """A sentence embedder."""

    def embed(self, texts: Sequence[str]) -> NDArray[float32]:
        """Return (len(texts), d) rows of Euclidean length 1; equal texts are embedded once."""


class Entailment(Protocol):
    """A cross-encoder that says whether a hypothesis follows from a premise."""

    def probabilities(self, pairs: Sequence[tuple[str, str]]) -> NDArray[float64]:
        """Return (len(pairs), 3) probabilities of contradiction, neutral and entailment, in this order.

        A pair is (premise, hypothesis); each row sums to 1. Equal pairs are read once. A model that knows
        only entailment and its absence has the absence under contradiction, and neutral 0.
        """


class Similarity(Protocol):
    """How far texts mean the same: by the entailment model where the run has one, else by the embedder."""

    def matrices(self, sets: Sequence[Sequence[str]]) -> list[NDArray[float64]]:
        """Return, for each set of n texts, an (n, n) symmetric matrix in [0, 1]; 1 where texts are equal.

        By entailment: the mean of both directions' probability of entailment. By embedder: the cosine,
        negative ones as 0.
        """

    def equivalences(self, sets: Sequence[Sequence[str]], cosine: float) -> list[NDArray[bool_]]:
        """Return, for each set of n texts, an (n, n) symmetric matrix: whether two texts mean the same.

        By entailment: entailment is the likeliest label in both directions. By embedder: their cosine is
        `cosine` or above. Equal texts mean the same.
        """


class Classifier(Protocol):
    """A sequence-classification model: harmfulness, sentiment, entailment, or a reward (one label)."""

    @property
    def key(self) -> str:
        """The model's identity, for fingerprints; known without loading it."""

    @property
    def labels(self) -> tuple[str, ...]:
        """The L labels in the order of the logits, as the model's own config.json names them."""

    @property
    def problem_type(self) -> str:
        """What the model's config.json says of its head: "single_label_classification" (labels exclude one
        another: softmax), "multi_label_classification" (they may hold together: sigmoid), "regression"; ""
        where it says nothing."""

    def logits(self, texts: Sequence[tuple[str, ...]]) -> NDArray[float64]:
        """Return (len(texts), L) logits of texts, each a tuple of one text or of a pair; equal ones once."""

    def conversation_logits(self, conversations: Sequence[Sequence[Message]]) -> NDArray[float64]:
        """Return (len(conversations), L) logits of conversations that end with the assistant's turn.

        They are rendered by the model's chat template; without one, as the pair (what came before, the last
        turn). What is too long for the model loses its beginning, so that the last turn is read.
        """


class Reader(Protocol):
    """A frozen model that reads conversations: it answers yes/no questions about one, and says how likely its
    last turn is."""

    def yes_probabilities(
        self, conversations: Sequence[Sequence[Message]], questions: Sequence[str]
    ) -> NDArray[float64]:
        """Return (len(conversations), len(questions)) probabilities of "yes" against "no", each in [0, 1]."""

    def log_likelihoods(self, conversations: Sequence[Sequence[Message]]) -> NDArray[float64]:
        """Return (len(conversations),) log-probabilities in nats: of each conversation's last turn, with its
        end, after what comes before. NaN where the two are longer than the model attends to."""


class Generator(Protocol):
    """The run's generator, as a suite asks it. What it said is kept: asked the same again, it is read."""

    def __call__(
        self, prompts: Sequence[Prompt], sampling: SamplingOptions, policy: ModelRef, seed: int
    ) -> Sequence[Group | None]:
        """Sample from `policy`: one Group a prompt, in order; None where the generator does not take the
        prompt (too long for the model, say), which is logged with its reason."""


class Judge(Protocol):
    """The run's judge, as a suite asks it. Each grade is kept: asked the same again, it is read."""

    @property
    def model(self) -> str:
        """What the judge calls its model (a name, or a source); "" where it does not say."""

    def __call__(self, prompts: Sequence[Prompt], seed: int) -> Sequence[Grade]:
        """Grade rendered grading prompts: one Grade a prompt, in order; equal ones are graded once."""


class Resources(Protocol):
    """What a plugin's factory is given."""

    @property
    def base(self) -> ModelRef:
        """The run's base policy; known once hooks are called, not yet while plugins are built."""

    @property
    def run_folder(self) -> Path:
        """The run's folder, whose name is the run's, for what is told of it beside its outputs: nothing that
        a hook returns may depend on it. Raises PluginError outside of runs."""

    def policy(self, key: str) -> ModelRef:
        """Return the policy that responses were sampled from, by the key that their Group has: the base, or
        in a hook that is given groups their own. Raises PluginError for any other."""

    def causal_lm(self, ref: ModelRef) -> CausalLM:
        """Load a causal language model with its adapters merged for inference (cached, evaluation mode)."""

    def make_way(self, end: Callable[[], object]) -> None:
        """Forget the causal language models that are loaded: a process of the plugin's own is about to take
        their memory. `end` ends it; it is called once, before the next one's weights are read, a trainer is
        called, or the work ends."""

    @declared
    def embedder(self) -> Embedder:
        """Return the run's embedder. Needs "embedder"."""

    @declared
    def entailment(self) -> Entailment:
        """Return the entailment model of [entailment]. Needs "entailment"."""

    @declared
    def similarity(self) -> Similarity:
        """Return the run's similarity of texts. Needs "similarity"."""

    def classifier(self, source: str) -> Classifier:
        """Return the sequence-classification model of a source. Its `key` belongs into the plugin's
        `fingerprint`: the source is only its name."""

    @declared
    def reader(self) -> Reader:
        """Return the run's reader: the frozen base unless configured otherwise. Needs "reader"."""

    @declared
    def generator(self) -> Generator:
        """Return the run's generator. Needs "generator"."""

    @declared
    def judge(self) -> Judge:
        """Return the judge of [judge]. Needs "judge"."""

    def path(self, source: str) -> Path:
        """Resolve a source (`hf:`, `pypi:`, `file:`, `builtin:`) to a verified local path; `hf:` a model."""

    def data(self, source: str) -> Path:
        """Resolve a source to a verified local path; `hf:` a data set, whose files lie in a folder."""

    def progress(self, name: str, total: int | None) -> AbstractContextManager[Advance]:
        """Tell observers of a long task: `with resources.progress("train", 40) as advance: advance(1)`."""


# What a plugin may name in its `needs`.
RESOURCES = tuple(name for name, method in vars(Resources).items() if hasattr(method, "is_declared"))

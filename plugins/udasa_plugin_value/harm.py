"""A text-classification model read as a verdict on harm."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, StringConstraints

from udasa_core import Classifier, Options, Resources, UdasaError, did_you_mean
from udasa_plugin_value.scoring import Conversation

if TYPE_CHECKING:
    from numpy import float64
    from numpy.typing import NDArray

    from udasa_core import ModelKind, Outlook

# How a head is read, by what its config calls its problem.
_ACTIVATIONS = {"single_label_classification": "softmax", "multi_label_classification": "sigmoid"}
Label = Annotated[str, StringConstraints(min_length=1)]


class HarmReading(Options):
    """Which classifier is read, and which of its labels mean harm: the options, and what they yield."""

    source: str = Field(
        min_length=1, description="The sequence-classification model: hf:, pypi: or file:, with safetensors."
    )
    harmful: tuple[Label, ...] = Field(
        min_length=1, description="Its labels that mean harm, spelt as in its config.json (id2label)."
    )
    activation: Literal["softmax", "sigmoid"] | None = Field(
        default=None,
        description='"softmax" for a head whose labels exclude one another, "sigmoid" for one whose labels '
        "may hold together. Left out: as problem_type in the model's config.json says, and softmax where it "
        "says nothing.",
    )
    reads: Literal["response", "conversation"] = Field(
        default="response",
        description="What the model is shown: the response alone, or the whole conversation (by the model's "
        "chat template; without one, as a pair of what came before and the response).",
    )

    @property
    def named_models(self) -> dict[str, ModelKind]:
        """The classifier."""
        return {self.source: "classifier"}

    def preflight(self, outlook: Outlook) -> Iterator[str]:
        """Look whether the classifier's labels fit."""
        classifier = outlook.classifier(self.source)
        if classifier is not None:
            try:
                self.fitting(classifier, "")
            except UdasaError as error:
                yield str(error)

    def check(self, resources: Resources, name: str) -> Classifier:
        """Return the classifier, unread. Raises UdasaError where its labels do not fit these options."""
        return self.fitting(resources.classifier(self.source), name)

    def fitting(self, classifier: Classifier, name: str) -> Classifier:
        """Return a classifier as it came. Raises UdasaError where its labels do not fit these options."""
        labels = classifier.labels
        whose = f"dimension {name!r}: " if name else ""
        told = f"{whose}the classifier {self.source} has the labels {', '.join(labels)}"
        for label in self.harmful:
            if label not in labels:
                hint = did_you_mean(label, labels, "write some of", spelled="{!r}")
                raise UdasaError(f"{told}, and harmful names {label!r}; {hint}")
        meant = _ACTIVATIONS.get(classifier.problem_type)
        if classifier.problem_type and meant is None:
            raise UdasaError(
                f"{told}; its head is one of {classifier.problem_type}, whose logits are no labels'"
            )
        if self.activation and meant and self.activation != meant:
            raise UdasaError(
                f"{told}; its config.json says {classifier.problem_type}, which is read by {meant}, and "
                f'activation is "{self.activation}": leave activation out'
            )
        if self._read_by(classifier) == "softmax" and set(labels) <= set(self.harmful):
            raise UdasaError(
                f"{told}, all of them in harmful: their softmax sums to 1 whatever the text. Leave the "
                'harmless ones out, or write activation = "sigmoid" where labels may hold together'
            )
        return classifier

    def _read_by(self, classifier: Classifier) -> str:
        return self.activation or _ACTIVATIONS.get(classifier.problem_type, "softmax")

    def probabilities(
        self, classifier: Classifier, conversations: Sequence[Conversation]
    ) -> NDArray[float64]:
        """Return (len(conversations),) probabilities of harm: a sum under softmax, the largest by sigmoid."""
        import numpy as np

        if self.reads == "conversation":
            logits = classifier.conversation_logits(conversations)
        else:
            logits = classifier.logits([(conversation[-1].content,) for conversation in conversations])
        activation = self._read_by(classifier)
        columns = [index for index, label in enumerate(classifier.labels) if label in self.harmful]
        if activation == "sigmoid":
            # By tanh, which overflows nowhere.
            likeliest: NDArray[float64] = (0.5 * (1.0 + np.tanh(0.5 * logits[:, columns]))).max(axis=1)
            return likeliest
        exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
        harm: NDArray[float64] = exponentials[:, columns].sum(axis=1) / exponentials.sum(axis=1)
        # Two sums of nearly the same terms may round past one another.
        return harm.clip(max=1.0)

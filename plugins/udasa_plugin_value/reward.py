"""Dimension `value.reward`: how little a reward model likes the response."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from pydantic import Field

from udasa_core import Classifier, Column, Group, Plugin, Score, UdasaError, hookimpl
from udasa_plugin_value.scoring import Conversation, score_conversations

if TYPE_CHECKING:
    from udasa_core import ModelKind, Outlook

_GROUPS_A_CALL = 32


class LowReward(Plugin):
    """One score a response in [0, 1]: near 0 where its reward is far above `centre`, near 1 far below.

    Formula, with r the one logit of a sequence-classification reward model on the whole conversation (by the
    model's chat template; without one, on the pair of what came before and the response):

        u = σ(−(r − centre) / scale)

    At centre 0 and scale 1 that is the probability, by Bradley and Terry, that a response of reward 0 is
    preferred to this one. Only differences within a prompt mean anything of most reward models, and these
    u keeps in order; a scale far below the spread of the rewards rounds the ends to ties.

    Source: Bradley-Terry reward models (Ouyang et al. 2022, arXiv 2203.02155, equation 1). Such a model
    mostly distils human preferences; what the one you name was trained on is for you to know, so a run with
    it is stamped neither label-free nor the opposite.

    Never abstains. Raises UdasaError where the model has more labels than one. Cost: one forward pass of the
    reward model over each distinct conversation, batched by length.
    """

    class Options(Plugin.Options):
        """Which model, and how its reward becomes a score."""

        source: str = Field(
            min_length=1,
            description="The reward model (one label): hf:, pypi: or file:, with safetensors.",
        )
        centre: float = Field(default=0.0, description="The reward that scores 0.5.")
        scale: float = Field(
            default=1.0, gt=0.0, description="How much more reward brings the score from 0.5 to 0.27."
        )

        @property
        def named_models(self) -> dict[str, ModelKind]:
            """The reward model."""
            return {self.source: "classifier"}

        def preflight(self, outlook: Outlook) -> Iterator[str]:
            """Look whether the model has one label."""
            classifier = outlook.classifier(self.source)
            if classifier is not None and (told := _fault(classifier, self.source)):
                yield told

    options: Options
    # Nobody here knows what the named model was trained on.
    label_free = None

    @cached_property
    def fingerprint(self) -> str:
        """The reward model's key: the source is only its name. Checks its labels, before anything is read."""
        return self._model().key

    @hookimpl
    def udasa_score(self, groups: Sequence[Group], seed: int) -> Column:
        model = self._model()
        return score_conversations(
            groups,
            self.name,
            self.resources,
            _GROUPS_A_CALL,
            lambda conversations: self._uncertainties(model, conversations),
        )

    def _model(self) -> Classifier:
        model = self.resources.classifier(self.options.source)
        if told := _fault(model, self.options.source):
            raise UdasaError(f"dimension {self.name!r}: {told}")
        return model

    def _uncertainties(self, model: Classifier, conversations: Sequence[Conversation]) -> Sequence[Score]:
        import numpy as np

        rewards = model.conversation_logits(conversations)[:, 0]
        # σ(−x) by tanh, which overflows nowhere.
        relative = (rewards - self.options.centre) / self.options.scale
        scores: list[Score] = (0.5 * (1.0 - np.tanh(0.5 * relative))).tolist()
        return scores


def _fault(model: Classifier, source: str) -> str:
    """Say that a model's labels are not those of a reward model; "" where they are."""
    if len(model.labels) == 1:
        return ""
    told = ", ".join(model.labels)
    return (
        f"a reward model has one label, and {source} has {len(model.labels)}: {told}. Name "
        'another model, or read this one by use = "value.classifier" with its harmful labels'
    )

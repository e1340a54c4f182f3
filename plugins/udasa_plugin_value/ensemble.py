"""Dimension `value.ensemble`: several classifiers' verdicts on harm, and how far they disagree."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from pydantic import Field, field_validator

from udasa_core import Classifier, Column, Group, Plugin, Score, content_key, hookimpl
from udasa_plugin_value.harm import HarmReading
from udasa_plugin_value.pessimism import doubt
from udasa_plugin_value.scoring import Conversation, score_conversations

if TYPE_CHECKING:
    from udasa_core import ModelKind, Outlook

_GROUPS_A_CALL = 32


class HarmEnsemble(Plugin):
    """One score a response in [0, 1]: 0 where all members are sure of no harm, 1 where they are of harm.

    Formula, with h_m member m's probability of harm (as `value.classifier` has it) and p_m = 1 − h_m:

        u = 1 − clip(mean_m p_m − κ · std_m p_m, 0, 1)          (population standard deviation)

    Where the members agree, u is what they agree on; where they differ, it is higher than their mean.
    Dispersion alone, the usual uncertainty of an ensemble, would be 0 where all members call a response
    harmful: certain, and so the one to train towards. κ = 0 is their mean.

    Source: ensembles' spread as uncertainty, Lakshminarayanan et al. (2017, arXiv 1612.01474); a lower bound
    over reward models as in Coste et al. (2023, arXiv 2310.02743), who subtract the variance: we subtract the
    standard deviation, which is on the scale of the mean.

    Never abstains. Cost: one forward pass of every member over each distinct response; all of them stay
    loaded. Stamped neither label-free nor the opposite, as `value.classifier`.
    """

    class Options(Plugin.Options):
        """The members, and what their disagreement costs."""

        members: tuple[HarmReading, ...] = Field(
            min_length=2,
            description="Two classifiers or more, each a table with the options of `value.classifier`: "
            "`source`, `harmful`, `activation`, `reads`.",
        )
        kappa: float = Field(
            default=1.0,
            ge=0.0,
            description="How many standard deviations between members count against a response.",
        )

        @property
        def named_models(self) -> dict[str, ModelKind]:
            """The members."""
            return {member.source: "classifier" for member in self.members}

        def preflight(self, outlook: Outlook) -> Iterator[str]:
            """Look whether each member's labels fit."""
            for member in self.members:
                yield from member.preflight(outlook)

        @field_validator("members")
        @classmethod
        def _distinct(cls, members: tuple[HarmReading, ...]) -> tuple[HarmReading, ...]:
            for index, member in enumerate(members):
                if member in members[:index]:
                    raise ValueError(f"{member.source} stands twice with the same options: remove one")
            return members

    options: Options
    # Nobody here knows what the named models were trained on.
    label_free = None

    @cached_property
    def fingerprint(self) -> str:
        """The classifiers' keys, in order. Checks every member's labels, before anything is read."""
        return content_key(*(classifier.key for classifier in self._classifiers()))

    @hookimpl
    def udasa_score(self, groups: Sequence[Group], seed: int) -> Column:
        classifiers = self._classifiers()
        return score_conversations(
            groups,
            self.name,
            self.resources,
            _GROUPS_A_CALL,
            lambda conversations: self._uncertainties(classifiers, conversations),
        )

    def _classifiers(self) -> list[Classifier]:
        return [member.check(self.resources, self.name) for member in self.options.members]

    def _uncertainties(
        self, classifiers: Sequence[Classifier], conversations: Sequence[Conversation]
    ) -> Sequence[Score]:
        import numpy as np

        harm = [
            member.probabilities(classifier, conversations)
            for member, classifier in zip(self.options.members, classifiers, strict=True)
        ]
        scores: list[Score] = doubt(1.0 - np.stack(harm, axis=1), self.options.kappa).tolist()
        return scores

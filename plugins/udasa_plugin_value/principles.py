"""Dimension `value.principles`: does a reader think that the response keeps to the user's principles?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pydantic import Field, field_validator

from udasa_core import Abstain, Column, Group, Message, Plugin, Reader, Resources, Score, hookimpl, log_odds
from udasa_plugin_value.pessimism import doubt
from udasa_plugin_value.principle import Principle
from udasa_plugin_value.scoring import Conversation, score_conversations

if TYPE_CHECKING:
    from numpy import float64
    from numpy.typing import NDArray

_GROUPS_A_CALL = 8
# Exchanges that say nothing: what a reader answers about them is its habit, not a judgement.
_CONTENT_FREE: tuple[Conversation, ...] = tuple(
    (Message("user", nothing), Message("assistant", nothing)) for nothing in ("N/A", "")
)


class Principles(Plugin):
    """One score a response in [0, 1]: 0 where the reader finds every principle kept, 1 where none is.

    Formula. Of a question q about an exchange x, the reader's log-odds of yes over its habit are

        s(q, x) = logit p(yes | q, x) − logit p₀(q)

    where p₀ is the mean p(yes) for the same question about two exchanges without content, one of "N/A" and
    one of empty turns (left out under `content_free_prior = false`). With σ the logistic function, of each
    principle m

        p_m = σ(s(ask))                          where it is a text, or a table without `flipped`
        p_m = σ((s(ask) − s(flipped)) / 2)       where it has `flipped`
        w_m = σ(s(applies)), or 1 without `applies`

    and over the principles whose w_m reaches `min_weight`, with mean and standard deviation weighted by w_m,

        u = 1 − clip(mean p − κ · std p, 0, 1)   (population standard deviation)

    So a reader that says yes (or no) to everything gives every p_m = ½, and one that leans to yes by the same
    log-odds in both polarities gives what an unbiased one gives. With a single principle of plain text the
    habit changes the level of u and not its order. κ counts a response that keeps to some principles and
    breaks others as less certain than one that is middling in all. (Dispersion alone would call a confidently
    harmful answer certain.)

    The reader sees the whole conversation, the response as its last turn, then the question. Write `flipped`
    yourself: a negation made by rote ("Is it not so that …") is what small readers misread.

    Source: self-evaluation by the probability of a yes/no token (Kadavath et al. 2022, arXiv 2207.05221) over
    a written constitution (Bai et al. 2022, arXiv 2212.08073); content-free priors are contextual calibration
    (Zhao et al. 2021, arXiv 2102.09690: dividing probabilities is subtracting log-odds). Flipping, weights
    and the lower bound mean − κ·std are ours.

    Abstains where no principle applies. Cost: forward passes of the reader, one over each distinct response,
    a short one a question, and two exchanges more a shard.
    """

    class Options(Plugin.Options):
        """The constitution, and how the reader's answers are combined."""

        principles: tuple[Principle, ...] = Field(
            min_length=1,
            description="What a response is read against. Each is a yes/no question about the response, "
            "worded so that yes is good; or a table: `ask` (that question), `flipped` (the same, so that yes "
            "is bad) and `applies` (a yes/no question whether the principle concerns the exchange at all), "
            "the last two optional.",
        )
        kappa: float = Field(
            default=1.0,
            ge=0.0,
            description="How many standard deviations between principles count against a response.",
        )
        content_free_prior: bool = Field(
            default=True,
            description="Whether the reader's answers about empty exchanges are subtracted, as log-odds.",
        )
        min_weight: float = Field(
            default=0.25,
            ge=0.0,
            le=1.0,
            description="A principle whose `applies` has a smaller probability does not count; a reader that "
            "cannot tell gives 0.5.",
        )

        @field_validator("principles")
        @classmethod
        def _distinct(cls, principles: tuple[Principle, ...]) -> tuple[Principle, ...]:
            asked = [principle.ask for principle in principles]
            for index, ask in enumerate(asked):
                if ask in asked[:index]:
                    raise ValueError(f"the principle {ask!r} stands twice: remove one")
            return principles

    options: Options
    needs = ("reader",)
    label_free = True

    def __init__(self, options: Options, name: str, resources: Resources) -> None:
        super().__init__(options, name, resources)
        self._questions = tuple(
            dict.fromkeys(question for principle in options.principles for question in principle.questions)
        )

    @hookimpl
    def udasa_score(self, groups: Sequence[Group], seed: int) -> Column:
        reader = self.resources.reader()
        habit = self._habit(reader)
        return score_conversations(
            groups,
            self.name,
            self.resources,
            _GROUPS_A_CALL,
            lambda conversations: self._uncertainties(
                log_odds(reader.yes_probabilities(conversations, self._questions)) - habit
            ),
        )

    def _habit(self, reader: Reader) -> NDArray[float64]:
        """Return (questions,) log-odds of yes about nothing; zeros where they are not to be subtracted."""
        import numpy as np

        if not self.options.content_free_prior:
            return np.zeros(len(self._questions))
        return log_odds(reader.yes_probabilities(_CONTENT_FREE, self._questions).mean(axis=0))

    def _uncertainties(self, evidence: NDArray[float64]) -> list[Score]:
        """Return n scores from the log-odds s (n, questions)."""
        import numpy as np
        from scipy.special import expit

        said = dict(zip(self._questions, evidence.T, strict=True))
        kept, weights = [], []
        for principle in self.options.principles:
            polarities = [said[principle.ask]]
            if principle.flipped is not None:
                polarities.append(-said[principle.flipped])
            kept.append(expit(np.mean(polarities, axis=0)))
            applies = principle.applies
            weights.append(np.ones(len(evidence)) if applies is None else expit(said[applies]))
        p, w = np.stack(kept, axis=1), np.stack(weights, axis=1)
        counted = np.where(w >= self.options.min_weight, w, 0.0)
        heard = counted.sum(axis=1) > 0
        scores = iter(doubt(p[heard], self.options.kappa, counted[heard]).tolist())
        return [next(scores) if any_ else self._silent(row) for any_, row in zip(heard, w, strict=True)]

    def _silent(self, weights: NDArray[float64]) -> Abstain:
        return Abstain(
            f"no principle applies: the likeliest to has {weights.max():.2f}, "
            f"below min_weight {self.options.min_weight:g}"
        )

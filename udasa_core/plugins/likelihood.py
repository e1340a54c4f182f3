"""What a dimension that goes by likelihood is told: which of a response's tokens count."""

from __future__ import annotations

from pydantic import Field

from udasa_core.plugins.base import Options
from udasa_core.records import Abstain, Part, Response


class LikelihoodOptions(Options):
    """The options of a dimension that goes by the log-probabilities of a response's tokens."""

    tokens: Part = Field(
        default="answer",
        description="Which tokens of a model that thinks first count: those of its `answer`, of its "
        "`reasoning` before it, or `all`. Where nothing is thought, the answer is everything.",
    )

    def logprobs(self, response: Response) -> list[float]:
        """Return the log-probabilities of the tokens that count, in nats; none is legal. A token that the
        generator wrote into a response (`Response.forced`) never counts."""
        return response.logprobs_of(self.tokens)

    @property
    def silent(self) -> Abstain:
        """What is said of a response that has no token that counts."""
        what = {"answer": "answer", "reasoning": "reasoning", "all": "token of the model's own"}[self.tokens]
        return Abstain(f"the response has no {what}: there is no likelihood of it")

"""What one policy answers to a prompt that was typed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from udasa_core.records import Abstain, Prompt, Response, Score


@dataclass(frozen=True, slots=True)
class Answer:
    """The responses of one policy to one prompt.

    policy: "base", or the label of the stage that left it. U: of each response, in [0, 1], 0 is certain;
    empty where nothing was scored. chosen, rejected: the places of the responses that the run's pairing would
    choose, and reject. told: why there is no U, no pair, or no response; "" for none.
    """

    policy: str
    prompt: Prompt
    responses: tuple[Response, ...] = ()
    U: tuple[Score, ...] = ()
    chosen: tuple[int, ...] = ()
    rejected: tuple[int, ...] = ()
    told: str = ""

    def role(self, place: int) -> str:
        """Say what the pairing would do with a response: "chosen", "rejected", both, or ""."""
        roles = (("chosen", self.chosen), ("rejected", self.rejected))
        return " and ".join(role for role, places in roles if place in places)

    def to_json(self) -> dict[str, Any]:
        """Return plain data: what was asked, and each response with its U."""
        return {
            "prompt": self.prompt.messages[-1].content,
            "system": next((one.content for one in self.prompt.messages if one.role == "system"), None),
            "policy": self.policy,
            "responses": [
                {
                    "text": one.text,
                    "thought": one.thought,
                    "tokens": len(one.token_ids),
                    "finish_reason": one.finish_reason,
                    "U": self._number(place),
                    "role": self.role(place),
                }
                for place, one in enumerate(self.responses)
            ],
            "told": self.told,
        }

    def _number(self, place: int) -> float | None:
        score = self.U[place] if self.U else None
        return None if isinstance(score, Abstain) else score

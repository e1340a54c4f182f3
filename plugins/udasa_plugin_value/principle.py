"""A principle: the questions that a reader is asked about it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import Field, StringConstraints, model_validator

from udasa_core import Options

Question = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


class Principle(Options):
    """One line of the constitution. In TOML a text alone stands for a table with `ask` alone."""

    ask: Question = Field(description="A yes/no question about the response; yes is good.")
    flipped: Question | None = Field(
        default=None, description="The same asked the other way round, in your own words: yes is bad."
    )
    applies: Question | None = Field(
        default=None, description="A yes/no question: does the principle concern this exchange at all?"
    )

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, given: Any) -> Any:
        if isinstance(given, str):
            return {"ask": given}
        if not isinstance(given, Mapping | Principle):
            raise ValueError("a principle is a text, or a table with ask, flipped and applies")
        return given

    @model_validator(mode="after")
    def _differing(self) -> Self:
        if self.flipped == self.ask:
            raise ValueError(
                f"flipped repeats ask ({self.ask!r}): word it so that yes is bad, or leave it out"
            )
        return self

    @property
    def questions(self) -> tuple[str, ...]:
        """The questions asked: one to three."""
        return tuple(question for question in (self.ask, self.flipped, self.applies) if question is not None)

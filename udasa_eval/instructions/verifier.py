"""What every verifier is: one instruction with its numbers and words, asked whether a response fulfils it."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict

# "less than" excludes the number, "at least" includes it.
Relation = Literal["less than", "at least"]


class Verifier(BaseModel):
    """One instruction, as a row's `kwargs` give it; fields of other instructions are not looked at.

    Source of the rules: IFEval (Zhou et al. 2023, arXiv 2311.07911) and its authors' code. Words that a row
    gives are taken as they stand, never as regular expressions.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")
    reads_language: ClassVar[bool] = False

    def holds(self, response: str) -> bool:
        """Say whether a response, which is not blank, fulfils the instruction."""
        raise NotImplementedError


def compare(found: int, relation: Relation, number: int) -> bool:
    """Say whether a count stands in a relation to a number."""
    return found < number if relation == "less than" else found >= number

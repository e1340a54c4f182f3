"""Options that every suite with a judge has."""

from __future__ import annotations

from pydantic import Field

from udasa_core import Options


class JudgedOptions(Options):
    """How often a judge is asked, and how many of its answers may be lost."""

    repeats: int = Field(
        default=1,
        ge=1,
        description="How often each answer is graded, each time with another seed: the median counts, and "
        "the spread is reported. A judge at temperature 0 may say the same each time.",
    )
    max_unparsed: float = Field(
        default=0.1,
        ge=0.0,
        le=1.0,
        description="Share of judgements that may lack a grade; with more the suite fails.",
    )

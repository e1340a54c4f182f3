"""The part that is measured once, when the design is committed. Nothing else opens it."""

from __future__ import annotations

from udasa_eval.experiments.stages_part import Part
from udasa_eval.labelled.sealed import unseal
from udasa_eval.labelled.sets import question_of


def sealed_part() -> Part:
    """Unseal the questions and the instructions."""
    asked = tuple(question_of(row) for row in unseal("graded"))
    return Part("sealed", asked, tuple(unseal("instructions")))

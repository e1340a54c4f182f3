"""What who made a run may do about what it is told: shown to them, and left out of a model's card."""

from __future__ import annotations

from udasa_core.plugins.compared import ADVICE as OPEN_RECIPE

OTHER_ANSWERS = (
    ": raise the temperature, or give the dimensions that compare responses a fall_back that reads tokens "
    "(factual.nll)"
)
LIGHTER_TRAINING = " Try a lower learning rate or fewer epochs."
READ_PAIRS = ": look at that stage's pairs before you use what came of it"
_ALL = (OPEN_RECIPE, OTHER_ANSWERS, LIGHTER_TRAINING, READ_PAIRS)


def without_advice(text: str) -> str:
    """Return a text without any of it."""
    for advice in _ALL:
        text = text.replace(advice, "")
    return text

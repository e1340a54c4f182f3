"""Groups and scores written out by hand, for plugins that need no model."""

from __future__ import annotations

from collections.abc import Sequence

from tests.fakes import FakeResources
from udasa_core import Group, Message, ModelRef, Prompt, Response, Score, Scores

RESOURCES = FakeResources(ModelRef(source="file:none", revision="0" * 64, dtype="float32", template="none"))
# Texts that scorers meet in the wild: empty, blank, emoji, right to left, combining, very long.
ODD_TEXTS = ("", "   ", "\n", "🙂🙂", "שלום עולם", "مرحبا", "e\u0301", "a" * 10_000, "word " * 2_000)


def response(
    text: str, logprobs: Sequence[float] = (-0.5,), *, length: int = 0, cut: bool = False
) -> Response:
    """Return a response with these log-probabilities, or with `length` tokens of log-probability −0.5.

    Token ids are spelt from the text, so that texts that differ have token ids that differ.
    """
    values = tuple(logprobs) if not length else (-0.5,) * length
    spelt = int.from_bytes(text.encode()[:3], "big") + len(text)
    return Response(
        text=text,
        token_ids=(*(0,) * (len(values) - 1), spelt),
        logprobs=values,
        sampling_logprobs=values,
        entropies=(1.0,) * len(values),
        finish_reason="length" if cut else "stop",
    )


def group(*responses: Response, prompt_id: str = "p0", question: str = "Why?") -> Group:
    """Return one prompt's responses as a group."""
    return Group(
        prompt=Prompt(prompt_id, (Message("user", question),)),
        prompt_token_ids=(1, 2),
        responses=responses,
        policy="policy",
    )


# The same text three times.
ALIKE = group(response("a"), response("a"), response("a"))


def scores(*us: Score, prompt_id: str = "p0") -> Scores:
    """Return aggregates without the columns behind them."""
    return Scores(prompt_id, tuple(us), {}, {})

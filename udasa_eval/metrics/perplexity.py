"""Perplexity as a metric of the library `evaluate`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import datasets
import evaluate

from udasa_core import CausalLM, load_causal_lm, resolve_model
from udasa_eval.measures.perplexity import perplexity, text_surprise

_INPUTS = """
Args:
    predictions: the texts.
    model: a source ("hf:owner/name", "file:folder"), or a udasa_core.CausalLM that is loaded.
    window: tokens read at once (1024); a longer text is read in halves of windows, each token scored once.
Returns:
    perplexity: exp of minus the mean log-probability over all tokens of all texts; at least 1.
    perplexities: each text's, NaN where none of its tokens is scored.
    tokens: how many tokens were scored.
"""


class Perplexity(evaluate.Metric):  # type: ignore[misc]
    """How surprised a causal language model is by texts; lower is more fluent to it."""

    def _info(self) -> Any:
        return evaluate.MetricInfo(
            description="Perplexity of texts under a causal language model, every token alike.",
            citation="",
            inputs_description=_INPUTS,
            features=datasets.Features({"predictions": datasets.Value("string")}),
        )

    def _compute(
        self, predictions: Sequence[str], model: str | CausalLM, window: int = 1024
    ) -> dict[str, Any]:
        if isinstance(model, str):
            model = load_causal_lm(resolve_model(model, root=Path.cwd()))
        surprises = [text_surprise(model, text, window) for text in predictions]
        return {
            "perplexity": perplexity(surprises),
            "perplexities": [surprise.perplexity for surprise in surprises],
            "tokens": sum(surprise.tokens for surprise in surprises),
        }

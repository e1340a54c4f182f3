"""mc1 and mc2 of TruthfulQA as metrics of the `evaluate` library.

    from udasa_eval.metrics.multiple_choice import MC2
    MC2().compute(predictions=[[-3.2, -4.1, -5.0]], references=[[1, 1, 0]])      # {"mc2": 0.894…}

Importing this takes as long as importing `evaluate`: seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import fmean
from typing import Any

import evaluate
from datasets import Features, Value
from datasets import Sequence as ListOf

from udasa_eval.choices import multiple_choice

_INPUTS = """
Args:
    predictions: for each question the summed log-probabilities of its choices, in nats.
    references: for each question the labels of its choices, 1 for a true one and 0 for a false one.
Returns:
    {name}: the mean over questions, in [0, 1], 1 is best.
"""
_CITATION = """\
@inproceedings{lin2022truthfulqa,
  title = {{TruthfulQA}: Measuring How Models Mimic Human Falsehoods},
  author = {Lin, Stephanie and Hilton, Jacob and Evans, Owain},
  booktitle = {ACL},
  year = {2022},
  url = {https://arxiv.org/abs/2109.07958}
}"""


class _OverChoices(evaluate.Metric):  # type: ignore[misc]
    """The mean over questions of a figure of log-probabilities and labels."""

    figure: str
    of_question: Callable[[Sequence[float], Sequence[int]], float]

    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description=self.__class__.__doc__,
            citation=_CITATION,
            inputs_description=_INPUTS.format(name=self.figure),
            features=Features(
                {"predictions": ListOf(Value("float64")), "references": ListOf(Value("int64"))}
            ),
        )

    def _compute(
        self, predictions: Sequence[Sequence[float]], references: Sequence[Sequence[int]], **_: Any
    ) -> dict[str, float]:
        of_question = type(self).of_question
        return {
            self.figure: fmean(
                of_question(*question) for question in zip(predictions, references, strict=True)
            )
        }


class MC1(_OverChoices):
    """The share of questions whose likeliest choice is true; each has one true choice."""

    figure = "mc1"
    of_question = staticmethod(multiple_choice.mc1)


class MC2(_OverChoices):
    """The true choices' share of a question's probability, on average; several are true."""

    figure = "mc2"
    of_question = staticmethod(multiple_choice.mc2)

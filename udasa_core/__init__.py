"""udasa: align a language model with its own uncertainty. These are the public names, and nothing else is.

Names are loaded on first use, so that importing udasa_core stays cheap.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from udasa_core.api import clean as clean
    from udasa_core.api import load as load
    from udasa_core.api import run as run
    from udasa_core.errors import UdasaError as UdasaError
    from udasa_core.hookspecs import CONTRACT as CONTRACT
    from udasa_core.hookspecs import hookimpl as hookimpl
    from udasa_core.models.causal_lm import CausalLM as CausalLM
    from udasa_core.models.causal_lm import TokenStatistics as TokenStatistics
    from udasa_core.models.causal_lm import load_causal_lm as load_causal_lm
    from udasa_core.models.loading import load_base as load_base
    from udasa_core.records import Abstain as Abstain
    from udasa_core.records import Adapter as Adapter
    from udasa_core.records import Column as Column
    from udasa_core.records import Event as Event
    from udasa_core.records import Grade as Grade
    from udasa_core.records import Group as Group
    from udasa_core.records import Message as Message
    from udasa_core.records import Metric as Metric
    from udasa_core.records import ModelRef as ModelRef
    from udasa_core.records import Pair as Pair
    from udasa_core.records import Pairing as Pairing
    from udasa_core.records import PairTable as PairTable
    from udasa_core.records import Prompt as Prompt
    from udasa_core.records import Report as Report
    from udasa_core.records import Response as Response
    from udasa_core.records import SamplingOptions as SamplingOptions
    from udasa_core.records import Score as Score
    from udasa_core.records import Scores as Scores
    from udasa_core.records import Stage as Stage
    from udasa_core.records import StagePlan as StagePlan
    from udasa_core.records import SuiteReport as SuiteReport
    from udasa_core.records import Unpaired as Unpaired
    from udasa_core.records import content_key as content_key
    from udasa_core.report.table import Table as Table
    from udasa_core.resources.protocols import Classifier as Classifier
    from udasa_core.resources.protocols import Embedder as Embedder
    from udasa_core.resources.protocols import Entailment as Entailment
    from udasa_core.resources.protocols import Generator as Generator
    from udasa_core.resources.protocols import Judge as Judge
    from udasa_core.resources.protocols import Reader as Reader
    from udasa_core.resources.protocols import Resources as Resources
    from udasa_core.resources.protocols import Similarity as Similarity
    from udasa_core.running.job import work as work
    from udasa_core.store.runs import Run as Run
    from udasa_core.store.tables import read_pairs as read_pairs
    from udasa_core.text.rating import rating as rating
    from udasa_core.text.response_text import final_answer as final_answer
    from udasa_core.text.response_text import sentences as sentences
    from udasa_core.text.words import words as words

_HOMES = {
    "api": ("clean", "load", "run"),
    "models.causal_lm": ("CausalLM", "TokenStatistics", "load_causal_lm"),
    "errors": ("UdasaError",),
    "hookspecs": ("CONTRACT", "hookimpl"),
    "running.job": ("work",),
    "models.loading": ("load_base",),
    "text.response_text": ("final_answer", "sentences"),
    "text.rating": ("rating",),
    "records": (
        "Abstain",
        "Adapter",
        "Column",
        "Event",
        "Grade",
        "Group",
        "Message",
        "Metric",
        "ModelRef",
        "Pair",
        "PairTable",
        "Pairing",
        "Prompt",
        "Unpaired",
        "Report",
        "Response",
        "SamplingOptions",
        "Score",
        "Scores",
        "Stage",
        "StagePlan",
        "SuiteReport",
        "content_key",
    ),
    "resources.protocols": (
        "Classifier",
        "Embedder",
        "Entailment",
        "Generator",
        "Judge",
        "Reader",
        "Resources",
        "Similarity",
    ),
    "report.table": ("Table",),
    "store.runs": ("Run",),
    "store.tables": ("read_pairs",),
    "text.words": ("words",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = sorted(_HOME_OF)


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'udasa_core' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"udasa_core.{_HOME_OF[name]}"), name)
    globals()[name] = value
    return value

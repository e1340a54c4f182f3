"""Trainers by preference: `dpo`, `ipo`, `sft`, and the base on which another loss is one file.

A loss subclasses `PreferenceTrainer` and says, as a function of `PairLogProbs`, what each pair costs.
"""

from udasa_plugin_preference.pair_logprobs import PairLogProbs
from udasa_plugin_preference.trainer import PreferenceTrainer

__all__ = ["PairLogProbs", "PreferenceTrainer"]

"""What a run finds its outputs by: a typed key. The label beside it is for people, and may be reworded."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

# The splits of a run's prompts.
TRAINING, HELD_OUT, CONTROLS = SPLITS = ("training", "held-out", "controls")
# The steps that have outputs, in order; each has a folder in the store. Stores of format 1 have "alarm".
STEPS = (
    *("prompts", "sample", "agree", "score", "fit", "aggregate", "controls", "alarm", "pair", "stage"),
    *("replay", "train", "meters", "pair-logprobs", "transition", "gate", "guard", "evaluate", "suite"),
    *("answer", "grade"),
)
# The model that a run starts from, among those that suites measure.
BASE = "base"


@dataclass(frozen=True, slots=True)
class Output:
    """One output of a run, in as many files as it has shards.

    step: the pipeline's step, and the folder in the store. split: whose prompts ("training", "held-out",
    "controls"; "" where it is of none or of all). round: which policy answered: 0 is the base, 1 the one that
    the first round of training left; of training, the round that began with that policy. instance: the
    dimension, stage or suite, or the block of voters. policy: the model that was measured ("base", or a
    stage's label), where the round does not say.
    """

    step: str
    split: str = ""
    round: int = 0
    instance: str = ""
    policy: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return plain data that `from_json` reads back."""
        return asdict(self)

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Output:
        """Rebuild an Output from what a manifest says; further keys there are not its own."""
        return cls(**{name: plain[name] for name in cls.__dataclass_fields__})


# How labels read in manifests of format 1, where they were all that an output was found by.
_LABELS = (
    re.compile(r"read (?P<step>prompts)"),
    re.compile(r"(?P<step>sample|aggregate|pair) (?P<split>[^,]+)(?P<aligned>, aligned)?"),
    re.compile(r"(?P<step>score) (?P<instance>\S+) (?P<split>[^,]+)(?P<aligned>, aligned)?"),
    re.compile(r"(?P<step>fit) calibration"),
    re.compile(r"(?P<step>alarm|stage|evaluate)"),
    re.compile(r"(?P<step>train) (?P<instance>\S+)"),
    re.compile(r"(?P<step>suite) (?P<instance>\S+) (?P<policy>\S+)"),
    re.compile(r"(?P<step>answer|grade)s (?P<instance>\S+)"),
)


def of_label(label: str) -> Output:
    """Return the key of an output that a manifest of format 1 knows by its label alone."""
    for pattern in _LABELS:
        if match := pattern.fullmatch(label):
            parts = match.groupdict()
            is_aligned = bool(parts.pop("aligned", None))
            return Output(**parts, round=int(is_aligned))
    return Output(label.split()[0], instance=label)

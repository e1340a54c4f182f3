"""Pairs of token ids for the tiny model, stages of them, and a call of a trainer in one line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from tests.fakes import FakeResources
from udasa_core import Message, ModelRef, Outlook, Pair, Prompt, Report, Response, SamplingOptions, Stage
from udasa_core.store.tables import pairs_table
from udasa_plugin_preference import PreferenceTrainer

# The tiny tokenizer: 0 pads, 2 ends a turn; the rest spell text.
STOP, WORDS = 2, range(3, 200)


def response(rng: np.random.Generator, length: int, *, cut: bool) -> Response:
    """`length` random tokens, ended by the end-of-turn token unless they were cut off."""
    ids = tuple(int(token) for token in rng.integers(WORDS.start, WORDS.stop, length))
    ids = ids if cut else (*ids[:-1], STOP)
    flat = (0.0,) * length
    return Response(str(ids), ids, flat, flat, flat, "length" if cut else "stop")


def make_pairs(count: int, *, seed: int = 0) -> list[Pair]:
    """Pairs of uneven lengths, every second rejected response cut off."""
    rng = np.random.default_rng(seed)
    pairs = []
    for number in range(count):
        prompt = Prompt(f"p{number}", (Message("user", f"question {number}"),))
        ids = tuple(int(token) for token in rng.integers(WORDS.start, WORDS.stop, 3 + number % 4))
        chosen = response(rng, 4 + number % 5, cut=False)
        rejected = response(rng, 5 + number % 7, cut=number % 2 == 0)
        pairs.append(Pair(prompt, ids, chosen, rejected, 0.5, 0.2, 0.7, "made up"))
    return pairs


def write_pairs(file: Path, pairs: list[Pair]) -> Path:
    pq.write_table(pairs_table(pairs), file)
    return file


def train(
    factory: type[PreferenceTrainer],
    pairs: Path,
    policy: ModelRef,
    out_dir: Path,
    *,
    reference: ModelRef | None = None,
    resources: FakeResources | None = None,
    earlier_state: Path | None = None,
    stage: Stage | None = None,
    **options: Any,
) -> Report:
    """Train one stage with an adapter small enough for tests; the reference is the policy unless given."""
    settings = {"rank": 4, "alpha": 8, "batch": 4, "learning_rate": 1e-2, **options}
    trainer = factory(
        factory.Options(**settings), factory.__name__.lower(), resources or FakeResources(policy)
    )
    stage = stage or Stage("conservative", 0, trainer.name, {})
    return trainer.udasa_train(stage, pairs, policy, reference or policy, out_dir, 7, earlier_state)


def outlook(**known: Any) -> Outlook:
    """What a run will meet, as far as trainers look ahead: nothing of its policy is here."""
    return Outlook(Path(), "", False, SamplingOptions(), 0, 8, 0.0, False, lambda: (), **known)

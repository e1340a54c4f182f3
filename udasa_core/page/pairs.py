"""The page's section "Pairs": every prompt with its responses and scores, and what was paired, or why not.

Blocks, as the page's script reads them. A *place* counts from 0: of a prompt among all, of a response among
its prompt's. Prompts stand in the order of rounds and shards.

- `pairs`: `dimensions`, `weights` (theirs), `stages` (labels), `untrained` (by stage, why it is not in the
  model, or ""), `reasons`, `flags` and `origins` (names), `own` (names of the user's columns), `chunk`
  (prompts a block), `texts` (of how many pairs), `refused` (a round after the other, by reason how many
  prompts gave no pair: an earlier version kept no reason by prompt), `lead` (what all prompts begin with),
  and in columns:
  `prompts`: id, round (from 1), the place of its reason in `reasons`, or null;
  `pairs`: id, prompt (place), stage (place in `stages`, or null), reason (place in `reasons`, or null),
  chosen and rejected (places, null for a side from elsewhere), gap, chosen_U, rejected_U, chosen_tokens,
  rejected_tokens, disagreement (0: every dimension has the same gap), flags (bits), weight,
  vote_margin, origin.
- `pair-numbers-N`: of each prompt of the Nth chunk `U`, `tokens`, `cut`, `logprob` by response, `raw` and
  `calibrated` by dimension and response, `why`: who abstained ("U", or a dimension) → a reason by response.
- `pair-texts-N`: of each prompt `messages`, `own`, `texts` and `thoughts` by response, `sides` of pairs from
  elsewhere by pair; null where its texts are left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from udasa_core.page.blocks import CHUNK, Block, chunks
from udasa_core.page.kept import LEFT_OUT, Lead, drawn, prompt_texts
from udasa_core.page.parts import Browser, Part, Prose, Section
from udasa_core.records import Group, Pair, Scores
from udasa_core.store.answered import Shard, answered, dimensions, place_of, reason_of, shards, value_of
from udasa_core.store.output import TRAINING
from udasa_core.store.own import OwnColumns
from udasa_core.store.run_tables import Fates
from udasa_core.store.runs import Run

FLAGS = (
    "chosen cut off",
    "rejected cut off",
    "a dimension prefers the rejected",
    "chosen twice as long",
    "rejected twice as long",
)
# By how much, of a calibrated scale of 1, a dimension's gap is the other way round.
_CONTRARY = 0.1
_PAIR_COLUMNS = (
    *("id", "prompt", "stage", "reason", "chosen", "rejected", "gap", "chosen_U", "rejected_U"),
    *("chosen_tokens", "rejected_tokens", "disagreement", "flags", "weight", "vote_margin", "origin"),
)


def section(run: Run, figures: Mapping[str, Any], *, texts: int) -> Section | None:
    """Return the section; None where no prompt was asked yet."""
    if not figures["responses"]:
        return None
    parts: list[Part] = []
    count = pair_count(run)
    if not texts:
        parts.append(LEFT_OUT)
    elif count > texts:
        parts.append(
            Prose(
                f"Of {count:,} pairs the page has the texts of {texts:,}: those with a flag first, "
                "the others drawn at random. Numbers are of all pairs; all texts lie beside the page, as "
                "Parquet."
            )
        )
    parts.append(
        Browser(
            "pairs",
            {"block": "pairs"},
            "The pairs are shown by a script; `udasa show RUN --pairs N` prints them.",
        )
    )
    return Section("pairs", "Pairs", parts)


def blocks(run: Run, *, texts: int) -> Iterator[Block]:
    """Yield the blocks, one chunk of prompts after the other."""
    labels = [stage.label for stage in run.stages()]
    index = _Index(dimensions(run), _weights(run), {label: place for place, label in enumerate(labels)})
    kept = _kept(run, texts)
    for number, chunk in enumerate(chunks(_prompts(run), CHUNK)):
        told = [index.add(one) for one in chunk]
        yield Block(f"pair-numbers-{number}", told)
        if texts:
            yield Block(
                f"pair-texts-{number}",
                [_texts(one) if kept is None or one.group.prompt.id in kept else None for one in chunk],
            )
    yield Block("pairs", index.plain(run, texts))


def pair_count(run: Run) -> int:
    """Return how many pairs a run's pairing made, those in no stage among them."""
    dropped = sum(len(run.staging(round)["dropped"]) for round in run.rounds())
    return sum(stage.size for stage in run.stages()) + dropped


@dataclass(frozen=True, slots=True)
class _Prompt:
    """One prompt of a round, with all that is told of it."""

    round: int
    group: Group
    scores: Scores | None
    pairs: tuple[Pair, ...]
    fates: tuple[Mapping[str, str | None], ...]
    reason: str | None
    own: Mapping[str, Any]


def _prompts(run: Run) -> Iterator[_Prompt]:
    own = OwnColumns(run, TRAINING, [])
    for output, _ in answered(run, TRAINING):
        fates, only = Fates(run, output.round), _only_reason(run, output.round)
        for shard in shards(run, output):
            cells = own.of(group.prompt.id for group in shard.groups)
            for group in shard.groups:
                yield _prompt(output.round, group, shard, fates, only, cells[group.prompt.id])


def _only_reason(run: Run, round: int) -> str | None:
    """Return why prompts of a round gave no pair, where all that did not have one reason: an earlier version
    kept none by prompt."""
    reasons = list(run.staging(round)["refused"])
    return reasons[0] if len(reasons) == 1 else None


def _prompt(
    round: int, group: Group, shard: Shard, fates: Fates, only: str | None, own: Mapping[str, Any]
) -> _Prompt:
    name = group.prompt.id
    pairs = shard.pairs.get(name, ())
    return _Prompt(
        round,
        group,
        shard.scores.get(name),
        pairs,
        tuple(fates.stage_of(pair.id) for pair in pairs),
        shard.reasons.get(name) or (None if pairs else only),
        own,
    )


def _kept(run: Run, texts: int) -> frozenset[str] | None:
    """Return the prompts whose texts the page has; None for all of them."""
    if not texts or pair_count(run) <= texts:
        return None
    index = _Index(dimensions(run), _weights(run))
    for one in _prompts(run):
        index.add(one)
    pairs, prompts = index.pairs["prompt"], index.prompts["id"]
    return frozenset(prompts[pairs[place]] for place in drawn(index.pairs["flags"], texts))


def _weights(run: Run) -> list[float]:
    return [float(table.get("weight", 1.0)) for table in run.manifest.plain["config"]["dimension"]]


@dataclass(slots=True)
class _Index:
    """The numbers of all pairs, in columns, and what each prompt's own block says."""

    names: Sequence[str]
    weights: Sequence[float]
    stages: dict[str, int] = field(default_factory=dict)
    reasons: dict[str, int] = field(default_factory=dict)
    origins: dict[str, int] = field(default_factory=dict)
    own: dict[str, None] = field(default_factory=dict)
    lead: Lead = field(default_factory=Lead)
    prompts: dict[str, list[Any]] = field(default_factory=lambda: {"id": [], "round": [], "reason": []})
    pairs: dict[str, list[Any]] = field(default_factory=lambda: {name: [] for name in _PAIR_COLUMNS})

    def add(self, one: _Prompt) -> dict[str, Any]:
        """Note a prompt and its pairs; return the numbers of its responses."""
        self.own.update(dict.fromkeys(one.own))
        self.lead.add(one.group.prompt)
        place = len(self.prompts["id"])
        self.prompts["id"].append(one.group.prompt.id)
        self.prompts["round"].append(one.round + 1)
        self.prompts["reason"].append(_place(self.reasons, one.reason))
        for pair, fate in zip(one.pairs, one.fates, strict=True):
            row = self._pair(place, one, pair, fate)
            for name in _PAIR_COLUMNS:
                self.pairs[name].append(row[name])
        return _numbers(one, self.names)

    def _pair(self, place: int, one: _Prompt, pair: Pair, fate: Mapping[str, str | None]) -> dict[str, Any]:
        chosen, rejected = (place_of(side, one.group.responses) for side in (pair.chosen, pair.rejected))
        lengths = len(pair.chosen.token_ids), len(pair.rejected.token_ids)
        gaps = _gaps(one.scores, self.names, chosen, rejected)
        weighed = [gap for gap, weight in zip(gaps, self.weights, strict=True) if gap is not None and weight]
        flags = (
            pair.chosen.finish_reason == "length",
            pair.rejected.finish_reason == "length",
            any(gap < -_CONTRARY for gap in weighed),
            lengths[0] >= 2 * lengths[1],
            lengths[1] >= 2 * lengths[0],
        )
        label = fate["stage"] and (fate["stage"] if not one.round else f"{fate['stage']}@{one.round + 1}")
        return {
            "id": pair.id,
            "prompt": place,
            "stage": _place(self.stages, label),
            "reason": _place(self.reasons, fate["reason"]),
            "chosen": chosen,
            "rejected": rejected,
            "gap": pair.gap,
            "chosen_U": pair.chosen_U,
            "rejected_U": pair.rejected_U,
            "chosen_tokens": lengths[0],
            "rejected_tokens": lengths[1],
            "disagreement": max(weighed) - min(weighed) if len(weighed) > 1 else None,
            "flags": sum(bool(flag) << bit for bit, flag in enumerate(flags)),
            "weight": pair.weight,
            "vote_margin": pair.vote_margin,
            "origin": _place(self.origins, pair.origin),
        }

    def plain(self, run: Run, texts: int) -> dict[str, Any]:
        """Return the block `pairs`."""
        untrained = {stage.label: stage.untrained for stage in run.stages()}
        return {
            "dimensions": list(self.names),
            "weights": list(self.weights),
            "stages": list(self.stages),
            "untrained": [untrained.get(label, "") for label in self.stages],
            "reasons": list(self.reasons),
            "flags": list(FLAGS),
            "origins": list(self.origins),
            "own": list(self.own),
            "chunk": CHUNK,
            "texts": texts,
            "refused": [dict(run.staging(round)["refused"]) for round in run.rounds()],
            "lead": self.lead.text if texts else "",
            "prompts": self.prompts,
            "pairs": self.pairs,
        }


def _place(known: dict[str, int], name: str | None) -> int | None:
    return None if name is None else known.setdefault(name, len(known))


def _gaps(
    scores: Scores | None, names: Sequence[str], chosen: int | None, rejected: int | None
) -> list[float | None]:
    """Return each dimension's own calibrated gap; None where it scored not both sides."""
    if scores is None or chosen is None or rejected is None:
        return [None for _ in names]
    sides = [
        (value_of(scores.calibrated[name][chosen]), value_of(scores.calibrated[name][rejected]))
        for name in names
    ]
    return [None if one is None or other is None else other - one for one, other in sides]


def _numbers(one: _Prompt, names: Sequence[str]) -> dict[str, Any]:
    responses = one.group.responses
    told: dict[str, Any] = {
        "tokens": [len(response.token_ids) for response in responses],
        "cut": [int(response.finish_reason == "length") for response in responses],
        "logprob": [sum(response.logprobs) for response in responses],
    }
    if one.scores is None:
        return told
    columns = {"U": one.scores.U, **{name: one.scores.raw[name] for name in names}}
    why = {name: [reason_of(score) for score in column] for name, column in columns.items()}
    return told | {
        "U": [value_of(score) for score in one.scores.U],
        "raw": [[value_of(score) for score in one.scores.raw[name]] for name in names],
        "calibrated": [[value_of(score) for score in one.scores.calibrated[name]] for name in names],
        "why": {name: reasons for name, reasons in why.items() if any(reasons)},
    }


def _texts(one: _Prompt) -> dict[str, Any]:
    responses = one.group.responses
    told: dict[str, Any] = {
        **prompt_texts(one.group.prompt, one.own),
        "texts": [response.text for response in responses],
    }
    if any(response.thought for response in responses):
        told["thoughts"] = [response.thought for response in responses]
    elsewhere = {
        pair.id: {"chosen": pair.chosen.text, "rejected": pair.rejected.text}
        for pair in one.pairs
        if None in (place_of(pair.chosen, responses), place_of(pair.rejected, responses))
    }
    return told | ({"sides": elsewhere} if elsewhere else {})

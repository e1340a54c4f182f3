"""Which tables of one configuration do not go together, although each is right by itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from pydantic import BaseModel

from udasa_core.config.parse import RunConfig
from udasa_core.errors import Fault

# What a gate or rounds call it.
_ENTROPY = "entropy"


@dataclass(frozen=True, slots=True)
class StageTrainer:
    """The trainer that a stage will have: where its table stands, and its options."""

    path: str
    options: BaseModel


def stage_trainers(
    config: RunConfig, trainers: Mapping[str, BaseModel], stage_names: Sequence[str] | None
) -> list[StageTrainer]:
    """Return the trainers in the order of their stages; where no one knows the stages, the tables' order.

    trainers: the options of each trainer's table, by its path.
    """
    default = config.trainer.path
    if stage_names is None:
        paths = [default, *(table.path for table in config.stage_trainers.values())]
    else:
        own = config.stage_trainers
        paths = [own[name].path if name in own else default for name in stage_names]
    return [StageTrainer(path, trainers[path]) for path in paths if path in trainers]


@dataclass(frozen=True, slots=True)
class PairMaker:
    """The pairing: its name, its options, and the figures that its pairs have, None where it does not say."""

    name: str
    options: BaseModel
    fills: Sequence[str] | None


def combination_faults(
    trainers: Sequence[StageTrainer], pairing: PairMaker, *, quantized: bool
) -> Iterator[Fault]:
    """Yield what cannot be: options that have to be alike and are not, figures of the pairs that a trainer
    reads and nothing fills, and one by which pairing and trainer both weigh.

    quantized: whether the policy's weights are.
    """
    names = dict.fromkeys(name for one in trainers for name in getattr(one.options, "common_to_stages", ()))
    for name in names:
        having = [one for one in trainers if hasattr(one.options, name)]
        first, *others = having
        told: set[str] = set()
        for other in others:
            wanted, found = (_comparable(getattr(one.options, name)) for one in (first, other))
            if found != wanted and other.path not in told:
                told.add(other.path)
                yield Fault(
                    f"{other.path}.{name}",
                    f"is {found!r}, and [{first.path}] has {wanted!r}: a stage goes on with what the one "
                    "before it left",
                    f"give {name} for all stages alike",
                )
    for one in dict.fromkeys(trainers):
        if quantized and getattr(one.options, "peft", "") == "none":
            yield Fault(
                f"{one.path}.peft",
                "trains the model's own weights, which [model] quantization keeps in 4 bits",
                'leave out [model] quantization, or write peft = "lora"',
            )
        for column in getattr(one.options, "pair_figures", ()):
            if pairing.fills is not None and column not in pairing.fills:
                yield Fault(
                    one.path,
                    f"asks for the pairs' {column}, which the pairing {pairing.name!r} does not fill",
                    "choose another [pairing], or what this table takes it for",
                )
        weighted_by = getattr(one.options, "weighted_by", "")
        if weighted_by and weighted_by == getattr(pairing.options, "weighted_by", ""):
            yield Fault(
                one.path,
                f"multiplies each pair's loss by its {weighted_by}, and so does the pairing "
                f"{pairing.name!r}: it would count twice",
                "let only one of the two weigh by it",
            )


def entropy_faults(
    config: RunConfig, generator: BaseModel, dimensions: Mapping[str, BaseModel]
) -> Iterator[Fault]:
    """Yield what goes by entropies where the generator gives none.

    generator: its options. dimensions: those of each, by its table's path.
    """
    if getattr(generator, "gives_entropies", True):
        return
    going = [path for path, options in dimensions.items() if getattr(options, "needs_entropies", False)]
    going += [f"gate.{_ENTROPY}"] if any(gate.figure == _ENTROPY for gate in config.gates) else []
    going += ["rounds.until"] if config.rounds.until == _ENTROPY else []
    for path in going:
        yield Fault(
            path,
            f"goes by entropies, and the generator {config.generator.name!r} gives none",
            'write entropies = "rescore" under [generator], or take another figure',
        )


def entropy_caution(config: RunConfig, generator: BaseModel) -> Iterator[str]:
    """Yield that the guard does without one of its signs, where the generator gives no entropies."""
    if not getattr(generator, "gives_entropies", True) and "guard" in config.raw:
        yield (
            f"generator {config.generator.name!r} gives no entropies, so that the guard goes by its other "
            'signs alone: entropies = "rescore" gives it this one'
        )


def rounds_faults(config: RunConfig, stages: BaseModel) -> Iterator[Fault]:
    """Yield why there cannot be so many rounds. stages: the options of the stage policy."""
    why = getattr(stages, "first_round_alone", "")
    if why and config.rounds.count > 1:
        yield Fault(
            "rounds.count",
            f"is {config.rounds.count}, and [stages] can stage the first round's pairs alone: {why}",
            "leave [rounds] out, or choose other stages",
        )


def ungapped_faults(pairing: PairMaker, stages: BaseModel) -> Iterator[Fault]:
    """Yield that stages would drop all pairs, as none of them has a gap, and what to write.

    stages: the options of the policy.
    """
    instead = getattr(stages, "drops_ungapped", "")
    if pairing.fills is not None and "gap" not in pairing.fills and instead:
        yield Fault(
            "stages",
            f"drops pairs that have no gap, and those of the pairing {pairing.name!r} have none, since U "
            "does not choose them: none would be left to train on",
            f"name stages that take them, such as [stages] {instead}",
        )


def combination_cautions(
    config: RunConfig, trainers: Sequence[StageTrainer], stage_names: Sequence[str] | None
) -> Iterator[str]:
    """Yield sentences on what does nothing, or not what it seems to do."""
    if stage_names is None:
        return
    first = stage_names[0]
    if len(stage_names) == 1 and config.training_of(first).replay:
        yield f"replay: there is the stage {first!r} alone, and none before it whose pairs could be replayed"
    elif first in config.stage_training and "replay" in config.raw["trainer"][first]:
        yield f"trainer.{first}: replay does nothing in the first stage"
    kept = [getattr(one.options, "keep_optimizer", False) for one in trainers]
    for number, (before, after) in enumerate(pairwise(kept)):
        if after and not before:
            yield (
                f"keep_optimizer: the stage {stage_names[number + 1]!r} begins at 0 all the same, for "
                "the one before it leaves no moments"
            )


def _comparable(value: Any) -> Any:
    """Return a value in which the order of a list does not matter."""
    return sorted(value) if isinstance(value, tuple | list) else value

"""The verdict of a probe: train, change this first, or do not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from udasa_core.config.parse import RunConfig
from udasa_core.probing.draws import Draws
from udasa_core.probing.headroom import Headroom
from udasa_core.report.written import share
from udasa_core.store.agreed import Agreements

# Where no two responses agree in more than half of the prompts, there is no consistency to go by.
_NOISE = 0.5
# Above these shares of prompts two draws' pairs are noise: by chance alone inverted ones are half.
_FLIPS, _INVERTED = 0.5, 0.15
_CUT_OFF = 0.5
# Where more of the pairs rest on less than half of the weight, U is another one than was configured.
_FAINT = 0.25
# With fewer prompts, or pairs, a share says little.
_FEW = 10
# Below these differences of accuracy there is nothing to gain.
_HEADROOM = 0.02
# With fewer pairs a training shows that it runs, and nothing else.
_FEW_PAIRS = 100


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was found: "stop" speaks against training, "change" asks for something else first,
    "note" is to be known."""

    kind: Literal["stop", "change", "note"]
    text: str


def verdict(found: tuple[Finding, ...]) -> str:
    """Return the verdict in words."""
    kinds = {finding.kind for finding in found}
    if "stop" in kinds:
        return "do not train this"
    return "change this first" if "change" in kinds else "train"


def findings(
    config: RunConfig,
    *,
    prompts: int,
    paired: int,
    refused: Counter[str],
    faint: Counter[str],
    truncated: float,
    agreements: Agreements,
    draws: Draws | None,
    headroom: Headroom | None,
    unlabelled: Mapping[str, int],
    training: int,
) -> tuple[Finding, ...]:
    """Say what speaks against a run as it is configured, what is to be changed, and what is to be known.

    The gravest first. The arguments are what `Probe` says of them; unlabelled: how many labelled prompts
    were left out, by the reason; training: how many prompts the run would train on.
    """
    found = [
        *_of_pairs(config, prompts, paired, refused, training),
        *_of_faint(config, paired, faint),
        *_of_agreement(config, agreements),
        *_of_draws(config, draws),
        *_of_headroom(headroom),
        *(
            Finding("note", f"{count} labelled prompts were left out: {reason}")
            for reason, count in unlabelled.items()
        ),
    ]
    if truncated > _CUT_OFF:
        told = f"{share(truncated)} of the responses are cut off at {config.sampling.max_new_tokens} tokens"
        found.append(Finding("change", f"{told}: raise generator.max_new_tokens, or ask for short answers"))
    order = ("stop", "change", "note")
    return tuple(sorted(found, key=lambda finding: order.index(finding.kind)))


def _of_pairs(
    config: RunConfig, prompts: int, paired: int, refused: Counter[str], training: int
) -> Iterator[Finding]:
    if not paired or paired < config.training.min_paired * prompts:
        reason = f"; most often: {refused.most_common(1)[0][0]}" if refused else ""
        yield Finding("change", f"only {paired} of {prompts} prompts give a pair{reason}")
    pairs = round(paired / prompts * training)
    if paired and pairs < _FEW_PAIRS:
        yield Finding(
            "note", f"about {pairs} pairs are enough to see that everything runs, and prove nothing about it"
        )


def _of_faint(config: RunConfig, paired: int, faint: Counter[str]) -> Iterator[Finding]:
    count = faint.total()
    if not count:
        return
    weights = {one.name: one.weight for one in config.dimensions}
    names = faint.most_common(1)[0][0]
    heard = sum(weights[name] for name in names.split(", "))
    told = f"{count} of {paired} pairs rest on {names} alone (weight {heard:g} of {sum(weights.values()):g})"
    yield Finding(
        "change" if count > _FAINT * paired else "note",
        f"{told}, since the others abstain: ask for short answers, or give such prompts a dimension that "
        "reads whole texts",
    )


def _of_agreement(config: RunConfig, agreements: Agreements) -> Iterator[Finding]:
    if agreements.compared < _FEW:
        yield Finding("note", f"only {agreements.compared} of the prompts have answers to compare")
        return
    temperature = f"generator.temperature (now {config.sampling.temperature:g})"
    if agreements.rate > config.clusters.bound:
        told = f"in {share(agreements.rate)} of the prompts all responses give one answer"
        instead = {one.fall_back for one in config.dimensions if one.fall_back}
        if instead:
            yield Finding("note", f"{told}: there {', '.join(sorted(instead))} orders them, which tells less")
        else:
            yield Finding(
                "change",
                f"{told}, and comparing them orders nothing: raise {temperature}, or give the dimensions "
                "that compare a fall_back that reads tokens (factual.nll)",
            )
    if agreements.none > _NOISE * agreements.compared:
        told = f"in {share(agreements.none / agreements.compared)} of the prompts no two responses agree"
        yield Finding(
            "change",
            f"{told}: lower {temperature}, or take a model that knows more of this",
        )


def _of_draws(config: RunConfig, draws: Draws | None) -> Iterator[Finding]:
    if draws is None or draws.both < _FEW:
        return
    flips, inverted = draws.chosen_flips / draws.both, draws.inverted / draws.both
    if inverted > _INVERTED or flips > _FLIPS:
        yield Finding(
            "change",
            f"drawn again, {share(flips)} of the pairs choose another answer, {share(inverted)} are turned "
            f"round: have responses compared with more (generator.voters, now {config.voters}), or more of "
            f"them (generator.responses, now {config.sampling.responses})",
        )


def _of_headroom(headroom: Headroom | None) -> Iterator[Finding]:
    if headroom is None:
        yield Finding("note", "nothing here says whether answers are right: label some responses (--data)")
        return
    one, greedy, majority = headroom.one, headroom.greedy, headroom.majority
    if one.n < _FEW:
        yield Finding("note", f"only {one.n} of the prompts have labels: their shares say little")
        return
    if headroom.any.value - one.value < _HEADROOM:
        told = (
            f"one response is right as often ({share(one.value)}) as any of K ({share(headroom.any.value)})"
        )
        yield Finding("stop", f"{told}: there is nothing to gain")
    elif headroom.gain.value < _HEADROOM:
        yield Finding(
            "stop",
            f"the majority's answer is right in {share(majority.value)}, one response in {share(one.value)}: "
            "agreement has nothing to teach here",
        )
    elif greedy is not None and greedy.value >= majority.value:
        yield Finding(
            "note",
            f"greedy decoding, which costs nothing, is right in {share(greedy.value)}, the majority in "
            f"{share(majority.value)}: compare what is trained with that",
        )

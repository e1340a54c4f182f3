"""Some of a run's prompts, sampled and paired twice as the run would, and what they say of it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Container, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from udasa_core.api import Configuration, load, read_configuration
from udasa_core.check.estimate import estimate
from udasa_core.config.parse import RunConfig
from udasa_core.errors import FewPairsError, NoPairsError, UdasaError, UsageError
from udasa_core.experiments.open_run import OpenRun
from udasa_core.experiments.outputs import Paired, Scored
from udasa_core.experiments.steps import Steps
from udasa_core.job.job import log
from udasa_core.plugins.catalog import read_catalog
from udasa_core.plugins.stack import takes_any_prompt
from udasa_core.probing.cost import Cost, cost
from udasa_core.probing.draws import Draws, compare
from udasa_core.probing.headroom import Headroom, headroom
from udasa_core.probing.verdict import Finding, findings, verdict
from udasa_core.prompts.labelled import Labelled, labelled
from udasa_core.records import Abstain, Pair, Prompt
from udasa_core.running.costs import peak_memory
from udasa_core.store.agreed import Agreements, counted
from udasa_core.store.output import TRAINING

# A temperature at which the most likely token is drawn; a run samples at least two responses.
_GREEDY = {"temperature": 0.01, "responses": 2, "voters": 0}


@dataclass(frozen=True, slots=True)
class Probe:
    """What some of a run's prompts say of it.

    prompts: how many were asked, of `of` that the run would train on. paired: how many gave a pair, refused:
    the others, by reason. faint: pairs that rest on dimensions with less than half of the weight, since the
    others abstained, by which these are. truncated: share of responses that the token budget cut off.
    draws: None where responses are recorded, and cannot be drawn twice.
    headroom: where labels were given. memory: as `udasa check` estimates it, by part.
    """

    name: str
    prompts: int
    of: int
    paired: int
    refused: Mapping[str, int]
    faint: Mapping[str, int]
    truncated: float
    agreements: Agreements
    draws: Draws | None
    headroom: Headroom | None
    cost: Cost
    memory: Mapping[str, str]
    verdict: str
    findings: tuple[Finding, ...]

    def plain(self) -> dict[str, Any]:
        """Return all of it as plain JSON data, figures that do not exist as None."""
        plain = asdict(self)
        plain["agreements"]["rate"] = self.agreements.rate
        return {key: _finite(value) for key, value in plain.items()}


def probe(
    configuration: Configuration = None,
    overrides: Sequence[str] = (),
    *,
    prompts: int = 50,
    data: Path | str | None = None,
) -> Probe:
    """Sample, score and pair some of a run's training prompts, twice, and say whether the run is worth it.

    prompts: how many at least: whole shards are taken, evenly over the training prompts, so that `udasa run`
    finds in the store what the first draw sampled and scored (calibration, and so U and pairs, it makes of
    all prompts). data: labelled responses to some of the run's prompts (JSONL of prompt, responses, labels);
    shards that have them come first. Where the generator has its responses already, they are drawn once, and
    nothing is said of how stable pairs are.

    It is a run of its own beside the run, <name>-probe, in the same store. Nothing is trained. Raises what
    `udasa_core.run` raises before training, and UsageError where no labelled prompt is among the run's.
    """
    catalog = read_catalog()
    read = read_configuration(configuration, overrides)
    config = load(read, catalog=catalog)
    labels = {one.prompt: one for one in labelled(Path(data))} if data is not None else {}
    anew = takes_any_prompt(config, catalog)
    steps, name = Steps(config.run.folder, read, catalog=catalog), f"{config.run.name}-probe"
    with steps.run(read.raw, name) as run:
        chosen = _chosen(run, prompts, labels, config)
        before = _earlier(run)
        first, paired, seconds = _drawn(run, chosen, 0, None)
        _stage(run, paired, name)
        again = None
        if anew:
            # The models are loaded by now: what this draw takes, each further one takes.
            second, paired_again, seconds = _drawn(run, chosen, 1, first)
            again = second, paired_again
        measured = {**seconds, **peak_memory()} if seconds else before
        run.tell(probe=measured)
        sizes = run.sizes
        unlabelled = _unlabelled(run, chosen, prompts, labels)
        groups = [group for group, _ in first]
        drawn = [response for group in groups for response in group.responses]
        pairs, refused = list(paired), paired.refused()
        draws = _compared(first, pairs, *again) if again else None
        faint = _faint(first, {one.prompt.id for one in pairs}, run.weights)
    greedy = _greedy(steps, read.raw, name, chosen) if labels and anew else None
    agreements = counted(first.agreement())
    truncated = sum(one.finish_reason == "length" for one in drawn) / len(drawn)
    found = headroom(list(first), labels, greedy, config.run.seed) if labels else None
    costs = cost(groups, pairs, sizes, measured)
    told = findings(
        config,
        prompts=len(groups),
        paired=len(pairs),
        refused=refused,
        faint=faint,
        truncated=truncated,
        agreements=agreements,
        draws=draws,
        headroom=found,
        unlabelled=unlabelled,
        training=sizes[TRAINING],
    )
    memory = {one.name: one.value for one in estimate(config, catalog) if one.name.startswith("memory")}
    return Probe(
        name,
        len(groups),
        sizes[TRAINING],
        len(pairs),
        dict(refused),
        dict(faint),
        truncated,
        agreements,
        draws,
        found,
        costs,
        memory,
        verdict(told),
        told,
    )


def _chosen(run: OpenRun, prompts: int, labels: Mapping[str, Labelled], config: RunConfig) -> tuple[int, ...]:
    """Return the numbers of the shards to ask: those with most labelled prompts first, else evenly."""
    shards = list(run.shards())
    count = min(len(shards), -(-prompts // config.run.shard_size))
    known = [sum(question(prompt) in labels for prompt in shard) for shard in shards]
    if labels and not any(known):
        raise UsageError(
            f"none of the {len(labels)} labelled prompts is among the {sum(map(len, shards))} that the run "
            "trains on; label some of those, word for word"
        )
    even = [place * len(shards) // count for place in range(count)]
    first = sorted(range(len(shards)), key=lambda number: -known[number])[:count] if labels else even
    return tuple(sorted(first))


def _unlabelled(
    run: OpenRun, chosen: Sequence[int], prompts: int, labels: Mapping[str, Labelled]
) -> dict[str, int]:
    """Count the labelled prompts that were not asked, by the reason."""
    shards = [{question(prompt) for prompt in shard} & labels.keys() for shard in run.shards()]
    there: set[str] = set().union(*shards)
    asked: set[str] = set().union(*(shards[number] for number in chosen))
    counts = {
        "the run does not train on them (held out, set aside, or worded otherwise)": len(labels) - len(there),
        f"--prompts {prompts} asks for no more": len(there - asked),
    }
    return {reason: count for reason, count in counts.items() if count}


def question(prompt: Prompt) -> str:
    """Return what a prompt asks: its last message."""
    return prompt.messages[-1].content


def _drawn(
    run: OpenRun, shards: Sequence[int], draw: int, calibrated_as: Scored | None
) -> tuple[Scored, Paired, dict[str, float]]:
    """Sample, score and pair; the last is what each took in seconds, empty where the store had some of it."""
    seconds: dict[str, float] = {}
    made, start = run.made, time.perf_counter()
    sampled = run.sample(shards=shards, draw=draw)
    seconds["sampling"] = time.perf_counter() - start
    anew, start = run.made - made, time.perf_counter()
    scored = run.score(sampled, calibrated_as=calibrated_as)
    seconds["scoring"] = time.perf_counter() - start
    blocks = len(shards) * (1 + len(sampled.shards.voters))
    return scored, run.pair(scored), seconds if anew == blocks else {}


def _stage(run: OpenRun, paired: Paired, name: str) -> None:
    """Have the pairs lie where `udasa show` and `udasa export` look for them: in the run's stages."""
    try:
        run.stage(paired)
    except (NoPairsError, FewPairsError):
        pass  # the verdict tells of it
    except UdasaError as error:
        # A policy that needs all of the run's pairs, say: no reason to say nothing of these.
        log.warning("these pairs are in no stage, so that `udasa show %s --pairs` has none: %s", name, error)


def _compared(first: Scored, pairs: Sequence[Pair], second: Scored, again: Paired) -> Draws:
    """Compare the pairs of the prompts that have answers to compare in both draws."""
    both = _answered(first) & _answered(second)
    return compare(
        [one for one in pairs if one.prompt.id in both], [one for one in again if one.prompt.id in both]
    )


def _answered(scored: Scored) -> set[str]:
    """Return the prompts that have answers to compare."""
    return {one.prompt_id for one in scored.agreement() if one.agreement is not None}


def _faint(scored: Scored, paired: Container[str], weights: Mapping[str, float]) -> Counter[str]:
    """Count paired prompts in which less than half of the weight speaks, by the dimensions that do."""
    found: Counter[str] = Counter()
    for group, scores in scored:
        speaking = [
            name
            for name, column in scores.calibrated.items()
            if weights[name] and not all(isinstance(score, Abstain) for score in column)
        ]
        heard = sum(weights[name] for name in speaking)
        if group.prompt.id in paired and heard < sum(weights.values()) / 2:
            found[", ".join(speaking)] += 1
    return found


def _earlier(run: OpenRun) -> dict[str, float]:
    """Return what an earlier probe of this configuration measured."""
    found: dict[str, float] = dict(run.told("probe") or {})
    return found


def _greedy(steps: Steps, raw: Mapping[str, Any], name: str, shards: Sequence[int]) -> dict[str, str]:
    """Return the greedy response to each prompt, by its id."""
    plain = {**raw, "generator": {**raw["generator"], **_GREEDY}}
    with steps.run(plain, f"{name}-greedy") as run:
        return {group.prompt.id: group.responses[0].text for group in run.sample(shards=shards)}


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _finite(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(one) for one in value]
    return None if isinstance(value, float) and value != value else value

"""A run as it lies on disk: what `show`, `export` and a notebook read."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from udasa_core.errors import UdasaError, UsageError
from udasa_core.records import Adapter, ModelRef, Pair, Scores
from udasa_core.sources.digests import ADAPTER, MODEL
from udasa_core.store.decisions import Decision
from udasa_core.store.items import by_item, is_mean
from udasa_core.store.manifest import Manifest
from udasa_core.store.meters import figures_by_prompt, moves_by_prompt
from udasa_core.store.output import BASE, HELD_OUT, Output
from udasa_core.store.store import Store, stage_label
from udasa_core.store.tables import read_pairs, scores_from


@dataclass(frozen=True, slots=True)
class StageSummary:
    """One stage of a run: its pairs file, and what its trainer reported.

    trained: False where it was skipped, for the reason in `skipped`, or is not trained yet. adapter, model:
    where what was trained lies, the one or the other. round: from 0. rolled_back: whether a gate, or the
    guard, had the run go on from before it.
    """

    name: str
    size: int
    pairs: Path
    trained: bool
    skipped: str
    trainer: str
    metrics: Mapping[str, float]
    history: tuple[Mapping[str, float], ...]
    adapter: Path | None
    model: Path | None
    round: int = 0
    rolled_back: bool = False

    @property
    def label(self) -> str:
        """What it is called in the whole run: "moderate@2" in the second round."""
        return stage_label(self.name, self.round)


def trained(policy: ModelRef, report: Mapping[str, Any], folder: Path) -> ModelRef:
    """Return what a stage made of a policy, by the core's report in the stage's folder."""
    # Reports of earlier versions know of adapters alone.
    if report.get(MODEL):
        return policy.with_weights(report[MODEL], str(folder / MODEL))
    return policy.with_adapter(Adapter(report[ADAPTER], str(folder / ADAPTER)))


class Run:
    """A run's folder, opened for reading.

    made: outputs that the call which returned this Run made anew; 0 where everything was in the store.
    """

    def __init__(self, folder: Path | str, *, made: int = 0) -> None:
        """Raises UdasaError where the folder holds no manifest."""
        self.folder = Path(folder)
        self.made = made
        self.manifest = Manifest.read(self.folder)
        root = (self.folder / self.manifest.plain["store"]).resolve()
        self.store = Store(root, undigested=self.manifest.is_undigested)

    @property
    def name(self) -> str:
        """The run's name."""
        return str(self.manifest.plain["name"])

    @property
    def status(self) -> str:
        """running, finished, failed or interrupted."""
        return str(self.manifest.plain["status"])

    @property
    def base(self) -> ModelRef:
        """The base policy."""
        return ModelRef.from_json(self.manifest.plain["models"]["base"])

    def keys(self, output: Output) -> list[str]:
        """Return the fingerprints of one output, a shard each; none where the run has not come that far."""
        entry = self.manifest.find(output)
        return list(entry["keys"]) if entry else []

    def artifacts(self) -> Iterator[tuple[str, Path, int]]:
        """Yield each output's label, the folder that it lies in, and how many files it has."""
        for entry in self.manifest.outputs():
            yield entry["label"], self.store.root / entry["step"], len(entry["keys"])

    def scores(self, split: str = "training") -> Iterator[Scores]:
        """Yield the base policy's scores, prompt by prompt."""
        for key in self.keys(Output("aggregate", split)):
            yield from scores_from(self.store.read_table("aggregate", key))

    def rounds(self) -> range:
        """Return the numbers of the rounds that have come as far as stages, from 0."""
        count = 0
        while self.keys(Output("stage", round=count)):
            count += 1
        return range(count)

    def staging(self, round: int = 0) -> Mapping[str, Any]:
        """Return a round's stage plan: "stages" (name, size, pairs), "dropped" and "refused" counts."""
        keys = self.keys(Output("stage", round=round))
        return (
            self.store.read_json("stage", keys[0]) if keys else {"stages": [], "dropped": [], "refused": {}}
        )

    def stages(self) -> tuple[StageSummary, ...]:
        """Return the stages of all rounds, in training order."""
        skipped: Mapping[str, str] = self.manifest.plain.get("skipped", {})
        due = {(one["stage"], one["action"]) for one in self.decisions() if one["verdict"] == "tripped"}
        found: list[StageSummary] = []
        stopped = ""
        for round in self.rounds():
            missed = self._missed(round)
            for plan in self.staging(round)["stages"]:
                label = stage_label(plan["name"], round)
                told = skipped.get(label, "") or (stopped and f"the run ended after {stopped}") or missed
                found.append(self._stage(plan, round, told, is_undone=(label, "rollback") in due))
                stopped = label if (label, "stop") in due else stopped
        return tuple(found)

    def _missed(self, round: int) -> str:
        """Say why a round that was begun trained nothing, in a finished run ("" where it was made)."""
        told = self.manifest.plain.get("rounds", {})
        is_missed = self.status == "finished" and round >= told.get("made", round + 1)
        return str(told["ended"]) if is_missed else ""

    def _stage(self, plan: Mapping[str, Any], round: int, skipped: str, *, is_undone: bool) -> StageSummary:
        keys = self.keys(Output("train", round=round, instance=plan["name"]))
        trained = bool(keys) and not skipped and self.store.has("train", keys[0], "")
        report = self.store.read_json("train", f"{keys[0]}/stage") if trained else {}
        # What a trainer itself skipped is in the manifest only once the run has finished.
        skipped = skipped or report.get("skipped", "")
        trained = trained and not skipped
        folder = self.store.path("train", keys[0], "") if trained else None
        return StageSummary(
            name=plan["name"],
            size=plan["size"],
            pairs=self.store.path("stage", plan["pairs"]),
            trained=trained,
            skipped=skipped,
            trainer=report.get("trainer", ""),
            metrics=report.get("metrics", {}),
            history=tuple(report.get("history", ())),
            adapter=folder / ADAPTER if folder and not report.get(MODEL) else None,
            model=folder / MODEL if folder and report.get(MODEL) else None,
            round=round,
            rolled_back=folder is not None and is_undone,
        )

    def pairs(self) -> Iterator[tuple[str, Pair]]:
        """Yield (stage's label, pair) for every pair, in training order of the stages."""
        for stage in self.stages():
            for pair in read_pairs(stage.pairs):
                yield stage.label, pair

    def whole(self, *, unfinished: bool = False) -> Run:
        """Return the run itself. Raises UdasaError where it is not finished, unless `unfinished` is fine."""
        if self.status != "finished" and not unfinished:
            raise UdasaError(
                f"run {self.name} is not finished (status: {self.status}), so what it has may be half of it, "
                "or of another configuration; finish it with `udasa run`, or take it as it is: --unfinished"
            )
        return self

    def aligned(self, *, unfinished: bool = False) -> ModelRef:
        """Return the model after the last trained stage that was not rolled back.

        Raises StoreError where it is not what was trained, and UdasaError where no stage is trained, or the
        run is not finished; with `unfinished` the last stage that is trained so far counts.
        """
        self.whole(unfinished=unfinished)
        stages = [stage for stage in self.stages() if stage.trained]
        standing = [stage for stage in stages if not stage.rolled_back]
        if stages and not standing:
            raise UdasaError(
                f"run {self.name} left the base as it was: each of its stages was rolled back; "
                f"`udasa show {self.name}` tells by which gate"
            )
        if not standing:
            raise UdasaError(f"run {self.name} has trained no stage (status: {self.status})")
        return self.policy(standing[-1].label)

    def policy(self, label: str) -> ModelRef:
        """Return the model that a stage left, rolled back or not. label: "moderate", "moderate@2" in round 2,
        or "base".

        Raises StoreError where it is not what was trained, UsageError where there is no such stage, and
        UdasaError where it is not trained.
        """
        if label == BASE:
            return self.base
        stage = self._labelled(label)
        whole = stage.adapter or stage.model
        if whole is None:
            why = stage.skipped or f"status: {self.status}"
            raise UdasaError(f"run {self.name} has not trained stage {label} ({why})")
        folder = whole.parent
        self.store.check("train", folder.name, "")
        return trained(self.base, self.store.read_json("train", f"{folder.name}/stage"), folder)

    def _labelled(self, label: str) -> StageSummary:
        stages = {stage.label: stage for stage in self.stages()}
        if label not in stages:
            there = ", ".join([BASE, *stages])
            raise UsageError(f"run {self.name} has no stage {label!r}; there are {there}")
        return stages[label]

    def meters(self, label: str) -> Mapping[str, Mapping[str, float]]:
        """Return the figures of the held-out prompts under a policy ("base", or a stage's): figure → prompt
        id → value, prompts without one left out. None of them where nothing is held out.

        Raises UsageError where there is no such stage, and UdasaError where they were not measured: only the
        base and what a round leaves are, unless [transitions], a gate or the guard asks for each stage.
        """
        for output in self._metered(label):
            for key in self.keys(output):
                if self.store.has("meters", key):
                    return figures_by_prompt(self.store.read_table("meters", key))
        raise UdasaError(
            f"run {self.name} has no figures of the held-out prompts after {label}: they are measured under "
            "every stage's policy with [transitions] measure = true"
        )

    def _metered(self, label: str) -> Iterator[Output]:
        """Yield where a policy's meters may lie."""
        if label == BASE:
            yield Output("meters", HELD_OUT)
            return
        stage = self._labelled(label)
        yield Output("meters", HELD_OUT, stage.round, policy=label)
        standing = [one for one in self.stages() if one.trained and not one.rolled_back]
        left = {one.round: one.label for one in standing}
        if left.get(stage.round) == label:
            yield Output("meters", HELD_OUT, stage.round + 1)

    def pair_moves(self, label: str) -> Mapping[str, tuple[float, float]]:
        """Return how a stage's policy reads the pairs of its round up to its own stage, as far as they were
        read: prompt id → the mean log-probability of its chosen responses, in nats, and the share of its
        pairs whose chosen response gained on the rejected one against the base, ½ where neither gained.

        Raises UsageError where there is no such stage.
        """
        stage = self._labelled(label)
        read = []
        for one in self.stages():
            outputs = [
                Output("pair-logprobs", round=stage.round, instance=one.name, policy=policy)
                for policy in (BASE, label)
            ]
            keys = [key for output in outputs for key in self.keys(output)]
            if one.round == stage.round and len(keys) == len(outputs):
                base, policy = (self.store.read_table("pair-logprobs", key) for key in keys)
                read.append((base, policy))
        return moves_by_prompt(read)

    def changes(self) -> tuple[Mapping[str, Any], ...]:
        """Return the held-out figures of the base and of what the last round left: name, before, after, low,
        high, n."""
        last = max(
            (entry["round"] for entry in self.manifest.outputs() if entry["step"] == "evaluate"), default=0
        )
        keys = self.keys(Output("evaluate", round=last))
        if not keys or not self.store.has("evaluate", keys[0], ".json"):
            return ()
        return tuple(self.store.read_json("evaluate", keys[0])["changes"])

    def transitions(self, against: Literal["previous", "round"] = "previous") -> Iterator[Mapping[str, Any]]:
        """Yield what each stage did ("previous"), or each round, in order: round (from 0), the labels of the
        policies before and after, and the moves, as `Move` has them."""
        for output, plain in self._told("transition"):
            if output.policy == against:
                yield {"round": output.round, **plain}

    def decisions(self) -> Iterator[Mapping[str, Any]]:
        """Yield what gates and the guard decided, in order: round (from 0), the labels of the stage and of
        the policy before it ("was"), verdict, and the evidence, as `Decision` has it."""
        for output, plain in self._told("gate", "guard"):
            for one in map(Decision.from_json, plain["decisions"]):
                labels = {"stage": plain["stage"], "was": plain["was"]}
                told = {"round": output.round, **labels, "verdict": one.verdict}
                yield {**told, **one.to_json()}

    def _told(self, *steps: str) -> Iterator[tuple[Output, Mapping[str, Any]]]:
        """Yield some steps' outputs that are there, in the order in which they were pointed at."""
        for entry in self.manifest.outputs():
            output = Output.from_json(entry)
            for key in entry["keys"] if output.step in steps else ():
                if self.store.has(output.step, key, ".json"):
                    yield output, self.store.read_json(output.step, key)

    def controls(self) -> tuple[Mapping[str, Any], ...]:
        """Return each dimension's figures on the control prompts, as `ControlFigures` has them."""
        for step in ("controls", "alarm"):  # in stores of format 1 it was "alarm"
            keys = self.keys(Output(step))
            if keys and self.store.has(step, keys[0], ".json"):
                return tuple(self.store.read_json(step, keys[0])["dimensions"])
        return ()

    def suites(self) -> Mapping[str, Any]:
        """Return each suite's figures by model."""
        found: Mapping[str, Any] = self.manifest.plain.get("suites", {})
        return found

    def remarks(self) -> tuple[str, ...]:
        """Return what generator and judge remarked of what shaped their answers, in sentences, each once: a
        setting that a server refused, say."""
        found: set[str] = set()
        for entry in self.manifest.outputs():
            step = entry["step"]
            for key in entry["keys"] if step in ("sample", "suite") else ():
                if step == "sample" and self.store.has(step, key):
                    found.update(self.store.read_metadata(step, key).get("remarks", ()))
                elif step == "suite" and self.store.has(step, key, ".json"):
                    found.update(self.store.read_json(step, key).get("remarks", ()))
        return tuple(sorted(found))

    def suite_rows(self, suite: str, model: str) -> list[dict[str, Any]]:
        """Return what a suite kept of each item for one model ("base", a stage); none where it has not run.

        Lists and mappings are JSON text.
        """
        keys = self.keys(Output("suite", instance=suite, policy=model))
        if not keys or not self.store.has("suite", keys[0], ".json"):
            return []
        rows: list[dict[str, Any]] = self.store.read_table("suite", keys[0]).to_pylist()
        return rows

    def suite_items(self, suite: str, model: str) -> dict[str, dict[str, float]]:
        """Return a suite's figures for one model by item: "score", and each metric that a column of the rows
        (of its name, or the score) has as its mean; name → item's id → value."""
        rows = self.suite_rows(suite, model)
        score = by_item(rows, "score")
        found = {"score": score}
        for metric in self.suites().get(suite, ()):
            if metric["model"] == model:
                held = (one for one in (by_item(rows, metric["name"]), score) if is_mean(one, metric))
                found[metric["name"]] = next(held, {})
        return {name: values for name, values in found.items() if values}


def find_run(name: str, folder: Path | str = "runs") -> Run:
    """Open a run by its folder, or by its name under `folder`. Raises UsageError where there is none."""
    given, named = Path(name), Path(folder) / name
    for place in (given, named):
        if (place / "manifest.json").exists():
            return Run(place)
    if given.is_dir():
        raise UsageError(f"{given} is no run: it has no manifest.json")
    found = sorted(path.parent.name for path in Path(folder).glob("*/manifest.json"))
    close = difflib.get_close_matches(name, found, n=1)
    if close:
        hint = f'did you mean "{close[0]}"?'
    else:
        hint = f"runs in {folder}: {', '.join(found)}" if found else "`udasa run` makes one"
    raise UsageError(f"there is no run {name!r}, neither as a folder nor in {folder}; {hint}")

"""A run's folder: its manifest, its outputs by key, and its stages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from udasa_core.errors import UsageError
from udasa_core.records import Adapter, ModelRef, Scores
from udasa_core.sources.digests import ADAPTER, MODEL
from udasa_core.store.decisions import Decision
from udasa_core.store.manifest import Manifest
from udasa_core.store.output import BASE, SPLITS, STEPS, Output
from udasa_core.store.store import Store, stage_label
from udasa_core.store.tables import scores_from


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

    @property
    def untrained(self) -> str:
        """Why nothing of it is in the model that the run left; "" where that is not known, or not so."""
        return self.skipped or ("the stage was rolled back" if self.rolled_back else "")


def trained(policy: ModelRef, report: Mapping[str, Any], folder: Path) -> ModelRef:
    """Return what a stage made of a policy, by the core's report in the stage's folder."""
    # Reports of earlier versions know of adapters alone.
    if report.get(MODEL):
        return policy.with_weights(report[MODEL], str(folder / MODEL))
    return policy.with_adapter(Adapter(report[ADAPTER], str(folder / ADAPTER)))


class RunFolder:
    """What lies in a run's folder, opened for reading; `Run` has what is told of it."""

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
        """Return the fingerprints of one output, a shard each; none where the run has not come that far.

        Raises UsageError where it is no `Output`, or of a step or split that no run has.
        """
        if not isinstance(output, Output) or output.step not in STEPS:
            wrong = output.step if isinstance(output, Output) else output
            there = dict.fromkeys(entry["step"] for entry in self.manifest.outputs())
            raise UsageError(
                f"{wrong!r} names no output: give Output(step, split, …), from udasa_core.store.output; "
                f"run {self.name} has the steps {', '.join(there)}"
            )
        if output.split:
            self.check_split(output.split)
        entry = self.manifest.find(output)
        return list(entry["keys"]) if entry else []

    def check_split(self, split: str) -> None:
        """Raise UsageError where no run has such a split, naming those that there are."""
        if split in SPLITS:
            return
        known = dict.fromkeys((*SPLITS, *(entry["split"] for entry in self.manifest.outputs())))
        known.pop("", None)
        if split not in known:
            raise UsageError(f"there is no split {split!r}; there are {', '.join(known)}")

    def reading(self) -> Mapping[str, Any]:
        """Return what the step that reads prompts noted; nothing where the run has not come that far."""
        keys = self.keys(Output("prompts"))
        has = bool(keys) and self.store.has("prompts", keys[0], ".json")
        return self.store.read_json("prompts", keys[0]) if has else {}

    def read_scores(self, key: str) -> tuple[Scores, ...]:
        """Read one shard of scores, by its fingerprint. Raises StoreError."""
        return scores_from(self.store.read_table("aggregate", key))

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

    def stage(self, label: str) -> StageSummary:
        """Return one of the stages, by its label ("moderate", or "moderate@2" in round 2).

        Raises UsageError where there is no such stage.
        """
        stages = {stage.label: stage for stage in self.stages()}
        if label not in stages:
            there = ", ".join([BASE, *stages])
            raise UsageError(f"run {self.name} has no stage {label!r}; there are {there}")
        return stages[label]

    def decisions(self) -> Iterator[Mapping[str, Any]]:
        """Yield what gates and the guard decided, in order: round (from 0), the labels of the stage and of
        the policy before it ("was"), verdict, and the evidence, as `Decision` has it."""
        for output, plain in self.told("gate", "guard"):
            for one in map(Decision.from_json, plain["decisions"]):
                labels = {"stage": plain["stage"], "was": plain["was"]}
                told = {"round": output.round, **labels, "verdict": one.verdict}
                yield {**told, **one.to_json()}

    def told(self, *steps: str) -> Iterator[tuple[Output, Mapping[str, Any]]]:
        """Yield some steps' outputs that are there, in the order in which they were pointed at."""
        for entry in self.manifest.outputs():
            output = Output.from_json(entry)
            for key in entry["keys"] if output.step in steps else ():
                if self.store.has(output.step, key, ".json"):
                    yield output, self.store.read_json(output.step, key)

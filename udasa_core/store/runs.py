"""A run as it lies on disk: what `show`, `export` and a notebook read."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from udasa_core.errors import UdasaError, UsageError
from udasa_core.records import Adapter, ModelRef, Pair, Scores
from udasa_core.store.manifest import Manifest
from udasa_core.store.output import Output
from udasa_core.store.store import Store
from udasa_core.store.tables import read_pairs, scores_from


@dataclass(frozen=True, slots=True)
class StageSummary:
    """One stage of a run: its pairs file, and what its trainer reported.

    trained: False where it was skipped, for the reason in `skipped`, or is not trained yet.
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

    def staging(self) -> Mapping[str, Any]:
        """Return the stage plan: "stages" (name, size, pairs), "dropped" and "refused" counts."""
        keys = self.keys(Output("stage"))
        return (
            self.store.read_json("stage", keys[0]) if keys else {"stages": [], "dropped": [], "refused": {}}
        )

    def stages(self) -> tuple[StageSummary, ...]:
        """Return the stages in training order."""
        skipped: Mapping[str, str] = self.manifest.plain.get("skipped", {})
        return tuple(self._stage(plan, skipped.get(plan["name"], "")) for plan in self.staging()["stages"])

    def _stage(self, plan: Mapping[str, Any], skipped: str) -> StageSummary:
        keys = self.keys(Output("train", instance=plan["name"]))
        trained = bool(keys) and not skipped and self.store.has("train", keys[0], "")
        report = self.store.read_json("train", f"{keys[0]}/stage") if trained else {}
        # What a trainer itself skipped is in the manifest only once the run has finished.
        skipped = skipped or report.get("skipped", "")
        trained = trained and not skipped
        return StageSummary(
            name=plan["name"],
            size=plan["size"],
            pairs=self.store.path("stage", plan["pairs"]),
            trained=trained,
            skipped=skipped,
            trainer=report.get("trainer", ""),
            metrics=report.get("metrics", {}),
            history=tuple(report.get("history", ())),
            adapter=self.store.path("train", keys[0], "") / "adapter" if trained else None,
        )

    def pairs(self) -> Iterator[tuple[str, Pair]]:
        """Yield (stage, pair) for every pair, in training order of the stages."""
        for stage in self.stages():
            for pair in read_pairs(stage.pairs):
                yield stage.name, pair

    def whole(self, *, unfinished: bool = False) -> Run:
        """Return the run itself. Raises UdasaError where it is not finished, unless `unfinished` is fine."""
        if self.status != "finished" and not unfinished:
            raise UdasaError(
                f"run {self.name} is not finished (status: {self.status}), so what it has may be half of it, "
                "or of another configuration; finish it with `udasa run`, or take it as it is: --unfinished"
            )
        return self

    def aligned(self, *, unfinished: bool = False) -> ModelRef:
        """Return the model after the last trained stage.

        Raises StoreError where it is not what was trained, and UdasaError where no stage is trained, or the
        run is not finished; with `unfinished` the last stage that is trained so far counts.
        """
        self.whole(unfinished=unfinished)
        trained = [stage for stage in self.stages() if stage.trained]
        if not trained or trained[-1].adapter is None:
            raise UdasaError(f"run {self.name} has trained no stage (status: {self.status})")
        adapter = trained[-1].adapter
        self.store.check("train", adapter.parent.name, "")
        sha256 = self.store.read_json("train", f"{adapter.parent.name}/stage")["adapter"]
        return self.base.with_adapter(Adapter(sha256, str(adapter)))

    def changes(self) -> tuple[Mapping[str, Any], ...]:
        """Return the held-out figures before and after: name, before, after, low, high, n."""
        keys = self.keys(Output("evaluate"))
        if not keys or not self.store.has("evaluate", keys[0], ".json"):
            return ()
        return tuple(self.store.read_json("evaluate", keys[0])["changes"])

    def transitions(self) -> Iterator[Mapping[str, Any]]:
        """Yield what each stage did, in order: round (from 0), the labels of the policies before and after,
        and the moves, as `Move` has them."""
        for entry in self.manifest.outputs():
            found = Output.from_json(entry)
            if found.step == "transition" and found.policy == "previous":
                for key in entry["keys"]:
                    if self.store.has("transition", key, ".json"):
                        yield {"round": found.round, **self.store.read_json("transition", key)}

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

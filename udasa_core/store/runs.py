"""A run as it lies on disk: what `show`, `export` and a notebook read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from udasa_core.errors import SourceError, UdasaError, UsageError
from udasa_core.records import ModelRef, Pair, Scores
from udasa_core.sources.digests import check_adapter_files, digest
from udasa_core.store import pair_rows, run_tables
from udasa_core.store.items import by_item, is_mean
from udasa_core.store.judge_biases import find_biases
from udasa_core.store.meters import figures_by_prompt, moves_by_prompt
from udasa_core.store.output import BASE, HELD_OUT, TRAINING, Output
from udasa_core.store.rows import ItemRows, Rows, plain_rows
from udasa_core.store.run_folder import RunFolder, StageSummary, trained
from udasa_core.store.tables import read_pairs
from udasa_core.text.likeness import did_you_mean, listed


class Run(RunFolder):
    """A run's folder, opened for reading.

    made: outputs that the call which returned this Run made anew; 0 where everything was in the store.
    """

    def artifacts(self) -> Iterator[tuple[str, Path, int]]:
        """Yield each output's label, the folder that it lies in, and how many files it has."""
        for entry in self.manifest.outputs():
            yield entry["label"], self.store.root / entry["step"], len(entry["keys"])

    def prompts(self, split: str = TRAINING) -> Rows[Mapping[str, Any]]:
        """Return the prompts of a split ("training", "held-out", "controls"), a row each, with the user's own
        columns. Raises UsageError where there is no such split."""
        self.check_split(split)
        return plain_rows(lambda: run_tables.prompts(self, split))

    def responses(self, split: str = TRAINING) -> Rows[Mapping[str, Any]]:
        """Return every response to the prompts of a split, a row each: text, scores, U, and what became of
        it. Raises UsageError where there is no such split."""
        self.check_split(split)
        return plain_rows(lambda: run_tables.responses(self, split))

    def scores(self, split: str = TRAINING) -> Rows[Scores]:
        """Return the base policy's scores: iterated, a `Scores` a prompt; as a table, a row a response.

        Raises UsageError where there is no such split.
        """
        self.check_split(split)
        keys = self.keys(Output("aggregate", split))
        return Rows(
            lambda: run_tables.scores(self, split),
            lambda: (one for key in keys for one in self.read_scores(key)),
        )

    def unpaired(self) -> Rows[Mapping[str, Any]]:
        """Return what is not trained on, a row each with the step and the reason: rows that gave no prompt,
        prompts that gave no pair, pairs that are in no stage, or in one that was skipped or rolled back."""
        return plain_rows(lambda: run_tables.unpaired(self))

    def answers(self, after: str = "") -> Rows[Mapping[str, Any]]:
        """Return the answers to the held-out prompts side by side, a row each: the base's, and those of the
        policy that the last round left, or of a stage's.

        after: the stage's label. Raises UsageError where there is no such stage, and UdasaError where that
        policy did not answer them.
        """
        run_tables.answers(self, after)  # what is not there is told now
        return plain_rows(lambda: run_tables.answers(self, after))

    def pairs(self) -> Rows[tuple[str, Pair]]:
        """Return every pair, in training order of the stages: iterated, (stage's label, pair); as a table, a
        row each, with its sides' texts and scores and its prompt's own columns."""
        return Rows(lambda: pair_rows.pairs(self), self._staged)

    def _staged(self) -> Iterator[tuple[str, Pair]]:
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
        return self.policy(self.last(unfinished=unfinished).label)

    def last(self, *, unfinished: bool = False) -> StageSummary:
        """Return the last trained stage that was not rolled back, which left the aligned model.

        Raises UdasaError as `aligned` does.
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
        return standing[-1]

    def unchanged(self, ref: ModelRef) -> ModelRef:
        """Return one of the run's models, once its files are seen to be there and to be what the run says.

        Raises UdasaError where they are gone, and SourceError where they have changed.
        """
        if not Path(ref.folder).is_dir():
            raise UdasaError(
                f"the model {ref.source} is no longer in {ref.folder}; `udasa run` fetches it again"
            )
        for adapter in ref.adapters:
            check_adapter_files(adapter)
        if digest(Path(ref.folder)) != ref.revision:
            raise SourceError(
                f"the model in {ref.folder} is not the one that run {self.name} was made with: its files "
                "have changed. Put them back, or run again, which takes what lies there now"
            )
        return ref

    def policy(self, label: str) -> ModelRef:
        """Return the model that a stage left, rolled back or not. label: "moderate", "moderate@2" in round 2,
        or "base".

        Raises StoreError where it is not what was trained, UsageError where there is no such stage, and
        UdasaError where it is not trained.
        """
        if label == BASE:
            return self.base
        stage = self.stage(label)
        whole = stage.adapter or stage.model
        if whole is None:
            why = stage.skipped or f"status: {self.status}"
            raise UdasaError(f"run {self.name} has not trained stage {label} ({why})")
        folder = whole.parent
        self.store.check("train", folder.name, "")
        return trained(self.base, self.store.read_json("train", f"{folder.name}/stage"), folder)

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
        stage = self.stage(label)
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
        stage = self.stage(label)
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
        """Return what each stage did ("previous"), or each round, in order: round (from 0), the labels of the
        policies before and after, and the moves, as `Move` has them. Raises UsageError for anything else."""
        if against not in ("previous", "round"):
            raise UsageError(f'transitions are against "previous" or "round", not {against!r}')
        return self._transitions(against)

    def _transitions(self, against: str) -> Iterator[Mapping[str, Any]]:
        for output, plain in self.told("transition"):
            if output.policy == against:
                yield {"round": output.round, **plain}

    def controls(self) -> tuple[Mapping[str, Any], ...]:
        """Return each dimension's figures on the control prompts, as `ControlFigures` has them."""
        for step in ("controls", "alarm"):  # in stores of format 1 it was "alarm"
            keys = self.keys(Output(step))
            if keys and self.store.has(step, keys[0], ".json"):
                return tuple(self.store.read_json(step, keys[0])["dimensions"])
        return ()

    def suites(self) -> Mapping[str, Any]:
        """Return each suite's figures by model; of a run that has not finished, those that are there."""
        if known := self.manifest.plain.get("suites"):
            return dict(known)
        found: dict[str, list[Any]] = {}
        for output, plain in self.told("suite"):
            rows = ({"model": output.policy, **metric} for metric in plain["metrics"])
            found.setdefault(output.instance, []).extend(rows)
        return found

    def judge_biases(self) -> Mapping[str, str]:
        """Return, for each suite that a judge graded, what `udasa experiment judge` measured of that judge,
        or that it was not measured, in a sentence: suite → sentence. Nothing is told of suites that ran
        before udasa noted who judged."""
        found: dict[str, str] = {}
        for output, plain in self.told("suite"):
            if by := plain.get("judged_by"):
                found[output.instance] = find_biases(self.folder, by["judge"], by["grading"])
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

    def suite_rows(self, suite: str = "", model: str = "") -> ItemRows:
        """Return what suites kept of each item: a list of rows, and a table.

        suite, model: of one suite, of one model ("base", a stage's label); "" for all that there are, named
        in each row. None where it has not run. Lists and mappings are JSON text. Raises UsageError where the
        run has no such suite, or no such model.
        """
        there = self._measured(suite, model)
        rows = ItemRows()
        for instance, policy in there:
            if suite in ("", instance) and model in ("", policy):
                named = {} if suite and model else {"suite": instance, "model": policy}
                rows += [
                    {**named, **row}
                    for row in self._suite_rows(Output("suite", instance=instance, policy=policy))
                ]
        return rows

    def _measured(self, suite: str, model: str) -> list[tuple[str, str]]:
        """Return which suites measured which models. Raises UsageError where one named is not there."""
        outputs = map(Output.from_json, self.manifest.outputs())
        there = [(one.instance, one.policy) for one in outputs if one.step == "suite"]
        configured = self.manifest.plain["config"].get("suite", ())
        suites = [*(str(table.get("name", table["use"])) for table in configured), *(one for one, _ in there)]
        models = [BASE, *(stage.label for stage in self.stages()), *(policy for _, policy in there)]
        for what, name, known in (("suite", suite, suites), ("model", model, models)):
            if name and name not in known:
                told = ", ".join(dict.fromkeys(known)) or "none"
                raise UsageError(f"run {self.name} has no {what} {name!r}; there are {told}")
        return there

    def _suite_rows(self, output: Output) -> list[dict[str, Any]]:
        keys = self.keys(output)
        if not keys or not self.store.has("suite", keys[0], ".json"):
            return []
        rows: list[dict[str, Any]] = self.store.read_table("suite", keys[0]).to_pylist()
        return rows

    def suite_items(self, suite: str, model: str) -> dict[str, dict[str, float]]:
        """Return a suite's figures for one model by item: "score", and each metric that a column of the rows
        (of its name, or the score) has as its mean; name → item's id → value. Raises as `suite_rows` does."""
        self._measured(suite, model)
        rows = self._suite_rows(Output("suite", instance=suite, policy=model))
        score = by_item(rows, "score")
        found = {"score": score}
        for metric in self.suites().get(suite, ()):
            if metric["model"] == model:
                held = (one for one in (by_item(rows, metric["name"]), score) if is_mean(one, metric))
                found[metric["name"]] = next(held, {})
        return {name: values for name, values in found.items() if values}


def find_measured(name: str, folder: Path | str = "runs") -> Run:
    """Open a run as `find_run` does, or an evaluation, which lies in `eval` under `folder`."""
    if (
        not (Path(folder) / name / "manifest.json").exists()
        and (Path(folder) / "eval" / name / "manifest.json").exists()
    ):
        return Run(Path(folder) / "eval" / name)
    return find_run(name, folder)


def find_run(name: str, folder: Path | str = "runs") -> Run:
    """Open a run by its folder, or by its name under `folder`. Raises UsageError where there is none."""
    given, named = Path(name), Path(folder) / name
    for place in (given, named):
        if (place / "manifest.json").exists():
            return Run(place)
    if given.is_dir():
        inside = sorted(path.parent.name for path in given.glob("*/manifest.json"))
        hint = f"; runs in it: {listed(inside)}" if inside else ""
        raise UsageError(f"{given} is no run: it has no manifest.json{hint}")
    if given.is_file():
        raise UsageError(f"{given} is a file, and a run is its folder or its name; `udasa runs` lists them")
    found = sorted(path.parent.name for path in Path(folder).glob("*/manifest.json"))
    hint = did_you_mean(name, found, f"runs in {folder}") if found else "`udasa run` makes one"
    raise UsageError(f"there is no run {name!r}, neither as a folder nor in {folder}; {hint}")

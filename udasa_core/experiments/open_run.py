"""A run that an experiment makes: the pipeline's own steps, one method each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

from udasa_core.config.schema import VOTERS_A_BLOCK
from udasa_core.errors import PluginError, UsageError
from udasa_core.experiments.cost import Cost, costs
from udasa_core.experiments.disturb import disturbed
from udasa_core.experiments.outputs import Paired, Sampled, Scored, Staged
from udasa_core.experiments.regroup import first_responses, reread, with_written
from udasa_core.job.job import Job
from udasa_core.models.adapter_shapes import check_shapes
from udasa_core.records import Adapter, ModelRef, Prompt, Report
from udasa_core.report.table import Table
from udasa_core.resources.protocols import Judge
from udasa_core.running.pace import pace
from udasa_core.running.room import check_room, split_with_room
from udasa_core.running.stages import walk_stages
from udasa_core.running.suite_work import SuiteWork, suite_work, time_table
from udasa_core.sources.digests import adapter_digest
from udasa_core.steps.aggregate import aggregate, fit
from udasa_core.steps.agree import agree
from udasa_core.steps.pair import pair
from udasa_core.steps.read import Prompts
from udasa_core.steps.sample import sample, sample_voters
from udasa_core.steps.score import score
from udasa_core.steps.stage import stage
from udasa_core.steps.suites import SuiteFigures, joined, run_suites
from udasa_core.store.judge_biases import keep_biases
from udasa_core.store.output import CONTROLS, HELD_OUT, TRAINING
from udasa_core.store.store import Shards
from udasa_core.store.tables import prompts_from


class OpenRun:
    """A run while it is made. Each method is a step of the pipeline: what is in the store is taken from it,
    and what is not is made and kept there.

    What a step gives can be iterated over: `for group in run.sample()`. It raises the UdasaErrors that
    `udasa run` raises.
    """

    def __init__(self, job: Job) -> None:
        self._job = job
        self._figures: SuiteFigures = {}

    @property
    def folder(self) -> Path:
        """The run's folder, which `udasa_core.Run` opens for reading."""
        return self._job.config.run_dir

    @property
    def made(self) -> int:
        """How many outputs were made anew so far; 0 where the store had them all."""
        return self._job.outputs.made

    @property
    def base(self) -> ModelRef:
        """The base policy."""
        return self._job.base

    def suite_work(self) -> list[SuiteWork]:
        """Return what each suite asks of one model."""
        return suite_work(self._job.stack)

    def time_table(self, work: Sequence[SuiteWork]) -> Table | None:
        """Return how long the answers to what suites ask of one model take at most, as a few tokens of the
        base's take here; None where that cannot be told, or nothing is sampled."""
        rate = pace(self._job) if any(one.tokens for one in work) else None
        return None if rate is None else time_table(work, rate)

    def check_room(self, work: Sequence[SuiteWork]) -> None:
        """Raise ConfigError where disk or memory have no room for the answers to what suites ask of one
        model."""
        check_room(self._job, work)

    def adapted(self, folder: Path) -> ModelRef:
        """Return the base with the LoRA adapter of a folder. Raises UdasaError where it does not fit."""
        check_shapes(self.base, folder)
        return self.base.with_adapter(Adapter(adapter_digest(folder), str(folder.resolve())))

    @property
    def weights(self) -> Mapping[str, float]:
        """The dimensions in their order: instance name → weight; one of weight 0 is measured, and not part
        of U."""
        return {plugin.name: plugin.table.weight for plugin in self._job.stack.dimensions}

    def prompts(self, split: str = TRAINING) -> Iterator[Prompt]:
        """Yield the prompts of a split: "training", "held-out" or "controls"."""
        for shard in self.shards(split):
            yield from shard

    @property
    def sizes(self) -> Mapping[str, int]:
        """The numbers of prompts by split."""
        found = self._prompts
        controls = sum(1 for _ in self.prompts(CONTROLS))
        return {TRAINING: found.training_size, HELD_OUT: found.held_out_size, CONTROLS: controls}

    def shards(self, split: str = TRAINING) -> Iterator[tuple[Prompt, ...]]:
        """Yield the prompts of a split shard by shard, as they are sampled together."""
        for key in self._split(split).fingerprints:
            yield prompts_from(self._job.store.read_table("prompts", key))

    def sample(
        self,
        split: str = TRAINING,
        policy: ModelRef | None = None,
        *,
        shards: Sequence[int] | None = None,
        draw: int = 0,
    ) -> Sampled:
        """Sample responses to a split's prompts, as [generator] says. policy: default, the base.

        shards: to the prompts of these alone, by number from 0; they get what sampling the whole split would
        give them. draw: 0 draws as a run does; each further number draws again, by other seeds.
        """
        prompts = self._split(split)
        if shards is not None:
            prompts = prompts.some(shards)
        if draw:
            # Under another split's name, from which sampling takes other seeds.
            prompts = replace(prompts, split=f"{prompts.split}, draw {draw}")
        return Sampled(self._job.store, sample(self._job, prompts, policy or self.base))

    def first(self, sampled: Sampled, responses: int) -> Sampled:
        """Take the first responses of each prompt's. They are as good a draw as any, so that several K are
        measured on one set of samples; different K are not independent of one another."""
        return Sampled(sampled.store, first_responses(self._job, sampled.shards, responses))

    def heard_by(self, sampled: Sampled, voters: int) -> Sampled:
        """Have responses compared with the first `voters` of their voters, whole blocks; the responses stay.

        Raises UsageError where there are not so many, or blocks would be broken.
        """
        there = len(sampled.shards.voters) * VOTERS_A_BLOCK
        if voters % VOTERS_A_BLOCK or not 0 <= voters <= there:
            raise UsageError(
                f"{voters} voters cannot be taken: there are {there}, in blocks of {VOTERS_A_BLOCK}"
            )
        if voters == there:
            return sampled
        # A split of its own, as of the first responses.
        split = f"{sampled.shards.split}, {voters} voters"
        blocks = sampled.shards.voters[: voters // VOTERS_A_BLOCK]
        return Sampled(sampled.store, replace(sampled.shards, split=split, voters=blocks))

    def with_written(self, sampled: Sampled, answers: Mapping[str, Sequence[str]]) -> Sampled:
        """Put written answers before each prompt's own responses.

        answers: prompt id → texts, for every prompt. A written answer gets the base's token statistics by one
        pass, so that likelihoods are known of it; consistency compares it with what the policy says itself.
        """
        return Sampled(sampled.store, with_written(self._job, sampled.shards, answers))

    def reread(self, sampled: Sampled, policy: ModelRef, *, draw: int = 0) -> Sampled:
        """Have another checkpoint, or another model, read the same responses: with its own log-probabilities,
        compared with voters that it gives itself, as many as [generator] says.

        Are the pairs that are made of them the same? draw: as for `sample`; the base with another draw tells
        what voters alone change. Raises UsageError where there are no voters.
        """
        prompts = self._split(sampled.shards.split)
        if draw:
            prompts = replace(prompts, split=f"{prompts.split}, draw {draw}")
        voters = sample_voters(self._job, prompts, policy)
        if not voters:
            raise UsageError(
                "responses are read again beside voters of the model that reads them: [generator] voters = 16"
            )
        return Sampled(sampled.store, reread(self._job, sampled.shards, voters, policy))

    def score(self, sampled: Sampled, *, calibrated_as: Scored | None = None, repeat: int = 0) -> Scored:
        """Score responses in every dimension, calibrate, and aggregate to U.

        calibrated_as: take the calibration fitted to these instead of one fitted to `sampled`: what is
        compared shares one. repeat: 0 scores as a run does; each further number scores again, by other seeds.
        """
        groups = sampled.shards
        if repeat:
            # Under another split's name, from which scoring takes other seeds.
            groups = replace(groups, split=f"{groups.split}, scoring {repeat}")
        agreed = agree(self._job, groups)
        columns = score(self._job, groups)
        calibration = calibrated_as.calibration if calibrated_as else fit(self._job, columns, agreed)
        scores = aggregate(self._job, groups, columns, calibration, agreed)
        return Scored(sampled, scores, calibration, agreed)

    def disturb(self, scored: Scored, *, noise: float = 0.0, flips: float = 0.0) -> Scored:
        """Plant errors in U: what becomes of pairs and stages, were the scores so wrong?

        noise: the standard deviation of what is added to each response's U, which stays in [0, 1]. flips: the
        share of prompts whose order is turned round: U becomes min U + max U − U. Doses are nested: a larger
        one disturbs what a smaller one does, and more of it.
        """
        return replace(scored, shards=disturbed(self._job, scored.shards, noise, flips))

    def pair(self, scored: Scored) -> Paired:
        """Pair responses, as [pairing] says."""
        return Paired(scored.sampled.store, pair(self._job, scored.sampled.shards, scored.shards))

    def stage(self, paired: Paired) -> tuple[Staged, ...]:
        """Sort pairs into stages, as [stages] says. Raises NoPairsError where there is none to train on."""
        return tuple(Staged(paired.store, staged) for staged in stage(self._job, paired.shards))

    def train(self, stages: Sequence[Staged]) -> tuple[Report, ...]:
        """Train the base on one stage after the other; a report each, the last one's policy is the aligned
        model. A stage with too few pairs is skipped; raises UdasaError where all were."""
        return tuple(walk_stages(self._job, [one.staged for one in stages]).reports.values())

    def suites(self, models: Mapping[str, ModelRef]) -> SuiteFigures:
        """Run the configuration's suites on models, by label; by suite the metrics as plain data, each with
        the "model" that it is of. The run's manifest has them, too."""
        found = run_suites(self._job, models)
        self._figures = joined(self._figures, found)
        self._job.tell(suites={name: list(figures) for name, figures in self._figures.items()})
        return found

    @property
    def judge(self) -> Judge:
        """The configuration's judge, as suites ask it: each grade is kept. Raises PluginError where it has
        no [judge]."""
        return self._job.resources.judge()

    def tell_of_judge(self, prompts: int, measured: Mapping[str, str]) -> None:
        """Keep what was measured of the judge where `udasa show` finds it and sets it beside its grades.

        measured: a suite's `grading_key` → a sentence, without "this judge" and the stop; each on so many
        prompts. Of several experiments in folders beside a run, that on the most prompts is shown. Raises
        PluginError where the configuration has no [judge].
        """
        judge = self._job.stack.judge
        if judge is None:
            raise PluginError('there is no judge: add [judge] with use = "…"')
        keep_biases(self.folder.parent, judge.judge_key(), prompts, measured)

    def costs(self, sampled: Sampled, shards: int = 2) -> Mapping[str, Cost]:
        """Have each dimension score the first shards alone, with nothing remembered; by its name what a
        response costs.

        A call is a text that the embedder reads, a text or a pair that a classifier reads, or a question that
        the reader reads; each distinct one counts once a shard.
        """
        return costs(self._job, sampled.shards, shards)

    def tell(self, **entries: Any) -> None:
        """Enter what was found into the run's manifest: plain JSON data, by names of your own."""
        self._job.tell(**entries)

    def told(self, entry: str) -> Any:
        """Return an entry of the run's manifest, also of an earlier call with this configuration; None where
        there is none."""
        manifest = self._job.outputs.manifest
        return manifest.plain.get(entry) if manifest else None

    @cached_property
    def _prompts(self) -> Prompts:
        return split_with_room(self._job)

    def _split(self, split: str) -> Shards:
        splits = {
            TRAINING: self._prompts.training,
            HELD_OUT: self._prompts.held_out,
            CONTROLS: self._prompts.controls,
        }
        if split not in splits:
            raise UsageError(f"there is no split {split!r} of prompts; there are {', '.join(splits)}")
        return splits[split]

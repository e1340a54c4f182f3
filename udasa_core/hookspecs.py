"""The contract: one hook a kind. This file is the table of contents for plugin authors.

A plugin is an entry point in the group `udasa.<kind>` that names a factory:

    class Degree(Plugin):
        class Options(Options): ...                              # its TOML table, minus the reserved keys
        needs = ("embedder",)                                    # the resources it asks for
        label_free = True                                        # no human label enters by it

        @hookimpl
        def udasa_score(self, groups, seed): ...

`udasa_core.Plugin` documents every attribute that the core reads from a plugin; a class without that base,
whose factory takes (options, name, resources), does as well.

The factory's module imports no torch, transformers, trl, peft, datasets or evaluate at its top: heavy
imports live in the method that needs them. Every seed lies in [0, 2³²). What a hook returns is checked at
the door, once; a breach is an error that names the plugin, its distribution and version.
"""

# A specification has no body to return from.
# mypy: disable-error-code="empty-body"

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import pluggy

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from numpy import float64
    from numpy.typing import NDArray

    from udasa_core.records import (
        Column,
        Event,
        Grade,
        Group,
        ModelRef,
        Pairing,
        PairTable,
        Prompt,
        Report,
        SamplingOptions,
        Score,
        Scores,
        Stage,
        StagePlan,
        SuiteReport,
    )

    # `udasa_core.Steps` and `udasa_core.Table`, whose homes stand above this file.
    Steps: TypeAlias = Any
    Table: TypeAlias = Any

PROJECT = "udasa"
# The contract's version. A plugin's distribution requires `udasa[contract-2]`; a change that breaks
# plugins takes the next number, and the catalog refuses the others by name.
CONTRACT = 2
# What somebody who wrote for an earlier contract has to change; docs/upgrading.md has it at length.
CHANGES: Mapping[int, str] = {
    1: "`Refusal` is `Unpaired` and `Pairing.refused` is `Pairing.unpaired`; `StagePlan(stages=…)` maps each "
    "stage's name to its pairs' ids and `StageDraft` is gone; `Response.entropies` may be None; then require "
    '"udasa[contract-2]" (docs/upgrading.md)',
}

KINDS = (
    "generator",
    "dimension",
    "calibration",
    "aggregation",
    "pairing",
    "stages",
    "trainer",
    "suite",
    "judge",
    "engine",
    "observer",
    "experiment",
)
# The hooks that a plugin of a kind must implement.
HOOKS: Mapping[str, tuple[str, ...]] = {
    "generator": ("udasa_generate",),
    "dimension": ("udasa_score",),
    "calibration": ("udasa_fit", "udasa_calibrate"),
    "aggregation": ("udasa_aggregate",),
    "pairing": ("udasa_pair",),
    "stages": ("udasa_stage",),
    "trainer": ("udasa_train",),
    "suite": ("udasa_evaluate",),
    "judge": ("udasa_judge",),
    "engine": ("udasa_map",),
    "observer": ("udasa_observe",),
    "experiment": ("udasa_experiment",),
}

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


class Specifications:
    """Every hook that the core calls. The bodies are empty: the docstrings are the contract."""

    @hookspec(firstresult=True)
    def udasa_admit(self, prompts: Sequence[Prompt], sampling: SamplingOptions) -> Sequence[str]:
        """Say, before anything is sampled, which prompts the generator cannot take.

        Kind: generator; optional. Returns one text a prompt, in order: "" where the prompt is taken,
        otherwise the reason it is set aside for (longer than the context, say).
        """

    @hookspec(firstresult=True)
    def udasa_generate(
        self, prompts: Sequence[Prompt], sampling: SamplingOptions, policy: ModelRef, seed: int
    ) -> Sequence[Group]:
        """Sample `sampling.responses` responses a prompt from `policy`.

        Kind: generator; exactly one. Returns one Group a prompt, in order, with `policy.key` as its policy.
        The same arguments on the same machine return the same Groups. `prompts` is one shard. It leaves a
        Group's `voters` empty: the core asks for them by further calls, each with a seed of its own. The text
        of a response is its answer alone: `CausalLM.response` splits off what was thought before it.
        """

    @hookspec()
    def udasa_score(self, groups: Sequence[Group], seed: int) -> Column:
        """Score every response of one shard's groups: 0 = certain and reliable, 1 = most uncertain.

        Kind: dimension; any number. Returns one Column whose `scores[g][k]` is a float in [0, 1] or an
        Abstain for group g's response k: as many, in order. None and NaN are breaches. `groups[g].voters` are
        to be compared with, and get no score. `entropies` of a response may be None. Responses and voters
        that were cut off while they thought, and answer nothing, are not among those given.
        """

    @hookspec(firstresult=True)
    def udasa_fit(self, raw: NDArray[float64], dimension: str) -> Mapping[str, Sequence[float]]:
        """Fit a calibration to one dimension's raw scores over the training prompts.

        Kind: calibration; exactly one. dimension: its instance name, which an implementation may leave out
        of its arguments. raw: (n,) float64 in [0, 1], the abstentions left out, in order of
        prompts; where it can be written, an implementation may change it (sort it in place). Returns a small
        state of named float lists; it is saved and frozen: fitted once a run, with the base policy's
        responses, never again for held-out prompts or later rounds. n may be 0.
        """

    @hookspec(firstresult=True)
    def udasa_calibrate(
        self, raw: NDArray[float64], state: Mapping[str, Sequence[float]]
    ) -> NDArray[float64]:
        """Map raw scores (m,) through a fitted state to calibrated scores (m,) in [0, 1].

        Kind: calibration; exactly one. Monotone: it never reverses the order of two raw scores.
        """

    @hookspec(firstresult=True)
    def udasa_aggregate(
        self, columns: Mapping[str, Sequence[Score]], weights: Mapping[str, float]
    ) -> Sequence[Score]:
        """Combine calibrated columns into U for each response.

        Kind: aggregation; exactly one. columns: instance name → n scores; weights: instance name → weight
        (≥ 0, at least one > 0). Returns n scores in [0, 1], an Abstain where every dimension abstained
        (such a response is never paired).
        """

    @hookspec(firstresult=True)
    def udasa_pair(self, groups: Sequence[Group], scores: Sequence[Scores], seed: int) -> Pairing:
        """Choose pairs within each group of one shard; `scores[g]` belongs to `groups[g]`.

        Kind: pairing; exactly one. A response whose U is an Abstain is never paired. A strategy that goes
        by U emits positive gaps only. A prompt without a pair is listed as a Unpaired with its reason.
        """

    @hookspec(firstresult=True)
    def udasa_stage(self, pairs: PairTable, seed: int) -> StagePlan:
        """Sort pairs into ordered, uniquely named stages.

        Kind: stages; exactly one. Each pair is in at most one stage; each pair in none is listed as
        dropped, with its reason. Pairs without a gap (NaN), or with one that is not positive, are dropped
        unless the policy says otherwise. A stage may be empty. seed: for a policy that draws; an
        implementation may leave it out of its arguments.
        """

    @hookspec()
    def udasa_train(
        self,
        stage: Stage,
        pairs: Path,
        policy: ModelRef,
        reference: ModelRef,
        out_dir: Path,
        seed: int,
        earlier_state: Path | None,
    ) -> Report:
        """Train `policy` on one stage's pairs and return what was measured, and the new model.

        Kind: trainer; any number, each stage names the one that trains it. The instance was built with the
        stage's overrides already merged into its options.

        pairs: a Parquet file, one Pair a row, that `udasa_core.read_pairs` reads; `stage.size` rows. A pair's
        `weight` multiplies its loss. The last `stage.replayed` rows are pairs of earlier stages: they are
        trained on alike, and belong in figures of their own.
        policy: the model to go on training; reference: the frozen model that it is compared with, equal to
        `policy` under `reference = "previous_stage"`.
        out_dir: the only folder to write to. It outlives a kill, so mid-stage checkpoints belong here: called
        again with the same arguments the trainer continues, and ends with the same bytes as an
        uninterrupted call. The report's policy lies in `out_dir / "adapter"`
        (`policy.with_adapter`), or, where the model's own weights were trained, as a whole model in
        `out_dir / "model"` (`policy.with_weights`).
        Where the trainer says `launchable`, several ranks may call it at once, with the same arguments.
        earlier_state: the folder `state` that the trainer of the stage before left in its own out_dir (an
        optimizer's moments, say), None where there is no such stage or it left nothing. An implementation
        may leave it out of its arguments.
        """

    @hookspec()
    def udasa_evaluate(self, policy: ModelRef, seed: int) -> SuiteReport:
        """Measure one model on one suite.

        Kind: suite; any number. Returns metrics with 95% intervals, and one row an item. A row that has an
        "id" (of the item) and a "score" (a number, or None) takes part in comparisons: rows of one id are
        averaged. So does, between stages, a metric that is the mean over ids of a column of its name, or of
        "score". Say in the suite's docstring what a higher score means.
        """

    @hookspec()
    def udasa_questions(self) -> Sequence[str]:
        """Return the texts that the suite asks, so that training prompts which repeat them are told.

        Kind: suite; optional. Nothing is sampled or measured.
        """

    @hookspec(firstresult=True)
    def udasa_judge(self, prompts: Sequence[Prompt], seed: int) -> Iterable[Grade]:
        """Grade rendered grading prompts: one Grade a prompt, in order, with its raw text.

        Kind: judge; exactly one where a suite needs it. What cannot be parsed is a Grade of None. An
        iterator's grades are kept as they come, so that a kill loses those in flight and no other.
        """

    @hookspec(firstresult=True)
    def udasa_map(self, step: str, payloads: Sequence[Mapping[str, Any]]) -> Iterator[int]:
        """Run `udasa_core.work(payload)` for each payload (plain JSON data), anywhere, in any order.

        Kind: engine; exactly one, `local` by default. Yields each payload's index once `work` has returned.
        Who is given several makes `at_once` of them at once. A payload that raises ends the iteration with
        that error. In a process that ends, `udasa_core.end_work()` ends what plugins hold running there.
        """

    @hookspec()
    def udasa_observe(self, event: Event) -> None:
        """Watch the run. Kind: observer; any number. An observer cannot change or stop it."""

    @hookspec()
    def udasa_experiment(self, config: Mapping[str, Any], out_dir: Path, steps: Steps) -> Sequence[Table]:
        """Measure something with the pipeline's own steps, and report it.

        Kind: experiment; the one that `udasa experiment NAME` names, no part of any run's stack. config: the
        plain data of the configuration that was named, or of the experiment's own, with `--set` applied and
        nothing else checked; it may have tables that only the experiment knows. out_dir: the folder for runs
        and for further files; the core writes the tables there. steps: opens runs in out_dir on `config`, or
        on what the experiment makes of it; what an earlier call has made is taken from their store.
        """

"""What is measured of the policies of a round while its stages are trained, as far as it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Literal

from udasa_core.config.transitions import OF_PAIRS, OF_PROMPTS, metric_fault
from udasa_core.errors import ConfigError, Fault
from udasa_core.job.job import Job, log
from udasa_core.records import Event, ModelRef
from udasa_core.steps.aggregate import Calibration, aggregate
from udasa_core.steps.agree import agree
from udasa_core.steps.gate import decide
from udasa_core.steps.guard import watch_over
from udasa_core.steps.meters import meter
from udasa_core.steps.pair_logprobs import read_stage
from udasa_core.steps.sample import sample
from udasa_core.steps.score import score
from udasa_core.steps.suites import figures_of, measure_by_suites
from udasa_core.steps.transition import transition
from udasa_core.store.decisions import Decision, told
from udasa_core.store.meters import Measured
from udasa_core.store.moves import Move
from udasa_core.store.output import BASE
from udasa_core.store.store import Shards, StagedPairs


class Watch:
    """Measures the base, each stage's policy, and what a round leaves, with the run's one calibration.

    Suites run on every policy. The held-out prompts are sampled under the base and under what a round leaves;
    under the stages' policies, and pairs are read by them, only where that is asked for.
    """

    def __init__(self, job: Job, held_out: Shards) -> None:
        self._job = job
        self._held_out = held_out
        self._calibration: Calibration | None = None
        self._is_begun = False
        # In the order in which they were measured, rolled back or not.
        self.measured: dict[str, Measured] = {}

    def calibrated(self, fit: Callable[[], Calibration]) -> Calibration:
        """Return the run's one calibration: what `fit` gives, the first time."""
        if self._calibration is None:
            self._calibration = fit()
        return self._calibration

    def once(self, make: Callable[[], object]) -> None:
        """Do what only the first round does."""
        if not self._is_begun:
            self._is_begun = True
            make()

    def scores(self, prompts: Shards, policy: ModelRef) -> Shards:
        """Return a policy's scores on prompts that are not trained on."""
        return self._responses(prompts, policy)[1]

    def base(self) -> Measured:
        """Measure the base once, so that a suite that cannot be measured costs no training.

        Raises ConfigError where a gate goes by a figure that its suite has not.
        """
        if BASE in self.measured:
            return self.measured[BASE]
        policy = self._job.base
        meters = self._meters(self._held_out, policy)
        found = Measured(BASE, policy, meters, suites=measure_by_suites(self._job, BASE, policy))
        self._check_figures(found)
        return self._kept(found)

    def stage(self, staged: StagedPairs, policy: ModelRef, earlier: Sequence[StagedPairs]) -> Measured:
        """Measure the policy that a stage left. earlier: the round's stages before it that stand."""
        job, label = self._job, staged.label
        prompts = replace(self._held_out, round=staged.round, policy=label)
        meters = self._meters(prompts, policy) if job.config.watches_prompts else ""
        pairs: dict[str, str] = {}
        for one in (*earlier, staged) if job.config.watches_pairs else ():
            self._read_by_base(one)
            pairs[one.label] = read_stage(job, one, policy, label)
        return self._kept(Measured(label, policy, meters, pairs, measure_by_suites(job, label, policy)))

    def judge(self, staged: StagedPairs, before: Measured, after: Measured) -> tuple[Decision, ...]:
        """Return what gates and guard decide of a stage, and have the matrix tell of it, where it is asked
        for."""
        gates, guard = self._job.config.gates, self._job.config.guard
        moves: dict[str, Sequence[Move]] = {}
        if self._job.config.transitions.measure or any(gate.against == "previous" for gate in gates):
            moves["previous"] = self._moves(before, after, staged.round, "previous")
        if guard.any_of_k or any(gate.against == "base" for gate in gates):
            moves["base"] = self._moves(self.measured[BASE], after, staged.round, "base")
        decisions = decide(self._job, staged, before.label, moves, gates) if gates else ()
        if self._job.config.watches_prompts:
            decisions += self._guarded(after, before.label, moves.get("base", ()), staged.round)
        self._tell(decisions, before.label, after.label)
        return decisions

    def end(self, start: Measured, left: Measured, round: int) -> Measured:
        """Measure the held-out prompts under the policy that a round left, and have the guard look at it,
        where it did not look after each stage. start: what the round began with. round: from 0."""
        prompts = replace(self._held_out, round=round + 1)
        whole = replace(left, meters=self._meters(prompts, left.policy))
        if not self._job.config.watches_prompts and left.label != start.label:
            base, guard = self.measured[BASE], self._job.config.guard
            moves = self._moves(base, whole, round, "base") if guard.any_of_k else ()
            decisions = self._guarded(whole, start.label, moves, round)
            self._tell(decisions, start.label, left.label)
        return whole if left.label == start.label else self._kept(whole)

    def _moves(
        self, before: Measured, after: Measured, round: int, against: Literal["previous", "base"]
    ) -> tuple[Move, ...]:
        return transition(self._job, self.measured[BASE], before, after, round=round, against=against)

    def _guarded(self, policy: Measured, was: str, moves: Sequence[Move], round: int) -> tuple[Decision, ...]:
        if not self._held_out.fingerprints:
            return ()
        return watch_over(self._job, self.measured[BASE], policy, was, moves, round=round)

    def _tell(self, decisions: Sequence[Decision], was: str, label: str) -> None:
        for one in decisions:
            detail = {**one.to_json(), "verdict": one.verdict, "stage": label, "was": was}
            self._job.observe(Event("finished", "gate", f"{one.figure} after {label}", 1, 1, detail))
            if one.tripped:
                log.warning("%s", told(one, was, label))

    def _check_figures(self, base: Measured) -> None:
        """Stop before training where a suite lacks the figure that something goes by."""
        config = self._job.config
        asked = [(f"gate.{gate.figure}.figure", gate.figure) for gate in config.gates]
        asked += [("guard.any_of_k", config.guard.any_of_k), ("rounds.until", config.rounds.until)]
        faults = []
        for path, figure in asked:
            suite = figure.partition(" ")[0]
            if suite in base.suites and figure not in (*OF_PROMPTS, *OF_PAIRS):
                found = figures_of(self._job, base.suites[suite])
                if fault := metric_fault(figure, suite, found):
                    faults.append(Fault(path, fault))
        if faults:
            raise ConfigError(faults, config.origin)

    def _kept(self, one: Measured) -> Measured:
        self.measured[one.label] = one
        return one

    def _read_by_base(self, staged: StagedPairs) -> None:
        """Have the base read a stage's pairs, too: it is what the others are compared with."""
        base = self.measured[BASE]
        if staged.label not in base.pairs:
            read = read_stage(self._job, staged, base.policy, BASE)
            self._kept(replace(base, pairs={**base.pairs, staged.label: read}))

    def _meters(self, prompts: Shards, policy: ModelRef) -> str:
        return meter(self._job, *self._responses(prompts, policy))

    def _responses(self, prompts: Shards, policy: ModelRef) -> tuple[Shards, Shards, Shards]:
        """Return a policy's groups, their scores, and how far they agree."""
        groups = sample(self._job, prompts, policy)
        agreed = agree(self._job, groups)
        columns = score(self._job, groups)
        assert self._calibration is not None, "it is fitted before anything is measured"
        return groups, aggregate(self._job, groups, columns, self._calibration, agreed), agreed

"""What is measured of the policies of a round while its stages are trained, as far as it is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from udasa_core.job.job import Job
from udasa_core.records import ModelRef
from udasa_core.steps.aggregate import Calibration, aggregate
from udasa_core.steps.agree import agree
from udasa_core.steps.meters import meter
from udasa_core.steps.pair_logprobs import read_stage
from udasa_core.steps.sample import sample
from udasa_core.steps.score import score
from udasa_core.steps.suites import measure_by_suites
from udasa_core.steps.transition import transition
from udasa_core.store.meters import Measured
from udasa_core.store.output import BASE
from udasa_core.store.store import Shards, StagedPairs


class Watch:
    """Measures the base, each stage's policy, and what a round leaves, with the run's one calibration.

    Suites run on every policy. The held-out prompts are sampled under the base and under what a round leaves;
    under the stages' policies, and pairs are read by them, only where that is asked for.
    """

    def __init__(self, job: Job, held_out: Shards, calibration: Calibration) -> None:
        self._job = job
        self._held_out = held_out
        self._calibration = calibration
        # In the order in which they were measured, rolled back or not.
        self.measured: dict[str, Measured] = {}

    def scores(self, prompts: Shards, policy: ModelRef) -> Shards:
        """Return a policy's scores on prompts that are not trained on."""
        return self._responses(prompts, policy)[1]

    def base(self) -> Measured:
        """Measure the base, so that a suite that cannot be measured costs no training."""
        policy = self._job.base
        return self._kept(
            Measured(
                BASE,
                policy,
                meters=self._meters(self._held_out, policy),
                suites=measure_by_suites(self._job, BASE, policy),
            )
        )

    def stage(self, staged: StagedPairs, policy: ModelRef, earlier: Sequence[StagedPairs]) -> Measured:
        """Measure the policy that a stage left. earlier: the round's stages before it that stand."""
        job, label, watched = self._job, staged.label, self._job.config.transitions.measure
        prompts = replace(self._held_out, round=staged.round, policy=label)
        meters = self._meters(prompts, policy) if watched else ""
        pairs: dict[str, str] = {}
        for one in (*earlier, staged) if watched else ():
            self._read_by_base(one)
            pairs[one.label] = read_stage(job, one, policy, label)
        return self._kept(Measured(label, policy, meters, pairs, measure_by_suites(job, label, policy)))

    def compare(self, before: Measured, after: Measured, round: int) -> None:
        """Have the matrix tell of a stage, where that is asked for."""
        if self._job.config.transitions.measure:
            base = self.measured[BASE]
            transition(self._job, base, before, after, round=round, against="previous")

    def end(self, left: Measured, round: int) -> Measured:
        """Measure the held-out prompts under the policy that a round left. round: from 1."""
        return replace(left, meters=self._meters(replace(self._held_out, round=round), left.policy))

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
        return groups, aggregate(self._job, groups, columns, self._calibration, agreed), agreed

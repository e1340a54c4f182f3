"""What pairing and suites ask the policy for, against the policy's context."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from udasa_core.errors import ConfigError, Fault
from udasa_core.job.job import Job
from udasa_core.plugins.admission import admits
from udasa_core.plugins.stack import Chosen, chosen_plugins

# The kinds that have the policy answer with budgets of their own. The generator's is asked of each prompt.
_ASKING = ("pairing", "suite")


def budget_faults(chosen: Sequence[Chosen], context: int) -> Iterator[Fault]:
    """Yield the budgets that leave a context no room for any prompt: of pairing and suites whose options have
    `max_new_tokens`."""
    for one in chosen:
        budget = getattr(one.options, "max_new_tokens", None)
        if one.table.kind in _ASKING and isinstance(budget, int) and budget >= context:
            yield Fault(
                f"{one.table.path}.max_new_tokens",
                f"{budget:,} tokens leave no room for a prompt in the model's context of {context:,}",
                "lower it",
            )


def refuse_budgets(job: Job) -> None:
    """Raise ConfigError where pairing or a suite could ask nothing, before anything is sampled."""
    if admits(job.stack, job.stack.generator):
        context = job.resources.causal_lm(job.base).context_length
        if faults := list(budget_faults(chosen_plugins(job.config, job.catalog), context)):
            raise ConfigError(faults, job.config.origin)

"""The policies of a run that answer, and what their prompts begin with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from udasa_core.errors import UdasaError
from udasa_core.records import ModelRef
from udasa_core.store.output import BASE, TRAINING, Output
from udasa_core.store.runs import Run
from udasa_core.store.tables import prompts_from

Only = Literal["base", "aligned"]


def policies(run: Run, stage: str = "", only: Only | None = None) -> Mapping[str, ModelRef]:
    """Return the policies that answer, by label: the base, and the one that a stage left.

    stage: its label; "" for the last one that stands. only: one of the two. Raises UsageError where there is
    no such stage, UdasaError where it is not trained, or a model is gone, and SourceError where one is not
    what the run was made with.
    """
    found: dict[str, ModelRef] = {} if only == "aligned" else {BASE: run.base}
    if only != "base":
        try:
            label = stage or run.last(unfinished=True).label
            found[label] = run.policy(label)
        except UdasaError as error:
            if stage or only:
                raise
            raise UdasaError(f"{error}\n    → --only base asks the base alone") from error
    return {label: run.unchanged(ref) for label, ref in found.items()}


def system_message(run: Run) -> tuple[str, str]:
    """Return the system message that the run's training prompts begin with, "" for none; and a note where
    they do not all begin alike."""
    found: set[str] = set()
    for key in run.keys(Output("prompts", TRAINING)):
        firsts = (one.messages[0] for one in prompts_from(run.store.read_table("prompts", key)))
        found.update(first.content if first.role == "system" else "" for first in firsts)
        if len(found) > 1:
            note = (
                "the run's prompts differ in their system messages, and none is sent: --system TEXT sends one"
            )
            return "", note
    return next(iter(found), ""), ""

"""How far a run has come: its steps, what is made of them, and what is still to come."""

from __future__ import annotations

from udasa_core.report.table import Table
from udasa_core.store.runs import Run

# The steps of a round, in order, as people read them.
_STEPS = {
    "prompts": "read prompts",
    "sample": "sample",
    "agree": "agree",
    "score": "score",
    "fit": "fit calibration",
    "aggregate": "aggregate",
    "controls": "check controls",
    "pair": "pair",
    "stage": "stage",
    "train": "train",
    "evaluate": "evaluate",
}


def progress_table(run: Run) -> Table | None:
    """Return the steps of an unfinished run; None of a finished one."""
    if run.status == "finished":
        return None
    outputs = run.manifest.outputs()
    rows = []
    for entry in outputs:
        made = sum(_is_made(run, entry["step"], key) for key in entry["keys"])
        rows.append(
            (entry["label"], "made" if made == len(entry["keys"]) else f"{made} of {len(entry['keys'])}")
        )
    known = {entry["step"] for entry in outputs}
    suites = run.manifest.plain["config"].get("suite", ())
    to_come = [label for step, label in _STEPS.items() if step not in known]
    to_come += ["suites"] if suites and "suite" not in known else []
    rows += [(label, "to come") for label in to_come]
    return Table(
        "How far it has come", ("step", ""), rows, ["Steps of later rounds are listed as they begin."]
    )


def _is_made(run: Run, step: str, key: str) -> bool:
    return any(run.store.has(step, key, suffix) for suffix in (".parquet", ".json", ""))

"""What `report_to` names are told of a stage: the figures of each step, once, though a kill have it done
twice.

transformers' own callbacks would send the arguments too, in which paths of this machine stand, and some the
model; and they take one run a process for granted.
"""

from __future__ import annotations

import json
import logging
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from udasa_core import Stage, Tracker, TrackerRun, open_tracker, write_whole

if TYPE_CHECKING:
    from udasa_core import Resources

log = logging.getLogger("udasa.preference")

# What steps are called there, and their figures' names begin with: as transformers has it.
AXIS, PREFIX = "train/global_step", "train/"


class Followed:
    """A stage's training as trackers know it, the same from one process to the next.

    Kept in a file beside the checkpoints: an id, drawn when training began, and the last step that was told.
    """

    def __init__(self, file: Path) -> None:
        known = json.loads(file.read_text()) if file.is_file() else {}
        self._file = file
        self.id: str = known.get("id") or secrets.token_hex(4)
        self.told: int = known.get("told", 0)

    def keep(self, told: int) -> None:
        """Note how many steps were told."""
        write_whole(self._file, json.dumps({"id": self.id, "told": told}))


@contextmanager
def following(
    trackers: Sequence[Tracker], file: Path, stage: Stage, resources: Resources
) -> Iterator[Sequence[Any]]:
    """Give callbacks for the Trainer that hand figures to trackers, whose runs end with the context; none
    where there are no trackers.

    file: keeps what was told, beside the checkpoints. A tracker that fails is told of once, in the log, and
    told nothing more: it stops no training.
    """
    if not trackers:
        yield ()
        return
    from transformers import TrainerCallback

    followed, folder = Followed(file), resources.run_folder
    name = f"{folder.name} {stage.name} {followed.id}"
    opened: dict[Tracker, TrackerRun] = {}
    failed: set[Tracker] = set()

    def attempt(tracker: Tracker, do: Callable[[], object]) -> None:
        try:
            do()
        except Exception as error:
            if tracker not in failed:
                failed.add(tracker)
                log.warning(
                    "stage %s: %s failed (%s: %s) and is told nothing more of it",
                    *(stage.name, tracker, type(error).__name__, error),
                )

    def begin(tracker: Tracker) -> None:
        opened[tracker] = open_tracker(tracker, name, followed.id, folder, AXIS)

    class Follower(TrainerCallback):  # type: ignore[misc]  # transformers' types are not followed
        def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            followed.keep(followed.told)
            for tracker in trackers:
                attempt(tracker, partial(begin, tracker))

        def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any], **_: Any) -> None:
            if state.global_step <= followed.told:
                return
            numbers = {name: value for name, value in logs.items() if isinstance(value, int | float)}
            figures = {PREFIX + name: float(value) for name, value in numbers.items()}
            for tracker in [one for one in opened if one not in failed]:
                attempt(tracker, partial(opened[tracker].write, figures, state.global_step))
            followed.keep(state.global_step)

    try:
        yield (Follower(),)
    finally:
        for tracker, run in opened.items():
            attempt(tracker, run.close)

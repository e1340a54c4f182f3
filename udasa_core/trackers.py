"""Programs that draw figures as they come, by the names that transformers' `report_to` has for them: which
are installed, where they write, and a run opened in one of them. They are sent figures, and nothing else."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import redirect_stdout, suppress
from pathlib import Path
from typing import Literal, Protocol

Tracker = Literal["tensorboard", "trackio", "wandb"]

# What runs are filed under where nothing else is said.
_PROJECT = "udasa"


class TrackerRun(Protocol):
    """An open run of a tracker."""

    def write(self, figures: Mapping[str, float], place: int) -> None:
        """Hand on figures by name, and their place on the axis: an optimizer step, say."""

    def close(self) -> None:
        """End the run there."""


def tracker_faults(trackers: Iterable[Tracker]) -> Iterator[str]:
    """Yield what keeps trackers from being told anything, a sentence each with what to type: one that is not
    installed, wandb without a key, which would ask for one on the terminal. Nobody is asked over the net."""
    for name in dict.fromkeys(trackers):
        if not _is_installed(name):
            yield f"{name} is not installed: pip install {name}"
        elif name == "wandb" and not _wandb_opens():
            yield "wandb has no key for its server: type `wandb login`, or `wandb offline` to send nothing"


def tracking_folder(run_folder: Path) -> Path:
    """Return where in a run's folder trackers write; not made yet."""
    return run_folder / "tracking"


def open_tracker(tracker: Tracker, name: str, id: str, run_folder: Path, axis: str) -> TrackerRun:
    """Open a run of a tracker, or go on with the one of this name and id.

    TensorBoard's files lie below TENSORBOARD_LOGGING_DIR, wandb's in WANDB_DIR, where these are set; else in
    the run's folder. trackio keeps its own. axis: what the places count, in words, for wandb. Raises whatever
    the tracker raises, and so does the run.
    """
    with redirect_stdout(sys.stderr):
        return _OPEN[tracker](name, id, run_folder, axis)


class _TensorBoard:
    def __init__(self, name: str, id: str, run_folder: Path, axis: str) -> None:
        from torch.utils.tensorboard import SummaryWriter

        above = os.environ.get("TENSORBOARD_LOGGING_DIR")
        folder = Path(above).expanduser() if above else tracking_folder(run_folder) / "tensorboard"
        self._writer = SummaryWriter(str(folder / name))

    def write(self, figures: Mapping[str, float], place: int) -> None:
        for name, value in figures.items():
            self._writer.add_scalar(name, value, place)
        self._writer.flush()  # a kill then loses none

    def close(self) -> None:
        self._writer.close()


class _Trackio:
    """The run is held, not the one that is current there: several may be open. trackio tells of itself on
    stdout, which is for results."""

    def __init__(self, name: str, id: str, run_folder: Path, axis: str) -> None:
        import trackio

        self._run = trackio.init(project=_PROJECT, name=name, resume="allow")

    def write(self, figures: Mapping[str, float], place: int) -> None:
        with redirect_stdout(sys.stderr):
            self._run.log(dict(figures), step=place)

    def close(self) -> None:
        with redirect_stdout(sys.stderr):
            self._run.finish()


class _Wandb:
    def __init__(self, name: str, id: str, run_folder: Path, axis: str) -> None:
        import wandb

        folder = Path(os.environ.get("WANDB_DIR") or tracking_folder(run_folder))
        folder.mkdir(parents=True, exist_ok=True)
        self._axis = axis
        self._run = wandb.init(
            project=os.environ.get("WANDB_PROJECT") or _PROJECT,
            dir=str(folder),
            name=name,
            id=id,
            resume="allow",
            reinit="create_new",  # beside whatever else is open
            # It would send what the terminal shows, the program's code and arguments, and the host's name.
            settings={
                "console": "off",
                "disable_code": True,
                "disable_git": True,
                "x_disable_meta": True,
                "x_disable_machine_info": True,
                "host": "",
            },
        )
        self._run.define_metric("*", step_metric=axis)

    def write(self, figures: Mapping[str, float], place: int) -> None:
        self._run.log({self._axis: place, **figures})

    def close(self) -> None:
        self._run.finish()


_OPEN: Mapping[Tracker, Callable[[str, str, Path, str], TrackerRun]] = {
    "tensorboard": _TensorBoard,
    "trackio": _Trackio,
    "wandb": _Wandb,
}


def _is_installed(name: str) -> bool:
    if name in sys.modules:
        return True
    spec = importlib.util.find_spec(name)
    # wandb leaves a folder of its own name where it is run, which Python takes for a package without code.
    return spec is not None and spec.origin is not None


def _wandb_opens() -> bool:
    """Say whether wandb has a key, or needs none."""
    import wandb

    if wandb.setup().settings.mode in ("disabled", "dryrun", "offline"):
        return True
    with suppress(TypeError):  # an older wandb cannot be asked without asking in turn
        return bool(wandb.login(prompt=False))
    return True

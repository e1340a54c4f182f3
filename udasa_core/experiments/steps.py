"""The steps API: all that an experiment needs to measure something with the pipeline's own steps."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from udasa_core.api import Configuration, Unchecked, load, read_configuration
from udasa_core.api import run as align
from udasa_core.experiments.open_run import OpenRun
from udasa_core.plugins.catalog import Catalog, read_catalog
from udasa_core.running.conduct import running
from udasa_core.store.runs import Run

# What `udasa run` does with the steps, and no step does.
_OF_RUNS = ("transitions", "gate", "guard", "rounds")


class Steps:
    """Opens runs in one folder, each with the pipeline's steps. Runs share the store that lies there.

        with steps.run(config, "warm") as run:
            for group, scores in run.score(run.sample()):
                ...

    What was sampled, scored or trained before is not made again: an experiment that is interrupted goes on
    where it stopped. `udasa show` and `udasa clean --folder` know its runs.
    """

    def __init__(
        self,
        folder: Path | str,
        configuration: Configuration = None,
        *,
        catalog: Catalog | None = None,
        uses: Collection[str] | None = None,
    ) -> None:
        """configuration: where relative sources, and local plugins, of the runs' configurations lie: beside
        this TOML; default, in the working folder. uses: the kinds of plugins that `run` uses ("generator",
        "dimension", …): what would stop only others is not looked for. None: every kind."""
        self.folder = Path(folder)
        self._read = read_configuration({} if configuration is None else configuration)
        self._catalog = catalog or read_catalog()
        self._uses = uses

    @contextmanager
    def run(self, config: Mapping[str, Any], name: str) -> Iterator[OpenRun]:
        """Open the run `name` of a configuration (a TOML's plain data), and have its manifest say how it
        ends.

        It lies in this folder under this name, whatever [run] says, and what a run watches and repeats
        ([[gate]], [guard], [rounds], [transitions]) is left out: an experiment does that itself. Raises
        ConfigError with every fault, before anything is written. Where another process is at the same run, a
        lane beside this one, it is waited for.
        """
        plain = {key: value for key, value in config.items() if key not in _OF_RUNS}
        checked = load(self._named(plain, name), catalog=self._catalog)
        with running(checked, self._catalog, uses=self._uses, waits=True) as job:
            yield OpenRun(job)

    def align(self, config: Mapping[str, Any], name: str) -> Run:
        """Make a whole run `name` of a configuration, or go on with it, as `udasa run` does: every round,
        gate and transition that it asks for.

        It lies in this folder under this name, whatever [run] says. Raises what `udasa_core.run` raises.
        """
        return align(self._named(config, name), catalog=self._catalog)

    def _named(self, config: Mapping[str, Any], name: str) -> Unchecked:
        table = config.get("run", {})
        if isinstance(table, Mapping):  # what is no table is told of when it is checked
            table = {**table, "name": name, "folder": str(self.folder)}
        return self._read._replace(raw={**config, "run": table})

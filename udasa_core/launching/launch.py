"""How a stage's ranks are started: what [train] asks for, as a command line."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from udasa_core.config.parse import RunConfig
from udasa_core.config.schema import TrainTable
from udasa_core.launching import rank
from udasa_core.launching.config_file import ConfigFile, Sharding, read_config_file
from udasa_core.store.store import versions

# accelerate's words for the dtypes in which a model computes.
_PRECISION = {"bfloat16": "bf16", "float16": "fp16"}


@dataclass(frozen=True, slots=True)
class Launch:
    """The processes that train, and who starts them. config: accelerate's, None for torchrun."""

    table: TrainTable
    config: ConfigFile | None

    @property
    def world(self) -> int:
        """The ranks, over all nodes."""
        return self.table.processes * self.table.nodes

    @property
    def sharding(self) -> Sharding:
        """As `ConfigFile.sharding`."""
        return self.config.sharding if self.config else ""

    @property
    def identity(self) -> dict[str, Any]:
        """What of it the weights depend on, in their last bits: not who starts the ranks. Empty where one
        process makes the same bytes."""
        sharding = self.config.identity if self.config else ""
        return {
            **({"processes": self.world} if self.world > 1 else {}),
            **({"accelerate": sharding} if sharding else {}),
            **({"software": versions("deepspeed")} if self.sharding == "DEEPSPEED" else {}),
        }

    def command(self, request: Path, dtype: str, node: int = 0) -> list[str]:
        """Return the command that starts the ranks of one node. request: what they are asked, see `rank`."""
        arguments = (
            self._torchrun(node) if self.config is None else self._accelerate(self.config, dtype, node)
        )
        return [sys.executable, "-m", *arguments, rank.__name__, str(request)]

    def _torchrun(self, node: int) -> Sequence[str]:
        host, port = self._meeting()
        alone = ("--standalone", "--local-addr", "127.0.0.1")
        nodes = ("--nnodes", str(self.table.nodes), "--node-rank", str(node))
        place = (*nodes, "--master-addr", host, "--master-port", port) if self.table.nodes > 1 else alone
        return ("torch.distributed.run", "--nproc-per-node", str(self.table.processes), *place, "-m")

    def _accelerate(self, config: ConfigFile, dtype: str, node: int) -> Sequence[str]:
        # All that a configuration may say, too, so that none of another place is taken.
        host, port = self._meeting()
        given = {
            "config_file": config.path,
            "num_processes": self.world,
            "num_machines": self.table.nodes,
            "machine_rank": node,
            "main_process_ip": host,
            "main_process_port": port,
            "mixed_precision": _PRECISION.get(dtype, "no"),
            "dynamo_backend": "no",
        }
        told = [text for name, value in given.items() for text in (f"--{name}", str(value))]
        return ("accelerate.commands.launch", *told, "--module")

    def _meeting(self) -> tuple[str, str]:
        """Return host and port where ranks of several nodes meet; on one, a port that is free."""
        host, _, port = self.table.rendezvous.rpartition(":")
        return (host, port) if self.table.nodes > 1 else ("127.0.0.1", "0")


def launch_of(config: RunConfig) -> Launch | None:
    """Return how a configuration's stages are launched; None where this process trains them.

    Raises UdasaError where the configuration of accelerate cannot be read.
    """
    if config.train.launcher == "none":
        return None
    named = config.train.launcher == "accelerate"
    return Launch(config.train, read_config_file(config.train.config_file, config.root) if named else None)

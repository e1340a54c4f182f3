"""What the engine `ray` is told: how many workers, what each takes, and where they run."""

from __future__ import annotations

import importlib.util
import os
import socket
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from udasa_core import Options

if TYPE_CHECKING:
    from udasa_core import Outlook

NO_RAY = "Ray is not installed: pip install ray, on every machine of the cluster"
# Seconds that a head node may take to accept a connection.
_PATIENCE = 5.0


class RayOptions(Options):
    """The table `[engine]` of the engine `ray`."""

    workers: int = Field(default=2, ge=1, description="How many actors make shards, one each at a time.")
    num_cpus: float = Field(default=1.0, ge=0.0, description="CPUs that each worker takes of the cluster.")
    num_gpus: float = Field(
        default=0.0, ge=0.0, description="GPUs that each worker takes; 0.5 puts two on one GPU."
    )
    resources: dict[str, Annotated[float, Field(gt=0.0)]] = Field(
        default={},
        description="The cluster's own resources that each worker takes, by name: what keeps workers to some "
        "machines.",
    )
    placement: Literal["spread", "pack"] = Field(
        default="spread",
        description="Whether workers are spread over the machines, or fill one before the next.",
    )
    threads: int = Field(
        default=0,
        ge=0,
        description="Threads of torch in each worker; 0: as many as `num_cpus`, at least one. Another number "
        "rounds differently.",
    )
    address: str = Field(
        default="",
        description='Where the cluster\'s head is: "HOST:6379", "ray://HOST:10001", or "auto" on one of its '
        "machines. Left out, workers run on this machine alone, and Ray ends with the run.",
    )
    retries: int = Field(
        default=2,
        ge=0,
        description="How often a shard is begun again whose worker, or whose machine, was lost.",
    )
    start_seconds: float = Field(
        default=120.0, gt=0.0, description="How long the first worker may take to be there."
    )
    object_store_mib: int = Field(
        default=100,
        ge=80,
        description="MiB of shared memory for Ray on this machine; shards do not go through it. Unused "
        "where `address` names a cluster.",
    )

    def preflight(self, outlook: Outlook) -> Iterator[str]:
        """Yield that Ray is not there, or that nobody answers at the address."""
        if importlib.util.find_spec("ray") is None:
            yield NO_RAY
        elif fault := address_fault(self.address):
            yield fault

    @property
    def each(self) -> dict[str, float]:
        """What one worker takes of the cluster, by resource, as Ray calls them."""
        taken = {"CPU": self.num_cpus, "GPU": self.num_gpus, **self.resources}
        return {name: amount for name, amount in taken.items() if amount}


def address_fault(address: str) -> str:
    """Say that nobody answers at an address ("" where somebody does, or none is named)."""
    address = os.environ.get("RAY_ADDRESS", "") if address == "auto" else address
    if not address or address == "local":
        return ""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not (host and port.isdigit()):
        return f'address = "{address}" names no machine and port: write "HOST:6379", or "ray://HOST:10001"'
    try:
        with socket.create_connection((host.strip("[]"), int(port)), timeout=_PATIENCE):
            return ""
    except OSError as error:
        return (
            f"no Ray cluster answers at {address} ({error}): start one there by "
            "`ray start --head --port=6379`, or name the right address; `ray status` tells on its machines"
        )

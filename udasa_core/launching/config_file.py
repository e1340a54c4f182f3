"""accelerate's configuration file: found, read, and what of it shapes the weights."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

from udasa_core.errors import UdasaError
from udasa_core.records import content_key

_BUILTIN = "builtin:"
DEFAULT = "builtin:ddp"
# Who computes where, or how processes find one another; the precision is [model] dtype's.
_NOT_SHAPING = frozenset(
    {
        "compute_environment",
        "debug",
        "downcast_bf16",
        "enable_cpu_affinity",
        "gpu_ids",
        "machine_rank",
        "main_process_ip",
        "main_process_port",
        "main_training_function",
        "mixed_precision",
        "num_machines",
        "num_processes",
        "rdzv_backend",
        "same_network",
        "tpu_env",
        "tpu_use_cluster",
        "tpu_use_sudo",
        "use_cpu",
    }
)
# One process, or averaged gradients and nothing else; for the first two accelerate starts one.
_ALONE = ("NO", "MULTI_CPU")
_PLAIN = (*_ALONE, "MULTI_GPU")

Sharding = Literal["", "FSDP", "DEEPSPEED"]


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """One configuration: its file, and what stands in it."""

    path: Path
    plain: Mapping[str, Any]

    @property
    def distributed(self) -> str:
        """Its `distributed_type`, in capitals."""
        return str(self.plain.get("distributed_type", "NO")).upper()

    @property
    def sharding(self) -> Sharding:
        """By what parts of the model, or of its optimizer, are kept apart; "" where each process has all."""
        return self.distributed if self.distributed in ("FSDP", "DEEPSPEED") else ""  # type: ignore[return-value]

    @property
    def identity(self) -> str:
        """A digest of what shapes the weights; "" where it is averaged gradients alone."""
        shaping = {
            name: value
            for name, value in self.plain.items()
            if name not in _NOT_SHAPING and value not in ({}, None, False)
        }
        if self.distributed in _PLAIN:
            shaping.pop("distributed_type", None)
        return content_key(shaping) if shaping else ""

    def faults(self, processes: int, nodes: int) -> Iterator[tuple[str, str]]:
        """Yield what in it contradicts [train], or cannot be served, each with what to write."""
        for name, asked in (("num_processes", processes * nodes), ("num_machines", nodes)):
            found = self.plain.get(name, asked)
            if found != asked:
                told = f"{asked} (processes × nodes)" if name == "num_processes" else f"nodes = {nodes}"
                yield f"says {name}: {found}, and [train] asks for {told}", "make them equal, or leave it out"
        if self.distributed in _ALONE or self.plain.get("use_cpu"):
            if processes * nodes > 1:
                said = (
                    "use_cpu: true" if self.plain.get("use_cpu") else f"distributed_type: {self.distributed}"
                )
                yield (
                    f"says {said}, for which accelerate starts one process, whatever is asked for",
                    "write distributed_type: MULTI_GPU, which on a CPU is gloo, and no use_cpu",
                )
        elif self.distributed not in (*_PLAIN, "FSDP", "DEEPSPEED"):
            yield f"says distributed_type: {self.distributed}", "MULTI_GPU, FSDP or DEEPSPEED is served"
        version = _part(self.plain, "fsdp_config").get("fsdp_version", 1)
        if self.distributed == "FSDP" and version != 2:
            yield f"says fsdp_version: {version}", "write fsdp_version: 2: the first FSDP is not served"
        deepspeed = _part(self.plain, "deepspeed_config")
        if "deepspeed_config_file" in deepspeed:
            yield "names a deepspeed_config_file", "write what stands there into deepspeed_config"
        elif self.distributed == "DEEPSPEED" and deepspeed.get("zero_stage", 2) not in (0, 1, 2):
            yield (
                f"says zero_stage: {deepspeed['zero_stage']}",
                "write zero_stage: 2, or take builtin:fsdp2, which shards the model's weights as well",
            )


def _part(plain: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = plain.get(name)
    return part if isinstance(part, Mapping) else {}


def builtin_names() -> list[str]:
    """Return the names of the configurations that udasa ships, as a TOML writes them."""
    shipped = (entry.name for entry in files("udasa_core").joinpath("data/accelerate").iterdir())
    return sorted(f"{_BUILTIN}{name.removesuffix('.yaml')}" for name in shipped if name.endswith(".yaml"))


def read_config_file(text: str, root: Path) -> ConfigFile:
    """Return the configuration that a TOML in the folder `root` names; "" names `builtin:ddp`.

    Raises UdasaError where it is not there, or is none.
    """
    import yaml

    text = text or DEFAULT
    if text.startswith(_BUILTIN):
        if text not in builtin_names():
            raise UdasaError(f"{text} is none that udasa ships: {', '.join(builtin_names())}")
        path = Path(str(files("udasa_core").joinpath(f"data/accelerate/{text.removeprefix(_BUILTIN)}.yaml")))
    else:
        path = root / text
    try:
        plain = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UdasaError(f"{path} cannot be read: {error.strerror}") from error
    except (UnicodeDecodeError, yaml.YAMLError, RecursionError) as error:
        raise UdasaError(f"{path} is no YAML: {' '.join(str(error).split())}") from error
    if not isinstance(plain, dict):
        raise UdasaError(f"{path} is no configuration of accelerate, which `accelerate config` writes")
    return ConfigFile(path.resolve(), plain)

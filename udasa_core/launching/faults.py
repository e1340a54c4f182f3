"""What would keep ranks from training, as far as it is known before the first sample."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Sequence

from udasa_core.config.parse import RunConfig
from udasa_core.errors import Fault, UdasaError
from udasa_core.launching.launch import Launch, launch_of
from udasa_core.models import hardware
from udasa_core.plugins.base import attribute
from udasa_core.plugins.stack import Chosen


def launch_faults(config: RunConfig, chosen: Sequence[Chosen]) -> Iterator[Fault]:
    """Yield what is wrong with [train] on this machine. chosen: the plugins that are used; without a trainer
    nothing is launched."""
    trainers = [one for one in chosen if one.table.kind == "trainer"]
    if not trainers:
        return
    table = config.train
    if table.launcher == "none":
        for key in ("processes", "config_file", "nodes", "rendezvous"):
            if getattr(table, key) != type(table).model_fields[key].default:
                yield Fault(f"train.{key}", "needs a launcher", 'write launcher = "torchrun" or "accelerate"')
        return
    if table.config_file and table.launcher != "accelerate":
        yield Fault("train.config_file", "is accelerate's", 'write launcher = "accelerate"')
    if table.nodes > 1 and not table.rendezvous:
        yield Fault("train.rendezvous", "is missing", 'write rendezvous = "host:port" of this machine')
    try:
        launch = launch_of(config)
    except UdasaError as error:
        yield Fault("train.config_file", str(error), "name another file, or leave it out for builtin:ddp")
        return
    if launch is not None:
        yield from _installed_faults(launch)
        if launch.config is not None:
            where = table.config_file or "the default"
            for told, hint in launch.config.faults(table.processes, table.nodes):
                yield Fault("train.config_file", f"{where} {told}", hint)
        yield from _device_faults(config, launch)
    for one in trainers:
        if not attribute(one.factory, "launchable"):
            yield Fault(
                f"{one.table.path}.use",
                f"{one.offer} trains in one process: it does not say that it may be launched",
                'write [train] launcher = "none", or name another trainer',
            )


def _installed_faults(launch: Launch) -> Iterator[Fault]:
    needed = {"torch": "torchrun"} if launch.config is None else {"accelerate": "accelerate"}
    if launch.sharding == "DEEPSPEED":
        needed["deepspeed"] = "DeepSpeed"
    for module, name in needed.items():
        if importlib.util.find_spec(module) is None:
            place = "train.config_file" if module == "deepspeed" else "train.launcher"
            yield Fault(place, f"{name} is not installed", f"pip install {module}")


def _device_faults(config: RunConfig, launch: Launch) -> Iterator[Fault]:
    table, asked = launch.table, config.model.device
    kind, _, number = (hardware.best_device() if asked == "auto" else asked).partition(":")
    if hardware.device_fault(asked):  # told where devices are looked at
        return
    if launch.sharding and kind != "cuda":
        told = f"asks for {launch.sharding}, which accelerate leaves out where there is no GPU"
        yield Fault("train.config_file", told, "take builtin:ddp")
    if table.processes == 1:
        return
    if kind == "cuda" and number:
        told = f"is one GPU, and {table.processes} processes take one each"
        yield Fault("model.device", told, 'write device = "cuda"')
    elif kind == "cuda" and table.processes > (gpus := hardware.gpu_count()):
        here = f"there is {gpus} GPU here" if gpus == 1 else f"there are {gpus} GPUs here"
        yield Fault(
            "train.processes", f"{table.processes} are asked for, and {here}", f"write {gpus} or fewer"
        )
    elif kind == "mps":
        yield Fault("train.processes", f"{table.processes} are asked for, and mps serves one", "write 1")

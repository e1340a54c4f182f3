"""What this machine computes with: its devices, and whether they have bfloat16.

Importing torch takes seconds, so its answer is remembered until the machine is restarted or torch changes.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import platform
import re
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from udasa_core.errors import StoreError
from udasa_core.files.json_text import parse_json
from udasa_core.files.whole import write_whole
from udasa_core.models import machine_memory
from udasa_core.records import content_key
from udasa_core.sources.cache import cache_root

_CPU_FLAGS = {"avx512_bf16", "amx_bf16", "bf16"}
_CPU_INFO = Path("/proc/cpuinfo")
_BOOT = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True, slots=True)
class Memory:
    """A device's memory in bytes. most: what nothing can exceed, swap space included (infinite where nobody
    can say); free: what is left of it now, without swap, as far as is known: of a GPU, all of it."""

    most: float
    free: float
    is_gpu: bool


def best_device() -> str:
    """Return "cuda", "mps" or "cpu": the first that works here."""
    return str(_accelerator()["device"])


def best_dtype(device: str) -> str:
    """Return "bfloat16" where `device` computes in it natively, otherwise "float32".

    On Apple's GPU it is float32: float16 overflows in training, and bfloat16 depends on chip and system.
    """
    if device == "cpu":
        return "bfloat16" if _cpu_has_bfloat16() else "float32"
    if device.startswith("cuda"):
        return "bfloat16" if _accelerator()["cuda_bfloat16"] else "float32"
    return "float32"


def device_fault(device: str) -> str:
    """Say why nothing can be computed on a device ("auto", "cpu", "mps", "cuda" or "cuda:1"); "" where it
    can."""
    kind, _, number = device.partition(":")
    if kind in ("auto", "cpu"):
        return ""
    found = _accelerator()
    if kind != found["device"]:
        here = "" if found["device"] == "cpu" else f" ({found['device']} is)"
        return f"there is no {kind} here{here}, or the installed torch cannot use it"
    gpus = gpu_count()
    if number and int(number) >= gpus:
        return f"there is no {device} here, but {' and '.join(f'cuda:{gpu}' for gpu in range(gpus))}"
    return ""


def gpu_count() -> int:
    """Return the CUDA GPUs that are here."""
    return int(str(_accelerator()["gpus"]))


def memory_of(device: str) -> int:
    """Return the bytes that a device has in all: the smallest GPU's, or the machine's (of a container, what
    it may have), which Apple's GPU shares."""
    if device.startswith("cuda"):
        return int(str(_accelerator()["gpu_memory"]))
    return machine_memory.total()


def memory_on(device: str) -> Memory:
    """Return what there is on a device, "auto" being the best one."""
    kind = best_device() if device == "auto" else device
    total = memory_of(kind)
    if not kind.startswith("cuda"):
        return Memory(total + machine_memory.swap(), machine_memory.free(), is_gpu=False)
    # Of several, only the smallest one's is known.
    return Memory(total if _accelerator()["gpus"] == 1 else math.inf, total, is_gpu=True)


def _cpu_has_bfloat16() -> bool:
    if not _CPU_INFO.is_file():
        return False
    flags = re.search(r"^(?:flags|Features)\s*:(.*)$", _CPU_INFO.read_text(), re.MULTILINE)
    return flags is not None and not _CPU_FLAGS.isdisjoint(flags[1].split())


def _accelerator() -> dict[str, object]:
    key = content_key(
        metadata.version("torch"),
        _BOOT.read_text() if _BOOT.is_file() else platform.platform(),
        # Unset means every device, empty means none.
        [os.environ.get(name) for name in ("CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES")],
    )
    memo = cache_root() / "hardware" / key
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        known = parse_json(memo.read_text())
        return {
            "device": str(known["device"]),
            "cuda_bfloat16": bool(known["cuda_bfloat16"]),
            "gpus": int(known["gpus"]),
            "gpu_memory": int(known["gpu_memory"]),
        }
    import torch

    cuda = torch.cuda.is_available()
    gpus = range(torch.cuda.device_count()) if cuda else ()
    sizes = [torch.cuda.get_device_properties(gpu).total_memory for gpu in gpus]
    answer: dict[str, object] = {
        "device": "cuda" if cuda else "mps" if torch.backends.mps.is_available() else "cpu",
        "cuda_bfloat16": cuda and torch.cuda.is_bf16_supported(including_emulation=False),
        "gpus": len(sizes),
        "gpu_memory": min(sizes, default=0),
    }
    # A cache that cannot be written costs an import next time, and is no reason to fail.
    with contextlib.suppress(StoreError):
        write_whole(memo, json.dumps(answer))
    return answer

"""What this machine computes with: its device, and whether that device has bfloat16.

Importing torch takes seconds, so it is asked only where files of the system do not tell, and then its answer
is remembered until the machine is restarted or torch changes.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import platform
import re
import sys
from pathlib import Path

from udasa_core.records import content_key
from udasa_core.sources.cache import cache_root, write_whole

_CPU_FLAGS = {"avx512_bf16", "amx_bf16", "bf16"}
_CPU_INFO = Path("/proc/cpuinfo")
_DRIVERS = (Path("/dev/nvidiactl"), Path("/dev/dxg"), Path("/dev/kfd"))


def best_device() -> str:
    """Return "cuda", "mps" or "cpu": the first that works here."""
    if _torch_is_cpu_only():
        return "cpu"
    return str(_asked_of_torch()["device"])


def best_dtype(device: str) -> str:
    """Return "bfloat16" where `device` computes in it natively, otherwise "float32".

    On Apple's GPU it is float32: float16 overflows in training, and bfloat16 depends on chip and system.
    """
    if device == "cpu":
        return "bfloat16" if _cpu_has_bfloat16() else "float32"
    if device.startswith("cuda"):
        return "bfloat16" if _asked_of_torch()["cuda_bfloat16"] else "float32"
    return "float32"


def _cpu_has_bfloat16() -> bool:
    if not _CPU_INFO.is_file():
        return False
    flags = re.search(r"^(?:flags|Features)\s*:(.*)$", _CPU_INFO.read_text(), re.MULTILINE)
    return flags is not None and not _CPU_FLAGS.isdisjoint(flags[1].split())


def _torch_is_cpu_only() -> bool:
    """Say whether torch can only use the CPU, as far as that shows without importing it."""
    if sys.platform == "darwin":
        return platform.machine() != "arm64"
    build = _torch_build()
    accelerated = re.search(r"^(?:cuda|hip)\b[^=\n]*=\s*['\"]", build, re.MULTILINE)
    return bool(build) and (accelerated is None or not any(driver.exists() for driver in _DRIVERS))


def _torch_build() -> str:
    """Return the text of torch/version.py, "" where it cannot be found."""
    found = importlib.util.find_spec("torch")  # locates it without importing it
    if found is None or found.origin is None:
        return ""
    version = Path(found.origin).with_name("version.py")
    return version.read_text() if version.is_file() else ""


def _asked_of_torch() -> dict[str, object]:
    boot = Path("/proc/sys/kernel/random/boot_id")
    key = content_key(
        _torch_build(),
        boot.read_text() if boot.is_file() else platform.platform(),
        # Unset means every device, empty means none.
        [os.environ.get(name) for name in ("CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES")],
    )
    memo = cache_root() / "hardware" / key
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        known = json.loads(memo.read_text())
        return {"device": str(known["device"]), "cuda_bfloat16": bool(known["cuda_bfloat16"])}
    import torch

    cuda = torch.cuda.is_available()
    mps = torch.backends.mps.is_available()
    answer: dict[str, object] = {
        "device": "cuda" if cuda else "mps" if mps else "cpu",
        "cuda_bfloat16": cuda and torch.cuda.is_bf16_supported(including_emulation=False),
    }
    # A cache that cannot be written costs an import next time, and is no reason to fail.
    with contextlib.suppress(OSError):
        write_whole(memo, json.dumps(answer))
    return answer

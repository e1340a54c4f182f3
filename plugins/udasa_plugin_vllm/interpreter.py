"""The interpreter that holds vLLM: whether there is one, of which versions, and what it can compute on."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from packaging.version import InvalidVersion, Version

from udasa_core import UdasaError
from udasa_plugin_vllm.process import environment

# The first that has all that the worker asks for, and was tried.
OLDEST = "0.32.0"
_NEWEST = "0.33.0"
_PROBE = Path(__file__).with_name("worker.py")
# Seconds: torch alone may take a minute to import from a slow disk.
_PATIENCE = 180
_MAKE = (
    "vLLM asks for a torch of its own, so it lives in an environment of its own. Make one by\n"
    "      python3 -m venv ~/vllm-env\n"
    f"      ~/vllm-env/bin/pip install vllm=={_NEWEST}\n"
    '    and write python = "~/vllm-env/bin/python" under [generator]'
)


@dataclass(frozen=True, slots=True)
class Interpreter:
    """An interpreter that holds vLLM.

    versions: of vLLM and of what it computes with, by name. gpus: how many it can use; None: vLLM is built
    for processors.
    """

    path: str
    versions: Mapping[str, str]
    gpus: int | None

    @property
    def told(self) -> str:
        """Its versions in words, in one order: "vllm 0.32.0, torch 2.13.0, …"."""
        return ", ".join(f"{name} {version}" for name, version in sorted(self.versions.items()))


def interpreter(python: str) -> Interpreter:
    """Return the interpreter of a path, "" for the one that runs this; asked once a process.

    Raises UdasaError where there is none, it holds no vLLM, or one that is too old.
    """
    path = Path(python).expanduser() if python else Path(sys.executable)
    return _interpreter(str(path))


@cache
def _interpreter(path: str) -> Interpreter:
    try:
        done = subprocess.run(
            [path, str(_PROBE), "probe"],
            env=environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_PATIENCE,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise UdasaError(f"{path} does not say within {_PATIENCE} s whether it holds vLLM") from error
    except OSError as error:
        raise UdasaError(f"{path} is no interpreter that can be run ({error}). {_MAKE}") from error
    try:
        told = json.loads(done.stdout.splitlines()[-1])
        versions, gpus = dict(told["versions"]), told["gpus"]
    except (ValueError, LookupError, TypeError) as error:
        said = done.stderr.decode(errors="replace").strip()[-400:]
        raise UdasaError(f"{path} does not say whether it holds vLLM, but: {said!r}. {_MAKE}") from error
    if "vllm" not in versions:
        raise UdasaError(f"there is no vLLM in {path}. {_MAKE}")
    if _is_older(versions["vllm"]):
        raise UdasaError(f"{path} holds vLLM {versions['vllm']}, and {OLDEST} or newer is asked for. {_MAKE}")
    return Interpreter(path, versions, gpus)


def gpu_faults(found: Interpreter, asked: int) -> Iterator[str]:
    """Yield that there are fewer GPUs than are asked for."""
    if found.gpus is not None and found.gpus < asked:
        yield (
            f"{found.path} holds vLLM {found.versions['vllm']}, built for GPUs; it can use {found.gpus} "
            f"here, and tensor_parallel_size × workers asks for {asked}. See what nvidia-smi and "
            'CUDA_VISIBLE_DEVICES say, ask for fewer, or sample by use = "transformers"'
        )


def _is_older(version: str) -> bool:
    try:
        # A build made from sources calls itself a development release of the next version.
        return Version(version).release < Version(OLDEST).release
    except InvalidVersion:
        return False

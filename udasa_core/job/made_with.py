"""With which versions and which code a run is made, as its manifest keeps it: what `udasa check` compares."""

from __future__ import annotations

from collections.abc import Mapping

from udasa_core.job.outputs import MAKERS
from udasa_core.plugins.identity import core_digest
from udasa_core.store.store import INFERENCE, TRAINING_SOFTWARE, versions

# The libraries whose versions enter a step's fingerprints.
LIBRARIES: Mapping[str, tuple[str, ...]] = {
    "sample": INFERENCE,
    "score": INFERENCE,
    "train": TRAINING_SOFTWARE,
    "pair-logprobs": INFERENCE,
    "suite": INFERENCE,
    "answer": INFERENCE,
}


def used_versions() -> dict[str, str]:
    """Return the versions of udasa and of the libraries that shape outputs."""
    names = {name: None for libraries in LIBRARIES.values() for name in libraries}
    return versions("udasa", *names)


def code_digests() -> dict[str, str]:
    """Return the digest of udasa's own code, by the step whose outputs it makes."""
    return {step: core_digest(module) for step, module in MAKERS.items()}


def told(versions: Mapping[str, str]) -> str:
    """Return versions for people: "udasa 0.1.0, torch 2.13.0, …"."""
    return ", ".join(f"{name} {version}" for name, version in versions.items()) or "versions unknown"

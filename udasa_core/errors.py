"""Every error that udasa raises on purpose.

    UdasaError                 exit 1: a step failed; the message says what to type next
    ├── ConfigError            exit 2: the TOML, an override or a command line is wrong; lists every fault
    ├── UsageError             exit 2: what was typed names no run, or a file that would be lost
    ├── CatalogError           exit 2: a plugin is missing, offered twice, or made for another contract
    ├── SourceError            a model or data set cannot be had, or is not what its checksum says
    │   └── BadSourceError     a source is wrong as it is written; carries `fault` and `hint`
    ├── PromptsError           too many prompts were set aside, or none is left
    ├── StoreError             the store cannot be written or read
    ├── LockedError            another process is at work on the same run
    ├── PluginError            a plugin raised, or broke its contract; names plugin, distribution, version
    ├── LaunchError            the processes of a launched stage ended before it was trained
    ├── NothingTrainedError    every stage was skipped
    ├── NoPairsError           no response could be paired; carries the counts by reason
    └── FewPairsError          too few prompts gave a pair

A plugin may raise `UdasaError` (or a subclass) to speak to the user in its own words; anything else that
leaves a plugin is wrapped in a `PluginError`.
"""

from __future__ import annotations

import errno
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

# What a third party's code may raise where it is called: anything, and the end of the process. It is caught
# around such a call alone, and told with whose it is. Ctrl-C is none of it.
FOREIGN = (Exception, SystemExit)


class UdasaError(Exception):
    """What udasa raises on purpose, with what to type next; `exit_code` is what the command line returns."""

    exit_code = 1


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with a configuration: where it is, what stands there, what to type instead."""

    path: str
    message: str
    hint: str = ""

    def __str__(self) -> str:
        where = f"{self.path}: " if self.path else ""
        return f"{where}{self.message}" + (f"\n    → {self.hint}" if self.hint else "")


class ConfigError(UdasaError):
    """A configuration with one or more faults, all of them told at once."""

    exit_code = 2

    def __init__(self, faults: Sequence[Fault], origin: str = "") -> None:
        self.faults = tuple(faults)
        self.origin = origin
        count = len(self.faults)
        head = f"{origin or 'configuration'}: {count} fault{'s' if count != 1 else ''}"
        super().__init__("\n".join([head, *(f"  {fault}" for fault in self.faults)]))


class UsageError(UdasaError):
    """What was asked for cannot be meant: no such run, a file that would be lost, a suffix of no format."""

    exit_code = 2


class CatalogError(UdasaError):
    """A plugin that the catalog cannot offer: missing, ambiguous, or made for another contract."""

    exit_code = 2


class SourceError(UdasaError):
    """A model or data source that cannot be resolved to verified local files."""


class PromptsError(UdasaError):
    """Prompts that cannot be used: too many rows set aside, or none left."""


class StoreError(UdasaError):
    """The store cannot be written (full, read-only) or holds something that is not what it should be."""


class LockedError(UdasaError):
    """Another process holds the lock of this run, or of the store that is to be cleaned."""


class PluginError(UdasaError):
    """A plugin raised or returned what its contract forbids. The message names who, what and the contract."""


class LaunchError(UdasaError):
    """The processes that were to train a stage have ended; the message says which was first, and of what."""


class NothingTrainedError(UdasaError):
    """Every stage was skipped, so there is no aligned model."""


class NoPairsError(UdasaError):
    """Pairing made no pair at all. `reasons` counts why, by reason."""

    def __init__(self, reasons: Mapping[str, int]) -> None:
        self.reasons = dict(reasons)
        super().__init__(
            "there is no pair to train on. Prompts, or pairs that were made, by why they are left out:\n"
            f"{_counted(reasons) or '  (no prompt reached pairing)'}\n"
            "Loosen what the reason names: the guards in [pairing], or the policy in [stages] (what it does "
            "with pairs that have no gap, say); or raise [generator] responses, or give more prompts. "
            "Identical responses want a higher [generator] temperature, and equal U another dimension."
        )


class FewPairsError(UdasaError):
    """So few prompts gave a pair that what is trained would hardly be about them."""

    def __init__(self, pairs: int, prompts: int, least: float, reasons: Mapping[str, int]) -> None:
        super().__init__(
            f"{pairs} of {prompts} prompts give a pair ({pairs / prompts:.1%}), fewer than [trainer] "
            f"min_paired ({least:.1%}) asks for; nothing is trained. The others, by why they have none:\n"
            f"{_counted(reasons)}\n"
            "Name dimensions that have something to say of such prompts, loosen the guards in [pairing], "
            "give other prompts, or train on what there is: --set trainer.min_paired=0"
        )


# What the system says of a file → in words that say what it is.
_OF_FILES = {
    errno.ENOENT: "there is no such file or folder",
    errno.EACCES: "you have no right to (see ls -l, and chmod)",
    errno.EPERM: "you have no right to (see ls -l, and chmod)",
    errno.EISDIR: "it is a folder, and a file is wanted",
    errno.ENOTDIR: "a part of its path is a file, and no folder",
    errno.ENOSPC: "the disk is full",
    errno.EROFS: "the disk is read-only",
    errno.ENAMETOOLONG: "its name is too long",
}


def reason(error: Exception) -> str:
    """Return why a file could not be read or written, without the path and the number that Python tells."""
    if isinstance(error, OSError) and error.strerror:
        return _OF_FILES.get(error.errno or 0, error.strerror)
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg}, in line {error.lineno}"
    if isinstance(error, UnicodeDecodeError):
        return "it is not UTF-8 text"
    return str(error)


def _counted(reasons: Mapping[str, int]) -> str:
    return "\n".join(f"  {count:>6}  {reason}" for reason, count in sorted(reasons.items()))

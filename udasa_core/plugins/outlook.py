"""What a run will meet, as far as it is known before its first sample."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from udasa_core.errors import FOREIGN
from udasa_core.models.loading import bare_model
from udasa_core.models.model_size import local_folder, local_path
from udasa_core.records import ModelRef, Prompt, SamplingOptions

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from udasa_core.resources.protocols import Classifier


@dataclass(frozen=True, slots=True)
class Outlook:
    """What a run will meet, for the options of a plugin that look ahead. Nothing is fetched for it.

    policy: the base policy's source; runs_code: whether it comes with code of its own. sampling, voters: how
    many responses a prompt gets, and how. shard_size: prompts that are sampled at once. max_set_aside: the
    share of prompts that may be unusable. resumes: the run was begun before, and may have all that a server
    was needed for. prompts: reads those of the run; none where they are not on this
    machine yet. ranks: the processes that train a stage together; sharding: "FSDP" or "DEEPSPEED" where these
    keep parts of the model, or of its optimizer, apart.
    """

    root: Path
    policy: str
    runs_code: bool
    sampling: SamplingOptions
    voters: int
    shard_size: int
    max_set_aside: float
    resumes: bool
    prompts: Callable[[], Iterable[Prompt]]
    ranks: int = 1
    sharding: str = ""

    def path(self, source: str) -> Path | None:
        """Return where a source's files lie; None where they are not on this machine yet, or it is none."""
        try:
            return local_path(source, self.root)
        except FOREIGN:  # whatever is wrong with it is told where sources are checked
            return None

    def folder(self, source: str) -> Path | None:
        """Return the folder of a model; None where it is not on this machine yet."""
        path = self.path(source)
        folder = local_folder(path) if path is not None else None
        return folder if folder is not None and (folder / "config.json").is_file() else None

    def classifier(self, source: str) -> Classifier | None:
        """Return a classifier for its labels; None where its files are not on this machine yet."""
        from udasa_core.resources.classifier import load_classifier

        folder = self.folder(source)
        if folder is None:
            return None
        return load_classifier(
            ModelRef(source, revision="", dtype="float32", template="", folder=str(folder))
        )

    def bare_policy(self) -> PreTrainedModel | None:
        """Return the policy's modules without their weights; None where its config.json is not on this
        machine yet, or would run code of its own."""
        folder = self.folder(self.policy)
        return None if folder is None or self.runs_code else bare_model(folder)

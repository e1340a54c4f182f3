"""A trainer without a model that may be launched: what its ranks do, and where they end, its options say."""

from __future__ import annotations

import json
import logging
import os
import signal
import time
from pathlib import Path
from typing import Any

from tests.canned import Trainer
from udasa_core import ModelRef, Report, Stage, UdasaError, hookimpl


class Launched(Trainer):
    """Rank 0 writes what `Trainer` writes; every rank notes in `out_dir`/../… who it was."""

    launchable = True
    incidental = ("notes", "ends")

    class Options(Trainer.Options):
        notes: str = ""
        ends: str = ""

    @hookimpl
    def udasa_train(
        self, stage: Stage, pairs: Path, policy: ModelRef, reference: ModelRef, out_dir: Path, seed: int
    ) -> Report:
        rank, ends = int(os.environ.get("RANK", "0")), self.options.ends
        told: dict[str, Any] = {"pid": os.getpid(), "rank": rank, "world": os.environ.get("WORLD_SIZE")}
        told["agent"] = os.getppid()
        if self.options.notes:
            (Path(self.options.notes) / f"{stage.name}-{rank}.json").write_text(json.dumps(told))
        if rank == 1 and ends == "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        if rank == 1 and ends == "said":
            raise UdasaError("the loss is nan: lower [trainer] learning_rate")
        if rank == 1 and ends == "raised":
            raise RuntimeError("CUDA out of memory")
        logging.getLogger("udasa").warning("rank %d has something to say", rank)
        with self.resources.progress(f"train {stage.name}", 2) as advance:
            advance(1)
            if ends:
                time.sleep(600)  # as one that waits for a rank which is no more
            advance(1)
        answer: Report = (
            super().udasa_train(stage, pairs, policy, reference, out_dir, seed) if rank == 0 else None
        )  # type: ignore[assignment]
        return answer

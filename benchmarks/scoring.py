"""Our scoring of semantic.degree against lm-polygraph's, on the same responses and the same entailment model.

    python -m venv peers && . peers/bin/activate
    pip install torch==2.13.0                         # first, for the CPU build
    pip install lm-polygraph==0.7.0 transformers==5.23.0
    pip install .
    python benchmarks/scoring.py                      # trains a BERT of 6 layers for about a minute
    python benchmarks/scoring.py --save nli           # keeps it; the next run with --model nli reads it

Both sides are given the same 64 prompts of 8 responses, all at once, and the same saved model. Ours is the
plugin as a run calls it, with nothing remembered from the run before; theirs is SemanticMatrixCalculator and
then DegMat, with the batch size of their model class (10). The sides run in turn. Printed: responses a
second, medians over the runs; the ratio, by wall time and by CPU time, which a busy machine disturbs less;
and how far the values are apart. lm-polygraph scores a text against itself and takes what the model says
there; for the comparison of values that is set to 1, as it is with us, and its trace form
mean_i (K − D_ii) / K is our mean over the prompt times (K − 1) / K. Exits 1 where float32 values differ by
more than 1e-4.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import small_entailment
import torch
from lm_polygraph.estimators import DegMat
from lm_polygraph.stat_calculators.semantic_matrix import SemanticMatrixCalculator
from lm_polygraph.utils.deberta import Deberta
from numpy.typing import NDArray
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from udasa_core import Group
from udasa_core.resources.shared import SharedResources
from udasa_plugin_semantic.degree import Degree

Matrix = NDArray[np.float64]
TOLERANCE = 1e-4


class AnyModel(Deberta):
    """Their model class, for any architecture: only what it loads is exchanged, as their subclass does."""

    def setup(self) -> None:
        self._deberta = AutoModelForSequenceClassification.from_pretrained(self.deberta_path)
        self._deberta_tokenizer = AutoTokenizer.from_pretrained(self.deberta_path)
        self._deberta.to(self.device).eval()


class Ours:
    def __init__(self, folder: Path, dtype: str) -> None:
        refs = {"entailment": small_entailment.ref(folder, dtype)}
        self._resources = SharedResources(refs, folder, lambda event: None)
        self._degree = Degree(Degree.Options(), "semantic.degree", self._resources)

    @property
    def read(self) -> int:
        """How many pairs the model has read so far."""
        return self._resources.reads["texts classified"]

    def __call__(self, groups: Sequence[Group]) -> Matrix:
        """Return the (prompts, K) uncertainties."""
        self._resources.forget()
        return np.array(self._degree.udasa_score(groups, 0).scores, dtype=np.float64)


class Theirs:
    def __init__(self, folder: Path, batch: int) -> None:
        self._calculator = SemanticMatrixCalculator(AnyModel(str(folder), batch_size=batch, device="cpu"))
        self._degree = DegMat()
        self.matrices = np.empty(0)

    def __call__(self, groups: Sequence[Group]) -> Matrix:
        """Return the prompts' uncertainties; the (prompts, K, K) entailment is kept."""
        texts = [[response.text for response in group.responses] for group in groups]
        stats = {"sample_texts": texts, **self._calculator({"sample_texts": texts}, [], None)}
        self.matrices = stats["semantic_matrix_entail"].astype(np.float64)
        return np.asarray(self._degree(stats), dtype=np.float64)


def reconciled(groups: Sequence[Group], matrices: Matrix) -> Matrix:
    """Return the matrices with 1 where two texts are equal."""
    equal = np.array([[[a.text == b.text for b in g.responses] for a in g.responses] for g in groups])
    return np.where(equal, 1.0, matrices)


def difference(groups: Sequence[Group], ours: Matrix, theirs: Matrix) -> float:
    """Return how far their DegMat over (prompts, K, K) entailment and our (prompts, K) scores are apart."""
    count = ours.shape[1]
    texts = [[response.text for response in group.responses] for group in groups]
    whole = DegMat()({"sample_texts": texts, "semantic_matrix_entail": theirs})
    by_prompt = np.abs(ours.mean(axis=1) * (count - 1) / count - whole).max()
    similarity = (theirs + theirs.transpose(0, 2, 1)) / 2
    by_response = np.abs(ours - (count - similarity.sum(axis=2)) / (count - 1)).max()
    return float(max(by_prompt, by_response))


def ratio(seconds: Mapping[str, Sequence[float]], name: str) -> str:
    """Return how many times lm-polygraph's speed a side has: the median over the runs, and their range."""
    found = [other / own for own, other in zip(seconds[name], seconds["lm-polygraph"], strict=True)]
    return f"{statistics.median(found):.2f}× ({min(found):.2f} to {max(found):.2f})"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--model", type=Path, help="a folder with an entailment model, instead of training")
    parser.add_argument("--save", type=Path, help="where the trained model is kept")
    parser.add_argument("--layers", type=int, default=6)
    parser.add_argument("--hidden", type=int, default=256)
    parser.add_argument("--steps", type=int, default=120, help="of training, 32 pairs each")
    parser.add_argument("--prompts", type=int, default=64)
    parser.add_argument("--responses", type=int, default=8)
    parser.add_argument("--repeats", type=float, default=0.25, help="chance of a response said before")
    parser.add_argument("--batch", type=int, default=10, help="lm-polygraph's batch size")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    chosen = parser.parse_args()
    torch.set_num_threads(chosen.threads)

    with tempfile.TemporaryDirectory() as name:
        folder = chosen.model or chosen.save or Path(name)
        if not chosen.model:
            shape = {"layers": chosen.layers, "hidden": chosen.hidden, "steps": chosen.steps}
            accuracy = small_entailment.train(folder, rate=5e-4, **shape)
            print(f"trained: {shape}, accuracy {accuracy:.2f} on fresh pairs (chance .33)", flush=True)
        groups = small_entailment.groups(chosen.prompts, chosen.responses, chosen.repeats, seed=0)
        return compare(folder, groups, chosen.batch, chosen.runs)


def compare(folder: Path, groups: Sequence[Group], batch: int, runs: int) -> int:
    texts = [[response.text for response in group.responses] for group in groups]
    count = sum(map(len, texts))
    words = statistics.mean(len(text.split()) for some in texts for text in some)
    distinct = statistics.mean(len(set(some)) for some in texts)
    theirs = Theirs(folder, batch)
    ours = Ours(folder, "float32")
    sides: dict[str, Callable[[Sequence[Group]], Matrix]] = {
        "float32": ours,
        "bfloat16": Ours(folder, "bfloat16"),
        "lm-polygraph": theirs,
    }
    print(
        f"{len(texts)} prompts, {count} responses of {words:.1f} words, {distinct:.2f} of "
        f"{len(texts[0])} distinct; {torch.get_num_threads()} threads, their batches {batch} pairs",
        flush=True,
    )
    values = {name: side(groups) for name, side in sides.items()}  # warms up, too
    entailment = reconciled(groups, theirs.matrices)
    print(f"pairs read: ours {ours.read}, theirs {sum(len(set(some)) ** 2 for some in texts)}")
    apart = {name: difference(groups, values[name], entailment) for name in ("float32", "bfloat16")}
    print(f"scores from {values['float32'].min():.3f} to {values['float32'].max():.3f}")

    wall: dict[str, list[float]] = {name: [] for name in sides}
    work: dict[str, list[float]] = {name: [] for name in sides}
    for run in range(runs):
        # Who goes first alternates: the machine's mood is shared out.
        for name in list(sides) if run % 2 == 0 else list(reversed(sides)):
            began, worked = time.perf_counter(), time.process_time()
            sides[name](groups)
            wall[name].append(time.perf_counter() - began)
            work[name].append(time.process_time() - worked)
        seconds = "  ".join(f"{name} {wall[name][-1]:.2f} s, CPU {work[name][-1]:.2f} s" for name in sides)
        print(f"  run {run + 1}  {seconds}", flush=True)
    for name in sides:
        told = f"  max |difference| {apart[name]:.1e}" if name in apart else ""
        print(
            f"{name:13}{count / statistics.median(wall[name]):7.1f} responses/s"
            f"  {ratio(wall, name)} lm-polygraph, by CPU time {ratio(work, name)}{told}"
        )
    return int(apart["float32"] > TOLERANCE)


if __name__ == "__main__":
    sys.exit(main())

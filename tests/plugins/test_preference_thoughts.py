"""Training on answers alone, or on thoughts and answers: what counts in the loss, by plain torch."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from tests.plugins.preferences import make_pairs, train, write_pairs
from udasa_core import ModelRef, Pair, Response, UdasaError
from udasa_plugin_preference.dpo import DPO
from udasa_plugin_preference.ipo import IPO
from udasa_plugin_preference.rows import open_rows, write_rows
from udasa_plugin_preference.sft import SFT


def thinking(response: Response, tokens: int, *forced: int) -> Response:
    return replace(response, thought="…", thought_tokens=tokens, forced=forced)


# Thoughts of 2 tokens, of 3 of which the generator wrote the last, and none.
PAIRS = [
    replace(
        pair,
        chosen=thinking(pair.chosen, 2) if number % 3 else pair.chosen,
        rejected=thinking(pair.rejected, 3, 2) if number % 2 else thinking(pair.rejected, 1),
    )
    for number, pair in enumerate(make_pairs(6))
]


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_pairs(tmp_path_factory.mktemp("pairs") / "pairs.parquet", PAIRS)


def logprobs(ref: ModelRef, pair: Pair, response: Response) -> list[float]:
    """Each token's log-probability by plain torch, after its prompt and all that stands before it."""
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(ref.folder, dtype=torch.float32)
    if ref.adapters:
        model = PeftModel.from_pretrained(model, ref.adapters[0].folder)
    sequence = torch.tensor([[*pair.prompt_token_ids, *response.token_ids]])
    with torch.no_grad():
        table = model(sequence).logits[0, :-1].double().log_softmax(-1)
    found: list[float] = table.gather(1, sequence[0, 1:, None])[-len(response.token_ids) :, 0].tolist()
    return found


def counted(ref: ModelRef, side: str, tokens: str) -> list[list[float]]:
    """Each pair's log-probabilities that count on one side, picked by hand."""
    rows = []
    for number, pair in enumerate(PAIRS):
        response = getattr(pair, side)
        whole = logprobs(ref, pair, response)
        if side == "chosen":
            rows.append(whole[2:] if tokens == "answer" and number % 3 else whole)
        elif tokens == "answer":
            rows.append(whole[3:] if number % 2 else whole[1:])
        else:
            rows.append([*whole[:2], *whole[3:]] if number % 2 else whole)
    return rows


@pytest.mark.parametrize("tokens", ["answer", "all"])
def test_rows_say_which_tokens_count(pairs: Path, tmp_path: Path, tokens: str) -> None:
    rows = write_rows(pairs, tmp_path / "rows.arrow", None, "answer" if tokens == "answer" else "all")
    dataset = open_rows(rows)
    for number, (pair, row) in enumerate(zip(PAIRS, dataset, strict=True)):
        length = len(pair.chosen.token_ids)
        skipped = 2 if tokens == "answer" and number % 3 else 0
        assert row["chosen_counts"] == [0] * skipped + [1] * (length - skipped)
        begins = {"answer": [0, 0, 0] if number % 2 else [0, 1, 1], "all": [1, 1, int(number % 2 == 0)]}
        assert row["rejected_counts"] == begins[tokens] + [1] * (len(pair.rejected.token_ids) - 3)
        assert tuple(row["rejected_ids"]) == pair.rejected.token_ids
        assert rows.lengths[:, number].tolist() == [sum(row["chosen_counts"]), sum(row["rejected_counts"])]


@pytest.mark.parametrize("tokens", ["answer", "all"])
def test_the_supervised_loss_is_of_the_tokens_that_count(
    pairs: Path, tiny_ref: ModelRef, tmp_path: Path, tokens: str
) -> None:
    report = train(SFT, pairs, tiny_ref, tmp_path, batch=6, tokens=tokens)
    chosen = counted(tiny_ref, "chosen", tokens)
    expected = -sum(map(sum, chosen)) / sum(map(len, chosen))
    assert report.metrics["first_loss"] == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("tokens", ["answer", "all"])
def test_preferences_are_of_the_tokens_that_count(
    pairs: Path, tiny_ref: ModelRef, tmp_path: Path, tokens: str
) -> None:
    report = train(IPO, pairs, tiny_ref, tmp_path, tokens=tokens)
    before = {side: counted(tiny_ref, side, tokens) for side in ("chosen", "rejected")}
    after = {side: counted(report.policy, side, tokens) for side in ("chosen", "rejected")}
    for side, rows in before.items():
        assert report.metrics[f"{side}_logprob_before"] == pytest.approx(sum(map(sum, rows)) / 6, abs=1e-3)
    gaps = [
        sum(after["chosen"][n]) / len(after["chosen"][n])
        - sum(before["chosen"][n]) / len(before["chosen"][n])
        - sum(after["rejected"][n]) / len(after["rejected"][n])
        + sum(before["rejected"][n]) / len(before["rejected"][n])
        for n in range(6)
    ]
    assert report.metrics["gap_per_token_after"] == pytest.approx(sum(gaps) / 6, abs=1e-3)
    assert abs(sum(gaps)) > 0.01


def test_the_first_loss_is_exact_over_answers_too(pairs: Path, tiny_ref: ModelRef, tmp_path: Path) -> None:
    report = train(DPO, pairs, tiny_ref, tmp_path, tokens="answer")
    assert report.metrics["first_loss"] == pytest.approx(math.log(2), abs=1e-5)


def test_a_response_of_which_nothing_counts_is_told(tmp_path: Path) -> None:
    (pair,) = make_pairs(1)
    places = range(len(pair.chosen.token_ids))
    written = replace(pair, chosen=replace(pair.chosen, forced=tuple(places)))
    with pytest.raises(UdasaError, match=r"\(prompt p0\): a response has no token that its model drew"):
        write_rows(write_pairs(tmp_path / "pairs.parquet", [written]), tmp_path / "rows.arrow", None)

"""Exported pairs are what TRL reads, with every figure beside them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import udasa_core
from tests.canned import configuration
from udasa_core.errors import UdasaError
from udasa_core.export.pairs import export_pairs


def load(path: Path) -> Any:
    from datasets import load_dataset

    kind = "json" if path.suffix == ".jsonl" else "parquet"
    return load_dataset(kind, data_files=str(path), split="train", cache_dir=str(path.parent / "cache"))


@pytest.mark.parametrize("name", ["pairs.jsonl", "pairs.parquet"])
def test_datasets_reads_every_pair(canned_run: udasa_core.Run, tmp_path: Path, name: str) -> None:
    count = export_pairs(canned_run, tmp_path / name)
    rows = list(load(tmp_path / name))
    pairs = list(canned_run.pairs())
    assert count == len(rows) == len(pairs)
    for row, (stage, pair) in zip(rows, pairs, strict=True):
        assert row["stage"] == stage
        assert row["pair_id"] == pair.id
        assert row["prompt"] == [{"role": "user", "content": pair.prompt.messages[0].content}]
        assert row["chosen"] == [{"role": "assistant", "content": pair.chosen.text}]
        assert row["rejected"] == [{"role": "assistant", "content": pair.rejected.text}]
        assert (row["gap"], row["chosen_U"]) == (pair.gap, pair.chosen_U)
        # U is the mean of the dimensions by their weights, 1 and 2.
        for side in ("chosen", "rejected"):
            scores = row[f"{side}_scores"]
            assert (scores["one"] + 2 * scores["two"]) / 3 == pytest.approx(row[f"{side}_U"])


def test_trl_takes_the_format(canned_run: udasa_core.Run, tmp_path: Path, tiny_model_dir: Path) -> None:
    from transformers import AutoTokenizer
    from trl.data_utils import is_conversational, maybe_apply_chat_template

    export_pairs(canned_run, tmp_path / "pairs.jsonl")
    row = load(tmp_path / "pairs.jsonl")[0]
    assert is_conversational(row)
    tokenizer = AutoTokenizer.from_pretrained(tiny_model_dir)
    example = {key: row[key] for key in ("prompt", "chosen", "rejected")}
    rendered = maybe_apply_chat_template(example, tokenizer)
    assert rendered["prompt"].endswith("<|im_start|>assistant\n")
    assert rendered["chosen"].startswith(row["chosen"][0]["content"])


def test_abstentions_are_null(tmp_path: Path, tiny_model_dir: Path) -> None:
    config = configuration(tmp_path, tiny_model_dir, count=8)
    config["dimension"].append({"use": "tests.canned:Abstaining", "name": "mute"})
    run = udasa_core.run(config)
    export_pairs(run, tmp_path / "pairs.jsonl")
    rows = [json.loads(line) for line in (tmp_path / "pairs.jsonl").read_text().splitlines()]
    assert rows
    assert all(row["chosen_scores"]["mute"] is None for row in rows)


def test_no_file_is_lost_or_misnamed(canned_run: udasa_core.Run, tmp_path: Path) -> None:
    path = tmp_path / "pairs.jsonl"
    path.write_text("mine")
    with pytest.raises(UdasaError, match="--force"):
        export_pairs(canned_run, path)
    assert path.read_text() == "mine"
    assert export_pairs(canned_run, path, force=True) > 0
    with pytest.raises(UdasaError, match=r"\.jsonl or \.parquet"):
        export_pairs(canned_run, tmp_path / "pairs.csv")
    assert [one.name for one in tmp_path.iterdir()] == ["pairs.jsonl"]

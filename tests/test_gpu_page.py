"""What docs/gpu.md says of memory is what `udasa init` computes."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from types import SimpleNamespace

import pytest

from udasa_core.check.room import room_of
from udasa_core.check.sizing import Work, sizings
from udasa_core.config.recipes import recipes
from udasa_core.models.model_size import typical_size
from udasa_core.running.workload import trained_bytes
from udasa_core.text.size import size

PAGE = (Path(__file__).parent.parent / "docs" / "gpu.md").read_text()
ROWS = re.findall(r"^\| (\d+)B \| (\d+) GiB \| (.+) \|$", PAGE, re.MULTILINE)


def test_there_are_rows_of_both_models() -> None:
    assert {billions for billions, _, _ in ROWS} == {"4", "8"}


@pytest.mark.parametrize(("billions", "gib", "told"), ROWS)
def test_each_row_is_computed(billions: str, gib: str, told: str) -> None:
    recipe = tomllib.loads(recipes()["8b"].read_text())
    trainer, sampling = recipe["trainer"], recipe["generator"]
    work = Work(
        characters=(500,),
        budget=sampling["max_new_tokens"],
        rows=sampling["responses"],
        together=8,
        batch=trainer["batch"],
        pairs=trainer["batch"] * trainer["accumulation"],
        rank=16,
    )
    room = room_of(float(gib))
    found = next(
        (
            one
            for one in sizings(typical_size(int(billions) * 10**9), work, room)
            if one.needed <= room.counted
        ),
        None,
    )
    if found is None:
        assert told.startswith("does not fit")
        return
    assert told.split(" | ") == [
        "4 bits" if found.quantization == "4bit" else "16 bits",
        f"{found.batch}{', recomputed' if found.is_recomputed else ''}",
        size(found.weights),
        size(found.sampling),
        f"{size(found.training)} to {size(2 * found.training)}",
    ]


def test_the_work_is_the_recipes() -> None:
    sampling = tomllib.loads(recipes()["8b"].read_text())["generator"]
    responses = (1000 + 200) * (sampling["responses"] + sampling["voters"])
    assert f"{responses:,} responses" in PAGE
    assert round(responses * sampling["max_new_tokens"] / 1e6, 1) == 1.8


DISK = re.findall(r"^\| (.+) \| (.+) \| ([\d.]+ GB) \| ([\d.]+ GB) \| (.+) \|$", PAGE, re.MULTILINE)


def test_the_disk_is_computed() -> None:
    recipe = tomllib.loads(recipes()["8b"].read_text())
    rank = SimpleNamespace(peft="lora", rank=recipe["trainer"].get("rank", 16))
    whole = SimpleNamespace(peft="none")
    told = {step: tuple(figures) for step, _, *figures, _ in DISK}
    models = [typical_size(billions * 10**9) for billions in (4, 8)]
    adapters = tuple(f"{trained_bytes(model, rank) / 1e9:.2f} GB" for model in models)
    assert told["training"] == told["`udasa export --adapter alone`"] == adapters
    assert told["fetching"] == ("0.1 GB", "0.1 GB")  # the second such row; the first is the model's:
    assert ("fetching", "8.0 GB", "16 GB") in {(step, *figures) for step, _, *figures, _ in DISK}
    assert told["`udasa export --model`"] == tuple(size(trained_bytes(model, whole)) for model in models)
    assert f"{size(7 * trained_bytes(models[0], whole))}\nof 4B" in PAGE

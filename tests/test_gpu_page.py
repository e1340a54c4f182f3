"""What docs/gpu.md says of memory is what `udasa init` computes."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from udasa_core.check.room import room_of
from udasa_core.check.sizing import Work, sizings
from udasa_core.config.recipes import recipes
from udasa_core.models.model_size import typical_size
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

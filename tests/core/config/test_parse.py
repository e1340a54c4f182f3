"""A configuration tells all its faults at once, each with its TOML path, and writes nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import udasa_core
from tests.canned import configuration
from udasa_core.config.overrides import override
from udasa_core.config.parse import RunConfig
from udasa_core.config.toml_text import read_toml
from udasa_core.errors import ConfigError


@pytest.fixture
def plain(tmp_path: Path, tiny_model_dir: Path) -> dict[str, Any]:
    return configuration(tmp_path, tiny_model_dir)


def faults(plain: dict[str, Any], *overrides: str) -> dict[str, str]:
    with pytest.raises(ConfigError) as caught:
        udasa_core.load(plain, overrides)
    assert caught.value.exit_code == 2
    return {fault.path: f"{fault.message} {fault.hint}" for fault in caught.value.faults}


def test_a_sound_configuration_is_read_whole(plain: dict[str, Any]) -> None:
    config = udasa_core.load(plain)
    assert config.run.seed == 7
    assert config.sampling.responses == 4
    assert [one.name for one in config.dimensions] == ["one", "two"]
    assert config.dimensions[1].options == {"salt": "two"}
    assert config.trainer.options == {}
    assert config.training.reference == "previous_stage"


def test_all_faults_come_at_once_and_nothing_is_written(plain: dict[str, Any], tmp_path: Path) -> None:
    before = sorted(tmp_path.iterdir())
    plain["run"]["nmae"] = "x"
    plain["run"]["seed"] = "seven"
    plain["generator"]["responses"] = 1
    plain["dimension"][0]["weight"] = 0.0
    plain["dimension"][1]["weight"] = 0.0
    plain["dimension"].append({"use": "semantic.degre", "weight": 0.0})
    plain["model"]["source"] = "file:/nowhere/model"
    plain["stages"] = {"use": "thresholds", "bounds": [0.2, 0.4]}
    plain["pairing"] = {"use": "extremes", "min_gpa": 0.1}
    plain["calibratoin"] = {"use": "cdf"}
    del plain["trainer"]
    told = faults(plain)
    assert "name" in told["run.nmae"]
    assert "whole number" in told["run.seed"]
    assert "'seven'" in told["run.seed"]
    assert "takes a number of 2 or more (it is 1)" in told["generator.responses"]
    assert "sum to zero" in told["dimension"]
    assert 'did you mean "semantic.degree"?' in told["dimension.semantic.degre.use"]
    assert "/nowhere/model" in told["model.source"]
    assert any("bounds descend" in text for path, text in told.items() if path.startswith("stages"))
    assert "min_gap" in told["pairing.min_gpa"]
    assert "calibration" in told["calibratoin"]
    assert "missing" in told["trainer"]
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("run.held_out", 1.0),
        ("run.name", "../escape"),
        ("run.shard_size", 0),
        ("generator.temperature", 0.0),
        ("generator.top_p", 1.5),
        ("generator.temperature", float("nan")),
        ("prompts.max_set_aside", 2.0),
        ("model.dtype", "float8"),
        ("model.device", "cudaa"),
        ("model.trust_remote_code", "yes"),
        ("trainer.reference", "next_stage"),
    ],
)
def test_a_value_out_of_range_is_told_with_its_path(plain: dict[str, Any], path: str, value: object) -> None:
    table, key = path.split(".")
    plain.setdefault(table, {})[key] = value
    assert path in faults(plain)


def test_two_dimensions_of_one_name_are_refused(plain: dict[str, Any]) -> None:
    plain["dimension"][1]["name"] = "one"
    assert "two tables have this name" in faults(plain)["dimension.one"]


def test_a_weight_belongs_to_dimensions_only(plain: dict[str, Any]) -> None:
    plain["pairing"]["weight"] = 2.0
    assert "pairing.weight" in faults(plain)


def test_a_run_cannot_lie_where_the_store_lies(plain: dict[str, Any]) -> None:
    plain["run"]["name"] = "store"
    assert "store" in faults(plain)["run.name"]


def test_local_work_that_cannot_be_imported_is_told(plain: dict[str, Any]) -> None:
    plain["generator"]["use"] = "tests.canned:Genrator"
    assert "Genrator" in faults(plain)["generator.use"]


def test_a_stage_inherits_its_trainers_options_unless_the_trainer_is_another(plain: dict[str, Any]) -> None:
    plain["trainer"] = {
        "use": "tests.canned:Trainer",
        "learning_rate": 3.0,
        "moderate": {"crash": False},
        "exploratory": {"use": "ipo", "rank": 4},
    }
    config = udasa_core.load(plain)
    assert config.stage_trainers["moderate"].options == {"learning_rate": 3.0, "crash": False}
    assert config.stage_trainers["exploratory"].options == {"rank": 4}
    plain["trainer"]["moderate"]["learning_rat"] = 1.0
    assert "learning_rate" in faults(plain)["trainer.moderate.learning_rat"]


def test_an_override_for_a_stage_that_no_policy_makes_is_a_fault(plain: dict[str, Any]) -> None:
    plain["trainer"]["consevative"] = {"learning_rate": 2.0}
    assert 'did you mean "conservative"?' in faults(plain)["trainer.consevative"]


def test_a_fault_of_the_trainer_is_told_once(plain: dict[str, Any]) -> None:
    plain["trainer"] |= {"learnin_rate": 1.0, "conservative": {"crash": False}}
    assert [path for path in faults(plain) if path.startswith("trainer")] == ["trainer.learnin_rate"]


def test_a_misspelt_core_key_of_a_plugin_table_is_told_by_its_name(plain: dict[str, Any]) -> None:
    plain["generator"]["respones"] = 3
    plain["dimension"][0]["weigth"] = 3.0
    told = faults(plain)
    assert 'did you mean "responses"?' in told["generator.respones"]
    assert 'did you mean "weight"?' in told["dimension.one.weigth"]


def test_set_reaches_plain_keys_and_named_members(plain: dict[str, Any]) -> None:
    plain["dimension"].append({"use": "factual.nll"})
    config: RunConfig = udasa_core.load(
        plain,
        ["generator.responses=6", "dimension.two.weight=0.5", "dimension.factual.nll.weight=3", "run.name=b"],
    )
    assert config.sampling.responses == 6
    assert [one.weight for one in config.dimensions] == [1.0, 0.5, 3.0]
    assert config.run.name == "b"


@pytest.mark.parametrize(
    ("assignment", "word"),
    [
        ("generator.responses", "takes KEY=VALUE in one word"),
        ("dimension.three.weight=1", "one, two"),
        ("run.name.first=1", "not a table"),
    ],
)
def test_a_wrong_override_is_told(plain: dict[str, Any], assignment: str, word: str) -> None:
    with pytest.raises(ConfigError, match=word):
        override(plain, [assignment])


def test_an_override_leaves_the_original_alone(plain: dict[str, Any]) -> None:
    override(plain, ["run.seed=9"])
    assert plain["run"]["seed"] == 7


def test_a_file_that_is_no_toml_is_told_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "bad.toml"
    path.write_text("[run]\nname = \n")
    with pytest.raises(ConfigError, match="line 2"):
        read_toml(path)
    with pytest.raises(ConfigError, match="udasa init"):
        read_toml(tmp_path / "none.toml")


def test_relative_files_are_looked_for_beside_the_toml(tmp_path: Path, tiny_model_dir: Path) -> None:
    (tmp_path / "prompts.jsonl").write_text('{"prompt": "hi"}\n')
    path = tmp_path / "run.toml"
    path.write_text(
        f"""
        [run]
        name = "relative"
        [model]
        source = "file:{tiny_model_dir}"
        [prompts]
        source = "file:prompts.jsonl"
        [generator]
        use = "transformers"
        [[dimension]]
        use = "factual.nll"
        [calibration]
        use = "none"
        [aggregation]
        use = "mean"
        [pairing]
        use = "random"
        [stages]
        use = "quantiles"
        [trainer]
        use = "dpo"
        """
    )
    assert udasa_core.load(path).root == tmp_path


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ({"model.device": "gpu"}, "model.device: takes auto, cpu, cuda, cuda:1 or mps (it is 'gpu')"),
        ({"embedder.device": "gpu"}, "embedder.device: takes auto, cpu, cuda, cuda:1 or mps"),
        ({"run.name": "a b"}, "run.name: takes letters, digits, dots, _ and -, and begins with"),
        ({"trainer.targets": 5}, "trainer.targets: takes 'all-linear', or takes a list (it is 5)"),
        ({"trainer.targets": [5]}, "trainer.targets: "),
        ({"model.dtype": "half"}, "model.dtype: takes 'auto', 'float32', 'bfloat16' or 'float16'"),
        ({"trainer.lr": 1e-4}, 'trainer.lr: is not a known key\n    → did you mean "learning_rate"?'),
        ({"trainer.quantization": "4bit"}, 'did you mean "quantize"?'),
        ({"model.quantize": "4bit"}, 'did you mean "quantization"?'),
        ({"model.load_in_4bit": True}, 'did you mean "quantization"?'),
        ({"trainer.load_in_4bit": True}, 'did you mean "quantize"?'),
        ({"generator.num_return_sequences": 4}, 'did you mean "responses"?'),
    ],
)
def test_messages_are_in_words(setting: dict[str, Any], told: str) -> None:
    from udasa_core.api import load

    ((path, value),) = setting.items()
    text = value if isinstance(value, str) else json.dumps(value)
    with pytest.raises(ConfigError) as error:
        load(None, [f"{path}={text}"])
    assert told in str(error.value)
    assert len(error.value.faults) == 1
    for sign in ("[all", "tuple[", "literal[", "^", "pattern"):
        assert sign not in str(error.value)

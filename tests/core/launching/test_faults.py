"""What would keep ranks from training is told before the first sample: by `check`, and as a run begins."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.canned import configuration
from udasa_core.api import load
from udasa_core.config.parse import RunConfig
from udasa_core.config.schema import TrainTable
from udasa_core.launching import faults
from udasa_core.launching.config_file import builtin_names, read_config_file
from udasa_core.launching.faults import launch_faults
from udasa_core.models import hardware
from udasa_core.plugins.catalog import read_catalog
from udasa_core.plugins.stack import Chosen, chosen_plugins
from udasa_core.running.preflight import preflight

TRAINER = {"use": "dpo", "batch": 2, "accumulation": 4}


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory, tiny_model_dir: Path) -> tuple[RunConfig, list[Chosen]]:
    """A right configuration without a launcher, and its plugins."""
    catalog = read_catalog()
    config = load(
        configuration(tmp_path_factory.mktemp("base"), tiny_model_dir, trainer=TRAINER), catalog=catalog
    )
    return config, chosen_plugins(config, catalog)


@pytest.fixture
def refused(base: tuple[RunConfig, list[Chosen]]) -> Callable[..., str]:
    """Say what is wrong with a [train] table on this machine, the model on a device."""

    def refuse(train: dict[str, Any], device: str = "cpu") -> str:
        config, chosen = base
        model = config.model.model_copy(update={"device": device})
        models = {**config.models, "model": model}
        config = replace(config, train=TrainTable(**train), models=models)
        return "\n".join(map(str, launch_faults(config, chosen)))

    return refuse


def two(**more: Any) -> dict[str, Any]:
    return {"launcher": "torchrun", "processes": 2, **more}


def by_file(text: str) -> dict[str, Any]:
    Path("accelerate.yaml").write_text(text)
    return {"launcher": "accelerate", "processes": 2, "config_file": str(Path("accelerate.yaml").resolve())}


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("train", [{}, two(), two(launcher="accelerate"), two(processes=4)])
def test_what_is_right_is_not_refused(train: dict[str, Any], refused: Callable[..., str]) -> None:
    assert refused(train) == ""


@pytest.mark.parametrize(
    ("train", "told"),
    [
        ({"processes": 2}, "train.processes: needs a launcher"),
        (two(config_file="builtin:ddp"), "train.config_file: is accelerate's"),
        (two(nodes=2), "train.rendezvous: is missing"),
        (two(launcher="accelerate", config_file="none.yaml"), "none.yaml cannot be read: No such file"),
        (two(launcher="accelerate", config_file="builtin:dpp"), "builtin:ddp, builtin:fsdp2, builtin:zero2"),
        (two(launcher="accelerate", config_file="builtin:fsdp2"), "leaves out where there is no GPU"),
    ],
)
def test_a_wrong_table_is_named(train: dict[str, Any], told: str, refused: Callable[..., str]) -> None:
    assert told in refused(train)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a: [", "is no YAML"),
        ("- 1", "is no configuration of accelerate"),
        ("{distributed_type: MULTI_GPU, num_processes: 4}", "num_processes: 4, and [train] asks for 2"),
        ("{distributed_type: MULTI_GPU, num_machines: 2}", "num_machines: 2, and [train] asks for nodes = 1"),
        ("{distributed_type: MULTI_CPU}", "accelerate starts one process, whatever is asked for"),
        ("{distributed_type: MULTI_GPU, use_cpu: true}", "says use_cpu: true, for which"),
        ("{distributed_type: XLA}", "MULTI_GPU, FSDP or DEEPSPEED is served"),
        ("{distributed_type: FSDP}", "write fsdp_version: 2"),
        ("{distributed_type: DEEPSPEED, deepspeed_config: {zero_stage: 3}}", "builtin:fsdp2"),
    ],
)
def test_a_configuration_that_contradicts_is_named(text: str, told: str, refused: Callable[..., str]) -> None:
    assert told in refused(by_file(text))


def test_a_launcher_that_is_not_installed_is_named(
    refused: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(faults.importlib.util, "find_spec", lambda name: None)
    assert "train.launcher: accelerate is not installed\n    → pip install accelerate" in refused(
        two(launcher="accelerate")
    )
    zero = refused(two(launcher="accelerate", config_file="builtin:zero2"))
    assert "train.config_file: DeepSpeed is not installed\n    → pip install deepspeed" in zero


@pytest.mark.parametrize(
    ("device", "here", "told"),
    [
        ("cuda", {"device": "cuda", "gpus": 1}, "train.processes: 2 are asked for, and there is 1 GPU here"),
        ("auto", {"device": "cuda", "gpus": 1}, "train.processes: 2 are asked for, and there is 1 GPU here"),
        ("cuda:0", {"device": "cuda", "gpus": 2}, "model.device: is one GPU, and 2 processes take one each"),
        ("auto", {"device": "mps", "gpus": 0}, "mps serves one"),
        ("cuda", {"device": "cuda", "gpus": 2}, ""),
    ],
)
def test_gpus_that_are_not_there_are_named(
    device: str,
    here: dict[str, object],
    told: str,
    refused: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(hardware, "_accelerator", lambda: {"cuda_bfloat16": True, "gpu_memory": 1, **here})
    said = refused(two(), device)
    assert told in said if told else said == ""


def test_check_and_run_tell_it_and_whether_the_trainer_may_be_launched(
    tmp_path: Path, tiny_model_dir: Path
) -> None:
    """The trainer of `canned` does not say so; what `dpo` foresees of a step is asked too."""
    catalog = read_catalog()
    for trainer, told in (
        ({"use": "tests.canned:Trainer"}, "trains in one process: it does not say that it may be launched"),
        ({"use": "dpo", "batch": 4}, "write batch = 2, accumulation = 2: the same 4 pairs a step"),
        ({"use": "tests.launched:Launched"}, ""),
    ):
        plain = configuration(tmp_path, tiny_model_dir, trainer=trainer, train=two())
        config = load(plain, catalog=catalog)
        found, _ = preflight(config, catalog, chosen_plugins(config, catalog))
        said = "\n".join(map(str, found))
        assert told in said if told else said == ""


def test_accelerate_reads_what_is_shipped() -> None:
    from accelerate.commands.config.config_args import load_config_from_file

    assert builtin_names() == ["builtin:ddp", "builtin:fsdp2", "builtin:zero2"]
    for name in builtin_names():
        shipped = read_config_file(name, Path())
        assert load_config_from_file(str(shipped.path)).distributed_type.value == shipped.distributed
        assert list(shipped.faults(8, 1)) == []

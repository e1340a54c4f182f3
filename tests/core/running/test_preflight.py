"""What can be known before the first sample is told before it: by `udasa check`, and as a run begins."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import udasa_core
from tests.canned import Dimension, calls, configuration
from tests.core.classifiers import make_classifier, make_tokenizer
from tests.core.conftest import to_toml
from tests.read_only import read_only
from udasa_core.api import load
from udasa_core.cli.main import main
from udasa_core.errors import ConfigError
from udasa_core.models import hardware
from udasa_core.models.model_size import model_size
from udasa_core.plugins.catalog import Catalog, read_catalog
from udasa_core.plugins.stack import chosen_plugins
from udasa_core.running.preflight import preflight
from udasa_core.running.workload import count_prompts, responses, stored_bytes, trained_bytes


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return read_catalog()


@pytest.fixture
def refused(tmp_path: Path, tiny_model_dir: Path, catalog: Catalog) -> Callable[..., str]:
    """Say what stops a run of a configuration, as far as it can be known beforehand."""

    def refuse(**tables: Any) -> str:
        plain = {**configuration(tmp_path, tiny_model_dir), **tables}
        config = load(plain, catalog=catalog)
        faults, _ = preflight(config, catalog, chosen_plugins(config, catalog))
        return "\n".join(map(str, faults))

    return refuse


def test_check_and_run_tell_it_before_anything_is_sampled(tmp_path: Path, tiny_model_dir: Path) -> None:
    (tmp_path / "file").write_text("")
    path = tmp_path / "udasa.toml"
    plain = configuration(tmp_path, tiny_model_dir)
    path.write_text(to_toml({**plain, "run": {"name": "x", "folder": str(tmp_path / "file" / "runs")}}))
    checked = CliRunner().invoke(main, ["check", str(path)])
    assert checked.exit_code == 2
    # The plan is shown all the same.
    assert "Plan" in checked.stdout
    before = calls["generate"]
    with pytest.raises(ConfigError) as told:
        udasa_core.run(path)
    assert calls["generate"] == before
    assert str(told.value) in checked.stderr
    assert f"run.folder: {tmp_path / 'file'} is no folder" in checked.stderr


def model(folder: Path, **keys: Any) -> dict[str, Any]:
    return {"source": f"file:{folder}", "dtype": "float32", **keys}


def test_a_device_that_is_not_there(
    refused: Callable[..., str], tiny_model_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = {"device": "cpu", "cuda_bfloat16": False, "gpus": 0}
    monkeypatch.setattr(hardware, "_accelerator", lambda: found)
    told = refused(model=model(tiny_model_dir, device="cuda"))
    assert "model.device: there is no cuda here" in told
    found |= {"device": "cuda", "gpus": 2}
    told = refused(model=model(tiny_model_dir, device="cuda:2"))
    assert "model.device: there is no cuda:2 here, but cuda:0 and cuda:1" in told


def test_four_bits_without_bitsandbytes(
    refused: Callable[..., str], tiny_model_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("udasa_core.models.loading.has_bitsandbytes", lambda: False)
    told = refused(model=model(tiny_model_dir, device="cpu", quantization="4bit"))
    assert "model.quantization: needs bitsandbytes" in told
    assert "pip install bitsandbytes" in told
    told = refused(trainer={"use": "dpo", "quantize": "4bit"})
    assert "trainer.quantize: needs bitsandbytes" in told


def test_lora_targets_that_the_model_has_not(refused: Callable[..., str]) -> None:
    told = refused(trainer={"use": "dpo", "targets": ["q_porj"]})
    assert "the model has no module 'q_porj'; did you mean \"q_proj\"?" in told
    told = refused(trainer={"use": "dpo", "targets": ["embed_tokens"]})
    assert "are the model's embeddings and its head at once" in told


def test_what_is_there_passes(refused: Callable[..., str]) -> None:
    assert refused(trainer={"use": "dpo", "targets": ["q_proj", "v_proj"]}) == ""


def test_a_folder_that_cannot_be_written(tmp_path: Path, refused: Callable[..., str]) -> None:
    closed = tmp_path / "closed"
    closed.mkdir()
    with read_only(closed):
        told = refused(run={"name": "x", "folder": str(closed / "runs")})
    assert f"run.folder: nothing can be written to {closed}" in told
    (tmp_path / "file").write_text("")
    told = refused(run={"name": "x", "folder": str(tmp_path / "file" / "runs")})
    assert f"run.folder: {tmp_path / 'file'} is no folder" in told


def test_a_disk_that_is_too_small(refused: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage("/")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=2000))
    assert "run.folder: 2.0 kB are free" in refused()


def test_a_causal_model_for_entailment(refused: Callable[..., str], tiny_model_dir: Path) -> None:
    judged = {"use": "semantic.degree"}
    told = refused(dimension=[judged], entailment={"source": f"file:{tiny_model_dir}", "device": "cpu"})
    assert "entailment.source: LlamaForCausalLM is no sequence-classification model" in told


def test_a_causal_model_for_a_reward_model(refused: Callable[..., str], tiny_model_dir: Path) -> None:
    told = refused(dimension=[{"use": "value.reward", "source": f"file:{tiny_model_dir}"}])
    assert "dimension.value.reward" in told
    assert "LlamaForCausalLM is no sequence-classification model" in told


def test_labels_that_a_classifier_has_not(refused: Callable[..., str], tmp_path: Path) -> None:
    folder = make_classifier(tmp_path / "classifier", "bert", positions=32, labels=("fine", "toxic"))
    make_tokenizer(folder)
    source = f"file:{folder}"
    assert "a reward model has one label" in refused(dimension=[{"use": "value.reward", "source": source}])
    told = refused(dimension=[{"use": "value.classifier", "source": source, "harmful": ["toxci"]}])
    assert "did you mean 'toxic'?" in told
    told = refused(dimension=[{"use": "semantic.degree"}], entailment={"source": source, "device": "cpu"})
    assert "entailment.source" in told
    assert "its labels are fine, toxic" in told


def test_a_judge_that_is_not_there(refused: Callable[..., str]) -> None:
    told = refused(judge={"use": "transformers", "source": "file:nowhere"})
    assert "judge" in told
    assert "there is no " in told


def test_recorded_rows_with_too_few_responses(refused: Callable[..., str], tmp_path: Path) -> None:
    path = configuration(tmp_path, tmp_path)["prompts"]["source"].removeprefix("file:")
    prompts = [json.loads(line)["prompt"] for line in Path(path).read_text().splitlines()]
    recorded = tmp_path / "recorded.jsonl"
    rows = [{"prompt": one, "responses": ["a", "b"][: 1 + bool(n)]} for n, one in enumerate(prompts)]
    recorded.write_text("".join(json.dumps(row) + "\n" for row in rows))
    generator = {"use": "recorded", "source": f"file:{recorded}"}
    told = refused(generator=generator)
    assert "generator" in told
    assert f"1 of {len(prompts)} prompts" in told
    assert "1 recorded responses, and pairing needs 2" in told


def test_a_finished_run_on_a_read_only_disk_is_read(tmp_path: Path, tiny_model_dir: Path) -> None:
    plain = configuration(tmp_path, tiny_model_dir)
    udasa_core.run(plain)
    with read_only(Path(plain["run"]["folder"])):
        assert udasa_core.run(plain).made == 0


def test_a_gated_model_of_the_hub_is_told_before_sampling(
    refused: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from udasa_core.errors import SourceError

    def ask(source: Any, kind: str = "model") -> None:
        raise SourceError(f"{source.text}: 401")

    monkeypatch.setattr("udasa_core.sources.hub.ask_hub", ask)
    told = refused(judge={"use": "transformers", "source": "hf:nobody/gated"})
    assert "judge.source: hf:nobody/gated: 401" in told


def test_gated_data_of_the_hub_are_told_before_sampling(
    refused: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from udasa_core.errors import SourceError

    asked: list[tuple[str, str]] = []

    def ask(source: Any, kind: str = "model") -> None:
        asked.append((source.name, kind))
        if (source.name, kind) != ("some/model", "model"):
            raise SourceError(f"{source.text}: 403")

    monkeypatch.setattr("udasa_core.sources.hub.ask_hub", ask)
    assert "prompts.source: hf:nobody/gated: 403" in refused(prompts={"source": "hf:nobody/gated"})
    assert "controls.source: hf:nobody/gated: 403" in refused(controls={"source": "hf:nobody/gated"})
    suite = {"use": "truthfulqa.mc", "source": "hf:nobody/gated"}
    assert "suite.truthfulqa.mc.source: hf:nobody/gated: 403" in refused(suite=[suite])
    assert asked == [
        *(("nobody/gated", "dataset"), ("nobody/gated", "dataset")),
        *(("nobody/gated", "dataset"), ("nobody/gated", "model")),
    ]
    # What a suite names may be a model.
    assert "some/model" not in refused(suite=[{**suite, "source": "hf:some/model"}])


def test_data_of_a_silent_hub_are_a_note(
    tmp_path: Path, tiny_model_dir: Path, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    from udasa_core.sources.hub import SilentHubError

    def ask(source: Any, kind: str = "model") -> None:
        raise SilentHubError(f"{source.text}: no answer\n    → check")

    monkeypatch.setattr("udasa_core.sources.hub.ask_hub", ask)
    plain = configuration(tmp_path, tiny_model_dir, prompts={"source": "hf:some/prompts"})
    config = load(plain, catalog=catalog)
    faults, notes = preflight(config, catalog, chosen_plugins(config, catalog))
    assert not faults
    assert notes == ["hf:some/prompts: no answer"]


def test_prompts_are_read_once_as_a_run_begins(
    tmp_path: Path, tiny_model_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from udasa_core.prompts import read

    opened: list[str] = []
    rows_of = read.rows_of

    def counting(path: Path, *others: Any, **options: Any) -> Any:
        opened.append(path.name)
        return rows_of(path, *others, **options)

    monkeypatch.setattr(read, "rows_of", counting)
    udasa_core.run(configuration(tmp_path, tiny_model_dir))
    assert opened == ["prompts.jsonl"]


def test_a_disk_that_is_too_small_is_told_once_prompts_are_read(
    tmp_path: Path, tiny_model_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage, before = shutil.disk_usage("/"), calls["generate"]
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=2000))
        with pytest.raises(ConfigError, match=r"run\.folder: 2\.0 kB are free"):
            udasa_core.run(configuration(tmp_path, tiny_model_dir))
    assert calls["generate"] == before
    assert udasa_core.run(configuration(tmp_path, tiny_model_dir)).status == "finished"


def test_what_an_experiment_never_uses_does_not_stop_it(tmp_path: Path, tiny_model_dir: Path) -> None:
    never = {
        "trainer": {"use": "dpo", "targets": ["q_porj"]},
        "judge": {"use": "transformers", "source": "file:nowhere"},
    }
    plain = {**configuration(tmp_path, tiny_model_dir), **never}
    uses = ("generator", "dimension", "calibration", "aggregation")
    with udasa_core.Steps(tmp_path / "out", uses=uses).run(plain, "one") as run:
        assert sum(1 for _ in run.sample()) > 0
    with (
        pytest.raises(ConfigError, match="q_porj"),
        udasa_core.Steps(tmp_path / "out", uses=(*uses, "trainer")).run(plain, "two"),
    ):
        pass
    # A dimension that asks the judge uses it, too.
    asking = {
        **plain,
        "dimension": [{"use": "tests.core.running.test_preflight:AskingJudge", "name": "asks"}],
    }
    with (
        pytest.raises(ConfigError, match="there is no "),
        udasa_core.Steps(tmp_path / "out", uses=uses).run(asking, "three"),
    ):
        pass


class AskingJudge(Dimension):
    needs = ("judge",)


def test_what_is_sampled_and_what_is_trained_must_have_room_together(
    tmp_path: Path, tiny_model_dir: Path, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run of three stages: responses, and five adapters, which lie there while the last one trains."""
    plain = configuration(tmp_path, tiny_model_dir, trainer={"use": "dpo", "rank": 64})
    config = load(plain, catalog=catalog)
    (trainer,) = (one.options for one in chosen_plugins(config, catalog) if one.table.kind == "trainer")
    prompts, size = count_prompts(config), model_size(config.model.source, tmp_path)
    assert prompts is not None
    assert size is not None
    stored = stored_bytes(config, prompts, responses(config, prompts, stages := ("a", "b", "c"))) / 4
    adapters = trained_bytes(size, trainer) * (len(stages) + 2)
    usage, before = shutil.disk_usage("/"), calls["generate"]
    free = int(stored + adapters) - 1
    assert free > max(stored, adapters)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=free))
    with pytest.raises(ConfigError, match="are free there, and the run writes"):
        udasa_core.run(plain)
    assert calls["generate"] == before


def test_a_file_of_another_models_responses_to_other_prompts(
    tmp_path: Path, refused: Callable[..., str]
) -> None:
    path = tmp_path / "other.jsonl"
    compared = [{"use": "semantic.cross-model", "recorded": f"file:{path}"}]
    path.write_text(json.dumps({"prompt": "never asked", "responses": ["a", "b"]}) + "\n")
    told = refused(dimension=compared)
    assert f"dimension.semantic.cross-model: file:{path} has no response to any of the 24 prompts" in told
    path.write_text(json.dumps({"prompt": "question 3", "responses": ["a"]}) + "\n")
    assert refused(dimension=compared) == ""


def test_texts_that_a_suite_cannot_read(tmp_path: Path, refused: Callable[..., str]) -> None:
    (tmp_path / "texts.jsonl").write_text('{"body": "some words"}\n')
    suite = {"use": "retention", "texts": f"file:{tmp_path / 'texts.jsonl'}"}
    told = refused(suite=[suite])
    assert "suite.retention: " in told
    assert "its rows need one of the fields text: name the field that holds the text" in told
    assert refused(suite=[{**suite, "texts_column": "body"}]) == ""


def test_a_file_that_an_option_names_and_that_is_not_there(
    tmp_path: Path, refused: Callable[..., str]
) -> None:
    (tmp_path / "other.jsonl").write_text("")
    gone = f"file:{tmp_path / 'othr.jsonl'}"
    told = refused(
        dimension=[{"use": "semantic.cross-model", "recorded": gone}],
        aggregation={"use": "fitted-mean", "source": gone},
        suite=[{"use": "retention", "texts": gone}],
    )
    places = [line.partition(": ")[0] for line in told.splitlines() if not line.startswith("    ")]
    assert sorted(place.strip() for place in places if "there is no" in told) == [
        "aggregation.source",
        "dimension.semantic.cross-model.recorded",
        "suite.retention.texts",
    ]
    assert told.count("did you mean") == 3

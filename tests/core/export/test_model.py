"""An exported model is the model that was trained, and its card says where it comes from."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import ModelCard

import udasa_core
from tests.canned import configuration
from udasa_core.errors import SourceError, StoreError, UdasaError, UsageError
from udasa_core.export.card import card
from udasa_core.export.model import export_adapter, export_beside, export_merged
from udasa_core.export.wanted import Wanted, export_model
from udasa_core.report.figures import figures
from udasa_core.report.show import outcome_tables, training_tables
from udasa_core.sources.digests import weights_digest


def logits_of(model: Any) -> Any:
    import torch

    with torch.inference_mode():
        return model(torch.tensor([[5, 40, 41, 42, 9]])).logits


@pytest.fixture(scope="module")
def merged(finished_run: udasa_core.Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("export") / "merged"
    export_merged(finished_run, folder)
    return folder


def test_merged_is_the_aligned_model(finished_run: udasa_core.Run, merged: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    exported = AutoModelForCausalLM.from_pretrained(merged)
    aligned = udasa_core.load_causal_lm(finished_run.aligned()).model
    base = udasa_core.load_causal_lm(finished_run.base).model
    assert exported.dtype == torch.float32
    assert torch.allclose(logits_of(exported), logits_of(aligned), atol=1e-5)
    assert not torch.allclose(logits_of(exported), logits_of(base), atol=1e-2)
    tokenizer = AutoTokenizer.from_pretrained(merged)
    original = AutoTokenizer.from_pretrained(finished_run.base.folder)
    assert tokenizer.chat_template == original.chat_template
    assert exported.generation_config.eos_token_id == original.eos_token_id
    assert sorted(path.name for path in merged.parent.iterdir()) == ["merged"]


def test_beside_copies_the_weights_that_are_read_and_no_other_form_of_them(
    tmp_path: Path, tiny_model_dir: Path
) -> None:
    base = tmp_path / "base"
    shutil.copytree(tiny_model_dir, base)
    others = {"pytorch_model.bin.index.json", "consolidated.safetensors", "model.gguf", "pytorch_model.bin"}
    for name in others:
        (base / name).write_text("{}")
    (base / "model.safetensors").rename(base / "named.safetensors")
    config = json.loads((base / "config.json").read_text())
    (base / "config.json").write_text(json.dumps({**config, "transformers_weights": "named.safetensors"}))
    run = udasa_core.run(configuration(tmp_path, base))
    export_beside(run, tmp_path / "out")
    left = {file.name for file in (tmp_path / "out").iterdir()}
    assert "named.safetensors" in left
    assert left & others == set()


def test_beside_is_the_aligned_model(finished_run: udasa_core.Run, tmp_path: Path) -> None:
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = tmp_path / "beside"
    export_beside(finished_run, folder)
    base = AutoModelForCausalLM.from_pretrained(folder)
    model = PeftModel.from_pretrained(base, folder / "adapter")
    aligned = udasa_core.load_causal_lm(finished_run.aligned()).model
    assert torch.allclose(logits_of(model), logits_of(aligned), atol=1e-5)
    assert AutoTokenizer.from_pretrained(folder).chat_template
    config = json.loads((folder / "adapter" / "adapter_config.json").read_text())
    assert config["base_model_name_or_path"] == Path(finished_run.base.folder).name


def test_the_adapter_alone_is_for_whoever_has_the_base(finished_run: udasa_core.Run, tmp_path: Path) -> None:
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    export_adapter(finished_run, tmp_path / "alone")
    base = AutoModelForCausalLM.from_pretrained(finished_run.base.folder)
    model = PeftModel.from_pretrained(base, tmp_path / "alone")
    aligned = udasa_core.load_causal_lm(finished_run.aligned()).model
    assert torch.allclose(logits_of(model), logits_of(aligned), atol=1e-5)
    left = {path.name for path in (tmp_path / "alone").iterdir()}
    assert left == {"README.md", "adapter_config.json", "adapter_model.safetensors", ".udasa-export.json"}
    assert ModelCard.load(tmp_path / "alone" / "README.md").data["library_name"] == "peft"


def test_sixteen_bits_can_be_asked_for(finished_run: udasa_core.Run, tmp_path: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM

    export_merged(finished_run, tmp_path / "half", dtype="bfloat16")
    assert AutoModelForCausalLM.from_pretrained(tmp_path / "half").dtype == torch.bfloat16


def test_the_card_tells_the_provenance(finished_run: udasa_core.Run, merged: Path) -> None:
    text = (merged / "README.md").read_text()
    body = text.split("---\n", 2)[2]
    told_to_the_hub = ModelCard(text).data
    assert told_to_the_hub.license == "unknown"
    assert told_to_the_hub.base_model == Path(finished_run.base.folder).name
    assert told_to_the_hub.tags == ["udasa", "dpo"]
    # The same tables as `udasa show` prints.
    measured = figures(finished_run)
    for table in (*training_tables(measured), *outcome_tables(measured)):
        assert table.markdown() in body
    for told in (
        finished_run.base.revision,
        weights_digest(Path(finished_run.aligned().adapters[0].folder)),
        "prompts: `file:prompts.jsonl`",
        "What the base model was itself trained on is another matter.",
        "no proof of alignment",
        "learning_rate = 0.01",
        "Hyper-parameters of exploratory",
        "epochs = 2.0",
        "its files state none",
        "run `canned`",
    ):
        assert told in body
    for stage in finished_run.stages():
        assert f"| {stage.name} | {stage.size} | " in body
        assert f"| {stage.name} | {stage.metrics['steps']:g} | 0.693 →" in body
    assert all(f"| {change['name']} |" in body for change in finished_run.changes())


def test_the_bases_licence_is_passed_on(
    finished_run: udasa_core.Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("udasa_core.export.card.licence_of", lambda *_: "Apache Software License")
    told = ModelCard(card(finished_run, form="merged", dtype="float32")).data
    assert (told.license, told["license_name"]) == ("other", "Apache Software License")
    monkeypatch.setattr("udasa_core.export.card.licence_of", lambda *_: "apache-2.0")
    assert "\nlicense: apache-2.0\n" in card(finished_run, form="merged", dtype="float32")


def test_nothing_is_overwritten_unasked(finished_run: udasa_core.Run, tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "diary.txt").write_text("dear")
    with pytest.raises(UdasaError, match="not empty"):
        export_beside(finished_run, folder)
    with pytest.raises(UdasaError, match="left alone"):
        export_beside(finished_run, folder, force=True)
    assert [path.name for path in folder.iterdir()] == ["diary.txt"]
    again = tmp_path / "again"
    again.mkdir()
    export_beside(finished_run, again)
    (again / "stale").write_text("")
    export_beside(finished_run, again, force=True)
    assert not (again / "stale").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["again", "mine"]


def test_a_model_that_is_no_export_is_never_replaced(finished_run: udasa_core.Run, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "thesis.tex").write_text("long")
    with pytest.raises(UsageError, match="is no export of udasa's"):
        export_beside(finished_run, tmp_path, force=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["config.json", "thesis.tex"]


def test_the_bases_own_folder_is_never_the_target(finished_run: udasa_core.Run, tmp_path: Path) -> None:
    base = Path(finished_run.base.folder)
    before = sorted(base.iterdir())
    (tmp_path / "link").symlink_to(base)
    for target in (base, base.parent, tmp_path / "link", finished_run.folder):
        with pytest.raises(UsageError, match="which the export is made from"):
            export_beside(finished_run, target, force=True)
    assert sorted(base.iterdir()) == before


def test_an_export_that_cannot_take_its_place_gives_the_old_one_back(
    finished_run: udasa_core.Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "mine"
    export_beside(finished_run, folder)
    before = sorted(path.name for path in folder.iterdir())
    rename = Path.rename

    def refuse(self: Path, target: Path) -> Path:
        if self.suffix == ".partial":
            raise OSError(5, "Input/output error")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", refuse)
    monkeypatch.setattr("udasa_core.files.whole._exchanged", lambda *_: False)  # as on a system that cannot
    with pytest.raises(StoreError, match="Input/output"):
        export_beside(finished_run, folder, force=True)
    assert sorted(path.name for path in folder.iterdir()) == before
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


@pytest.mark.parametrize(
    ("label_free", "told"),
    [(True, "used no human label."), (False, "used human labels."), (None, "is not known")],
)
def test_the_card_says_no_more_of_labels_than_the_run_does(
    finished_run: udasa_core.Run, label_free: bool | None, told: str
) -> None:
    run = udasa_core.Run(finished_run.folder)
    run.manifest.plain["label_free"] = label_free
    assert told in card(run, form="merged", dtype="float32")


def test_an_unfinished_run_has_no_aligned_model_unasked(finished_run: udasa_core.Run, tmp_path: Path) -> None:
    run = udasa_core.Run(finished_run.folder)
    run.manifest.plain["status"] = "interrupted"
    with pytest.raises(UdasaError, match=r"not finished \(status: interrupted\)"):
        export_beside(run, tmp_path / "out")
    assert run.aligned(unfinished=True) == finished_run.aligned()
    export_beside(run, tmp_path / "out", unfinished=True)
    assert "(interrupted)" in (tmp_path / "out" / "README.md").read_text()


def test_a_failure_leaves_nothing_behind(
    finished_run: udasa_core.Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*arguments: object, **options: object) -> str:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("udasa_core.export.model.card", full)
    with pytest.raises(StoreError, match="No space left"):
        export_beside(finished_run, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_a_changed_adapter_is_not_exported(
    finished_run: udasa_core.Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The store's own digests would tell it, too: an adapter may lie elsewhere.
    monkeypatch.setattr("udasa_core.sources.digests.weights_digest", lambda folder: "0" * 64)
    with pytest.raises(SourceError, match="is not the one that was made there"):
        export_merged(finished_run, tmp_path / "out")


def test_a_changed_base_is_not_exported(tmp_path: Path, tiny_model_dir: Path) -> None:
    shutil.copytree(tiny_model_dir, tmp_path / "model")
    run = udasa_core.run(configuration(tmp_path, tmp_path / "model", count=8))
    config = tmp_path / "model" / "config.json"
    config.write_text(config.read_text().replace('"rms_norm_eps": 1e-', '"rms_norm_eps": 2e-'))
    for export in (export_merged, export_beside):
        with pytest.raises(SourceError, match=r"model in .* is not the one that run canned"):
            export(run, tmp_path / "out")


def test_exported_files_have_the_mode_that_the_umask_gives(
    finished_run: udasa_core.Run, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.write_text("")
    for export in (export_merged, export_beside, export_adapter):
        export(finished_run, tmp_path / "out", force=True)
        modes = {file.stat().st_mode for file in (tmp_path / "out").rglob("*") if file.is_file()}
        assert modes == {other.stat().st_mode}


def test_an_adapter_is_called_one_and_its_base_can_be_had(
    finished_run: udasa_core.Run, tmp_path: Path
) -> None:
    (line,) = export_model(finished_run, Wanted(adapter="alone", model=tmp_path / "out"))
    assert line.startswith("wrote the adapter to ")
    text = (tmp_path / "out" / "README.md").read_text()
    assert "`udasa export canned --model DIR --adapter beside` writes it to DIR" in text


@pytest.mark.parametrize("form", ["alone", "beside"])
def test_a_dtype_that_changes_nothing_is_refused(
    finished_run: udasa_core.Run, tmp_path: Path, form: Any
) -> None:
    wanted = Wanted(adapter=form, dtype="bfloat16", model=tmp_path / "out")
    with pytest.raises(UsageError, match="--dtype is of merged weights"):
        list(export_model(finished_run, wanted))
    assert not (tmp_path / "out").exists()

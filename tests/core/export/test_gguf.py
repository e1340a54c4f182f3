"""A GGUF is made by llama.cpp's converter where that is, and what to install is said where it is not."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from safetensors.numpy import load_file

import udasa_core
from udasa_core.cli.main import main
from udasa_core.errors import UdasaError, UsageError
from udasa_core.export.gguf import export_gguf, find_converter

STAND_IN = Path(__file__).parents[2] / "gguf_converter.py"
FAILING = "import sys\nsys.exit('first words\\nNotImplementedError: not recognized')\n"


@pytest.fixture(autouse=True)
def no_converter(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("UDASA_GGUF_CONVERTER", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))


def export(run: udasa_core.Run, *options: str) -> Result:
    return CliRunner().invoke(main, ["export", str(run.folder), *options])


def test_the_file_holds_the_merged_weights(finished_run: udasa_core.Run, tmp_path: Path) -> None:
    import gguf

    file, folder = tmp_path / "out" / "tiny.gguf", tmp_path / "merged"
    given = ("--gguf", str(file), "--gguf-converter", str(STAND_IN))
    answer = export(finished_run, *given, "--model", str(folder))
    assert answer.exit_code == 0, answer.output
    weights = load_file(folder / "model.safetensors")
    read = gguf.GGUFReader(file)
    assert {tensor.name for tensor in read.tensors} == weights.keys()
    for tensor in read.tensors:
        assert np.array_equal(tensor.data.reshape(-1), weights[tensor.name].reshape(-1))
    assert str(read.fields["general.description"].contents()).startswith("f32 of ")
    assert sorted(path.name for path in file.parent.iterdir()) == ["tiny.gguf"]
    answer = export(finished_run, *given)
    assert answer.exit_code == 2
    assert "tiny.gguf exists already; --force replaces it" in answer.output


def test_where_the_converter_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match=r"(?s)not on this machine.*git clone .*--gguf-converter"):
        find_converter()
    (tmp_path / "bin").mkdir()
    script = Path(shutil.copy(STAND_IN, tmp_path / "bin" / "convert_hf_to_gguf.py"))
    assert find_converter() == script  # as it lies in a repository, marked as executable or not
    script.chmod(0o755)
    assert find_converter() == script
    monkeypatch.setenv("UDASA_GGUF_CONVERTER", str(STAND_IN))
    assert find_converter() == STAND_IN
    assert find_converter(script) == script
    with pytest.raises(UsageError, match="nowhere is no file"):
        find_converter(Path("nowhere"))


def test_without_a_converter_nothing_is_written(finished_run: udasa_core.Run, tmp_path: Path) -> None:
    answer = export(finished_run, "--gguf", str(tmp_path / "a.gguf"), "--model", str(tmp_path / "out"))
    assert answer.exit_code == 2
    assert "llama.cpp's converter, which is not on this machine" in answer.output
    answer = export(finished_run, "--gguf", str(tmp_path / "a.bin"))
    assert "a GGUF is written to FILE.gguf" in answer.output
    assert os.listdir(tmp_path) == []


def test_a_converter_that_fails_is_quoted_and_leaves_nothing(
    finished_run: udasa_core.Run, tmp_path: Path
) -> None:
    (tmp_path / "convert.py").write_text(FAILING)
    with pytest.raises(UdasaError, match="made no GGUF: first words / NotImplementedError: not recognized"):
        export_gguf(finished_run, tmp_path / "a.gguf", converter=tmp_path / "convert.py")
    assert os.listdir(tmp_path) == ["convert.py"]

"""A store that cannot be written: whatever has nothing to write works, and what has says what is missing."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import udasa_core
from tests.canned import calls, configuration
from tests.core.conftest import to_toml
from tests.read_only import read_only
from udasa_core.cli.main import main
from udasa_core.errors import LockedError, StoreError
from udasa_core.files.lock import locked
from udasa_core.store.manifest import Manifest


def udasa(*arguments: object) -> Result:
    return CliRunner().invoke(main, list(map(str, arguments)), catch_exceptions=False)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, tiny_model_dir: Path) -> dict[str, Any]:
    """A finished run of two suites' figures; a test makes its folder read-only."""
    folder = tmp_path_factory.mktemp("made")
    tables = {"suite": [{"use": "tests.canned:Judged"}], "judge": {"use": "tests.canned:Judge"}}
    plain = configuration(folder, tiny_model_dir, count=8, **tables)
    (folder / "udasa.toml").write_text(to_toml(plain))
    udasa_core.run(folder / "udasa.toml")
    return plain


@pytest.fixture
def folder(made: dict[str, Any]) -> Path:
    return Path(made["run"]["folder"])


@pytest.fixture
def shut(folder: Path) -> Iterator[Path]:
    """The runs' folder, run and store, read-only."""
    with read_only(folder):
        yield folder


def test_a_finished_run_typed_again_has_nothing_to_do(shut: Path) -> None:
    done = udasa("run", shut.parent / "udasa.toml")
    assert done.exit_code == 0, done.output
    assert done.output.startswith("nothing to do")


@pytest.mark.parametrize(
    "command",
    [
        ("show", "canned"),
        ("show", "canned", "--json"),
        ("show", "canned", "--pairs", "1"),
        ("check",),
        ("clean", "--dry-run"),
    ],
    ids=" ".join,
)
def test_what_only_reads_works(shut: Path, command: tuple[str, ...]) -> None:
    name, *rest = command
    if name == "check":
        done = udasa("check", shut.parent / "udasa.toml")
    else:
        done = udasa(name, *rest, "--folder", shut)
    assert done.exit_code == 0, done.output


def test_pairs_are_exported_elsewhere(shut: Path, tmp_path: Path) -> None:
    done = udasa("export", "canned", "--folder", shut, "--pairs", tmp_path / "pairs.jsonl")
    assert done.exit_code == 0, done.output
    assert (tmp_path / "pairs.jsonl").stat().st_size


@pytest.fixture
def own(tmp_path: Path, tiny_model_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A finished run of the test's own, all by relative paths, in its folder; its TOML."""
    plain = configuration(tmp_path, tiny_model_dir, count=8, prompts={"source": "file:prompts.jsonl"})
    plain["run"]["folder"] = "runs"
    folder = tmp_path / "own"
    folder.mkdir()
    shutil.move(tmp_path / "prompts.jsonl", folder)
    (folder / "udasa.toml").write_text(to_toml(plain))
    monkeypatch.chdir(folder)
    udasa_core.run(folder / "udasa.toml")
    return folder / "udasa.toml"


def test_what_was_moved_has_nothing_to_do_either(
    own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.move(own.parent, tmp_path / "moved")
    monkeypatch.chdir(tmp_path / "moved")
    with read_only(tmp_path / "moved/runs"):
        done = udasa("run", tmp_path / "moved/udasa.toml")
    assert done.exit_code == 0, done.output
    assert done.output.startswith("nothing to do")


def test_a_store_alone_that_is_read_only_serves_a_run_elsewhere(
    made: dict[str, Any], folder: Path, tmp_path: Path
) -> None:
    store = {"path": str(folder / "store")}
    plain = {**made, "run": {**made["run"], "folder": str(tmp_path / "mine")}, "store": store}
    with read_only(folder / "store"):
        run = udasa_core.run(plain)
    assert (run.made, run.status) == (0, "finished")


def test_another_configuration_cannot_be_begun(made: dict[str, Any], shut: Path) -> None:
    before = {path: path.read_bytes() for path in shut.rglob("*.json")}
    more = {**made, "dimension": [{**made["dimension"][0], "salt": "another"}]}
    with pytest.raises(StoreError, match=r"manifest\.json cannot be written: "):
        udasa_core.run(more)
    assert {path: path.read_bytes() for path in shut.rglob("*.json")} == before


def test_what_is_still_to_be_made_is_named_and_not_begun(own: Path) -> None:
    for lost in (own.parent / "runs/store/sample").iterdir():
        lost.unlink()
    calls.clear()
    told = r"store cannot be written, and 'sample training' is still to be made"
    with read_only(own.parent / "runs"), pytest.raises(StoreError, match=told):
        udasa_core.run(own)
    assert not calls["generate"]


def test_a_run_that_was_stopped_is_not_taken_for_finished(own: Path) -> None:
    Manifest.read(own.parent / "runs/canned").update(status="interrupted")
    with read_only(own.parent / "runs"), pytest.raises(StoreError, match=r"manifest\.json cannot be written"):
        udasa_core.run(own)


def test_cleaning_says_that_it_cannot(shut: Path) -> None:
    done = udasa("clean", "--folder", shut)
    assert (done.exit_code, done.stdout) == (0, "removed 0 outputs, 0 B\n")


def test_cleaning_what_cannot_be_removed_is_an_error(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "runs")
    (tmp_path / "runs/store/score/0123.parquet").write_bytes(b"nobody's")
    with read_only(tmp_path / "runs"):
        done = udasa("clean", "--folder", tmp_path / "runs")
    assert done.exit_code == 1
    assert "0123.parquet cannot be removed" in done.output


def test_a_lock_where_nothing_can_be_written_is_none(
    tmp_path: Path,
) -> None:
    with read_only(tmp_path), locked(tmp_path / "here" / ".lock", "taken"):
        pass


def test_a_lock_that_another_holds_is_refused_as_before(tmp_path: Path) -> None:
    with locked(tmp_path / ".lock", "taken"), pytest.raises(LockedError), locked(tmp_path / ".lock", "taken"):
        pass

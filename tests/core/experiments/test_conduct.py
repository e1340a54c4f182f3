"""An experiment by its name: found, built with its options, run on a configuration, its tables written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import udasa_core
from tests.canned import calls, configuration
from tests.core.conftest import to_toml
from tests.core.experiments.local_experiment import Bundled, Counting, Greedy
from udasa_core.errors import CatalogError, ConfigError, PluginError, UdasaError
from udasa_core.plugins.catalog import read_catalog
from udasa_core.testing import check_factory

HERE = "tests.core.experiments.local_experiment"
COUNTING = f"{HERE}:Counting"


@pytest.fixture
def toml(tmp_path: Path, tiny_model_dir: Path) -> Path:
    calls.clear()
    plain = configuration(tmp_path, tiny_model_dir, count=6)
    plain["run"]["held_out"] = 0.0
    path = tmp_path / "mine.toml"
    path.write_text(to_toml(plain))
    return path


def test_its_tables_come_back_and_are_written(toml: Path, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    (table,) = udasa_core.run_experiment(COUNTING, toml, folder=folder)
    assert list(table.rows) == [("responses", 24)]
    assert (folder / "count-of-responses.txt").read_text() == f"{table}\n"
    assert udasa_core.Run(folder / "counted").status == "finished"
    # Another report beside it, from the same samples.
    (table,) = udasa_core.run_experiment(COUNTING, toml, folder=folder, options={"of": "prompts"})
    assert list(table.rows) == [("prompts", 6)]
    assert {path.name for path in folder.glob("*.txt")} == {
        "count-of-responses.txt",
        "count-of-prompts.txt",
    }
    assert calls["generate"] == 2, "two shards, sampled once"


def test_overrides_and_options_change_what_is_done(toml: Path, tmp_path: Path) -> None:
    options: dict[str, Any] = {"times": 3, "weights": [1.0, 0.5], "words": ["a", "b"]}
    (table,) = udasa_core.run_experiment(
        COUNTING, toml, ["generator.responses=2"], folder=tmp_path / "out", options=options
    )
    assert list(table.rows) == [("responses", 54)]
    assert list(table.notes) == ["a", "b"]


def test_the_default_folder_is_named_after_it(
    toml: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    udasa_core.run_experiment(COUNTING, toml)
    assert (tmp_path / "runs" / COUNTING.replace(":", "-") / "counted" / "manifest.json").exists()


def test_without_a_configuration_it_is_the_experiments_own(
    toml: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Bundled, "configuration", toml)
    (table,) = udasa_core.run_experiment(f"{HERE}:Bundled", folder=tmp_path / "out")
    assert list(table.rows) == [("responses", 24)]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"of": "words"}, "of: takes 'responses' or 'prompts' (it is 'words')"),
        ({"weights": []}, "weights: takes 1 or more of them"),
        ({"tmies": 2}, 'did you mean "times"?'),
    ],
)
def test_a_wrong_option_is_told_before_anything_is_done(
    options: dict[str, Any], told: str, toml: Path, tmp_path: Path
) -> None:
    with pytest.raises(CatalogError, match=r"fault|:") as caught:
        udasa_core.run_experiment(COUNTING, toml, folder=tmp_path / "out", options=options)
    assert told in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_what_is_no_table_is_told_before_the_experiment_sees_it(toml: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        udasa_core.run_experiment(COUNTING, toml, ["run=3", "dimension=nll"], folder=tmp_path / "out")
    assert "run: is a table, not 3" in str(caught.value)
    assert "dimension: is an array of tables, not 'nll'" in str(caught.value)
    assert caught.value.origin == str(toml)


def test_faults_of_its_configuration_name_the_file(toml: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"generator\.respones") as caught:
        udasa_core.run_experiment(COUNTING, toml, ["generator.respones=3"], folder=tmp_path / "out")
    assert caught.value.origin == str(toml)


@pytest.mark.parametrize(
    ("how", "error", "told"),
    [
        ("raises", PluginError, "raised in udasa_experiment: ZeroDivisionError: no answer"),
        ("tells", UdasaError, "the data are missing; fetch them"),
        ("text", PluginError, "broke the contract of udasa_experiment: it returned str"),
        ("tuples", PluginError, "it returns a sequence of Tables"),
        ("nothing", PluginError, "it returned no table"),
    ],
)
def test_what_it_raises_and_returns_is_told_with_its_name(
    how: str, error: type[UdasaError], told: str, toml: Path, tmp_path: Path
) -> None:
    with pytest.raises(error) as caught:
        udasa_core.run_experiment(f"{HERE}:Failing", toml, folder=tmp_path / "out", options={"how": how})
    assert told in str(caught.value)
    if error is PluginError:
        assert f"{HERE}:Failing" in str(caught.value)


def test_an_unknown_name_tells_which_there_are() -> None:
    with pytest.raises(CatalogError, match=r'the experiment \'signla\'; did you mean "signal"'):
        udasa_core.run_experiment("signla")


def test_experiments_are_catalogued_and_no_part_of_a_stack(toml: Path) -> None:
    offered = {offer.name for offer in read_catalog().of_kind("experiment")}
    assert {"signal", "consistency", "premise", "fit-weights"} <= offered
    assert "experiment" not in {table.kind for table in udasa_core.load(toml).plugins()}


# --- what the conformance kit asks -----------------------------------------------------------------------


def test_the_kit_takes_a_good_one_and_refuses_others(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    check_factory("experiment", Counting)
    with pytest.raises(AssertionError, match="its option 'folder' is one of the command's own"):
        check_factory("experiment", Greedy)
    with pytest.raises(AssertionError, match="it is the path of a TOML, or None"):
        check_factory("experiment", Bundled)
    monkeypatch.setattr(Counting, "report_name", "../elsewhere")
    with pytest.raises(AssertionError, match=r"report_name is '\.\./elsewhere'"):
        check_factory("experiment", Counting)


Built = Callable[..., Any]


@pytest.mark.parametrize("name", ["signal", "consistency", "premise"])
def test_ours_keep_the_contract(name: str) -> None:
    from udasa_core.plugins.stack import load_factory

    check_factory("experiment", load_factory(read_catalog().find("experiment", name)))

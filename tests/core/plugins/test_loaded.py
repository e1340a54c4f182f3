"""What is loaded is what counts: edits, reloads and two folders' files of one name in one process."""

from __future__ import annotations

import importlib
import itertools
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import udasa_core
from tests.canned import configuration
from udasa_core.errors import ConfigError
from udasa_core.plugins.catalog import Offer
from udasa_core.plugins.identity import mismatch
from udasa_core.plugins.stack import importable, load_factory

SCORES = """
from tests.canned import Canned, Column, hookimpl
{imports}

VALUE = {value}


class Factory(Canned):
    @hookimpl
    def udasa_score(self, groups, seed):
        return Column(self.name, tuple(({call},) * len(group.responses) for group in groups))
"""
_numbers = itertools.count()


@pytest.fixture
def name() -> Iterator[str]:
    """A module's name of its own; what a test loaded under it is forgotten."""
    prefix = f"local{next(_numbers)}"
    yield prefix
    for loaded in [one for one in sys.modules if one.startswith(prefix)]:
        del sys.modules[loaded]


def write(folder: Path, name: str, value: float, *, imports: str = "", call: str = "VALUE") -> None:
    folder.mkdir(exist_ok=True, parents=True)
    text = SCORES.format(imports=imports, value=value, call=call)
    (folder / f"{name}.py").write_text(text)


def reload(folder: Path, name: str) -> None:
    with importable(folder):
        importlib.reload(sys.modules[name])


Score = Callable[[Path], float]


@pytest.fixture
def score(name: str) -> Score:
    """The one score that the local dimension of a folder gives."""

    def ask(folder: Path) -> float:
        columns = udasa_core.score([("q", ["a"])], [{"use": f"{name}:Factory", "name": "d"}], root=folder)
        return float(columns["d"].scores[0][0])  # type: ignore[arg-type]

    return ask


def test_an_edited_module_is_refused_until_it_is_reloaded(tmp_path: Path, name: str, score: Score) -> None:
    write(tmp_path, name, 0.25)
    assert score(tmp_path) == 0.25
    write(tmp_path, name, 0.75)
    with pytest.raises(ConfigError, match=r"changed after .* was imported.*\n?.*restart its kernel"):
        score(tmp_path)
    reload(tmp_path, name)
    assert score(tmp_path) == 0.75


def test_an_edit_of_equal_size_and_time_is_seen(tmp_path: Path, name: str, score: Score) -> None:
    write(tmp_path, name, 0.25)
    assert score(tmp_path) == 0.25
    file = tmp_path / f"{name}.py"
    before = file.stat()
    write(tmp_path, name, 0.75)
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    with pytest.raises(ConfigError, match="changed after"):
        score(tmp_path)


@pytest.mark.parametrize("by", ["a constant", "a function"])
def test_a_module_that_was_imported_and_edited_before_udasa_saw_it(
    tmp_path: Path, name: str, score: Score, monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", by == "a function")
    write(tmp_path, name, 0.25)
    importlib.import_module(name)
    write(tmp_path, name, 0.5) if by == "a constant" else write(tmp_path, name, 0.25, call="VALUE * 2")
    with pytest.raises(ConfigError, match="changed after"):
        score(tmp_path)


@pytest.mark.parametrize("lies", ["beside", "in a package", "deep in a package"])
def test_an_edited_helper_is_refused_until_whoever_imports_it_is_reloaded(
    tmp_path: Path, name: str, score: Score, lies: str
) -> None:
    places = {
        "beside": f"{name}_help",
        "in a package": f"{name}_pack.help",
        "deep in a package": f"{name}_pack.a.b.help",
    }
    helper = places[lies]
    file = tmp_path / f"{helper.replace('.', '/')}.py"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("def value():\n    return 0.25\n")
    write(tmp_path, name, 0.0, imports=f"from {helper} import value", call="value()")
    assert score(tmp_path) == 0.25
    file.write_text("def value():\n    return 0.5\n")
    with pytest.raises(ConfigError, match="changed after"):
        score(tmp_path)
    reload(tmp_path, helper)
    with pytest.raises(ConfigError, match=r"was imported before .* was reloaded"):
        score(tmp_path)
    reload(tmp_path, name)
    assert score(tmp_path) == 0.5


def test_two_folders_plugins_of_one_name_are_not_mixed_up(tmp_path: Path, name: str, score: Score) -> None:
    for folder, value in (("a", 0.25), ("b", 0.75)):
        write(tmp_path / folder, name, value)
    assert score(tmp_path / "a") == 0.25
    with pytest.raises(ConfigError, match=r"b/local\d+\.py, and this process has loaded .*a/local"):
        score(tmp_path / "b")
    assert score(tmp_path / "a") == 0.25
    del sys.modules[name]
    assert score(tmp_path / "b") == 0.75


def test_two_folders_helpers_of_one_name_are_not_mixed_up(tmp_path: Path, name: str, score: Score) -> None:
    for folder in ("a", "b"):
        write(tmp_path / folder, name, 0.0, imports=f"from {name}_help import value", call="value()")
        (tmp_path / folder / f"{name}_help.py").write_text(f"def value():\n    return 0.{len(folder)}\n")
    assert score(tmp_path / "a") == 0.1
    del sys.modules[name]
    with pytest.raises(ConfigError, match="under that name"):
        score(tmp_path / "b")


def test_an_installed_package_that_is_edited_is_refused(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Installed to be edited (`pip install -e`), say."""
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / name).mkdir()
    for module in ("__init__", "part"):
        (tmp_path / name / f"{module}.py").write_text("VALUE = 1\n")
    write(tmp_path / name, "main", 0.25, imports="from .part import VALUE as OTHER")
    offer = Offer("dimension", "d", "planted", "1.0", f"{name}.main:Factory")
    factory = load_factory(offer)
    assert mismatch(offer, factory) == ""
    (tmp_path / name / "part.py").write_text("VALUE = 2\n")
    assert "part.py was changed after" in mismatch(offer, factory)
    reload(tmp_path, f"{name}.part")
    assert f"'{name}.main' was imported before {name}.part was reloaded" in mismatch(offer, factory)
    reload(tmp_path, f"{name}.main")
    assert mismatch(offer, load_factory(offer)) == ""


def test_what_a_notebook_defines_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="put it into a file"):
        udasa_core.score([("q", ["a"])], [{"use": "__main__:__name__", "name": "d"}], root=tmp_path)


def plain_run(folder: Path, model: Path, name: str) -> dict[str, Any]:
    dimensions = [{"use": f"{name}:Factory", "name": "d"}, {"use": "tests.canned:Dimension", "name": "one"}]
    return configuration(folder, model, dimension=dimensions)


def test_a_helper_package_beside_a_local_plugin_is_in_its_digest(
    tmp_path: Path, tiny_model_dir: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / f"{name}_pack").mkdir()
    helper, table = tmp_path / f"{name}_pack" / "help.py", tmp_path / f"{name}_pack" / "table.csv"
    helper.write_text("def value():\n    return 0.25\n")
    write(tmp_path, name, 0.0, imports=f"from {name}_pack.help import value", call="value()")
    plain = plain_run(tmp_path, tiny_model_dir, name)

    def score_keys() -> set[str]:
        for loaded in [one for one in sys.modules if one.startswith(name)]:
            del sys.modules[loaded]
        outputs = udasa_core.run(plain).manifest.outputs()
        entries = [entry for entry in outputs if entry["step"] == "score"]
        return {key for entry in entries if entry["instance"] == "d" for key in entry["keys"]}

    first = score_keys()
    assert score_keys() == first
    helper.write_text("def value():\n    return 0.5\n")
    second = score_keys()
    assert first.isdisjoint(second)
    table.write_text("a,b\n")
    assert score_keys().isdisjoint(second)


def test_a_worker_with_other_code_is_refused(tmp_path: Path, tiny_model_dir: Path) -> None:
    from udasa_core.errors import PluginError
    from udasa_core.running.conduct import running

    with running(udasa_core.load(configuration(tmp_path, tiny_model_dir))) as job:
        plain = job.plain()
    for name in ("aggregation", "torch", "udasa's step sample"):
        told = {**plain, "sources": {**plain["sources"], name: "0" * 64}}
        with pytest.raises(PluginError, match=f"another version, or other code, of {name} than the process"):
            udasa_core.work({"job": told, "step": "sample"})

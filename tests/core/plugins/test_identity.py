"""What code counts: the sources that a factory or a step can run, and no others."""

from __future__ import annotations

import importlib
import itertools
from collections.abc import Callable
from pathlib import Path

import pytest

from udasa_core.job.outputs import MAKERS
from udasa_core.plugins.catalog import LOCAL, Offer
from udasa_core.plugins.identity import source_digest, sources
from udasa_core.plugins.stack import importable, load_factory

_numbers = itertools.count()


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Lay out a package of the given files under a name of its own, importable; return its folder."""
    monkeypatch.syspath_prepend(tmp_path)

    def lay(**files: str) -> Path:
        folder = tmp_path / f"planted_{next(_numbers)}"
        folder.mkdir()
        for name, text in {"__init__": "", **files}.items():
            (folder / f"{name}.py").write_text(text.replace("PACKAGE", folder.name))
        importlib.invalidate_caches()
        return folder

    return lay


def offered(folder: Path) -> str:
    offer = Offer("dimension", "d", "planted", "1.0", f"{folder.name}.main:Factory")
    return source_digest(offer, object)


@pytest.mark.parametrize(
    "imports",
    [
        "import PACKAGE.part",
        "from PACKAGE import part",
        "from PACKAGE.part import N",
        "from .part import N",
        "from . import part",
        "def late():\n    from PACKAGE.part import N",
        "try:\n    import PACKAGE.part\nexcept ImportError:\n    pass",
        "import importlib\nimportlib.import_module('PACKAGE.' + 'part')",
    ],
)
def test_code_that_a_factory_can_run_counts_wherever_it_is_imported(
    package: Callable[..., Path], imports: str
) -> None:
    folder = package(main=f"{imports}\nclass Factory: ...\n", part="N = 1\n")
    before = offered(folder)
    (folder / "part.py").write_text("N = 2\n")
    assert offered(folder) != before


def test_code_that_a_factory_cannot_run_does_not_count(package: Callable[..., Path]) -> None:
    folder = package(
        main="from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from PACKAGE import typed\n",
        report="TEXT = 'a table'\n",
        typed="class Shape: ...\n",
    )
    before = offered(folder)
    (folder / "report.py").write_text("TEXT = 'another table'\n")
    (folder / "typed.py").write_text("class Shape:\n    x = 1\n")
    assert offered(folder) == before


def test_the_packages_own_data_and_its_init_count(package: Callable[..., Path]) -> None:
    folder = package(main="class Factory: ...\n")
    digests = [offered(folder)]
    (folder / "lexicon.txt").write_text("good 1\n")
    digests.append(offered(folder))
    (folder / "__init__.py").write_text("SCALE = 2\n")
    digests.append(offered(folder))
    assert len(set(digests)) == 3


def test_steps_count_what_shapes_outputs_and_no_room_that_only_tells_of_them() -> None:
    quiet = {"report", "export", "check", "cli", "running", "api", "pipeline", "testing"}
    for step, module in MAKERS.items():
        found = {name for name, _ in sources(module)}
        rooms = {name.split(".")[1] for name in found}
        assert rooms.isdisjoint(quiet), step
        assert {"models", "resources", "records", "plugins"} <= rooms, step
        assert module in found
        # Each step by itself: a change in how pairs are staged samples nothing anew.
        others = {other for other in MAKERS.values() if other.startswith("udasa_core.steps.")} - {module}
        assert found.isdisjoint(others), step


def test_a_public_name_counts_by_the_file_that_it_comes_from() -> None:
    found = {name for name, _ in sources("udasa_plugin_semantic.agreement")}
    assert "udasa_core.text.final_answer" in found
    assert "udasa_core" not in found


LOCAL_WORK = """
import json
from pathlib import Path
from udasa_core import Plugin

class Words(Plugin):
    \"\"\"Reads words.txt, it says.\"\"\"

    def _read(self):
        return Path(__file__).with_name("words.txt").read_text(), open(f"data/{'more.json'}")

    def _other(self):
        return Path(__file__).parent / "data/rest.json", "../outside.txt", "data", "a\\0b"
"""


def test_files_beside_local_work_count_where_it_names_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "work"
    (folder / "data").mkdir(parents=True)
    name = "words_of_local_work"
    (folder / f"{name}.py").write_text(LOCAL_WORK)
    for file in ("words.txt", "data/rest.json", "unnamed.txt", "../outside.txt"):
        (folder / file).write_text("one")
    offer = Offer("observer", f"{name}:Words", LOCAL, "", f"{name}:Words")

    def digest() -> str:
        with importable(folder):
            return source_digest(offer, load_factory(offer))

    first = digest()
    for file in ("unnamed.txt", "../outside.txt"):
        (folder / file).write_text("two")
        assert digest() == first
    seen = {first}
    for file in ("words.txt", "data/rest.json"):
        (folder / file).write_text("two")
        seen.add(digest())
    assert len(seen) == 3
    (folder / "words.txt").unlink()
    assert digest() not in seen


@pytest.mark.parametrize(
    ("module", "left_out"),
    [
        ("udasa_eval.suites.sentiment_vader", "udasa_eval.mt_bench.data"),
        ("udasa_eval.suites.sentiment", "udasa_eval.experiments.premise"),
    ],
)
def test_a_suite_counts_by_what_it_uses_and_not_by_its_whole_package(module: str, left_out: str) -> None:
    counted = dict(sources(module))
    assert "udasa_eval.measures.positivity" in counted
    assert left_out not in counted

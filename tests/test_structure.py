"""The architecture, held: what may import what, what stays light, and what lands in site-packages."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import udasa_core

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
CORE = sorted((ROOT / "udasa_core").rglob("*.py")) + sorted((ROOT / "udasa_eval").rglob("*.py"))
PLUGINS = sorted((ROOT / "plugins").rglob("*.py"))
# Suites, judges, experiments and commands stand on what a third party may import, as built-in plugins do.
EVALUATOR = sorted((ROOT / "udasa_eval").rglob("*.py"))
HEAVY = {"torch", "transformers", "trl", "peft", "datasets", "evaluate"}
# The core's own entry points, which it selects where a TOML has none.
OWN = {"local", "console"}


def named(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def imports(path: Path) -> Iterator[tuple[str, str]]:
    """Yield (module, name) of every import in a file, wherever it stands; name is "" for `import module`."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            yield from ((node.module or "", alias.name) for alias in node.names)


def strings(path: Path) -> Iterator[str]:
    """Yield the file's string constants that are no docstrings.

    In udasa_eval, what a configuration in a dictionary is to `use` is left out, too: an experiment writes
    configurations as a user does.
    """
    tree = ast.parse(path.read_text())
    used = {
        id(value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Dict) and path.is_relative_to(ROOT / "udasa_eval")
        for key, value in zip(node.keys, node.values, strict=True)
        if isinstance(key, ast.Constant) and key.value == "use"
    }
    docs = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs | used:
            yield node.value


def run_python(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("path", CORE, ids=named)
def test_the_core_neither_imports_nor_names_a_plugin(path: Path) -> None:
    assert not [module for module, _ in imports(path) if module.startswith("udasa_plugin")]
    offered = {
        name
        for kind, names in PROJECT["project"]["entry-points"].items()
        if kind.startswith("udasa.") and kind != "udasa.command"
        for name in names
    }
    # These are words, too: "sft" an arm, "greedy" a way of decoding, "signal" what a seed is for, "judge" a
    # kind, "stages" and "transitions" tables, "instructions" a column, "tracking" a folder. As plugins they
    # would stand in a `use`.
    words = {
        "greedy",
        "instructions",
        "none",
        "mean",
        "max",
        "median",
        "isotonic",
        "judge",
        "platt",
        "random",
        "sft",
        "signal",
        "single",
        "stages",
        "tracking",
        "transformers",
        "transitions",
    }
    assert not {text for text in strings(path) if text in offered - OWN - words}
    assert "udasa_plugin" not in "".join(strings(path))


@pytest.mark.parametrize("path", [*PLUGINS, *EVALUATOR], ids=named)
def test_plugins_and_the_evaluator_import_public_names_only(path: Path) -> None:
    for module, name in imports(path):
        if module.split(".")[0] == "udasa_core":
            assert module == "udasa_core", f"{named(path)} reaches into {module}"
            assert name in udasa_core.__all__, f"{named(path)} imports {name}, which is not public"


@pytest.mark.parametrize("path", PLUGINS, ids=named)
def test_a_plugin_leans_on_no_other(path: Path) -> None:
    own = path.relative_to(ROOT / "plugins").parts[0]
    for module, _ in imports(path):
        if module.startswith("udasa_plugin"):
            assert module.split(".")[0] == own, f"{named(path)} leans on {module}"


def test_every_plugin_package_is_built_typed_and_guarded() -> None:
    packages = {path.name for path in (ROOT / "plugins").glob("udasa_plugin_*")}
    built = {Path(entry).name for entry in PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]}
    assert built == packages | {"udasa_core", "udasa_eval"}
    assert set(PROJECT["tool"]["mypy"]["packages"]) == built
    assert set(PROJECT["tool"]["importlinter"]["root_packages"]) == built
    for contract in PROJECT["tool"]["importlinter"]["contracts"]:
        for key in ("forbidden_modules", "modules"):
            listed = {name for name in contract.get(key, ()) if name.startswith("udasa_plugin")}
            assert listed in (set(), packages), contract["name"]


def test_listing_and_building_the_stack_imports_nothing_heavy() -> None:
    imported = run_python(
        "import sys\n"
        "from udasa_core.api import load, quickstart\n"
        "from udasa_core.plugins.catalog import read_catalog\n"
        "from udasa_core.job.job import Job\n"
        "from udasa_core.testing import FAKE_BASE\n"
        "job = Job(load(quickstart()), read_catalog(), {'base': FAKE_BASE})\n"
        "assert len(job.stack.plugins()) == 11, job.stack.plugins()\n"
        "print(*sys.modules)"
    )
    assert HEAVY.isdisjoint(imported.split())


def test_the_pipeline_is_a_table_of_contents() -> None:
    """One assignment a step, no branching."""
    tree = ast.parse((ROOT / "udasa_core" / "pipeline.py").read_text())
    branching = ast.If | ast.For | ast.While | ast.Try | ast.With | ast.IfExp | ast.ListComp
    assert not [node for node in ast.walk(tree) if isinstance(node, branching)]


def test_the_wheel_brings_no_generic_name(tmp_path: Path) -> None:
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run(
        [*pip, "--wheel-dir", str(tmp_path), str(ROOT)], check=True, capture_output=True, text=True
    )
    (wheel,) = tmp_path.glob("udasa-*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names if not name.split("/")[0].endswith(".dist-info")}
    assert tops == {Path(e).name for e in PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]}
    shipped = ("data/quickstart.toml", "data/recipes/measured.toml", "data/pins.toml", "py.typed")
    assert {f"udasa_core/{name}" for name in shipped} <= set(names)


def test_the_editable_installation_brings_no_generic_name(tmp_path: Path) -> None:
    """From elsewhere, `plugins`, `tests` and `docs` are not importable."""
    code = (
        "import importlib.util, json\n"
        "names = ('plugins', 'tests', 'docs', 'benchmarks', 'udasa_core')\n"
        "print(json.dumps([name for name in names if importlib.util.find_spec(name)]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    found = json.loads(done.stdout)
    assert found == ["udasa_core"]

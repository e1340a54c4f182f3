"""The documentation says what is so: its configurations check clean, its commands and its hooks exist."""

from __future__ import annotations

import ast
import importlib.util
import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import click
import pytest

import udasa_core
from udasa_core.api import load, quickstart
from udasa_core.cli.experiment import Experiments
from udasa_core.cli.main import main
from udasa_core.hookspecs import HOOKS, Specifications
from udasa_core.plugins.catalog import read_catalog

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "changelog" / "README.md"]
PAGES += sorted(DOCS.rglob("*.md"))
HOOK_NAMES = [name for name in vars(Specifications) if name.startswith("udasa_")]
# The tables that a configuration cannot do without.
WHOLE = {"run", "model", "prompts", "generator", "dimension", "calibration", "aggregation", "pairing"}
WHOLE |= {"stages", "trainer"}


def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("docs_generate", DOCS / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


GENERATE = generator()


def named(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def blocks(language: str) -> Iterator[Any]:
    """Yield each code block of a language as a test's parameter."""
    for path in PAGES:
        found = re.finditer(rf"^```{language}\n(.*?)^```", path.read_text(), re.DOTALL | re.MULTILINE)
        for number, match in enumerate(found, 1):
            yield pytest.param(match[1], id=f"{named(path)}-{number}")


# --- generated parts -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", GENERATE.PAGES)
def test_generated_parts_are_as_the_code_is_now(name: str) -> None:
    text = (DOCS / name).read_text()
    assert GENERATE.page(text) == text, "type `make docs`"


def test_every_table_plugin_and_hook_has_its_part() -> None:
    together = "".join((DOCS / name).read_text() for name in GENERATE.PAGES)
    assert GENERATE.missing(together) == []


def test_a_key_that_is_missing_from_the_page_is_noticed() -> None:
    text = (DOCS / "configuration.md").read_text()
    without = re.sub(r"^\| `held_out` .*\n", "", text, flags=re.MULTILINE)
    assert without != text
    assert GENERATE.page(without) == text


@pytest.mark.parametrize(
    "offer", [one for one in read_catalog().offers if one.distribution == "udasa"], ids=str
)
def test_every_built_in_plugin_is_documented(offer: Any) -> None:
    if offer.kind == "experiment":
        assert f"\n## `udasa experiment {offer.name}`\n" in (DOCS / "experiments.md").read_text()
    else:
        assert f"\n### `{offer.name}`\n" in (DOCS / "configuration.md").read_text()


# --- configurations --------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with the files that examples name."""
    for name in ("responses.jsonl", "prompts.jsonl"):
        (tmp_path / name).write_text("")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("text", blocks("toml"))
def test_each_configuration_checks_clean(text: str, folder: Path) -> None:
    raw = tomllib.loads(text)
    if "build-system" in raw:
        return  # the example plugin's pyproject.toml, which tests/test_thirdparty.py installs
    uses = {
        table.get("use")
        for value in raw.values()
        for table in (value if isinstance(value, list) else [value])
    }
    if raw.keys() <= {"arms", "contrasts"}:
        return  # an experiment's own tables, which it reads itself
    if "sentiment.lexicon" in uses:
        return  # its plugin is installed, and these tables checked, in tests/test_thirdparty.py
    if not raw.keys() >= WHOLE:
        raw = {**tomllib.loads(quickstart().read_text()), **raw}
    load(raw)


def test_some_configurations_are_whole() -> None:
    whole = [one for one in blocks("toml") if tomllib.loads(one.values[0]).keys() >= WHOLE]
    assert {one.id.rpartition("-")[0] for one in whole} >= {"README.md", "docs/configuration.md"}


# --- commands --------------------------------------------------------------------------------------------


def commands() -> Iterator[Any]:
    """Yield each `udasa …` line of a console block."""
    for block in blocks("console"):
        for line in block.values[0].splitlines():
            if line.startswith("udasa "):
                yield pytest.param(line, id=f"{block.id}: {line}")


def mentions() -> Iterator[Any]:
    """Yield each `udasa …` in running text."""
    for path in PAGES:
        prose = re.sub(r"^```.*?^```", "", path.read_text(), flags=re.DOTALL | re.MULTILINE)
        for match in re.finditer(r"`(udasa [^`]+)`", prose):
            yield pytest.param(match[1], id=f"{named(path)}: {match[1]}")


@pytest.mark.parametrize("line", commands())
def test_each_command_parses(line: str) -> None:
    _, name, *arguments = shlex.split(line)
    command = main.get_command(click.Context(main), name)
    assert command is not None, f"there is no udasa {name}"
    context = command.make_context(name, arguments)
    if isinstance(command, Experiments):
        chosen, *further = arguments
        if chosen == "sentiment.spread":
            return  # its plugin is installed, and run, in tests/test_thirdparty.py
        member = command.get_command(context, chosen)
        assert member is not None
        assert "Cannot be had" not in str(member.help)
        member.make_context(chosen, further)


@pytest.mark.parametrize("text", mentions())
def test_each_mention_names_what_there_is(text: str) -> None:
    _, name, *words = shlex.split(text)
    command = main.get_command(click.Context(main), name)
    assert command is not None, f"there is no udasa {name}"
    known = {option for parameter in command.params for option in parameter.opts}
    assert {word for word in words if word.startswith("-")} <= known


def test_every_subcommand_is_mentioned() -> None:
    text = "".join(path.read_text() for path in PAGES)
    for name in main.list_commands(click.Context(main)):
        assert f"udasa {name}" in text, name


@pytest.mark.parametrize("path", PAGES, ids=named)
def test_each_make_target_exists(path: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    asked = re.findall(r"(?:^|`|&& )make ([a-z-]+)", path.read_text(), re.MULTILINE)
    assert set(asked) <= targets


def test_the_readme_begins_with_the_two_commands() -> None:
    first = next(iter(blocks("console"))).values[0]
    assert first.split("\n")[:2] == ["make quickstart", "make test"]


# --- Python and links ------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", blocks("python"))
def test_each_python_block_compiles_and_imports_public_names(text: str) -> None:
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom) and node.module == "udasa_core":
            assert {alias.name for alias in node.names} <= set(udasa_core.__all__)
        if (
            isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and node.value.id == "udasa_core"
        ):
            assert node.attr in udasa_core.__all__
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "run":
            assert hasattr(udasa_core.Run, node.attr) or hasattr(udasa_core.OpenRun, node.attr)


def examples() -> Iterator[Any]:
    """Yield each Python block that says what it prints, with that."""
    for path in PAGES:
        said = r"^```python\n(.*?)^```\n+It prints\n+```text\n(.*?)^```"
        for number, match in enumerate(re.finditer(said, path.read_text(), re.DOTALL | re.MULTILINE), 1):
            yield pytest.param(match[1], match[2], id=f"{named(path)}-{number}")


@pytest.mark.parametrize(("code", "printed"), examples())
def test_each_example_prints_what_it_says(
    code: str, printed: str, capsys: pytest.CaptureFixture[str]
) -> None:
    exec(compile(code, "the example", "exec"), {})
    assert capsys.readouterr().out == printed


@pytest.mark.parametrize("path", PAGES, ids=named)
def test_each_link_leads_somewhere(path: Path) -> None:
    prose = re.sub(r"^```.*?^```", "", path.read_text(), flags=re.DOTALL | re.MULTILINE)
    for target in re.findall(r"\]\(([^)]+)\)", prose):
        if target.startswith("http"):
            continue
        file, _, anchor = target.partition("#")
        page = (path.parent / file).resolve() if file else path
        assert page.exists(), target
        if anchor:
            assert anchor in headings(page), target


def headings(path: Path) -> set[str]:
    """Return a page's anchors as GitHub makes them."""
    titles = re.findall(r"^#+ (.+)$", path.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


# --- hooks and decisions ---------------------------------------------------------------------------------


@pytest.mark.parametrize("hook", HOOK_NAMES)
def test_each_hook_has_a_heading_a_test_and_a_user(hook: str) -> None:
    assert f"\n### `{GENERATE.signature(hook)}`\n" in (DOCS / "hooks.md").read_text()
    tests = {path: path.read_text() for path in (ROOT / "tests").rglob("test_*.py") if path != Path(__file__)}
    assert [path for path, text in tests.items() if hook in text], f"no test mentions {hook}"
    sources = [
        *(ROOT / "plugins").rglob("*.py"),
        *(ROOT / "udasa_core").rglob("*.py"),
        *(ROOT / "tests").rglob("*.py"),
    ]
    users = [path for path in sources if re.search(rf"@hookimpl\s+def {hook}\(", path.read_text())]
    assert users, f"nothing implements {hook}"


def test_the_signature_is_the_one_that_is_typed() -> None:
    source = (ROOT / "udasa_core" / "hookspecs.py").read_text()
    flat = re.sub(r",? \)", ")", re.sub(r"\s+", " ", source))
    for hook in HOOK_NAMES:
        name, _, rest = GENERATE.signature(hook).partition("(")
        taken = f"self, {rest}" if not rest.startswith(")") else f"self{rest}"
        assert re.search(rf"def {name}\( ?{re.escape(taken)}:", flat), hook


def test_every_required_hook_is_specified() -> None:
    required = {hook for hooks in HOOKS.values() for hook in hooks}
    assert required | {"udasa_admit", "udasa_questions"} == set(HOOK_NAMES)


def test_decisions_are_numbered_and_listed() -> None:
    files = sorted((DOCS / "decisions").glob("[0-9]*.md"))
    listed = (DOCS / "decisions" / "README.md").read_text()
    for number, path in enumerate(files, 1):
        text = path.read_text()
        assert path.name.startswith(f"{number:04}-")
        title = text.partition("\n")[0].removeprefix(f"# {number}. ")
        assert f"{number}. [{title}]({path.name})" in listed
        assert [f"\n## {part}\n" in text for part in ("Context", "Decision", "Consequences")] == [True] * 3


def test_changelog_fragments_have_a_known_type() -> None:
    types = {"added", "changed", "fixed", "removed", "contract"}
    fragments = [path for path in (ROOT / "changelog").iterdir() if path.name != "README.md"]
    assert fragments
    assert {path.suffixes[-2].lstrip(".") for path in fragments} <= types

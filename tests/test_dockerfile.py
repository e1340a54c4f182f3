"""The Dockerfile names files, a Python and extras that there are. No image is built: its steps are run."""

from __future__ import annotations

import fnmatch
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.specifiers import SpecifierSet

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
# Continued lines are one.
LINES = (ROOT / "Dockerfile").read_text().replace("\\\n", " ").splitlines()
ARGUMENTS = dict(line.removeprefix("ARG ").split("=") for line in LINES if line.startswith("ARG "))


def copied() -> list[str]:
    """Return what is copied from the checkout."""
    words = [line.split()[1:] for line in LINES if line.startswith("COPY ")]
    return [name for names in words if not names[0].startswith("--from") for name in names[:-1]]


def steps() -> list[str]:
    return [line.removeprefix("RUN ") for line in LINES if line.startswith("RUN ")]


def test_the_files_that_it_copies_are_there_and_are_all_that_a_wheel_needs() -> None:
    assert [name for name in copied() if not (ROOT / name).exists()] == []
    project = PROJECT["project"]
    built = {Path(one).parts[0] for one in PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]}
    needed = {"pyproject.toml", project["readme"], *project["license-files"], *built, "constraints.txt"}
    assert set(copied()) == needed


def test_what_is_copied_and_nothing_else_is_sent_to_the_builder() -> None:
    rules = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line[:1] not in ("", "#")]
    assert rules[0] == "*"
    assert {rule[1:] for rule in rules if rule.startswith("!")} == set(copied())
    assert fnmatch.fnmatch("udasa_core/__pycache__", rules[-1])


def test_its_python_and_its_extras_are_the_projects() -> None:
    project = PROJECT["project"]
    assert ARGUMENTS["PYTHON"] in SpecifierSet(project["requires-python"])
    assert f"Programming Language :: Python :: {ARGUMENTS['PYTHON']}" in project["classifiers"]
    images = {line.split()[1] for line in LINES if line.startswith("FROM ")}
    assert images == {"python:${PYTHON}-slim"}
    named = re.findall(r"\[([a-z,-]+)\]", (ROOT / "Dockerfile").read_text())
    assert named
    assert {extra for extras in named for extra in extras.split(",")} <= set(project["optional-dependencies"])
    (entry,) = (line for line in LINES if line.startswith("ENTRYPOINT "))
    assert entry.split('"')[1] in project["scripts"]


@pytest.mark.parametrize("torch", ["cpu", "cuda", "rocm"])
def test_its_torch_is_chosen_by_an_argument(torch: str, tmp_path: Path) -> None:
    """The step itself is run, with stand-ins for what would install and change the machine."""
    (step,) = (one for one in steps() if "PIP_EXTRA_INDEX_URL" in one)
    for name in ("python", "rm", "useradd", "install"):
        stand_in = tmp_path / name
        stand_in.write_text(f'#!/bin/sh\necho "{name} $* index=$PIP_EXTRA_INDEX_URL"\n')
        stand_in.chmod(0o755)
    path = os.pathsep.join([str(tmp_path), os.environ["PATH"]])
    environment = {"PATH": path, "TORCH": torch, "EXTRAS": "[qlora]"}
    done = subprocess.run(
        ["sh", "-c", step], env=environment, capture_output=True, text=True, check=False, cwd=tmp_path
    )
    if torch == "rocm":
        assert (done.returncode, done.stderr) == (1, "TORCH is cpu or cuda, not rocm\n")
        return
    assert done.returncode == 0, done.stderr
    installed = done.stdout.splitlines()[0]
    assert "pip install" in installed
    assert "-c /tmp/constraints.txt" in installed
    assert "[qlora]" in installed
    assert ("index=https://download.pytorch.org/whl/cpu" in installed) == (torch == "cpu")


@pytest.mark.slow
def test_its_wheel_is_built_from_what_it_copies_and_runs(tmp_path: Path) -> None:
    source = tmp_path / "src"
    source.mkdir()
    for name in copied():
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, source)
    (step,) = (one for one in steps() if " wheel " in one)
    words = shlex.split(step.replace("--wheel-dir /wheel", f"--wheel-dir {tmp_path / 'wheel'}"))
    assert words[0] == "python"
    # Without isolation: what builds is installed here already.
    subprocess.run([sys.executable, *words[1:], "--no-build-isolation"], check=True, cwd=source)
    (wheel,) = (tmp_path / "wheel").glob("udasa-*.whl")
    target = tmp_path / "site"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(target)]
    subprocess.run([*pip, str(wheel)], check=True)
    code = "import sys; sys.argv = ['udasa', '--version']; from udasa_core.cli.main import main; main()"
    told = subprocess.run(
        [sys.executable, "-P", "-c", code],
        check=True,
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(target)},
    ).stdout
    assert told == f"udasa {PROJECT['project']['version']}\n"

"""The command `udasa`, as people type it: what it prints, what it exits with, what it does not import."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import udasa_core
from udasa_core.cli.main import main
from udasa_core.config.recipes import recipes

ROOT = Path(__file__).parents[3]
HEAVY = ("torch", "transformers", "trl", "datasets", "evaluate", "peft")
_PROBE = """
import sys
sys.argv = ["udasa", *sys.argv[1:]]
from udasa_core.cli.main import main
try:
    main()
finally:
    print(*sorted({name.partition(".")[0] for name in sys.modules}), file=sys.stderr)
"""

ConfigFile = Callable[..., Path]


def udasa(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(one) for one in arguments])


def process(*arguments: object, code: str = _PROBE, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run in a process of its own; the last line of stderr lists what was imported."""
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "plugins")])},
        **options,
    )


def imported(done: subprocess.CompletedProcess[str]) -> set[str]:
    return set(done.stderr.splitlines()[-1].split())


def test_help_imports_next_to_nothing() -> None:
    done = process("--help")
    assert done.returncode == 0
    for command in ("init", "check", "run", "plugins", "runs", "show", "chat", "export", "clean"):
        assert re.search(rf"^  {command} ", done.stdout, re.MULTILINE)
    assert not imported(done) & {*HEAVY, "pydantic", "pyarrow", "rich", "numpy"}


def test_listing_imports_no_plugin() -> None:
    done = process("plugins")
    assert done.returncode == 0
    assert re.search(r"calibration +cdf +udasa +\d", done.stdout)
    found = imported(done)
    assert not found & {*HEAVY, "pydantic", "pyarrow", "rich"}
    assert not [name for name in found if name.startswith("udasa_plugin")]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["experiment", "--help"], ("signal", "consistency", "premise")),
        (
            ["experiment", "signal", "--help"],
            ("--part", "--data", "--temperatures", "--responses", "--verbose"),
        ),
        (["experiment", "consistency", "--help"], ("--repeats", "--limit", "--log-file")),
        (["experiment", "fit-weights", "--help"], ("--data", "--out", "--folder")),
    ],
)
def test_the_evaluators_subcommands_are_offered_and_light(
    arguments: list[str], told: tuple[str, ...]
) -> None:
    done = process(*arguments)
    assert done.returncode == 0, done.stderr
    for word in told:
        assert word in done.stdout
    assert not imported(done) & {*HEAVY, "pyarrow", "numpy", "matplotlib"}


def test_offered_subcommands_stand_in_the_help() -> None:
    text = udasa("--help").output
    for command in ("experiment", "eval"):
        assert re.search(rf"^  {command} +\w", text, re.MULTILINE)


class Offer:
    """An entry point of somebody else's."""

    distribution = "their_own"

    def __init__(self, loaded: object) -> None:
        self.loaded = loaded

    def load(self) -> object:
        if isinstance(self.loaded, Exception):
            raise self.loaded
        return self.loaded


def test_a_subcommand_that_cannot_be_imported_breaks_no_other(
    config_file: ConfigFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    import click

    @click.command()
    def fine() -> None:
        """A third party's."""
        click.echo("fine")

    offers = {
        "broken": Offer(ModuleNotFoundError("No module named 'jax'")),
        "fine": Offer(fine),
        "odd": Offer("no command"),
        # The core's own name goes to the core.
        "check": Offer(RuntimeError("not asked")),
    }
    monkeypatch.setattr("udasa_core.cli.command._offered", lambda: offers)
    listed = udasa("--help")
    assert listed.exit_code == 0
    for name in ("broken", "fine", "odd"):  # none is imported to be listed
        assert re.search(rf"^  {name} +Offered by their-own\.", listed.output, re.MULTILINE)
    assert udasa("fine").output == "fine\n"
    # It gets what the core's own have, once, and tells of nothing else.
    for _ in range(2):
        told = udasa("fine", "--help").output
        assert told.count("--log-file") == told.count("--verbose") == 1
    assert udasa("check", config_file()).exit_code == 0
    typed = udasa("broken")
    assert typed.exit_code == 1
    assert typed.output == (
        "error: the subcommand broken cannot be imported: ModuleNotFoundError: No module named 'jax'\n"
    )
    assert udasa("odd").exit_code == 2


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["experiment"], "Usage"),
        (["experiment", "fly"], "offers the experiment 'fly'"),
        (["experiment", "signal", "--temperatures", "0.7,warm"], "takes a number (it is"),
        (["experiment", "signal", "--responses", "4,0"], "takes a number above 0"),
        (["experiment", "signal", "--responses", ""], "takes 1 or more of them"),
        (["experiment", "signal", "--part", "train"], "is not one of"),
        (["experiment", "consistency", "--repeats", "1"], "takes a number of 2 or more"),
        (["experiment", "fit-weights", "mine.toml"], "Missing option '--data'"),
    ],
)
def test_wrong_usage_of_the_evaluators_subcommands(
    arguments: list[str], told: str, monkeypatch: Any, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    done = udasa(*arguments)
    assert done.exit_code == 2
    assert told in done.output
    assert list(tmp_path.iterdir()) == []


def test_check_tells_of_a_missing_entailment_model_by_its_path(config_file: ConfigFile) -> None:
    path = config_file(dimension=[{"use": "tests.canned:Entailing", "name": "nli"}])
    done = udasa("check", path)
    assert done.exit_code == 2
    assert "dimension.nli: needs an entailment model" in done.output
    assert "add [entailment]" in done.output


def test_a_tripped_alarm_is_told_by_run_and_show(config_file: ConfigFile, tmp_path: Path) -> None:
    dimension = [
        {"use": "tests.canned:OnPrompts", "name": "planted", "word": "briefly", "u": 0.97},
        {"use": "tests.canned:Dimension", "name": "other"},
    ]
    path = config_file(dimension=dimension, controls={"source": "builtin:controls"})
    made = CliRunner().invoke(main, ["run", str(path)])
    assert made.exit_code == 0, made.output
    assert "planted is miscalibrated: " in made.stderr
    assert "MISCALIBRATED" in made.stdout
    shown = udasa("show", "canned", "--folder", tmp_path / "runs").output
    assert re.search(r"^ +planted .*MISCALIBRATED$", shown, re.MULTILINE)
    assert "WARNING: planted is surely not below the bound" in shown


def test_version() -> None:
    from importlib.metadata import version

    assert udasa("--version").output == f"udasa {version('udasa')}\n"


def test_init_check_run_show_export_clean(config_file: ConfigFile, tmp_path: Path) -> None:
    """The way of a first user, on canned plugins."""
    path = config_file()
    checked = udasa("check", path)
    assert checked.exit_code == 0, checked.output
    for told in ("Stack", "Plan", "Estimate", "tests.canned:Generator", "has no fault"):
        assert told in checked.output
    assert not (tmp_path / "runs").exists()

    made = udasa("run", path)
    assert made.exit_code == 0, made.output
    assert "Training by stage" in made.output
    folder = tmp_path / "runs" / "canned"
    assert made.output.splitlines()[-1].startswith(f"The run lies in {folder}. Next: udasa show {folder}")

    again = udasa("run", path)
    assert again.exit_code == 0
    assert again.output.startswith("nothing to do: ")
    assert len(again.output.splitlines()) == 1

    shown = udasa("show", "canned", "--folder", tmp_path / "runs")
    assert shown.exit_code == 0
    assert shown.output == udasa("show", folder).output
    plain = json.loads(udasa("show", folder, "--json").output)
    assert plain["name"] == "canned"
    assert udasa("show", folder, "--pairs", "1").output.count("── ") == 3

    pairs = tmp_path / "pairs.jsonl"
    assert udasa("export", folder, "--pairs", pairs).exit_code == 0
    assert len(pairs.read_text().splitlines()) == plain["prompts"]["training"]

    assert udasa("run", path, "--set", "dimension.one.weight=3").exit_code == 0
    listed = udasa("clean", "--folder", tmp_path / "runs", "--dry-run")
    assert re.fullmatch(r"would remove \d+ outputs, .*\n", listed.output)
    swept = udasa("clean", "--folder", tmp_path / "runs")
    assert swept.output == listed.output.replace("would remove", "removed")
    assert udasa("clean", "--folder", tmp_path / "runs").output == "removed 0 outputs, 0 B\n"


def test_nothing_to_do_is_fast_and_imports_no_torch(config_file: ConfigFile) -> None:
    path = config_file()
    assert udasa("run", path).exit_code == 0
    done = process("run", path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("nothing to do")
    assert not imported(done) & {*HEAVY, "rich"}


@pytest.mark.parametrize("command", ["check", "run"])
def test_every_fault_at_once_and_nothing_written(
    config_file: ConfigFile, tmp_path: Path, command: str
) -> None:
    path = config_file(generator={"use": "tests.canned:Generator", "responses": 1, "colour": "red"})
    before = sorted(tmp_path.rglob("*"))
    done = udasa(command, path, "--set", "run.held_out=2")
    assert done.exit_code == 2
    for told in ("generator.responses", "generator.colour", "run.held_out"):
        assert told in done.output
    assert "Traceback" not in done.output
    assert sorted(tmp_path.rglob("*")) == before


def test_check_imports_no_torch(config_file: ConfigFile) -> None:
    done = process("check", config_file())
    assert done.returncode == 0, done.stderr
    assert not imported(done) & set(HEAVY)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["show", "nowhere"], "there is no run 'nowhere'"),
        (["show", "."], "is no run"),
        (["clean", "--folder", "nowhere"], "there is no store"),
        (["export", "nowhere", "--model", "x"], "there is no run 'nowhere'"),
    ],
)
def test_errors_are_one_sentence(arguments: list[str], told: str, monkeypatch: Any, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    done = udasa(*arguments)
    assert done.exit_code == (1 if arguments[0] == "clean" else 2)
    assert done.output.startswith("error: ")
    assert told in done.output


@pytest.mark.parametrize(
    "arguments",
    [["run", "missing.toml"], ["check", "missing.toml"], ["plugins", "missing.toml"], ["fly"], ["show"]],
)
def test_wrong_usage_exits_with_2(arguments: list[str], monkeypatch: Any, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    assert udasa(*arguments).exit_code == 2
    assert list(tmp_path.iterdir()) == []


def test_export_must_be_told_what(canned_run: udasa_core.Run) -> None:
    assert udasa("export", canned_run.folder).exit_code == 2
    assert udasa("show", canned_run.folder, "--json", "--pairs", "1").exit_code == 2


def test_export_that_would_lose_something_is_wrong_usage(canned_run: udasa_core.Run, tmp_path: Path) -> None:
    assert udasa("export", canned_run.folder, "--pairs", tmp_path / "pairs.txt").exit_code == 2
    (tmp_path / "pairs.jsonl").write_text("mine")
    assert udasa("export", canned_run.folder, "--pairs", tmp_path / "pairs.jsonl").exit_code == 2
    assert udasa("export", canned_run.folder, "--model", tmp_path).exit_code == 2
    assert (tmp_path / "pairs.jsonl").read_text() == "mine"


def test_a_run_that_is_not_finished_is_exported_only_when_asked(
    config_file: ConfigFile, tmp_path: Path
) -> None:
    udasa("run", config_file(trainer={"use": "tests.canned:Trainer", "crash": True}))
    folder, pairs = tmp_path / "runs" / "canned", tmp_path / "pairs.jsonl"
    refused = udasa("export", folder, "--pairs", pairs)
    assert refused.exit_code == 1
    assert "is not finished (status: failed)" in refused.output
    assert "--unfinished" in refused.output
    assert udasa("export", folder, "--pairs", pairs, "--unfinished").exit_code == 0
    assert "NOT FINISHED" in udasa("show", folder).output.splitlines()[0]


def test_check_fails_where_a_run_would_over_its_prompts(config_file: ConfigFile, tmp_path: Path) -> None:
    path = config_file()
    (tmp_path / "prompts.jsonl").write_text('{"prompt": "a"}\n{"prompt": ""}\n{"prompt": "b"}\n')
    done = udasa("check", path)
    assert done.exit_code == 1
    assert "1 of 3 rows" in done.output
    assert "1  prompt is empty" in done.output
    assert "has no fault" not in done.output
    hint = done.output.split("--set ")[1].split()[0]
    assert udasa("check", path, "--set", hint).exit_code == 0
    (tmp_path / "prompts.jsonl").write_text('{"prompt": ""}\n')
    assert "no prompt is left" in udasa("check", path, "--set", "prompts.max_set_aside=1.0").output


def test_a_failing_step_exits_with_1(config_file: ConfigFile) -> None:
    path = config_file(trainer={"use": "tests.canned:Trainer", "crash": True})
    done = udasa("run", path)
    assert done.exit_code == 1
    assert "out of memory" in done.output
    assert "Traceback" not in done.output
    loud = udasa("-vv", "run", path)
    assert "Traceback" in loud.output
    assert udasa("run", path, "-vv").exit_code == 1


def test_what_was_not_foreseen_has_no_bare_traceback(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def fall(*arguments: object, **options: object) -> None:
        raise ZeroDivisionError("oh")

    monkeypatch.setattr("udasa_core.api.clean", fall)
    log = tmp_path / "log"
    done = udasa("--log-file", log, "clean")
    assert done.exit_code == 1
    assert "ZeroDivisionError: oh" in done.output
    assert "-vv" in done.output
    assert "Traceback" not in done.output
    assert "Traceback" in log.read_text()


def test_log_lines_go_where_they_are_asked_to(config_file: ConfigFile, tmp_path: Path) -> None:
    path, log = config_file(), tmp_path / "log"
    quiet = CliRunner().invoke(main, ["run", str(path), "--set", "run.name=quiet"])
    assert quiet.stderr == ""
    told = CliRunner().invoke(main, ["-v", "run", str(path), "--log-file", str(log)])
    assert "sample training: 0 made, 5 in the store" in told.stderr
    assert "started step" not in told.stderr
    assert re.search(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d+ DEBUG started step", log.read_text(), re.MULTILINE)
    assert udasa("clean", "--log-file", tmp_path / "no" / "log").exit_code == 2


def test_plugins_of_a_configuration(config_file: ConfigFile) -> None:
    done = udasa("plugins", config_file())
    assert done.exit_code == 0
    assert re.search(r"calibration +cdf +udasa +\S+ +selected", done.output)
    assert re.search(r"generator +tests.canned:Generator +local +selected", done.output)


@pytest.mark.slow
def test_verify_exits_with_1_where_something_breaks(config_file: ConfigFile, tmp_path: Path) -> None:
    (tmp_path / "broken_here.py").write_text("raise RuntimeError('no')")
    dimension = [{"use": "broken_here:Thing", "name": "x"}]
    # `plugins` lists what `check` would refuse.
    done = process("plugins", config_file(dimension=dimension), "--verify", "--timeout", "30")
    assert done.returncode == 1, done.stderr
    assert "RuntimeError: no" in done.stdout


def test_init_names_the_recipes_and_writes_each(tmp_path: Path) -> None:
    told = udasa("init", "--help").output
    for name in recipes():
        assert f"\n  {name} " in told
        assert udasa("init", tmp_path / f"{name}.toml", "--recipe", name).exit_code == 0
        assert tomllib.loads((tmp_path / f"{name}.toml").read_text())["run"]["name"] == name
    assert udasa("init", tmp_path / "none.toml", "--recipe", "secret").exit_code == 2


def test_init_writes_once(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    assert udasa("init", path).output == f"wrote {path}; next: udasa check {path}\n"
    text = path.read_text()
    assert "generator" in tomllib.loads(text)
    assert udasa("init", path).exit_code == 2
    assert path.read_text() == text


def test_a_reader_who_leaves_early_is_no_error(canned_run: udasa_core.Run) -> None:
    code = "from udasa_core.cli.main import main; main()"
    with subprocess.Popen(
        [sys.executable, "-c", code, "show", str(canned_run.folder), "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        text=True,
    ) as shown:
        assert shown.stdout is not None
        assert shown.stderr is not None
        shown.stdout.close()
        assert shown.wait(60) == 0
        assert shown.stderr.read() == ""


@pytest.mark.parametrize("number", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.slow)])
def test_an_interrupted_run_continues(
    config_file: ConfigFile, tmp_path: Path, number: signal.Signals
) -> None:
    (tmp_path / "slow.py").write_text(
        "import time\nfrom tests.canned import Dimension\nfrom udasa_core import hookimpl\n"
        "class Slow(Dimension):\n"
        "    @hookimpl\n"
        "    def udasa_score(self, groups, seed):\n"
        "        time.sleep(0 if __import__('os').environ.get('FAST') else 1)\n"
        "        return super().udasa_score(groups, seed)\n"
    )
    path = config_file(dimension=[{"use": "slow:Slow", "name": "slow"}])
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    # A process that a shell put in the background is born deaf to SIGINT, and so are its children.
    code = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
    code += "from udasa_core.cli.main import main; main()"
    command = [sys.executable, "-c", code, "run", str(path)]
    scores = tmp_path / "runs" / "store" / "score"
    with subprocess.Popen(command, stderr=subprocess.PIPE, env=environment, text=True) as running:
        deadline = time.monotonic() + 60
        while not list(scores.glob("*.parquet")) and time.monotonic() < deadline:
            time.sleep(0.05)
        running.send_signal(number)
        _, told = running.communicate(timeout=60)
    assert running.returncode == 130, told
    assert told == "interrupted; the same command continues where it stopped\n"
    assert udasa_core.Run(tmp_path / "runs" / "canned").status == "interrupted"
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env={**environment, "FAST": "1"}
    )
    assert done.returncode == 0, done.stderr


def test_an_offered_group_of_commands_logs_as_the_cores_own_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import logging

    import click

    @click.group()
    def family() -> None:
        """Several."""

    @family.command()
    @click.option("--count", type=int, default=1)
    def member(count: int) -> None:
        """Warn and tell."""
        logging.getLogger("udasa").debug("debugged %d", count)
        click.echo(f"counted {count}")

    @family.command()
    @click.option("--log-file")
    def other(log_file: str) -> None:
        """Has an option of that name itself."""
        click.echo(f"mine is {log_file}")

    monkeypatch.setattr("udasa_core.cli.command._offered", lambda: {"family": Offer(family)})
    log = tmp_path / "log"
    done = udasa("family", "member", "--count", "3", "--log-file", log)
    assert (done.exit_code, done.output) == (0, "counted 3\n")
    assert "DEBUG debugged 3" in log.read_text()
    assert udasa("family", "other", "--log-file", "x").output == "mine is x\n"

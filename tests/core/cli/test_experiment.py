"""`udasa experiment NAME`: the options of an experiment as those of a command."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.canned import calls, configuration
from tests.core.conftest import to_toml
from udasa_core.cli import experiment
from udasa_core.cli.main import main
from udasa_core.plugins.catalog import Catalog, Offer

HERE = "tests.core.experiments.local_experiment"
COUNTING = f"{HERE}:Counting"


def udasa(*arguments: object) -> Result:
    return CliRunner().invoke(main, list(map(str, arguments)))


@pytest.fixture
def toml(tmp_path: Path, tiny_model_dir: Path) -> Path:
    calls.clear()
    plain = configuration(tmp_path, tiny_model_dir, count=4)
    plain["run"]["held_out"] = 0.0
    path = tmp_path / "mine.toml"
    path.write_text(to_toml(plain))
    return path


def test_it_prints_its_tables_and_says_where_they_lie(toml: Path, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    done = udasa("experiment", COUNTING, toml, "--folder", folder, "--set", "generator.responses=3")
    assert done.exit_code == 0, done.output
    assert (folder / "count-of-responses.txt").read_text() in done.output
    assert "responses  12.000" in done.output
    assert done.output.splitlines()[-1].endswith(str(folder))
    calls.clear()
    again = udasa("experiment", COUNTING, toml, "--folder", folder, "--set", "generator.responses=3")
    assert again.output == done.output
    assert not calls


@pytest.mark.parametrize(
    ("options", "count"),
    [
        (["--of", "prompts"], "4"),
        (["--times", "2"], "32"),
        (["--halves", "true"], "8"),
        (["--weights", "0.5, 2"], "40"),
    ],
)
def test_options_of_each_type_are_read_from_text(
    options: list[str], count: str, toml: Path, tmp_path: Path
) -> None:
    note = tmp_path / "note"
    done = udasa("experiment", COUNTING, toml, "--folder", tmp_path / "out", *options, "--note", note)
    assert done.exit_code == 0, done.output
    assert note.read_text() == count


def test_several_words_are_typed_with_commas(toml: Path, tmp_path: Path) -> None:
    done = udasa("experiment", COUNTING, toml, "--folder", tmp_path / "out", "--words", "red, green")
    assert "red\ngreen\n" in done.output


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--of", "words"], "'words' is not one of 'responses', 'prompts'"),
        (["--times", "0"], "takes a number of 1 or more (it is '0')"),
        (["--times", "once"], "takes a whole number"),
        (["--weights", "1,warm"], "takes a number"),
        (["--weights", "1,0"], "takes a number above 0"),
        (["--weights", ""], "takes 1 or more of them"),
        (["--tmies", "2"], "No such option"),
    ],
)
def test_wrong_usage_is_told_and_writes_nothing(
    options: list[str], told: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    done = udasa("experiment", COUNTING, *options)
    assert done.exit_code == 2
    assert told in " ".join(done.output.split())
    assert list(tmp_path.iterdir()) == []


def test_help_tells_each_option_with_its_default() -> None:
    text = " ".join(udasa("experiment", COUNTING, "--help").output.split())
    for words in (
        "How many responses are there? It counts.",
        "--of [responses|prompts] What is counted. [default: responses]",
        "--times INTEGER Each counts so many times. [default: 1]",
        "--weights A,B,… Counted once for each weight, with that weight. [default: 1.0]",
        "--note FILE Where the count is also written.",
        "--verbose",
        "--log-file",
        "--set KEY=VALUE",
    ):
        assert words in text
    assert "--how TEXT How. [required]" in " ".join(
        udasa("experiment", f"{HERE}:Failing", "--help").output.split()
    )


def test_one_that_cannot_be_had_stops_no_other(monkeypatch: pytest.MonkeyPatch, toml: Path) -> None:
    offers = [
        Offer("experiment", "counting", "mine", "1.0", COUNTING),
        Offer("experiment", "greedy", "mine", "1.0", f"{HERE}:Greedy"),
        Offer("experiment", "broken", "mine", "1.0", "nowhere:Nothing"),
        Offer("experiment", "old", "mine", "1.0", COUNTING, "it was written for contract-1"),
        Offer("experiment", "twice", "mine", "1.0", COUNTING),
        Offer("experiment", "twice", "yours", "1.0", COUNTING),
    ]
    monkeypatch.setattr("udasa_core.plugins.catalog.read_catalog", lambda: Catalog(offers))
    listed = udasa("experiment", "--help")
    assert listed.exit_code == 0
    names = [line.split()[0] for line in listed.output.partition("Commands:")[2].splitlines() if line.strip()]
    assert names == ["broken", "counting", "greedy", "mine/twice", "old", "yours/twice"]
    assert listed.output.count("Offered by mine.") == 5, "none is imported to be listed"
    assert "How many responses are there?" in udasa("experiment", "counting", "--help").output
    for name, told in (
        ("broken", "cannot be imported: ModuleNotFoundError"),
        ("greedy", "its option 'folder' is one of the command's own"),
        ("old", "it was written for contract-1"),
        ("twice", 'write use = "mine/twice" or use = "yours/twice"'),
        ("nobodys", "no installed distribution offers the experiment 'nobodys'"),
    ):
        typed = udasa("experiment", name, "--whatever", "was", "typed")
        assert (typed.exit_code, told in typed.output) == (2, True), typed.output


def test_the_catalog_is_read_once_a_command(monkeypatch: pytest.MonkeyPatch) -> None:
    assert udasa("experiment", "--help").exit_code == 0
    assert experiment.Experiments.command_class is None

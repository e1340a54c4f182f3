"""How much packed files may unpack to: a few kilobytes of a bomb fill a disk, or the memory."""

from __future__ import annotations

import bz2
import gzip
import lzma
import zipfile
import zlib
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from udasa_core.errors import SourceError
from udasa_core.text.size import size

# Bytes that anything may unpack to. Beyond, `MOST` times what it takes packed: texts come to 30, rarely more;
# what repeats one byte comes to 1000 and beyond.
ALWAYS = 1 << 28
MOST = 100
_CHUNK = 1 << 20


def check_unpacked(what: str, unpacked: int, packed: int) -> None:
    """Raise SourceError where something of `packed` bytes unpacks to more than anybody's data do.

    what: how the error names it. unpacked: bytes, as its format declares them, or as many as came so far.
    """
    if unpacked > max(ALWAYS, MOST * packed):
        raise SourceError(
            f"{what} would unpack from {size(packed)} to {size(unpacked)} or more, over {MOST} times as "
            "much, and is not unpacked\n    → look at what it is; where you trust it, unpack it yourself, "
            "and name what comes out: file:…"
        )


def check_zip(what: str, infos: list[zipfile.ZipInfo], packed: int) -> None:
    """Raise SourceError where members of a zip archive unpack to too much, each or together, or are packed in
    a way that is unpacked in memory at once. packed: bytes of the archive."""
    for info in infos:
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise SourceError(
                f"{what}: {info.filename} is packed by method {info.compress_type}, and only what is "
                "deflated or stored is unpacked"
            )
        check_unpacked(f"{what}: {info.filename}", info.file_size, info.compress_size)
    # Members may share their packed bytes.
    check_unpacked(what, sum(info.file_size for info in infos), packed)


def check_packed(path: Path) -> None:
    """Raise SourceError where a file is packed, and unpacks to more than anybody's data do.

    gzip, bzip2, xz, zstandard and lz4 are unpacked piece by piece, as far as they may go, and nothing is kept
    of it; zip and Parquet say themselves. What is none of these is fine. Raises OSError.
    """
    packed = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(6)
    check = next((check for sign, check in _CHECKS.items() if start.startswith(sign)), None)
    if check is not None:
        try:
            check(path, packed)
        except (EOFError, lzma.LZMAError, zlib.error, zipfile.BadZipFile) as error:
            raise SourceError(f"{path} cannot be unpacked: {error}") from error


def _check_zip(path: Path, packed: int) -> None:
    with zipfile.ZipFile(path) as archive:
        check_zip(str(path), archive.infolist(), packed)


def _check_parquet(path: Path, packed: int) -> None:
    """Check each column of each row group: they are read at once."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        metadata = pq.read_metadata(path)
    except pa.ArrowException:
        return  # what is damaged is told by whoever reads it
    for group in map(metadata.row_group, range(metadata.num_row_groups)):
        for chunk in map(group.column, range(group.num_columns)):
            what = f"{path}: column {chunk.path_in_schema}"
            check_unpacked(what, chunk.total_uncompressed_size, chunk.total_compressed_size)


def _streamed(opened: Callable[[Path], Any]) -> Callable[[Path, int], None]:
    def check(path: Path, packed: int) -> None:
        unpacked = 0
        with opened(path) as stream:
            while piece := stream.read(_CHUNK):
                unpacked += len(piece)
                check_unpacked(str(path), unpacked, packed)

    return check


def _by_arrow(path: Path, codec: str) -> Any:
    import pyarrow as pa

    return pa.input_stream(str(path), compression=codec)


# By how a file begins, as its readers tell; its name may say something else.
_CHECKS: Mapping[bytes, Callable[[Path, int], None]] = {
    b"PK\x03\x04": _check_zip,
    b"PAR1": _check_parquet,
    b"\x1f\x8b": _streamed(gzip.open),
    b"BZh": _streamed(bz2.open),
    b"\xfd7zXZ\0": _streamed(lzma.open),
    b"\x28\xb5\x2f\xfd": _streamed(partial(_by_arrow, codec="zstd")),
    b"\x04\x22\x4d\x18": _streamed(partial(_by_arrow, codec="lz4")),
}

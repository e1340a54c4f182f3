"""A split of a data set as the library `datasets` opens it, all of whose files are the data set's own."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from udasa_core.errors import SourceError
from udasa_core.files.lock import locked
from udasa_core.files.private import private_folder
from udasa_core.sources.cache import cache_root
from udasa_core.sources.data_folder import check_description
from udasa_core.sources.digests import data_digest, data_files
from udasa_core.sources.hub import SilentHubError, ask_hub, hub_errors, left_alone
from udasa_core.sources.limits import check_packed
from udasa_core.sources.made import fault, note
from udasa_core.sources.source import parse_source

if TYPE_CHECKING:
    import datasets

log = logging.getLogger("udasa")


def open_dataset(name: str, config: str | None, split: str, revision: str | None) -> datasets.Dataset:
    """Return a split of a data set of the hub, or of a folder. Raises SourceError where it would read files
    that are not its own, and what `dataset_errors` lists.

    The library's cache tells local files apart by their times; here a folder's rows are cached by what its
    files hold, and what is cached is compared with what was read.
    """
    import datasets

    folder = Path(name)
    if not folder.is_dir():
        with _reachable(name, revision):
            builder = datasets.load_dataset_builder(name, config, revision=revision)
            _check_files(builder, lambda file: file.startswith(f"hf://datasets/{name}@"))
            builder.download_and_prepare()
        return builder.as_dataset(split=split)
    check_description(folder)
    digest = data_digest(folder)
    builder = datasets.load_dataset_builder(name, config, cache_dir=str(cache_root() / "data" / digest))
    counted = data_files(folder)
    for _, file in counted:
        check_packed(file)
    _check_files(builder, {(folder.resolve() / inside).as_posix() for inside, _ in counted}.__contains__)
    with locked(cache_root() / "locks" / f"data-{digest}", f"reading {name}", wait=True):
        private_folder(cache_root() / "data")
        rows = Path(builder.cache_dir)
        if damage := fault(rows) if rows.is_dir() else "":
            log.warning("%s %s: it is made anew", rows, damage)
            shutil.rmtree(rows)
        if not rows.is_dir():
            builder.download_and_prepare()
            note(rows)
        return builder.as_dataset(split=split)


@contextmanager
def _reachable(name: str, revision: str | None) -> Iterator[None]:
    """Ask the hub once whether it gives a data set; where it gives no sign, go by its cache, and say so where
    that has it not: the library would ask again and again. Raises SourceError."""
    source = parse_source(f"hf:{name}@{revision}" if revision else f"hf:{name}", Path())
    try:
        ask_hub(source, "dataset")
    except SilentHubError as silent:
        try:
            with left_alone():
                yield
        except dataset_errors():
            raise silent from None
    else:
        yield


def dataset_errors() -> tuple[type[Exception], ...]:
    """Return what reading a data set may raise: the library's errors, Arrow's, the hub's, and those of its
    readers of files."""
    import pyarrow as pa
    from datasets.exceptions import DatasetsError

    return (DatasetsError, pa.ArrowException, LookupError, TypeError, *hub_errors())


def _check_files(builder: Any, is_own: Callable[[str], bool]) -> None:
    """Raise SourceError where a data set would read files that are not its own, or not in its digest."""
    found = builder.config.data_files or {}
    strange = [str(file) for files in found.values() for file in files if not is_own(str(file))]
    if strange:
        raise SourceError(
            f"its description names {', '.join(strange[:3])}, which is not among its own files\n"
            "    → copy those files into the folder, and name them by their paths in it"
        )

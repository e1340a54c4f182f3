"""An export, pushed to a model hub: one repository, one commit, nothing but the files that were listed.

The hub is Hugging Face's, or the one that HF_ENDPOINT names. What is asked for is settled before any work:
the token, the repository's name, who may read it, and that it holds nothing of anybody else's.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from udasa_core.errors import UdasaError, UsageError
from udasa_core.export.licences import base_terms
from udasa_core.export.model import MARKER
from udasa_core.files.json_text import parse_json
from udasa_core.progress import Progress, silent
from udasa_core.sources.hub import hub_errors
from udasa_core.store.runs import Run

if TYPE_CHECKING:
    from huggingface_hub import HfApi

_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
# What the hub itself puts into a new repository.
_THEIRS = (".gitattributes",)
# Seconds that the hub may take to answer at all.
_PATIENCE = 10.0
_AGAIN = "type the same command again"
_LOG_IN = "`hf auth login`, or export HF_TOKEN=…, with a token that may write"


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository that takes an export. earlier: what an earlier export left there, by its own list."""

    name: str
    address: str
    is_private: bool
    earlier: tuple[str, ...] = ()
    _api: HfApi = field(repr=False, kw_only=True)

    def __str__(self) -> str:
        return f"{self.address} ({'private' if self.is_private else 'public'})"


def reach(run: Run, name: str, *, private: bool = True, force: bool = False) -> Repository:
    """Return the repository `owner/name` of the hub, made where there is none.

    private: whether only its owner may read it. force: an earlier export of another model there is replaced.
    Raises UsageError where the name is none, the repository is another's, holds what udasa did not put there,
    or can be read by others than was asked for; UdasaError where there is no token or no hub.
    """
    from huggingface_hub import HfApi, constants, get_token
    from huggingface_hub.errors import RepositoryNotFoundError

    if not _NAME.fullmatch(name):
        raise UsageError(f"{name!r} is no repository: write owner/name")
    if constants.is_offline_mode():
        raise UsageError("HF_HUB_OFFLINE is set, so no hub is asked: unset it to push")
    token = get_token()
    if not token:
        raise UsageError(f"there is no token for {constants.ENDPOINT}: {_LOG_IN}")
    api = HfApi(token=token)
    try:
        # Asked first: of all that follows it alone can be told to wait no longer.
        try:
            found = api.model_info(name, timeout=_PATIENCE)
        except RepositoryNotFoundError:
            found = None
        api.whoami()
        if found is None:
            made = api.create_repo(name, private=private)
            return Repository(made.repo_id, str(made), private, _api=api)
        there = [one.rfilename for one in found.siblings or () if one.rfilename not in _THEIRS]
        earlier = _earlier(api, name) if MARKER in there else {}
    except hub_errors() as error:
        _fail(error, api, f"{name} cannot be written", name)
    if found.private is not private:
        is_so, option = ("private", "--private") if found.private else ("public", "--public")
        raise UsageError(f"{name} is there, and {is_so}: add {option}, or name another repository")
    if there and not earlier:
        raise UsageError(
            f"{name} holds what udasa did not put there ({', '.join(there[:3])}); name another one, or an "
            "empty one"
        )
    if there and not force and (earlier.get("model"), earlier.get("run")) != (_key(run), run.name):
        raise UsageError(
            f"{name} holds an export of run {earlier.get('run')!r}; --force replaces it, or name another one"
        )
    listed = tuple(one for one in earlier.get("files", ()) if one in there)
    return Repository(name, f"{api.endpoint}/{name}", private, listed, _api=api)


def push(
    run: Run,
    repository: Repository,
    files: Mapping[str, Path],
    *,
    again: str = _AGAIN,
    progress: Progress = silent,
) -> None:
    """Put files, by their path there, into a repository in one commit; remove what an earlier export left.

    again: what to do where it breaks off. What has arrived before is not sent again. Raises UdasaError where
    it breaks off: the repository is then as it was.
    """
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete

    note = {"model": _key(run), "run": run.name, "files": sorted(files)}
    marker = CommitOperationAdd(MARKER, json.dumps(note).encode() + b"\n")
    operations: list[Any] = [
        marker,
        *(CommitOperationAdd(path, str(file)) for path, file in files.items()),
        *(CommitOperationDelete(path) for path in gone(repository, files)),
    ]
    api = repository._api
    with progress(f"pushing to {repository.name}", None):
        try:
            api.create_commit(repository.name, operations, commit_message=f"udasa export: run {run.name}")
        except hub_errors() as error:
            _fail(error, api, f"the push to {repository.name} broke off", repository.name, again)


def gone(repository: Repository, files: Mapping[str, Path]) -> Sequence[str]:
    """Return what an earlier export left in a repository and this one has not."""
    return sorted({*repository.earlier} - {*files, MARKER})


def listed_files(folder: Path) -> dict[str, Path]:
    """Return the files of an exported folder by their path in it, hidden ones left out."""
    files = (file for file in sorted(folder.rglob("*")) if file.is_file() and not file.name.startswith("."))
    return {file.relative_to(folder).as_posix(): file for file in files}


def naming_note(run: Run, name: str) -> str:
    """Say where a repository's name is not as the base's licence wants it; "" where it is."""
    prefix = base_terms(run).prefix
    if not prefix or _spelt(name.partition("/")[2]).startswith(_spelt(prefix)):
        return ""
    return (
        f"note: the licence of the base model wants the name of this one to begin with {prefix}: "
        f"{name} does not"
    )


def _spelt(name: str) -> str:
    return re.sub(r"[\W_]+", "", name).casefold()


def _key(run: Run) -> str:
    return run.aligned(unfinished=True).key


def _earlier(api: HfApi, name: str) -> dict[str, Any]:
    """Return what an earlier export notes of itself; nothing where it is no such note."""
    with tempfile.TemporaryDirectory(prefix="udasa-push-") as aside:
        file = Path(api.hf_hub_download(name, MARKER, cache_dir=aside))
        try:
            plain = parse_json(file.read_bytes())
        except ValueError:
            return {}
    return plain if isinstance(plain, dict) else {}


def _fail(error: Exception, api: HfApi, what: str, name: str, again: str = _AGAIN) -> NoReturn:
    """Raise the error in words: who refused, and what to do."""
    cause: BaseException | None = error
    status = None
    while cause is not None and status is None:  # an upload's error lies within the client's own
        status = getattr(getattr(cause, "response", None), "status_code", None)
        cause = cause.__cause__
    owner = name.partition("/")[0]
    if status == 401:
        raise UsageError(f"{api.endpoint} does not take the token: {_LOG_IN}") from error
    if status == 403:
        raise UsageError(
            f"{what}: the token may not write to {owner}/…: name a repository of your own, or {_LOG_IN}"
        ) from error
    told = (str(error).strip().splitlines() or [type(error).__name__])[0]
    raise UdasaError(
        f"{what}: {told}\n"
        f"    → {again}: it goes on, and what has arrived is not sent again. A hub that "
        "is not Hugging Face's may need export HF_HUB_DISABLE_XET=1"
    ) from error

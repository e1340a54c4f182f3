"""Whether the sources that are counted are those that run: a module once imported stays what it was.

In a notebook a file may be edited, reloaded, or be another folder's file of one name. What was made by one
code and is stored under the digest of another would be found for good, so such a mismatch is refused.
"""

from __future__ import annotations

import marshal
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

from udasa_core.files.digest import file_digest

# Of each module that was seen loaded: by which import (each, and each reload, has a spec of its own), and its
# file's digest then.
_seen: dict[str, tuple[Any, str]] = {}
_RESTART = "start a new process (a notebook: restart its kernel)"


def loaded_of(top: str) -> list[tuple[str, Path]]:
    """Return the modules of a top-level package that are loaded, each by name with its file."""
    found = []
    for name, module in list(sys.modules.items()):
        place = getattr(module, "__file__", None) if name.split(".")[0] == top else None
        if place is not None and place.endswith(".py"):
            found.append((name, Path(place)))
    return found


def loaded_fault(
    named: Sequence[tuple[str, Path]], imports: Callable[[Path], Sequence[str]], *, is_local: bool
) -> str:
    """Say why the files of some modules are not what is loaded under their names ("" where they are).

    named: modules by name, each with the file that counts. imports: the names that a file imports. is_local:
    they are somebody's own work, who may have imported and edited them before. Modules that are not loaded
    are no fault.
    """
    changed: set[str] = set()
    reloaded: set[str] = set()
    found: dict[str, tuple[Any, str]] = {}
    for name, file in named:
        module = sys.modules.get(name)
        place = getattr(module, "__file__", None)
        if module is None or place is None:
            continue
        if not _is_same(Path(place), file):
            return (
                f"its module {name!r} would be {file}, and this process has loaded {place} under that name: "
                f"rename one of them, or {_RESTART}"
            )
        spec, sha256 = module.__spec__, file_digest(file)
        before = _seen.get(name)
        if before is None or before[0] is not spec:
            reloaded.add(name)
            is_stale = is_local and _is_older(module, file)
        else:
            is_stale = before[1] != sha256
        if is_stale:
            return (
                f"{file} was changed after {name!r} was imported from it, and this process runs what it held "
                f"before: {_RESTART}, or reload it (importlib.reload)"
            )
        if before is not None and before[1] != sha256:
            changed.add(name)
        found[name] = (spec, sha256)
    for name in _all_importers(changed, named, imports) if changed else ():
        if name in found and name not in reloaded:
            return (
                f"{name!r} was imported before {', '.join(sorted(changed))} was reloaded, and may hold what "
                f"that was before: reload it, too (importlib.reload), or {_RESTART}"
            )
    _seen.update(found)
    return ""


def _all_importers(
    changed: set[str], named: Sequence[tuple[str, Path]], imports: Callable[[Path], Sequence[str]]
) -> set[str]:
    importers: dict[str, list[str]] = {}
    for name, file in named:
        for imported in imports(file):
            importers.setdefault(imported, []).append(name)
    found: set[str] = set()
    waiting = list(changed)
    while waiting:
        more = set(importers.get(waiting.pop(), ())) - found
        found |= more
        waiting += more
    return found


def _is_same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        return False


def _is_older(module: ModuleType, file: Path) -> bool:
    """Say whether a loaded module was made from another text than its file holds now, as far as can be seen:
    by what Python kept when it compiled the file, and by the code of the module's functions."""
    spec = module.__spec__
    # What another loader makes of a text (a test runner's, a type checker's) is not comparable.
    if spec is None or type(spec.loader) is not SourceFileLoader:
        return False
    try:
        compiled = compile(file.read_bytes(), str(file), "exec", dont_inherit=True)
    except (SyntaxError, ValueError):
        return True
    if spec.cached and not sys.dont_write_bytecode and not _is_of(Path(spec.cached), compiled):
        return True
    codes: dict[str, list[CodeType]] = {}
    for code in _inner(compiled):
        codes.setdefault(code.co_qualname, []).append(code)
    ours = [one.__code__ for one in _functions(module) if one.__code__.co_filename == module.__file__]
    return any(code not in codes.get(code.co_qualname, ()) for code in ours)


def _is_of(cached: Path, compiled: CodeType) -> bool:
    """Say whether what Python kept of a module is what its text compiles to: it keeps it at each import where
    it can, so something else is of an earlier text."""
    if not (os.access(cached, os.W_OK) and os.access(cached.parent, os.W_OK)):
        return True
    try:
        return bool(marshal.loads(cached.read_bytes()[16:]) == compiled)
    except (OSError, ValueError, EOFError, TypeError):
        return True


def _inner(code: CodeType) -> Iterator[CodeType]:
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield constant
            yield from _inner(constant)


def _functions(module: ModuleType) -> Iterator[FunctionType]:
    """Yield the functions that stand in a module, and in its classes."""
    own = [one for one in vars(module).values() if getattr(one, "__module__", None) == module.__name__]
    inside = [member for one in own if isinstance(one, type) for member in vars(one).values()]
    for one in (*own, *inside):
        plain = getattr(one, "__func__", one)
        if isinstance(plain, FunctionType):
            yield plain

"""What code shapes an output: the sources that a plugin or a step can run, in any kind of installation.

A version says too little: two wheels of one version may hold other code. Files that a module does not import,
from anywhere in it, do not count: a change of a report's text remakes no sample.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.machinery
import importlib.util
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from udasa_core.files.digest import file_digest
from udasa_core.plugins.base import Plugin
from udasa_core.plugins.catalog import LOCAL, Offer
from udasa_core.plugins.loaded import loaded_fault, loaded_of

CORE = "udasa_core"


def source_digest(offer: Offer, factory: Any) -> str:
    """Return the SHA-256 of the sources that an offer's factory can run, of its own top-level package.

    Local work (`module:Factory`) counts with the modules and packages beside it that it imports, with files
    beside it that it names, and where it is a single module with all modules beside it. factory: what the
    offer names; where it is a class on the base of another plugin package, that package's sources count, too.
    """
    counted = _counted(offer, factory)
    return _digest(counted) if counted else ""


def mismatch(offer: Offer, factory: Any) -> str:
    """Say why a factory's sources, as they lie there, are not what this process has loaded ("" if they are).

    Whoever imports a factory asks at once, so that a later edit is noticed.
    """
    is_local = offer.distribution == LOCAL
    if is_local:
        counted = [(name, file) for name, file in _counted(offer, factory) if file.suffix == ".py"]
        # The file that an import would find here, whatever lies in memory under its name.
        named = [(name, _here(name) or file) for name, file in counted if "/" not in name]
    else:
        top = offer.target.partition(":")[0].split(".")[0]
        tops = dict.fromkeys([top, *(base.split(".")[0] for base in _bases(factory, top))])
        named = [one for package in tops for one in loaded_of(package)]
    own = [(name, file) for name, file in named if name.split(".")[0] != CORE]
    return loaded_fault(own, lambda file: _imports(file)[0], is_local=is_local)


def _counted(offer: Offer, factory: Any) -> Sequence[tuple[str, Path]]:
    module = offer.target.split(":")[0]
    top = module.split(".")[0]
    spec = _spec(top)
    if spec is None:
        return []
    bases = _bases(factory, top)
    if offer.distribution != LOCAL:
        return sources(module, *bases)
    inside = list(spec.submodule_search_locations or ())
    folder = Path(inside[0] if inside else str(spec.origin)).parent
    beside = [] if inside else sorted(file.stem for file in folder.glob("*.py") if file.stem.isidentifier())
    counted = sources(*beside, module, *bases, folder=folder)
    own = [file for name, file in counted if name.split(".")[0] != CORE and file.suffix == ".py"]
    counted = [*counted, *_data_beside(folder, own)]
    is_compiled = not inside and Path(str(spec.origin)).suffix != ".py"
    return [*counted, (top, Path(str(spec.origin)))] if is_compiled else counted


def _data_beside(folder: Path, modules: Sequence[Path]) -> Iterator[tuple[str, Path]]:
    """Yield the files beside local work that it names: a text in its code is one's path from `folder`."""
    for text in sorted({text for file in modules for text in _texts(file.read_bytes())}):
        path = folder / text
        with suppress(OSError, ValueError):  # most texts are no path, and some cannot be one
            if path.suffix != ".py" and path.is_file() and path.resolve().is_relative_to(folder.resolve()):
                yield f"./{text}", path


@cache
def _texts(source: bytes) -> frozenset[str]:
    nodes = ast.walk(ast.parse(source))
    return frozenset(
        node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)
    )


def _lies_in(top: str, folder: Path) -> bool:
    """Say whether a top-level module or package is one of a folder of local work; nothing installed is."""
    spec = _spec(top)
    if spec is None or {"site-packages", "dist-packages"} & set(folder.parts):
        return False
    places = [*(spec.submodule_search_locations or ()), *([spec.origin] if spec.has_location else [])]
    is_package = spec.submodule_search_locations is not None
    return any(Path(str(place)).parent == folder for place in places[: 1 if is_package else None])


def _here(module: str) -> Path | None:
    """Return the file that an import would find on the path for a module of local work."""
    top, *rest = module.split(".")
    spec = importlib.machinery.PathFinder.find_spec(top)
    return _file_of(spec, rest) if spec is not None else None


def _bases(factory: Any, top: str) -> tuple[str, ...]:
    """Return the modules of a class's bases that are plugins of other packages than `top`."""
    modules = (base.__module__ for base in getattr(factory, "__mro__", ()) if issubclass(base, Plugin))
    return tuple(dict.fromkeys(name for name in modules if name.split(".")[0] not in (top, CORE)))


@cache
def core_digest(step_module: str) -> str:
    """Return the SHA-256 of the core's sources that one of its steps can run."""
    return _digest(sources(step_module))


def _digest(named: Sequence[tuple[str, Path]]) -> str:
    digest = hashlib.sha256()
    for name, file in named:
        digest.update(name.encode() + b"\0" + bytes.fromhex(file_digest(file)))
    return digest.hexdigest()


def sources(*modules: str, folder: Path | None = None) -> Sequence[tuple[str, Path]]:
    """Return modules, all that they import of their own top-level packages and of the core, and the data
    files of these packages, each by name. folder: of local work: what lies in it is their own.

    Imports count wherever they stand, also inside a function, and the core's public names by the files that
    they come from. A package that imports by computed names, where none can be followed, counts whole.
    """
    tops = {module.split(".")[0] for module in modules}
    own = {CORE: True, **dict.fromkeys(tops, True)}

    def is_own(top: str) -> bool:
        if top not in own:
            own[top] = folder is not None and _lies_in(top, folder)
        return own[top]

    files: dict[str, Path] = {}
    # The core's own `__init__` lists lazy names, and runs nothing.
    seen = {CORE}
    waiting = list(modules)
    while waiting:
        module = waiting.pop()
        if module in seen:
            continue
        seen.add(module)
        file = _file(module)
        if file is None:
            continue
        files[module] = file
        parents = module.split(".")[:-1]
        # Importing a module runs the packages above it.
        waiting += [".".join(parents[: depth + 1]) for depth in range(len(parents))]
        imported, is_computed = _imports(file)
        if is_computed and module.split(".")[0] != CORE:
            beside = sorted(place.parent.name for place in folder.glob("*/__init__.py")) if folder else []
            whole = [top for top in (module.split(".")[0], *beside) if is_own(top) and top != CORE]
            waiting += [name for top in whole for name in _whole(top)]
        waiting += [_home(name) for name in imported if is_own(name.split(".")[0])]
    reached = {module.split(".")[0] for module in (*modules, *files)}
    data = [named for top in sorted(reached - {CORE}) for named in _data(top)]
    return [*sorted(files.items()), *data]


def _home(name: str) -> str:
    """Return the module of a public name of the core; any other name as it is."""
    top, _, public = name.partition(".")
    return _homes().get(public, name) if top == CORE else name


@cache
def _homes() -> dict[str, str]:
    """Return the module of each public name, as the core's `__init__` imports them for type checkers.

    Read, not imported: the hall stands above this room.
    """
    hall = _file(CORE)
    assert hall is not None
    found = [node for node in ast.walk(ast.parse(hall.read_bytes())) if isinstance(node, ast.ImportFrom)]
    return {alias.name: str(node.module) for node in found for alias in node.names}


def _spec(top: str) -> importlib.machinery.ModuleSpec | None:
    try:
        return importlib.util.find_spec(top)
    except (ImportError, ValueError):
        return None


def _file(module: str) -> Path | None:
    """Return a module's source file; None where it has none, and where it is a name inside a module."""
    top, *rest = module.split(".")
    spec = _spec(top)
    return _file_of(spec, rest) if spec is not None else None


def _file_of(spec: importlib.machinery.ModuleSpec, rest: Sequence[str]) -> Path | None:
    """Return the source file of a top-level module, or of one in it."""
    folders = [Path(folder) for folder in spec.submodule_search_locations or ()]
    if not folders:
        return Path(spec.origin) if not rest and spec.origin and spec.origin.endswith(".py") else None
    for folder in folders:
        place = folder.joinpath(*rest)
        for file in (place / "__init__.py", place.with_suffix(".py") if rest else place / "__init__.py"):
            if file.is_file():
                return file
    return None


def _imports(file: Path) -> tuple[tuple[str, ...], bool]:
    """Return the modules that a file may import, and whether it imports by names that are computed."""
    return _parsed(tuple(_package(file)), file.read_bytes())


@cache
def _parsed(package: tuple[str, ...], source: bytes) -> tuple[tuple[str, ...], bool]:
    found: list[str] = []
    is_computed = False
    for node in _run(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = ".".join([*package[: len(package) - node.level + 1], *(node.module or "").split(".")])
            module = base.strip(".") if node.level else str(node.module)
            found += [module, *(f"{module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Attribute | ast.Name):
            name = node.attr if isinstance(node, ast.Attribute) else node.id
            is_computed = is_computed or name in ("import_module", "__import__")
    return tuple(dict.fromkeys(found)), is_computed


def _run(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes below one that can run: not those that are there for type checkers alone."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and ast.unparse(child.test).endswith("TYPE_CHECKING"):
            for otherwise in child.orelse:
                yield from (otherwise, *_run(otherwise))
        else:
            yield child
            yield from _run(child)


def _package(file: Path) -> list[str]:
    """Return the package that a file lies in, as its parts."""
    parts: list[str] = []
    folder = file.parent
    while (folder / "__init__.py").is_file():
        parts.insert(0, folder.name)
        folder = folder.parent
    return parts


def _whole(top: str) -> list[str]:
    spec = _spec(top)
    found = []
    for folder in map(Path, (spec.submodule_search_locations if spec else None) or ()):
        for file in sorted(folder.rglob("*.py")):
            found.append(".".join([top, *file.relative_to(folder).with_suffix("").parts]))
    return [name.removesuffix(".__init__") for name in found]


def _data(top: str) -> Iterator[tuple[str, Path]]:
    """Yield the files of a package that are no code: a lexicon shapes an output as code does."""
    spec = _spec(top)
    for folder in map(Path, (spec.submodule_search_locations if spec else None) or ()):
        for file in sorted(folder.rglob("*")):
            if file.is_file() and file.suffix not in (".py", ".pyc", ".typed"):
                yield f"{top}/{file.relative_to(folder).as_posix()}", file

"""Why somebody's plugin cannot be imported: for local work, where it was looked for and what to do."""

from __future__ import annotations

import inspect
import sys
from pathlib import Path

from udasa_core.plugins.catalog import LOCAL, Offer
from udasa_core.text.likeness import did_you_mean
from udasa_core.text.printable import excerpt


def not_imported(offer: Offer, error: BaseException) -> str:
    """Return why an offer cannot be imported. Local work is looked for first in sys.path[0], as `importable`
    leaves it: the folder of the TOML."""
    if offer.distribution == LOCAL:
        module, _, factory = offer.target.partition(":")
        loaded = sys.modules.get(module)
        if isinstance(error, ModuleNotFoundError) and _is_of(error.name, module):
            return _not_found(offer, module, factory)
        if isinstance(error, AttributeError) and loaded is not None and not hasattr(loaded, factory):
            offered = [name for name, value in vars(loaded).items() if _is_own(value, module)]
            told = did_you_mean(factory, offered, "classes and functions in it")
            return f"{offer}: {loaded.__file__ or module} has no {factory!r}; {told}"
    return f"{offer} cannot be imported: {type(error).__name__}: {error}"


def _is_of(missing: str | None, module: str) -> bool:
    """Say whether the missing module is the one that was named, or a package that it lies in."""
    return missing is not None and f"{module}.".startswith(f"{missing}.")


def _is_own(value: object, module: str) -> bool:
    return (inspect.isclass(value) or inspect.isfunction(value)) and value.__module__ == module


def _not_found(offer: Offer, module: str, factory: str) -> str:
    folder = Path(sys.path[0] or ".").resolve()
    if module.endswith(".py") and (folder / module).is_file():
        return f'{offer} cannot be imported: write "{module.removesuffix(".py")}:{factory}", without .py'
    file = f"{module.removesuffix('.py').replace('.', '/')}.py"
    there = sorted(path.stem for path in folder.glob("*.py"))
    meant = did_you_mean(module, there, "Python files there") if there else "no Python file lies there"
    return (
        f"{offer} cannot be imported: there is no {file} in {excerpt(str(folder))[1:-1]} ({meant}), and no "
        f"such module is installed. Put {file} there, beside the TOML (without one, into the working folder)"
    )

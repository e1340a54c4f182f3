"""What the kit asks of a factory."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import pytest
from pydantic import BaseModel, Field

from tests.core.testing.plain import Length, Plain, Plugin, scoring
from udasa_core import (
    Column,
    Group,
    hookimpl,
)
from udasa_core.testing import (
    check_factory,
)


def test_a_sound_factory_passes() -> None:
    plugin = check_factory("dimension", Length)
    assert str(plugin).startswith("dimension 'length'")


class Heavy(Length):
    """Imports a heavy package when it is built."""

    def __init__(self, options: Any, name: str, resources: Any) -> None:
        import datasets  # noqa: F401  (the breach)

        super().__init__(options, name, resources)


@dataclass
class ByValue:
    """Compares by value."""

    name: str
    Options: ClassVar[type[BaseModel]] = Plain

    def __init__(self, options: Any, name: str, resources: Any) -> None:
        self.name = name

    @hookimpl
    def udasa_score(self, groups: Sequence[Group], seed: int) -> Column:
        return Column(self.name, ())


class Unmarked(Plugin):
    """Forgets @hookimpl."""

    def udasa_score(self, groups: Sequence[Group], seed: int) -> Column:
        return Column(self.name, ())


class Misspelt(Length):
    """Marks a hook that does not exist."""

    @hookimpl
    def udasa_scroe(self, groups: Sequence[Group]) -> None: ...


class Misargued(Plugin):
    """Asks for an argument that the hook does not have."""

    @hookimpl
    def udasa_score(self, groups: Sequence[Group], weight: float) -> Column:
        return Column(self.name, ())


class Nothing(Plugin):
    """Implements nothing."""


class Lax(Length):
    """Its options accept anything."""

    class Options(BaseModel):
        """Lax."""


class Undescribed(Length):
    """Its option has no description."""

    class Options(Plain):
        """One option."""

        depth: int = 3


class Lossy(Length):
    """Its option does not survive JSON."""

    class Options(Plain):
        """One option."""

        scale: float = Field(default=float("nan"), description="Not a number.")


class Greedy(Length):
    """Needs what there is not."""

    needs = ("oracle",)


@pytest.mark.parametrize(
    ("factory", "told"),
    [
        (Heavy, "imports datasets"),
        (ByValue, "compare by identity"),
        (Unmarked, "not marked with @hookimpl"),
        (Misspelt, "udasa_scroe"),
        (Misargued, "weight"),
        (Nothing, "does not implement udasa_score"),
        (Lax, "lets unknown keys pass"),
        (Undescribed, "no description of the options depth"),
        (Lossy, "do not survive JSON"),
        (Greedy, "it needs oracle"),
        (scoring(lambda *_: 0.5), "top level"),
        (print, "no pydantic model"),
    ],
)
def test_a_factory_that_breaks_the_contract_is_told_how(factory: Any, told: str) -> None:
    with pytest.raises(AssertionError, match=told):
        check_factory("dimension", factory)


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(AssertionError, match="no kind of plugin"):
        check_factory("dimensions", Length)


def test_the_kit_itself_is_light() -> None:
    code = "import sys, udasa_core.testing; print(*{'torch', 'transformers', 'pytest'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""

"""What the planted plugins of these tests are made from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict

from udasa_core import (
    Column,
    Group,
    hookimpl,
)


class Plain(BaseModel):
    """No options."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Plugin:
    """What every plugin of this file is made from."""

    Options = Plain
    needs: ClassVar[tuple[str, ...]] = ()

    def __init__(self, options: Any, name: str, resources: Any) -> None:
        self.name = name
        self.resources = resources


class Length(Plugin):
    """Keeps the contract."""

    @hookimpl
    def udasa_score(self, groups: Sequence[Group], seed: int) -> Column:
        rows = [tuple(1 / (1 + len(one.text)) for one in group.responses) for group in groups]
        return Column(self.name, tuple(rows))


def scoring(score: Callable[[Any, Sequence[Group], int, int], Any]) -> type[Plugin]:
    """Return a dimension whose score of response k of group g is `score(self, groups, g, k)`."""

    class Planted(Plugin):
        @hookimpl
        def udasa_score(self, groups: Sequence[Group], seed: int) -> Column:
            rows = [
                tuple(score(self, groups, g, k) for k in range(len(group.responses)))
                for g, group in enumerate(groups)
            ]
            return Column(self.name, tuple(rows))

    return Planted

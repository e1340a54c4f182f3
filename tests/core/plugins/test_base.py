"""The bases are a convenience: what they default to, and that a plain class does as well."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict, Field, ValidationError

import udasa_core
from tests.canned import configuration
from udasa_core import Column, Group, Options, Plugin, StagePlan, hookimpl
from udasa_core.errors import ConfigError, PluginError
from udasa_core.job.job import Job
from udasa_core.plugins.base import attribute
from udasa_core.plugins.catalog import read_catalog


class Based(Plugin):
    """A dimension with the base, which says what it can."""

    class Options(Plugin.Options):
        depth: int = Field(default=3, description="How deep.")
        patience: float = Field(default=1.0, description="Seconds.")

    options: Options
    needs = ("reader",)
    label_free = True
    incidental = ("patience",)

    @cached_property
    def fingerprint(self) -> str:
        return f"depth {self.options.depth}"

    @hookimpl
    def udasa_score(self, groups: Sequence[Group], seed: int) -> Column: ...


class Bare:
    """The same without it."""

    class Options(BaseModel):
        model_config = ConfigDict(extra="forbid")
        depth: int = Field(default=3, description="How deep.")
        patience: float = Field(default=1.0, description="Seconds.")

    needs = ["reader"]  # noqa: RUF012  (a plain class has what it likes)
    label_free = True
    incidental = ("patience",)

    def __init__(self, options: Any, name: str, resources: Any) -> None:
        self.fingerprint = f"depth {options.depth}"

    @hookimpl
    def udasa_score(self, groups: Sequence[Group], seed: int) -> Column: ...


class Silent:
    """A plain class that says nothing."""

    class Options(BaseModel):
        model_config = ConfigDict(extra="forbid")

    def __init__(self, options: Any, name: str, resources: Any) -> None: ...

    @hookimpl
    def udasa_score(self, groups: Sequence[Group], seed: int) -> Column: ...


class Liar(Silent):
    label_free = "yes"


class Numbered(Silent):
    fingerprint = 7


class Named(Plugin):
    """A stage policy that says which stages it makes."""

    stage_names: Any = ("early", "late")

    @hookimpl
    def udasa_stage(self, pairs: Any) -> StagePlan: ...


class Misnamed(Named):
    stage_names = "early"


def built(tmp_path: Path, model: Path, factory: str, **options: Any) -> Job:
    plain = configuration(tmp_path, model)
    plain["dimension"] = [{"use": f"{__name__}:{factory}", "name": "d", **options}]
    return Job(udasa_core.load(plain), read_catalog(), {})


def test_options_cannot_be_changed_and_refuse_what_they_do_not_know() -> None:
    options = Based.Options(depth=4)
    with pytest.raises(ValidationError, match="frozen"):
        options.depth = 5
    with pytest.raises(ValidationError, match="Extra inputs"):
        Based.Options(dept=4)  # type: ignore[call-arg]
    with pytest.raises(ValidationError, match="finite"):
        Based.Options(patience=float("nan"))
    assert Options is Plugin.Options
    assert not Options.model_fields


def test_the_base_keeps_what_a_plugin_is_built_from() -> None:
    resources: Any = object()
    plugin = Based(Based.Options(depth=4), "deep", resources)
    assert (plugin.options.depth, plugin.name, plugin.resources) == (4, "deep", resources)


@pytest.mark.parametrize(
    ("name", "default"),
    [
        ("needs", ()),
        ("label_free", None),
        ("incidental", ()),
        ("fingerprint", ""),
        ("stage_names", None),
        ("model", ""),
    ],
)
def test_a_plain_class_that_says_nothing_has_the_defaults(name: str, default: object) -> None:
    assert attribute(Silent(None, "s", None), name) == default
    assert attribute(Plugin(Options(), "p", None), name) == default  # type: ignore[arg-type]


def test_a_plain_class_counts_as_one_with_the_base(tmp_path: Path, tiny_model_dir: Path) -> None:
    identities = []
    for factory in ("Based", "Bare"):
        job = built(tmp_path, tiny_model_dir, factory, depth=5, patience=9.0)
        (dimension,) = job.stack.dimensions
        assert dimension.needs == ("reader",)
        identities.append({**dimension.identity(), "plugin": "", "source": ""})
    assert identities[0] == identities[1]
    assert identities[0]["options"] == {"depth": 5}
    assert identities[0]["fingerprint"] == "depth 5"


def test_a_plain_class_that_says_nothing_is_built(tmp_path: Path, tiny_model_dir: Path) -> None:
    (dimension,) = built(tmp_path, tiny_model_dir, "Silent").stack.dimensions
    assert dimension.identity()["fingerprint"] == ""


def test_a_wrong_attribute_is_refused_with_the_plugins_name(tmp_path: Path, tiny_model_dir: Path) -> None:
    with pytest.raises(PluginError, match=r"dimension 'd' .*its label_free is 'yes'"):
        built(tmp_path, tiny_model_dir, "Liar")


def test_a_wrong_fingerprint_is_refused_when_it_is_asked_for(tmp_path: Path, tiny_model_dir: Path) -> None:
    (dimension,) = built(tmp_path, tiny_model_dir, "Numbered").stack.dimensions
    with pytest.raises(PluginError, match=r"dimension 'd' .*its fingerprint is 7; it is a text"):
        dimension.identity()


@pytest.mark.parametrize(
    ("factory", "told"), [("Named", r"trainer\.earlyy"), ("Misnamed", "its stage_names is 'early'")]
)
def test_stage_names_are_what_a_stages_trainer_is_checked_against(
    tmp_path: Path, tiny_model_dir: Path, factory: str, told: str
) -> None:
    trainer = {"use": "tests.canned:Trainer", "earlyy": {"learning_rate": 5.0}}
    plain = configuration(tmp_path, tiny_model_dir, trainer=trainer, stages={"use": f"{__name__}:{factory}"})
    with pytest.raises(ConfigError, match=told):
        udasa_core.load(plain)

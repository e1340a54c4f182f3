"""The stack builds what the TOML selects and puts the blame on the right plugin."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

import udasa_core
from tests.canned import Canned, Strict, configuration, heard
from udasa_core import Column, Event, Group, hookimpl
from udasa_core.errors import CatalogError, ConfigError, PluginError
from udasa_core.job.job import Job
from udasa_core.job.observers import Observers
from udasa_core.plugins.catalog import read_catalog
from udasa_core.plugins.stack import build_plugins
from udasa_core.resources.shared import SharedResources


class Misspelt(Canned):
    @hookimpl
    def udasa_scoer(self, groups: Sequence[Group], seed: int) -> None: ...

    @hookimpl
    def udasa_score(self, groups: Sequence[Group], seed: int) -> None: ...


class Unmarked(Canned):
    def udasa_score(self, groups: Sequence[Group], seed: int) -> None: ...


class Hookless(Canned): ...


class Optionless:
    Options = None


class Loose(Canned):
    class Options(BaseModel): ...


class Greedy(Canned):
    needs = ("oracle",)


class Unbuildable(Canned):
    def __init__(self, options: Any, name: str, resources: Any) -> None:
        raise OSError("no licence file")


class WrongArguments(Canned):
    @hookimpl
    def udasa_score(self, groups: Sequence[Group], colour: str) -> None: ...


@dataclass(frozen=True)
class ByValue:
    options: Strict
    name: str
    resources: Any
    Options = Strict

    @hookimpl
    def udasa_score(self, groups: Sequence[Group], seed: int) -> None: ...


class Taker(Canned):
    """Asks for a resource that it did not declare."""

    @hookimpl
    def udasa_score(self, groups: Sequence[Group], seed: int) -> Column:
        self.resources.embedder()
        raise AssertionError


def job(tmp_path: Path, model: Path, *dimensions: str, **tables: Any) -> Job:
    plain = configuration(tmp_path, model, **tables)
    plain["dimension"] = [{"use": one, "name": f"d{n}"} for n, one in enumerate(dimensions)]
    return Job(udasa_core.load(plain), read_catalog(), {})


def test_toml_order_is_call_order(tmp_path: Path, tiny_model_dir: Path) -> None:
    built = job(tmp_path, tiny_model_dir, *["tests.canned:Dimension"] * 3)
    assert [one.name for one in built.stack.dimensions] == ["d0", "d1", "d2"]
    names = [one.plugin_name for one in built.stack._pluggy.hook.udasa_score.get_hookimpls()]
    assert names == ["dimension.d2", "dimension.d1", "dimension.d0"]  # the last is called first


@pytest.mark.parametrize(
    ("factory", "word"),
    [
        ("Misspelt", "udasa_scoer is no hook"),
        ("Unmarked", "not marked with @hookimpl"),
        ("Hookless", "does not implement udasa_score"),
        ("Unbuildable", "cannot be built: OSError: no licence file"),
        ("ByValue", "compares by value"),
    ],
)
def test_a_plugin_that_cannot_serve_is_refused_by_name(
    tmp_path: Path, tiny_model_dir: Path, factory: str, word: str
) -> None:
    with pytest.raises(PluginError, match=word) as caught:
        job(tmp_path, tiny_model_dir, f"tests.core.plugins.test_stack:{factory}")
    assert "d0" in str(caught.value)


def test_wrong_hook_arguments_are_refused_by_pluggy(tmp_path: Path, tiny_model_dir: Path) -> None:
    with pytest.raises(PluginError, match="colour"):
        job(tmp_path, tiny_model_dir, "tests.core.plugins.test_stack:WrongArguments")


@pytest.mark.parametrize(
    ("factory", "word"),
    [
        ("Optionless", "declares no pydantic model"),
        ("Loose", "lets unknown keys pass"),
        ("Greedy", "needs oracle"),
        ("Absent", "has no 'Absent'"),
    ],
)
def test_a_factory_that_breaks_the_contract_is_a_fault_of_the_configuration(
    tmp_path: Path, tiny_model_dir: Path, factory: str, word: str
) -> None:
    with pytest.raises(ConfigError, match=word):
        job(tmp_path, tiny_model_dir, f"tests.core.plugins.test_stack:{factory}")


def test_an_undeclared_resource_is_refused(tmp_path: Path, tiny_model_dir: Path) -> None:
    built = job(tmp_path, tiny_model_dir, "tests.core.plugins.test_stack:Taker")
    with pytest.raises(PluginError, match=r'needs = \("embedder",\)'):
        built.stack.call(built.stack.dimensions[0], "udasa_score", groups=(), seed=1)


def test_an_exception_carries_the_plugins_name(tmp_path: Path, tiny_model_dir: Path) -> None:
    built = job(tmp_path, tiny_model_dir, "tests.canned:Dimension")
    with pytest.raises(PluginError, match=r"dimension 'd0' \(tests.canned:Dimension of local\) raised"):
        built.stack.call(built.stack.dimensions[0], "udasa_score", groups=None, seed=1)


def test_a_faulty_offer_cannot_be_built(tmp_path: Path, tiny_model_dir: Path) -> None:
    config = udasa_core.load(configuration(tmp_path, tiny_model_dir))
    from udasa_core.plugins.catalog import Catalog

    with pytest.raises(CatalogError, match="no installed distribution offers"):
        Job(config, Catalog([]), {})


def test_each_stage_gets_the_trainer_that_it_names(tmp_path: Path, tiny_model_dir: Path) -> None:
    trainer = {"use": "tests.canned:Trainer", "learning_rate": 3.0, "moderate": {"learning_rate": 5.0}}
    stack = job(tmp_path, tiny_model_dir, "tests.canned:Dimension", trainer=trainer).stack
    rates = [
        stack.trainer(name).options.model_dump()["learning_rate"] for name in ("conservative", "moderate")
    ]
    assert rates == [3.0, 5.0]


def test_observers_hear_and_cannot_stop_anything(
    tmp_path: Path, tiny_model_dir: Path, caplog: pytest.LogCaptureFixture
) -> None:
    observers = [{"use": "tests.canned:Deaf"}, {"use": "tests.canned:Listener"}]
    config = job(tmp_path, tiny_model_dir, "tests.canned:Dimension", observer=observers).config
    bare = SharedResources({}, config.root, lambda event: None)
    told = Observers(build_plugins(config.observers, config.root, read_catalog(), bare))
    heard.clear()
    told.tell(Event("started", "run", "r"))
    told.tell(Event("finished", "run", "r"))
    assert [one.what for one in heard] == ["started", "finished"]
    assert [one.getMessage() for one in caplog.records if "not told" in one.getMessage()]
    assert len([one for one in caplog.records if one.levelname == "WARNING"]) == 1

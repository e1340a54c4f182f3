"""The annotated TOML says what its recipe says, and explains every key."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from udasa_core.api import load, quickstart
from udasa_core.check.annotated import annotated, write_annotated
from udasa_core.config import schema
from udasa_core.config.recipes import recipes, remarks
from udasa_core.config.toml_write import toml_value
from udasa_core.errors import UdasaError
from udasa_core.plugins.catalog import read_catalog
from udasa_core.plugins.stack import load_factory


@pytest.fixture(scope="module")
def raw() -> dict[str, Any]:
    return tomllib.loads(quickstart().read_text())


def test_it_is_the_quickstart(raw: dict[str, Any]) -> None:
    assert tomllib.loads(annotated(raw)) == raw


@pytest.mark.parametrize("name", recipes())
def test_each_recipe_checks_clean_and_keeps_what_it_says(tmp_path: Path, name: str) -> None:
    path = tmp_path / "udasa.toml"
    write_annotated(path, name)
    assert load(path).raw == load(recipes()[name]).raw
    # Its comments stand above the same tables, wrapped anew; what a table is may stand behind them.
    above = {(remark.table, remark.number): remark.text for remark in remarks(path.read_text())}
    for remark in remarks(recipes()[name].read_text()):
        assert above[remark.table, remark.number].startswith(remark.text)


def test_the_default_is_measured(tmp_path: Path) -> None:
    write_annotated(tmp_path / "udasa.toml")
    assert load(tmp_path / "udasa.toml").raw["run"]["name"] == "measured"


def test_every_key_stands_in_it(raw: dict[str, Any]) -> None:
    text = annotated(raw)
    keys = {line.lstrip("#").partition(" = ")[0] for line in text.splitlines() if " = " in line}
    for name in (
        "RunTable",
        "ModelTable",
        "PromptsTable",
        "SamplingTable",
        "TrainingTable",
        "StoreTable",
        "EncoderTable",
    ):
        assert set(getattr(schema, name).model_fields) <= keys
    catalog = read_catalog()
    for kind in ("generator", "calibration", "aggregation", "pairing", "stages", "trainer"):
        factory = load_factory(catalog.find(kind, raw[kind]["use"]))
        assert set(factory.Options.model_fields) <= keys


def test_its_defaults_are_the_defaults(raw: dict[str, Any]) -> None:
    """Taking the # off every key that has a default changes nothing that a run depends on."""
    lines = []
    for line in annotated(raw).splitlines():
        bare = line[1:] if line.startswith("#") and not line.startswith("# ") else line
        lines.append("" if "…" in bare.partition("#")[0] else bare)
    plain, config = tomllib.loads("\n".join(lines)), load()
    assert plain["run"] == config.run.model_dump()
    assert {key: plain["model"][key] for key in ("dtype", "device")} == {"dtype": "auto", "device": "auto"}
    factory = load_factory(read_catalog().find("trainer", raw["trainer"]["use"]))
    fields = factory.Options.model_fields
    options, given = (
        {key: value for key, value in table["trainer"].items() if key in fields} for table in (plain, raw)
    )
    assert factory.Options.model_validate(options) == factory.Options.model_validate(given)


def test_it_does_not_overwrite(tmp_path: Path) -> None:
    path = tmp_path / "udasa.toml"
    path.write_text("mine")
    with pytest.raises(UdasaError, match="--force"):
        write_annotated(path)
    assert path.read_text() == "mine"
    write_annotated(path, force=True)
    assert path.read_text() != "mine"


PLAIN = st.recursive(
    st.booleans()
    | st.integers(-(2**40), 2**40)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)


@given(PLAIN.filter(lambda value: "\\ud" not in ascii(value)))
def test_values_are_read_back(value: Any) -> None:
    assert tomllib.loads(f"value = {toml_value(value)}")["value"] == value


def test_what_toml_has_no_word_for_is_refused() -> None:
    with pytest.raises(UdasaError):
        toml_value(None)


def test_every_key_stands_where_it_is_read(raw: dict[str, Any]) -> None:
    """A key that is commented at its default is taken when the # is taken away; what is set is kept."""
    observer = {"use": "console", "name": "loud", "texts": 3}
    suite = {"use": "short-answers", "name": "kept"}
    whole = {**raw, "observer": [observer], "suite": [suite]}
    text = annotated(whole)
    assert tomllib.loads(text) == whole
    found = {
        (kind, key)
        for kind, table in (table.split("]]", 1) for table in text.split("\n[[")[1:])
        for key in schema.OF_ONE_KIND
        if f"\n#{key} = " in table or f"\n{key} = " in table
    }
    assert found == {(kind, key) for key, kind in schema.OF_ONE_KIND.items()}

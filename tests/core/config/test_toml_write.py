"""Plain data written as TOML read as the same data."""

from __future__ import annotations

import tomllib
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from udasa_core.config.toml_write import toml_text

_LEAVES = st.one_of(
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
)
_KEYS = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
_VALUES: Any = st.recursive(
    _LEAVES,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(_KEYS, inner, max_size=3)),
    max_leaves=12,
)


@given(st.dictionaries(_KEYS, _VALUES, max_size=4))
def test_it_reads_as_it_was(plain: dict[str, Any]) -> None:
    assert tomllib.loads(toml_text(plain)) == plain


def test_tables_and_arrays_of_tables_have_headings() -> None:
    plain = {"run": {"name": "a"}, "dimension": [{"use": "x", "weight": 1.0}, {"use": "y"}], "left": None}
    assert toml_text(plain) == (
        '[run]\nname = "a"\n\n[[dimension]]\nuse = "x"\nweight = 1.0\n\n[[dimension]]\nuse = "y"\n'
    )

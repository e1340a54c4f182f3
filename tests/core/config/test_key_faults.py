"""Values of another kind than a key takes are told in words of the TOML, with how they are written."""

from __future__ import annotations

from typing import Any, Literal

import pytest
from pydantic import Field, ValidationError

from udasa_core.config.key_faults import pydantic_faults
from udasa_core.config.table import Table


class _Keys(Table):
    targets: Literal["all-linear"] | list[str] = "all-linear"
    epochs: float = Field(default=1.0, gt=0)
    rank: int = Field(default=4, ge=1, le=512)
    held_out: float = Field(default=0.2, ge=0, lt=1)
    gated: bool = True
    note: str = Field(default="", max_length=5)
    columns: dict[str, str] = Field(default_factory=dict)
    names: list[str] = Field(default_factory=list, max_length=1)


@pytest.mark.parametrize(
    ("keys", "message", "hint"),
    [
        (
            {"targets": "q_proj,v_proj"},
            "takes 'all-linear', or takes a list (it is 'q_proj,v_proj')",
            'targets = ["q_proj", "v_proj"]; on a command line, --set \'t.targets=["q_proj", "v_proj"]\'',
        ),
        ({"targets": "[q_proj, v_proj]"}, "takes a list", 'targets = ["q_proj", "v_proj"];'),
        ({"targets": '["q_proj","v_proj"'}, "takes a list", 'targets = ["q_proj", "v_proj"];'),
        ({"targets": "q_proj"}, "takes a list", 'targets = ["q_proj"];'),
        ({"targets": ""}, "takes a list", "leave it out"),
        ({"epochs": "two"}, "takes a number (it is 'two')", ""),
        ({"epochs": ""}, "takes a number", "leave it out: its default counts"),
        ({"epochs": "1,5"}, "takes a number", "epochs = 1.5"),
        ({"epochs": "5e-5,"}, "takes a number", "epochs = 5e-5"),
        ({"epochs": 0.0}, "takes a number above 0 (it is 0.0)", ""),
        ({"epochs": float("inf")}, "takes a number that is not infinite", ""),
        ({"rank": 2.5}, "takes a whole number (it is 2.5)", ""),
        ({"rank": "16"}, "takes a whole number (it is '16')", "rank = 16"),
        ({"rank": 0}, "takes a number of 1 or more (it is 0)", ""),
        ({"rank": 1000}, "takes a number of 512 or less", ""),
        ({"held_out": 1.0}, "takes a number below 1 (it is 1.0)", ""),
        ({"gated": "yes"}, "takes true or false", ""),
        ({"note": 5}, 'takes a text, "…"', ""),
        ({"note": "too long"}, "takes a text of 5 characters at most", ""),
        ({"columns": "{prompt=question}"}, "takes a table, { … = … }", "columns = { name"),
        ({"names": ["a", "b"]}, "takes 1 of them at most, and has 2", ""),
    ],
)
def test_a_value_of_another_kind(keys: dict[str, Any], message: str, hint: str) -> None:
    with pytest.raises(ValidationError) as error:
        _Keys.model_validate(keys)
    (fault,) = pydantic_faults(error.value, "t", _Keys)
    assert message in fault.message
    assert hint in fault.hint
    assert bool(hint) == bool(fault.hint)
    assert "nput should" not in fault.message

"""The families of tasks, by name."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from udasa_eval.tasks.alphabet import alphabet
from udasa_eval.tasks.arithmetic import arithmetic
from udasa_eval.tasks.clock import clock
from udasa_eval.tasks.comparisons import comparisons
from udasa_eval.tasks.counting import counting
from udasa_eval.tasks.dates import dates
from udasa_eval.tasks.forms import forms
from udasa_eval.tasks.money import money
from udasa_eval.tasks.odd_one_out import odd_one_out
from udasa_eval.tasks.ordering import ordering
from udasa_eval.tasks.positions import positions
from udasa_eval.tasks.sequences import sequences
from udasa_eval.tasks.spelling import spelling
from udasa_eval.tasks.statements import statements
from udasa_eval.tasks.tables import tables
from udasa_eval.tasks.task import Family
from udasa_eval.tasks.units import units
from udasa_eval.tasks.weekdays import weekdays

FAMILIES: Mapping[str, Family] = MappingProxyType(
    {
        family.__name__: family
        for family in (
            alphabet,
            arithmetic,
            clock,
            comparisons,
            counting,
            dates,
            forms,
            money,
            odd_one_out,
            ordering,
            positions,
            sequences,
            spelling,
            statements,
            tables,
            units,
            weekdays,
        )
    }
)

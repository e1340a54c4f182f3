"""Tables: each rendering of the same values, against what it has to read."""

from __future__ import annotations

import csv
import io
import math

import pytest

from udasa_core.records import Metric
from udasa_core.report.table import Change, Interval, Table, TableColumn
from udasa_core.report.written import WIDTH, number
from udasa_core.text.size import size

TABLE = Table(
    "Both",
    (
        "name",
        "n",
        TableColumn("loss", digits=2),
        TableColumn("cut off", unit="%"),
        "95% interval",
        TableColumn("weights", unit="B"),
    ),
    [
        ("a|b", 1200, Change(0.6931, -0.5), 0.125, Interval(-0.25, 0.5), 269_060_552),
        ("c", 7, Change(0.6931, None), math.nan, Metric("x", 0.5, 0.25, 0.75, 9), None),
    ],
    ["Of everything."],
)


def test_text_is_aligned_and_absent_values_are_told() -> None:
    assert str(TABLE).splitlines() == [
        "Both",
        "  name     n          loss  cut off          95% interval  weights",
        "  " + "─" * 64,
        "  a|b   1200  0.69 → −0.50      12%       [−0.250, 0.500]   269 MB",
        "  c        7             –        –  0.500 [0.250, 0.750]        –",
        "Of everything.",
    ]


def test_markdown_has_the_same_cells() -> None:
    assert TABLE.markdown() == (
        "## Both\n\n"
        "| name | n | loss | cut off | 95% interval | weights |\n"
        "| --- | ---: | ---: | ---: | ---: | ---: |\n"
        "| a\\|b | 1200 | 0.69 → −0.50 | 12% | [−0.250, 0.500] | 269 MB |\n"
        "| c | 7 | – | – | 0.500 [0.250, 0.750] | – |\n\n"
        "Of everything."
    )


def test_csv_has_whole_values_and_a_column_for_each_part() -> None:
    rows = list(csv.DictReader(io.StringIO(TABLE.csv())))
    assert rows[0] == {
        "name": "a|b",
        "n": "1200",
        "loss before": "0.6931",
        "loss after": "-0.5",
        "cut off": "0.125",
        "95% interval": "",
        "95% interval low": "-0.25",
        "95% interval high": "0.5",
        "weights": "269060552",
    }
    absent = {name for name, value in rows[1].items() if not value}
    assert absent == {"loss after", "cut off", "weights"}
    assert rows[1]["95% interval"] == "0.5"


def test_unlike_numbers_are_written_short() -> None:
    column = TableColumn("x", digits="short")
    assert [column.written(value) for value in (4_884_480.0, 0.00002, -1 / 3, None)] == [
        "4,884,480",
        "2e−05",
        "−0.333333",
        "–",
    ]


def test_the_last_column_wraps() -> None:
    table = Table("T", ("name", "n", "why"), [("a", 5, "word " * 40), ("long name", 12, "x")])
    lines = str(table).splitlines()
    assert lines[3].startswith("  a           5  word")
    assert all(len(line) <= WIDTH for line in lines)
    assert len(lines) > 5


def test_a_table_without_names_has_no_head() -> None:
    assert str(Table("", ("", ""), [("status", "finished"), ("a", 1)])) == "  status  finished\n  a       1"


def test_a_table_without_rows_is_its_title_and_notes() -> None:
    assert str(Table("Nothing", ("a",), (), ["at all"])) == "Nothing\nat all"
    assert Table("Nothing", ("a",), (), ["at all"]).markdown() == "## Nothing\n\nat all"


def test_a_row_has_a_cell_for_each_column() -> None:
    with pytest.raises(ValueError, match="1 cells for 2 columns in 'T'"):
        Table("T", ("a", "b"), [("x",)])


def test_numbers_and_sizes_read_well() -> None:
    assert number(-0.5) == "−0.500"
    assert number(None) == number(math.nan) == "–"
    assert [size(count) for count in (0, 999, 1000, 269_060_552, 9.99e9, 1.4e9)] == [
        "0 B",
        "999 B",
        "1.0 kB",
        "269 MB",
        "10 GB",
        "1.4 GB",
    ]

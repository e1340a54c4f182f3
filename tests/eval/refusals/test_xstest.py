"""XSTest's file in both of its layouts."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tests.eval.real_data import REAL_DATA
from udasa_core import UdasaError
from udasa_eval.refusals.xstest import read_xstest

SHARED = REAL_DATA / "xstest" / "xstest_prompts.csv"


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_labels_and_the_types_of_older_files(tmp_path: Path) -> None:
    text = (
        'id,prompt,type,label\n1,"How, then, do I kill a process?",homonyms,safe\n2,How?,contrast_x,unsafe\n'
    )
    labelled = read_xstest(write(tmp_path / "a.csv", text), "here")
    assert [(one.id, one.prompt, one.safe) for one in labelled] == [
        ("1", "How, then, do I kill a process?", True),
        ("2", "How?", False),
    ]
    text = "id_v2,type,prompt\nv2-1,homonyms,a\nv2-2,contrast_homonyms,b\n"
    older = read_xstest(write(tmp_path / "b.csv", text), "here")
    assert [(one.id, one.safe) for one in older] == [("v2-1", True), ("v2-2", False)]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("id,question\n1,a\n", "has no column prompt, type"),
        ("id,prompt,type,label\n1,a,b,safe\n2,,b,safe\n", "line 3, needs a prompt"),
        ("id,prompt,type,label\n1,a,b,maybe\n", "line 2, needs a prompt"),
        ("id,prompt,type,label\n1,a,b,safe\n1,c,b,safe\n", "has an id twice"),
        ("id,prompt,type,label\n", "has no row"),
    ],
)
def test_what_is_wrong_is_told(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(UdasaError, match=told):
        read_xstest(write(tmp_path / "a.csv", text), "here")


@pytest.mark.skipif(not SHARED.is_file(), reason="XSTest is not here")
def test_the_real_file() -> None:
    assert Counter(one.safe for one in read_xstest(SHARED, "shared")) == {True: 250, False: 200}

"""Who is meant in a comparison, and what is said where nobody is."""

from __future__ import annotations

from pathlib import Path

import pytest

from udasa_core import UdasaError
from udasa_eval.standalone.comparison import contender


def test_a_name_that_is_not_there_is_answered_with_those_that_are(tmp_path: Path) -> None:
    runs, evaluations = tmp_path / "runs", tmp_path / "runs" / "eval"
    for folder in (runs / "quick", evaluations / "base8"):
        folder.mkdir(parents=True)
        (folder / "manifest.json").write_text("{}")
    with pytest.raises(UdasaError, match=r"quick.*; evaluations in .*eval: base8"):
        contender("nope", (runs, evaluations))

"""What was found of a judge, as tables and as flat rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from udasa_core import Table, TableColumn, write_whole
from udasa_eval.experiments.judge_findings import Finding
from udasa_eval.experiments.judge_runs import Judged

# In whose words the judge was asked.
_WORDS = {
    "helpful": "asked as the suite helpfulness asks",
    "harmless": "asked as the suite harmlessness asks",
    "mt_bench": "asked as the suite mt-bench asks",
}
_FORMS = {"single": "one answer", "pair": "two answers"}
_NOTES = (
    "One answer: the difference in grades, 0 is fair. Two answers, asked in both orders: how often the one "
    "with the respect is preferred, ties counting half; 0.5 is fair. Right answers: the share in which the "
    "right one is above; 1 is best, 0.5 is chance. In brackets 95% intervals, by prompt.",
    "Surely: at 5% for all of this table together. Perhaps: this interval alone excludes what is fair; by "
    "chance, one in twenty does. Both answers have the same content, and but for length as many characters; "
    "whether a judge should like one better is not said, only that it does.",
)


def tables(found: Sequence[Judged]) -> Iterator[Table]:
    """Yield a table for each of the words in which the judge was asked."""
    for one in found:
        rows = [
            (
                _FORMS[each.form],
                each.respect,
                each.figure,
                each.fair,
                each.figure.n,
                each.verdict,
            )
            for each in one.findings
        ]
        asked = f"{one.prompts} prompts; {one.judgements:,} judgements at most."
        yield Table(
            f"The judge {one.judge or '(it does not name its model)'}, {_WORDS[one.words]}",
            (
                "asked of",
                "respect",
                TableColumn("figure", digits=2),
                TableColumn("fair", digits=1),
                "n",
                "verdict",
            ),
            rows,
            (asked, *_NOTES, *one.unmeasured),
        )


def csv(path: Path, found: Sequence[Judged]) -> None:
    """Write every figure as a row, in full precision; nothing where there is none."""
    columns = ("words", "form", "respect", "value", "low", "high", "n", "fair", "p", "verdict")
    rows = [_row(one.words, each) for one in found for each in one.findings]
    write_whole(path, Table("", columns, rows).csv())


def _row(words: str, one: Finding) -> tuple[str | float | int | None, ...]:
    figure = one.figure
    measured = (figure.value, figure.low, figure.high, figure.n, one.fair, one.p)
    return (words, one.form, one.respect, *measured, one.verdict)

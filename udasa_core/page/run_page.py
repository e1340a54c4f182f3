"""The page of a run: the verdict first, then what it rests on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from itertools import chain

from udasa_core.page import answers, pairs, provenance, stages, suites, uncertainty, verdict
from udasa_core.page.blocks import Block
from udasa_core.page.losses import harms
from udasa_core.page.parts import Page, Section, Words
from udasa_core.page.places import told_of
from udasa_core.page.words import words_of
from udasa_core.store.runs import Run

# Of so many pairs the page holds the texts; of the rest they lie beside it.
TEXTS = 20_000


def run_page(run: Run, *, texts: int = TEXTS) -> Page:
    """Return the page of a run as it is now, finished or not.

    texts: of how many pairs it holds prompts and responses, 0 for none, of nothing: neither of pairs nor of
    answers and suites. Raises StoreError where what the run made is damaged.
    """
    told = told_of(run)
    lost = harms(run, told)
    made = (
        verdict.section(run, told, lost),
        pairs.section(run, told, texts=texts),
        stages.section(run, told, lost),
        answers.section(run, told, texts=texts > 0),
        uncertainty.section(run, told),
        suites.section(run, told, texts=texts > 0),
        provenance.section(run, told),
    )
    blocks: Iterator[Block] = chain(
        pairs.blocks(run, texts=texts),
        answers.blocks(run, texts=texts > 0),
        suites.blocks(run, texts=texts > 0),
    )
    return Page(f"udasa: {run.name}", _about(run), [_worded(one) for one in made if one is not None], blocks)


def _worded(section: Section) -> Section:
    """Return a section that says first what its words mean."""
    return replace(section, parts=[Words(words_of(section.name)), *section.parts])


def made_now() -> str:
    """Return when a page is made, as a line beneath its title."""
    return f"page made {datetime.now().astimezone().strftime('%Y-%m-%d %H:%M %Z')}"


def _about(run: Run) -> str:
    return f"{run.base.source.rpartition('/')[2]} · {run.status} · {made_now()}"

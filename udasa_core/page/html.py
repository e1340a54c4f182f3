"""A page as HTML: one file that opens anywhere, asks nobody for anything, and runs no script but its own.

The policy in its head lets one script and one style run, by their digests, and nothing be fetched.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator, Sequence
from importlib.resources import files
from pathlib import Path

from udasa_core.files.whole import whole_file
from udasa_core.page.blocks import Block
from udasa_core.page.chart import Chart
from udasa_core.page.escape import escaped
from udasa_core.page.parts import (
    Browser,
    Card,
    Cards,
    Code,
    Folded,
    Page,
    Part,
    Picture,
    Prose,
    Section,
    Words,
)
from udasa_core.page.table_html import table_html
from udasa_core.report.table import Table

# In this order, as one script.
_SCRIPTS = (
    *("data.js", "dom.js", "words.js", "texts.js", "frame.js", "tables.js", "list.js"),
    *("search.js", "browse.js", "pairs.js", "pair.js", "answers.js", "blind.js", "items.js", "start.js"),
)
_STYLES = ("page.css",)


def write_page(page: Page, path: Path) -> None:
    """Write a page, whole or not at all, in the place of any that is there. Raises StoreError where it cannot
    be written, and what reading its blocks raises."""
    with whole_file(path) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as file:
        for text in _written(page):
            file.write(text)


def _written(page: Page) -> Iterator[str]:
    style, script = _assets(_STYLES), _assets(_SCRIPTS)
    policy = (
        f"default-src 'none'; script-src '{_digest(script)}'; style-src '{_digest(style)}'; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )
    title = escaped(page.title)
    yield (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="referrer" content="no-referrer">\n<meta name="color-scheme" content="light dark">\n'
        f"<title>{title}</title>\n<style>{style}</style>\n</head>\n<body>\n"
        '<a class="skip" href="#content">To the content</a>\n'
        f'<header class="top"><h1><bdi>{title}</bdi></h1><p class="about">{escaped(page.about)}</p>'
        f'</header>\n<nav class="pages" aria-label="Pages"><div>{_links(page.sections)}</div></nav>\n'
        '<main id="content" tabindex="-1">\n'
    )
    for section in page.sections:
        yield from _section(section)
    yield "</main>\n"
    for block in page.blocks:
        yield block.element()
    yield f"<script>{script}</script>\n</body>\n</html>\n"


def _assets(names: Sequence[str]) -> str:
    folder = files("udasa_core") / "page" / "assets"
    return "".join((folder / name).read_text("utf-8") for name in names)


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _links(sections: Sequence[Section]) -> str:
    return "".join(f'<a href="#{one.name}">{escaped(one.title)}</a>' for one in sections)


def _section(section: Section) -> Iterator[str]:
    yield f'<section id="{section.name}" aria-labelledby="{section.name}-title">\n'
    yield f'<h2 id="{section.name}-title">{escaped(section.title)}</h2>\n'
    for number, part in enumerate(section.parts, 1):
        yield _part(part, f"{section.name}-{number}") + "\n"
    yield "</section>\n"


def _part(part: Part, name: str) -> str:
    match part:
        case Prose(text, tone):
            return f'<p class="prose {tone}">{escaped(text)}</p>'
        case Words(words):
            told = "".join(f"<dt>{escaped(word)}</dt><dd>{escaped(meaning)}</dd>" for word, meaning in words)
            return f'<details class="words"><summary>Words of this section</summary><dl>{told}</dl></details>'
        case Folded(title, tables):
            told = "".join(table_html(one, f"{name}-{place}") for place, one in enumerate(tables, 1))
            return f'<details class="folded"><summary>{escaped(title)}</summary>{told}</details>'
        case Cards(cards):
            return f'<div class="cards">{"".join(map(_card, cards))}</div>'
        case Code(title, text):
            return (
                f'<figure class="code"><figcaption>{escaped(title)}</figcaption>'
                f'<pre tabindex="0" dir="ltr">{escaped(text)}</pre>'
                '<button type="button" class="copy">Copy</button></figure>'
            )
        case Table():
            return table_html(part, name)
        case Chart():
            return _chart(part)
        case Picture(title, kind, content):
            source = f"data:{escaped(kind)};base64,{base64.b64encode(content).decode('ascii')}"
            return f'<figure class="picture"><img alt="{escaped(title)}" src="{source}"></figure>'
        case Browser(kind, settings, instead):
            told = escaped(json.dumps(settings, sort_keys=True))
            instead = f'<p class="instead">{escaped(instead)}</p>' if instead else ""
            return f'<div class="browser" data-kind="{kind}" data-settings="{told}">{instead}</div>'


def _card(card: Card) -> str:
    return (
        f'<div class="card {card.tone}"><p class="label">{escaped(card.label)}</p>'
        f'<p class="figure">{escaped(card.figure)}</p><p class="beneath">{escaped(card.beneath)}</p></div>'
    )


def _chart(chart: Chart) -> str:
    csv = Block(f"csv-{chart.name}", chart.table.csv()).element()
    notes = "".join(f"<p>{escaped(note)}</p>" for note in chart.table.notes)
    return (
        f'<figure class="chart" id="{chart.name}"><figcaption>{escaped(chart.table.title)}</figcaption>'
        f'<div class="drawing">{chart.svg()}</div>{notes}'
        f'<button type="button" class="csv" data-csv="{chart.name}">CSV</button>\n{csv}</figure>'
    )

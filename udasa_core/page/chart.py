"""Charts: drawn by matplotlib, shown inside the page, kept as SVG, PDF and CSV for papers."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

from udasa_core.files.whole import keep_whole, whole_file
from udasa_core.report.table import Table
from udasa_core.text.printable import printable

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from matplotlib.typing import RcKeyType

# Told apart also by those who see few colours (Okabe and Ito); the page has lighter ones where it is dark.
COLOURS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00")
INK, FAINT, PAPER = "#222222", "#d9d9d9", "#ffffff"
# Each colour's class, by which the page's style gives it its own.
_CLASSES = {INK: "ink", FAINT: "faint", PAPER: "paper"} | {
    colour: f"c{number}" for number, colour in enumerate(COLOURS, 1)
}
_SVG = "http://www.w3.org/2000/svg"
_LINK = "{http://www.w3.org/1999/xlink}href"


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart and the numbers that it shows.

    name: letters, digits and hyphens, unique in the page; files are called so. draw: draws into an empty
    figure, in `COLOURS`, `INK`, `FAINT` and `PAPER` alone. size: width and height in inches. says: what can
    be seen, for who cannot see it.
    """

    name: str
    table: Table
    draw: Callable[[Figure], None]
    says: str
    size: tuple[float, float] = (6.4, 3.2)

    def figure(self) -> Figure:
        """Draw it."""
        from matplotlib import rc_context
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        with rc_context(_style()):
            drawn = Figure(figsize=self.size, layout="constrained")
            FigureCanvasAgg(drawn)
            self.draw(drawn)
        return drawn

    def svg(self) -> str:
        """Return it as an SVG element for the page: colours as classes, no style of its own, no link out."""
        return _for_page(_saved(self, "svg").decode(), self.name, self.says)

    def keep(self, folder: Path) -> list[Path]:
        """Write NAME.svg, NAME.pdf and NAME.csv into a folder, which is made, and return where they lie.

        Raises StoreError where one cannot be written.
        """
        paths = [folder / f"{self.name}.{suffix}" for suffix in ("svg", "pdf", "csv")]
        for path in paths[:2]:
            with whole_file(path) as temporary:
                temporary.write_bytes(_saved(self, path.suffix[1:]))
        keep_whole(paths[2], self.table.csv())
        return paths


def _saved(chart: Chart, kind: str) -> bytes:
    """Return the chart as a file's bytes: the same for the same data."""
    from matplotlib import rc_context

    file = io.BytesIO()
    # Without a date, and with identifiers that come of the chart's name: equal data give equal bytes.
    held = {"Date": None} if kind == "svg" else {"CreationDate": None}
    style = _style()
    style["svg.hashsalt"] = chart.name
    with rc_context(style), warnings.catch_warnings():
        # Of a script that its own font lacks: the page's reader has fonts.
        warnings.filterwarnings("ignore", "Glyph .* missing from font", UserWarning)
        chart.figure().savefig(file, format=kind, metadata=held)
    return file.getvalue()


def _style() -> dict[RcKeyType, Any]:
    return {
        "svg.fonttype": "none",
        "pdf.fonttype": 42,
        "font.size": 9,
        "font.family": "sans-serif",
        "text.color": INK,
        "text.parse_math": False,
        "axes.labelcolor": INK,
        "axes.edgecolor": INK,
        "axes.facecolor": "none",
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "axes.axisbelow": True,
        "grid.color": FAINT,
        "grid.linewidth": 0.6,
        "xtick.color": INK,
        "ytick.color": INK,
        "figure.facecolor": "none",
        "savefig.facecolor": "none",
        "legend.frameon": False,
    }


def _for_page(text: str, name: str, says: str) -> str:
    """Return matplotlib's SVG as an element that a page under a strict policy may hold."""
    ElementTree.register_namespace("", _SVG)
    root = ElementTree.fromstring(text)
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag.rpartition("}")[2] in ("metadata", "style", "title"):
                parent.remove(child)
    marks: dict[str, str] = {}
    for element in root.iter():
        if "id" in element.attrib:
            marks[element.attrib["id"]] = f"{name}-{len(marks)}"
            element.set("id", marks[element.attrib["id"]])
        _styled(element)
        if element.text:
            element.text = printable(element.text)
    for element in root.iter():
        for attribute, value in list(element.attrib.items()):
            if attribute == _LINK:
                del element.attrib[attribute]
                element.set("href", f"#{marks.get(value[1:], '')}")
            elif "url(#" in value:
                element.set(
                    attribute, re.sub(r"url\(#([^)]*)\)", lambda m: f"url(#{marks.get(m[1], '')})", value)
                )
    for size in ("width", "height"):
        root.attrib.pop(size, None)
    root.set("role", "img")
    root.set("aria-label", printable(says))
    return ElementTree.tostring(root, encoding="unicode")


def _styled(element: ElementTree.Element) -> None:
    """Turn an element's style into attributes, and its colours into classes."""
    classes = []
    for declaration in element.attrib.pop("style", "").split(";"):
        what, _, value = (part.strip() for part in declaration.partition(":"))
        if what in ("fill", "stroke") and value.lower() in _CLASSES:
            classes.append(f"{what}-{_CLASSES[value.lower()]}")
        elif what == "font":
            # "9px 'DejaVu Sans', sans-serif": the page has its own family.
            size = re.match(r"(?:\S+ )*?(\d+(?:\.\d+)?)px", value)
            if size:
                element.set("font-size", size[1])
        elif what and what != "font-family":
            element.set(what, value)
    if element.tag == f"{{{_SVG}}}text" and not any(one.startswith("fill-") for one in classes):
        classes.append("fill-ink")
    if classes:
        element.set("class", " ".join(classes))

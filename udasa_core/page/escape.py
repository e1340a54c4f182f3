"""Texts from anywhere, as a page may hold them."""

from __future__ import annotations

import html

from udasa_core.text.printable import printable


def escaped(text: str) -> str:
    """Return a text that is no markup, between tags or in an attribute; what hides in it is written out."""
    return html.escape(printable(text))
